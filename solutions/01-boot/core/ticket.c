/*
 * The ticket lock: as at a counter, each comer draws the next number and waits until it is called. First come, first served, so nobody starves.
 *
 *   next = owner          free
 *   next = owner + k      held, with k - 1 waiting
 *
 * Both numbers wrap at 65536, which does no harm as long as fewer CPUs than that wait.
 */
#include "core/atomic.h"
#include "core/spinlock.h"

#ifdef SOLUTION
void ticket_acquire(struct ticket_lock *t)
{
	u16 mine = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&t->owner, __ATOMIC_ACQUIRE) != mine)
		cpu_relax();
}

bool ticket_try_acquire(struct ticket_lock *t)
{
	u16 owner = __atomic_load_n(&t->owner, __ATOMIC_ACQUIRE);
	u16 expected = owner;

	/* Only the ticket that would be called at once is worth drawing. */
	return __atomic_compare_exchange_n(&t->next, &expected, (u16)(owner + 1), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void ticket_release(struct ticket_lock *t)
{
	/* Only the holder writes owner, so a plain addition does. */
	__atomic_store_n(&t->owner, (u16)(t->owner + 1), __ATOMIC_RELEASE);
}
#else
#include "core/todo.h"

/* Draw a ticket atomically, then spin (with cpu_relax) until owner shows it. What the lock guards must not be read before that. */
void ticket_acquire(struct ticket_lock *t)
{
	TODO("01-boot");
}

/* Draw the next ticket only if it would be called at once; never wait. */
bool ticket_try_acquire(struct ticket_lock *t)
{
	TODO("01-boot");
}

/* Call the next ticket. What the lock guards must be written before that. */
void ticket_release(struct ticket_lock *t)
{
	TODO("01-boot");
}
#endif
