/*
 * Wait queues (sched/wait.h has the pattern).
 *
 * Entries that are not exclusive stand in front, exclusive ones behind, in the order of arrival. A wake-up goes from the front: it calls everyone who is
 * not exclusive, and exclusive ones until n of them really woke: one that runs already (somebody else woke it, or its time ran out) does not count,
 * or a wake-up would be lost.
 */
#include "sched/wait.h"

#include "core/todo.h"
#include "sched/thread.h"

void wait_queue_init(struct wait_queue *q)
{
	TODO("04-threads");
}

void wait_entry_init(struct wait_entry *e)
{
	TODO("04-threads");
}

bool wait_default_fn(struct wait_entry *e, void *key)
{
	TODO("04-threads");
}


void wait_add(struct wait_queue *q, struct wait_entry *e)
{
	TODO("04-threads");
}

void wait_remove(struct wait_queue *q, struct wait_entry *e)
{
	TODO("04-threads");
}

void wait_prepare(struct wait_queue *q, struct wait_entry *e, bool interruptible)
{
	TODO("04-threads");
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
	TODO("04-threads");
}

unsigned wait_wake(struct wait_queue *q, unsigned n, void *key)
{
	TODO("04-threads");
}
