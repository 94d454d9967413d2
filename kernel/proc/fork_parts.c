/* The given half of fork: what a new process copies from its parent, and how it becomes visible. The order of things is in fork.c. */
#include "proc_priv.h"

#include "file/file.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

struct process *fork_alloc_process(const struct clone_request *r)
{
	struct process *parent = current->process;
	struct process *p = process_alloc(current->name);

	if (!p)
		return ERR_PTR(-ENOMEM);
	memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
	p->dumpable = parent->dumpable;
	p->personality = parent->personality;
	p->ioprio = parent->ioprio;
	p->exit_signal = r->exit_signal;
	if (thread_signal_create(p->leader) || !process_signal_create(p)) {
		fork_drop_process(p);
		return ERR_PTR(-ENOMEM);
	}
	p->signal->timer_slack = p->signal->default_timer_slack = parent->signal->timer_slack;
	p->signal->over_nproc = parent->signal->over_nproc;
	return p;
}

static int copy_sighand(struct process *child, const struct clone_request *r)
{
	struct process *parent = current->process;
	u64 flags;

	if (r->flags & CLONE_SIGHAND) {
		refcount_get(&parent->sighand->ref);
		child->sighand = parent->sighand;
		return 0;
	}
	child->sighand = sighand_create();
	if (!child->sighand)
		return -ENOMEM;
	struct sighand *h = sighand_lock(parent, &flags);
	memcpy(child->sighand->action, h->action, sizeof(h->action));
	sighand_unlock(h, flags);
	if (r->flags & CLONE_CLEAR_SIGHAND)
		for (int i = 0; i < NSIG; i++)
			if (child->sighand->action[i].handler != SIG_IGN)
				memset(&child->sighand->action[i], 0, sizeof(struct abi_sigaction));
	return 0;
}

int fork_copy_resources(struct process *child, const struct clone_request *r)
{
	struct process *parent = current->process;
	int err;

	err = copy_sighand(child, r);
	if (err)
		return err;
	if (parent->exe) {
		file_get(parent->exe);
		child->exe = parent->exe;
	}
	return fork_copy_shares(child, child->leader, r);
}

void fork_drop_process(struct process *p)
{
	struct thread *t = p->leader;

	if (p->exe)
		file_put(p->exe);
	p->exe = NULL;
	t->aspace = NULL;
	if (p->aspace)
		aspace_put_user(p->aspace);
	p->aspace = NULL;
	process_put(p);
	fork_drop_thread(t);
}

/* --- what threads share -------------------------------------------------------------------------------------------- */

int fork_copy_shares(struct process *p, struct thread *t, const struct clone_request *r)
{
	struct fork_request request = { .flags = r->flags, .parent = current->process, .child = p, .parent_thread = current, .thread = t };
	struct files *files = current->files;
	int err = 0;

	t->nice = current->nice;
	t->policy = current->policy;
	t->rt_priority = current->rt_priority;
	if (current->reset_on_fork) {
		t->nice = t->rt_priority ? 0 : MAX(t->nice, 0);
		if (t->rt_priority)
			t->policy = t->rt_priority = 0;
	}
	t->affinity = current->affinity;
	t->cred = cred_get(current->cred);
	atomic_fetch_add(&t->cred->user->processes, 1u);
	if (r->flags & CLONE_FILES)
		files_get(files);
	else
		files = files_clone(files);
	if (IS_ERR(files))
		return PTR_ERR(files);
	t->files = files;
	NOTIFIER_CALL(process_fork, &request, &err);
	return err;
}

void fork_drop_thread(struct thread *t)
{
	if (t->cred)
		atomic_fetch_sub(&t->cred->user->processes, 1u);
	thread_drop_shares(t);
	thread_put(t);
}

void thread_drop_shares(struct thread *t)
{
	files_drop(t);
	NOTIFIER_CALL(thread_lets_go, t);
}

/* --- into the tables ----------------------------------------------------------------------------------------------- */

/*
 * From here on everybody can see it. A signal that came meanwhile is taken first, by the parent alone: otherwise a kill of the whole group could miss
 * the child (and a stop or an end of the parent's process the new thread).
 */
int fork_publish(struct process *p, struct thread *t, const struct clone_request *r)
{
	struct process *parent = current->process;
	u64 flags;
	int err = 0;

	spin_lock(&process_tree_lock);
	struct sighand *h = sighand_lock(parent, &flags);
	if (signal_pending_current()) {
		signal_recalc(current);
		if (signal_pending_current())
			err = -ERESTARTNOINTR;
	}
	if (!err && (r->flags & CLONE_THREAD)) {
		list_add_tail(&p->threads, &t->process_link);
		p->thread_count++;
		p->signal->live++;
	}
	sighand_unlock(h, flags);
	if (!err) {
		thread_publish(t);
		if (!(r->flags & CLONE_THREAD)) {
			struct process *family = r->flags & CLONE_PARENT ? parent->parent : parent;
			process_publish(p);
			p->parent = family;
			if (r->flags & CLONE_PARENT)
				p->exit_signal = parent->exit_signal;
			list_add_tail(&family->children, &p->sibling);
			session_get(parent->session);
			p->session = parent->session;
			pgroup_get(parent->pgroup);
			pgroup_enter(p, parent->pgroup);
		}
	}
	spin_unlock(&process_tree_lock);
	if (err)
		return err;
	if (r->pidfd)
		pidfd_maker->install(r->pidfd_number, r->pidfd, p);
	sched_count_fork();
	return 0;
}

/* --- vfork --------------------------------------------------------------------------------------------------------- */

struct vfork *vfork_create(void)
{
	struct vfork *v = kzalloc(sizeof(*v), 0);

	if (v) {
		refcount_set(&v->ref, 1);
		wait_queue_init(&v->wait);
	}
	return v;
}

void vfork_put(struct vfork *v)
{
	if (refcount_put(&v->ref))
		kfree(v);
}

/* The child has given the parent's memory back (or the parent is killed: then nobody needs it). Other signals wait, as on Linux. */
void vfork_wait(struct vfork *v)
{
	struct wait_entry e;

	wait_entry_init(&e);
	while (!READ_ONCE(v->done) && !fatal_signal_pending()) {
		/* Killable: an interruptible sleep that goes on for anything but a kill. */
		wait_prepare(&v->wait, &e, true);
		if (READ_ONCE(v->done) || fatal_signal_pending())
			break;
		schedule();
	}
	wait_finish(&v->wait, &e);
	vfork_put(v);
}

void vfork_release(struct thread *t)
{
	struct vfork *v = atomic_xchg(&t->vfork, NULL);

	if (!v)
		return;
	WRITE_ONCE(v->done, true);
	wait_wake_all(&v->wait);
	vfork_put(v);
}
