/* Nice values, scheduling classes, CPU sets: what programs may ask of the scheduler, and for whom. */
#include "proc_priv.h"

#include "lib/string.h"
#include "sched/smp.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };
enum { POLICY_OTHER, POLICY_FIFO, POLICY_RR, POLICY_BATCH, POLICY_IDLE = 5, POLICY_DEADLINE /* known by name alone */ };
#define RESET_ON_FORK 0x40000000

static bool is_rt(int policy) { return policy == POLICY_FIFO || policy == POLICY_RR; }

/* Counted thread that a pid argument names, 0 the caller. NULL: there is none. */
static struct thread *named(int tid)
{
	if (tid)
		return thread_find(tid);
	thread_get(current);
	return current;
}

/* May the caller change how t is scheduled? */
static bool owns(struct thread *t)
{
	const struct cred *c = cred_current();
	struct cred *o = cred_get_of(t);

	if (!o)
		return false; /* the kernel's own */
	bool same = c->euid == o->uid || c->euid == o->euid;
	cred_put(o);
	return same || cred_has_cap(c, CAP_SYS_NICE);
}

/* --- nice ---------------------------------------------------------------------------------------------------------- */

/* Calls fn for each thread that (which, who) names, tree lock held; -ESRCH if there is none. A process' number names its first thread. */
static int for_each_named(int which, int who, void (*fn)(struct thread *t, void *arg), void *arg)
{
	struct process *me = current->process, *p;
	struct thread *t;
	int found = -ESRCH;

	spin_lock(&process_tree_lock);
	if (which == PRIO_PROCESS) {
		t = who ? thread_lookup(who) : current;
		if (t && t->process) {
			fn(t, arg);
			found = 0;
		}
	} else {
		u32 uid = who ? (u32)who : cred_current()->uid;
		list_for_each(p, &process_list, all_link) {
			if (p->zombie || (which == PRIO_PGRP && !(p->pgroup && p->pgroup->id == (who ? who : me->pgroup->id))))
				continue;
			list_for_each(t, &p->threads, process_link)
				if (which == PRIO_PGRP || cred_uid_of(t) == uid) {
					fn(t, arg);
					found = 0;
				}
		}
	}
	spin_unlock(&process_tree_lock);
	return found;
}

static void best_priority(struct thread *t, void *arg)
{
	*(int *)arg = MAX(*(int *)arg, 20 - t->nice);
}

long sys_getpriority(int which, int who)
{
	int best = 0;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	int err = for_each_named(which, who, best_priority, &best);
	return err ? err : best;
}

struct nice_request {
	int nice, err;
};

static void set_nice(struct thread *t, void *arg)
{
	struct nice_request *r = arg;

	if (!owns(t))
		r->err = -EPERM;
	else if (r->nice < t->nice && (u64)(20 - r->nice) > t->process->rlimits[RLIM_NICE].cur && !capable(CAP_SYS_NICE))
		r->err = -EACCES;
	else
		thread_set_nice(t, r->nice);
}

long sys_setpriority(int which, int who, int prio)
{
	struct nice_request r = { .nice = MIN(MAX(prio, -20), 19), .err = 0 };

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	int err = for_each_named(which, who, set_nice, &r);
	return err ? err : r.err;
}

/* --- order of input and output ------------------------------------------------------------------------------------- */

/* Kept and inherited, for there is no queue of requests that it could sort. */
enum { IOPRIO_NONE, IOPRIO_RT, IOPRIO_BE, IOPRIO_IDLE };
#define IOPRIO_LEVELS 8

static int ioprio_check(int prio)
{
	int class = prio >> 13, level = prio & 0x1fff;

	switch (class) {
	case IOPRIO_RT:
		if (!capable(CAP_SYS_NICE) && !capable(CAP_SYS_ADMIN))
			return -EPERM;
		/* fall through */
	case IOPRIO_BE:
		return level < IOPRIO_LEVELS ? 0 : -EINVAL;
	case IOPRIO_IDLE:
		return 0;
	case IOPRIO_NONE:
		return level ? -EINVAL : 0;
	}
	return -EINVAL;
}

static void set_ioprio(struct thread *t, void *arg)
{
	struct nice_request *r = arg;
	const struct cred *c = cred_current();
	u32 uid = cred_uid_of(t);

	if (uid != c->euid && uid != c->uid && !cred_has_cap(c, CAP_SYS_NICE))
		r->err = -EPERM;
	else if (!r->err)
		t->process->ioprio = r->nice;
}

/* The most urgent one: the lowest number of a class, "none" counting as best-effort in the middle. */
static void best_ioprio(struct thread *t, void *arg)
{
	int *best = arg, mine = t->process->ioprio;

	if (*best < 0 || (mine ? mine : IOPRIO_BE << 13 | 4) < (*best ? *best : IOPRIO_BE << 13 | 4))
		*best = mine;
}

