/*
 * Spinlocks: fair, by ticket. Held for a short time only; the holder does not sleep and is not preempted.
 * The ticket algorithm itself is a student's file (core/ticket.c, lab 01); ranks, owners and interrupt state around it are given here.
 */
#ifndef CORE_SPINLOCK_H
#define CORE_SPINLOCK_H

#include "core/compiler.h"
#include "core/cpu.h"
#include "core/lock_stat.h"
#include "core/lockrank.h"
#include "core/percpu.h"

struct ticket_lock {
	u16 next;  /* the ticket that the next comer draws */
	u16 owner; /* the ticket that may enter */
};
void ticket_acquire(struct ticket_lock *t);    /* spins until this CPU's ticket is called; acquire order */
bool ticket_try_acquire(struct ticket_lock *t); /* true if it was free and is now held */
void ticket_release(struct ticket_lock *t);     /* release order */

struct spinlock {
	struct ticket_lock ticket;
	u8 rank;       /* enum lock_rank */
	s16 owner_cpu; /* -1 when free; for checks */
	const char *name;
};
#define SPINLOCK_INIT(n, r) { .rank = (r), .owner_cpu = -1, .name = (n) }
void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);

/* Of those that follow: the ticket, the owner, and a count of those who had to wait. Preemption is off. */
static __always_inline void spin_enter(struct spinlock *l)
{
	if (unlikely(READ_ONCE(l->ticket.next) != READ_ONCE(l->ticket.owner)))
		lock_contended(l->name);
	ticket_acquire(&l->ticket);
	l->owner_cpu = (s16)cpu_id();
}
static __always_inline void spin_leave(struct spinlock *l)
{
	l->owner_cpu = -1;
	ticket_release(&l->ticket);
}

/* For data that interrupt handlers do not touch: disables preemption. Where nothing is checked it stands at its callers, since nothing is called as often. */
bool spin_trylock(struct spinlock *l);
#if DEBUG
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
#else
static __always_inline void spin_lock(struct spinlock *l)
{
	preempt_disable();
	spin_enter(l);
}
static __always_inline void spin_unlock(struct spinlock *l)
{
	spin_leave(l);
	preempt_enable();
}
#endif
/* For data shared with interrupt handlers: also disables interrupts; flags from lock go back to unlock. */
u64 __must_check spin_lock_irqsave(struct spinlock *l);
void spin_unlock_irqrestore(struct spinlock *l, u64 flags);
bool spin_is_held(const struct spinlock *l); /* by this CPU */

/*
 * Readers share, a writer is alone; a waiting writer stops new readers. Not recursive. Preemption off while held.
 *
 * For what is read all the time and changed hardly ever: each CPU counts its own reader, so readers do not take a cache line from each other, and a
 * writer looks at all of them.
 */
struct rwspin {
	u32 writer; /* 1: one is in, or waits for readers to leave */
	u8 rank;
	const char *name;
	struct { u32 n; } __aligned(64) readers[MAX_CPUS];
};
#define RWSPIN_INIT(n, r) { .rank = (r), .name = (n) }
void read_lock(struct rwspin *l);
void read_unlock(struct rwspin *l);
void write_lock(struct rwspin *l);
void write_unlock(struct rwspin *l);

#endif
