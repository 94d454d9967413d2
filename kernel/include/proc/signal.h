/* Signals: sending, pending sets, and what lower and upper layers need of delivery. */
#ifndef PROC_SIGNAL_H
#define PROC_SIGNAL_H

#include "abi/signal.h"
#include "core/spinlock.h"
#include "irq/trapframe.h"
#include "usermode/process.h"

typedef u64 sigset_t_; /* bit signo-1 */
#define SIGMASK(s) (1ul << ((s)-1))
#define SIG_UNMASKABLE (SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))

struct sighand {
	struct refcount ref;
	struct spinlock lock;              /* guards actions, and all pending sets of the processes that share it */
	struct abi_sigaction action[NSIG]; /* by signo-1 */
};
struct pending {
	u64 set;
	struct list queue; /* struct sigqueue */
};
struct thread_signal {
	struct pending pending;
	u64 blocked, saved_mask, real_blocked;
	struct abi_sigaltstack altstack;
	u64 trap_nr, trap_error, trap_addr; /* the last exception: for the sigcontext of its signal */
	bool has_stopped;                   /* counted in the stop that is under way; sighand->lock */
	bool exiting;                       /* takes no more signals; sighand->lock */
};
/* Shared by a process's threads (process->signal). All under sighand->lock unless said. */
struct process_signal {
	struct pending pending;
	struct process *process;
	struct timer real_timer;
	u64 real_interval_ns;
	u64 itimer_value[3], itimer_interval[3]; /* VIRTUAL and PROF: CPU time at which they fire (0: off), ns */
	struct list posix_timers;                /* struct posix_timer */
	u32 posix_timer_count, next_posix_timer;
	u64 cpu_seen;                            /* CPU time when it was last counted, for posix_timers, ns */
	bool cpu_timers;                         /* some timer or limit of CPU time is set: ticks look */
	/* Ends: once group_exit is set, every thread leaves with group_exit_code. exec_thread: it alone survives. */
	bool group_exit;
	int group_exit_code;
	struct thread *exec_thread;
	u32 live;                                /* threads that have not begun to end */
	struct wait_queue exec_wait;
	struct wait_queue end_wait;              /* woken when the process has become a zombie: pidfds */
	struct thread *former_leader;            /* counted: displaced by a thread that called exec */
	/* Job control: `stopping` from the first thread that takes the signal to SIGCONT; `stopped` when all threads sleep. */
	bool stopping, stopped, stop_reported, continued_pending;
	u32 to_stop;                             /* threads that have still to stop */
	int stop_signo, notify_code;             /* notify_code: CLD_* that a thread tells the parent on its way */
	u32 continues;                           /* counts SIGCONTs */
	struct wait_queue signalfd_wait;         /* ipc: signalfd and sigtimedwait */
	/* Family, tree lock. */
	struct list zombies;                     /* children that ended, by sibling, oldest first; process->children has the living */
	bool subreaper;
	int parent_death_signal;
	bool over_nproc;                         /* a set*uid went past RLIMIT_NPROC: exec fails */
	u64 timer_slack, default_timer_slack;
};

/* All: 0 or -errno; any context unless said. A NULL info means: from the kernel (SI_KERNEL). */
int signal_send_thread(struct thread *t, int signo, const struct abi_siginfo *info);
int signal_send_process(struct process *p, int signo, const struct abi_siginfo *info);
void signal_hang_up(struct process *p); /* SIGHUP and SIGCONT as one: it never sees the first without the second */
/* To every process of a group: for terminals. */
int signal_send_pgroup(struct pgroup *g, int signo, const struct abi_siginfo *info);
/* A fault of current that must not be ignored or blocked: kills if it is. */
void signal_force(int signo, int code, u64 addr);
/* What a program wants told with a signal: *info, with the number *sig if there is one. 0, -EFAULT, or -E2BIG for bytes that nothing is known of. */
int signal_info_import(struct abi_siginfo *info, const void __user *from, const int *sig);
/* An unmasked, not ignored signal waits for current (exact; WORK_SIGNAL is the hint). */
bool signal_pending_current(void);
bool fatal_signal_pending(void);
void signal_info_user(struct abi_siginfo *info, int signo, int code); /* pid and uid of current */
/* current's mask for the time of a call (ppoll, sigsuspend): the old one comes back after the handler. */
int signal_set_temp_mask(u64 mask);
void signal_restore_temp_mask(bool interrupted); /* interrupted: delivery restores it, else now */
/* Reads sigset from user: -EINVAL if size is not 8, -EFAULT. */
int signal_mask_from_user(u64 *mask, const void __user *p, size_t size);
/* Takes the first pending signal in `mask` off current's sets: signo, 0 if none (signalfd, sigtimedwait). */
int signal_dequeue(u64 mask, struct abi_siginfo *info);
u64 signal_pending_mask(struct thread *t);
bool signal_is_ignored(struct process *p, int signo);
bool signal_is_blocked_or_ignored(int signo); /* by current: for SIGTTIN, SIGTTOU */
bool signal_may_send(struct thread *to, int signo); /* permission of current; a process is asked for by its leader */

/* Student's (proc/sigframe.c, lab 07). Builds the frame for a handler on the user stack and points f at it: 0, or -EFAULT (then SIGSEGV). */
struct sigframe_request {
	int signo;
	struct abi_sigaction action;
	struct abi_siginfo info;
	u64 mask; /* to be restored */
};
int sigframe_push(struct trapframe *f, const struct sigframe_request *r);
/*
 * rt_sigreturn: restores registers, mask, FPU and alternate stack from the frame; the value for rax. Or -EFAULT, and *f is as it was (then SIGSEGV): so everything that can be wrong is
 * looked at before the first register is changed.
 */
long sigframe_pop(struct trapframe *f);
/* Decides restart or EINTR for an interrupted call, and delivers what is pending (given: proc/deliver.c). */

#endif