long sys_ioprio_set(int which, int who, int prio)
{
	struct nice_request r = { .nice = prio, .err = 0 };
	int err = ioprio_check(prio);

	if (err)
		return err;
	/* Numbered from 1 here, and from 0 for setpriority. */
	if (which < PRIO_PROCESS + 1 || which > PRIO_USER + 1)
		return -EINVAL;
	err = for_each_named(which - 1, who, set_ioprio, &r);
	return err ? err : r.err;
}

long sys_ioprio_get(int which, int who)
{
	int best = -1;

	if (which < PRIO_PROCESS + 1 || which > PRIO_USER + 1)
		return -EINVAL;
	int err = for_each_named(which - 1, who, best_ioprio, &best);
	return err ? err : best;
}

/* --- classes ------------------------------------------------------------------------------------------------------- */

/*
 * The class of t, checked in the order that Linux has; policy -1: as it is. RESET_ON_FORK in it: children do not inherit a better one; only who may do
 * everything takes that back.
 */
static long change_policy(struct thread *t, int policy, u32 priority)
{
	bool reset = policy == -1 ? t->reset_on_fork : (policy & RESET_ON_FORK) != 0;

	policy = policy == -1 ? t->policy : policy & ~RESET_ON_FORK;
	if (policy < 0 || policy > POLICY_IDLE || policy == 4)
		return -EINVAL;
	if (is_rt(policy) ? priority < 1 || priority > 99 : priority != 0)
		return -EINVAL;
	if (!owns(t))
		return -EPERM;
	if (is_rt(policy) && !capable(CAP_SYS_NICE) && priority > t->process->rlimits[RLIM_RTPRIO].cur)
		return -EPERM;
	if (t->reset_on_fork && !reset && !capable(CAP_SYS_NICE))
		return -EPERM;
	WRITE_ONCE(t->reset_on_fork, reset);
	thread_set_policy(t, policy, priority);
	return 0;
}

static long set_policy(int pid, int policy, const void __user *param)
{
	u32 priority;

	if (pid < 0 || !param)
		return -EINVAL;
	if (get_user_u32(&priority, param))
		return -EFAULT;
	struct thread *t = named(pid);
	if (!t)
		return -ESRCH;
	long err = change_policy(t, policy, priority);
	thread_put(t);
	return err;
}

long sys_sched_setscheduler(int pid, int policy, const void __user *param)
{
	return policy < 0 ? -EINVAL : set_policy(pid, policy, param);
}

long sys_sched_setparam(int pid, const void __user *param) { return set_policy(pid, -1, param); }

long sys_sched_getscheduler(int pid)
{
	struct thread *t = pid < 0 ? NULL : named(pid);

	if (!t)
		return pid < 0 ? -EINVAL : -ESRCH;
	int policy = t->policy | (t->reset_on_fork ? RESET_ON_FORK : 0);
	thread_put(t);
	return policy;
}

long sys_sched_getparam(int pid, void __user *param)
{
	if (pid < 0 || !param)
		return -EINVAL;
	struct thread *t = named(pid);
	if (!t)
		return -ESRCH;
	u32 priority = t->rt_priority;
	thread_put(t);
	return put_user_u32(priority, param);
}

/* Linux's struct sched_attr, all of it; the first version ends before the last two. */
struct abi_sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period; /* of the deadline class, which there is not */
	u32 util_min, util_max;
};
_Static_assert(sizeof(struct abi_sched_attr) == 56, "sched_attr");
#define SCHED_ATTR_FIRST 48
enum { ATTR_RESET = 1, ATTR_KEEP_POLICY = 8, ATTR_KEEP_PARAMS = 16, ATTR_UTIL_CLAMP = 0x60, ATTR_ALL = 0x7f };

static int attr_from_user(struct abi_sched_attr *a, void __user *user)
{
	u32 size;
	u8 byte;

	if (get_user_u32(&size, user))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_FIRST;
	if (size < SCHED_ATTR_FIRST || size > PAGE_SIZE)
		goto wrong_size;
	memset(a, 0, sizeof(*a));
	if (copy_from_user(a, user, MIN(size, sizeof(*a))))
		return -EFAULT;
	for (u32 i = sizeof(*a); i < size; i++) {
		if (copy_from_user(&byte, (const u8 __user *)user + i, 1))
			return -EFAULT;
		if (byte)
			goto wrong_size;
	}
	return a->flags & ATTR_UTIL_CLAMP && size < sizeof(*a) ? -EINVAL : 0;
wrong_size:
	return put_user_u32(sizeof(*a), user) ? -EFAULT : -E2BIG;
}

