/*
 * The checker of locks in a checking kernel (core/lock_check.c). Locks of the same name and rank are of one class; what is learnt about one holds for all.
 * Spinlocks are recorded per CPU; sleeping locks per thread (sched/lock_check.c), with the same classes.
 */
#ifndef CORE_LOCK_CHECK_H
#define CORE_LOCK_CHECK_H

#include "core/debug.h"

#if DEBUG
struct held_lock {
	const void *lock;
	u64 caller;
	u16 class;
	bool try;
};
struct held_locks {
	u32 count;
	struct held_lock locks[24];
};
/* The class of a lock; panics if it was never initialised. */
u16 lock_class(const void *lock, const char *name, u8 rank);
const char *lock_class_name(u16 class);
/* Checks against all of h, and records. A `try` cannot deadlock: it may come in any order. same_rank: locks of this very class may nest. */
void lock_check_add(struct held_locks *h, const void *lock, u16 class, bool try, bool same_rank, const void *caller);
void lock_check_remove(struct held_locks *h, const void *lock, const char *name, const void *caller);
/* Interrupt use: a class taken in interrupts must never be held with interrupts on. */
void lock_check_context(u16 class, const void *caller);
void lock_check_spin_acquire(const void *lock, const char *name, u8 rank, bool try, const void *caller);
void lock_check_spin_release(const void *lock, const char *name, const void *caller);
void lock_check_print(const struct held_locks *h);
/* The panic's detail: this CPU's spinlocks and, by the hook, the thread's sleeping locks. */
void lock_check_print_all(const void *unused);
extern struct held_locks *(*lock_check_thread_hook)(void);
/* Called at each lock, unlock and preempt_enable: the chaos scheduler's change points. */
extern void (*lock_check_point_hook)(void);
/* Preemption is about to be possible again. */
void lock_check_point_on_preempt_enable(void);
/* Says on the verdict channel how the chaos scheduler went (sched/chaos.c). */
void chaos_report(void);
/* Memory that is freed: none of the locks held may lie in it. */
void lock_check_freed(const void *p, size_t n);
/* On the way to ring 3: nothing may be held. */
void lock_check_user_return(void);
#else
static inline void lock_check_spin_acquire(const void *lock __unused, const char *name __unused, u8 rank __unused, bool try __unused, const void *caller __unused) {}
static inline void lock_check_spin_release(const void *lock __unused, const char *name __unused, const void *caller __unused) {}
static inline void lock_check_point_on_preempt_enable(void) {}
static inline void lock_check_freed(const void *p __unused, size_t n __unused) {}
static inline void lock_check_user_return(void) {}
#endif

#endif
