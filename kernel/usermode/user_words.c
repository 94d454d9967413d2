/* Single words of user memory, structs that may grow, and touching pages ahead of a copy that must not fault. */
#include "usermode/uaccess.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "usermode_priv.h"

u8 uaccess_smap;

static __always_inline void open_user(void)
{
	if (uaccess_smap)
		__asm__ volatile("stac" ::: "memory");
}
static __always_inline void close_user(void)
{
	if (uaccess_smap)
		__asm__ volatile("clac" ::: "memory");
}

/* Label 1 is the access, 2 the next instruction, 3 sets the error and goes to 2. */
#define FIXUP \
	".pushsection .text.fixup, \"ax\"\n" \
	"3: movl %[fault], %[err]\n" \
	"   jmp 2b\n" \
	".popsection\n" \
	".pushsection .fixup_table, \"a\"\n" \
	".balign 8\n" \
	".quad 1b, 3b\n" \
	".popsection\n"

#define GET(insn, value, p) ({ \
	int err_ = 0; \
	open_user(); \
	__asm__ volatile("1: " insn " %[mem], %[v]\n2:\n" FIXUP : [err] "+r"(err_), [v] "=r"(value) : [mem] "m"(*(p)), [fault] "i"(-EFAULT)); \
	close_user(); \
	err_; })
#define PUT(insn, value, p) ({ \
	int err_ = 0; \
	open_user(); \
	__asm__ volatile("1: " insn " %[v], %[mem]\n2:\n" FIXUP : [err] "+r"(err_), [mem] "=m"(*(p)) : [v] "r"(value), [fault] "i"(-EFAULT)); \
	close_user(); \
	err_; })

int get_user_u32(u32 *v, const u32 __user *p)
{
	u32 value = 0;
	if (!user_range_ok(p, sizeof(*p)) || GET("movl", value, p))
		return -EFAULT;
	*v = value;
	return 0;
}

int get_user_u64(u64 *v, const u64 __user *p)
{
	u64 value = 0;
	if (!user_range_ok(p, sizeof(*p)) || GET("movq", value, p))
		return -EFAULT;
	*v = value;
	return 0;
}

int put_user_u32(u32 v, u32 __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? PUT("movl", v, p) : -EFAULT;
}

int put_user_u64(u64 v, u64 __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? PUT("movq", v, p) : -EFAULT;
}

int put_user_u8(u8 v, u8 __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? PUT("movb", v, p) : -EFAULT;
}

int cmpxchg_user_u32(u32 __user *p, u32 expect, u32 new, u32 *old)
{
	int err = 0;
	u32 seen = expect;

	if (!user_range_ok(p, sizeof(*p)))
		return -EFAULT;
	open_user();
	__asm__ volatile("1: lock cmpxchgl %[new], %[mem]\n2:\n" FIXUP
			 : [err] "+r"(err), "+a"(seen), [mem] "+m"(*p) : [new] "r"(new), [fault] "i"(-EFAULT) : "memory", "cc");
	close_user();
	*old = seen;
	return err;
}

/* One byte read; or written with what it has, atomically, so that no other writer is undone. */
static int touch(const u8 __user *p, bool write)
{
	int err = 0;
	u8 value;

	if (!write)
		return GET("movb", value, p);
	open_user();
	__asm__ volatile("1: lock orb $0, %[mem]\n2:\n" FIXUP : [err] "+r"(err), [mem] "+m"(*(u8 *)p) : [fault] "i"(-EFAULT) : "memory", "cc");
	close_user();
	return err;
}

static int fault_in(const void __user *p, size_t n, bool write)
{
	const u8 *at = p, *last = at + n - 1;

	if (n == 0)
		return 0;
	if (!user_range_ok(p, n))
		return -EFAULT;
	for (;;) {
		if (touch(at, write))
			return -EFAULT;
		u64 next = ALIGN_DOWN((u64)at, PAGE_SIZE) + PAGE_SIZE;
		if (next > (u64)last)
			return 0;
		at = (const u8 *)next;
	}
}

int fault_in_readable(const void __user *p, size_t n) { return fault_in(p, n, false); }
int fault_in_writable(void __user *p, size_t n) { return fault_in(p, n, true); }

int copy_struct_from_user(void *to, size_t room, const void __user *from, size_t size)
{
	const u8 __user *more = (const u8 __user *)from + room;
	u8 chunk[64];

	memset(to, 0, room);
	for (size_t left = size > room ? size - room : 0; left;) {
		size_t n = MIN(left, sizeof(chunk));
		if (copy_from_user(chunk, more, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (chunk[i])
				return -E2BIG;
		more += n;
		left -= n;
	}
	return copy_from_user(to, from, MIN(size, room)) ? -EFAULT : 0;
}
