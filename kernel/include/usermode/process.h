/*
 * The process: what its threads always share (descriptors, places and credentials are the thread's, sched/thread.h). Usermode (05) defines and creates the first one; proc (07) gives it a life (fork, exit, wait, signals).
 * Upper stages hang their parts on forward-declared, typed pointers that are NULL while the stage is off.
 */
#ifndef USERMODE_PROCESS_H
#define USERMODE_PROCESS_H

#include "sched/mutex.h"
#include "sched/thread.h"

struct sighand;
struct session;
struct pgroup;
struct posix_timers;

enum { RLIM_CPU, RLIM_FSIZE, RLIM_DATA, RLIM_STACK, RLIM_CORE, RLIM_RSS, RLIM_NPROC, RLIM_NOFILE, RLIM_MEMLOCK, RLIM_AS, RLIM_LOCKS, RLIM_SIGPENDING, RLIM_MSGQUEUE,
       RLIM_NICE, RLIM_RTPRIO, RLIM_RTTIME, RLIM_COUNT };
#define RLIM_INFINITY_ ((u64)-1)
struct rlimit {
	u64 cur, max;
};

struct process {
	struct refcount ref;
	int pid;
	struct thread *leader;    /* the first thread; stays until reaped */
	struct list threads;      /* by process_link; proc's tree lock */
	u32 thread_count;
	struct aspace *aspace;    /* vm; counted */
	struct sighand *sighand;  /* proc: actions; counted */
	struct process_signal *signal; /* proc: shared pending set, timers, job control state */
	struct file *exe;         /* vfs/exec: the program's file */
	struct rlimit rlimits[RLIM_COUNT];
	/* Family: proc's tree lock. */
	struct process *parent;
	struct list children, sibling;
	struct pgroup *pgroup;    /* proc */
	struct session *session;  /* proc */
	struct list pgroup_link;
	struct list all_link;
	struct hlist pid_hash;
	int exit_status;          /* wait status once a zombie */
	bool zombie, exiting, did_exec, is_init;
	u8 dumpable;
	int exit_signal;          /* what the parent gets: SIGCHLD mostly */
	struct wait_queue child_wait; /* parents sleep here in wait4 */
	/* Accounting: of threads that ended, and of children that were waited for. */
	u64 dead_user_ns, dead_system_ns, children_user_ns, children_system_ns;
	u64 dead_min_faults, dead_maj_faults, children_min_faults, children_maj_faults;
	u64 max_rss, children_max_rss;
	u64 read_bytes, write_bytes;
	u64 start_ns;
	void *trace;                 /* linux: kernel-side strace state */
	u32 personality;             /* personality(2); PERSONALITY_NO_RANDOMIZE is heeded by exec */
	u16 ioprio;                  /* ioprio_set(2): class << 13 or level */
	bool left_tty;               /* tty: gave up its terminal by TIOCNOTTY, though its session has one */
	s16 oom_score_adj;           /* /proc/PID/oom_score_adj: -1000 … 1000 */
};
#define PERSONALITY_NO_RANDOMIZE 0x0040000u
#define PERSONALITY_LINUX32 8 /* low byte: uname(2) tells of a 32-bit machine */

extern u64 threads_max; /* by the size of memory; 0 before the first process */
static inline struct process *current_process(void) { return current->process; }

/*
 * Allocates a process with one thread (leader; it has an initial FPU state, and enters an empty user frame by ret_from_fork), no memory, no files; the thread is not started. NULL if memory is short. pid is the thread's tid.
 * References: process_alloc's one goes to the caller. p holds a reference to its leader; the struct of the leader frees p's memory when it is freed itself
 * (so t->process is memory for as long as anybody holds t), while every other thread holds a reference to p. The last process_put calls process_free and
 * puts the leader.
 */
struct process *process_alloc(const char *name);
/* Makes t (from thread_alloc) one of p's threads: reference, FPU state; 0 or -ENOMEM. Lists and counts are the caller's. Undone by thread_put. */
int process_adopt_thread(struct process *p, struct thread *t);
/* The last reference went: upper stages free what hangs on p. Any context. */
NOTIFIER_DECLARE(process_free, struct process *p);
/* Frees the struct when the last reference goes. */
void process_get(struct process *p);
void process_put(struct process *p);

#endif
