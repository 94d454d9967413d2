/*
 * Threads and the scheduler.
 *
 * A thread is what runs: a kernel stack with a saved context, a state, a place in one CPU's run queue. User threads hang a process on it (usermode/process.h).
 */
#ifndef SCHED_THREAD_H
#define SCHED_THREAD_H

#include "core/atomic.h"
#include "core/lock_check.h"
#include "core/notifier.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "sched/wait.h"
#include "time/time.h"

struct process;
struct aspace;
struct fpu_state;
struct files;
struct fs_context;
struct cred;
struct journal_handle;

enum thread_state {
	THREAD_RUNNABLE,        /* running, or in a run queue */
	THREAD_INTERRUPTIBLE,   /* sleeps; signals wake it: `S` */
	THREAD_UNINTERRUPTIBLE, /* sleeps: `D` */
	THREAD_STOPPED,         /* job control: `T`; woken by SIGCONT or SIGKILL */
	THREAD_DEAD,            /* has left its stack, or is about to */
};

/* Reasons to take the long way back to user mode: bits of thread->work, set atomically by anyone. */
enum thread_work {
	WORK_SIGNAL = 1 << 0,  /* look for a signal */
	WORK_STOP = 1 << 1,    /* stop or kill asked for by proc */
	WORK_TRACE = 1 << 2,   /* system calls go through the tracing path */
	WORK_TIMER = 1 << 3,   /* CPU-time timers to be looked at */
	WORK_NOTIFY = 1 << 4,  /* an upper layer asks for its notifier */
	WORK_RESTORE_MASK = 1 << 5, /* sigsuspend and its kin: saved_mask comes back */
	WORK_KILL = 1 << 6,    /* it is being killed: killable waits end */
};

struct thread {
	/* Known to assembly: keep first. */
	u64 kernel_sp;          /* saved rsp while not running */
	u64 stack_top;          /* top of the kernel stack: trapframe of a user thread ends here */
	u32 work;               /* atomic: enum thread_work */
	u32 state;              /* enum thread_state; changed by the thread itself, or by a waker under the run queue's lock */

	void *stack;            /* lowest address of the kernel stack */
	int tid;                /* 0 for idle threads; kernel threads have tids too */
	char name[16];
	struct process *process; /* NULL: kernel thread */
	struct aspace *aspace;   /* user address space that its CPU must have loaded; NULL: keeps what is loaded */
	struct fpu_state *fpu;   /* NULL: uses no FPU */
	u64 fs_base, gs_base;    /* user's */

	/* Scheduling: guarded by the lock of run queue `cpu`. */
	u32 cpu;                /* whose run queue it is in, or ran in last */
	bool on_rq, on_cpu;     /* queued (never while it runs); runs, or is still on its stack */
	bool migrating;         /* between two run queues: will be queued by whoever moves it */
	bool sampled_user;      /* where the last tick found it */
	bool keep_tid;          /* the last put does not give the tid back: its owner calls tid_free */
	s8 nice;                /* -20 … 19 */
	bool reset_on_fork;     /* children start in the ordinary class; whoever may change the policy */
	u8 policy;              /* SCHED_OTHER 0, FIFO 1, RR 2, BATCH 3, IDLE 5 */
	u8 rt_priority;
	u8 boost;               /* real-time priority lent by those who wait for its locks; 0: none. It runs with it if its own is less */
	u64 affinity;           /* bit per CPU */
	struct rbnode rq_node;
	struct list rq_link;
	u64 vruntime;           /* weighted run time, ns */
	u64 slice_end;
	u64 exec_start;         /* time_ns() when it came onto the CPU */
	u64 runtime_ns;         /* total on CPU */
	u64 burst_ns;           /* how long it mostly runs before it sleeps: a running mean */
	u64 burst_start;        /* runtime_ns when it last slept */
	u64 user_ns, system_ns; /* split by entry/exit or tick sampling */
	u64 voluntary_switches, involuntary_switches;
	u64 start_ns;           /* time_ns() at creation */
	struct timer sleep_timer;
	bool timed_out;

