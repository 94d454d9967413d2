/*
 * What the processor must know before a program can run: where SYSCALL goes, with which segments and flags, and how a program's registers start.
 *
 * MSRs of SYSCALL (Intel SDM vol. 3, 5.8.8):
 *   STAR   63..48: base of the selectors for SYSRET (SS = base + 8, CS = base + 16), 47..32: of those for SYSCALL (CS = base, SS = base + 8)
 *   LSTAR  the entry in 64-bit mode
 *   FMASK  flags that SYSCALL clears
 *   EFER   bit SCE turns SYSCALL on
 */
#include "usermode/usermode.h"

#include "core/cpu.h"
#include "core/todo.h"
#include "lib/string.h"

void usermode_cpu_init(void)
{
#ifdef SOLUTION
	/* The entry must not start with the user's interrupts, single steps, direction, alignment checks, nested task or privileges. */
	const u64 mask = RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC;

	wrmsr(MSR_STAR, (u64)(USER_DS - 8) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_FMASK, mask);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
#else
	TODO("05-usermode");
#endif
}

void user_frame_init(struct trapframe *f, vaddr_t entry, vaddr_t sp)
{
#ifdef SOLUTION
	memset(f, 0, sizeof(*f)); /* a program must not see what the kernel left in registers */
	f->rip = entry;
	f->rsp = sp;
	f->cs = USER_CS;
	f->ss = USER_DS;
	f->rflags = RFLAGS_FIXED | RFLAGS_IF;
	f->error = (u64)-1; /* no system call to be restarted */
#else
	TODO("05-usermode");
#endif
}
