/* Atomic operations and reference counts. All are sequentially consistent unless their name says otherwise. */
#ifndef CORE_ATOMIC_H
#define CORE_ATOMIC_H

#include "core/compiler.h"

#define atomic_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define atomic_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add_return(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_sub_return(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST)
/* True if *p was old and is now new. */
#define atomic_cas(p, old, new) ({ __typeof__(*(p)) o_ = (old); \
	__atomic_compare_exchange_n((p), &o_, (new), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); })

static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
static inline void smp_mb(void) { __asm__ volatile("lock addl $0,-4(%%rsp)" ::: "memory", "cc"); }
/*
 * As smp_mb, between this CPU and a device that reads and writes memory by itself. A processor makes no difference between the two; an emulator may: where one
 * thread plays all CPUs, QEMU before 8.2 leaves the fences of the guest out, although its devices run in another thread. INVLPG, which waits for all writes
 * before it (SDM volume 3, 9.3), takes a lock there, and so is a fence everywhere. No page is ever mapped at 0, so nothing useful leaves the TLB.
 */
static inline void device_mb(void)
{
	smp_mb();
	__asm__ volatile("invlpg (%0)" ::"r"(0ul) : "memory");
}

/*
 * A count of references: starts at 1. One that would pass REFCOUNT_MOST (somebody takes references without end, mostly a leak) saturates: it stays far from 0
 * for ever after, whatever is taken or given back, so that the object leaks and is never used after it was freed. A checking kernel says so.
 */
struct refcount {
	u32 n;
};
#define REFCOUNT_INIT(v) { (v) }
#define REFCOUNT_MOST 0x7fffffffu
#define REFCOUNT_SATURATED 0xc0000000u
void refcount_bug(struct refcount *r, const char *what); /* core/refcount.c: panics, names the caller */
void refcount_saturate(struct refcount *r);              /* core/refcount.c */
static inline void refcount_set(struct refcount *r, u32 n) { atomic_store_release(&r->n, n); }
static inline u32 refcount_read(const struct refcount *r) { return atomic_load_relaxed(&r->n); }
/* The caller holds a reference already. */
static inline void refcount_get(struct refcount *r)
{
	u32 n = atomic_fetch_add(&r->n, 1u);
	if (likely(n - 1 < REFCOUNT_MOST - 1))
		return;
	if (!n)
		refcount_bug(r, "get of a dead object");
	refcount_saturate(r);
}
/* Takes a reference unless the count is zero (an object found in a table while its last owner lets go). */
static inline bool refcount_get_unless_zero(struct refcount *r)
{
	u32 n = atomic_load_relaxed(&r->n);
	do {
		if (n == 0)
			return false;
		if (unlikely(n >= REFCOUNT_MOST)) {
			refcount_saturate(r);
			return true;
		}
	} while (!__atomic_compare_exchange_n(&r->n, &n, n + 1, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}
/* True when the last reference went: the caller destroys the object. */
static inline bool __must_check refcount_put(struct refcount *r)
{
	u32 n = atomic_fetch_sub(&r->n, 1u);
	if (likely(n - 1 < REFCOUNT_MOST - 1))
		return n == 1;
	if (!n)
		refcount_bug(r, "put of a dead object");
	refcount_saturate(r);
	return false;
}

#endif
