/*
 * Finding the area for a fault; stacks that grow.
 *
 *      previous area |  at least 256 pages unmapped  | <-- va: the stack grows down to here | stack area |
 *
 * A stack grows as far as RLIMIT_STACK allows and as long as the guard stays free, so that running past it faults instead of reaching a neighbour.
 */
#include "vm_priv.h"

/* Moves a's start down to va: true if that is allowed. Lock held for writing. */
static bool grow(struct aspace *as, struct area *a, vaddr_t va)
{
	u64 pages = (a->start - va) >> PAGE_SHIFT;
	struct rbnode *n = rb_prev(&a->node);
	struct area *below = n ? container_of(n, struct area, node) : NULL;

	if (va < USER_MIN || a->end - va > vm_rlimit(RLIM_STACK) || as->total_pages + pages > vm_rlimit(RLIM_AS) >> PAGE_SHIFT)
		return false;
	if (below && below->end > va)
		return false;
	if (below && below->prot & (PROT_READ | PROT_WRITE | PROT_EXEC) && !(below->flags & AREA_STACK) && va - below->end < STACK_GUARD)
		return false;
	if (a->flags & AREA_LOCKED && !vm_lock_allowed(as, pages))
		return false;
	if (!vm_overcommit_ok(pages))
		return false;
	area_resize(a, va, a->end);
	return true;
}

struct area *vm_lock_area(struct aspace *as, vaddr_t va)
{
	rwlock_read(&as->lock);
	struct area *a = area_find(as, va);
	if (likely(a && a->start <= va))
		return a;
	if (!a || !(a->flags & AREA_STACK))
		return NULL;

	rwlock_read_done(&as->lock);
	rwlock_write(&as->lock);
	a = area_find(as, va);
	if (a && a->start > va && !(a->flags & AREA_STACK && grow(as, a, ALIGN_DOWN(va, PAGE_SIZE))))
		a = NULL;
	rwlock_downgrade(&as->lock);
	return a;
}
