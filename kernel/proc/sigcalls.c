/* The system calls about one's own signals: actions, masks, waiting, alternate stack, return. */
#include "proc_priv.h"

#include "lib/string.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

#define SA_KNOWN (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND)

/* struct sigaction of the kernel ABI: its fields lie in the same order as struct abi_sigaction's. */
long sys_rt_sigaction(int sig, const void __user *act, void __user *old, size_t sigsetsize)
{
	struct process *p = current->process;
	struct abi_sigaction new, previous;
	u64 flags;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (sig < 1 || sig > NSIG || (act && (SIGMASK(sig) & SIG_UNMASKABLE)))
		return -EINVAL;
	struct sighand *h = sighand_lock(p, &flags);
	previous = h->action[sig - 1];
	if (act) {
		new.mask &= ~SIG_UNMASKABLE;
		new.flags &= SA_KNOWN;
		h->action[sig - 1] = new;
		/* POSIX: setting a signal to be ignored discards what is pending. */
		if (new.handler == SIG_IGN || (new.handler == SIG_DFL && signal_default_ignored(sig))) {
			struct thread *t;
			pending_flush(&p->signal->pending, SIGMASK(sig));
			list_for_each(t, &p->threads, process_link)
				pending_flush(&t->signal->pending, SIGMASK(sig));
		}
	}
	sighand_unlock(h, flags);
	return old && copy_to_user(old, &previous, sizeof(previous)) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(int how, const void __user *set, void __user *old, size_t sigsetsize)
{
	u64 before = current->signal->blocked, mask;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (set) {
		if (get_user_u64(&mask, set))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK: mask |= before; break;
		case SIG_UNBLOCK: mask = before & ~mask; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		if ((mask & ~SIG_UNMASKABLE) != before)
			signal_set_blocked(mask);
	}
	return old ? put_user_u64(before, old) : 0;
}

long sys_rt_sigpending(void __user *set, size_t sigsetsize)
{
	if (sigsetsize > sizeof(u64))
		return -EINVAL;
	u64 pending = signal_pending_mask(current) & current->signal->blocked;
	return copy_to_user(set, &pending, sigsetsize) ? -EFAULT : 0;
}

long sys_rt_sigreturn(void)
{
	long rax = sigframe_pop(current_user_frame());

	if (rax == -EFAULT && current_user_frame()->error != -1ul) {
		current_user_frame()->error = -1ul;
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	return rax;
}

static WAIT_QUEUE(nobody); /* what waits for signals alone sleeps here */

long sys_rt_sigsuspend(const void __user *set, size_t sigsetsize)
{
	u64 mask;
	int err = signal_mask_from_user(&mask, set, sigsetsize);

	if (err)
		return err;
	signal_set_temp_mask(mask);
	wait_event_interruptible(&nobody, false);
	signal_restore_temp_mask(true);
	return -ERESTARTNOHAND;
}

long sys_pause(void)
{
	wait_event_interruptible(&nobody, false);
	return -ERESTARTNOHAND;
}

long sys_rt_sigtimedwait(const void __user *set, void __user *info_out, const void __user *timeout, size_t sigsetsize)
{
	struct thread_signal *ts = current->signal;
	struct process_signal *s = current->process->signal;
	struct abi_siginfo info;
	u64 wanted, ns = 0, flags;
	int err = signal_mask_from_user(&wanted, set, sigsetsize);

	if (err)
		return err;
	if (timeout && (err = timespec_from_user(&ns, timeout)))
		return err;
	wanted &= ~SIG_UNMASKABLE;
	int signo = signal_dequeue(wanted, &info);
	if (!signo && (!timeout || ns)) {
		u64 deadline = timeout ? time_ns() + MIN(ns, TIME_NEVER / 2) : TIME_NEVER;
		/* While it sleeps, a wanted signal counts as let in, so that it wakes and is not dropped. */
		struct sighand *h = sighand_lock(current->process, &flags);
		ts->real_blocked = ts->blocked;
		ts->blocked &= ~wanted;
		signal_recalc(current);
		sighand_unlock(h, flags);
		err = wait_event_interruptible_until(&s->signalfd_wait, false, deadline);
		h = sighand_lock(current->process, &flags);
		ts->blocked = ts->real_blocked;
		ts->real_blocked = 0;
		signo = signal_take(current, ~wanted, &info);
		signal_recalc(current);
		sighand_unlock(h, flags);
	}
	if (!signo)
		return err == -ERESTARTSYS ? -EINTR : -EAGAIN;
	if (info_out && copy_to_user(info_out, &info, sizeof(info)))
		return -EFAULT;
	return signo;
}

/* --- alternate stack ----------------------------------------------------------------------------------------------- */

static bool on_altstack(const struct abi_sigaltstack *a)
{
	u64 sp = current_user_frame()->rsp;

	return !(a->flags & (SS_DISABLE | (s32)SS_AUTODISARM)) && sp > a->sp && sp - a->sp <= a->size;
}

static int set_altstack(const struct abi_sigaltstack *new, size_t least)
{
	struct abi_sigaltstack *a = &current->signal->altstack;
	s32 mode = new->flags & ~(s32)SS_AUTODISARM;

	if (on_altstack(a))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		*a = (struct abi_sigaltstack){ .flags = new->flags };
		return 0;
	}
	if (new->size < least)
		return -ENOMEM;
	*a = *new;
	a->flags &= ~SS_ONSTACK;
	return 0;
}

void signal_restore_altstack(const struct abi_sigaltstack *a)
{
	(void)!set_altstack(a, MINSIGSTKSZ);
}

long sys_sigaltstack(const void __user *new, void __user *old)
{
	struct abi_sigaltstack *a = &current->signal->altstack, in, out = *a;

	if (new && copy_from_user(&in, new, sizeof(in)))
		return -EFAULT;
	out.pad = 0;
	if (on_altstack(a))
		out.flags |= SS_ONSTACK;
	if (new) {
		int err = set_altstack(&in, MINSIGSTKSZ);
		if (err)
			return err;
	}
	return old && copy_to_user(old, &out, sizeof(out)) ? -EFAULT : 0;
}

/* --- going on after an interruption -------------------------------------------------------------------------------- */

long sys_restart_syscall(void)
{
	long (*fn)(u64 *) = current->restart_fn;

	current->restart_fn = NULL;
	return fn ? fn(current->restart_data) : -EINTR;
}
