/*
 * The heap's end, brk(2). It may grow as long as nothing else lies in the way of the new part; what was mapped over the old part (musl puts a PROT_NONE
 * page over the start of the heap) does not matter.
 */
#include "vm_priv.h"

/* The new end, or the old one when it cannot be moved there. */
vaddr_t vm_brk(struct aspace *as, vaddr_t to)
{
	struct list dead;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return as->brk;
	vaddr_t old = as->brk, old_end = ALIGN_UP(old, PAGE_SIZE);
	bool populate = false;

	if (to < as->brk_start || to > USER_END || to - as->brk_start > vm_rlimit(RLIM_DATA))
		goto out;
	vaddr_t new_end = ALIGN_UP(to, PAGE_SIZE);
	if (new_end < old_end) {
		if (vm_unmap_locked(as, new_end, old_end, &dead))
			goto out;
	} else if (new_end > old_end) {
		struct area *next = area_find(as, old_end);
		if (next && area_guard_start(next) < new_end + PAGE_SIZE)
			goto out;
		u64 pages = (new_end - old_end) >> PAGE_SHIFT;
		if (vm_check_limits(as, pages, PROT_READ | PROT_WRITE, 0) || as->area_count >= MAX_AREAS)
			goto out;
		if (as->lock_future && !vm_lock_allowed(as, pages))
			goto out;
		struct area *a = area_alloc();
		if (!a)
			goto out;
		a->start = old_end;
		a->end = new_end;
		a->prot = PROT_READ | PROT_WRITE;
		a->flags = AREA_MAYREAD | AREA_MAYWRITE | AREA_MAYEXEC | (as->lock_future ? AREA_LOCKED : 0);
		a->aspace = as;
		area_insert(as, a);
		area_merge(a, &dead);
		populate = as->lock_future;
	}
	as->brk = to;
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	if (populate)
		vm_populate(as, old_end, new_end, true);
	return to;

out:
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return old;
}
