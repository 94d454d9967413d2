/* Attributes and small helpers of the language. */
#ifndef CORE_COMPILER_H
#define CORE_COMPILER_H

#include "core/types.h"

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __noreturn __attribute__((noreturn))
#define __used __attribute__((used))
#define __unused __attribute__((unused))
#define __weak __attribute__((weak))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __printf_like(fmt, first) __attribute__((format(printf, fmt, first)))
#define __must_check __attribute__((warn_unused_result))
#define __section(s) __attribute__((section(s)))
/* Function that must stay free of sanitizer checks (early boot, the checkers themselves). */
#define __no_sanitize __attribute__((no_sanitize("address", "undefined")))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ volatile("" ::: "memory")

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
/* align must be a power of two. ALIGN_UP may wrap: check the operand first. */
#define ALIGN_DOWN(x, align) ((x) & ~((__typeof__(x))(align)-1))
#define ALIGN_UP(x, align) ALIGN_DOWN((x) + (align)-1, align)
#define IS_ALIGNED(x, align) (((x) & ((__typeof__(x))(align)-1)) == 0)
#define DIV_ROUND_UP(a, b) (((a) + (b)-1) / (b))

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/*
 * Linker sets: LINKER_SET(name, item) in any file adds a pointer to `item` to the set `name`; LINKER_SET_FOREACH visits all of them, in link order.
 * A set may be empty. The linker script keeps every section `set_*` between __start_set_* and __stop_set_*.
 */
#define LINKER_SET(set, item) \
	static __typeof__(item) *const CONCAT(set_##set##_, __COUNTER__) __used __section("set_" #set) = &(item)
#define LINKER_SET_DECLARE(set, type) \
	extern type *const __start_set_##set[] __weak; \
	extern type *const __stop_set_##set[] __weak
#define LINKER_SET_FOREACH(set, it) \
	for (__typeof__(__start_set_##set[0]) *it = __start_set_##set; it < __stop_set_##set; it++)

#endif
