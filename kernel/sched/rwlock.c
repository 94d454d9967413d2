/*
 * Many readers or one writer, sleeping.
 *
 * `readers` is the lock: n > 0 readers, 0 free, -1 a writer; changed by compare-and-swap. Who cannot enter waits on the queue, writers as exclusive
 * entries. A waiting writer keeps new readers out, so readers that follow each other do not starve it. And the other way round: a writer that leaves
 * gives a turn to each reader that waited meanwhile, which lets those pass the next waiting writer.
 *
 * A writer that another CPU is executing will be done sooner than one could fall asleep and be woken, so as long as it runs, others spin.
 */
#include "sched/mutex.h"

#include "core/lock_stat.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "sched/thread.h"

void rwlock_init(struct rwlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct rwlock){ .rank = rank, .name = name };
	wait_queue_init(&l->wait);
}

/* Whether it is worth while to spin. Only the writer's address is looked at: it may be gone. */
static bool writer_runs(const struct rwlock *l)
{
	const struct thread *owner = READ_ONCE(l->owner);

	if (!owner || READ_ONCE(this_cpu()->need_resched))
		return false;
	for (u32 i = 0; i < cpu_count; i++)
		if (cpu_current(cpus[i]) == owner)
			return true;
	return false;
}

/* A turn, if there is one left. */
static bool take_turn(struct rwlock *l)
{
	u32 turns = atomic_load(&l->reader_turns);
	while (turns) {
		if (atomic_cas(&l->reader_turns, turns, turns - 1))
			return true;
		turns = atomic_load(&l->reader_turns);
	}
	return false;
}

static bool enter_read(struct rwlock *l)
{
	s32 n = atomic_load(&l->readers);
	while (n >= 0) {
		if (atomic_cas(&l->readers, n, n + 1))
			return true;
		n = atomic_load(&l->readers);
	}
	return false;
}

bool rwlock_try_read(struct rwlock *l)
{
	return likely(!atomic_load(&l->writers_waiting)) && enter_read(l);
}

void rwlock_read(struct rwlock *l)
{
	struct wait_entry e;

	if (likely(rwlock_try_read(l)))
		return;
	lock_contended(l->name);
	for (; writer_runs(l); cpu_relax())
		if (rwlock_try_read(l))
			return;
	wait_entry_init(&e);
	atomic_fetch_add(&l->readers_waiting, 1u);
	for (;;) {
		wait_prepare(&l->wait, &e, false);
		if (rwlock_try_read(l))
			break;
		if (atomic_load(&l->readers) >= 0 && take_turn(l)) {
			if (enter_read(l))
				break;
			atomic_fetch_add(&l->reader_turns, 1u);
		}
		schedule();
	}
	atomic_fetch_sub(&l->readers_waiting, 1u);
	wait_finish(&l->wait, &e);
}

/* After an atomic change of the lock word: lets those try again who wait. */
static void wake(struct rwlock *l)
{
	if (unlikely(!list_empty(&l->wait.entries)))
		wait_wake_one(&l->wait); /* every reader, and one writer */
}

void rwlock_read_done(struct rwlock *l)
{
	s32 left = atomic_sub_return(&l->readers, 1);
	if (unlikely(left < 0))
		panic("rwlock %s: read lock released by %s, but not held", l->name, current->name);
	if (left == 0)
		wake(l);
}

static bool enter_write(struct rwlock *l)
{
	if (!atomic_cas(&l->readers, 0, -1))
		return false;
	l->owner = current;
	return true;
}

static int write_slow(struct rwlock *l, bool killable)
{
	struct wait_entry e;
	int result = 0;

	if (READ_ONCE(l->owner) == current)
		panic("rwlock %s: taken twice by %s", l->name, current->name);
	lock_contended(l->name);
	for (; writer_runs(l); cpu_relax())
		if (enter_write(l))
			return 0;
	wait_entry_init(&e);
	e.exclusive = true;
	atomic_fetch_add(&l->writers_waiting, 1u);
	for (;;) {
		wait_prepare(&l->wait, &e, false);
		if (enter_write(l))
			break;
		if (killable && thread_killed()) {
			result = -EINTR;
			break;
		}
		schedule();
	}
	atomic_fetch_sub(&l->writers_waiting, 1u);
	wait_finish(&l->wait, &e);
	if (result)
		wake(l); /* readers that we kept out, or a writer whose wake-up we had */
	return result;
}

void rwlock_write(struct rwlock *l)
{
	if (unlikely(!enter_write(l)))
		write_slow(l, false);
}

int rwlock_write_killable(struct rwlock *l)
{
	return likely(enter_write(l)) ? 0 : write_slow(l, true);
}

void rwlock_write_done(struct rwlock *l)
{
	if (unlikely(l->owner != current))
		panic("rwlock %s: write lock released by %s, which does not hold it", l->name, current->name);
	l->owner = NULL;
	atomic_store(&l->reader_turns, atomic_load(&l->readers_waiting));
	atomic_store(&l->readers, 0);
	wake(l);
}

void rwlock_downgrade(struct rwlock *l)
{
	if (unlikely(l->owner != current))
		panic("rwlock %s: downgraded by %s, which does not hold it", l->name, current->name);
	l->owner = NULL;
	atomic_store(&l->reader_turns, atomic_load(&l->readers_waiting));
	atomic_store(&l->readers, 1);
	wake(l);
}
