/*
 * Signal frames: how a handler is called behind the program's back, and how the program goes on afterwards (AMD64 ABI 3.2.2; rt_sigframe of Linux).
 *
 *   old rsp ──►  +---------------------+
 *                | 128 bytes red zone  |  the interrupted function may use it: left alone
 *                +---------------------+
 *                | FPU state           |  XSAVE area, aligned to 64 (usermode's fpu_*)
 *                +---------------------+
 *                | siginfo (128 bytes) |  rsi points here
 *                | ucontext            |  rdx points here: registers, mask, alternate stack
 *   new rsp ──►  | return address      |  sa_restorer, which makes the call rt_sigreturn
 *                +---------------------+
 *
 * The handler is entered as by a call: rsp + 8 is a multiple of 16. On return from the handler rsp is one word higher, so sigreturn finds the frame at
 * rsp - 8. Whatever the frame then holds came from the user: nothing of it may give rights (flags, selectors) or fault in the kernel.
 */
#include "proc/signal.h"

#include "core/cpu.h"
#include "core/todo.h"
#include "lib/string.h"
#include "proc_priv.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

#define RED_ZONE 128
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
/* CF PF AF ZF SF TF DF OF RF AC: what a program may set by sigreturn. */
#define USER_FLAGS (0x8d5ul | RFLAGS_TF | RFLAGS_DF | RFLAGS_RF | RFLAGS_AC)

struct sigcontext {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	u16 cs, gs, fs, ss;
	u64 error, trap_nr, old_mask, cr2, fpstate, reserved[8];
};
struct sigframe {
	u64 return_address;
	u64 uc_flags, uc_link;
	struct abi_sigaltstack uc_stack;
	struct sigcontext regs;
	u64 uc_mask;
	struct abi_siginfo info;
};
_Static_assert(sizeof(struct sigcontext) == 256 && sizeof(struct sigframe) == 440, "rt_sigframe");

#ifdef SOLUTION
/* Registers between the trap frame and the sigcontext: one list for both ways. */
#define EACH_REGISTER(X) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) X(rdi) X(rsi) X(rbp) X(rbx) X(rdx) X(rax) X(rcx) X(rsp) X(rip)

static bool lies_on(const struct abi_sigaltstack *a, u64 sp) { return sp > a->sp && sp - a->sp <= a->size; }

static bool on_altstack(u64 sp)
{
	const struct abi_sigaltstack *a = &current->signal->altstack;

	if (a->flags & (SS_DISABLE | (s32)SS_AUTODISARM))
		return false;
	return lies_on(a, sp);
}

static u64 choose_stack(const struct trapframe *f, const struct abi_sigaction *action)
{
	const struct abi_sigaltstack *a = &current->signal->altstack;

	if ((action->flags & SA_ONSTACK) && !(a->flags & SS_DISABLE) && !on_altstack(f->rsp))
		return a->sp + a->size;
	return f->rsp - RED_ZONE;
}

int sigframe_push(struct trapframe *f, const struct sigframe_request *r)
{
	struct thread_signal *ts = current->signal;
	struct sigframe frame;
	u64 sp = choose_stack(f, &r->action);
	u64 fpstate = ALIGN_DOWN(sp - fpu_frame_size(), 64ul);
	u64 at = ALIGN_DOWN(fpstate - sizeof(frame), 16ul) - 8;

	/* A frame must not run off the end of the alternate stack: neither of the one that the program is on, nor of one that is too small for it. */
	bool entered = sp != f->rsp - RED_ZONE;
	if ((entered || on_altstack(f->rsp)) && !lies_on(&ts->altstack, at))
		return -EFAULT;
	if (!(r->action.flags & SA_RESTORER))
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.return_address = r->action.restorer;
	frame.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (cpu_has(CPU_XSAVE) ? UC_FP_XSTATE : 0);
	frame.uc_stack = ts->altstack;
	if (ts->altstack.flags & (s32)SS_AUTODISARM)
		ts->altstack = (struct abi_sigaltstack){ .flags = SS_DISABLE };
#define SAVE(name) frame.regs.name = f->name;
	EACH_REGISTER(SAVE)
	frame.regs.rflags = f->rflags;
	frame.regs.cs = f->cs;
	frame.regs.ss = f->ss;
	frame.regs.error = ts->trap_error;
	frame.regs.trap_nr = ts->trap_nr;
	frame.regs.cr2 = ts->trap_addr;
	frame.regs.old_mask = frame.uc_mask = r->mask;
	frame.regs.fpstate = fpstate;
	frame.info = r->info;
	if (fpu_save_to_user((void __user *)fpstate) || copy_to_user((void __user *)at, &frame, sizeof(frame)))
		return -EFAULT;

	f->rdi = r->signo;
	f->rsi = at + offsetof(struct sigframe, info);
	f->rdx = at + offsetof(struct sigframe, uc_flags);
	f->rax = 0;
	f->rip = r->action.handler;
	f->rsp = at;
	f->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	f->cs = USER_CS;
	f->ss = USER_DS;
	fpu_reset_current();
	return 0;
}

static bool canonical(u64 va) { return (u64)((s64)(va << 16) >> 16) == va; }

long sigframe_pop(struct trapframe *f)
{
	struct sigframe frame;

	if (copy_from_user(&frame, (void __user *)(f->rsp - 8), sizeof(frame)))
		return -EFAULT;
	if ((frame.regs.cs | 3) != USER_CS || ((frame.regs.ss | 3) != USER_DS && (frame.uc_flags & UC_STRICT_RESTORE_SS)) || !canonical(frame.regs.rip))
		return -EFAULT;
	if (!frame.regs.fpstate)
		fpu_reset_current();
	else if (fpu_restore_from_user((void __user *)frame.regs.fpstate))
		return -EFAULT;
	signal_set_blocked(frame.uc_mask);
#define LOAD(name) f->name = frame.regs.name;
	EACH_REGISTER(LOAD)
	f->cs = USER_CS;
	f->ss = USER_DS;
	f->rflags = (f->rflags & ~USER_FLAGS) | (frame.regs.rflags & USER_FLAGS);
	f->error = -1ul; /* what is in rax now is no result that could be restarted */
	signal_restore_altstack(&frame.uc_stack);
	return f->rax;
}
#else
int sigframe_push(struct trapframe *f, const struct sigframe_request *r)
{
	TODO("07-processes");
}

long sigframe_pop(struct trapframe *f)
{
	TODO("07-processes");
}
#endif
