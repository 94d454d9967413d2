/* What the first stage leaves to the others: bounds of the image, the first tables, the first stack. */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "core/layout.h"

/* From kernel.ld; text_end, rodata_end and kernel_end are the ends of the three segments (RX, R, RW), which begin on pages. */
extern char kernel_start[], text_end[], rodata_start[], rodata_end[], data_start[], kernel_end[];
extern char embedded_initramfs_start[], embedded_initramfs_end[];

/* The tables that are loaded until mm makes its own: the direct map of the first 4 GiB (NX), the image with its rights. */
extern u64 boot_pml4[512];
/* CPU 0's stack until threads are there (and its idle thread's afterwards). */
extern char boot_stack[], boot_stack_top[];

/* Called once, in long mode, on boot_stack; `magic` says which boot protocol `info` (physical) is of. */
void __noreturn kmain(u32 magic, paddr_t info);
/* Set by stage 04: runs `fn` in a kernel thread and never returns; NULL before. */
extern void (*boot_destination_runner)(void (*fn)(void));

#endif
