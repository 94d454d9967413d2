/*
 * Sockets: the calls that make one, for families that register here. None does: every family is refused as Linux refuses one that it was built without,
 * after the same checks in the same order.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "file/file.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define SOCK_TYPE_MASK 15
#define SOCK_MAX 11
#define FAMILIES 46

/* Linux's order: flags, family number, type number, then whether the family is there. */
static long check(int family, int type)
{
	if (type & ~SOCK_TYPE_MASK & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= FAMILIES)
		return -EAFNOSUPPORT;
	if ((type & SOCK_TYPE_MASK) >= SOCK_MAX)
		return -EINVAL;
	return -EAFNOSUPPORT;
}

long sys_socket(int family, int type, int protocol __unused)
{
	return check(family, type);
}

long sys_socketpair(int family, int type, int protocol __unused, void __user *fds)
{
	if (type & ~SOCK_TYPE_MASK & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	/* Linux stores the two numbers before it makes the sockets. */
	if (fault_in_writable(fds, 2 * sizeof(int)))
		return -EFAULT;
	return check(family, type);
}
