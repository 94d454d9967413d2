/* A process's and a thread's signal state: making and sharing it, masks, and what upper layers ask. */
#include "proc_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

struct sighand *sighand_create(void)
{
	struct sighand *h = kzalloc(sizeof(*h), 0);

	if (h) {
		refcount_set(&h->ref, 1);
		spin_init(&h->lock, "sighand", RANK_SIGHAND);
	}
	return h;
}

void sighand_put(struct sighand *h)
{
	if (refcount_put(&h->ref))
		kfree(h);
}

int thread_signal_create(struct thread *t)
{
	t->signal = kzalloc(sizeof(*t->signal), 0);
	if (!t->signal)
		return -ENOMEM;
	list_init(&t->signal->pending.queue);
	t->signal->altstack.flags = SS_DISABLE;
	return 0;
}

struct process_signal *process_signal_create(struct process *p)
{
	struct process_signal *s = kzalloc(sizeof(*s), 0);

	if (!s)
		return NULL;
	s->process = p;
	s->live = 1;
	s->timer_slack = s->default_timer_slack = 50 * NSEC_PER_USEC;
	list_init(&s->pending.queue);
	list_init(&s->zombies);
	list_init(&s->posix_timers);
	wait_queue_init(&s->exec_wait);
	wait_queue_init(&s->end_wait);
	wait_queue_init(&s->signalfd_wait);
	p->signal = s;
	itimer_init(p);
	return s;
}

static void free_thread(struct thread *t)
{
	if (t->signal) {
		pending_flush(&t->signal->pending, ~0ul);
		kfree(t->signal);
		t->signal = NULL;
	}
	if (t->cred)
		cred_put(t->cred);
	t->cred = NULL;
}
NOTIFIER(thread_free, free_thread);

static void free_process(struct process *p)
{
	if (p->signal) {
		pending_flush(&p->signal->pending, ~0ul);
		kfree(p->signal);
	}
	if (p->sighand)
		sighand_put(p->sighand);
	p->signal = NULL;
	p->sighand = NULL;
}
NOTIFIER(process_free, free_process);

/* --- masks --------------------------------------------------------------------------------------------------------- */

void signal_set_blocked(u64 mask)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);
	struct thread_signal *ts = current->signal;
	struct process *p = current->process;
	u64 newly = mask & ~ts->blocked;

	ts->blocked = mask & ~SIG_UNMASKABLE;
	/* What this thread was chosen for, another thread may take now. */
	if (p->thread_count > 1 && (p->signal->pending.set & newly)) {
		struct thread *t;
		list_for_each(t, &p->threads, process_link)
			if (t != current && !t->signal->exiting && (p->signal->pending.set & newly & ~t->signal->blocked))
				signal_wake(t, 0);
	}
	signal_recalc(current);
	sighand_unlock(h, flags);
}

int signal_mask_from_user(u64 *mask, const void __user *p, size_t size)
{
	if (size != sizeof(u64))
		return -EINVAL;
	return get_user_u64(mask, p);
}

int signal_set_temp_mask(u64 mask)
{
	current->signal->saved_mask = current->signal->blocked;
	signal_set_blocked(mask);
	return 0;
}

void signal_restore_temp_mask(bool interrupted)
{
	if (interrupted)
		atomic_fetch_or(&current->work, WORK_RESTORE_MASK);
	else
		signal_set_blocked(current->signal->saved_mask);
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

u64 signal_pending_mask(struct thread *t)
{
	u64 flags;

	if (!t->signal || !t->process->sighand)
		return 0;
	struct sighand *h = sighand_lock(t->process, &flags);
	u64 set = t->signal->pending.set | t->process->signal->pending.set;
	sighand_unlock(h, flags);
	return set;
}

bool signal_pending_current(void)
{
	return READ_ONCE(current->work) & (WORK_SIGNAL | WORK_KILL);
}

bool fatal_signal_pending(void)
{
	return READ_ONCE(current->work) & WORK_KILL;
}

int signal_dequeue(u64 mask, struct abi_siginfo *info)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);
	int signo = signal_take(current, ~mask, info);
	if (signo)
		signal_recalc(current);
	sighand_unlock(h, flags);
	return signo;
}

bool signal_is_ignored(struct process *p, int signo)
{
	u64 handler = READ_ONCE(p->sighand->action[signo - 1].handler);

	return handler == SIG_IGN || (handler == SIG_DFL && signal_default_ignored(signo));
}

bool signal_is_blocked_or_ignored(int signo)
{
	return (current->signal->blocked & SIGMASK(signo)) || current->process->sighand->action[signo - 1].handler == SIG_IGN;
}

void signal_info_kernel(struct abi_siginfo *info, int signo)
{
	memset(info, 0, sizeof(*info));
	info->signo = signo;
	info->code = SI_KERNEL;
}

void signal_info_user(struct abi_siginfo *info, int signo, int code)
{
	memset(info, 0, sizeof(*info));
	info->signo = signo;
	info->code = code;
	info->rt.pid = current->process->pid;
	info->rt.uid = cred_current()->uid;
}

bool signal_may_send(struct thread *to, int signo)
{
	const struct cred *c = cred_current();

	if (to->process == current->process)
		return true;
	struct cred *other = cred_get_of(to);
	bool ok = c->euid == other->suid || c->euid == other->uid || c->uid == other->suid || c->uid == other->uid || cred_has_cap(c, CAP_KILL);
	cred_put(other);
	return ok || (signo == SIGCONT && to->process->session == current->process->session);
}

/* exec: handlers are code of the old image. Ignored signals stay ignored. */
void signal_flush_handlers(struct process *p)
{
	u64 flags;
	struct sighand *h = sighand_lock(p, &flags);

	for (int i = 0; i < NSIG; i++) {
		struct abi_sigaction *a = &h->action[i];
		if (a->handler != SIG_IGN)
			a->handler = SIG_DFL;
		a->flags = a->mask = a->restorer = 0;
	}
	sighand_unlock(h, flags);
}
