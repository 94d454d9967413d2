/* stage: 09; libc: musl; run: host+guest
 * Many at once: 200 parallel children through one pipe, a fork bomb under a limit, memory that runs out. */
#include "t.h"
#include <sys/resource.h>

int main(void)
{
	int fds[2], seen[200] = { 0 }, count = 0, wrong = 0, status;
	unsigned char n;
	pid_t pid;

	NEED(pipe(fds) == 0);
	for (int i = 0; i < 200; i++) {
		pid = fork();
		NEED(pid >= 0);
		if (pid == 0) {
			char *p = malloc(100000);

			memset(p, i, 100000);
			sched_yield();
			n = (unsigned char)p[99999];
			write(fds[1], &n, 1);
			_exit(i & 63);
		}
	}
	for (int i = 0; i < 200; i++) {
		NEED(read(fds[0], &n, 1) == 1);
		wrong += n >= 200 || seen[n]++;
	}
	for (int i = 0; i < 200; i++) {
		NEED(wait(&status) > 0);
		count += WIFEXITED(status);
	}
	say("%d exits, %d wrong\n", count, wrong);

	/* Each generation of a chain waits for the next. */
	pid = fork();
	if (pid == 0) {
		int depth;

		for (depth = 0; depth < 50; depth++) {
			pid = fork();
			NEED(pid >= 0);
			if (pid) {
				waitpid(pid, &status, 0);
				_exit(WEXITSTATUS(status));
			}
		}
		_exit(depth);
	}
	reap("chain", pid);

	/* A bomb in a jail of fifty processes. */
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { 50, 50 };

		setpgid(0, 0);
		setrlimit(RLIMIT_NPROC, &limit);
		NEED(SYS(setuid, 7777) == 0);
		alarm(10);
		for (int i = 0; i < 12; i++)
			fork();
		nap(100);
		_exit(0);
	}
	reap("bomb", pid);
	kill(-pid, SIGKILL);
	nap(200);
	IN_CHILD("afterwards")
		say("alive\n");

	/* Ten thousand fast ones. */
	count = 0;
	for (int i = 0; i < 1000; i++) {
		pid = fork();
		if (pid == 0)
			_exit(i & 127);
		NEED(waitpid(pid, &status, 0) == pid);
		count += WEXITSTATUS(status) == (i & 127);
	}
	V(count);
	return 0;
}
