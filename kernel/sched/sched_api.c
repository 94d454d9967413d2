/* Sleeping with a limit, kicks, and what the rest of the kernel asks about threads. */
#include "sched/thread.h"

#include "irq/irq.h"
#include "rq_priv.h"

bool thread_interrupted(void)
{
	return READ_ONCE(current->work) & (WORK_SIGNAL | WORK_STOP | WORK_KILL);
}

bool thread_killed(void)
{
	return READ_ONCE(current->work) & WORK_KILL;
}

bool schedule_until(u64 deadline)
{
	struct thread *t = current;

	if (deadline == TIME_NEVER) {
		schedule();
		return true;
	}
	if (time_ns() >= time_due(deadline)) {
		t->state = THREAD_RUNNABLE;
		return false;
	}
	t->timed_out = false;
	timer_start(&t->sleep_timer, deadline);
	schedule();
	/* Waits for the timer's function: it must not touch this thread's state in its next sleep. */
	timer_cancel_sync(&t->sleep_timer);
	return !t->timed_out;
}

void thread_sleep_ns(u64 ns)
{
	u64 now = time_ns(), deadline = ns > INT64_MAX - now ? TIME_NEVER : now + ns;
	do
		atomic_store(&current->state, (u32)THREAD_UNINTERRUPTIBLE);
	while (schedule_until(deadline));
}

void thread_kick(struct thread *t)
{
	preempt_disable();
	if (READ_ONCE(t->on_cpu)) {
		u32 cpu = READ_ONCE(t->cpu);
		if (cpu != cpu_id())
			ipi_send(cpu, VECTOR_RESCHEDULE);
	}
	preempt_enable();
}

u64 thread_runtime(struct thread *t)
{
	u64 flags, ns;
	struct runqueue *rq = rq_lock_thread(t, &flags);
	if (rq->running == t)
		rq_charge(rq, time_ns());
	ns = t->runtime_ns;
	spin_unlock_irqrestore(&rq->lock, flags);
	return ns;
}

void thread_times(struct thread *t, u64 *user, u64 *system)
{
	u64 flags;
	struct runqueue *rq = rq_lock_thread(t, &flags);
	if (rq->running == t)
		rq_charge(rq, time_ns());
	*user = t->user_ns;
	*system = t->system_ns;
	spin_unlock_irqrestore(&rq->lock, flags);
}
