/*
 * Sending signals.
 *
 *   sender ─► is it ignored? ─► queue: of the thread (tkill, faults) or shared by the process (kill) ─► choose a thread, set WORK_SIGNAL, wake it
 *   receiver, on its way back to user mode ─► deliver.c
 *
 * Everything here happens under sighand->lock of the receiving process, interrupts off, so signals can be sent from any context.
 *
 * Rules (POSIX 2.4, signal(7)):
 * 1. An ignored signal is dropped at once, unless it is blocked: the action may change until it is let in.
 * 2. Signals 1-31 are pending at most once; 32-64 queue up, each with its data, as far as RLIMIT_SIGPENDING goes.
 * 3. SIGCONT and the stop signals cancel each other's pending instances; SIGCONT continues at once, whatever its action.
 * 4. Init gets only what it has a handler for; SIGKILL and SIGSTOP never.
 * 5. A signal that will certainly kill ends all threads right away: group_exit is set by the sender.
 * WORK_SIGNAL of a thread is set whenever something unblocked may be pending, and cleared only by the thread itself under the lock (signal_recalc).
 */
#include "proc_priv.h"

#include "core/panic.h"
#include "lib/string.h"
#include "mm/slab.h"

#define STOP_SIGNALS (SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
#define IGNORED_SIGNALS (SIGMASK(SIGCONT) | SIGMASK(SIGCHLD) | SIGMASK(SIGWINCH) | SIGMASK(SIGURG))
#define CORE_SIGNALS (SIGMASK(SIGQUIT) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGABRT) | SIGMASK(SIGFPE) | SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGSYS) | \
		      SIGMASK(SIGXCPU) | SIGMASK(SIGXFSZ))
/* Faults come before all others: their handlers want the state of the fault. */
#define SYNCHRONOUS (SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGFPE) | SIGMASK(SIGSYS))

bool signal_default_ignored(int signo) { return SIGMASK(signo) & IGNORED_SIGNALS; }
bool signal_default_stops(int signo) { return SIGMASK(signo) & STOP_SIGNALS; }
bool signal_dumps_core(int signo) { return SIGMASK(signo) & CORE_SIGNALS; }

/* --- locks --------------------------------------------------------------------------------------------------------- */

/* exec may give p another sighand meanwhile; the old one stays memory until no CPU spins here with interrupts off (exec.c). */
struct sighand *sighand_lock(struct process *p, u64 *flags)
{
	for (;;) {
		u64 saved = irq_save();
		struct sighand *h = READ_ONCE(p->sighand);
		u64 inner = spin_lock_irqsave(&h->lock);
		if (likely(h == READ_ONCE(p->sighand))) {
			*flags = saved;
			return h;
		}
		spin_unlock_irqrestore(&h->lock, inner);
		irq_restore(saved);
	}
}

void sighand_unlock(struct sighand *h, u64 flags)
{
	spin_unlock_irqrestore(&h->lock, flags);
}

/* --- queues -------------------------------------------------------------------------------------------------------- */

static void sigqueue_free(struct sigqueue *q)
{
	atomic_fetch_sub(&q->user->sigpending, 1u);
	account_put(q->user);
	kfree(q);
}

void pending_flush(struct pending *pending, u64 mask)
{
	struct sigqueue *q, *next;

	if (!(pending->set & mask) && list_empty(&pending->queue))
		return;
	pending->set &= ~mask;
	list_for_each_safe(q, next, &pending->queue, link) {
		if (SIGMASK(q->info.signo) & mask) {
			list_del(&q->link);
			sigqueue_free(q);
		}
	}
}

static void flush_everywhere(struct process *p, u64 mask)
{
	struct thread *t;

	pending_flush(&p->signal->pending, mask);
	list_for_each(t, &p->threads, process_link)
		pending_flush(&t->signal->pending, mask);
}

/* Queues one at the cost of t's user: 0, or -EAGAIN when a queueing signal's data have no room. Without room for the data of another signal, the signal still comes. */
static int enqueue(struct thread *t, struct pending *pending, int signo, const struct abi_siginfo *info)
{
	struct user_account *user = t->cred->user;
	bool must_queue = info && (info->code == SI_TIMER || (signo >= SIGRTMIN && info->code != SI_USER));
	bool over = atomic_add_return(&user->sigpending, 1u) > t->process->rlimits[RLIM_SIGPENDING].cur;
	bool free_of_limit = signo < SIGRTMIN && (!info || info->code >= 0);
	struct sigqueue *q = NULL;

	if (!over || free_of_limit)
		q = kmalloc(sizeof(*q), ALLOC_ATOMIC);
	if (!q) {
		atomic_fetch_sub(&user->sigpending, 1u);
		if (must_queue)
			return -EAGAIN;
		pending->set |= SIGMASK(signo);
		return 0;
	}
	account_hold(user);
	q->user = user;
	if (info)
		q->info = *info;
	else
		signal_info_kernel(&q->info, signo);
	q->info.signo = signo;
	list_add_tail(&pending->queue, &q->link);
	pending->set |= SIGMASK(signo);
	return 0;
}

