/* The system calls that send signals: kill, tkill, tgkill, sigqueue. */
#include "proc_priv.h"

#include "lib/string.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

static bool signo_ok(int sig) { return sig >= 0 && sig <= NSIG; }

/* To the process of t, by whose number it was named: mostly the leader's. */
static int kill_one(struct thread *t, int sig, const struct abi_siginfo *info)
{
	return signal_may_send(t, sig) ? signal_send_process(t->process, sig, info) : -EPERM;
}

/*
 * Many receivers. They are gathered under the tree lock, in rounds of a fixed size, by number, so that neither memory nor the time under the lock depends on
 * how many there are. A process that starts meanwhile may be missed, as it may on any system.
 */
struct batch {
	struct process *p[32]; /* sorted by number, counted */
	u32 n;
	int after;             /* only larger numbers are wanted */
};

/* Keeps the lowest numbers. */
static void batch_offer(struct batch *b, struct process *p)
{
	u32 i;

	if (p->pid <= b->after || (b->n == ARRAY_SIZE(b->p) && p->pid > b->p[b->n - 1]->pid))
		return;
	i = b->n < ARRAY_SIZE(b->p) ? b->n++ : b->n - 1;
	for (; i > 0 && b->p[i - 1]->pid > p->pid; i--)
		b->p[i] = b->p[i - 1];
	b->p[i] = p;
}

static void batch_gather(struct batch *b, struct pgroup *group)
{
	struct process *p;

	b->n = 0;
	spin_lock(&process_tree_lock);
	if (group) {
		list_for_each(p, &group->members, pgroup_link)
			batch_offer(b, p);
	} else {
		list_for_each(p, &process_list, all_link)
			if (!p->is_init && p != current->process)
				batch_offer(b, p);
	}
	for (u32 i = 0; i < b->n; i++)
		process_get(b->p[i]);
	spin_unlock(&process_tree_lock);
	if (b->n)
		b->after = b->p[b->n - 1]->pid;
}

static long kill_many(struct pgroup *group, int sig, const struct abi_siginfo *info)
{
	struct batch b = { .after = 0 };
	/* Everybody: the kernel's own threads are among them, so there is always somebody, and who may not be hit does not matter. */
	long result = group ? -ESRCH : 0;

	do {
		batch_gather(&b, group);
		for (u32 i = 0; i < b.n; i++) {
			int err = kill_one(b.p[i]->leader, sig, info);
			if (group ? !err || result == -ESRCH : err != -EPERM)
				result = err;
			process_put(b.p[i]);
		}
	} while (b.n == ARRAY_SIZE(b.p));
	return result;
}

long sys_kill(int pid, int sig)
{
	struct abi_siginfo info;
	long result;

	if (!signo_ok(sig))
		return -EINVAL;
	signal_info_user(&info, sig, SI_USER);
	if (pid > 0) {
		struct thread *t = thread_find(pid);
		if (!t)
			return -ESRCH;
		result = t->process ? kill_one(t, sig, &info) : -ESRCH;
		thread_put(t);
		return result;
	}
	if (pid == -1)
		return kill_many(NULL, sig, &info);
	if (pid == (int)0x80000000)
		return -ESRCH;
	struct pgroup *g = NULL;
	if (pid < 0) {
		g = pgroup_find(-pid);
	} else {
		spin_lock(&process_tree_lock);
		g = current->process->pgroup;
		pgroup_get(g);
		spin_unlock(&process_tree_lock);
	}
	if (!g)
		return -ESRCH;
	result = kill_many(g, sig, &info);
	pgroup_put(g);
	return result;
}

/* tgid 0: any process. */
static long send_to_thread(int tgid, int tid, int sig, const struct abi_siginfo *info)
{
	if (tid <= 0 || tgid < 0 || !signo_ok(sig))
		return -EINVAL;
	struct thread *t = thread_find(tid);
	if (!t)
		return -ESRCH;
	long result = -ESRCH;
	if (t->process && (!tgid || t->process->pid == tgid))
		result = !signal_may_send(t, sig) ? -EPERM : signal_send_thread(t, sig, info);
	thread_put(t);
	return result;
}

long sys_tkill(int tid, int sig)
{
	struct abi_siginfo info;

	signal_info_user(&info, sig, SI_TKILL);
	return send_to_thread(0, tid, sig, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
	struct abi_siginfo info;

	if (tgid <= 0)
		return -EINVAL;
	signal_info_user(&info, sig, SI_TKILL);
	return send_to_thread(tgid, tid, sig, &info);
}

/* Whether it is known what lies behind such a code, which then fits into SIGINFO_KNOWN. */
static bool layout_known(u32 sig, int code)
{
	static const u8 last_code[] = {
		[SIGILL] = 11, [SIGTRAP] = 6, [SIGBUS] = 5, [SIGFPE] = 15, [SIGSEGV] = 9, [SIGCHLD] = 6, [SIGIO] = 6, [SIGSYS] = 2,
	};

	if (code <= SI_USER)
		return code >= SI_DETHREAD || code == SI_ASYNCNL;
	return code == SI_KERNEL || code <= (sig < ARRAY_SIZE(last_code) && last_code[sig] ? last_code[sig] : 6);
}

int signal_info_import(struct abi_siginfo *info, const void __user *from, const int *sig)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	if (sig)
		info->signo = *sig;
	u8 *rest = (u8 *)info + SIGINFO_KNOWN;
	if (!layout_known(info->signo, info->code))
		for (size_t i = 0; i < sizeof(*info) - SIGINFO_KNOWN; i++)
			if (rest[i])
				return -E2BIG;
	memset(rest, 0, sizeof(*info) - SIGINFO_KNOWN);
	return 0;
}

/* Nobody may pretend to be the kernel, or kill(2), to others. */
static int import_info(struct abi_siginfo *info, int sig, const void __user *from, bool self)
{
	int err = signal_info_import(info, from, &sig);

	if (err)
		return err;
	return (info->code >= 0 || info->code == SI_TKILL) && !self ? -EPERM : 0;
}

long sys_rt_sigqueueinfo(int pid, int sig, const void __user *from)
{
	struct abi_siginfo info;
	int err = import_info(&info, sig, from, pid == current->process->pid);

	if (err)
		return err;
	if (!signo_ok(sig))
		return -EINVAL;
	struct thread *t = pid > 0 ? thread_find(pid) : NULL;
	if (!t)
		return -ESRCH;
	err = t->process ? kill_one(t, sig, &info) : -ESRCH;
	thread_put(t);
	return err;
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, const void __user *from)
{
	struct abi_siginfo info;
	int err = import_info(&info, sig, from, tgid == current->process->pid);

	if (err)
		return err;
	if (tgid <= 0)
		return -EINVAL;
	return send_to_thread(tgid, tid, sig, &info);
}
