/*
 * Mapping and unmapping.
 *
 * Order in vm_map: check all arguments and limits, build the area, ask the file, then replace what was there, insert, join. Only the last
 * three change the address space. What was taken out is closed after the lock is dropped: closing a file may want locks of the file system.
 */
#include "vm_priv.h"

#include "core/panic.h"
#include "lib/string.h"

#define KNOWN_FLAGS (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | \
		     MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE)

int vm_unmap_locked(struct aspace *as, vaddr_t start, vaddr_t end, struct list *dead)
{
	struct area *a, *next;

	a = area_find(as, start);
	if (!a || a->start >= end)
		return 0;
	int err = area_cut(as, start, end);
	if (err)
		return err;
	for (a = area_find(as, start); a && a->start < end; a = next) {
		next = area_next(a);
		area_erase(as, a);
		list_add_tail(dead, &a->dead_link);
	}
	vm_zap(as, start, end);
	vm_free_tables(as, start, end);
	vm_gap_freed(as, start);
	return 0;
}

long vm_unmap(struct aspace *as, vaddr_t addr, size_t len)
{
	struct list dead;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || !range_ok(addr, len) || !len)
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (!range_ok(addr, len))
		return -EINVAL;
	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	int err = vm_unmap_locked(as, addr, addr + len, &dead);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return err;
}

long vm_unmap_areas(struct aspace *as, vaddr_t addr, bool (*wanted)(struct area *a, void *arg), void *arg)
{
	struct list dead;
	struct area *a, *next;
	long n = 0;
	int err = 0;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	for (a = area_find(as, addr); a && !err; a = next) {
		next = area_next(a);
		if (a->start < addr || !wanted(a, arg))
			continue;
		err = vm_unmap_locked(as, a->start, a->end, &dead);
		n++;
	}
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return err ? err : n;
}

/* The address for a mapping, or -errno. Lock held. */
static long choose_place(struct aspace *as, vaddr_t addr, size_t len, u32 mapflags)
{
	vaddr_t at;

	if (len > USER_END)
		return -ENOMEM;
	if (mapflags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!range_ok(addr, len))
			return -ENOMEM;
		if (!IS_ALIGNED(addr, PAGE_SIZE))
			return -EINVAL;
		if (addr < USER_MIN)
			return -EPERM;
		struct area *next = area_find(as, addr);
		if (mapflags & MAP_FIXED_NOREPLACE && next && next->start < addr + len)
			return -EEXIST;
		return addr;
	}
	if (mapflags & MAP_32BIT) {
		addr = ALIGN_UP(addr, PAGE_SIZE);
		if (addr >= USER_MIN && range_ok(addr, len) && addr + len <= 0x80000000 && vm_range_free(as, addr, addr + len))
			return addr;
		at = vm_find_gap_in(as, 0x40000000, 0x80000000, len);
	} else {
		at = vm_find_gap(as, addr > USER_END ? 0 : addr, len);
	}
	return at ? (long)at : -ENOMEM;
}

