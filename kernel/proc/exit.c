/*
 * How threads and processes end.
 *
 *   thread_exit_user     hooks (robust futexes), clear_child_tid ── while its memory is alive
 *        │ last thread?  ── no ──► out of the process's list, gone
 *        ▼ yes
 *   process_end          timers, files, memory, vfork parent
 *        ▼
 *   exit_notify (wait.c) zombie, children to a new parent, parent told        tree lock
 *        ▼
 *   reaped by wait, or at once if the parent wants no zombies: exit_detach
 *
 * The struct of the process lives on by references; that of its first thread as long as the process (usermode/process.h).
 */
#include "proc_priv.h"

#include "core/panic.h"
#include "file/file.h"
#include "lib/string.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

/* --- groups that lose their last link to the session --------------------------------------------------------------- */

static void signal_orphaned_group(struct pgroup *g)
{
	signal_send_pgroup(g, SIGHUP, NULL);
	signal_send_pgroup(g, SIGCONT, NULL);
}

void exit_orphaned_groups(struct process *p)
{
	struct process *parent = p->parent;
	struct pgroup *g = p->pgroup;

	if (parent && g && parent->pgroup != g && parent->session == p->session && pgroup_orphaned_without(g, p) && pgroup_has_stopped(g))
		signal_orphaned_group(g);
}

void exit_child_orphaned(struct process *child, struct process *old_parent)
{
	struct pgroup *g = child->pgroup;

	if (child->signal->parent_death_signal)
		signal_send_process(child, child->signal->parent_death_signal, NULL);
	if (g && g != old_parent->pgroup && child->session == old_parent->session && pgroup_orphaned_without(g, NULL) && pgroup_has_stopped(g))
		signal_orphaned_group(g);
}

/* --- the parent ---------------------------------------------------------------------------------------------------- */

void fill_child_info(struct process *p, struct abi_siginfo *info, int code, int status)
{
	struct usage u;

	usage_of_process(p, &u);
	memset(info, 0, sizeof(*info));
	info->signo = SIGCHLD;
	info->code = code;
	info->chld.pid = p->pid;
	info->chld.uid = cred_uid_of(p->leader);
	info->chld.status = status;
	info->chld.utime = u.user_ns / (NSEC_PER_SEC / 100);
	info->chld.stime = u.system_ns / (NSEC_PER_SEC / 100);
}

static void exit_code_parts(int wait_status, int *code, int *status)
{
	if (wait_status & 0x7f) {
		*code = wait_status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		*status = wait_status & 0x7f;
	} else {
		*code = CLD_EXITED;
		*status = wait_status >> 8 & 0xff;
	}
}

bool exit_tell_parent(struct process *p)
{
	struct process *parent = p->parent;
	struct abi_siginfo info;
	int code, status, signo = p->exit_signal;
	bool reap = false;

	if (!parent)
		return true;
	exit_code_parts(p->exit_status, &code, &status);
	fill_child_info(p, &info, code, status);
	info.signo = signo;
	if (signo == SIGCHLD) {
		u64 flags;
		struct sighand *h = sighand_lock(parent, &flags);
		struct abi_sigaction *a = &h->action[SIGCHLD - 1];
		reap = a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT);
		if (a->handler == SIG_IGN)
			signo = 0;
		sighand_unlock(h, flags);
	}
	/* clone takes any byte for a signal; what is none is sent to nobody, as on Linux. */
	if (signo > 0 && signo <= NSIG)
		signal_send_process(parent, signo, &info);
	wait_wake_all(&parent->child_wait);
	wait_wake_all(&p->signal->end_wait);
	return reap;
}

void notify_parent_of_stop(struct process *p, int code)
{
	struct abi_siginfo info;
	struct process *parent;
	u64 flags;

	spin_lock(&process_tree_lock);
	parent = p->parent;
	if (parent) {
		fill_child_info(p, &info, code, code == CLD_CONTINUED ? SIGCONT : p->signal->stop_signo);
		struct sighand *h = sighand_lock(parent, &flags);
		struct abi_sigaction *a = &h->action[SIGCHLD - 1];
		bool wanted = a->handler != SIG_IGN && !(a->flags & SA_NOCLDSTOP);
		sighand_unlock(h, flags);
		if (wanted)
			signal_send_process(parent, SIGCHLD, &info);
		wait_wake_all(&parent->child_wait);
	}
	spin_unlock(&process_tree_lock);
}

struct process *exit_find_reaper(struct process *p)
{
	for (struct process *up = p->parent; up && up != init_process; up = up->parent)
		if (up->signal->subreaper && !up->exiting)
			return up;
	return init_process;
}

/* A parent of thousands finds its zombies without looking through the living. Mostly the oldest ends first: the place is near the end. */
void exit_queue_zombie(struct process *p)
{
	struct list *zombies = &p->parent->signal->zombies, *at = zombies->prev;

	list_del(&p->sibling);
	while (at != zombies && list_entry(at, struct process, sibling)->start_ns > p->start_ns)
		at = at->prev;
	list_add(at, &p->sibling);
}

/* --- out of all lists ---------------------------------------------------------------------------------------------- */

static struct list the_dead = LIST_INIT(the_dead); /* by all_link; tree lock */

void exit_detach(struct process *p)
{
	list_del(&p->sibling);
	process_unpublish(p);
	thread_unpublish(p->leader);
	list_add_tail(&the_dead, &p->all_link);
}

