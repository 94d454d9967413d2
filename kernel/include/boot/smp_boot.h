/*
 * Getting other processors from reset to C. The protocol (INIT, SIPI, time-outs) is sched/smp.c's; boot has the code that runs there.
 *
 * For each CPU, one at a time:
 *   mem = cpu_mem_size() zeroed bytes, page-aligned; c = cpu_prepare(id, apic_id, mem);
 *   ap_trampoline_prepare(kernel_root, c, stack_top, entry);     then INIT and SIPI with page AP_TRAMPOLINE_PAGE
 *   on the new CPU entry(c) runs on that stack, with GS, GDT, TSS and `cpu_harden`'s bits set, interrupts off, under `kernel_root`;
 *   it loads the IDT (idt_load), enables its APIC, and says that it is there (c->online), after which the next CPU may be prepared.
 */
#ifndef BOOT_SMP_BOOT_H
#define BOOT_SMP_BOOT_H

#include "core/layout.h"
#include "core/percpu.h"

/* Physical page that the trampoline is copied to. All of the first MiB stays out of the frame allocator. */
#define AP_TRAMPOLINE_PAGE 0x08

/* Bytes for a CPU's struct cpu, per-CPU data, GDT, TSS and interrupt stacks. */
size_t cpu_mem_size(void);
/* Fills mem (zeroed, page-aligned, from the direct map or mapped for ever) and enters it in cpus[id]; never fails. */
struct cpu *cpu_prepare(u32 id, u32 apic_id, void *mem);
/* Copies the trampoline to its page and fills its parameters. `root` is the physical address of the page table to run under. */
void ap_trampoline_prepare(paddr_t root, struct cpu *c, u64 stack_top, void (*entry)(struct cpu *c));
/* On the CPU itself: GS, GDT, TSS. (The trampoline has done it when entry runs.) */
void cpu_activate(struct cpu *c);

#endif
