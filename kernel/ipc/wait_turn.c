/*
 * Waiting for one's turn at a queue: messages of both kinds wait so, for one to come or for room.
 *
 * The waiter enters a list under the queue's lock and sleeps; whoever can serve it takes it off under the same lock and says how it ended. So nobody is served
 * twice or forgotten, in the order of the list. The waiter comes back through the lock, so its entry, which lies on its stack, is whole while the waker uses it.
 */
#include "ipc_priv.h"

#include "sched/thread.h"

long ipc_wait(struct spinlock *lock, struct ipc_waiter *w, u64 deadline)
{
	bool in_time = true, interrupted = false;

	while (w->waiting && in_time && !interrupted) {
		atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
		interrupted = thread_interrupted(); /* looked at when the state is set: a signal from now on wakes */
		if (!interrupted) {
			spin_unlock(lock);
			in_time = schedule_until(deadline);
			spin_lock(lock);
		}
		current->state = THREAD_RUNNABLE;
	}
	if (!w->waiting)
		return w->result;
	list_del(&w->link);
	return in_time ? -ERESTARTSYS : -ETIMEDOUT;
}

void ipc_wake(struct ipc_waiter *w, long result)
{
	list_del(&w->link);
	w->result = result;
	w->waiting = false;
	thread_wake(w->thread);
}
