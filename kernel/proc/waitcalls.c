/* wait4, waitid, getrusage: what the caller is told of its children and of itself. */
#include "proc_priv.h"

#include "lib/string.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "vm/aspace.h"

#define RUSAGE_SELF 0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1
#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3

struct abi_rusage {
	struct { s64 sec, usec; } utime, stime;
	s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};

void usage_of_process(struct process *p, struct usage *u)
{
	struct thread *t;
	u64 flags;

	memset(u, 0, sizeof(*u));
	struct sighand *h = sighand_lock(p, &flags);
	u->user_ns = p->dead_user_ns;
	u->system_ns = p->dead_system_ns;
	u->min_faults = p->dead_min_faults;
	u->maj_faults = p->dead_maj_faults;
	list_for_each(t, &p->threads, process_link) {
		u64 user, system;
		thread_times(t, &user, &system);
		u->user_ns += user;
		u->system_ns += system;
		u->min_faults += t->min_faults;
		u->maj_faults += t->maj_faults;
		u->voluntary += t->voluntary_switches;
		u->involuntary += t->involuntary_switches;
	}
	sighand_unlock(h, flags);
	u->max_rss = p->max_rss;
	if (p == current->process && p->aspace)
		u->max_rss = MAX(p->max_rss, MAX(p->aspace->peak_rss, aspace_rss(p->aspace)));
}

void usage_of_children(struct process *p, struct usage *u)
{
	memset(u, 0, sizeof(*u));
	u->user_ns = p->children_user_ns;
	u->system_ns = p->children_system_ns;
	u->min_faults = p->children_min_faults;
	u->maj_faults = p->children_maj_faults;
	u->max_rss = p->children_max_rss;
}

void usage_to_user(const struct usage *u, void *out)
{
	struct abi_rusage *r = out;

	memset(r, 0, sizeof(*r));
	r->utime.sec = u->user_ns / NSEC_PER_SEC;
	r->utime.usec = u->user_ns % NSEC_PER_SEC / NSEC_PER_USEC;
	r->stime.sec = u->system_ns / NSEC_PER_SEC;
	r->stime.usec = u->system_ns % NSEC_PER_SEC / NSEC_PER_USEC;
	r->maxrss = u->max_rss * (PAGE_SIZE / 1024);
	r->minflt = u->min_faults;
	r->majflt = u->maj_faults;
	r->nvcsw = u->voluntary;
	r->nivcsw = u->involuntary;
}

static int put_usage(void __user *to, const struct usage *u)
{
	struct abi_rusage r;

	usage_to_user(u, &r);
	return copy_to_user(to, &r, sizeof(r)) ? -EFAULT : 0;
}

static int own_pgroup(void)
{
	spin_lock(&process_tree_lock);
	int id = current->process->pgroup->id;
	spin_unlock(&process_tree_lock);
	return id;
}

long sys_wait4(int pid, void __user *status, int options, void __user *rusage)
{
	struct wait_request r = { .options = options | WEXITED };

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | (int)WCLONE))
		return -EINVAL;
	if (pid == (int)0x80000000)
		return -ESRCH;
	r.which = pid == -1 ? WAIT_ANY : pid > 0 ? WAIT_PID : WAIT_PGROUP;
	r.id = pid > 0 ? pid : pid == 0 ? own_pgroup() : -pid;
	long result = wait_for_child(&r);
	if (result <= 0)
		return result;
	if (status && put_user_u32(r.status, status))
		return -EFAULT;
	if (rusage && put_usage(rusage, &r.usage))
		return -EFAULT;
	return result;
}

struct process *wait_target(const struct wait_request *r)
{
	struct process *p = process_lookup(r->id);

	return r->process && p != r->process ? NULL : p;
}

/* The child behind a pidfd. */
static long wait_pidfd(struct wait_request *r, int fd)
{
	bool nonblock = false, waits = !(r->options & WNOHANG);
	struct process *p = fd < 0 || !pidfd_maker ? ERR_PTR(-EINVAL) : pidfd_maker->process_of(fd, &nonblock);
	long result;

	if (IS_ERR(p))
		return PTR_ERR(p);
	r->which = WAIT_PID;
	r->id = p->pid;
	r->process = p;
	if (nonblock)
		r->options |= WNOHANG;
	result = wait_for_child(r);
	process_put(p);
	return !result && nonblock && waits ? -EAGAIN : result;
}

/* The call without what it stores: how many it found, or -errno. */
static long wait_id(struct wait_request *r, int which, int id, int options)
{
	if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | (int)WCLONE)) ||
	    !(options & (WEXITED | WUNTRACED | WCONTINUED)))
		return -EINVAL;
	switch (which) {
	case P_ALL:
		r->which = WAIT_ANY;
		break;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		r->which = WAIT_PID;
		break;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		r->which = WAIT_PGROUP;
		id = id ? id : own_pgroup();
		break;
	case P_PIDFD:
		return wait_pidfd(r, id);
	default:
		return -EINVAL;
	}
	r->id = id;
	return wait_for_child(r);
}

long sys_waitid(int which, int id, void __user *info_out, int options, void __user *rusage)
{
	struct wait_request r = { .options = options };
	struct abi_siginfo info;
	long result = wait_id(&r, which, id, options);

	if (result > 0 && rusage && put_usage(rusage, &r.usage))
		return -EFAULT;
	if (!info_out)
		return MIN(result, 0l);
	/* Only the fields that the call defines are written; zeros if nothing was found, be it for an error. */
	memset(&info, 0, sizeof(info));
	if (result > 0) {
		info.signo = SIGCHLD;
		info.code = r.code;
		info.chld.pid = r.pid;
		info.chld.uid = r.uid;
		info.chld.status = r.code == CLD_EXITED ? r.status >> 8 & 0xff : r.code == CLD_STOPPED ? r.status >> 8 & 0xff :
				   r.code == CLD_CONTINUED ? SIGCONT : r.status & 0x7f;
	}
	return copy_to_user(info_out, &info, offsetof(struct abi_siginfo, chld.status) + sizeof(s32)) ? -EFAULT : MIN(result, 0l);
}

long sys_getrusage(int who, void __user *usage)
{
	struct process *p = current->process;
	struct usage u;

	memset(&u, 0, sizeof(u));
	switch (who) {
	case RUSAGE_SELF:
		usage_of_process(p, &u);
		break;
	case RUSAGE_CHILDREN:
		spin_lock(&process_tree_lock);
		usage_of_children(p, &u);
		spin_unlock(&process_tree_lock);
		break;
	case RUSAGE_THREAD:
		thread_times(current, &u.user_ns, &u.system_ns);
		u.min_faults = current->min_faults;
		u.maj_faults = current->maj_faults;
		u.voluntary = current->voluntary_switches;
		u.involuntary = current->involuntary_switches;
		u.max_rss = MAX(p->aspace->peak_rss, aspace_rss(p->aspace));
		break;
	default:
		return -EINVAL;
	}
	return put_usage(usage, &u);
}
