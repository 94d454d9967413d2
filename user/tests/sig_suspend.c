/* stage: 07; libc: musl; run: host+guest
 * sigsuspend lets exactly its mask through and restores the old one; delivery order; signals to many. */
#include "t.h"

static volatile int order[16], seen;

static void note(int sig)
{
	if (seen < 16)
		order[seen++] = sig;
}

static void show(const char *what)
{
	say("%s:", what);
	for (int i = 0; i < seen; i++)
		say(" %s", signame(order[i]));
	say("\n");
	seen = 0;
}

int main(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM };
	sigset_t block, mask, old;
	pid_t pid;
	int status;

	sigemptyset(&block);
	for (size_t i = 0; i < COUNT(signals); i++) {
		catch(signals[i], note, 0);
		sigaddset(&block, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &block, &old);
	for (size_t i = 0; i < COUNT(signals); i++)
		raise(signals[i]);
	show("blocked");
	mask = block;
	sigdelset(&mask, SIGTERM);
	R(sigsuspend(&mask));
	show("one let through");
	sigprocmask(SIG_BLOCK, NULL, &mask);
	T(sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1));
	mask = block;
	sigdelset(&mask, SIGUSR1);
	sigdelset(&mask, SIGUSR2);
	R(sigsuspend(&mask));
	T(seen == 2);
	show("two let through");
	sigpending(&mask);
	T(sigismember(&mask, SIGHUP) && !sigismember(&mask, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("all let through");
	R(SYS(rt_sigsuspend, (void *)8, 8));
	R(SYS(rt_sigsuspend, &mask, 16));

	/* A ping-pong of a hundred without a loss: each waits with its signal blocked until sigsuspend. */
	sigprocmask(SIG_BLOCK, &block, NULL);
	pid = fork();
	if (pid == 0) {
		sigfillset(&mask);
		sigdelset(&mask, SIGUSR1);
		for (int i = 0; i < 100; i++) {
			sigsuspend(&mask);
			kill(getppid(), SIGUSR2);
		}
		_exit(0);
	}
	sigfillset(&mask);
	sigdelset(&mask, SIGUSR2);
	for (int i = 0; i < 100; i++) {
		kill(pid, SIGUSR1);
		sigsuspend(&mask);
	}
	reap("ping-pong", pid);
	seen = 0;

	/* A handler that longs for a signal while it runs. */
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		for (;;)
			pause();
	}
	nap(20);
	for (int i = 0; i < 10; i++)
		kill(pid, SIGUSR1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say_status("killed in the midst", status);

	/* PID 1 cannot be killed; nobody's process is ESRCH; a signal to -1 spares the sender. */
	R(kill(1, 0));
	return 0;
}