void exit_free_dead(void)
{
	while (!list_empty(&the_dead)) {
		struct process *p = NULL;
		struct pgroup *g = NULL;
		struct session *s = NULL;

		spin_lock(&process_tree_lock);
		if (!list_empty(&the_dead)) {
			p = list_first(&the_dead, struct process, all_link);
			list_del(&p->all_link);
			g = pgroup_leave(p);
			s = p->session;
			p->session = NULL;
		}
		spin_unlock(&process_tree_lock);
		if (!p)
			return;
		pgroup_put(g);
		session_put(s);
		atomic_fetch_sub(&p->leader->cred->user->processes, 1u);
		if (p->signal->former_leader)
			thread_put(p->signal->former_leader);
		process_put(p);
	}
}

/* --- the end of a thread ------------------------------------------------------------------------------------------- */

static void clear_tid_word(struct thread *t)
{
	u32 __user *word = t->clear_child_tid;

	t->clear_child_tid = NULL;
	/* Only for those who stay: a memory that nobody shares goes anyway. */
	if (!word || refcount_read(&t->process->aspace->users) + t->process->signal->live <= 2)
		return;
	if (!put_user_u32(0, word))
		NOTIFIER_CALL(clear_child_tid, word);
}

/* No more signals for t; what was meant for it alone goes, what the process shares others take. True: it was the last one. */
static bool begin_exit(struct process *p, struct thread *t)
{
	struct process_signal *s = p->signal;
	bool tell = false;
	u64 flags;

	struct sighand *h = sighand_lock(p, &flags);
	t->signal->exiting = true;
	pending_flush(&t->signal->pending, ~0ul);
	if (s->stopping && !t->signal->has_stopped && --s->to_stop == 0 && s->live > 1) {
		s->stopped = true;
		s->stop_reported = false;
		tell = true;
	}
	bool last = --s->live == 0;
	if (!last && s->pending.set) {
		struct thread *other;
		list_for_each(other, &p->threads, process_link)
			if (!other->signal->exiting && (s->pending.set & ~other->signal->blocked))
				signal_wake(other, 0);
	}
	sighand_unlock(h, flags);
	if (tell)
		notify_parent_of_stop(p, CLD_STOPPED);
	return last;
}

static void process_end(struct process *p)
{
	struct aspace *as = p->aspace;

	p->exiting = true;
	if (p->is_init)
		panic("Attempted to kill init! exitcode=0x%08x", p->exit_status);
	itimer_exit(p);
	posix_timers_exit(p);
	NOTIFIER_CALL(process_exiting, p);
	if (p->session && p->session->leader == p)
		NOTIFIER_CALL(session_leader_exit, p->session);
	p->max_rss = MAX(p->max_rss, as->peak_rss);
	thread_drop_shares(current);
	spin_lock(&process_tree_lock); /* /proc takes references to both under it */
	struct file *exe = p->exe;
	p->exe = NULL;
	p->aspace = NULL;
	spin_unlock(&process_tree_lock);
	if (exe)
		file_put(exe);
	vfork_release(current);
	aspace_put_user(as);
}

/* The accounts of a thread that is off the list go to its process. Tree lock held. */
static void settle_thread(struct process *p, struct thread *t)
{
	u64 user, system;

	thread_times(t, &user, &system);
	p->dead_user_ns += user;
	p->dead_system_ns += system;
	p->dead_min_faults += t->min_faults;
	p->dead_maj_faults += t->maj_faults;
}

void __noreturn thread_exit_user(int wait_status)
{
	struct thread *t = current;
	struct process *p = t->process;
	u64 flags;

	t->exit_code = wait_status;
	NOTIFIER_CALL(thread_exiting, t);
	NOTIFIER_CALL(thread_leaving, t);
	clear_tid_word(t);
	/* From here on the last thread may free the memory: a switch back to this one must not load it. */
	t->aspace = NULL;
	bool last = begin_exit(p, t);
	if (last) {
		/* The status of the group's end, if there was one, else that of the thread that goes last. */
		p->exit_status = p->signal->group_exit ? p->signal->group_exit_code : wait_status;
		process_end(p);
	} else {
		thread_drop_shares(t);
		vfork_release(t);
	}
	if (t != p->leader)
		atomic_fetch_sub(&t->cred->user->processes, 1u); /* the leader counts until it is reaped */

	spin_lock(&process_tree_lock);
	struct sighand *h = sighand_lock(p, &flags);
	p->thread_count--;
	if (t != p->leader) {
		list_del(&t->process_link);
		thread_unpublish(t);
		settle_thread(p, t);
	}
	bool all_gone = p->thread_count == 0;
	sighand_unlock(h, flags);
	wait_wake_all(&p->signal->exec_wait);
	if (all_gone) {
		if (p->session && p->session->leader == p)
			p->session->leader = NULL;
		exit_notify(p);
	}
	spin_unlock(&process_tree_lock);
	if (all_gone)
		exit_free_dead();
	thread_exit();
}

void __noreturn process_exit_group(int wait_status)
{
	struct process *p = current->process;
	u64 flags;

	struct sighand *h = sighand_lock(p, &flags);
	struct process_signal *s = p->signal;
	if (s->group_exit) {
		wait_status = s->group_exit_code;
	} else if (!(s->exec_thread && s->exec_thread != current)) {
		s->group_exit = true;
		s->group_exit_code = wait_status;
		s->stopping = s->stopped = false;
		signal_kill_threads(p, current);
	}
	sighand_unlock(h, flags);
	thread_exit_user(wait_status);
}

static void __noreturn user_exit(int wait_status, bool whole_process)
{
	if (whole_process)
		process_exit_group(wait_status);
	thread_exit_user(wait_status);
}

void exit_init(void)
{
	user_exit_hook = user_exit;
}
