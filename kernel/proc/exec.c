/*
 * execve: a process changes its program.
 *
 *   1. arguments into the kernel       2. the whole new image beside the old one (exec/load.c)        errors end here: nothing has happened
 *   3. all other threads end; the one that called becomes the leader, with the process's number
 *   4. point of no return: the credentials, image, handlers, names are swapped; the old memory goes
 *   5. the way back to user mode leads into the new program
 */
#include "exec/exec.h"
#include "proc_priv.h"

#include "core/panic.h"
#include "file/file.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/events.h"
#include "sched/smp.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

#define PATH_BYTES 4096

/* --- alone --------------------------------------------------------------------------------------------------------- */

/* The caller takes the place of a leader that has ended: number, place in the tables, the process's reference. */
static void become_leader(struct process *p)
{
	struct thread *t = current, *old = p->leader;
	u64 flags;

	spin_lock(&process_tree_lock);
	struct sighand *h = sighand_lock(p, &flags);
	hlist_del(&old->tid_hash);
	hlist_del(&t->tid_hash);
	int tid = t->tid;
	t->tid = old->tid;
	old->tid = tid;
	thread_total -= 2;
	thread_publish(t);
	old->keep_tid = false; /* its number goes with it */
	list_del(&old->process_link);
	p->leader = t;
	sighand_unlock(h, flags);
	u64 user, system;
	thread_times(old, &user, &system);
	p->dead_user_ns += user;
	p->dead_system_ns += system;
	p->dead_min_faults += old->min_faults;
	p->dead_maj_faults += old->maj_faults;
	atomic_fetch_sub(&old->cred->user->processes, 1u);
	/* Whose struct holds what: see usermode/process.h. */
	thread_get(t);
	process_get(p);
	/* Somebody may just be looking at p->leader: the old one stays memory until the next one falls, or p is gone. */
	struct thread *before = p->signal->former_leader;
	p->signal->former_leader = old;
	spin_unlock(&process_tree_lock);
	if (before)
		thread_put(before);
	process_put(p);
}

int process_single_thread(void)
{
	struct process *p = current->process;
	struct process_signal *s = p->signal;
	u64 flags;

	struct sighand *h = sighand_lock(p, &flags);
	if (s->group_exit || s->exec_thread) {
		sighand_unlock(h, flags);
		return -EAGAIN; /* another thread was first: this one is about to end */
	}
	if (p->thread_count > 1) {
		s->exec_thread = current;
		s->stopping = s->stopped = false;
		signal_kill_threads(p, current);
	}
	sighand_unlock(h, flags);
	if (READ_ONCE(p->thread_count) > 1) {
		wait_event(&s->exec_wait, READ_ONCE(p->thread_count) == 1);
		/* The last one may still hold the lock that it said so under. */
		spin_lock(&process_tree_lock);
		spin_unlock(&process_tree_lock);
	}
	if (p->leader != current)
		become_leader(p);
	h = sighand_lock(p, &flags);
	s->exec_thread = NULL;
	signal_recalc(current);
	sighand_unlock(h, flags);
	return 0;
}

static void nothing(void *arg __unused)
{
}

/* Actions are shared by clone(CLONE_SIGHAND), but not across exec. */
static void install_sighand(struct process *p, struct sighand *fresh)
{
	struct sighand *old = p->sighand;
	u64 flags;

	spin_lock(&process_tree_lock);
	struct sighand *h = sighand_lock(p, &flags);
	memcpy(fresh->action, old->action, sizeof(old->action));
	WRITE_ONCE(p->sighand, fresh);
	sighand_unlock(h, flags);
	spin_unlock(&process_tree_lock);
	/* Whoever read the old pointer spins with interrupts off: once each CPU has taken an interrupt, nobody does. */
	smp_call(smp_online_mask(), nothing, NULL);
	sighand_put(old);
}

/* --- the swap ------------------------------------------------------------------------------------------------------ */

