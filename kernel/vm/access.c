/* User memory from the kernel's side: pages of any address space, by number rather than through the CPU's own translation. */
#include "vm_priv.h"

#include "lib/string.h"

/* The frame mapped at va, counted, if it is there and allows the access; NULL: fault first. as->lock held. */
static struct frame *mapped_frame(struct aspace *as, vaddr_t va, bool write)
{
	struct frame *f = NULL;

	spin_lock(&as->page_lock);
	pte_t *entry = pt_walk(as->pt, va, false);
	if (entry && *entry & PTE_PRESENT && (!write || *entry & PTE_WRITE) && pfn_valid((*entry & PTE_ADDR) >> PAGE_SHIFT)) {
		f = phys_to_frame(*entry & PTE_ADDR);
		if (f->flags & FRAME_RESERVED)
			f = NULL;
		else
			frame_get(f);
	}
	spin_unlock(&as->page_lock);
	return f;
}

struct frame *vm_get_page(struct aspace *as, vaddr_t va, bool write)
{
	if (va >= USER_END)
		return ERR_PTR(-EFAULT);
	for (unsigned tries = 0; tries < 16; tries++) {
		int code;
		rwlock_read(&as->lock);
		struct frame *f = area_at(as, va) ? mapped_frame(as, va, write) : NULL;
		rwlock_read_done(&as->lock);
		if (f)
			return f;
		int err = vm_fault(as, va, write ? VM_WRITE : VM_READ, &code);
		if (err)
			return ERR_PTR(err);
	}
	return ERR_PTR(-EFAULT); /* device memory */
}

size_t vm_access(struct aspace *as, vaddr_t va, void *buf, size_t n, bool write)
{
	size_t done = 0;

	while (done < n) {
		struct frame *f = vm_get_page(as, va + done, write);
		if (IS_ERR(f))
			break;
		size_t at = (va + done) & (PAGE_SIZE - 1), part = MIN(n - done, PAGE_SIZE - at);
		char *page = frame_to_virt(f);
		if (write)
			memcpy(page + at, (char *)buf + done, part);
		else
			memcpy((char *)buf + done, page + at, part);
		frame_put(f);
		done += part;
	}
	return done;
}

long vm_sync(struct aspace *as, vaddr_t addr, size_t len, int flags)
{
	long result = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || !IS_ALIGNED(addr, PAGE_SIZE) || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	size_t whole = ALIGN_UP(len, PAGE_SIZE);
	if (whole < len || addr + whole < addr)
		return -ENOMEM;
	if (!whole)
		return 0;
	if (!range_ok(addr, whole))
		return -ENOMEM;
	for (vaddr_t at = addr, end = addr + whole; at < end;) {
		rwlock_read(&as->lock);
		struct area *a = area_find(as, at);
		if (!a || a->start >= end) {
			rwlock_read_done(&as->lock);
			return -ENOMEM;
		}
		if (a->start > at) {
			result = -ENOMEM;
			at = a->start;
		}
		vaddr_t stop = MIN(a->end, end);
		struct file *f = NULL;
		s64 first = (a->pgoff << PAGE_SHIFT) + (at - a->start);
		if (flags & MS_INVALIDATE && a->flags & AREA_LOCKED) {
			rwlock_read_done(&as->lock);
			return -EBUSY;
		}
		if (flags & MS_SYNC && a->file && a->flags & AREA_SHARED)
			file_get(f = a->file);
		rwlock_read_done(&as->lock); /* the file's locks come before ours */
		if (f) {
			int err = f->ops->fsync ? f->ops->fsync(f, first, first + (stop - at), false) : 0;
			file_put(f);
			if (err)
				return err;
		}
		at = stop;
	}
	return result;
}
