/* stage: 09; libc: musl; run: host+guest
 * Orphans get a new parent; PR_SET_CHILD_SUBREAPER names a nearer one; PDEATHSIG tells the child. */
#include "t.h"
#include <sys/prctl.h>

int main(void)
{
	int fds[2], status;
	pid_t pid, me = getpid();
	char c = 0;

	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				nap(2);
			c = getppid() != me ? 'o' : 'x';
			write(fds[1], &c, 1);
			_exit(0);
		}
		_exit(9);
	}
	reap("parent of the orphan", pid);
	R(read(fds[0], &c, 1));
	V(c);
	R(wait(&status));

	R(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				nap(2);
			c = getppid() == me ? 'm' : 'x';
			write(fds[1], &c, 1);
			_exit(33);
		}
		_exit(10);
	}
	reap("parent", pid);
	R(read(fds[0], &c, 1));
	V(c);
	NEED(wait(&status) > 0);
	say_status("adopted", status);
	R(wait(&status));

	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			write(fds[1], "r", 1);
			for (;;)
				pause();
		}
		read(fds[0], &c, 1);
		_exit(11);
	}
	reap("parent", pid);
	NEED(wait(&status) > 0);
	say_status("told of its parent's death", status);
	return 0;
}
