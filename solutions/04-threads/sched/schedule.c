/*
 * The scheduler's plain mechanism: who leaves the CPU, who gets it, who is woken.
 *
 * A CPU changes hands in four steps, all with interrupts off and the lock of this CPU's run queue held (rq_priv.h, invariant 3):
 *
 *     charge the runner for its time  ->  put it back, or leave it out (it sleeps)  ->  pick the next  ->  switch stacks
 *
 * The code behind context_switch() runs as another thread than the code before it: `prev` is then the thread that was just left, flags are the next
 * thread's own. schedule_tail() drops the lock that the previous thread took.
 *
 * Sleeping loses no wake-up because of this order: the sleeper sets its state, then tests its condition, then calls schedule(). A waker that comes
 * in between finds a sleeping state in a thread that still runs, and only has to set the state back: schedule() then sees a runnable thread.
 * A thread that is preempted in between must stay in the queue whatever its state says: it has not tested its condition yet.
 */
#include "sched/thread.h"

#include "core/panic.h"
#include "core/todo.h"
#include "rq_priv.h"

#ifdef SOLUTION
static void reschedule(bool preempted)
{
	u64 flags = irq_save();
	struct runqueue *rq = this_rq();
	struct thread *prev = current, *next;
	u64 now = time_ns();

	spin_lock(&rq->lock);
	if (unlikely(preempt_count() != 1))
		panic("%s gives the CPU away while it may not (preemption count %x)", prev->name, preempt_count() - 1);
	this_cpu()->need_resched = 0;
	rq_charge(rq, now);
	if (prev != rq->idle) {
		if (preempted || prev->state == THREAD_RUNNABLE) {
			prev->involuntary_switches += preempted;
			rq_put_back(rq, prev);
		} else {
			rq_note_sleep(rq, prev);
		}
	}
	next = rq_pick(rq);
	if (next != prev) {
		rq_begin(rq, next, now);
		cpu_set_current(this_cpu(), next);
		NOTIFIER_CALL(thread_switch, prev, next);
		prev = context_switch(prev, next);
	}
	schedule_tail(prev);
	irq_restore(flags);
}
#endif

void schedule(void)
{
#ifdef SOLUTION
	reschedule(false);
#else
	TODO("04-threads");
#endif
}

/* preempt_hook: need_resched is set, and this thread may be interrupted here. */
void sched_preempt(void)
{
#ifdef SOLUTION
	do
		reschedule(true);
	while (this_cpu()->need_resched);
#else
	TODO("04-threads");
#endif
}

void sched_yield_current(void)
{
#ifdef SOLUTION
	u64 flags = irq_save();
	struct runqueue *rq = this_rq();
	spin_lock(&rq->lock);
	rq_charge(rq, time_ns());
	rq_yield(rq, current);
	spin_unlock(&rq->lock);
	reschedule(false);
	irq_restore(flags);
#else
	TODO("04-threads");
#endif
}

bool thread_wake_state(struct thread *t, u32 states)
{
#ifdef SOLUTION
	u64 flags;
	struct runqueue *rq = rq_lock_thread(t, &flags);
	u32 state = t->state;
	bool off_cpu;

	if (!(states & 1u << state) || state == THREAD_RUNNABLE || state == THREAD_DEAD) {
		spin_unlock_irqrestore(&rq->lock, flags);
		return false;
	}
	t->state = THREAD_RUNNABLE;
	off_cpu = rq->running != t && !t->on_rq && !t->migrating;
	if (off_cpu) {
		if (state == THREAD_UNINTERRUPTIBLE)
			rq->uninterruptible--;
		t->migrating = true;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (off_cpu)
		sched_place(t, ENQUEUE_WAKE);
	return true;
#else
	TODO("04-threads");
#endif
}

bool thread_wake(struct thread *t)
{
	return thread_wake_state(t, 1u << THREAD_INTERRUPTIBLE | 1u << THREAD_UNINTERRUPTIBLE);
}

/* The timer interrupt of a CPU that is not idle, interrupts off. */
void sched_tick(void)
{
#ifdef SOLUTION
	struct runqueue *rq = this_rq();
	u64 now = time_ns();
	spin_lock(&rq->lock);
	rq_charge(rq, now);
	if (rq_slice_over(rq, now))
		this_cpu()->need_resched = 1;
	spin_unlock(&rq->lock);
#else
	TODO("04-threads");
#endif
}
