/* Changing what an area allows or is: mprotect, mlock, and the advice that sets flags. */
#include "vm_priv.h"

/* May its rights become prot? 0, -EACCES, -ENOMEM. */
static int check_rights(struct aspace *as, const struct area *a, u32 prot, u64 pages)
{
	if ((prot & PROT_READ && !(a->flags & AREA_MAYREAD)) || (prot & PROT_WRITE && !(a->flags & AREA_MAYWRITE)) ||
	    (prot & PROT_EXEC && !(a->flags & AREA_MAYEXEC)))
		return -EACCES;
	if (prot & PROT_WRITE && !(a->prot & PROT_WRITE) && !(a->flags & (AREA_SHARED | AREA_STACK))) {
		if (as->data_pages + pages > vm_rlimit(RLIM_DATA) >> PAGE_SHIFT)
			return -ENOMEM;
		if (!(a->flags & AREA_NORESERVE) && !vm_overcommit_ok(pages))
			return -ENOMEM;
	}
	return 0;
}

/* The part [start, end) of a as an area of its own, or NULL: memory is short, or there are too many. */
static struct area *cut_out(struct area *a, vaddr_t start, vaddr_t end)
{
	if (area_cut(a->aspace, start, end))
		return NULL;
	return area_at(a->aspace, start);
}

static int protect_locked(struct aspace *as, vaddr_t start, vaddr_t end, u32 prot, struct list *dead)
{
	vaddr_t at = start;

	while (at < end) {
		struct area *a = area_at(as, at);
		if (!a)
			return -ENOMEM;
		vaddr_t stop = MIN(a->end, end);
		if (a->prot != prot) {
			int err = check_rights(as, a, prot, (stop - at) >> PAGE_SHIFT);
			if (err)
				return err;
			a = cut_out(a, at, stop);
			if (!a)
				return -ENOMEM;
			area_account(as, a, -(s64)pages_of(a));
			a->prot = prot;
			area_account(as, a, pages_of(a));
			vm_reprotect(a);
			area_merge(a, dead);
		}
		at = stop;
	}
	return 0;
}

int vm_protect(struct aspace *as, vaddr_t addr, size_t len, u32 prot)
{
	struct list dead;
	u32 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!len)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (!len || addr + len <= addr)
		return -ENOMEM;
	if (prot & ~(u32)(PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */))
		return -EINVAL;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (!range_ok(addr, len))
		return -ENOMEM;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	int err = 0;
	vaddr_t start = addr;
	struct area *a = area_find(as, addr);
	if (grows & PROT_GROWSDOWN && a) {
		if (a->start >= addr + len)
			err = -ENOMEM;
		else if (!(a->flags & AREA_STACK))
			err = -EINVAL;
		start = a->start;
	} else if (grows & PROT_GROWSUP && a) {
		err = -EINVAL; /* no area grows upwards */
	}
	if (!err)
		err = protect_locked(as, start, addr + len, prot, &dead);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return err;
}

/*
 * Sets and clears flags of the areas in [start, end), which are cut to fit. `check` may refuse an area. Holes are passed over and give -ENOMEM in the end.
 * Lock held for writing.
 */
int vm_change_flags(struct aspace *as, vaddr_t start, vaddr_t end, u32 set, u32 clear, int (*check)(const struct area *a), struct list *dead)
{
	int result = 0;

	for (vaddr_t at = start; at < end;) {
		struct area *a = area_find(as, at);
		if (!a || a->start >= end)
			return -ENOMEM;
		if (a->start > at) {
			result = -ENOMEM;
			at = a->start;
		}
		vaddr_t stop = MIN(a->end, end);
		u32 flags = (a->flags & ~clear) | set;
		int err = check ? check(a) : 0;
		if (err)
			return err;
		if (flags != a->flags) {
			a = cut_out(a, at, stop);
			if (!a)
				return -ENOMEM;
			area_account(as, a, -(s64)pages_of(a));
			a->flags = (a->flags & ~clear) | set;
			area_account(as, a, pages_of(a));
			area_merge(a, dead);
		}
		at = stop;
	}
	return result;
}
