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


void schedule(void)
{
	TODO("04-threads");
}

/* preempt_hook: need_resched is set, and this thread may be interrupted here. */
void sched_preempt(void)
{
	TODO("04-threads");
}

void sched_yield_current(void)
{
	TODO("04-threads");
}

bool thread_wake_state(struct thread *t, u32 states)
{
	TODO("04-threads");
}

bool thread_wake(struct thread *t)
{
	return thread_wake_state(t, 1u << THREAD_INTERRUPTIBLE | 1u << THREAD_UNINTERRUPTIBLE);
}

/* The timer interrupt of a CPU that is not idle, interrupts off. */
void sched_tick(void)
{
	TODO("04-threads");
}