static void install_image(struct process *p, struct exec_image *img)
{
	struct aspace *old = p->aspace;
	struct file *old_exe = p->exe;

	NOTIFIER_CALL(thread_exiting, current); /* robust futexes and their kin belong to the old memory */
	if (current->clear_child_tid && refcount_read(&old->users) > 1) {
		u32 __user *word = current->clear_child_tid;
		if (!put_user_u32(0, word))
			NOTIFIER_CALL(clear_child_tid, word);
	}
	current->clear_child_tid = NULL;
	p->max_rss = MAX(p->max_rss, old->peak_rss);
	spin_lock(&process_tree_lock);
	p->aspace = current->aspace = img->aspace;
	p->exe = img->exe;
	spin_unlock(&process_tree_lock);
	aspace_activate(img->aspace);
	img->aspace = NULL;
	img->exe = NULL;
	vfork_release(current);
	aspace_put_user(old);
	if (old_exe)
		file_put(old_exe);
	strlcpy(current->name, img->comm, sizeof(current->name));
	event_name(current);
}

static void reset_thread(struct process *p)
{
	struct thread_signal *ts = current->signal;

	signal_flush_handlers(p);
	ts->altstack = (struct abi_sigaltstack){ .flags = SS_DISABLE };
	ts->trap_nr = ts->trap_error = ts->trap_addr = 0;
	current->restart_fn = NULL;
	fpu_reset_current();
	user_reset_bases();
}

int process_exec(const char *path, struct exec_args *args)
{
	struct process *p = current->process;
	struct exec_image img;
	struct sighand *fresh = NULL;
	struct cred *cred = NULL;
	bool secure;
	int err;

	if (p->signal->over_nproc && atomic_load_relaxed(&cred_current()->user->processes) > p->rlimits[RLIM_NPROC].cur)
		return -EAGAIN;
	p->signal->over_nproc = false;
	err = exec_load(path, args, &img);
	if (err)
		return err;
	err = -ENOMEM;
	cred = cred_for_exec(&img, &secure);
	if (!cred)
		goto drop;
	if (refcount_read(&p->sighand->ref) > 1 && !(fresh = sighand_create()))
		goto drop;
	err = process_single_thread();
	if (err)
		goto drop;
	/* Only now it shows whether others than its own threads use the table; and without those threads there is no way back. */
	err = files_unshare();
	if (err) {
		signal_send_process(p, SIGKILL, NULL);
		goto drop;
	}

	posix_timers_exit(p);
	if (fresh)
		install_sighand(p, fresh);
	/* Before the new memory can be had: who asks whether he may look into it is answered by them. */
	cred_install(cred);
	p->dumpable = !secure;
	install_image(p, &img);
	p->personality &= secure ? 0 : ~0u;
	if (secure)
		p->signal->parent_death_signal = 0;
	p->exit_signal = SIGCHLD;
	p->did_exec = true;
	reset_thread(p);
	files_close_on_exec(current->files);
	NOTIFIER_CALL(process_exec_done, p);
	user_frame_init(current_user_frame(), img.entry, img.sp);
	current_user_frame()->error = -1ul;
	exec_image_drop(&img);
	return 0;

drop:
	if (fresh)
		sighand_put(fresh);
	if (cred)
		cred_put(cred);
	exec_image_drop(&img);
	return err;
}

/* A user's path: 0, -EFAULT, -ENAMETOOLONG, -ENOENT if it is empty. */
static int import_path(char *buf, const char __user *path)
{
	ssize_t n = strncpy_from_user(buf, path, PATH_BYTES);

	return n < 0 ? (int)n : n == 0 ? -ENOENT : 0;
}

long sys_execve(const char __user *path, const void __user *argv, const void __user *envp)
{
	struct exec_args args;
	char *name = kmalloc(PATH_BYTES, 0);
	int err;

	if (!name)
		return -ENOMEM;
	err = import_path(name, path);
	if (!err)
		err = exec_args_import(&args, (char __user *const __user *)argv, (char __user *const __user *)envp);
	if (!err) {
		err = process_exec(name, &args);
		exec_args_free(&args);
	}
	kfree(name);
	return err;
}
