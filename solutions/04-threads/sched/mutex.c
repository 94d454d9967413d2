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
#ifdef SOLUTION
	m->owner = NULL;
	wait_queue_init(&m->wait);
	m->rank = rank;
	m->name = name;
#else
	TODO("04-threads");
#endif
}

bool mutex_trylock(struct mutex *m)
{
#ifdef SOLUTION
	return atomic_cas(&m->owner, (struct thread *)NULL, current);
#else
	TODO("04-threads");
#endif
}

#ifdef SOLUTION
static int lock_slow(struct mutex *m, bool interruptible)
{
	struct wait_entry e;
	int result = 0;

	if (READ_ONCE(m->owner) == current)
		panic("mutex %s: taken twice by %s", m->name, current->name);
	lock_contended(m->name);
	wait_entry_init(&e);
	e.exclusive = true;
	for (;;) {
		wait_prepare(&m->wait, &e, interruptible);
		if (mutex_trylock(m))
			break;
		if (interruptible && thread_interrupted()) {
			result = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	wait_finish(&m->wait, &e);
	/* The wake-up that we may have had was meant for one who takes the lock: pass it on. */
	if (result && !READ_ONCE(m->owner))
		wait_wake_one(&m->wait);
	return result;
}
#endif

void mutex_lock(struct mutex *m)
{
#ifdef SOLUTION
	if (unlikely(!mutex_trylock(m)))
		lock_slow(m, false);
#else
	TODO("04-threads");
#endif
}

int mutex_lock_interruptible(struct mutex *m)
{
#ifdef SOLUTION
	return likely(mutex_trylock(m)) ? 0 : lock_slow(m, true);
#else
	TODO("04-threads");
#endif
}

void mutex_unlock(struct mutex *m)
{
#ifdef SOLUTION
	if (unlikely(m->owner != current))
		panic("mutex %s: released by %s, which does not hold it", m->name, current->name);
	/* A full barrier between the release and the look at the queue: a waiter enters the queue first, then tries the lock. */
	(void)atomic_xchg(&m->owner, (struct thread *)NULL);
	if (unlikely(!list_empty(&m->wait.entries)))
		wait_wake_one(&m->wait);
#else
	TODO("04-threads");
#endif
}

bool mutex_is_held(const struct mutex *m)
{
#ifdef SOLUTION
	return READ_ONCE(m->owner) == current;
#else
	TODO("04-threads");
#endif
}
