/*
 * Spinlocks around the student's ticket lock: preemption off, owner, and in a debug kernel the checks of order and context.
 *
 * A debug kernel keeps, for each CPU, the stack of locks that it holds. Asserted at each lock:
 *   1. it is not held by this CPU already;
 *   2. its rank is larger than that of every ranked lock held (RANK_NONE is outside of the order).
 */
#include "core/spinlock.h"
#include "core/atomic.h"
#include "core/panic.h"
#include "core/percpu.h"

#ifdef DEBUG
#define MAX_HELD 24
struct held_locks {
	u32 count;
	const void *lock[MAX_HELD];
	u8 rank[MAX_HELD];
};
static PERCPU(struct held_locks, held_locks);

static void check_acquire(const void *lock, const char *name, u8 rank)
{
	u64 flags = irq_save();
	struct held_locks *h = percpu_ptr(held_locks);

	for (u32 i = 0; i < h->count; i++) {
		if (h->lock[i] == lock)
			panic("lock %s: taken again by its holder", name);
		if (rank && h->rank[i] >= rank)
			panic("lock %s (rank %u) taken while rank %u is held", name, rank, h->rank[i]);
	}
	ASSERT(h->count < MAX_HELD);
	h->lock[h->count] = lock;
	h->rank[h->count++] = rank;
	irq_restore(flags);
}

static void check_release(const void *lock, const char *name)
{
	u64 flags = irq_save();
	struct held_locks *h = percpu_ptr(held_locks);
	u32 i = h->count;

	while (i-- > 0) {
		if (h->lock[i] != lock)
			continue;
		for (; i + 1 < h->count; i++) {
			h->lock[i] = h->lock[i + 1];
			h->rank[i] = h->rank[i + 1];
		}
		h->count--;
		irq_restore(flags);
		return;
	}
	panic("lock %s: released by a CPU that does not hold it", name);
}
#else
static inline void check_acquire(const void *lock, const char *name, u8 rank) {}
static inline void check_release(const void *lock, const char *name) {}
#endif

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

void spin_lock(struct spinlock *l)
{
	preempt_disable();
	check_acquire(l, l->name, l->rank);
	ticket_acquire(&l->ticket);
	l->owner_cpu = (s16)cpu_id();
}

bool spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (!ticket_try_acquire(&l->ticket)) {
		preempt_enable();
		return false;
	}
	/* A try cannot deadlock, so any order is fine: unranked. */
	check_acquire(l, l->name, RANK_NONE);
	l->owner_cpu = (s16)cpu_id();
	return true;
}

static inline void release(struct spinlock *l)
{
	check_release(l, l->name);
	l->owner_cpu = -1;
	ticket_release(&l->ticket);
}

void spin_unlock(struct spinlock *l)
{
	release(l);
	preempt_enable();
}

u64 spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = irq_save();

	spin_lock(l);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	release(l);
	irq_restore(flags);
	preempt_enable();
}

bool spin_is_held(const struct spinlock *l)
{
	return READ_ONCE(l->owner_cpu) == (s16)cpu_id();
}

#define RW_WRITER (1u << 31)
#define RW_WAITING (1u << 30)

void read_lock(struct rwspin *l)
{
	preempt_disable();
	check_acquire(l, l->name, l->rank);
	for (;;) {
		u32 s = atomic_load_relaxed(&l->state);
		if (likely(!(s & (RW_WRITER | RW_WAITING))) && atomic_cas(&l->state, s, s + 1))
			return;
		cpu_relax();
	}
}

void read_unlock(struct rwspin *l)
{
	check_release(l, l->name);
	atomic_fetch_sub(&l->state, 1u);
	preempt_enable();
}

void write_lock(struct rwspin *l)
{
	preempt_disable();
	check_acquire(l, l->name, l->rank);
	for (;;) {
		u32 s = atomic_load_relaxed(&l->state);
		if (!(s & ~RW_WAITING)) {
			/* Taking it clears the wish; other writers that wait make theirs known again. */
			if (atomic_cas(&l->state, s, RW_WRITER))
				return;
		} else if (!(s & RW_WAITING)) {
			atomic_fetch_or(&l->state, RW_WAITING);
		}
		cpu_relax();
	}
}

void write_unlock(struct rwspin *l)
{
	check_release(l, l->name);
	atomic_fetch_and(&l->state, ~RW_WRITER);
	preempt_enable();
}
