/* madvise(2). Advice that only asks for speed is taken and forgotten. */
#include "vm_priv.h"

#include "core/panic.h"

#define PUNCH_HOLE_KEEP_SIZE 3 /* fallocate(2): FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

/* Flag advice: what it sets and clears, and where it is refused. */
struct flag_advice {
	int advice;
	u32 set, clear;
	int (*check)(const struct area *a);
};

static int must_be_private_memory(const struct area *a)
{
	return a->file || a->flags & AREA_SHARED ? -EINVAL : 0;
}

static int must_not_be_special(const struct area *a)
{
	return a->flags & AREA_SPECIAL ? -EINVAL : 0;
}

static const struct flag_advice flag_advices[] = {
	{ MADV_DONTFORK, .set = AREA_DONTFORK },
	{ MADV_DOFORK, .clear = AREA_DONTFORK, .check = must_not_be_special },
	{ MADV_WIPEONFORK, .set = AREA_WIPEONFORK, .check = must_be_private_memory },
	{ MADV_KEEPONFORK, .clear = AREA_WIPEONFORK },
	{ MADV_DONTDUMP, .set = AREA_DONTDUMP },
	{ MADV_DODUMP, .clear = AREA_DONTDUMP, .check = must_not_be_special },
};

static int drop(struct area *a, vaddr_t start, vaddr_t end, int advice)
{
	if (a->flags & (advice == MADV_DONTNEED_LOCKED ? AREA_SPECIAL : AREA_LOCKED | AREA_SPECIAL))
		return -EINVAL;
	if (advice == MADV_FREE && (a->file || a->flags & AREA_SHARED))
		return -EINVAL;
	vm_zap(a->aspace, start, end);
	return 0;
}

static int accept(struct area *a __unused, vaddr_t start __unused, vaddr_t end __unused, int advice __unused)
{
	return 0;
}

static int accept_unlocked(struct area *a, vaddr_t start __unused, vaddr_t end __unused, int advice __unused)
{
	return a->flags & (AREA_LOCKED | AREA_SPECIAL) ? -EINVAL : 0;
}

/* Fetches what the cache has already; reading ahead is the file system's own business. */
static int will_need(struct area *a, vaddr_t start, vaddr_t end, int advice __unused)
{
	if (a->ops && a->ops->map_around && a->prot & PROT_READ)
		a->ops->map_around(a, start, MIN(end, start + 256 * PAGE_SIZE));
	return 0;
}

static const struct page_advice {
	int advice;
	int (*apply)(struct area *a, vaddr_t start, vaddr_t end, int advice);
} page_advices[] = {
	{ MADV_NORMAL, accept },        { MADV_RANDOM, accept },      { MADV_SEQUENTIAL, accept }, { MADV_WILLNEED, will_need },
	{ MADV_DONTNEED, drop },        { MADV_FREE, drop },          { MADV_MERGEABLE, accept },  { MADV_UNMERGEABLE, accept },
	{ MADV_DONTNEED_LOCKED, drop },
	{ MADV_HUGEPAGE, accept },      { MADV_NOHUGEPAGE, accept },  { MADV_COLD, accept_unlocked }, { MADV_PAGEOUT, accept_unlocked },
};

/* Applies it to each area; holes are passed over and give -ENOMEM in the end. */
static long advise_pages(struct aspace *as, vaddr_t start, vaddr_t end, const struct page_advice *p)
{
	long result = 0;

	rwlock_read(&as->lock);
	for (vaddr_t at = start; at < end;) {
		struct area *a = area_find(as, at);
		if (!a || a->start >= end) {
			result = -ENOMEM;
			break;
		}
		if (a->start > at) {
			result = -ENOMEM;
			at = a->start;
		}
		vaddr_t stop = MIN(a->end, end);
		int err = p->apply(a, at, stop, p->advice);
		if (err) {
			result = err;
			break;
		}
		at = stop;
	}
	rwlock_read_done(&as->lock);
	return result;
}

static long advise_flags(struct aspace *as, vaddr_t start, vaddr_t end, const struct flag_advice *f)
{
	struct list dead;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	long err = vm_change_flags(as, start, end, f->set, f->clear, f->check, &dead);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return err;
}

/* Frees the memory behind a shared mapping, as a hole punched into its file. */
static long remove_pages(struct aspace *as, vaddr_t start, vaddr_t end)
{
	long result = 0;

	for (vaddr_t at = start; at < end;) {
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
		u64 pgoff = a->pgoff + ((at - a->start) >> PAGE_SHIFT), n = (stop - at) >> PAGE_SHIFT;
		struct file *f = a->file;
		long err = 0;
		if (a->flags & (AREA_LOCKED | AREA_SPECIAL) || (!f && !(a->ops && a->ops->remove)))
			err = -EINVAL;
		else if (!(a->flags & AREA_SHARED) || !(a->flags & AREA_MAYWRITE))
			err = -EACCES;
		else if (!f && !(err = a->ops->remove(a, pgoff, n)))
			vm_zap(as, at, stop);
		if (f)
			file_get(f);
		rwlock_read_done(&as->lock); /* the file's locks come before ours */
		if (f) {
			if (!err)
				err = f->ops->fallocate ? f->ops->fallocate(f, PUNCH_HOLE_KEEP_SIZE, pgoff << PAGE_SHIFT, n << PAGE_SHIFT) : -EOPNOTSUPP;
			file_put(f);
		}
		if (err)
			return err;
		at = stop;
	}
	return result;
}

static long populate(struct aspace *as, vaddr_t start, vaddr_t end, bool write)
{
	for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
		int code = 0;
		if (thread_interrupted())
			return -EINTR;
		rwlock_read(&as->lock);
		struct area *a = area_at(as, va);
		u32 want = write ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC;
		long err = !a ? -ENOMEM : a->flags & AREA_SPECIAL || !(a->prot & want) ? -EINVAL : 0;
		pte_t pte = err ? 0 : vm_read_pte(as, va);
		rwlock_read_done(&as->lock);
		if (err)
			return err;
		if (pte & PTE_PRESENT && (!write || pte & PTE_WRITE))
			continue;
		err = vm_fault(as, va, write ? VM_WRITE : VM_READ, &code);
		if (err)
			return err == -ENOMEM ? -ENOMEM : -EFAULT;
	}
	return 0;
}

long vm_advise(struct aspace *as, vaddr_t addr, size_t len, int advice)
{
	const struct flag_advice *flag = NULL;
	const struct page_advice *page = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(flag_advices); i++)
		if (flag_advices[i].advice == advice)
			flag = &flag_advices[i];
	for (size_t i = 0; i < ARRAY_SIZE(page_advices); i++)
		if (page_advices[i].advice == advice)
			page = &page_advices[i];
	bool other = advice == MADV_REMOVE || advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
	if ((!flag && !page && !other) || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	size_t whole = ALIGN_UP(len, PAGE_SIZE);
	if ((len && !whole) || addr + whole < addr)
		return -EINVAL;
	if (!whole)
		return 0;
	if (!range_ok(addr, whole))
		return -ENOMEM;
	if (flag)
		return advise_flags(as, addr, addr + whole, flag);
	if (page)
		return advise_pages(as, addr, addr + whole, page);
	return advice == MADV_REMOVE ? remove_pages(as, addr, addr + whole) : populate(as, addr, addr + whole, advice == MADV_POPULATE_WRITE);
}