	/* Owned by upper stages (see their headers). */
	struct list process_link;     /* process->threads: proc */
	/* What threads may share with others, of their process or not; each counted. Changed by the thread itself; NULL once it has ended (but cred). */
	struct files *files;          /* file: descriptors. Others by files_get_of */
	struct fs_context *fs;        /* vfs: root, working directory, umask. Others look under proc's tree lock */
	struct cred *cred;            /* proc: never changed in place. Others by cred_get_of */
	struct thread_signal *signal; /* pending set, mask, alternate stack: proc */
	struct thread_trace *trace;   /* linux */
	struct journal_handle *journal; /* fs/jbd2: the operation on a disk that it is in the middle of */
	struct thread_ipc *ipc;       /* robust list …: ipc */
	bool pi_closed;               /* ipc: it ends, and may own no lock with priority inheritance any more; pi lock */
	int exit_code;
	u32 __user *clear_child_tid;  /* proc */
	struct vfork *vfork;          /* proc: who waits for its exec or end; atomic */
	u32 __user *set_child_tid;
	u64 restart_data[6];          /* restart_syscall(2)'s arguments */
	long (*restart_fn)(u64 *data);
	u32 pagefault_off;            /* >0: copies from user do not fault pages in but return short */
	u64 min_faults, maj_faults;
	u64 fault_next;               /* vm/ahead.c: the page behind the last one that it got by a fault, and how many before were of one run */
	u32 fault_run;
	struct refcount ref;          /* the thread itself holds one while alive; table look-ups take more */
	struct list all_link;         /* all threads: thread_list_lock */
	struct hlist tid_hash;        /* proc */
	int exit_signal_sent;
#if DEBUG
	struct held_locks held;       /* sleeping locks: the thread itself */
	u32 fail_nth;                 /* core/fault_inject.h; the thread itself, and who writes its /proc/PID/fail-nth */
	u64 kernel_since;             /* runtime_ns when it last slept, ran in user mode or entered the kernel (sched/watchdog.c): the thread itself */
	u64 chaos_starved_until;      /* as the next */
	u32 chaos_priority;           /* lock of its run queue, or the thread itself; 0: none yet */
#endif
};

static __always_inline struct thread *current_thread(void)
{
	struct thread *t;
	__asm__ volatile("mov %%gs:8, %0" : "=r"(t));
	return t;
}
#define current (current_thread())

/* A new kernel thread, not yet running: NULL if memory is short. Runs fn(arg); returning from fn ends it. */
struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg);
/*
 * A bare thread with a kernel stack and a tid; NULL if memory or numbers are short. Undo with thread_put while it was never started. For fork: fill the
 * frame at the top of its stack, then thread_set_entry(t, ret_from_fork, sizeof(struct trapframe), 0, 0).
 */
struct thread *thread_alloc(const char *name);
/* As thread_alloc with a given number (1: the first process), or the next free one for tid 0. */
struct thread *thread_alloc_tid(const char *name, int tid);
/* The first switch to t enters `entry` (assembly; prev in rax) with rbx and r12 as given and the stack `reserve` bytes below its top. */
void thread_set_entry(struct thread *t, void (*entry)(void), size_t reserve, u64 rbx, u64 r12);
void thread_start(struct thread *t);     /* makes it runnable for the first time */
void __noreturn thread_exit(void);       /* ends current; its stack is freed by whoever runs next */
void thread_get(struct thread *t);
void thread_put(struct thread *t);       /* frees struct and stack at the last */
struct thread *kthread_run(const char *name, void (*fn)(void *arg), void *arg);
/* Thread numbers: 2 … 32767, given out in turn. -EAGAIN when all are in use. */
#define TID_MAX 32768
extern u64 tid_limit;     /* new threads get numbers below it; at most TID_MAX */
int tid_alloc(void);
void tid_free(int tid);
int tid_next(int after); /* the lowest number in use above it; TID_MAX if none. Any context */
int tid_last(void); /* the newest, for /proc/loadavg */
/* A thread's last reference went: free what hangs on it. Any context. */
NOTIFIER_DECLARE(thread_free, struct thread *t);

