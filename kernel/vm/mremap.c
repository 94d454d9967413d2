/*
 * mremap(2): a mapping made longer or shorter, in its place or elsewhere.
 *
 *   shorter                    the tail is unmapped
 *   longer, room behind it     the area grows
 *   else, with MAYMOVE         a new area of the new length; the page-table entries move over; the old area goes (or, DONTUNMAP, stays empty)
 */
#include "vm_priv.h"

struct remap {
	struct aspace *as;
	vaddr_t addr, new_addr;
	size_t old_len, new_len;
	u32 flags;
	struct list dead;
	bool populate;
};

/* The area that is to be resized, after all checks: or ERR_PTR. */
static struct area *check_resize(struct remap *r)
{
	struct area *a = area_at(r->as, r->addr);

	if (!a)
		return ERR_PTR(-EFAULT);
	/* A length of 0 asks for a second mapping of the same shared pages. */
	if (!r->old_len && !(a->flags & AREA_SHARED))
		return ERR_PTR(-EINVAL);
	if (r->flags & MREMAP_DONTUNMAP && a->flags & (AREA_DONTEXPAND | AREA_SPECIAL))
		return ERR_PTR(-EINVAL);
	if (r->old_len > a->end - r->addr)
		return ERR_PTR(-EFAULT);
	if (r->new_len == r->old_len)
		return a;
	u64 pgoff = a->pgoff + ((r->addr - a->start) >> PAGE_SHIFT);
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return ERR_PTR(-EINVAL);
	if (a->flags & (AREA_DONTEXPAND | AREA_SPECIAL))
		return ERR_PTR(-EFAULT);
	u64 more = (r->new_len - r->old_len) >> PAGE_SHIFT;
	if (a->flags & AREA_LOCKED && !vm_lock_allowed(r->as, more))
		return ERR_PTR(-EAGAIN);
	int err = vm_check_limits(r->as, more, a->prot, a->flags);
	return err ? ERR_PTR(err) : a;
}

/* Moves a's part to `to`: its address, or -errno. */
static long move_area(struct remap *r, struct area *a, vaddr_t to)
{
	struct aspace *as = r->as;

	if (as->area_count + 4 > MAX_AREAS)
		return -ENOMEM;
	struct area *copy = area_copy(a, r->addr, r->addr + r->old_len);
	if (!copy)
		return -ENOMEM;
	copy->start = to;
	copy->end = to + r->new_len;
	copy->flags = a->flags;
	if (copy->ops && copy->ops->open)
		copy->ops->open(copy);
	area_insert(as, copy);

	if (r->old_len && vm_move(as, r->addr, to, r->old_len)) {
		/* Back with what had moved: its old tables are still there, so this cannot fail. */
		vm_move(as, to, r->addr, r->old_len);
		area_erase(as, copy);
		list_add_tail(&r->dead, &copy->dead_link);
		return -ENOMEM;
	}
	if (a->flags & AREA_LOCKED)
		r->populate = true;
	area_merge(copy, &r->dead);
	if (!r->old_len)
		return to;
	if (r->flags & MREMAP_DONTUNMAP) {
		if (a->flags & AREA_LOCKED)
			vm_change_flags(as, r->addr, r->addr + r->old_len, 0, AREA_LOCKED, NULL, &r->dead);
		return to;
	}
	/* Nothing is mapped there any more, so this frees no pages; if there is no memory to cut the area, an empty part stays behind. */
	vm_unmap_locked(as, r->addr, r->addr + r->old_len, &r->dead);
	return to;
}

static long remap_to(struct remap *r)
{
	struct aspace *as = r->as;

	if (!IS_ALIGNED(r->new_addr, PAGE_SIZE) || !range_ok(r->new_addr, r->new_len))
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	if (as->area_count + 6 > MAX_AREAS)
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		if (r->new_addr < USER_MIN)
			return -EPERM;
		int err = vm_unmap_locked(as, r->new_addr, r->new_addr + r->new_len, &r->dead);
		if (err)
			return err;
	}
	if (r->old_len > r->new_len) {
		if (!range_ok(r->addr, r->old_len))
			return -EINVAL;
		int err = vm_unmap_locked(as, r->addr + r->new_len, r->addr + r->old_len, &r->dead);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	struct area *a = check_resize(r);
	if (IS_ERR(a))
		return PTR_ERR(a);
	if (r->flags & MREMAP_DONTUNMAP) {
		int err = vm_check_limits(as, r->old_len >> PAGE_SHIFT, a->prot, a->flags);
		if (err)
			return err;
	}
	vaddr_t to = r->flags & MREMAP_FIXED ? r->new_addr : vm_find_gap(as, r->new_addr, r->new_len);
	return to ? move_area(r, a, to) : -ENOMEM;
}

static long remap_locked(struct remap *r)
{
	struct aspace *as = r->as;
	struct area *a = area_at(as, r->addr);

	if (!a)
		return -EFAULT;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(r);
	if (r->old_len >= r->new_len) {
		int err = 0;
		if (!range_ok(r->addr, r->old_len))
			return -EINVAL;
		if (r->old_len > r->new_len)
			err = vm_unmap_locked(as, r->addr + r->new_len, r->addr + r->old_len, &r->dead);
		return err ? err : (long)r->addr;
	}
	a = check_resize(r);
	if (IS_ERR(a))
		return PTR_ERR(a);

	vaddr_t end = r->addr + r->new_len;
	if (r->old_len && r->old_len == a->end - r->addr && range_ok(r->addr, r->new_len)) {
		struct area *next = area_next(a);
		if (!next || area_guard_start(next) >= end) {
			area_resize(a, a->start, end);
			r->populate = a->flags & AREA_LOCKED;
			area_merge(a, &r->dead);
			return r->addr;
		}
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	vaddr_t to = vm_find_gap(as, 0, r->new_len);
	return to ? move_area(r, a, to) : -ENOMEM;
}

long vm_remap(struct aspace *as, vaddr_t addr, size_t old_len, size_t new_len, u32 flags, vaddr_t new_addr)
{
	if (flags & ~(u32)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_len != new_len))
		return -EINVAL;
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	struct remap r = { .as = as, .addr = addr, .new_addr = new_addr, .old_len = ALIGN_UP(old_len, PAGE_SIZE),
			   .new_len = ALIGN_UP(new_len, PAGE_SIZE), .flags = flags };
	if (!r.new_len)
		return -EINVAL;
	list_init(&r.dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	long at = r.new_len > USER_END ? -ENOMEM : remap_locked(&r);
	rwlock_write_done(&as->lock);
	areas_release(&r.dead);
	if (at >= 0 && r.populate)
		vm_populate(as, at, at + r.new_len, false);
	return at;
}
