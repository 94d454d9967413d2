/*
 * fork and clone: one thread becomes two.
 *
 *   parent                                  child
 *   ──────                                  ─────
 *   user registers (trap frame) ─── copy ──►  the same, but rax = 0, and its own stack and TLS if asked for
 *   address space ── shared (CLONE_VM) or copied, pages copy-on-write ──►
 *   files, signals, credentials ── shared or copied, by flag ──►
 *   FPU state ─── copy ──►
 *
 * The child's first step is ret_from_fork (lab 05): it returns to user mode through the copied frame, as if it had made the call itself.
 * Order: everything that can fail comes first; then the child becomes visible, all at once (fork_publish); then it runs.
 */
#include "proc_priv.h"

#include "core/todo.h"
#include "lib/string.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

#ifdef SOLUTION
/* The new thread's registers and what else belongs to a thread alone. */
static void copy_thread_state(struct thread *t, const struct clone_request *r)
{
	struct trapframe *f = thread_user_frame(t);

	*f = *current_user_frame();
	f->rax = 0;
	if (r->stack)
		f->rsp = r->stack;
	user_sync_bases();
	t->fs_base = r->flags & CLONE_SETTLS ? r->tls : current->fs_base;
	t->gs_base = current->gs_base;
	fpu_copy_current(t->fpu);
	t->signal->blocked = current->signal->blocked;
	/* The alternate stack is memory of the old thread's: of use only to a child that has a copy of it, or runs while the parent waits. */
	if (!(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK))
		t->signal->altstack = current->signal->altstack;
	t->clear_child_tid = r->flags & CLONE_CHILD_CLEARTID ? r->child_tid : NULL;
	thread_set_entry(t, ret_from_fork, sizeof(struct trapframe), 0, 0);
}

static int copy_memory(struct process *child, const struct clone_request *r)
{
	struct aspace *as = current->process->aspace;

	if (r->flags & CLONE_VM) {
		aspace_get_user(as);
	} else {
		as = aspace_fork(as);
		if (IS_ERR(as))
			return PTR_ERR(as);
	}
	child->aspace = child->leader->aspace = as;
	return 0;
}

/* A thread of the same process: memory and signals are its own from the start, the rest is shared or copied like a new process's. */
static struct thread *make_thread(const struct clone_request *r, int *err)
{
	struct process *p = current->process;
	struct thread *t = thread_alloc(current->name);

	*err = -ENOMEM;
	if (!t)
		return NULL;
	*err = process_adopt_thread(p, t);
	if (!*err)
		*err = thread_signal_create(t);
	if (*err) {
		thread_put(t);
		return NULL;
	}
	t->aspace = p->aspace;
	*err = fork_copy_shares(p, t, r);
	return t;
}

long fork_thread(const struct clone_request *r)
{
	bool is_thread = r->flags & CLONE_THREAD;
	struct process *p = current->process;
	struct vfork *vfork = NULL;
	struct thread *t;
	int err = 0, tid;

	if (is_thread) {
		t = make_thread(r, &err);
		if (!t)
			return err;
	} else {
		p = fork_alloc_process(r);
		if (IS_ERR(p))
			return PTR_ERR(p);
		t = p->leader;
		err = fork_copy_resources(p, r);
		if (!err)
			err = copy_memory(p, r);
	}
	if (err)
		goto drop;
	copy_thread_state(t, r);
	if (r->flags & CLONE_VFORK) {
		err = -ENOMEM;
		vfork = vfork_create();
		if (!vfork)
			goto drop;
		refcount_get(&vfork->ref);
		t->vfork = vfork;
	}
	tid = t->tid;
	/* A bad pointer does not undo the fork. The child's word may be in a copy of its own. */
	if (r->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32(tid, r->parent_tid);
	if (r->flags & CLONE_CHILD_SETTID)
		vm_access(p->aspace, (vaddr_t)r->child_tid, &tid, sizeof(u32), true);
	err = fork_publish(p, t, r);
	if (err)
		goto drop;
	thread_start(t);
	if (vfork)
		vfork_wait(vfork);
	return tid;

drop:
	if (vfork) {
		vfork_release(t);
		vfork_put(vfork);
	}
	if (is_thread) {
		fork_drop_thread(t);
	} else {
		fork_drop_process(p);
	}
	return err;
}
#else
long fork_thread(const struct clone_request *r)
{
	TODO("07-processes");
}
#endif
