/* The system calls that a C library's start code makes before main, and its exit. */
#include "exec/exec.h"

#include "core/cpu.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

long sys_exit_group(int status)
{
	user_exit_hook((status & 0xff) << 8, true);
}

long sys_set_tid_address(void __user *tidptr)
{
	current->clear_child_tid = tidptr;
	return current->tid;
}

long sys_arch_prctl(int code, unsigned long addr)
{
	switch (code) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr >= USER_END)
			return -EPERM;
		user_base_set(code == ARCH_SET_GS, addr);
		return 0;
	case ARCH_GET_FS:
	case ARCH_GET_GS:
		return put_user_u64(user_base_get(code == ARCH_GET_GS), (u64 __user *)addr);
	}
	return -EINVAL;
}
