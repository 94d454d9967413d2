/* Inside proc/. */
#ifndef PROC_PRIV_H
#define PROC_PRIV_H

#include "proc/cred.h"
#include "proc/proc.h"
#include "proc/signal.h"

/* Flags of clone(2). */
#define CLONE_VM 0x100ul
#define CLONE_FS 0x200ul
#define CLONE_FILES 0x400ul
#define CLONE_SIGHAND 0x800ul
#define CLONE_PIDFD 0x1000ul
#define CLONE_PTRACE 0x2000ul
#define CLONE_VFORK 0x4000ul
#define CLONE_PARENT 0x8000ul
#define CLONE_THREAD 0x10000ul
#define CLONE_NEWNS 0x20000ul
#define CLONE_SYSVSEM 0x40000ul
#define CLONE_SETTLS 0x80000ul
#define CLONE_PARENT_SETTID 0x100000ul
#define CLONE_CHILD_CLEARTID 0x200000ul
#define CLONE_DETACHED 0x400000ul
#define CLONE_UNTRACED 0x800000ul
#define CLONE_CHILD_SETTID 0x1000000ul
#define CLONE_NEWCGROUP 0x2000000ul
#define CLONE_NEWUTS 0x4000000ul
#define CLONE_NEWIPC 0x8000000ul
#define CLONE_NEWUSER 0x10000000ul
#define CLONE_NEWPID 0x20000000ul
#define CLONE_NEWNET 0x40000000ul
#define CLONE_IO 0x80000000ul
#define CLONE_CLEAR_SIGHAND 0x100000000ul
#define CLONE_INTO_CGROUP 0x200000000ul
#define CLONE_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* --- tables (table.c); tree lock held unless said ------------------------------------------------------------------ */
extern struct spinlock pgroup_lock; /* irqsave; below the tree lock: the member lists of groups, which interrupt handlers walk */
struct process *process_lookup(int pid);     /* not counted */
struct thread *thread_lookup(int tid);       /* not counted */
struct pgroup *pgroup_lookup(int id);        /* not counted */
struct pgroup *pgroup_create(int id, struct session *s); /* NULL if memory is short; not yet in the table. No lock needed */
struct session *session_create(int id);
void pgroup_publish(struct pgroup *g);
void session_publish(struct session *s);
void process_publish(struct process *p);     /* into the table */
void thread_publish(struct thread *t);
void process_unpublish(struct process *p);
void thread_unpublish(struct thread *t);
void pgroup_enter(struct process *p, struct pgroup *g); /* takes over the reference; p is in no group */
struct pgroup *pgroup_leave(struct process *p);         /* the reference, to be put after the lock */
bool thread_is_ending(const struct thread *t);
/* Would g be orphaned if `without` were gone, and has it a stopped member? */
bool pgroup_orphaned_without(struct pgroup *g, struct process *without);
bool pgroup_has_stopped(struct pgroup *g);

/* --- accounts of users (account.c) --------------------------------------------------------------------------------- */
struct user_account {
	struct refcount ref;
	u32 uid;
	u32 processes;      /* atomic: threads of this real uid */
	u32 sigpending;     /* atomic */
	u64 used[ACCOUNTS]; /* atomic: of what upper stages count */
	struct hlist hash;
};

/* --- signals ------------------------------------------------------------------------------------------------------- */
struct sigqueue {
	struct list link;
	struct abi_siginfo info;
	struct user_account *user;
};
struct sighand *sighand_create(void);
void sighand_put(struct sighand *h);
/* Locks the actions and pending sets of p; interrupts go off. */
struct sighand *sighand_lock(struct process *p, u64 *flags);
void sighand_unlock(struct sighand *h, u64 flags);
int thread_signal_create(struct thread *t);          /* 0 or -ENOMEM */
struct process_signal *process_signal_create(struct process *p);
void pending_flush(struct pending *q, u64 mask);     /* lock held (or nobody else knows q) */
/* Lock held: current's WORK_SIGNAL as its pending sets say; of another thread of the same process. */
void signal_recalc(struct thread *t);
void signal_set_blocked(u64 mask);                   /* current's */
bool signal_default_ignored(int signo);
bool signal_default_stops(int signo);
bool signal_dumps_core(int signo);
/* sigreturn: the alternate stack of the frame, if it makes sense and is not in use. */
void signal_restore_altstack(const struct abi_sigaltstack *a);
/* Lock held. Takes the first signal outside `blocked`: signo or 0. */
int signal_take(struct thread *t, u64 blocked, struct abi_siginfo *info);
/* Lock held: every thread but `except` is told to end. */
void signal_kill_threads(struct process *p, struct thread *except);
void signal_wake(struct thread *t, u32 work);
void signal_flush_handlers(struct process *p);       /* exec: handlers become the default */
/* Tells the parent (and whoever waits) of a stop or continuation. No locks held. */
void notify_parent_of_stop(struct process *p, int code);
void signal_info_kernel(struct abi_siginfo *info, int signo);
int signal_send_from(struct process *p, struct thread *t, int signo, const struct abi_siginfo *info);

