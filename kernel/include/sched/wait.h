/*
 * Wait queues: threads (and epoll) that wait for something to become true. One mechanism under every sleep of the kernel.
 *
 * The pattern that loses no wake-up: put yourself on the queue, *then* test the condition, then sleep; the waker makes the condition true, *then* wakes.
 * WAIT_EVENT does it.
 */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H

#include "core/spinlock.h"
#include "lib/list.h"
#include "abi/errno.h"

struct thread;
struct wait_entry;
/* Called under the queue's lock, interrupts off, by the waker. `key` is the poll events that came true, or NULL for all. Returns true if it woke somebody (counts for exclusive wake-ups). */
typedef bool wait_fn(struct wait_entry *e, void *key);

struct wait_queue {
	struct spinlock lock;
	struct list entries; /* lock */
};
/* Static initialiser: WAIT_QUEUE(name) defines a queue. */
#define WAIT_QUEUE(n) struct wait_queue n = { .lock = SPINLOCK_INIT(#n, RANK_WAITQUEUE), .entries = LIST_INIT(n.entries) }
struct wait_entry {
	struct list link;
	struct thread *thread; /* for the default function */
	wait_fn *fn;
	bool exclusive;        /* a wake-up of one stops after it */
	void *arg;
	struct wait_queue *queue;
};

/* Student's (sched/wait.c). */
void wait_queue_init(struct wait_queue *q);
void wait_entry_init(struct wait_entry *e); /* for the current thread, with wait_default_fn */
bool wait_default_fn(struct wait_entry *e, void *key);
/* Adds e if it is not on q, and sets the thread's state to sleeping (interruptible or not). */
void wait_prepare(struct wait_queue *q, struct wait_entry *e, bool interruptible);
void wait_finish(struct wait_queue *q, struct wait_entry *e); /* removes; state running */
/* For poll: adds and removes without touching the thread's state. */
void wait_add(struct wait_queue *q, struct wait_entry *e);
void wait_remove(struct wait_queue *q, struct wait_entry *e);
/* Wakes every non-exclusive entry and up to n exclusive ones; returns how many woke. Any context. */
unsigned wait_wake(struct wait_queue *q, unsigned n, void *key);
static inline void wait_wake_all(struct wait_queue *q) { wait_wake(q, ~0u, NULL); }
static inline void wait_wake_one(struct wait_queue *q) { wait_wake(q, 1, NULL); }

/* Given (sched/sched_api.c). */
bool thread_interrupted(void);         /* a signal (or kill) is pending for current */
bool thread_killed(void);              /* current is being killed */
/* Sleeps in the state that wait_prepare set, until woken or until the point of time `deadline` (time/time.h). False if the time ran out. */
bool schedule_until(u64 deadline);

#define WAIT_EVENT_(q, cond, intr, deadline) ({ \
	long ret_ = 0; \
	if (!(cond)) { \
		struct wait_entry e_; \
		wait_entry_init(&e_); \
		for (;;) { \
			wait_prepare((q), &e_, (intr)); \
			if (cond) \
				break; \
			if ((intr) && thread_interrupted()) { \
				ret_ = -ERESTARTSYS; \
				break; \
			} \
			if (!schedule_until(deadline)) { \
				if (!(cond)) \
					ret_ = -ETIMEDOUT; \
				break; \
			} \
		} \
		wait_finish((q), &e_); \
	} \
	ret_; })
/* 0 once cond holds. */
#define wait_event(q, cond) ((void)WAIT_EVENT_(q, cond, false, ~0ul))
/* 0, or -ERESTARTSYS when a signal is pending. */
#define wait_event_interruptible(q, cond) WAIT_EVENT_(q, cond, true, ~0ul)
/* Also -ETIMEDOUT at the deadline (time_ns() units). */
#define wait_event_interruptible_until(q, cond, deadline) WAIT_EVENT_(q, cond, true, deadline)
#define wait_event_until(q, cond, deadline) WAIT_EVENT_(q, cond, false, deadline)

#endif
