/*
 * Delivery: what happens to pending signals when a thread is about to go back to user mode.
 *
 *   user_return ──► the process ends? ──► stops? ──► take a signal ──► ignored: next one
 *                                                       ├─► default: end, stop, or nothing
 *                                                       └─► handler: a frame on the user stack (sigframe.c), registers point at the handler
 *
 * A system call that a signal interrupted left one of Linux's private errnos in rax:
 *
 *   -ERESTARTSYS          handler with SA_RESTART, or no handler: the call is made again; else EINTR
 *   -ERESTARTNOINTR       always made again
 *   -ERESTARTNOHAND       made again unless a handler runs (pause, sigsuspend)
 *   -ERESTART_RESTARTBLOCK   continued by restart_syscall(2), which knows how much of the time is left; with a handler EINTR
 *
 * "Again" is: rax holds the number, rip is moved back over the two bytes of SYSCALL or INT 0x80. frame->error == -1 says that this was done or must
 * not be (after sigreturn).
 */
#include "proc_priv.h"

#include "core/printk.h"
#include "exec/exec.h"
#include "syscalls_gen.h"
#include "usermode/usermode.h"

#define SYSCALL_BYTES 2

struct delivery {
	int signo;
	struct abi_sigaction action;
	struct abi_siginfo info;
};

/* --- stopping ------------------------------------------------------------------------------------------------------ */

/* Counts this thread among the stopped; true if it was the last one. Lock held. */
static bool count_as_stopped(struct process_signal *s)
{
	if (current->signal->has_stopped)
		return false;
	current->signal->has_stopped = true;
	if (--s->to_stop)
		return false;
	s->stopped = true;
	s->stop_reported = false;
	s->continued_pending = false;
	return true;
}

/*
 * Sleeps while the process is stopped. Lock held on entry; dropped on return. It may have been continued and stopped again before this thread had the lock
 * back: then it counts for the second stop too.
 */
static void stop_here(struct process *p, struct sighand *h, u64 flags)
{
	struct process_signal *s = p->signal;

	while (s->stopping && !(READ_ONCE(current->work) & WORK_KILL)) {
		bool last = count_as_stopped(s);
		if (!last)
			current->state = THREAD_STOPPED;
		sighand_unlock(h, flags);
		if (last)
			notify_parent_of_stop(p, CLD_STOPPED);
		else
			schedule();
		h = sighand_lock(p, &flags);
	}
	signal_recalc(current);
	sighand_unlock(h, flags);
}

/* The signal stops the process: starts it, this thread goes first. Lock held on entry; dropped on return. */
static void begin_stop(struct process *p, struct sighand *h, u64 flags, int signo)
{
	struct process_signal *s = p->signal;
	struct thread *t;

	if (!s->stopping) {
		s->stopping = true;
		s->stopped = false;
		s->stop_signo = signo;
		s->to_stop = 0;
		list_for_each(t, &p->threads, process_link) {
			if (t->signal->exiting)
				continue;
			t->signal->has_stopped = false;
			s->to_stop++;
			if (t != current)
				signal_wake(t, 0);
		}
	}
	stop_here(p, h, flags);
}

/* Job control's stops do not stop a group that nobody could continue. Called without locks; true: stop. */
static bool may_stop(struct process *p, int signo)
{
	if (signo == SIGSTOP)
		return true;
	spin_lock(&process_tree_lock);
	bool orphaned = p->pgroup && pgroup_is_orphaned(p->pgroup);
	spin_unlock(&process_tree_lock);
	return !orphaned;
}

/* --- choosing ------------------------------------------------------------------------------------------------------ */