/* --- fork, exit, wait ---------------------------------------------------------------------------------------------- */
struct clone_request {
	u64 flags;
	int exit_signal;
	vaddr_t stack;       /* 0: the parent's */
	u64 tls;
	u32 __user *parent_tid, *child_tid;
	u32 __user *pidfd_word; /* CLONE_PIDFD */
	struct file *pidfd;     /* made for it, to be installed by fork_publish as descriptor pidfd_number */
	int pidfd_number;
	int wanted_tid;      /* clone3's set_tid: 0 none */
};
/* Student's (proc/fork.c): the new tid, or -errno. Flags were checked. */
long fork_thread(const struct clone_request *r);
/* Given parts of it (fork_parts.c). */
struct process *fork_alloc_process(const struct clone_request *r);  /* parent's settings copied; ERR_PTR */
int fork_copy_resources(struct process *child, const struct clone_request *r); /* signals, program, fork_copy_shares: share or copy */
int fork_copy_shares(struct process *p, struct thread *t, const struct clone_request *r); /* for t, p's new thread: credentials, descriptors, places, priority and CPUs; the fork hooks */
void fork_drop_process(struct process *child);       /* what fork_alloc_process and fork_copy_resources made */
void fork_drop_thread(struct thread *t);             /* the same for a thread that never ran */
void thread_drop_shares(struct thread *t);           /* descriptors and places, when it ends */
int fork_publish(struct process *p, struct thread *t, const struct clone_request *r); /* into all tables; -errno if current must die or see a signal first */
struct vfork {
	struct refcount ref;
	bool done;
	struct wait_queue wait;
};
struct vfork *vfork_create(void);                    /* one reference, the caller's: t->vfork of the new thread needs another. NULL if memory is short */
void vfork_put(struct vfork *v);
void vfork_wait(struct vfork *v);                    /* killable; drops the reference */
void vfork_release(struct thread *t);

/* Student's (proc/wait.c). The last thread of p has gone: tree lock held. Makes it a zombie, hands its children on, tells the parent. */
void exit_notify(struct process *p);
/* Given parts (exit.c); tree lock held. */
struct process *exit_find_reaper(struct process *p); /* the subreaper or init that gets p's children */
bool exit_tell_parent(struct process *p);            /* the exit signal and a wake-up; true: the parent does not want a zombie */
void exit_orphaned_groups(struct process *p);        /* SIGHUP, SIGCONT for stopped groups that p's end orphans */
void exit_child_orphaned(struct process *child, struct process *old_parent); /* what a living child hears of its parent's end, and its group: once it has its new parent */
void exit_queue_zombie(struct process *p);           /* from the living children of its parent to the zombies, the oldest first */
void exit_detach(struct process *p);                 /* out of all tables and lists; p goes to the list of the dead, freed after the lock */
void exit_free_dead(void);                           /* frees what exit_detach took out. No locks */
void exit_init(void);

struct usage {
	u64 user_ns, system_ns, min_faults, maj_faults, max_rss;
	u64 voluntary, involuntary;
};
struct wait_request {
	enum { WAIT_ANY, WAIT_PID, WAIT_PGROUP } which;
	int id;
	const struct process *process; /* WAIT_PID: this one alone, held by the caller, whoever has its number; NULL: by the number */
	int options;         /* WNOHANG … */
	/* the answer */
	int pid, status, code; /* status as wait4 gives it, code CLD_* */
	u32 uid;
	struct usage usage;
};
#define WNOHANG 1
#define WUNTRACED 2
#define WEXITED 4
#define WCONTINUED 8
#define WNOWAIT 0x01000000
#define WNOTHREAD 0x20000000
#define WALL 0x40000000
#define WCLONE 0x80000000u
/* pid of a child that changed, 0 (WNOHANG), or -ECHILD, -ERESTARTSYS. */
long wait_for_child(struct wait_request *r);
/* Given: the process that a request of WAIT_PID means, NULL if it is no more. Tree lock. */
struct process *wait_target(const struct wait_request *r);
void usage_of_process(struct process *p, struct usage *u);  /* itself, living threads too */
void usage_of_children(struct process *p, struct usage *u); /* tree lock */
void usage_to_user(const struct usage *u, void *abi_rusage);
void fill_child_info(struct process *p, struct abi_siginfo *info, int code, int status);

/* --- exec ---------------------------------------------------------------------------------------------------------- */
struct exec_image;
struct cred *cred_for_exec(const struct exec_image *img, bool *secure); /* counted; NULL if memory is short */
void cred_first(struct process *p, int *err);
void cred_install(struct cred *c); /* becomes current's, without the side effects of cred_publish */

/* --- time ---------------------------------------------------------------------------------------------------------- */
void itimer_init(struct process *p);
void itimer_exit(struct process *p);
void itimer_real_rearm(struct process_signal *s);    /* SIGALRM was taken off the queue; lock held */
void itimer_check_cpu(void);                         /* WORK_TIMER */
/* A signal of a timer was taken off the queue: fills in the overruns, starts the next period; lock held. */
void posix_timer_taken(struct process *p, struct abi_siginfo *info);
/* Clock ids of processes and threads: ~pid << 3 | 4 for a thread | kind (0 PROF, 1 VIRT, 2 SCHED), as clock_getcpuclockid(3) makes them. */
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_OF(pid, thread) ((int)((unsigned)~(pid) << 3 | ((thread) ? CPU_CLOCK_THREAD : 0) | 2))

/* Timers of CPU time. Lock held: notes what p has used; whether one is armed. Then, without locks: sends the signals of those that are due. */
bool posix_timers_count_cpu(struct process *p, u64 used);
void posix_timers_fire_cpu(struct process *p);
void posix_timers_exit(struct process *p);           /* exit and exec; no locks */
u64 process_cpu_ns(struct process *p);
void clock_was_set(void);    /* a program set the real time: how good it is nobody knows, and who waits for a point of it is to follow */
s32 clock_tai_offset(void); /* seconds by which CLOCK_TAI is ahead of CLOCK_REALTIME: adjtimex sets it */
struct abi_timespec;
int timespec_from_user(u64 *ns, const void __user *ts); /* -EFAULT, -EINVAL */
int timespec_to_user(void __user *ts, u64 ns);

#endif
