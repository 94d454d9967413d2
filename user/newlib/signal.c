/*
 * Signals. newlib has the numbers of an old BSD (SIGCHLD 20, SIGUSR1 30) and sets of 32 bits; the kernel has
 * Linux's. Handlers are kept here, by newlib's number; the kernel knows one function, which translates.
 */
#include "linux.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const unsigned char to_linux[NSIG] = {
	[SIGHUP] = 1, [SIGINT] = 2, [SIGQUIT] = 3, [SIGILL] = 4, [SIGTRAP] = 5, [SIGABRT] = 6, [SIGFPE] = 8,
	[SIGKILL] = 9, [SIGBUS] = 7, [SIGSEGV] = 11, [SIGSYS] = 31, [SIGPIPE] = 13, [SIGALRM] = 14,
	[SIGTERM] = 15, [SIGURG] = 23, [SIGSTOP] = 19, [SIGTSTP] = 20, [SIGCONT] = 18, [SIGCHLD] = 17,
	[SIGTTIN] = 21, [SIGTTOU] = 22, [SIGIO] = 29, [SIGXCPU] = 24, [SIGXFSZ] = 25, [SIGVTALRM] = 26,
	[SIGPROF] = 27, [SIGWINCH] = 28, [SIGLOST] = 30, [SIGUSR1] = 10, [SIGUSR2] = 12,
};

/* What the program asked for, by newlib's number. Written before the kernel may call the handler. */
static _sig_func_ptr handlers[NSIG];

int signal_to_linux(int sig)
{
	return sig > 0 && sig < NSIG ? to_linux[sig] : 0;
}

int signal_from_linux(int sig)
{
	for (int i = 1; i < NSIG; i++)
		if (to_linux[i] == sig)
			return i;
	return sig < NSIG ? SIGEMT : NSIG - 1;	/* nothing of newlib's: a real-time or stack fault signal */
}

uint64_t sigset_to_linux(unsigned long set)
{
	uint64_t mask = 0;

	for (int i = 1; i < NSIG; i++)
		if ((set & (1UL << i)) && to_linux[i])
			mask |= 1ULL << (to_linux[i] - 1);
	return mask;
}

unsigned long sigset_from_linux(uint64_t mask)
{
	unsigned long set = 0;

	for (int i = 1; i < NSIG; i++)
		if (to_linux[i] && (mask & (1ULL << (to_linux[i] - 1))))
			set |= 1UL << i;
	return set;
}

static void deliver(int sig)
{
	int own = signal_from_linux(sig);
	int saved = errno;

	if (handlers[own])
		handlers[own](own);
	errno = saved;
}

static int kernel_action(int sig, const struct linux_sigaction *act, struct linux_sigaction *old)
{
	return (int)LINUX4(rt_sigaction, sig, act, old, sizeof(uint64_t));
}

static int set_action(int sig, const struct sigaction *act, struct sigaction *old, uint64_t more)
{
	int number = signal_to_linux(sig);
	struct linux_sigaction native = { 0 }, previous = { 0 };
	_sig_func_ptr before;

	if (!number) {
		errno = EINVAL;
		return -1;
	}
	before = handlers[sig];
	if (act) {
		int catches = act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;

		native.handler = catches ? deliver : act->sa_handler;
		native.flags = LINUX_SA_RESTORER | more;
		if (act->sa_flags & SA_NOCLDSTOP)
			native.flags |= LINUX_SA_NOCLDSTOP;
		native.restorer = signal_restorer;
		native.mask = sigset_to_linux(act->sa_mask);
		if (catches)
			handlers[sig] = act->sa_handler;
	}
	if (kernel_action(number, act ? &native : NULL, &previous) < 0) {
		handlers[sig] = before;
		return -1;
	}
	if (old) {
		old->sa_handler = previous.handler == deliver ? before : previous.handler;
		old->sa_mask = sigset_from_linux(previous.mask);
		old->sa_flags = previous.flags & LINUX_SA_NOCLDSTOP ? SA_NOCLDSTOP : 0;
	}
	return 0;
}

int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return set_action(sig, act, old, 0);
}

/* As BSD has it: the handler stays, and calls are restarted. */
_sig_func_ptr signal(int sig, _sig_func_ptr handler)
{
	struct sigaction act = { .sa_handler = handler }, old;

	return set_action(sig, &act, &old, LINUX_SA_RESTART) < 0 ? SIG_ERR : old.sa_handler;
}

int kill(pid_t pid, int sig)
{
	int number = signal_to_linux(sig);

	if (sig && !number) {
		errno = EINVAL;
		return -1;
	}
	return (int)LINUX2(kill, pid, number);
}

int raise(int sig)
{
	return kill(getpid(), sig);
}

/* newlib's abort() comes through here. */
struct _reent;
int _raise_r(struct _reent *reent, int sig);
int _raise_r(struct _reent *reent, int sig)
{
	(void)reent;
	return raise(sig);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	static const unsigned char native_how[] = { [SIG_BLOCK] = 0, [SIG_UNBLOCK] = 1, [SIG_SETMASK] = 2 };
	uint64_t mask = set ? sigset_to_linux(*set) : 0, previous = 0;

	if (how < 0 || how > SIG_UNBLOCK) {
		errno = EINVAL;
		return -1;
	}
	if (LINUX4(rt_sigprocmask, native_how[how], set ? &mask : NULL, &previous, sizeof(mask)) < 0)
		return -1;
	if (old)
		*old = sigset_from_linux(previous);
	return 0;
}

int sigpending(sigset_t *set)
{
	uint64_t mask = 0;

	if (LINUX2(rt_sigpending, &mask, sizeof(mask)) < 0)
		return -1;
	*set = sigset_from_linux(mask);
	return 0;
}

int sigsuspend(const sigset_t *set)
{
	uint64_t mask = sigset_to_linux(*set);

	return (int)LINUX2(rt_sigsuspend, &mask, sizeof(mask));
}

int pause(void)
{
	return (int)LINUX0(pause);
}
