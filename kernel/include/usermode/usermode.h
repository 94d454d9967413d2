/* Ring 3: the way there, the way back, FPU state. */
#ifndef USERMODE_USERMODE_H
#define USERMODE_USERMODE_H

#include "irq/trapframe.h"
#include "usermode/process.h"

#define USER_CS 0x33
#define USER_DS 0x2b
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10

/* The registers that t had in user mode (top of its kernel stack). */
static inline struct trapframe *thread_user_frame(struct thread *t) { return (struct trapframe *)t->stack_top - 1; }
static inline struct trapframe *current_user_frame(void) { return thread_user_frame(current); }

/* Student's (usermode/enter.S): leaves to ring 3 with this frame by iretq; also where a forked child first goes (ret_from_fork). */
void __noreturn user_enter(struct trapframe *frame);
void syscall_entry(void);      /* LSTAR */
void int80_entry(void);        /* gate 0x80, DPL 3 */
void ret_from_fork(void);      /* first activation of a user thread: schedule_tail(rax), then to user mode by its frame */
/* Student's (usermode/usermode.c): the MSRs of this CPU (EFER.SCE, STAR, LSTAR, FMASK = TF|IF|DF|AC|NT|IOPL|RF). */
void usermode_cpu_init(void);
/* The C side of both entries: dispatches f->error (the number) and stores the result in f->rax. Interrupts on. */
void syscall_dispatch(struct trapframe *f);
/* Runs while thread->work is set, before going back to user mode; interrupts on inside. Upper layers hook: */
NOTIFIER_DECLARE(user_return, struct trapframe *f);
/* How exit(2), exit_group(2) and a fatal trap end a user thread (or its whole process): usermode's own ends the thread; exec (06) and then proc (07) set theirs. Never returns. */
extern void (*user_exit_hook)(int wait_status, bool whole_process) __noreturn;
/* Student's too: sets a frame up for a fresh program: registers 0, rflags = IF. */
void user_frame_init(struct trapframe *f, vaddr_t entry, vaddr_t sp);
/* Flags that a user program may set itself (sigreturn, ptrace-like writes): everything else of rflags comes from the kernel. */
#define USER_RFLAGS 0x250dd5ul /* CF PF AF ZF SF TF DF OF NT AC ID */
/* Makes a frame that a user could have shaped safe to return with: selectors, flags. rip may stay anything: the way back checks it. */
void user_frame_sanitise(struct trapframe *f);
/* The work word's way back (also called by the entries): see NOTIFIER user_return. Interrupts off on entry and exit. */
void user_return_work(struct trapframe *f);
/* TLS bases of current (arch_prctl, clone's and exec's are set in the thread before it runs). 0 or -EPERM if not a user address. */
int user_set_fs_base(u64 base);
int user_set_gs_base(u64 base);
u64 user_get_fs_base(void);
u64 user_get_gs_base(void);
/* Saves current's live bases into its struct thread (fork copies them from there). */
void user_sync_bases(void);
/* exec: bases 0. */
void user_reset_bases(void);

/* FPU, SSE, AVX: eagerly saved by XSAVE(OPT) at a switch. */
extern size_t fpu_state_size;
struct fpu_state *fpu_alloc(void);           /* initial state; NULL if memory is short */
void fpu_free(struct fpu_state *s);
void fpu_copy_current(struct fpu_state *dst); /* saves current's live state there (fork, signal frame) */
void fpu_reset_current(void);                /* exec */
/* Signal frame: the XSAVE image with Linux's sw_reserved bytes (fp magic). Size of the image in the frame. */
size_t fpu_frame_size(void);
int fpu_save_to_user(void __user *buf);      /* 0 or -EFAULT */
int fpu_restore_from_user(const void __user *buf); /* checks the image: 0, -EFAULT, -EINVAL */

/* System calls: the generated table is in <syscalls_gen.h> (syscall_table, syscall_infos). */
long syscall_missing(u32 nr); /* counts, logs once per number; -ENOSYS */
u64 syscall_missing_count(u32 nr);
u64 syscall_direct_count(u32 nr); /* calls that went straight to the table, on all CPUs; nr in the table */
/* Linux (12) interposes here: NULL, or called instead of the table for threads with WORK_TRACE, or when a mode restricts calls. */
extern long (*syscall_router)(u32 nr, const u64 args[6], struct trapframe *f);
extern bool syscall_route_all; /* every call goes through the router */

#endif
