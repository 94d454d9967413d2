/*
 * Given parts of the trap path: the fix-up table, the two ways out, what the paranoid entries call.
 *
 * The ways out are where a switch of threads may happen: to ring 3 always, to the kernel only if it was interrupted with interrupts on and without
 * preemption being held off.
 */
#include "irq/irq.h"

#include "boot/gdt.h"
#include "core/cpu.h"
#include "core/atomic.h"
#include "core/boot_clock.h"
#include "core/layout.h"
#include "core/lock_check.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "irq_priv.h"

extern const struct fixup fixup_table_start[], fixup_table_end[]; /* kernel.ld */
extern const char paranoid_debug[], paranoid_nmi[], paranoid_double_fault[], paranoid_machine_check[]; /* paranoid.S */

const struct paranoid_gate paranoid_gates[] = {
	{ TRAP_DEBUG, IST_DEBUG, (u64)paranoid_debug },
	{ TRAP_NMI, IST_NMI, (u64)paranoid_nmi },
	{ TRAP_DOUBLE_FAULT, IST_DOUBLE_FAULT, (u64)paranoid_double_fault },
	{ TRAP_MACHINE_CHECK, IST_MACHINE_CHECK, (u64)paranoid_machine_check },
};
const unsigned paranoid_gate_count = ARRAY_SIZE(paranoid_gates);

void (*user_return_hook)(struct trapframe *f);
void (*trap_nmi_hook)(struct trapframe *f);
static struct trapframe *stopped[MAX_CPUS]; /* what a CPU was doing when it was stopped */
static u32 stopping; /* 1 + the CPU that stops all others, else 0: for them an NMI means halt */

static const struct fixup *find_fixup(const struct trapframe *f)
{
	for (const struct fixup *x = fixup_table_start; x < fixup_table_end; x++)
		if (x->insn == f->rip)
			return x;
	return NULL;
}

bool trap_has_fixup(const struct trapframe *f)
{
	return find_fixup(f) != NULL;
}

bool trap_fixup(struct trapframe *f)
{
	const struct fixup *x = find_fixup(f);

	if (x)
		f->rip = x->landing;
	return x != NULL;
}

/*
 * The word that others set to get a thread's attention lies at a fixed place of struct thread, which belongs to stage 04. Its bit 2 (WORK_TRACE) is about
 * system calls only and stays set.
 */
static inline u32 current_work(void)
{
	const char *current_thread = (const char *)this_cpu()->current;

	return current_thread ? READ_ONCE(*(const u32 *)(current_thread + 16)) & ~4u : 0;
}

void trap_exit_user(struct trapframe *f)
{
	bool worked = false;

	irq_disable();
	for (;;) {
		if (unlikely(READ_ONCE(this_cpu()->need_resched)) && preempt_hook) {
			preempt_hook();
			irq_disable();
			worked = false;
			continue;
		}
		/* The hook comes back when nothing is left that it can do. */
		if (worked || likely(!current_work()) || !user_return_hook) {
			lock_check_user_return();
			return;
		}
		user_return_hook(f);
		worked = true;
	}
}

void trap_exit_kernel(struct trapframe *f)
{
	irq_disable();
	if (unlikely(READ_ONCE(this_cpu()->need_resched)) && (f->rflags & RFLAGS_IF) && !preempt_count() && preempt_hook) {
		preempt_hook();
		irq_disable();
	}
}

/* The CPU could not push a frame since the page below the stack is not mapped. */
static bool stack_overflow(const struct trapframe *f)
{
	u64 fault = read_cr2();

	return fault >= KMAP_BASE && fault < KMAP_END && f->rsp >= fault - PAGE_SIZE && f->rsp <= fault + PAGE_SIZE;
}

void paranoid_dispatch(struct trapframe *f, u64 gs_base)
{
	u32 stopper = READ_ONCE(stopping);

	if (f->vector == TRAP_NMI && stopper) {
		if (stopper == 1 + cpu_id())
			return; /* a beat of the watchdog's: what it reports comes first */
		WRITE_ONCE(stopped[cpu_id()], f);
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	if (f->vector == TRAP_NMI && trap_nmi_hook) {
		trap_nmi_hook(f);
		return;
	}
	/* With a wrong gs each handler faults at its first look at the CPU, until the stack is full: the cause, not the overflow, is told. */
	if (f->vector == TRAP_DOUBLE_FAULT && gs_base != (u64)this_cpu())
		panic_frame(f, "double fault in the kernel, with a gs base of %lx, which is not this CPU's: a swapgs is missing, or one is too many", gs_base);
	if (f->vector == TRAP_DOUBLE_FAULT && stack_overflow(f))
		panic_frame(f, "stack overflow: the kernel stack of the running thread ended at %lx", read_cr2());
	trap_dispatch(f);
}

/* An iretq to ring 3 that the CPU refused: the frame was the user's doing (a signal frame, a debugger). It is that program's fault. */
void trap_bad_iret_frame(struct trapframe *f)
{
	if (!user_trap_hook)
		panic_frame(f, "a return to ring 3 failed");
	f->cs = GDT_USER_CODE | 3;
	f->ss = GDT_USER_DATA | 3;
	irq_enable();
	user_trap_hook(f);
	irq_disable();
}

/* For panics and the marker of what is yet to be written: all others halt. */
static void stop_others(void)
{
	u32 self = cpu_id();

	if (!atomic_cas(&stopping, 0u, 1 + self))
		return;
	for (u32 i = 0; i < MAX_CPUS; i++)
		if (cpus[i] && i != self && cpus[i]->online)
			lapic_send(cpus[i]->apic_id, LAPIC_NMI);
}

static bool all_stopped(void)
{
	for (u32 i = 0; i < MAX_CPUS; i++)
		if (cpus[i] && i != cpu_id() && cpus[i]->online && !READ_ONCE(stopped[i]))
			return false;
	return true;
}

/* The panicking CPU shows what the others were doing. */
static void show_others(void)
{
	u64 end = boot_clock_ns() + 500000000;

	while (!all_stopped() && boot_clock_ns() < end)
		cpu_relax();
	for (u32 i = 0; i < MAX_CPUS; i++) {
		if (!cpus[i] || !READ_ONCE(stopped[i]))
			continue;
		panic_note("CPU %u was here%s:\n", i, trapframe_from_user(stopped[i]) ? " (user mode)" : "");
		panic_trace(stopped[i]);
	}
}

void trap_stop_init(void)
{
	if (DEBUG)
		panic_others_hook = show_others;
	panic_stop_hook = stop_others;
}
