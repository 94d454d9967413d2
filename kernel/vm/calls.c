/* The system calls of memory: decode, then call. */
#include "syscalls_gen.h"

#include "vm_priv.h"

static struct aspace *own(void)
{
	return current_process()->aspace;
}

long sys_mmap(unsigned long addr, size_t length, unsigned long prot, unsigned long flags, int fd, s64 offset)
{
	struct file *file = NULL;

	if (offset & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_get(fd);
		if (!file)
			return -EBADF;
		if (flags & MAP_HUGETLB) {
			file_put(file);
			return -EINVAL; /* no file here lives on huge pages */
		}
	} else if (flags & MAP_HUGETLB) {
		return length ? -ENOMEM : -EINVAL; /* a pool of huge pages that is empty */
	}
	long at = vm_map(own(), addr, length, prot, flags, file, (u64)offset >> PAGE_SHIFT);
	if (file)
		file_put(file);
	return at;
}

long sys_munmap(unsigned long addr, size_t length)
{
	return vm_unmap(own(), addr, length);
}

long sys_mprotect(unsigned long addr, size_t length, unsigned long prot)
{
	return vm_protect(own(), addr, length, prot > UINT32_MAX ? ~0u & ~(PROT_GROWSDOWN | PROT_GROWSUP) : prot);
}

long sys_brk(unsigned long brk)
{
	return vm_brk(own(), brk);
}

long sys_mremap(unsigned long addr, size_t old_len, size_t new_len, unsigned long flags, unsigned long new_addr)
{
	return vm_remap(own(), addr, old_len, new_len, flags > UINT32_MAX ? ~0u : flags, new_addr);
}

long sys_madvise(unsigned long addr, size_t length, int advice)
{
	return vm_advise(own(), addr, length, advice);
}

long sys_mincore(unsigned long addr, size_t length, void __user *vec)
{
	return vm_resident(own(), addr, length, vec);
}

long sys_mlock(unsigned long addr, size_t length)
{
	return vm_lock(own(), addr, length, true, true);
}

long sys_mlock2(unsigned long addr, size_t length, int flags)
{
	return flags & ~MLOCK_ONFAULT ? -EINVAL : vm_lock(own(), addr, length, true, !flags);
}

long sys_munlock(unsigned long addr, size_t length)
{
	return vm_lock(own(), addr, length, false, false);
}

long sys_mlockall(int flags)
{
	return vm_lock_all(own(), flags);
}

long sys_munlockall(void)
{
	struct aspace *as = own();
	struct list dead;

	list_init(&dead);
	if (rwlock_write_killable(&as->lock))
		return -EINTR;
	as->lock_future = false;
	vm_change_flags(as, 0, USER_END, 0, AREA_LOCKED, NULL, &dead);
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	return 0;
}
