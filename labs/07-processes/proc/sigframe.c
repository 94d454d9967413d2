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

int sigframe_push(struct trapframe *f, const struct sigframe_request *r)
{
	TODO("07-processes");
}

long sigframe_pop(struct trapframe *f)
{
	TODO("07-processes");
}
