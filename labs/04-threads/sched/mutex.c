/*
 * Mutexes: a spinlock would burn the CPU for as long as the holder sleeps; here the waiter sleeps too.
 *
 * owner is the lock: NULL or the thread that holds it, changed by compare-and-swap, so a free mutex costs one atomic instruction. Who finds it taken waits
 * on the queue as an exclusive entry; an unlock wakes one, which tries again (another thread may have been quicker).
 */
#include "sched/mutex.h"

#include "core/lock_stat.h"
#include "core/panic.h"
#include "core/todo.h"
#include "sched/thread.h"

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
	TODO("04-threads");
}

bool mutex_trylock(struct mutex *m)
{
	TODO("04-threads");
}


void mutex_lock(struct mutex *m)
{
	TODO("04-threads");
}

int mutex_lock_interruptible(struct mutex *m)
{
	TODO("04-threads");
}

void mutex_unlock(struct mutex *m)
{
	TODO("04-threads");
}

bool mutex_is_held(const struct mutex *m)
{
	TODO("04-threads");
}
