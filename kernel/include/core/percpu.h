/*
 * Per-CPU data. GS points at this CPU's struct cpu in the kernel; `current` and the preemption count are one instruction away.
 * Upper stages keep their own per-CPU variables with PERCPU: a section copied once per CPU, reached by an offset in struct cpu.
 */
#ifndef CORE_PERCPU_H
#define CORE_PERCPU_H

#include "core/debug.h"

#define MAX_CPUS 64

struct thread;
struct trapframe;

struct cpu {
	struct cpu *self;             /* gs:0 */
	struct thread *current;       /* gs:8; NULL before stage 04 */
	u64 kernel_rsp;               /* gs:16; top of current's kernel stack: loaded by the SYSCALL entry */
	u64 user_rsp;                 /* gs:24; scratch of the SYSCALL entry */
	u32 preempt_count;            /* gs:32; 0: may be preempted. Counts preempt_disable and held spinlocks; + IRQ_COUNT in handlers */
	u32 need_resched;             /* gs:36; set by this or another CPU: reschedule on the next chance */
	u64 percpu_offset;            /* gs:40; added to the address of a PERCPU variable */
	u32 id;                       /* 0 … cpu_count-1, dense */
	u32 apic_id;
	bool online;
	void *tss;                    /* struct tss * (boot/gdt.h) */
	void *gdt;
	u64 irq_stack_top;
	u64 irqs, ipis;               /* counts for /proc */
	struct trapframe *irq_frame;  /* what the interrupt handler that runs now has interrupted */
};
extern struct cpu *cpus[MAX_CPUS]; /* by id; NULL past cpu_count */
extern u32 cpu_count;              /* CPUs that are online */

static __always_inline struct cpu *this_cpu(void)
{
	struct cpu *c;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}
/* `current` is a macro where threads are known, so the field is set through this. */
static __always_inline void cpu_set_current(struct cpu *c, struct thread *t) { c->current = t; }
static __always_inline struct thread *cpu_current(const struct cpu *c) { return READ_ONCE(c->current); }
static __always_inline u32 cpu_id(void) { return this_cpu()->id; }

#define PERCPU(type, name) __typeof__(type) name __section(".percpu")
/* Keep preemption off while the pointer is used, unless the thread cannot move. */
#define percpu_ptr(var) ((__typeof__(&(var)))((char *)&(var) + this_cpu()->percpu_offset))
#define percpu_ptr_of(var, c) ((__typeof__(&(var)))((char *)&(var) + (c)->percpu_offset))
/* Allocates and copies the per-CPU image for a CPU; called by boot (CPU 0, static) and SMP bring-up. */
struct cpu *percpu_setup(u32 id, void *image);
size_t percpu_image_size(void); /* struct cpu and the data */
struct cpu *percpu_boot_setup(void); /* CPU 0, in memory of the image */

static __always_inline void preempt_disable(void)
{
	__asm__ volatile("incl %%gs:32" ::: "memory", "cc");
}
/* Called with preemption on again and need_resched set: through sched's hook (nothing before stage 04), unless interrupts are off. */
void preempt_check(void);
/* True if it is on again. */
static __always_inline bool preempt_count_down(void)
{
	bool on;
	__asm__ volatile("decl %%gs:32" : "=@ccz"(on)::"memory");
	return on;
}
/* Reschedules if that was asked for meanwhile. Inline, since it ends every critical section: two instructions where nothing was. */
#if DEBUG
void preempt_enable(void); /* a point of change for the chaos scheduler too */
#else
static __always_inline void preempt_enable(void)
{
	if (preempt_count_down() && unlikely(READ_ONCE(this_cpu()->need_resched)))
		preempt_check();
}
#endif
static __always_inline void preempt_enable_no_resched(void)
{
	__asm__ volatile("decl %%gs:32" ::: "memory", "cc");
}
static __always_inline u32 preempt_count(void)
{
	u32 n;
	__asm__ volatile("movl %%gs:32, %0" : "=r"(n));
	return n;
}
#define IRQ_COUNT 0x10000u /* added to preempt_count while an interrupt handler runs */
static __always_inline bool in_irq(void) { return preempt_count() >= IRQ_COUNT; }
/*
 * Set once by stage 04: called when need_resched is set and the count is 0, by preempt_enable if interrupts are on, and with interrupts off on return from an
 * interrupt or trap to kernel code that had them on (or to user mode). Comes back with interrupts as they were.
 */
extern void (*preempt_hook)(void);
_Static_assert(offsetof(struct cpu, preempt_count) == 32, "asm above");
_Static_assert(offsetof(struct cpu, percpu_offset) == 40, "entry code");

#endif
