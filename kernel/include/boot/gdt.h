/* Segments and task state of a CPU (Intel SDM vol. 3, 3.4.5 and 8.7). */
#ifndef BOOT_GDT_H
#define BOOT_GDT_H

#include "core/percpu.h"

/*
 * The order of the user selectors is the one that SYSRET wants (SS = base + 8, CS = base + 16 with base 0x20).
 *   08 kernel code   10 kernel data   20 (empty)   28 user data   30 user code   38 TSS (16 bytes)
 */
#define GDT_KERNEL_CODE 0x08
#define GDT_KERNEL_DATA 0x10
#define GDT_USER_DATA 0x28
#define GDT_USER_CODE 0x30
#define GDT_TSS 0x38
#define GDT_ENTRIES 9

/* Stacks of their own for what may strike on a bad stack, or between an entry and its swapgs. */
enum { IST_DOUBLE_FAULT = 1, IST_NMI = 2, IST_MACHINE_CHECK = 3, IST_DEBUG = 4, IST_COUNT = 4 };
#define IST_STACK_SIZE 8192

struct tss {
	u32 reserved0;
	u64 rsp[3];   /* rsp[0]: the stack that an entry from ring 3 starts on */
	u64 reserved1;
	u64 ist[7];   /* ist[n-1] is IST n; the word at that address holds the CPU's struct cpu * (irq/paranoid.S) */
	u64 reserved2;
	u16 reserved3;
	u16 iomap;    /* at the limit: no port is open to ring 3 */
} __packed;
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, figure 8-11");

/* Sets the stack for entries from ring 3 on this CPU, for the TSS and for SYSCALL alike. Interrupts off or preemption off. */
static inline void cpu_set_kernel_stack(u64 top)
{
	struct cpu *c = this_cpu();
	((struct tss *)c->tss)->rsp[0] = top;
	c->kernel_rsp = top;
}

#endif
