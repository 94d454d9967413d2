/*
 * The life of a thread.
 *
 *   thread_alloc ─► thread_start ─► runs … sleeps … runs ─► thread_exit ─► (next thread: schedule_tail) ─► thread_put ─► freed
 *
 * The thread itself holds one reference from thread_alloc until it has left its stack for the last time: only schedule_tail, on the stack of the next
 * thread, drops it. So nobody frees a stack that a CPU still runs on. Everybody who keeps a pointer takes a reference of his own.
 */
#include "sched/thread.h"

#include "core/panic.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "rq_priv.h"
#include "sched/smp.h"

struct spinlock thread_list_lock = SPINLOCK_INIT("threads", RANK_THREADS);
struct list thread_list = LIST_INIT(thread_list);

static struct slab_cache thread_cache;
static bool thread_cache_ready;

/* --- numbers ------------------------------------------------------------------------------------------------------- */

static struct spinlock tid_lock = SPINLOCK_INIT("tids", RANK_TIMER);
static u64 tid_map[BITMAP_WORDS(TID_MAX)] = { 3 }; /* tid_lock; 0: idle threads, 1: the first process */
static int tid_newest = 1;                         /* tid_lock */
u64 tid_limit = TID_MAX;

int tid_alloc(void)
{
	u64 flags = spin_lock_irqsave(&tid_lock);
	size_t limit = READ_ONCE(tid_limit), tid = bitmap_find_zero(tid_map, limit, tid_newest + 1);
	/* After a turn-around the low numbers stay with those who came first, as on Linux. */
	if (tid >= limit)
		tid = bitmap_find_zero(tid_map, limit, 300);
	if (tid >= limit)
		tid = bitmap_find_zero(tid_map, limit, 2);
	if (tid < limit) {
		bit_set(tid_map, tid);
		tid_newest = tid;
	}
	spin_unlock_irqrestore(&tid_lock, flags);
	return tid < limit ? (int)tid : -EAGAIN;
}

void tid_free(int tid)
{
	if (tid <= 1)
		return;
	u64 flags = spin_lock_irqsave(&tid_lock);
	bit_clear(tid_map, tid);
	spin_unlock_irqrestore(&tid_lock, flags);
}

int tid_next(int after)
{
	u64 flags = spin_lock_irqsave(&tid_lock);
	size_t tid = bitmap_find_set(tid_map, TID_MAX, (size_t)after + 1);
	spin_unlock_irqrestore(&tid_lock, flags);
	return (int)tid;
}
int tid_last(void) { return READ_ONCE(tid_newest); }

/* --- making one ---------------------------------------------------------------------------------------------------- */

static void sleep_timer_fired(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, sleep_timer);
	t->timed_out = true;
	thread_wake(t);
}

static void setup(struct thread *t, const char *name)
{
	strlcpy(t->name, name, sizeof(t->name));
	t->state = THREAD_RUNNABLE;
	t->affinity = ~0ul;
	t->start_ns = time_ns();
	t->cpu = cpu_id();
	refcount_set(&t->ref, 1);
	list_init(&t->rq_link);
	list_init(&t->process_link);
	list_init(&t->all_link);
	timer_init(&t->sleep_timer, sleep_timer_fired, NULL);
}

void thread_setup_boot(struct thread *t, const char *name)
{
	setup(t, name);
	t->affinity = 1ul << cpu_id();
}

struct thread *thread_alloc_tid(const char *name, int tid)
{
	if (unlikely(!thread_cache_ready)) {
		/* The first thread is made while one CPU runs. */
		slab_cache_init(&thread_cache, "thread", sizeof(struct thread), 64);
		thread_cache_ready = true;
	}
	struct thread *t = slab_alloc(&thread_cache, ALLOC_ZERO);
	if (!t)
		return NULL;
	t->stack = kstack_alloc();
	if (!t->stack)
		goto free_thread;
	if (!tid) {
		tid = tid_alloc();
		if (tid < 0)
			goto free_stack;
	}
	setup(t, name);
	t->tid = tid;
	t->stack_top = (u64)t->stack + KSTACK_SIZE;
	return t;

free_stack:
	kstack_free(t->stack);
free_thread:
	slab_free(&thread_cache, t);
	return NULL;
}

struct thread *thread_alloc(const char *name) { return thread_alloc_tid(name, 0); }

void thread_set_entry(struct thread *t, void (*entry)(void), size_t reserve, u64 rbx, u64 r12)
{
	/* As context_switch leaves it (sched/switch.S); at `entry` the stack is aligned to 16. */
	u64 *sp = (u64 *)(t->stack_top - reserve) - 7;
	sp[0] = 0; /* r15 */
	sp[1] = 0; /* r14 */
	sp[2] = 0; /* r13 */
	sp[3] = r12;
	sp[4] = rbx;
	sp[5] = 0; /* rbp: back-traces end here */
	sp[6] = (u64)entry;
	t->kernel_sp = (u64)sp;
}

struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = thread_alloc(name);
	if (t)
		thread_set_entry(t, thread_entry, 0, (u64)fn, (u64)arg);
	return t;
}

void thread_start(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&thread_list_lock);
	list_add_tail(&thread_list, &t->all_link);
	spin_unlock_irqrestore(&thread_list_lock, flags);
	t->migrating = true; /* no queue has it yet */
	sched_place(t, ENQUEUE_NEW);
}

struct thread *kthread_run(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = thread_create(name, fn, arg);
	if (t)
		thread_start(t);
	return t;
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

void __noreturn thread_exit(void)
{
	struct thread *t = current;
	u64 flags = spin_lock_irqsave(&thread_list_lock);
	list_del(&t->all_link);
	spin_unlock_irqrestore(&thread_list_lock, flags);
	timer_cancel_sync(&t->sleep_timer);
	irq_disable(); /* a preemption between the next two lines would put a dead thread back into the queue */
	t->state = THREAD_DEAD;
	schedule();
	panic("thread %s came back from its end", t->name);
}

void thread_get(struct thread *t) { refcount_get(&t->ref); }

void thread_put(struct thread *t)
{
	if (!refcount_put(&t->ref))
		return;
	NOTIFIER_CALL(thread_free, t);
	if (!t->keep_tid)
		tid_free(t->tid);
	if (t->stack) {
		kstack_free(t->stack);
		slab_free(&thread_cache, t);
	}
}

void schedule_tail(struct thread *prev)
{
	struct runqueue *rq = this_rq();
	struct thread *migrate = rq->migrate;
	bool dead = false;

	if (prev != rq->running) {
		prev->on_cpu = false;
		dead = prev->state == THREAD_DEAD && !prev->on_rq;
	}
	rq->migrate = NULL;
	spin_unlock(&rq->lock);
	if (unlikely(migrate != NULL))
		sched_place(migrate, ENQUEUE_MOVED);
	if (unlikely(dead))
		thread_put(prev);
	sched_tick_arm(rq);
}
