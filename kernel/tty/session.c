/* Sessions and their controlling terminals: who gets one, and how it goes. Guarded by tty_control_lock; the leader by the tree lock. */
#include "tty/tty.h"
#include "proc/signal.h"
#include "syscalls_gen.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"

/* The session whose terminal is the process's, counted; NULL if there is none. */
static struct session *session_of(struct process *p)
{
	if (!p || READ_ONCE(p->left_tty))
		return NULL; /* a kernel thread, or one that has let go of its terminal */
	spin_lock(&process_tree_lock);
	struct session *s = p->session;
	if (s)
		session_get(s);
	spin_unlock(&process_tree_lock);
	return s;
}

struct tty *current_tty(void)
{
	struct session *s = session_of(current_process());
	if (!s)
		return NULL;
	spin_lock(&tty_control_lock);
	struct tty *t = s->tty;
	if (t)
		tty_get(t);
	spin_unlock(&tty_control_lock);
	session_put(s);
	return t;
}

u64 process_tty(struct process *p, int *foreground)
{
	u64 rdev = 0;
	struct session *s = session_of(p);
	*foreground = -1;
	if (!s)
		return 0;
	spin_lock(&tty_control_lock);
	if (s->tty) {
		rdev = s->tty->rdev;
		*foreground = s->tty->foreground ? s->tty->foreground->id : 0;
	}
	spin_unlock(&tty_control_lock);
	session_put(s);
	return rdev;
}

int tty_acquire(struct tty *t, bool steal)
{
	struct process *p = current_process();
	struct session *robbed = NULL;
	struct pgroup *old = NULL, *own;
	spin_lock(&process_tree_lock);
	struct session *s = p->session;
	bool leader = s && s->leader == p;
	own = p->pgroup;
	if (leader) {
		session_get(s);
		pgroup_get(own);
	}
	spin_unlock(&process_tree_lock);
	if (!leader)
		return -EPERM;

	int err = 0;
	bool taken = false;
	spin_lock(&tty_control_lock);
	if (t->session == s)
		goto unlock;
	err = -EPERM;
	if (s->tty || (t->session && !steal))
		goto unlock;
	robbed = t->session;
	old = t->foreground;
	if (robbed)
		robbed->tty = NULL; /* its reference to the terminal becomes ours */
	else
		tty_get(t);
	s->tty = t;
	t->session = s;
	t->foreground = own;
	taken = true;
	p->left_tty = false;
	err = 0;
unlock:
	spin_unlock(&tty_control_lock);
	if (!taken) {
		session_put(s);
		pgroup_put(own);
	}
	if (robbed)
		session_put(robbed);
	if (old)
		pgroup_put(old);
	return err;
}

void tty_drop_session(struct session *s, bool on_exit)
{
	spin_lock(&tty_control_lock);
	struct tty *t = s->tty;
	struct pgroup *front = NULL;
	if (t)
		tty_get(t);
	if (t && t->foreground) {
		front = t->foreground;
		pgroup_get(front);
	} else if (!t && on_exit) {
		front = s->foreground; /* the terminal was hung up before */
		s->foreground = NULL;
	}
	spin_unlock(&tty_control_lock);

	if (t && on_exit && !t->is_pty) {
		tty_hangup(t, true);
	} else if (front) {
		signal_send_pgroup(front, SIGHUP, NULL);
		if (!t || !on_exit)
			signal_send_pgroup(front, SIGCONT, NULL);
	}
	if (front)
		pgroup_put(front);
	if (!t)
		return;

	/* What a hang-up has not undone. */
	struct pgroup *old = NULL;
	bool untied = false;
	spin_lock(&tty_control_lock);
	if (s->tty == t) {
		old = t->foreground;
		t->foreground = NULL;
		t->session = NULL;
		s->tty = NULL;
		untied = true;
	}
	spin_unlock(&tty_control_lock);
	if (untied) {
		if (old)
			pgroup_put(old);
		session_put(s);
		tty_put(t);
	}
	tty_put(t);
}

/* Who has let go has children without a terminal. */
static void inherit(const struct fork_request *r, int *err __unused)
{
	if (r->child != r->parent)
		r->child->left_tty = r->parent->left_tty;
}
NOTIFIER(process_fork, inherit);

static void leader_exits(struct session *s)
{
	tty_drop_session(s, true);
}
NOTIFIER(session_leader_exit, leader_exits);

/* vhangup(2): logins take their terminal away from whoever had it before. */
long sys_vhangup(void)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	struct tty *t = current_tty();
	if (t) {
		tty_hangup(t, false);
		tty_put(t);
	}
	return 0;
}
