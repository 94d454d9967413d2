/*
 * Job control: which of the many programs on one terminal may talk to it.
 *
 *   session (a login) ── controlling terminal ── foreground group
 *      ├── group 10: the shell
 *      ├── group 20: make, cc          <- foreground: reads, gets ^C and ^Z
 *      └── group 30: a job behind `&`  <- background: a read stops it (SIGTTIN)
 *
 * The shell moves groups to the front by TIOCSPGRP. A background process that reads gets SIGTTIN; one that changes the
 * terminal, or writes while TOSTOP is set, gets SIGTTOU; both stop the whole group until the shell says otherwise.
 * Where nobody could ever continue it (an orphaned group) the call fails with EIO instead.
 *
 * Locks: tty_control_lock guards the ties between session, terminal and foreground group. Signals are sent with no lock
 * held, on references that were taken under it.
 */
#include "tty/tty.h"
#include "core/todo.h"
#include "proc/signal.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"

#ifdef SOLUTION
/* The foreground group, counted; NULL if there is none. */
static struct pgroup *foreground_get(struct tty *t)
{
	spin_lock(&tty_control_lock);
	struct pgroup *g = t->foreground;
	if (g)
		pgroup_get(g);
	spin_unlock(&tty_control_lock);
	return g;
}

void tty_signal_foreground(struct tty *t, int signo)
{
	struct pgroup *g = foreground_get(t);
	if (!g)
		return;
	signal_send_pgroup(g, signo, NULL);
	pgroup_put(g);
}

/* Whether t is the controlling terminal of current. */
static bool is_controlling(struct tty *t)
{
	struct tty *mine = current_tty();
	if (mine)
		tty_put(mine);
	return mine == t;
}

/* current's group, counted, and whether it is orphaned. */
static struct pgroup *own_group(bool *orphaned)
{
	spin_lock(&process_tree_lock);
	struct pgroup *g = current_process()->pgroup;
	pgroup_get(g);
	*orphaned = pgroup_is_orphaned(g);
	spin_unlock(&process_tree_lock);
	return g;
}

int tty_check_change(struct tty *t, int signo)
{
	if (!is_controlling(t))
		return 0;
	bool orphaned;
	struct pgroup *front = foreground_get(t), *own = own_group(&orphaned);
	int err = 0;
	if (front && front != own) {
		if (signal_is_blocked_or_ignored(signo)) {
			/* Whoever ignores SIGTTOU may write (a shell does that to take the terminal back); reading is never right. */
			err = signo == SIGTTIN ? -EIO : 0;
		} else if (orphaned) {
			err = -EIO;
		} else {
			signal_send_pgroup(own, signo, NULL);
			err = -ERESTARTSYS; /* tried again once the job is continued */
		}
	}
	if (front)
		pgroup_put(front);
	pgroup_put(own);
	return err;
}

static long get_foreground(struct tty *t, struct file *f __unused, u64 arg)
{
	struct pgroup *g = foreground_get(t);
	u32 id = g ? (u32)g->id : 0;
	if (g)
		pgroup_put(g);
	return put_user_u32(id, (u32 __user *)arg);
}

/* TIOCSPGRP: any group of the session may come to the front. */
static long set_foreground(struct tty *t, struct file *f __unused, u64 arg)
{
	u32 id;
	int err = tty_check_change(t, SIGTTOU);
	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (!is_controlling(t))
		return -ENOTTY;
	if (get_user_u32(&id, (const u32 __user *)arg))
		return -EFAULT;
	if ((int)id < 0)
		return -EINVAL;
	struct pgroup *g = pgroup_find((int)id), *old = NULL;
	if (!g)
		return -ESRCH;
	spin_lock(&tty_control_lock);
	if (g->session != t->session) {
		err = -EPERM;
	} else {
		old = t->foreground;
		t->foreground = g;
		pgroup_get(g);
	}
	spin_unlock(&tty_control_lock);
	pgroup_put(g);
	if (old)
		pgroup_put(old);
	return err;
}

static long get_session(struct tty *t, struct file *f __unused, u64 arg)
{
	spin_lock(&tty_control_lock);
	int id = t->session ? t->session->id : -1;
	spin_unlock(&tty_control_lock);
	return id < 0 ? -ENOTTY : put_user_u32((u32)id, (u32 __user *)arg);
}

/* TIOCSCTTY: a session leader without a terminal takes this one; root may steal it (arg 1) from another session. */
static long set_controlling(struct tty *t, struct file *f, u64 arg)
{
	if (!(f->mode & FILE_READ) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return tty_acquire(t, arg == 1 && capable(CAP_SYS_ADMIN));
}

/* TIOCNOTTY: the leader gives the terminal up for its whole session, another process only for itself. */
static long drop_controlling(struct tty *t, struct file *f __unused, u64 arg __unused)
{
	if (!is_controlling(t))
		return -ENOTTY;
	struct process *p = current_process();
	if (p->session->id == p->pid)
		tty_drop_session(p->session, false);
	else
		p->left_tty = true;
	return 0;
}

static const struct {
	u32 cmd;
	bool controlling; /* asked only of one's own terminal (a pty's master may always ask) */
	long (*fn)(struct tty *t, struct file *f, u64 arg);
} job_ioctls[] = {
	{ TIOCGPGRP, true, get_foreground },
	{ TIOCSPGRP, false, set_foreground },
	{ TIOCGSID, true, get_session },
	{ TIOCSCTTY, false, set_controlling },
	{ TIOCNOTTY, false, drop_controlling },
};

long tty_job_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg)
{
	bool is_master = f->ops != &tty_file_ops;
	for (size_t i = 0; i < ARRAY_SIZE(job_ioctls); i++) {
		if (job_ioctls[i].cmd != cmd)
			continue;
		if (job_ioctls[i].controlling && !is_master && !is_controlling(t))
			return -ENOTTY;
		return job_ioctls[i].fn(t, f, arg);
	}
	return -ENOIOCTLCMD;
}
#else
int tty_check_change(struct tty *t, int signo)
{
	TODO("12-linux");
}

long tty_job_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg)
{
	TODO("12-linux");
}

void tty_signal_foreground(struct tty *t, int signo)
{
	TODO("12-linux");
}
#endif
