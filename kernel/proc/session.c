/* Process groups and sessions: setpgid, setsid and their questions (POSIX 11.1; errnos as Linux gives them). */
#include "proc_priv.h"

#include "syscalls_gen.h"

static struct process *process_of_tid(int tid)
{
	struct thread *t = thread_lookup(tid);
	return t ? t->process : NULL;
}

long sys_setpgid(int pid, int pgid)
{
	struct process *me = current->process, *p;
	struct pgroup *g = NULL, *fresh = NULL, *old = NULL;
	long err;

	if (!pid)
		pid = me->pid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	/* Made beforehand, since nothing sleeps under the lock. */
	fresh = pgid == pid ? pgroup_create(pid, me->session) : NULL;
	if (pgid == pid && !fresh)
		return -ENOMEM;

	spin_lock(&process_tree_lock);
	err = -ESRCH;
	p = process_of_tid(pid);
	if (!p)
		goto unlock;
	err = -EINVAL;
	if (p->pid != pid)
		goto unlock;
	if (p->parent == me) {
		err = -EPERM;
		if (p->session != me->session)
			goto unlock;
		err = -EACCES;
		if (p->did_exec)
			goto unlock;
	} else {
		err = -ESRCH;
		if (p != me)
			goto unlock;
	}
	err = -EPERM;
	if (p->session->leader == p || p->session->id == p->pid)
		goto unlock;
	g = pgroup_lookup(pgid);
	if (pgid != pid) {
		if (!g || g->session != me->session)
			goto unlock;
	} else if (g && g->session != me->session) {
		goto unlock;
	}
	err = 0;
	if (g == p->pgroup && g)
		goto unlock;
	if (g) {
		pgroup_get(g);
	} else {
		g = fresh;
		fresh = NULL;
		pgroup_publish(g);
	}
	old = pgroup_leave(p);
	pgroup_enter(p, g);
unlock:
	spin_unlock(&process_tree_lock);
	pgroup_put(old);
	pgroup_put(fresh);
	return err;
}

long sys_setsid(void)
{
	struct process *p = current->process;
	struct session *s = session_create(p->pid), *old_session = NULL;
	struct pgroup *g = s ? pgroup_create(p->pid, s) : NULL, *old = NULL;
	long result = -ENOMEM;

	if (!g)
		goto put;
	spin_lock(&process_tree_lock);
	result = -EPERM;
	if ((p->session && p->session->leader == p) || pgroup_lookup(p->pid)) {
		spin_unlock(&process_tree_lock);
		goto put;
	}
	old_session = p->session;
	old = pgroup_leave(p);
	s->leader = p;
	session_publish(s);
	pgroup_publish(g);
	p->session = s;
	pgroup_enter(p, g);
	spin_unlock(&process_tree_lock);
	pgroup_put(old);
	session_put(old_session);
	return p->pid;
put:
	pgroup_put(g);
	session_put(s);
	return result;
}

/* The process that `pid` names (0: the caller), or NULL; tree lock held. */
static struct process *named(int pid)
{
	return pid ? process_of_tid(pid) : current->process;
}

long sys_getpgid(int pid)
{
	spin_lock(&process_tree_lock);
	struct process *p = named(pid);
	long id = p && p->pgroup ? p->pgroup->id : -ESRCH;
	spin_unlock(&process_tree_lock);
	return id;
}

long sys_getpgrp(void) { return sys_getpgid(0); }

long sys_getsid(int pid)
{
	spin_lock(&process_tree_lock);
	struct process *p = named(pid);
	long id = p && p->session ? p->session->id : -ESRCH;
	spin_unlock(&process_tree_lock);
	return id;
}

long sys_getppid(void)
{
	spin_lock(&process_tree_lock);
	struct process *parent = current->process->parent;
	long pid = parent ? parent->pid : 0;
	spin_unlock(&process_tree_lock);
	return pid;
}
