/*
 * System V semaphores: the mechanism.
 *
 * A call brings a list of operations, and all of them happen or none. So it is tried on the real values, one operation after the other; if one cannot go, what
 * the ones before it did is taken back, and nobody has seen it, since the set is locked.
 *
 * A request that must wait stands in the set's queue with everything that is needed to do it. It is not the sleeper that tries again: whoever changes the set
 * tries for those who wait, does the first that can go, and tells its thread the result. So there is no race for what was given, no thread wakes
 * for nothing, and the queue's order holds.
 *
 * The waker is done with a request before it gives the lock back, and the sleeper takes the lock before it leaves: the request lies on its stack.
 */
#include "semaphore_priv.h"

#include "core/todo.h"
#include "sched/thread.h"


int sem_try(struct sem_set *set, struct sem_request *r)
{
	TODO("09-ipc");
}


void sem_wake(struct sem_set *set)
{
	TODO("09-ipc");
}

long sem_operate(struct sem_set *set, struct sem_request *r, u64 deadline)
{
	TODO("09-ipc");
}

void sem_give_back(struct sem_set *set, struct sem_undo *undo, int pid)
{
	TODO("09-ipc");
}
