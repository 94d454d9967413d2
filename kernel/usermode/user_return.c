/*
 * The long way back to user mode, traps of user programs, and what a switch between user threads changes.
 *
 * A frame with an address that is not canonical is not looked for here: the iretq that leaves to ring 3 may fault, and then it is the program's fault
 * (irq/paranoid.S).
 */
#include "usermode_priv.h"

#include "boot/gdt.h"
#include "core/cpu.h"
#include "core/kasan.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/todo.h"
#include "irq/irq.h"
#include "sched/smp.h"

#define WORK_ON_RETURN (~(u32)WORK_TRACE)
#define MAX_ROUNDS 64
_Static_assert(offsetof(struct thread, work) == 16 && WORK_TRACE == 4, "enter.S");

void user_return_work(struct trapframe *f)
{
	/* Work that nobody takes off must not keep the thread here for ever: it is looked at again at the next entry. */
	for (int round = 0; round < MAX_ROUNDS && (READ_ONCE(current->work) & WORK_ON_RETURN); round++) {
		irq_enable();
		NOTIFIER_CALL(user_return, f);
		irq_disable();
	}
}

void user_frame_sanitise(struct trapframe *f)
{
	f->cs = USER_CS;
	f->ss = USER_DS;
	f->rflags = (f->rflags & USER_RFLAGS & ~RFLAGS_NT) | RFLAGS_FIXED | RFLAGS_IF;
}

/* --- without signals ----------------------------------------------------------------------------------------------- */

static void __noreturn default_exit(int wait_status, bool whole_process __unused)
{
	struct process *p = current->process;

	current->exit_code = wait_status;
	p->exit_status = wait_status;
	p->zombie = true;
	wait_wake_all(&p->child_wait);
	thread_exit();
}
void (*user_exit_hook)(int wait_status, bool whole_process) __noreturn = default_exit;

static void default_trap(struct trapframe *f)
{
	/* The signal that Linux would send: the status is right even if there are no signals yet. */
	static const u8 signals[32] = { [TRAP_DIVIDE] = 8, [TRAP_DEBUG] = 5, [TRAP_BREAKPOINT] = 5, [TRAP_INVALID_OPCODE] = 4, [TRAP_FPU] = 8, [TRAP_ALIGNMENT] = 7, [TRAP_SIMD] = 8 };
	int signo = f->vector < 32 && signals[f->vector] ? signals[f->vector] : 11;

	pr_warn("%s (%d): exception %lu, error %lx, rip %lx, address %lx: ended by signal %d\n", current->name, current->tid, f->vector, f->error, f->rip,
		f->vector == TRAP_PAGE_FAULT ? read_cr2() : 0, signo);
	user_exit_hook(signo, true);
}

/* --- switch -------------------------------------------------------------------------------------------------------- */

static void usermode_switch(struct thread *prev, struct thread *next)
{
	if (prev->process && prev->state != THREAD_DEAD) {
		bases_switch_out(prev);
		fpu_switch_out(prev);
	}
	if (next->process) {
		cpu_set_kernel_stack(next->stack_top);
		bases_switch_in(next);
		fpu_switch_in(next);
	}
}
NOTIFIER(thread_switch, usermode_switch);

/* --- start --------------------------------------------------------------------------------------------------------- */

static void start_cpu(struct cpu *c __unused)
{
	fpu_cpu_init();
	bases_cpu_init();
	usermode_cpu_init();
}
NOTIFIER(cpu_start, start_cpu);

static int usermode_init(void)
{
	kasan_user_memory();
	uaccess_smap = cpu_has(CPU_SMAP);
	start_cpu(this_cpu());
	idt_set_gate(VECTOR_INT80, (u64)int80_entry, 0, 3);
	user_trap_hook = default_trap;
	user_return_hook = user_return_work;
	return 0;
}
SUBSYSTEM(usermode, .needs = "sched irq mm", .init = usermode_init, .stage = "05-usermode");

void usermode_entry_missing(void)
{
	TODO("05-usermode");
}
