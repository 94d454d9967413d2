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
#ifdef SOLUTION
	spin_init(&q->lock, "wait queue", RANK_WAITQUEUE);
	list_init(&q->entries);
#else
	TODO("04-threads");
#endif
}

void wait_entry_init(struct wait_entry *e)
{
#ifdef SOLUTION
	list_init(&e->link);
	e->thread = current;
	e->fn = wait_default_fn;
	e->exclusive = false;
	e->arg = NULL;
	e->queue = NULL;
#else
	TODO("04-threads");
#endif
}

bool wait_default_fn(struct wait_entry *e, void *key)
{
#ifdef SOLUTION
	(void)key;
	return thread_wake(e->thread);
#else
	TODO("04-threads");
#endif
}

#ifdef SOLUTION
/* With q->lock held. */
static void enter(struct wait_queue *q, struct wait_entry *e)
{
	if (!list_empty(&e->link))
		return;
	e->queue = q;
	if (e->exclusive)
		list_add_tail(&q->entries, &e->link);
	else
		list_add(&q->entries, &e->link);
}
#endif

void wait_add(struct wait_queue *q, struct wait_entry *e)
{
#ifdef SOLUTION
	u64 flags = spin_lock_irqsave(&q->lock);
	enter(q, e);
	spin_unlock_irqrestore(&q->lock, flags);
#else
	TODO("04-threads");
#endif
}

void wait_remove(struct wait_queue *q, struct wait_entry *e)
{
#ifdef SOLUTION
	u64 flags = spin_lock_irqsave(&q->lock);
	list_del(&e->link);
	e->queue = NULL;
	spin_unlock_irqrestore(&q->lock, flags);
#else
	TODO("04-threads");
#endif
}

void wait_prepare(struct wait_queue *q, struct wait_entry *e, bool interruptible)
{
#ifdef SOLUTION
	u64 flags = spin_lock_irqsave(&q->lock);
	enter(q, e);
	/* An atomic store: what the caller tests next must be read after the state is visible. */
	atomic_store(&current->state, (u32)(interruptible ? THREAD_INTERRUPTIBLE : THREAD_UNINTERRUPTIBLE));
	spin_unlock_irqrestore(&q->lock, flags);
#else
	TODO("04-threads");
#endif
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
#ifdef SOLUTION
	current->state = THREAD_RUNNABLE;
	wait_remove(q, e);
#else
	TODO("04-threads");
#endif
}

unsigned wait_wake(struct wait_queue *q, unsigned n, void *key)
{
#ifdef SOLUTION
	struct wait_entry *e, *next;
	unsigned woken = 0, left = n;
	u64 flags = spin_lock_irqsave(&q->lock);

	list_for_each_safe(e, next, &q->entries, link) {
		bool exclusive = e->exclusive; /* fn may take e off, and its owner may reuse it */
		if (exclusive && left == 0)
			break;
		if (!e->fn(e, key))
			continue;
		woken++;
		left -= exclusive;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return woken;
#else
	TODO("04-threads");
#endif
}