/* Student's (sched/switch.S): saves callee-saved registers and rsp in prev->kernel_sp, loads next's. Returns in next's context; value is prev. */
struct thread *context_switch(struct thread *prev, struct thread *next);
/* First activation of a thread: thread_entry finishes the switch, then calls fn (in rbx) with arg (in r12). */
void thread_entry(void);
/* Given: what every activation must run after context_switch: releases prev, lock hand-over. Leaves interrupts off. */
void schedule_tail(struct thread *prev);

/* Student's (sched/schedule.c), on the given run queue (sched/rq_priv.h). */
void schedule(void);                      /* gives the CPU away; state says whether current stays runnable */
void sched_yield_current(void);
bool thread_wake(struct thread *t);       /* makes a sleeper runnable, wherever it slept; false if it was not asleep. Any context */
/* Wakes only if the state is in the mask (1 << enum thread_state); one that is runnable or dead sleeps in no state, whatever the mask says. */
bool thread_wake_state(struct thread *t, u32 states);
void sched_tick(void);                    /* timer interrupt: ends slices */

/* Given. */
void thread_set_nice(struct thread *t, int nice);
void thread_set_policy(struct thread *t, u8 policy, u8 rt_priority);
/* Its class or priority was changed from outside: who sorts threads by it looks again. No locks held. */
NOTIFIER_DECLARE(thread_policy_changed, struct thread *t);
/* Lends it a real-time priority (1 … 99), or takes that back (0). Any context. */
void thread_boost(struct thread *t, u8 rt_priority);
/* The real-time priority that it runs with: its own or a lent one; 0: it is in no real-time class. */
u8 thread_urgency(const struct thread *t);
int thread_set_affinity(struct thread *t, u64 mask); /* -EINVAL if it names no CPU that is online */
void thread_sleep_ns(u64 ns);             /* uninterruptible */
/* Time that t has run so far, what runs now included; and the same split by samples (*user + *system is the sum). */
u64 thread_runtime(struct thread *t);
void thread_times(struct thread *t, u64 *user, u64 *system);
/* Each tick of a CPU that is not idle, in interrupt context: `t` runs there in user mode or not. For CPU-time timers. */
NOTIFIER_DECLARE(thread_tick, struct thread *t, bool user);
void thread_kick(struct thread *t);       /* if it runs in user mode on another CPU, makes that CPU enter the kernel */
extern struct spinlock thread_list_lock;
extern struct list thread_list;           /* all threads by all_link */
struct sched_stats {
	u64 user_ns, nice_ns, system_ns, idle_ns, irq_ns; /* of a CPU */
	u64 switches;
	u32 runnable;
};
void sched_cpu_stats(u32 cpu, struct sched_stats *s);
void sched_load(u64 avg[3]);              /* load averages * 65536 over 1, 5, 15 minutes */
u32 sched_running(void);                  /* threads that run or could */
u64 sched_total_forks(void);
void sched_count_fork(void);

/* Switch notifiers: prev and next of each switch, interrupts off, on the stack of prev (usermode saves and loads FPU, FS/GS base, rsp0; vm loads the address space). */
NOTIFIER_DECLARE(thread_switch, struct thread *prev, struct thread *next);

/* Per-CPU work queues: fn(arg) soon, in a kernel thread. Any context. */
struct work {
	struct list link;
	void (*fn)(struct work *w);
	bool queued;
};
void work_init(struct work *w, void (*fn)(struct work *w));
void work_queue(struct work *w);
void work_flush(struct work *w);          /* waits until it does not run and is not queued */

#endif
