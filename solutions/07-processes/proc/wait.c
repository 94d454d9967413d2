/*
 * The end of a process, and the parent that waits for it.
 *
 *            exit_notify                         wait_for_child
 *   running ─────────────► zombie ──────────────────────────────► gone (exit_detach)
 *                 │                                   ▲
 *                 └── signal to the parent, wake-up ──┘
 *
 * A zombie is what is left of a process so that its parent can ask how it ended: number, status, times. The parent that ends first leaves its children to
 * init (or a subreaper), which waits for whatever it is given: no zombie is left for ever.
 *
 * Everything here happens under the tree lock, so a child is seen by its parent either before or after it became a zombie, and its zombie is taken by
 * one waiter alone. The sleep loses no wake-up: the queue is joined before the children are looked at.
 */
#include "proc_priv.h"

#include "core/todo.h"
#include "lib/string.h"
#include "sched/wait.h"

#ifdef SOLUTION
/* p's children get a new parent; zombies among them are its to reap. */
static void hand_children_on(struct process *p)
{
	struct process *child, *next, *reaper = exit_find_reaper(p);

	list_for_each_safe(child, next, &p->children, sibling) {
		child->parent = reaper;
		list_del(&child->sibling);
		list_add_tail(&reaper->children, &child->sibling);
		child->exit_signal = SIGCHLD;
		exit_child_orphaned(child, p);
	}
	list_for_each_safe(child, next, &p->signal->zombies, sibling) {
		child->parent = reaper;
		child->exit_signal = SIGCHLD;
		exit_queue_zombie(child);
		if (exit_tell_parent(child))
			exit_detach(child);
	}
}

void exit_notify(struct process *p)
{
	hand_children_on(p);
	exit_orphaned_groups(p);
	p->zombie = true;
	if (p->parent)
		exit_queue_zombie(p);
	if (exit_tell_parent(p))
		exit_detach(p);
}

static bool matches(const struct process *child, const struct wait_request *r)
{
	if (r->which == WAIT_PGROUP && (!child->pgroup || child->pgroup->id != r->id))
		return false;
	/* It will never stop or go on: for who asks for that alone it is no child. */
	if (child->zombie && !(r->options & WEXITED))
		return false;
	/* Children that end without SIGCHLD are "clones": waited for only on demand. */
	bool clone = child->exit_signal != SIGCHLD;
	return (r->options & (int)WALL) || clone == !!(r->options & (int)WCLONE);
}

static void answer(struct process *child, struct wait_request *r, int status, int code)
{
	r->pid = child->pid;
	r->uid = cred_uid_of(child->leader);
	r->status = status;
	r->code = code;
	struct usage own;
	usage_of_process(child, &r->usage);
	usage_of_children(child, &own);
	r->usage.user_ns += own.user_ns;
	r->usage.system_ns += own.system_ns;
	r->usage.min_faults += own.min_faults;
	r->usage.maj_faults += own.maj_faults;
	r->usage.max_rss = MAX(r->usage.max_rss, own.max_rss);
}

/* The child is no more; its times are its parent's now. */
static void reap(struct process *child, const struct usage *u)
{
	struct process *parent = child->parent;

	parent->children_user_ns += u->user_ns;
	parent->children_system_ns += u->system_ns;
	parent->children_min_faults += u->min_faults;
	parent->children_maj_faults += u->maj_faults;
	parent->children_max_rss = MAX(parent->children_max_rss, u->max_rss);
	exit_detach(child);
}

/* Has this child something to tell? */
static bool look_at(struct process *child, struct wait_request *r)
{
	struct process_signal *s = child->signal;
	bool keep = r->options & WNOWAIT;

	if (child->zombie) {
		int code = child->exit_status & 0x7f ? child->exit_status & 0x80 ? CLD_DUMPED : CLD_KILLED : CLD_EXITED;
		answer(child, r, child->exit_status, code);
		if (!keep)
			reap(child, &r->usage);
		return true;
	}
	if ((r->options & WUNTRACED) && s->stopped && !s->stop_reported) {
		answer(child, r, s->stop_signo << 8 | 0x7f, CLD_STOPPED);
		s->stop_reported = !keep;
		return true;
	}
	if ((r->options & WCONTINUED) && s->continued_pending) {
		answer(child, r, 0xffff, CLD_CONTINUED);
		s->continued_pending = keep;
		return true;
	}
	return false;
}

/* 1: one of this list told something. 0: there are such children, nothing to tell yet. -ECHILD: there are none. */
static int look_through(struct list *children, struct wait_request *r)
{
	struct process *child;
	int result = -ECHILD;

	list_for_each(child, children, sibling) {
		if (!matches(child, r))
			continue;
		result = look_at(child, r);
		/* If only ends are asked for, one living child is as good as thousands. */
		if (result || !(child->zombie || r->options & (WUNTRACED | WCONTINUED)))
			break;
	}
	return result;
}

static int look(struct wait_request *r)
{
	struct process *me = current->process, *child;
	int result = -ECHILD, living;

	spin_lock(&process_tree_lock);
	if (r->which == WAIT_PID) {
		child = wait_target(r);
		if (child && child->parent == me && matches(child, r))
			result = look_at(child, r);
	} else {
		result = look_through(&me->signal->zombies, r);
		if (result <= 0) {
			living = look_through(&me->children, r);
			result = MAX(result, living);
		}
	}
	spin_unlock(&process_tree_lock);
	return result;
}

long wait_for_child(struct wait_request *r)
{
	struct wait_entry e;
	int found = look(r);

	if (found == 0 && !(r->options & WNOHANG)) {
		wait_entry_init(&e);
		for (;;) {
			wait_prepare(&current->process->child_wait, &e, true);
			found = look(r);
			if (found)
				break;
			if (thread_interrupted()) {
				found = -ERESTARTSYS;
				break;
			}
			schedule();
		}
		wait_finish(&current->process->child_wait, &e);
	}
	exit_free_dead();
	return found < 0 ? found : found ? r->pid : 0;
}
#else
void exit_notify(struct process *p)
{
	TODO("07-processes");
}

long wait_for_child(struct wait_request *r)
{
	TODO("07-processes");
}
#endif
