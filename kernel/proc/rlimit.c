/* Limits of resources (getrlimit(2)), and the CPU-time limit's signals are in itimer.c. */
#include "proc_priv.h"

#include "file/file.h"
#include "lib/string.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

/* Changes limit `resource` of p, and returns the old one. Tree lock guards against two at once. */
static int change(struct process *p, unsigned resource, const struct rlimit *new, struct rlimit *old)
{
	int err = 0;

	if (resource >= RLIM_COUNT)
		return -EINVAL;
	if (new && new->cur > new->max)
		return -EINVAL;
	if (new && resource == RLIM_NOFILE && new->max > READ_ONCE(files_limit))
		return -EPERM;
	bool may_raise = capable(CAP_SYS_RESOURCE);
	spin_lock(&process_tree_lock);
	struct rlimit *limit = &p->rlimits[resource];
	struct rlimit before = *limit;
	if (new && new->max > limit->max && !may_raise)
		err = -EPERM;
	else if (new)
		*limit = *new;
	spin_unlock(&process_tree_lock);
	if (!err && old)
		*old = before;
	return err;
}

long sys_getrlimit(unsigned resource, void __user *rlim)
{
	struct rlimit old;
	int err = change(current->process, resource, NULL, &old);

	return err ? err : copy_to_user(rlim, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_setrlimit(unsigned resource, const void __user *rlim)
{
	struct rlimit new;

	if (copy_from_user(&new, rlim, sizeof(new)))
		return -EFAULT;
	return change(current->process, resource, &new, NULL);
}

/* prlimit(2): real, effective and saved ids of the other must all be the caller's. */
static bool may_limit(struct thread *t)
{
	const struct cred *c = cred_current();

	if (t->process == current->process)
		return true;
	struct cred *o = cred_get_of(t);
	bool same = c->uid == o->euid && c->uid == o->suid && c->uid == o->uid && c->gid == o->egid && c->gid == o->sgid && c->gid == o->gid;
	cred_put(o);
	return same || cred_has_cap(c, CAP_SYS_RESOURCE);
}

long sys_prlimit64(int pid, unsigned resource, const void __user *new, void __user *old)
{
	struct rlimit in, out;
	struct thread *t = current;
	struct process *p = current->process;

	if (new && copy_from_user(&in, new, sizeof(in)))
		return -EFAULT;
	if (pid) {
		t = thread_find(pid);
		if (!t)
			return -ESRCH;
		p = t->process;
	}
	int err = !p ? -ESRCH : !may_limit(t) ? -EPERM : change(p, resource, new ? &in : NULL, &out);
	if (pid)
		thread_put(t);
	if (err)
		return err;
	return old && copy_to_user(old, &out, sizeof(out)) ? -EFAULT : 0;
}
