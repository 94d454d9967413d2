/*
 * Grace periods: memory that readers without a lock may still look at is freed a little later.
 *
 *   reader     grace_enter()  writes the time (`now`) into a slot of its CPU;  grace_exit()  clears it. No preemption in between.
 *   freeing    what is to go waits in `young`. When enough is there and nobody reads any more what went before, `old` is
 *              freed, `young` becomes `old`, and time goes on by one:
 *
 *        time      1          2          3
 *        young     a b c  ┌─► d e    ┌─► f …
 *        old       –      └── a b c  └── d e          a b c are freed once every reader entered at time 2 or later
 *
 * A reader that entered at time t can hold only what was findable then. What moved to `old` as time became t was taken out
 * of all tables before, so a reader of time t or later has never seen it.
 */
#include "vfs_priv.h"

#define BATCH 64

static PERCPU(u64, entered);           /* the time at which this CPU's reader entered; 0: none */
static u64 now = 1;                    /* lock for changes */
static struct spinlock lock = SPINLOCK_INIT("grace", RANK_DENTRY + 5); /* guards all below */
static struct grace *young, *old;
static u32 young_count;
static u64 old_since;                  /* `now` when old was young last, plus one */

void grace_enter(void)
{
	preempt_disable();
	/* Sequentially consistent: the slot is seen before anything that is read afterwards. */
	atomic_xchg(percpu_ptr(entered), atomic_load_relaxed(&now));
}

void grace_exit(void)
{
	atomic_store_release(percpu_ptr(entered), 0ul);
	preempt_enable();
}

static bool readers_gone(void)
{
	for (u32 i = 0; i < cpu_count; i++) {
		u64 t = atomic_load(percpu_ptr_of(entered, cpus[i]));
		if (t && t < old_since)
			return false;
	}
	return true;
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
static void grace_settle(void)
{
	for (int i = 0; i < 2; i++) {
		struct grace *done;
		spin_lock(&lock);
		if (!readers_gone()) {
			spin_unlock(&lock);
			return;
		}
		done = old;
		old = young;
		young = NULL;
		young_count = 0;
		old_since = atomic_add_return(&now, 1ul);
		spin_unlock(&lock);
		free_all(done);
	}
}
NOTIFIER(memory_settle, grace_settle);

void grace_free(struct grace *g, void (*fn)(struct grace *g))
{
	struct grace *done = NULL;

	g->fn = fn;
	spin_lock(&lock);
	g->next = young;
	young = g;
	if (++young_count >= BATCH && readers_gone()) {
		done = old;
		old = young;
		young = NULL;
		young_count = 0;
		old_since = atomic_add_return(&now, 1ul);
	}
	spin_unlock(&lock);
	free_all(done);
}