/* Rights that the mapping's kind and file give: *flags gets AREA_*; 0 or -errno. */
static int check_kind(u32 prot, u32 mapflags, struct file *file, u32 *flags)
{
	u32 type = mapflags & MAP_TYPE;

	*flags = AREA_MAYREAD | AREA_MAYWRITE | AREA_MAYEXEC;
	if (mapflags & MAP_GROWSDOWN)
		*flags |= AREA_STACK;
	if (mapflags & MAP_NORESERVE)
		*flags |= AREA_NORESERVE;
	if (!file) {
		if (type == MAP_SHARED) {
			if (mapflags & MAP_GROWSDOWN)
				return -EINVAL;
			*flags |= AREA_SHARED;
			return 0;
		}
		return type == MAP_PRIVATE ? 0 : -EINVAL;
	}

	if (type == MAP_SHARED_VALIDATE && mapflags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	if (file->mode & FILE_PATH_ONLY)
		return -EBADF;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE) {
		if (prot & PROT_WRITE && !(file->mode & FILE_WRITE))
			return -EACCES;
		*flags |= AREA_SHARED;
		if (!(file->mode & FILE_WRITE))
			*flags &= ~AREA_MAYWRITE;
	} else if (type != MAP_PRIVATE) {
		return -EINVAL;
	}
	if (!(file->mode & FILE_READ))
		return -EACCES;
	if (!file->ops->mmap)
		return -ENODEV;
	return mapflags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static u64 pages_inside(struct aspace *as, vaddr_t start, vaddr_t end)
{
	u64 n = 0;
	for (struct area *a = area_find(as, start); a && a->start < end; a = area_next(a))
		n += (MIN(a->end, end) - MAX(a->start, start)) >> PAGE_SHIFT;
	return n;
}

/* The work under the lock: the address or -errno. *populate: the caller faults the pages in. */
static long map_locked(struct aspace *as, vaddr_t addr, size_t len, u32 prot, u32 mapflags, u32 flags, struct file *file, u64 pgoff, struct list *dead)
{
	if (as->area_count >= MAX_AREAS)
		return -ENOMEM;
	long at = choose_place(as, addr, len, mapflags);
	if (at < 0)
		return at;
	if (mapflags & MAP_LOCKED || as->lock_future) {
		if (!vm_lock_allowed(as, len >> PAGE_SHIFT))
			return -EAGAIN;
		flags |= AREA_LOCKED;
	}
	u64 pages = len >> PAGE_SHIFT, over = mapflags & MAP_FIXED ? pages_inside(as, at, at + len) : 0;
	int err = vm_check_limits(as, pages - over, prot, flags);
	if (err)
		return err;

	struct area *a = area_alloc();
	if (!a)
		return -ENOMEM;
	a->start = at;
	a->end = at + len;
	a->prot = prot;
	a->flags = flags;
	a->pgoff = pgoff;
	a->aspace = as;
	/* The old mapping must be gone before the new one is on the cache's list, and is what makes the way back impossible: so room for its borders first. */
	if (over) {
		err = vm_unmap_locked(as, at, at + len, dead);
		if (err)
			goto out_area;
	}
	if (file) {
		file_get(file);
		a->file = file;
		err = file->ops->mmap(file, a);
	} else if (flags & AREA_SHARED) {
		err = shared_memory_attach(a);
	}
	if (err)
		goto out_area;
	area_insert(as, a);
	area_merge(a, dead);
	return at;

out_area:
	list_add_tail(dead, &a->dead_link); /* freed with the others, once the lock is dropped */
	a->ops = NULL;
	return err;
}

long vm_map(struct aspace *as, vaddr_t addr, size_t len, u32 prot, u32 mapflags, struct file *file, u64 pgoff)
{
	struct list dead;
	u32 flags;

	if (!len)
		return -EINVAL;
	if (len > USER_END)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (pgoff + (len >> PAGE_SHIFT) < pgoff)
		return -EOVERFLOW;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	int err = check_kind(prot, mapflags, file, &flags);
	if (err)
		return err;
	if (mapflags & MAP_LOCKED && !vm_may_lock() && !vm_rlimit(RLIM_MEMLOCK))
		return -EPERM;
	if (!file)
		pgoff = 0;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	long at = map_locked(as, addr, len, prot, mapflags, flags, file, pgoff, &dead);
	bool populate = at >= 0 && (mapflags & MAP_LOCKED || as->lock_future || (mapflags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	if (populate)
		vm_populate(as, at, at + len, prot & PROT_WRITE && !(flags & AREA_SHARED));
	return at;
}

int vm_map_special(struct aspace *as, vaddr_t addr, size_t len, u32 prot, u32 area_flags, const struct vm_ops *ops, void *private)
{
	if (!IS_ALIGNED(addr | len, PAGE_SIZE) || !len || !range_ok(addr, len) || addr < USER_MIN)
		return -EINVAL;
	struct area *a = area_alloc();
	if (!a)
		return -ENOMEM;
	a->start = addr;
	a->end = addr + len;
	a->prot = prot;
	a->flags = area_flags;
	a->aspace = as;
	a->ops = ops;
	a->private = private;
	rwlock_write(&as->lock);
	int err = as->area_count >= MAX_AREAS ? -ENOMEM : 0;
	if (!err && pages_inside(as, addr, addr + len))
		err = -EEXIST;
	if (!err)
		area_insert(as, a);
	rwlock_write_done(&as->lock);
	if (err)
		area_free(a);
	return err;
}
