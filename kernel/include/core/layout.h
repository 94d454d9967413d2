/*
 * The map of virtual memory (48 bits).
 *
 *   0000000000000000 - 0000000000000fff   never mapped
 *   0000000000010000 - 00007fffffffefff   user
 *   ffff800000000000 - ffffbfffffffffff   direct map: all of memory at DIRECT_BASE + paddr (NX)
 *   ffffc00000000000 - ffffdfffffffffff   kernel mappings made at run time: stacks with guard pages, device registers, large buffers
 *   ffffe00000000000 - ffffe0ffffffffff   frame table: struct frame of each frame
 *   ffffec0000000000 - fffffbffffffffff   shadow memory of a checking kernel
 *   ffffffff80000000 - ffffffffbfffffff   the kernel image (text RX, rodata R, data RW)
 *
 * The top-level entries of the kernel half are all made at boot and never change, so every address space simply copies them.
 */
#ifndef CORE_LAYOUT_H
#define CORE_LAYOUT_H

#include "core/compiler.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define LARGE_PAGE_SIZE (2ul << 20)
#define HUGE_PAGE_SIZE (1ul << 30)

#define USER_MIN 0x10000ul /* lowest address that mmap gives (vm.mmap_min_addr) */
#define USER_END 0x7ffffffff000ul /* first address past user space; the last page stays free */
#define DIRECT_BASE 0xffff800000000000ul
#define DIRECT_END 0xffffc00000000000ul
#define KMAP_BASE 0xffffc00000000000ul
#define KMAP_END 0xffffe00000000000ul
#define FRAMES_BASE 0xffffe00000000000ul
#define SHADOW_BASE 0xffffec0000000000ul
#define KERNEL_BASE 0xffffffff80000000ul

static inline void *phys_to_virt(paddr_t p) { return (void *)(p + DIRECT_BASE); }
/* Of a direct map or kernel image address only. */
static inline paddr_t virt_to_phys(const void *v)
{
	u64 a = (u64)v;
	return a >= KERNEL_BASE ? a - KERNEL_BASE : a - DIRECT_BASE;
}

#endif
