/* Frees later what readers without a lock may still see: how, grace.c tells. */
#ifndef VFS_GRACE_H
#define VFS_GRACE_H

#include "core/atomic.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "vfs/vfs.h"

extern PERCPU(u64, grace_entered); /* the time at which this CPU's reader entered; 0: none */
extern u64 grace_now;              /* atomic */

/* No preemption, no sleep and no second enter between the two; not in interrupts. */
static inline void grace_enter(void)
{
	preempt_disable();
	ASSERT(!*percpu_ptr(grace_entered) && !in_irq());
	/* Sequentially consistent: the slot is seen before anything that is read afterwards. */
	atomic_xchg(percpu_ptr(grace_entered), atomic_load_relaxed(&grace_now));
}

static inline void grace_exit(void)
{
	atomic_store_release(percpu_ptr(grace_entered), 0ul);
	preempt_enable();
}

void grace_free(struct grace *g, void (*fn)(struct grace *g));
void grace_settle(void); /* frees what waits, as far as nobody reads */
void grace_wait(void);   /* until everybody who is between enter and exit now has left. Not in between itself; spins a moment */

#endif
