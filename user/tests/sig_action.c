/* stage: 07; libc: musl; run: host+guest
 * sigaction: flags, masks in handlers, what exec and fork keep, errnos. */
#include "t.h"

static volatile int depth, most, runs;

static void count(int sig)
{
	(void)sig;
	runs++;
}

static void nested(int sig)
{
	runs++;
	depth++;
	if (depth > most)
		most = depth;
	if (runs < 4)
		raise(sig);
	depth--;
}

static void show_mask(int sig)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	say("in %s: blocked", signame(sig));
	for (int i = 1; i < 32; i++)
		if (sigismember(&set, i))
			say(" %s", signame(i));
	say("\n");
}

static void once(int sig)
{
	struct sigaction act;

	sigaction(sig, NULL, &act);
	say("inside: disposition %s\n", act.sa_handler == SIG_DFL ? "default" : "handler");
}

int main(void)
{
	struct sigaction act, old;
	sigset_t set;

	memset(&act, 0, sizeof(act));
	act.sa_handler = count;
	R(sigaction(SIGKILL, &act, NULL));
	R(sigaction(SIGSTOP, &act, NULL));
	R(sigaction(SIGKILL, NULL, &old));
	R(sigaction(0, &act, NULL));
	R(sigaction(65, &act, NULL));
	R(SYS(rt_sigaction, SIGUSR1, NULL, NULL, 4));
	R(SYS(rt_sigaction, SIGUSR1, (void *)8, NULL, 8));
	R(SYS(rt_sigaction, SIGUSR1, NULL, (void *)8, 8));
	R(SYS(rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8));
	R(SYS(rt_sigprocmask, 77, &set, NULL, 8));
	R(SYS(rt_sigprocmask, 77, NULL, NULL, 8));
	R(SYS(rt_sigprocmask, SIG_BLOCK, NULL, NULL, 16));

	/* What was set is read back, with the flags. */
	act.sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_NOCLDSTOP;
	sigemptyset(&act.sa_mask);
	sigaddset(&act.sa_mask, SIGUSR2);
	R(sigaction(SIGUSR1, &act, NULL));
	R(sigaction(SIGUSR1, NULL, &old));
	T(old.sa_handler == count);
	X(old.sa_flags & ~0x4000000);
	T(sigismember(&old.sa_mask, SIGUSR2) && !sigismember(&old.sa_mask, SIGUSR1));

	/* Without SA_NODEFER a signal waits for its own handler's end; with it, it nests. */
	catch(SIGUSR1, nested, 0);
	runs = most = 0;
	raise(SIGUSR1);
	say("deferred: runs %d depth %d\n", runs, most);
	catch(SIGUSR1, nested, SA_NODEFER);
	runs = most = 0;
	raise(SIGUSR1);
	say("not deferred: runs %d depth %d\n", runs, most);

	/* Masks inside a handler: sa_mask, the signal itself, and what was blocked before. */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	memset(&act, 0, sizeof(act));
	act.sa_handler = show_mask;
	sigaddset(&act.sa_mask, SIGUSR2);
	sigaddset(&act.sa_mask, SIGTERM);
	sigaddset(&act.sa_mask, SIGKILL);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	act.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	show_mask(0);

	/* SA_RESETHAND: one shot. */
	catch(SIGUSR1, once, SA_RESETHAND);
	raise(SIGUSR1);
	IN_CHILD("second shot")
		raise(SIGUSR1);

	/* Ignored and default, pending or not. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	catch(SIGUSR2, count, 0);
	runs = 0;
	raise(SIGUSR2);
	raise(SIGUSR2);
	sigpending(&set);
	T(sigismember(&set, SIGUSR2));
	signal(SIGUSR2, SIG_IGN);
	sigpending(&set);
	T(sigismember(&set, SIGUSR2));
	signal(SIGUSR2, count);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	V(runs);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	raise(SIGUSR2);
	raise(SIGUSR2);
	raise(SIGUSR2);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	say("three standard signals while blocked: %d run\n", runs);

	/* SIGKILL and SIGSTOP cannot be blocked. */
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigprocmask(SIG_SETMASK, NULL, &set);
	T(sigismember(&set, SIGKILL) || sigismember(&set, SIGSTOP));
	T(sigismember(&set, SIGTERM) && sigismember(&set, 64));

	/* fork keeps dispositions and the mask, but not what is pending. */
	catch(SIGUSR1, count, 0);
	runs = 0;
	raise(SIGUSR1);
	IN_CHILD("fork") {
		sigset_t pending;

		sigpending(&pending);
		T(sigismember(&pending, SIGUSR1));
		sigprocmask(SIG_BLOCK, NULL, &set);
		T(sigismember(&set, SIGUSR1));
		raise(SIGUSR1);
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		V(runs);
	}
	return 0;
}
