/*
 * Spinlocks around the student's ticket lock: preemption off, owner, and in a checking kernel the checks of order and context (core/lock_check.c).
 */
#include "core/spinlock.h"
#include "core/atomic.h"
#include "core/lock_check.h"
#include "core/lock_stat.h"
#include "core/percpu.h"

#define CALLER __builtin_return_address(0)

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

static __always_inline void acquire(struct spinlock *l, const void *caller)
{
	preempt_disable();
	lock_check_spin_acquire(l, l->name, l->rank, false, caller);
	if (unlikely(READ_ONCE(l->ticket.next) != READ_ONCE(l->ticket.owner)))
		lock_contended(l->name);
	ticket_acquire(&l->ticket);
	l->owner_cpu = (s16)cpu_id();
}

void spin_lock(struct spinlock *l)
{
	acquire(l, CALLER);
}

bool spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (!ticket_try_acquire(&l->ticket)) {
		preempt_enable();
		return false;
	}
	lock_check_spin_acquire(l, l->name, l->rank, true, CALLER);
	l->owner_cpu = (s16)cpu_id();
	return true;
}

static __always_inline void release(struct spinlock *l, const void *caller)
{
	lock_check_spin_release(l, l->name, caller);
	l->owner_cpu = -1;
	ticket_release(&l->ticket);
}

void spin_unlock(struct spinlock *l)
{
	release(l, CALLER);
	preempt_enable();
}

u64 spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = irq_save();

	acquire(l, CALLER);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	release(l, CALLER);
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
	lock_check_spin_acquire(l, l->name, l->rank, false, CALLER);
	for (;;) {
		u32 s = atomic_load_relaxed(&l->state);
		if (likely(!(s & (RW_WRITER | RW_WAITING))) && atomic_cas(&l->state, s, s + 1))
			return;
		cpu_relax();
	}
}

void read_unlock(struct rwspin *l)
{
	lock_check_spin_release(l, l->name, CALLER);
	atomic_fetch_sub(&l->state, 1u);
	preempt_enable();
}

void write_lock(struct rwspin *l)
{
	preempt_disable();
	lock_check_spin_acquire(l, l->name, l->rank, false, CALLER);
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
	lock_check_spin_release(l, l->name, CALLER);
	atomic_fetch_and(&l->state, ~RW_WRITER);
	preempt_enable();
}
