/* fork, vfork, clone, clone3: the flags that go together, then fork_thread. */
#include "proc_priv.h"

#include "file/file.h"
#include "lib/string.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "vm/aspace.h"

#define CSIGNAL 0xfful
/* Namespaces and control groups are not there: as on a Linux that was built without them. */
#define NOT_THERE (CLONE_NAMESPACES | CLONE_INTO_CGROUP)
#define CLONE3_KNOWN 0x3fffffffful

const struct pidfd_maker *pidfd_maker;

static int check_flags(u64 flags)
{
	if (flags & NOT_THERE)
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (!pidfd_maker || (flags & (CLONE_DETACHED | CLONE_THREAD))))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_CLEAR_SIGHAND) && (flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && current->process->is_init)
		return -EINVAL;
	return 0;
}

static int check_limits(void)
{
	struct process *p = current->process;
	const struct cred *c = cred_current();

	if (atomic_load_relaxed(&c->user->processes) >= p->rlimits[RLIM_NPROC].cur && c->uid != 0 && !cred_has_cap(c, CAP_SYS_RESOURCE) &&
	    !cred_has_cap(c, CAP_SYS_ADMIN))
		return -EAGAIN;
	p->signal->over_nproc = false;
	return READ_ONCE(thread_total) >= thread_max ? -EAGAIN : 0;
}

static long fork_with_pidfd(struct clone_request *r)
{
	r->pidfd_number = pidfd_maker->prepare(&r->pidfd, r->pidfd_word);
	if (r->pidfd_number < 0)
		return r->pidfd_number;
	long result = fork_thread(r);
	if (result < 0)
		pidfd_maker->cancel(r->pidfd_number, r->pidfd);
	return result;
}

static long start(struct clone_request *r)
{
	int err = check_flags(r->flags);

	/* One word cannot take both numbers. */
	if ((r->flags & CLONE_PIDFD) && (r->flags & CLONE_PARENT_SETTID) && r->pidfd_word == r->parent_tid)
		return -EINVAL;

	if (!err)
		err = check_limits();
	if (!err && (r->flags & CLONE_SETTLS) && r->tls >= USER_END)
		err = -EPERM;
	if (err)
		return err;
	if (r->flags & CLONE_THREAD)
		r->exit_signal = 0;
	return r->flags & CLONE_PIDFD ? fork_with_pidfd(r) : fork_thread(r);
}

long sys_clone(unsigned long flags, unsigned long stack, void __user *parent_tid, void __user *child_tid, unsigned long tls)
{
	struct clone_request r = {
		.flags = (u32)flags & ~CSIGNAL, .exit_signal = flags & CSIGNAL, .stack = stack, .tls = tls, .parent_tid = parent_tid, .child_tid = child_tid,
		.pidfd_word = parent_tid,
	};
	return start(&r);
}

long sys_fork(void)
{
	struct clone_request r = { .exit_signal = SIGCHLD };
	return start(&r);
}

long sys_vfork(void)
{
	struct clone_request r = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
	return start(&r);
}

struct clone3_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

long sys_clone3(const void __user *args, size_t size)
{
	struct clone3_args a;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < 64)
		return -EINVAL;
	/* What a newer program may ask for beyond: only nothing. */
	int err = copy_struct_from_user(&a, sizeof(a), args, size);
	if (err)
		return err;
	if ((a.flags & ~CLONE3_KNOWN) || (a.flags & (CLONE_DETACHED | CSIGNAL)) || a.exit_signal > NSIG || a.set_tid_size > 32)
		return -EINVAL;
	if ((a.flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) == (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((a.flags & (CLONE_THREAD | CLONE_PARENT)) && a.exit_signal)
		return -EINVAL;
	if ((!a.stack) != (!a.stack_size) || (a.stack && (a.stack + a.stack_size < a.stack || a.stack + a.stack_size > USER_END)))
		return -EINVAL;
	if (!a.set_tid != !a.set_tid_size || a.set_tid)
		return -EINVAL;
	struct clone_request r = {
		.flags = a.flags, .exit_signal = a.exit_signal, .stack = a.stack + a.stack_size, .tls = a.tls,
		.parent_tid = (u32 __user *)a.parent_tid, .child_tid = (u32 __user *)a.child_tid, .pidfd_word = (u32 __user *)a.pidfd,
	};
	return start(&r);
}

long sys_unshare(unsigned long flags)
{
	struct process *p = current->process;
	int err = 0;
	const unsigned long known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | CLONE_NAMESPACES;

	if (flags & (~known | CLONE_NAMESPACES))
		return -EINVAL;
	/* Threads share memory and signals by being threads: only who is alone already can be told that it is. */
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && p->thread_count > 1)
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) && refcount_read(&p->sighand->ref) > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && refcount_read(&p->aspace->users) > 1)
		return -EINVAL;
	if (flags & CLONE_FILES)
		err = files_unshare();
	if (!err)
		NOTIFIER_CALL(thread_unshare, flags, &err);
	return err;
}
