/* stage: 07; libc: musl; run: host+guest
 * fork, exit and wait: statuses, options, errnos, order, zombies. */
#include "t.h"

int main(void)
{
	static const int codes[] = { 0, 1, 42, 127, 255, 256, -1, 1000 };
	pid_t pids[8], pid;
	int status, sum;

	T(getpid() > 0);
	T(getppid() > 0);
	for (size_t i = 0; i < COUNT(codes); i++) {
		pid = fork();
		if (pid == 0)
			_exit(codes[i]);
		reap("exit", pid);
	}
	R(waitpid(-1, &status, 0));
	R(waitpid(-1, &status, WNOHANG));
	R(waitpid(getpid(), &status, 0));
	R(waitpid(1 << 30, &status, 0));
	R(waitpid(-1, &status, 0x100));
	R(SYS(wait4, -1, (int *)8, WNOHANG, NULL));
	R(SYS(wait4, 0x80000000, NULL, WNOHANG, NULL));

	/* Eight at once, each found by its own number, then all by any. */
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(i);
	}
	for (int i = 7; i >= 0; i--) {
		NEED(waitpid(pids[i], &status, 0) == pids[i]);
		say("child %d: exit %d\n", i, WEXITSTATUS(status));
	}
	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			_exit(1 << i);
	sum = 0;
	for (int i = 0; i < 8; i++) {
		NEED(wait(&status) > 0);
		sum |= WEXITSTATUS(status);
	}
	V(sum);
	R(wait(&status));

	/* A living child: WNOHANG says 0. A zombie can still be signalled; a reaped one cannot. */
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	R(waitpid(pid, &status, WNOHANG));
	R(kill(pid, 0));
	R(kill(pid, SIGKILL));
	reap("killed", pid);
	R(waitpid(pid, &status, 0));
	R(kill(pid, 0));
	pid = fork();
	if (pid == 0)
		_exit(5);
	nap(50);
	R(kill(pid, 0));
	R(kill(pid, SIGKILL));
	reap("zombie keeps its status", pid);

	/* Parent and child see each other. */
	{
		pid_t parent = getpid();

		IN_CHILD("child")
			T(getppid() == parent);
		IN_CHILD("child's number")
			T(getpid() != parent);
	}
	/* Signals that end a process. */
	for (int sig = 1; sig < 32; sig++) {
		if (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH || sig == SIGSTOP ||
		    sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
			continue;
		pid = fork();
		if (pid == 0) {
			raise(sig);
			_exit(0);
		}
		NEED(waitpid(pid, &status, 0) == pid);
		say("raise %s: signalled %d by %d\n", signame(sig), WIFSIGNALED(status), WTERMSIG(status));
	}
	IN_CHILD("ignored ones do nothing") {
		raise(SIGCHLD);
		raise(SIGURG);
		raise(SIGWINCH);
		raise(SIGCONT);
	}
	IN_CHILD("a real-time signal")
		raise(SIGRTMIN);
	return 0;
}
