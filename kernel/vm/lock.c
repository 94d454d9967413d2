/* mlock and its kin, mincore, and faulting in ahead. There is no swap: a locked page is one that is there, and that madvise may not drop. */
#include "vm_priv.h"

#include "lib/string.h"
#include "usermode/uaccess.h"

int vm_populate(struct aspace *as, vaddr_t start, vaddr_t end, bool write)
{
	for (vaddr_t va = start; va < end;) {
		int code = 0;
		rwlock_read(&as->lock);
		struct area *a = area_find(as, va);
		bool skip = !a || a->start > va;
		vaddr_t next = !a ? end : a->start > va ? a->start : a->end;
		u32 access = !skip && a->prot & PROT_WRITE && (write || !(a->flags & AREA_SHARED)) ? VM_WRITE : VM_READ;
		if (!skip && (!(a->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) || a->flags & AREA_SPECIAL))
			skip = true;
		rwlock_read_done(&as->lock);
		if (skip) {
			va = next;
			continue;
		}
		if (thread_interrupted())
			return -EINTR;
		int err = vm_fault(as, va, access, &code);
		if (err)
			return err;
		va += PAGE_SIZE;
	}
	return 0;
}

long vm_lock(struct aspace *as, vaddr_t addr, size_t len, bool lock, bool fetch)
{
	struct list dead;
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	size_t whole = ALIGN_UP(len + (addr - start), PAGE_SIZE);

	if (lock && !vm_may_lock() && !vm_rlimit(RLIM_MEMLOCK))
		return -EPERM;
	if (start + whole < start)
		return -EINVAL;
	if (!whole)
		return 0;
	if (!range_ok(start, whole))
		return -ENOMEM;
	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	long err = 0;
	if (lock) {
		u64 more = whole >> PAGE_SHIFT;
		for (struct area *a = area_find(as, start); a && a->start < start + whole; a = area_next(a))
			if (a->flags & AREA_LOCKED)
				more -= (MIN(a->end, start + whole) - MAX(a->start, start)) >> PAGE_SHIFT;
		if (!vm_lock_allowed(as, more))
			err = -ENOMEM;
	}
	if (!err)
		err = vm_change_flags(as, start, start + whole, lock ? AREA_LOCKED : 0, lock ? 0 : AREA_LOCKED, NULL, &dead);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	if (!err && lock && fetch) {
		int bad = vm_populate(as, start, start + whole, false);
		err = bad == -EFAULT ? -ENOMEM : bad == -EIO ? -EAGAIN : bad;
	}
	return err;
}

long vm_lock_all(struct aspace *as, int flags)
{
	struct list dead;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!vm_may_lock() && !vm_rlimit(RLIM_MEMLOCK))
		return -EPERM;
	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	long err = 0;
	if (flags & MCL_CURRENT && !vm_may_lock() && as->total_pages > vm_rlimit(RLIM_MEMLOCK) >> PAGE_SHIFT)
		err = -ENOMEM;
	if (!err) {
		as->lock_future = flags & MCL_FUTURE;
		if (flags & MCL_CURRENT)
			vm_change_flags(as, 0, USER_END, AREA_LOCKED, 0, NULL, &dead);
	}
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	if (!err && flags & MCL_CURRENT && !(flags & MCL_ONFAULT))
		vm_populate(as, 0, USER_END, false);
	return err;
}

/* One byte a page, for [at, stop) inside a. */
static void residence(struct area *a, vaddr_t at, vaddr_t stop, u8 *vec)
{
	for (; at < stop; at += PAGE_SIZE) {
		pte_t pte = vm_read_pte(a->aspace, at);
		bool there = pte != 0;
		if (!there && a->ops && a->ops->resident)
			there = a->ops->resident(a, a->pgoff + ((at - a->start) >> PAGE_SHIFT));
		*vec++ = there;
	}
}

long vm_resident(struct aspace *as, vaddr_t addr, size_t len, u8 __user *vec)
{
	u8 chunk[256];

	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!range_ok(addr, len))
		return -ENOMEM;
	vaddr_t end = ALIGN_UP(addr + len, PAGE_SIZE);
	if (!user_range_ok(vec, (end - addr) >> PAGE_SHIFT))
		return -EFAULT;
	while (addr < end) {
		size_t n = 0;
		rwlock_read(&as->lock);
		while (addr < end && n < sizeof(chunk)) {
			struct area *a = area_at(as, addr);
			if (!a)
				break;
			vaddr_t stop = MIN(MIN(a->end, end), addr + (sizeof(chunk) - n) * PAGE_SIZE);
			residence(a, addr, stop, chunk + n);
			n += (stop - addr) >> PAGE_SHIFT;
			addr = stop;
		}
		rwlock_read_done(&as->lock);
		if (copy_to_user(vec, chunk, n))
			return -EFAULT;
		vec += n;
		if (addr < end && n < sizeof(chunk))
			return -ENOMEM;
	}
	return 0;
}

static void count_usage(struct area *a __unused, pte_t pte, struct area_usage *u)
{
	if (pte & PTE_SPECIAL) {
		u->zero++;
		return;
	}
	struct frame *f = phys_to_frame(pte & PTE_ADDR);
	if (f->flags & FRAME_ANON)
		u->anon++;
	else
		u->file++;
	if (f->flags & FRAME_CACHE ? f->mapcount > 1 : refcount_read(&f->ref) > 1)
		u->shared++;
}

void area_usage(struct area *a, struct area_usage *u)
{
	struct aspace *as = a->aspace;
	vaddr_t va = a->start;

	*u = (struct area_usage){ 0 };
	while (va < a->end) {
		spin_lock(&as->page_lock);
		pte_t *entry = vm_next_table(as->pt, &va, a->end);
		for (vaddr_t stop = entry ? vm_table_end(va, a->end) : va; va < stop; va += PAGE_SIZE, entry++)
			if (*entry)
				count_usage(a, *entry, u);
		spin_unlock(&as->page_lock);
		if (!entry)
			break;
	}
}
