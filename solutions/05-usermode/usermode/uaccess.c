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
#ifdef SOLUTION
	/* Not p + n <= USER_END: the sum may wrap. */
	return n <= USER_END && (u64)p <= USER_END - n;
#else
	TODO("05-usermode");
#endif
}

size_t copy_from_user(void *dst, const void __user *src, size_t n)
{
#ifdef SOLUTION
	return likely(user_range_ok(src, n)) ? raw_copy_user(dst, src, n) : n;
#else
	TODO("05-usermode");
#endif
}

size_t copy_to_user(void __user *dst, const void *src, size_t n)
{
#ifdef SOLUTION
	return likely(user_range_ok(dst, n)) ? raw_copy_user(dst, src, n) : n;
#else
	TODO("05-usermode");
#endif
}

size_t clear_user(void __user *dst, size_t n)
{
#ifdef SOLUTION
	return likely(user_range_ok(dst, n)) ? raw_clear_user(dst, n) : n;
#else
	TODO("05-usermode");
#endif
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
#ifdef SOLUTION
	size_t done = 0;

	while (done < size) {
		/* Never past the end of a page: the string may end in it, and nothing be mapped behind. Small steps, for most strings are short. */
		const char __user *from = src + done;
		size_t n = MIN(size - done, 64ul - ((u64)from & 63));
		if (copy_from_user(dst + done, from, n))
			return -EFAULT;
		const char *end = memchr(dst + done, 0, n);
		if (end)
			return end - dst;
		done += n;
	}
	return -ENAMETOOLONG;
#else
	TODO("05-usermode");
#endif
}