/* The next signal that has a handler; the others are dealt with here. False: none. May not return. */
static bool next_handled(struct delivery *d)
{
	struct process *p = current->process;
	struct process_signal *s = p->signal;
	u64 flags;

	for (;;) {
		struct sighand *h = sighand_lock(p, &flags);
		if (s->group_exit || (s->exec_thread && s->exec_thread != current)) {
			int code = s->group_exit ? s->group_exit_code : 0;
			sighand_unlock(h, flags);
			thread_exit_user(code);
		}
		if (unlikely(s->notify_code)) {
			int code = s->notify_code;
			s->notify_code = 0;
			sighand_unlock(h, flags);
			notify_parent_of_stop(p, code);
			continue;
		}
		if (s->stopping) {
			stop_here(p, h, flags);
			continue;
		}
		int signo = signal_take(current, current->signal->blocked, &d->info);
		if (!signo) {
			signal_recalc(current);
			sighand_unlock(h, flags);
			return false;
		}
		struct abi_sigaction *a = &h->action[signo - 1];
		if (a->handler != SIG_DFL && a->handler != SIG_IGN) {
			d->signo = signo;
			d->action = *a;
			if (a->flags & SA_RESETHAND)
				a->handler = SIG_DFL;
			signal_recalc(current);
			sighand_unlock(h, flags);
			return true;
		}
		if (a->handler == SIG_IGN || signal_default_ignored(signo) || (p->is_init && !(SIGMASK(signo) & SIG_UNMASKABLE))) {
			sighand_unlock(h, flags);
			continue;
		}
		if (signal_default_stops(signo)) {
			u32 continues = s->continues;
			sighand_unlock(h, flags);
			if (!may_stop(p, signo))
				continue;
			h = sighand_lock(p, &flags);
			if (s->continues != continues || s->group_exit)
				sighand_unlock(h, flags);
			else
				begin_stop(p, h, flags, signo);
			continue;
		}
		sighand_unlock(h, flags);
		process_exit_group(signo);
	}
}

/* --- the interrupted call ------------------------------------------------------------------------------------------ */

static bool frame_is_call(const struct trapframe *f)
{
	return (f->vector == VECTOR_SYSCALL || f->vector == VECTOR_INT80) && (s64)f->error >= 0;
}

static void call_again(struct trapframe *f, u64 number)
{
	f->rax = number;
	f->rip -= SYSCALL_BYTES;
	f->error = -1ul;
}

static void restart_without_handler(struct trapframe *f)
{
	if (!frame_is_call(f))
		return;
	switch (-(s64)f->rax) {
	case ERESTARTSYS:
	case ERESTARTNOHAND:
	case ERESTARTNOINTR:
		call_again(f, f->error);
		break;
	case ERESTART_RESTARTBLOCK:
		call_again(f, NR_restart_syscall);
		break;
	}
}

static void restart_before_handler(struct trapframe *f, const struct abi_sigaction *a)
{
	if (!frame_is_call(f))
		return;
	switch (-(s64)f->rax) {
	case ERESTARTSYS:
		if (a->flags & SA_RESTART)
			call_again(f, f->error);
		else
			f->rax = -EINTR;
		break;
	case ERESTARTNOINTR:
		call_again(f, f->error);
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		f->rax = -EINTR;
		break;
	}
	f->error = -1ul;
}

/* --- the handler --------------------------------------------------------------------------------------------------- */

static void run_handler(struct trapframe *f, struct delivery *d)
{
	struct thread_signal *ts = current->signal;
	struct sigframe_request r = { .signo = d->signo, .action = d->action, .info = d->info };

	restart_before_handler(f, &d->action);
	/* What sigsuspend and its kin replaced comes back when the handler returns. */
	r.mask = ts->blocked;
	if (atomic_fetch_and(&current->work, ~(u32)WORK_RESTORE_MASK) & WORK_RESTORE_MASK)
		r.mask = ts->saved_mask;
	if (sigframe_push(f, &r)) {
		/* No room for the frame: SIGSEGV; if that was the one, its handler cannot be had either. */
		if (d->signo == SIGSEGV) {
			u64 flags;
			struct sighand *h = sighand_lock(current->process, &flags);
			h->action[SIGSEGV - 1].handler = SIG_DFL;
			sighand_unlock(h, flags);
		}
		signal_set_blocked(r.mask);
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	/* The frame keeps r.mask; while the handler runs, what was blocked just now stays blocked. */
	u64 mask = ts->blocked | d->action.mask;
	if (!(d->action.flags & SA_NODEFER))
		mask |= SIGMASK(d->signo);
	signal_set_blocked(mask);
}

static void deliver(struct trapframe *f)
{
	struct delivery d;
	u32 work = READ_ONCE(current->work);

	if (!current->signal)
		return;
	if (work & WORK_TIMER)
		itimer_check_cpu();
	if (work & (WORK_SIGNAL | WORK_STOP | WORK_KILL)) {
		bool any = false;
		while (next_handled(&d)) {
			run_handler(f, &d);
			any = true;
		}
		if (any)
			return;
	}
	restart_without_handler(f);
	if (atomic_fetch_and(&current->work, ~(u32)WORK_RESTORE_MASK) & WORK_RESTORE_MASK)
		signal_set_blocked(current->signal->saved_mask);
}
NOTIFIER(user_return, deliver);