static void take_info(struct pending *pending, int signo, struct abi_siginfo *info)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each(q, &pending->queue, link) {
		if (q->info.signo != signo)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		pending->set &= ~SIGMASK(signo);
	if (first) {
		list_del(&first->link);
		*info = first->info;
		sigqueue_free(first);
	} else {
		memset(info, 0, sizeof(*info));
		info->signo = signo;
	}
}

static int next_signal(u64 set)
{
	if (set & SYNCHRONOUS)
		set &= SYNCHRONOUS;
	return set ? __builtin_ctzl(set) + 1 : 0;
}

int signal_take(struct thread *t, u64 blocked, struct abi_siginfo *info)
{
	struct pending *own = &t->signal->pending, *shared = &t->process->signal->pending;
	int signo = next_signal(own->set & ~blocked);

	if (signo) {
		take_info(own, signo, info);
	} else {
		signo = next_signal(shared->set & ~blocked);
		if (!signo)
			return 0;
		take_info(shared, signo, info);
		if (signo == SIGALRM)
			itimer_real_rearm(t->process->signal);
	}
	if (info->code == SI_TIMER)
		posix_timer_taken(t->process, info);
	return signo;
}

void signal_recalc(struct thread *t)
{
	struct process_signal *s = t->process->signal;
	bool pending = ((t->signal->pending.set | s->pending.set) & ~t->signal->blocked) || s->group_exit || s->stopping || s->notify_code ||
		       (s->exec_thread && s->exec_thread != t);

	if (pending)
		atomic_fetch_or(&t->work, WORK_SIGNAL);
	else if (t == current && (READ_ONCE(t->work) & WORK_SIGNAL))
		atomic_fetch_and(&t->work, ~(u32)WORK_SIGNAL);
}

/* --- waking -------------------------------------------------------------------------------------------------------- */

void signal_wake(struct thread *t, u32 work)
{
	u32 states = 1u << THREAD_INTERRUPTIBLE;

	atomic_fetch_or(&t->work, WORK_SIGNAL | work);
	if (work & WORK_KILL)
		states |= 1u << THREAD_STOPPED;
	if (!thread_wake_state(t, states) && t != current)
		thread_kick(t);
}

void signal_kill_threads(struct process *p, struct thread *except)
{
	struct thread *t;

	list_for_each(t, &p->threads, process_link)
		if (t != except && !t->signal->exiting)
			signal_wake(t, WORK_KILL | WORK_STOP);
}

static void begin_group_exit(struct process *p, int code)
{
	struct process_signal *s = p->signal;

	s->group_exit = true;
	s->group_exit_code = code;
	s->stopping = s->stopped = false;
	signal_kill_threads(p, NULL);
}

static bool wants(struct thread *t, int signo)
{
	if (t->signal->exiting || (t->signal->blocked & SIGMASK(signo)))
		return false;
	return signo == SIGKILL || (t->state != THREAD_STOPPED && (t == current || !(READ_ONCE(t->work) & WORK_SIGNAL)));
}

/* Finds a thread that takes the signal now; ends all if it will kill. Lock held. */
static void complete(struct process *p, struct thread *to, struct sighand *h, int signo)
{
	struct thread *t = NULL, *it;

	if (to) {
		if (wants(to, signo))
			t = to;
	} else if (wants(p->leader, signo)) {
		t = p->leader;
	} else {
		list_for_each(it, &p->threads, process_link) {
			if (wants(it, signo)) {
				t = it;
				break;
			}
		}
	}
	if (!t) {
		/* Somebody may be on the way out of user mode already; whoever has it unblocked looks again. */
		if (to) {
			signal_recalc(to);
		} else {
			list_for_each(it, &p->threads, process_link)
				if (!it->signal->exiting)
					signal_recalc(it);
		}
		return;
	}
	u64 handler = h->action[signo - 1].handler;
	bool fatal = handler == SIG_DFL && !signal_default_ignored(signo) && !signal_default_stops(signo) && !p->is_init &&
		     !(t->signal->real_blocked & SIGMASK(signo));
	if ((fatal && !signal_dumps_core(signo)) || signo == SIGKILL) {
		begin_group_exit(p, signo);
		return;
	}
	signal_wake(t, 0);
}

