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
	spin_enter(l);
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
	spin_leave(l);
}

#if DEBUG
void spin_lock(struct spinlock *l)
{
	acquire(l, CALLER);
}

void spin_unlock(struct spinlock *l)
{
	release(l, CALLER);
	preempt_enable();
}
#endif

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

/*
 * Reader and writer each say that they come and look for the other afterwards, in the one order that all CPUs see (sequentially consistent): at least
 * one of them sees the other. The reader is the one who steps back.
 */
void read_lock(struct rwspin *l)
{
	preempt_disable();
	lock_check_spin_acquire(l, l->name, l->rank, false, CALLER);
	u32 *mine = &l->readers[cpu_id()].n;

	for (;;) {
		atomic_fetch_add(mine, 1u);
		if (likely(!atomic_load(&l->writer)))
			return;
		atomic_fetch_sub(mine, 1u);
		while (atomic_load_relaxed(&l->writer))
			cpu_relax();
	}
}

void read_unlock(struct rwspin *l)
{
	lock_check_spin_release(l, l->name, CALLER);
	atomic_fetch_sub(&l->readers[cpu_id()].n, 1u);
	preempt_enable();
}

void write_lock(struct rwspin *l)
{
	preempt_disable();
	lock_check_spin_acquire(l, l->name, l->rank, false, CALLER);
	while (atomic_load_relaxed(&l->writer) || !atomic_cas(&l->writer, 0u, 1u))
		cpu_relax();
	for (u32 i = 0; i < cpu_count; i++)
		while (atomic_load(&l->readers[i].n))
			cpu_relax();
}

void write_unlock(struct rwspin *l)
{
	lock_check_spin_release(l, l->name, CALLER);
	atomic_store_release(&l->writer, 0u);
	preempt_enable();
}
