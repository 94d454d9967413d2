/*
 * Grace periods: memory that readers without a lock may still look at is freed a little later.
 *
 *   reader     grace_enter()  writes the time (`grace_now`) into a slot of its CPU;  grace_exit()  clears it. No preemption in between.
 *   freeing    what is to go waits in `young` of the CPU's own queue. When enough is there and nobody reads any more what went before, `old` is
 *              freed, `young` becomes `old`, and time goes on by one:
 *
 *        time      1          2          3
 *        young     a b c  ┌─► d e    ┌─► f …
 *        old       –      └── a b c  └── d e          a b c are freed once every reader entered at time 2 or later
 *
 * A reader that entered at time t can hold only what was findable then. What moved to `old` as time became t was taken out
 * of all tables before, so a reader of time t or later has never seen it. That time also goes on for other queues meanwhile only makes readers later.
 */
#include "vfs_priv.h"
#include "core/panic.h"

#define BATCH 64

PERCPU(u64, grace_entered);
u64 grace_now = 1;

struct queue {
	struct spinlock lock;          /* its CPU's alone nearly always; guards the rest */
	struct grace *young, *old;
	u32 young_count;
	u64 old_since;                 /* `grace_now` when old was young last, plus one */
};
static PERCPU(struct queue, queues) = { .lock = SPINLOCK_INIT("grace", RANK_DENTRY + 5) };

/* Nobody reads who entered before `time`. */
static bool readers_gone(u64 time)
{
	for (u32 i = 0; i < cpu_count; i++) {
		u64 t = atomic_load(percpu_ptr_of(grace_entered, cpus[i]));
		if (t && t < time)
			return false;
	}
	return true;
}

/* What was old is the caller's to free. Its lock is held. */
static struct grace *grow_old(struct queue *q)
{
	struct grace *done = q->old;

	q->old = q->young;
	q->young = NULL;
	q->young_count = 0;
	q->old_since = atomic_add_return(&grace_now, 1ul);
	return done;
}

static void free_all(struct grace *g)
{
	while (g) {
		struct grace *next = g->next;
		g->fn(g);
		g = next;
	}
}

/* Twice: what is young now is old after the first, and gone after the second. */
static void settle(struct queue *q)
{
	for (int i = 0; i < 2; i++) {
		struct grace *done = NULL;
		bool gone;
		spin_lock(&q->lock);
		gone = readers_gone(q->old_since);
		if (gone)
			done = grow_old(q);
		spin_unlock(&q->lock);
		if (!gone)
			return;
		free_all(done);
	}
}

void grace_settle(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		settle(percpu_ptr_of(queues, cpus[i]));
}
NOTIFIER(memory_settle, grace_settle);

void grace_free(struct grace *g, void (*fn)(struct grace *g))
{
	struct queue *q = percpu_ptr(queues); /* or of the CPU that this thread was on a moment ago: the lock is for that */
	struct grace *done = NULL;

	g->fn = fn;
	spin_lock(&q->lock);
	g->next = q->young;
	q->young = g;
	if (++q->young_count >= BATCH && readers_gone(q->old_since))
		done = grow_old(q);
	spin_unlock(&q->lock);
	free_all(done);
}

void grace_wait(void)
{
	u64 time = atomic_add_return(&grace_now, 1ul);

	while (!readers_gone(time))
		cpu_relax();
}
