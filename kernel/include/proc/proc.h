/* The life of processes: table, fork, exec, exit, wait, groups and sessions. */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "core/notifier.h"
#include "core/node.h"
#include "proc/cred.h"
#include "usermode/process.h"

struct tty;

struct pgroup {
	struct refcount ref;
	int id;
	struct list members;  /* process->pgroup_link; tree lock */
	struct session *session; /* counted */
	struct hlist hash;
};
struct session {
	struct refcount ref;
	int id;
	struct process *leader;  /* NULL once it is gone; tree lock */
	struct tty *tty;         /* controlling terminal: tty's control lock */
	struct pgroup *foreground; /* counted; tty's control lock */
	struct hlist hash;
};

/* Guards the table, family links, groups, sessions, thread lists. Interrupts may be on (not taken in interrupt handlers: signal timers use references). */
extern struct spinlock process_tree_lock;
extern struct list process_list;  /* all_link: all, zombies too; tree lock */
extern u32 process_count, thread_total;
extern u32 thread_max; /* user threads that there may be: their kernel stacks take at most an eighth of memory */
extern struct process *init_process;

/* The address space of any process, counted (aspace_put); NULL for a zombie. */
struct aspace *process_aspace_get(struct process *p);
/*
 * Starts pid 1 from what the command line says (rdinit=, init=), then Linux's usual places; words that the kernel does not know are handed on. mount_root (or NULL)
 * is called when there is no program in the initramfs. A panic if nothing can be run.
 */
void init_start(void (*mount_root)(void));

/* Counted, or NULL. */
struct process *process_find(int pid);
struct thread *thread_find(int tid);
struct pgroup *pgroup_find(int id);
bool process_number_used(int id);                    /* a process, thread, group or session has it */
int clock_may_wait(int clock); /* -EPERM: waiting for this clock would wake the machine, and current may not do that; else 0 */
bool process_is_published(const struct process *p);  /* not yet waited for */
/* Whether current may look inside t's process, and take what it finds: same user and not set-uid, or CAP_SYS_PTRACE. `real`: by the real ids, not those for files. 0 or -EACCES. */
int process_may_trace(struct thread *t, bool real);
void pgroup_get(struct pgroup *g);
void pgroup_put(struct pgroup *g);
void session_get(struct session *s);
void session_put(struct session *s);
/* After *pid_after in number order: counted, NULL at the end (for /proc). */
struct process *process_next(int *pid_after);
/* A group with no member whose parent is in another group of the session: stops do not stop it (POSIX). Tree lock held. */
bool pgroup_is_orphaned(struct pgroup *g);

/* Ends the whole process of current with a wait status (exit code << 8, or signal). */
void __noreturn process_exit_group(int wait_status);
void __noreturn thread_exit_user(int wait_status);
/* execve's work with kernel strings: 0 (then the new image runs on return to user) or -errno. */
struct exec_args;
int process_exec(const char *path, struct exec_args *args);
/* Stops every other thread of current's process and waits (exec). */
int process_single_thread(void);

/*
 * Processes as descriptors (ipc), for clone and waitid; NULL: there are none. A fork prepares one: reserves it, tells the user its number, and has its file (the
 * number, or -errno); and once nothing can fail, but before the child runs, it is installed, or else cancelled.
 */
struct file;
struct pidfd_maker {
	int (*prepare)(struct file **f, u32 __user *word);
	void (*install)(int fd, struct file *f, struct process *p);
	void (*cancel)(int fd, struct file *f);
	struct process *(*process_of)(int fd, bool *nonblock); /* counted; ERR_PTR(-EBADF) */
};
extern const struct pidfd_maker *pidfd_maker;

/* Hooks, called in link order of their stages. Fork: new process (or thread, with `thread` set) before it runs; *err to refuse. */
struct fork_request {
	u64 flags;             /* CLONE_* */
	struct process *parent, *child; /* equal for a new thread */
	struct thread *parent_thread, *thread;
};
NOTIFIER_DECLARE(process_fork, const struct fork_request *r, int *err);
/* The point of no return of exec is past: the old image is gone. */
NOTIFIER_DECLARE(process_exec_done, struct process *p);
/* A thread ends, or leaves its memory by exec: the address space is still alive. */
NOTIFIER_DECLARE(thread_exiting, struct thread *t);
/* It has ended, and lets go what it shared with others (descriptors, places); may sleep. */
NOTIFIER_DECLARE(thread_lets_go, struct thread *t);
/* unshare(2): current gets its own of what the CLONE_* flags name; *err if it cannot. */
NOTIFIER_DECLARE(thread_unshare, u64 flags, int *err);
/* It ends for good: after thread_exiting. */
NOTIFIER_DECLARE(thread_leaving, struct thread *t);
/* The last thread of a process ends: before files and memory go. */
NOTIFIER_DECLARE(process_exiting, struct process *p);
/* A word in user memory was zeroed for clear_child_tid: ipc wakes its futex. */
NOTIFIER_DECLARE(clear_child_tid, u32 __user *word);
/* A session leader ends, or a process leaves its terminal (tty). */
NOTIFIER_DECLARE(session_leader_exit, struct session *s);

/* proc/times.c: CPU time used so far by a process (its dead and living threads). */
void process_times(struct process *p, u64 *user_ns, u64 *system_ns);
char process_state_char(struct process *p); /* R S D T Z for /proc */
char thread_state_char(struct thread *t);

/* Power: sync hooks run first. */
NOTIFIER_DECLARE(shutdown, int restart);
extern char hostname[65], domainname[65];
extern const char kernel_release[], kernel_version[]; /* for uname(2): "6.1.0-switchback" */

extern u64 oom_kill_caller; /* 1: when memory is out, the process that asked for more is killed, whatever the others hold */

#endif
