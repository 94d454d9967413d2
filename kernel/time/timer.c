/*
 * Timers: each CPU has a tree of those that were started on it, by deadline, and its APIC timer is set to the first.
 *
 * Locks: a base's lock guards its tree and `first`, and that `cpu` of the timers in it stays what it is. A timer that is in no tree has cpu -1; who wants to
 * queue it claims it by changing that to a CPU number, atomically, with that CPU's base locked: so two who start the same timer at once cannot both insert it.
 *
 * While a handler runs its timer is in no tree, and may be started again, or freed by the handler itself: after the call it is not touched any more.
 * `running` tells cancel_sync what to wait for.
 */
#include "time/time.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "irq/irq.h"
#include "time_priv.h"

struct timer_base {
	struct spinlock lock;
	struct rbtree tree;      /* lock */
	struct rbnode *first;    /* lock */
	struct timer *running;   /* written by its CPU; read by all */
	bool in_interrupt;       /* its CPU alone: the timer is set at the end */
};
static PERCPU(struct timer_base, timer_base) = { .lock = SPINLOCK_INIT("timers", RANK_TIMER) };

void timer_cpu_init(void)
{
	apic_timer_set(TIME_NEVER);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg, .cpu = -1 };
}

/* b->lock held. */
static void insert(struct timer_base *b, struct timer *t)
{
	struct rbnode **link = &b->tree.root, *parent = NULL;
	bool leftmost = true;

	/* Equal deadlines keep the order in which they were started. */
	while (*link) {
		parent = *link;
		if (t->deadline < container_of(parent, struct timer, node)->deadline) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_insert(&b->tree, &t->node, parent, link);
	if (leftmost)
		b->first = &t->node;
}

/* b->lock held. */
static void remove(struct timer_base *b, struct timer *t)
{
	if (b->first == &t->node)
		b->first = rb_next(&t->node);
	rb_erase(&b->tree, &t->node);
	atomic_store_release(&t->cpu, -1);
}

/* Takes it out of whatever tree it is in. True if it was in one. */
static bool dequeue(struct timer *t)
{
	for (;;) {
		s32 cpu = atomic_load_acquire(&t->cpu);
		if (cpu < 0)
			return false;
		struct timer_base *b = percpu_ptr_of(timer_base, cpus[cpu]);
		u64 flags = spin_lock_irqsave(&b->lock);
		bool here = atomic_load_relaxed(&t->cpu) == cpu;
		if (here)
			remove(b, t);
		spin_unlock_irqrestore(&b->lock, flags);
		if (here)
			return true;
	}
}

void timer_start(struct timer *t, u64 point)
{
	for (;;) {
		dequeue(t);
		u64 flags = irq_save();
		struct timer_base *b = percpu_ptr(timer_base);
		spin_lock(&b->lock);
		bool claimed = atomic_cas(&t->cpu, -1, (s32)cpu_id());
		if (claimed) {
			/* Worked out with interrupts off: if the real time is set now, timers_follow_realtime comes here afterwards. */
			t->point = point;
			t->deadline = time_due(point);
			insert(b, t);
			if (b->first == &t->node && !b->in_interrupt)
				apic_timer_set(t->deadline);
		}
		spin_unlock(&b->lock);
		irq_restore(flags);
		if (claimed)
			return;
	}
}

void timers_follow_realtime(void)
{
	struct timer_base *b = percpu_ptr(timer_base);
	struct rbnode *next;

	spin_lock(&b->lock);
	/* One that moves back is met again, and stays. */
	for (struct rbnode *n = b->first; n; n = next) {
		struct timer *t = container_of(n, struct timer, node);
		u64 due = time_due(t->point);
		next = rb_next(n);
		if (due == t->deadline)
			continue;
		if (b->first == n)
			b->first = next;
		rb_erase(&b->tree, n);
		t->deadline = due;
		insert(b, t);
	}
	if (b->first)
		apic_timer_set(container_of(b->first, struct timer, node)->deadline);
	spin_unlock(&b->lock);
}

bool timer_cancel(struct timer *t)
{
	return dequeue(t);
}

bool timer_cancel_sync(struct timer *t)
{
	bool queued = dequeue(t);

	for (u32 i = 0; i < MAX_CPUS && cpus[i]; i++) {
		struct timer_base *b = percpu_ptr_of(timer_base, cpus[i]);
		while (atomic_load(&b->running) == t)
			cpu_relax();
	}
	/* The handler may have started it once more. */
	return dequeue(t) || queued;
}

u64 timer_run_due(u64 now)
{
	struct timer_base *b = percpu_ptr(timer_base);
	u64 next = TIME_NEVER;

	b->in_interrupt = true;
	spin_lock(&b->lock);
	while (b->first) {
		struct timer *t = container_of(b->first, struct timer, node);
		if (t->deadline > now) {
			next = t->deadline;
			break;
		}
		void (*fn)(struct timer *t) = t->fn;
		atomic_store(&b->running, t);
		remove(b, t);
		spin_unlock(&b->lock);
		fn(t);
		atomic_store(&b->running, (struct timer *)NULL);
		spin_lock(&b->lock);
	}
	b->in_interrupt = false;
	spin_unlock(&b->lock);
	return next;
}
