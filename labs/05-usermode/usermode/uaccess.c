/*
 * Copies between kernel and user memory. Two things can be wrong with an address that a program gives: it may not be the program's at all (a kernel
 * address, on which the copy would work), or nothing may be mapped there. The first is checked here; the second is found out by trying: raw_copy_user
 * (copy.S) stops at the fault and says how much is left.
 */
#include "usermode/uaccess.h"

#include "abi/errno.h"
#include "core/todo.h"
#include "lib/string.h"

bool user_range_ok(const void __user *p, size_t n)
{
	TODO("05-usermode");
}

size_t copy_from_user(void *dst, const void __user *src, size_t n)
{
	TODO("05-usermode");
}

size_t copy_to_user(void __user *dst, const void *src, size_t n)
{
	TODO("05-usermode");
}

size_t clear_user(void __user *dst, size_t n)
{
	TODO("05-usermode");
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	TODO("05-usermode");
}
