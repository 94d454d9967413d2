/*
 * Timers that run in a thread: a tree by time, one kernel timer for its first, and this CPU's worker to call what is due.
 *
 * Lock: timer_lock guards the tree, and `place` and `queued` of those in it. `deadline` is written under the lock of what the timer belongs to and read
 * here without: a stale one only wakes it once for nothing.
 */
#include "net/timer.h"

#include "core/spinlock.h"
#include "net/netdev.h"
#include "sched/thread.h"

#define LATE 1000000ul /* what is due within a millisecond is called with what is due now */

static struct spinlock timer_lock = SPINLOCK_INIT("network timers", RANK_NET_TIMER);
static struct rbtree tree;  /* timer_lock */
static u64 alarm_at = TIME_NEVER; /* timer_lock: when `alarm` is set for */
static struct timer alarm;
static struct work work;

/* timer_lock held. */
static void set_alarm(void)
{
	struct rbnode *first = rb_first(&tree);

	if (!first || container_of(first, struct net_timer, node)->place >= alarm_at)
		return;
	alarm_at = container_of(first, struct net_timer, node)->place;
	timer_start(&alarm, alarm_at);
}

/* timer_lock held. */
static void insert(struct net_timer *t, u64 place)
{
	struct rbnode **link = &tree.root, *parent = NULL;

	t->place = place;
	while (*link) {
		parent = *link;
		link = place < container_of(parent, struct net_timer, node)->place ? &parent->left : &parent->right;
	}
	rb_insert(&tree, &t->node, parent, link);
	t->queued = true;
}

/* timer_lock held. */
static void remove(struct net_timer *t)
{
	rb_erase(&tree, &t->node);
	t->queued = false;
}

void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t))
{
	*t = (struct net_timer){ .deadline = TIME_NEVER, .fn = fn };
}

bool net_timer_arm(struct net_timer *t, u64 deadline)
{
	WRITE_ONCE(t->deadline, deadline);
	/* It wakes early enough, and will see. Whoever takes it out of the tree meanwhile sees the new deadline under the lock. */
	spin_lock(&timer_lock);
	bool waited = t->queued;
	if (!waited || deadline < t->place) {
		if (waited)
			remove(t);
		insert(t, deadline);
		set_alarm();
	}
	spin_unlock(&timer_lock);
	return !waited;
}

void net_timer_disarm(struct net_timer *t)
{
	WRITE_ONCE(t->deadline, TIME_NEVER);
}

bool net_timer_remove(struct net_timer *t)
{
	spin_lock(&timer_lock);
	bool waited = t->queued;
	if (waited)
		remove(t);
	spin_unlock(&timer_lock);
	return waited;
}

/* The next one that is due and wanted; NULL. Those that were put off go to their new places; those that were called off are called too, to give up their count. */
static struct net_timer *take_due(u64 now)
{
	struct net_timer *due = NULL;

	spin_lock(&timer_lock);
	for (;;) {
		struct rbnode *first = rb_first(&tree);
		struct net_timer *t = first ? container_of(first, struct net_timer, node) : NULL;
		if (!t || t->place > now) {
			alarm_at = TIME_NEVER;
			set_alarm();
			break;
		}
		remove(t);
		u64 deadline = READ_ONCE(t->deadline);
		if (deadline != TIME_NEVER && deadline > now) {
			insert(t, deadline);
			continue;
		}
		due = t;
		break;
	}
	spin_unlock(&timer_lock);
	return due;
}

static void run_due(struct work *w __unused)
{
	struct net_timer *t;

	net_begin();
	while ((t = take_due(time_ns() + LATE)))
		t->fn(t);
	net_end();
}

static void on_alarm(struct timer *t __unused)
{
	work_queue(&work);
}

void net_timers_init(void)
{
	work_init(&work, run_due);
	timer_init(&alarm, on_alarm, NULL);
}
