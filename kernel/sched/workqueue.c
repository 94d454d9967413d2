/*
 * Work queues: a function that must run soon, but not here (an interrupt handler, a spinlock is held), is run by this CPU's worker thread.
 *
 * A work is queued at most once; it may be queued again as soon as it runs, from its own function too, and may free itself there: the worker does not
 * touch it after the call.
 */
#include "sched/thread.h"

#include "core/panic.h"
#include "lib/format.h"
#include "rq_priv.h"
#include "sched/smp.h"

struct pool {
	struct spinlock lock;
	struct list works;      /* lock */
	struct work *running;   /* lock */
	struct thread *worker;
};
static PERCPU(struct pool, pool);
static WAIT_QUEUE(flushers);

void work_init(struct work *w, void (*fn)(struct work *w))
{
	list_init(&w->link);
	w->fn = fn;
	w->queued = false;
}

void work_queue(struct work *w)
{
	if (atomic_xchg(&w->queued, true))
		return;
	u64 irq = irq_save();
	struct pool *p = percpu_ptr(pool);
	spin_lock(&p->lock);
	list_add_tail(&p->works, &w->link);
	spin_unlock(&p->lock);
	thread_wake(p->worker);
	irq_restore(irq);
}

static struct work *take(struct pool *p)
{
	struct work *w = NULL;
	u64 flags = spin_lock_irqsave(&p->lock);
	if (!list_empty(&p->works)) {
		w = list_first(&p->works, struct work, link);
		list_del(&w->link);
	}
	p->running = w;
	/* From here on it may be queued again; a flush still sees it in `running`. */
	if (w)
		atomic_store(&w->queued, false);
	spin_unlock_irqrestore(&p->lock, flags);
	return w;
}

static void worker(void *arg)
{
	struct pool *p = arg;
	for (;;) {
		struct work *w = take(p);
		if (w) {
			w->fn(w);
			continue;
		}
		wait_wake_all(&flushers);
		/* The state first, then the test: work_queue adds, then wakes. Interruptible, so that it does not count as load. */
		atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
		if (list_empty(&p->works))
			schedule();
		current->state = THREAD_RUNNABLE;
	}
}

static bool is_busy(struct work *w)
{
	if (atomic_load(&w->queued))
		return true;
	for (u64 left = smp_online_mask(); left; left &= left - 1)
		if (atomic_load(&percpu_ptr_of(pool, cpus[__builtin_ctzl(left)])->running) == w)
			return true;
	return false;
}

void work_flush(struct work *w)
{
	/* The queue is woken when a worker has nothing left; the limit covers one that never runs dry. */
	while (is_busy(w))
		wait_event_until(&flushers, !is_busy(w), time_ns() + 10 * NSEC_PER_MSEC);
}

void workqueue_cpu_init(u32 cpu)
{
	struct pool *p = percpu_ptr_of(pool, cpus[cpu]);
	char name[16];
	spin_init(&p->lock, "work pool", RANK_TIMER);
	list_init(&p->works);
	ksnprintf(name, sizeof(name), "kworker/%u", cpu);
	struct thread *t = thread_create(name, worker, p);
	if (!t)
		panic("no memory for the worker thread of CPU %u", cpu);
	t->affinity = 1ul << cpu;
	p->worker = t;
	thread_start(t);
}
