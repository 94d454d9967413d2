/*
 * Faults of user programs become signals (Intel SDM vol. 3, chapter 6; signal numbers and codes as Linux gives them), with a line in the kernel log when
 * the program has no handler for it.
 */
#include "proc_priv.h"

#include "core/cpu.h"
#include "core/printk.h"
#include "core/registry.h"
#include "irq/irq.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"


enum fault_address { ADDRESS_NONE, ADDRESS_RIP };
static const struct {
	u8 signo, address;
	s16 code;
	const char *name;
} trap_signals[32] = {
	[TRAP_DIVIDE] = { SIGFPE, ADDRESS_RIP, FPE_INTDIV, "divide error" },
	[TRAP_DEBUG] = { SIGTRAP, ADDRESS_RIP, TRAP_TRACE, NULL },
	[TRAP_BREAKPOINT] = { SIGTRAP, ADDRESS_NONE, SI_KERNEL, NULL },
	[TRAP_OVERFLOW] = { SIGSEGV, ADDRESS_NONE, SI_KERNEL, "overflow" },
	[TRAP_BOUND] = { SIGSEGV, ADDRESS_NONE, SI_KERNEL, "bounds" },
	[TRAP_INVALID_OPCODE] = { SIGILL, ADDRESS_RIP, ILL_ILLOPN, "invalid opcode" },
	[TRAP_NO_FPU] = { SIGSEGV, ADDRESS_NONE, SI_KERNEL, "no FPU" },
	[TRAP_INVALID_TSS] = { SIGSEGV, ADDRESS_NONE, SI_KERNEL, "invalid TSS" },
	[TRAP_NO_SEGMENT] = { SIGBUS, ADDRESS_NONE, SI_KERNEL, "segment not present" },
	[TRAP_STACK] = { SIGBUS, ADDRESS_NONE, SI_KERNEL, "stack segment" },
	[TRAP_GENERAL_PROTECTION] = { SIGSEGV, ADDRESS_NONE, SI_KERNEL, "general protection fault" },
	[TRAP_FPU] = { SIGFPE, ADDRESS_RIP, 0, NULL },
	[TRAP_ALIGNMENT] = { SIGBUS, ADDRESS_NONE, BUS_ADRALN, NULL },
	[TRAP_SIMD] = { SIGFPE, ADDRESS_RIP, 0, NULL },
};

/* Which floating point exception: status bits that are not masked, invalid first (SDM vol. 1, 8.5 and 11.5). */
static int fpe_code(u32 status, u32 masked)
{
	u32 raised = status & ~masked;

	if (raised & 0x01)
		return FPE_FLTINV;
	if (raised & 0x04)
		return FPE_FLTDIV;
	if (raised & 0x08)
		return FPE_FLTOVF;
	if (raised & 0x12)
		return FPE_FLTUND;
	return raised & 0x20 ? FPE_FLTRES : 0;
}

static int fpu_code(u64 vector)
{
	if (vector == TRAP_SIMD) {
		u32 mxcsr;
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		return fpe_code(mxcsr, mxcsr >> 7);
	}
	u16 status, control;
	__asm__ volatile("fnstsw %0\n\tfnstcw %1" : "=m"(status), "=m"(control));
	return fpe_code(status, control);
}

/* Somebody will want to know why the program ends; but a program that does nothing else must not fill the log: ten lines in five seconds. */
static bool worth_a_line(int signo)
{
	static struct spinlock lock = SPINLOCK_INIT("fault lines", RANK_FILES);
	static u64 since; /* lock */
	static u32 lines; /* lock */
	u64 handler = READ_ONCE(current->process->sighand->action[signo - 1].handler);

	if (handler != SIG_DFL && !(current->signal->blocked & SIGMASK(signo)))
		return false;
	spin_lock(&lock);
	u64 now = time_ns();
	if (now - since > 5 * NSEC_PER_SEC) {
		since = now;
		lines = 0;
	}
	bool room = lines++ < 10;
	spin_unlock(&lock);
	return room;
}

static void note_trap(const struct trapframe *f, u64 error, u64 address)
{
	current->signal->trap_nr = f->vector;
	current->signal->trap_error = error;
	current->signal->trap_addr = address;
}

static void user_trap(struct trapframe *f)
{
	u64 vector = f->vector;
	int signo = vector < 32 && trap_signals[vector].signo ? trap_signals[vector].signo : SIGSEGV;
	int code = vector < 32 && trap_signals[vector].signo ? trap_signals[vector].code : SI_KERNEL;

	note_trap(f, f->error, current->signal->trap_addr);
	if (vector == TRAP_FPU || vector == TRAP_SIMD)
		code = fpu_code(vector);
	if (vector < 32 && trap_signals[vector].name && worth_a_line(signo))
		printk("traps: %s[%d] trap %s ip:%lx sp:%lx error:%lx\n", current->name, current->tid, trap_signals[vector].name, f->rip, f->rsp, f->error);
	signal_force(signo, code, vector < 32 && trap_signals[vector].address == ADDRESS_RIP ? f->rip : 0);
}

/* A page fault that no area allows. */
static void memory_signal(int signo, int code, vaddr_t addr, struct trapframe *f)
{
	/* Beyond user space it is always "not allowed": a program does not learn what is mapped there. */
	u64 error = f->error | (addr >= USER_END ? PF_PRESENT : 0);

	if (!current->signal)
		return;
	note_trap(f, error, addr);
	if (worth_a_line(signo) && signo == SIGSEGV)
		printk("%s[%d]: segfault at %lx ip %lx sp %lx error %lx\n", current->name, current->tid, addr, f->rip, f->rsp, error);
	signal_force(signo, code, addr);
}

static bool may_lock_memory(void) { return capable(CAP_IPC_LOCK); }

static int traps_init(void)
{
	user_trap_hook = user_trap;
	vm_signal_hook = memory_signal;
	vm_may_lock_hook = may_lock_memory;
	return 0;
}
SUBSYSTEM(signals, .needs = "proc", .init = traps_init, .stage = "07-processes");