/* SIGCONT: effective when it is sent, even if it is blocked or ignored. */
static void continue_all(struct process *p)
{
	struct process_signal *s = p->signal;
	struct thread *t;

	s->continues++;
	if (!s->stopping)
		return;
	s->notify_code = s->stopped ? CLD_CONTINUED : CLD_STOPPED;
	s->continued_pending = s->stopped;
	s->stopping = s->stopped = false;
	s->to_stop = 0;
	list_for_each(t, &p->threads, process_link) {
		t->signal->has_stopped = false;
		atomic_fetch_or(&t->work, WORK_SIGNAL);
		thread_wake_state(t, 1u << THREAD_STOPPED);
	}
}

static bool ignored(struct process *p, struct thread *t, struct sighand *h, int signo)
{
	u64 handler = h->action[signo - 1].handler;

	if ((t->signal->blocked | t->signal->real_blocked) & SIGMASK(signo))
		return false;
	if (p->is_init && handler == SIG_DFL)
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && signal_default_ignored(signo));
}

/* --- the sender's entry -------------------------------------------------------------------------------------------- */

static int send_locked(struct process *p, struct thread *to, struct sighand *h, int signo, const struct abi_siginfo *info)
{
	struct process_signal *s = p->signal;
	struct pending *pending = to ? &to->signal->pending : &s->pending;

	if (s->group_exit || p->zombie || (to && to->signal->exiting))
		return 0; /* it is on its way out */
	if (signal_default_stops(signo)) {
		flush_everywhere(p, SIGMASK(SIGCONT));
	} else if (signo == SIGCONT) {
		flush_everywhere(p, STOP_SIGNALS);
		continue_all(p);
	}
	if (p->is_init && (SIGMASK(signo) & SIG_UNMASKABLE))
		return 0;
	if (ignored(p, to ? to : p->leader, h, signo))
		return 0;
	/* A timer's signal is queued in any case: each has one at most, and starts anew when it is taken. */
	if (signo < SIGRTMIN && (pending->set & SIGMASK(signo)) && !(info && info->code == SI_TIMER))
		return 0;
	if (signo == SIGKILL) {
		pending->set |= SIGMASK(signo);
	} else {
		int err = enqueue(to ? to : p->leader, pending, signo, info);
		if (err)
			return err;
	}
	wait_wake(&s->signalfd_wait, ~0u, NULL);
	complete(p, to, h, signo);
	return 0;
}

int signal_send_from(struct process *p, struct thread *to, int signo, const struct abi_siginfo *info)
{
	u64 flags;

	if (signo == 0 || !p->sighand)
		return 0;
	struct sighand *h = sighand_lock(p, &flags);
	int err = send_locked(p, to, h, signo, info);
	sighand_unlock(h, flags);
	return err;
}

int signal_send_process(struct process *p, int signo, const struct abi_siginfo *info)
{
	return signal_send_from(p, NULL, signo, info);
}

void signal_hang_up(struct process *p)
{
	u64 flags;

	if (!p->sighand)
		return;
	struct sighand *h = sighand_lock(p, &flags);
	send_locked(p, NULL, h, SIGHUP, NULL);
	send_locked(p, NULL, h, SIGCONT, NULL);
	sighand_unlock(h, flags);
}

int signal_send_thread(struct thread *t, int signo, const struct abi_siginfo *info)
{
	if (!t->process || !refcount_get_unless_zero(&t->process->ref))
		return -ESRCH;
	int err = signal_send_from(t->process, t, signo, info);
	process_put(t->process);
	return err;
}

int signal_send_pgroup(struct pgroup *g, int signo, const struct abi_siginfo *info)
{
	struct process *p;
	int err = -ESRCH;
	u64 flags = spin_lock_irqsave(&pgroup_lock);

	list_for_each(p, &g->members, pgroup_link) {
		int r = signal_send_from(p, NULL, signo, info);
		if (err)
			err = r;
	}
	spin_unlock_irqrestore(&pgroup_lock, flags);
	return err;
}

void signal_force(int signo, int code, u64 addr)
{
	struct process *p = current->process;
	struct abi_siginfo info;
	u64 flags;

	memset(&info, 0, sizeof(info));
	info.signo = signo;
	info.code = code;
	info.fault.addr = addr;
	struct sighand *h = sighand_lock(p, &flags);
	struct abi_sigaction *a = &h->action[signo - 1];
	bool blocked = current->signal->blocked & SIGMASK(signo);
	if (blocked || a->handler == SIG_IGN || a->handler == SIG_DFL) {
		if (blocked || a->handler == SIG_IGN)
			a->handler = SIG_DFL;
		current->signal->blocked &= ~SIGMASK(signo);
		/* Even init dies of its own fault. */
		if (p->is_init && a->handler == SIG_DFL && !p->signal->group_exit)
			begin_group_exit(p, signo);
	}
	if (!p->signal->group_exit) {
		enqueue(current, &current->signal->pending, signo, &info);
		current->signal->pending.set |= SIGMASK(signo);
		atomic_fetch_or(&current->work, WORK_SIGNAL);
	}
	sighand_unlock(h, flags);
}
