/*
 * The run queue of a CPU.
 *
 *             rt[0] … rt[99]   lists by priority, 99 first: FIFO and RR
 *   pick ──►  fair             tree by vruntime: everybody else
 *             idle             when both are empty
 *
 * Invariants
 * 1. What runs (rq->running) is in no queue; on_rq tells who is in one. A thread is in at most one queue, that of CPU t->cpu.
 * 2. A thread's state, cpu, on_rq, on_cpu and class fields change under the lock of rq_of(t->cpu). (A thread sets its own state to a sleeping one without
 *    it: that alone does not take it off the CPU, schedule() does, under the lock.)
 * 3. The lock is held across a switch: schedule() takes it as prev, schedule_tail() drops it as next. So whoever holds the lock of a thread's queue, and
 *    finds that it is not rq->running, knows that it has left its stack.
 * 4. Two queues are locked together in the order of their CPU numbers.
 */
#ifndef SCHED_RQ_PRIV_H
#define SCHED_RQ_PRIV_H

#include "core/percpu.h"
#include "sched/thread.h"

#define RT_PRIORITIES 100
enum sched_policy { POLICY_OTHER = 0, POLICY_FIFO = 1, POLICY_RR = 2, POLICY_BATCH = 3, POLICY_IDLE = 5 };

struct runqueue {
	struct spinlock lock;
	u32 cpu;
	u32 queued;              /* threads in the queues; read without the lock as a hint */
	struct thread *running;  /* what runs */
	struct thread *idle;
	struct thread *migrate;  /* was put off this CPU and goes to another once it has left its stack */
	u64 rt_bits[2];          /* bit 99 - priority: list not empty */
	struct list rt[RT_PRIORITIES];
	struct rbtree fair;
	struct rbnode *fair_first; /* leftmost, or NULL */
	u64 min_vruntime;        /* never moves back: where a newcomer starts */
	s64 uninterruptible;     /* sleepers that count as load: rq_note_sleep adds, who wakes one that has left its CPU takes off; the sum over all CPUs counts */
	u64 switches;
	u64 user_ns, nice_ns, system_ns, idle_ns;
	/* Only this CPU, interrupts off: */
	struct timer tick;
	bool ticking;
	u64 next_balance;
	bool asked_to_pull;      /* atomic: a busy CPU has somebody waiting, and asks this idle one to help */
};

static inline bool policy_is_rt(u8 policy) { return policy == POLICY_FIFO || policy == POLICY_RR; }
/* By what it runs as now. */
static inline bool thread_is_rt(const struct thread *t) { return policy_is_rt(t->policy) || unlikely(t->boost); }
static inline bool thread_is_idle(const struct thread *t) { return t->tid == 0; }

extern struct runqueue runqueue_template;  /* PERCPU: use the two below */
#define rq_of(id) percpu_ptr_of(runqueue_template, cpus[id])
#define this_rq() percpu_ptr(runqueue_template) /* interrupts or preemption off */

/* Locks the queue that t belongs to, interrupts off. */
#if DEBUG
void lock_check_thread_init(void);
extern bool chaos_on;
struct thread *chaos_pick(struct runqueue *rq); /* among the fair ones; NULL if there are none */
void chaos_slice_over(struct thread *t);        /* it used up its slice */
#else
#define chaos_on false
static inline struct thread *chaos_pick(struct runqueue *rq __unused) { return NULL; }
static inline void chaos_slice_over(struct thread *t __unused) {}
static inline void lock_check_thread_init(void) {}
#endif

struct runqueue *rq_lock_thread(struct thread *t, u64 *flags);

/* All with rq->lock held. */
enum enqueue_reason { ENQUEUE_WAKE, ENQUEUE_NEW, ENQUEUE_PREEMPTED, ENQUEUE_MOVED };
void rq_enqueue(struct runqueue *rq, struct thread *t, enum enqueue_reason why);
void rq_dequeue(struct runqueue *rq, struct thread *t);
struct thread *rq_pick(struct runqueue *rq); /* takes the best one out of its queue; the idle thread if there is none */
/* The runner gives way but stays runnable: back into the queue, or off to another CPU if this one is no longer allowed. */
void rq_put_back(struct runqueue *rq, struct thread *t);
void rq_yield(struct runqueue *rq, struct thread *t); /* lets the others of its class go first */
void rq_charge(struct runqueue *rq, u64 now); /* adds the time since the last charge to the runner */
void rq_begin(struct runqueue *rq, struct thread *next, u64 now); /* next becomes the runner, with a fresh slice */
bool rq_beats_current(struct runqueue *rq, struct thread *t); /* t, just queued, should take the CPU now */
bool rq_slice_over(struct runqueue *rq, u64 now); /* the runner had its turn and somebody waits */
void rq_note_sleep(struct runqueue *rq, struct thread *t); /* the runner leaves the CPU to sleep or die */
/* Asks the CPU to reschedule soon: its flag, and an interrupt if it is another one. */
void rq_request_resched(struct runqueue *rq);

/* A runnable thread that is in no queue: finds a CPU, queues it there, preempts. State and `migrating` were set by the caller under the old queue's lock. */
void sched_place(struct thread *t, enum enqueue_reason why);
/* Takes a thread from the busiest CPU for this one: true if one came. Interrupts off, no locks. */
bool sched_pull(void);
extern u64 sched_idle_mask; /* atomic: CPUs that run their idle thread */

void sched_cpu_init(u32 cpu, struct thread *idle, struct thread *running); /* a CPU's queue, and what runs there */
void __noreturn sched_idle_loop(void);
void sched_tick_arm(struct runqueue *rq); /* after a switch, interrupts off, lock dropped */
void thread_setup_boot(struct thread *t, const char *name);
u32 thread_weight(const struct thread *t);
void workqueue_cpu_init(u32 cpu);
void smp_ipi_init(void);
void sched_load_start(void);
void __noreturn sched_switch_missing(void);
void sched_preempt(void); /* schedule.c: the preempt_hook */

#endif