long sys_sched_setattr(int pid, void __user *user, unsigned flags)
{
	struct abi_sched_attr a;

	if (pid < 0 || !user || flags)
		return -EINVAL;
	long err = attr_from_user(&a, user);
	if (err)
		return err;
	if ((int)a.policy < 0)
		return -EINVAL;
	struct thread *t = named(pid);
	if (!t)
		return -ESRCH;
	int policy = a.flags & ATTR_KEEP_POLICY ? t->policy : (int)a.policy, nice = MIN(MAX(a.nice, -20), 19);
	if (a.flags & ATTR_KEEP_PARAMS) {
		a.priority = t->rt_priority;
		nice = t->nice;
	}
	err = -EINVAL;
	if (a.flags & ~(u64)ATTR_ALL)
		goto put;
	err = -EPERM;
	bool fair = policy == POLICY_OTHER || policy == POLICY_BATCH;
	if (fair && nice < t->nice && !capable(CAP_SYS_NICE) && (!t->process || (u64)(20 - nice) > t->process->rlimits[RLIM_NICE].cur))
		goto put;
	err = -EOPNOTSUPP;
	if (a.flags & ATTR_UTIL_CLAMP)
		goto put;
	err = change_policy(t, policy | (a.flags & ATTR_RESET ? RESET_ON_FORK : 0), a.priority);
	if (!err && fair)
		thread_set_nice(t, nice);
put:
	thread_put(t);
	return err;
}

long sys_sched_getattr(int pid, void __user *user, unsigned size, unsigned flags)
{
	struct abi_sched_attr a = { .size = MIN(size, sizeof(a)) };

	if (pid < 0 || !user || flags || size < SCHED_ATTR_FIRST || size > PAGE_SIZE)
		return -EINVAL;
	struct thread *t = named(pid);
	if (!t)
		return -ESRCH;
	a.policy = t->policy;
	a.flags = t->reset_on_fork ? ATTR_RESET : 0;
	if (is_rt(t->policy))
		a.priority = t->rt_priority;
	else
		a.nice = t->nice;
	thread_put(t);
	return copy_to_user(user, &a, a.size) ? -EFAULT : 0;
}

static long priority_bound(int policy, long rt)
{
	if (is_rt(policy))
		return rt;
	return policy == POLICY_OTHER || policy == POLICY_BATCH || policy == POLICY_IDLE || policy == POLICY_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_max(int policy) { return priority_bound(policy, 99); }
long sys_sched_get_priority_min(int policy) { return priority_bound(policy, 1); }

long sys_sched_rr_get_interval(int pid, void __user *interval)
{
	struct thread *t = pid < 0 ? NULL : named(pid);

	if (!t)
		return pid < 0 ? -EINVAL : -ESRCH;
	u64 ns = t->policy == POLICY_FIFO ? 0 : t->policy == POLICY_RR ? 100 * NSEC_PER_MSEC : time_tick_ns;
	thread_put(t);
	return timespec_to_user(interval, ns);
}

long sys_sched_yield(void)
{
	sched_yield_current();
	return 0;
}

/* --- CPU sets ------------------------------------------------------------------------------------------------------ */

long sys_sched_setaffinity(int pid, size_t len, const void __user *mask)
{
	u64 wanted = 0;

	if (copy_from_user(&wanted, mask, MIN(len, sizeof(wanted))))
		return -EFAULT;
	struct thread *t = pid < 0 ? NULL : named(pid);
	if (!t)
		return -ESRCH;
	long err = owns(t) ? thread_set_affinity(t, wanted) : -EPERM;
	thread_put(t);
	return err;
}

long sys_sched_getaffinity(int pid, size_t len, void __user *mask)
{
	/* The length is an unsigned int, and so is its number of bits. */
	if ((u32)len * 8 < cpu_count || len % sizeof(u64))
		return -EINVAL;
	struct thread *t = pid < 0 ? NULL : named(pid);
	if (!t)
		return -ESRCH;
	u64 set = t->affinity & smp_online_mask();
	thread_put(t);
	return copy_to_user(mask, &set, sizeof(set)) ? -EFAULT : (long)sizeof(set);
}

long sys_getcpu(void __user *cpu, void __user *node, void __user *cache __unused)
{
	if (cpu && put_user_u32(cpu_id(), cpu))
		return -EFAULT;
	return node && put_user_u32(0, node) ? -EFAULT : 0;
}

/* --- membarrier ---------------------------------------------------------------------------------------------------- */

enum { MEMBARRIER_QUERY = 0, MEMBARRIER_GLOBAL = 1, MEMBARRIER_GLOBAL_EXPEDITED = 2, MEMBARRIER_REGISTER_GLOBAL = 4, MEMBARRIER_PRIVATE = 8, MEMBARRIER_REGISTER_PRIVATE = 16 };

static void barrier_here(void *arg __unused)
{
	smp_mb();
}

long sys_membarrier(int cmd, unsigned flags, int cpu __unused)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_GLOBAL_EXPEDITED | MEMBARRIER_REGISTER_GLOBAL | MEMBARRIER_PRIVATE | MEMBARRIER_REGISTER_PRIVATE;
	case MEMBARRIER_REGISTER_GLOBAL:
	case MEMBARRIER_REGISTER_PRIVATE:
		return 0;
	case MEMBARRIER_GLOBAL:
	case MEMBARRIER_GLOBAL_EXPEDITED:
	case MEMBARRIER_PRIVATE:
		smp_call(smp_online_mask(), barrier_here, NULL);
		return 0;
	}
	return -EINVAL;
}
