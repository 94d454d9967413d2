/*
 * Copies between kernel and user memory: the only way user memory is touched. Addresses are checked against USER_END; faults go through the fix-up table,
 * so any pointer is safe. May sleep (page faults) unless page faults are off (pagefault_disable): then the copy stops short.
 * Not while holding a spinlock, an inode's or a page's lock.
 */
#ifndef USERMODE_UACCESS_H
#define USERMODE_UACCESS_H

#include "sched/thread.h"
#include "mm/layout.h"

/* Student's (usermode/uaccess.c). */
bool user_range_ok(const void __user *p, size_t n);
/* Bytes NOT copied: 0 when all went well. */
size_t __must_check copy_from_user(void *dst, const void __user *src, size_t n);
size_t __must_check copy_to_user(void __user *dst, const void *src, size_t n);
size_t __must_check clear_user(void __user *dst, size_t n);
/* Copies a string with its NUL: length without NUL; -EFAULT; -ENAMETOOLONG if it does not end within size. */
ssize_t __must_check strncpy_from_user(char *dst, const char __user *src, size_t size);
/* Given: one item; 0 or -EFAULT. */
int __must_check get_user_u32(u32 *v, const u32 __user *p);
int __must_check put_user_u32(u32 v, u32 __user *p);
int __must_check get_user_u64(u64 *v, const u64 __user *p);
int __must_check put_user_u64(u64 v, u64 __user *p);
int __must_check put_user_u8(u8 v, u8 __user *p);
/* Atomic compare and exchange on a user word (futex); -EFAULT, or 0 with the old value in *old. */
int __must_check cmpxchg_user_u32(u32 __user *p, u32 expect, u32 new, u32 *old);
/* A struct that may grow: reads size bytes into room, the rest is zeroed. 0, -EFAULT, or -E2BIG if there is more than room and not all of it is 0. */
int copy_struct_from_user(void *to, size_t room, const void __user *from, size_t size);
/* Fault pages in for later copies with faults off: 0 or -EFAULT. */
int fault_in_readable(const void __user *p, size_t n);
int fault_in_writable(void __user *p, size_t n);

static inline void pagefault_disable(void) { current->pagefault_off++; barrier(); }
static inline void pagefault_enable(void) { barrier(); current->pagefault_off--; }

/* Assembly under them (usermode/copy.S, given): fast copies with fix-ups, under STAC/CLAC. Bytes not copied. */
size_t raw_copy_user(void *dst, const void *src, size_t n);
size_t raw_clear_user(void *dst, size_t n);

#endif
