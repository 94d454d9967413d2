/*
 * The address checker of a checking kernel. Each 8 bytes of kernel memory have one byte of shadow at (address >> 3) + SHADOW_OFFSET:
 *
 *   0         all eight may be touched
 *   1 … 7     only the first that many
 *   >= 0x80   none: why, says the value
 *
 *     kernel half, 128 TiB            shadow, 16 TiB
 *   +-------------------------+     +--------------------+
 *   | direct map   (memory)   | --> | real, 1/8 of it    |
 *   | run-time mappings       | --> | real where areas   |
 *   |                         |     | are, else the page |
 *   | everything else         | --> | of zeros, shared   |
 *   | image                   | --> | real (in bss)      |
 *   +-------------------------+     +--------------------+
 *
 * The compiler puts a call before each load and store, surrounds globals and variables on the stack whose address is taken by red zones, and poisons those.
 * The allocators poison what is free. All is empty in a plain kernel.
 */
#ifndef CORE_KASAN_H
#define CORE_KASAN_H

#include "core/debug.h"
#include "core/layout.h"

#define SHADOW_OFFSET 0xdffffc0000000000ul
#define SHADOW_FIRST_SLOT 472 /* top-level entries that the shadow takes */
#define SHADOW_LAST_SLOT 503

enum kasan_poison {
	POISON_FREE_FRAME = 0xff,
	POISON_UNMAPPED = 0xfe,
	POISON_HEAP_REDZONE = 0xfc,
	POISON_HEAP_FREED = 0xfb,
	POISON_GLOBAL = 0xf9,
};

#if KASAN
static __always_inline u8 *kasan_shadow(const void *p) { return (u8 *)(((u64)p >> 3) + SHADOW_OFFSET); }
/* Before any instrumented code: the first shadow, then the globals' red zones. */
void kasan_early_init(void);
/* mm: from here on memory of the direct map in [base, end) has a shadow of its own. `alloc` gives zeroed pages;
 * false if it has none. */
bool kasan_cover(u64 *root, const void *start, const void *end, paddr_t (*alloc)(u64 bytes, u64 align));
/* p and n: multiples of 8 (n is rounded up for poison; a rest of n is kept as a partial byte by unpoison). */
void kasan_poison(const void *p, size_t n, u8 value);
void kasan_unpoison(const void *p, size_t n);
/* Checks a range by hand, for what the compiler does not see (copies, assembly). */
void kasan_check(const void *p, size_t n, bool write, const void *caller);
void __noreturn kasan_report(const void *p, size_t n, bool write, const void *caller, const char *what);
/* Unpoisons the stack from the caller's frame up: what lies there was left without returning. */
void kasan_unpoison_stack(void);
/* mm: prints what lies at p; false if it does not know. */
extern bool (*kasan_describe_hook)(const void *p);
bool kasan_describe_global(const void *p);
/* There is user memory now (stage 05): from here on an access to it by ordinary code is reported. Before, low addresses are the firmware's. */
void kasan_user_memory(void);
#else
static inline void kasan_early_init(void) {}
static inline void kasan_user_memory(void) {}
static inline void kasan_poison(const void *p __unused, size_t n __unused, u8 value __unused) {}
static inline void kasan_unpoison(const void *p __unused, size_t n __unused) {}
static inline void kasan_check(const void *p __unused, size_t n __unused, bool write __unused, const void *caller __unused) {}
#endif

#endif
