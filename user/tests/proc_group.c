/* stage: 07; libc: musl; run: host+guest
 * Process groups and sessions: who may be put where, and which errno says no. */
#include "t.h"

int main(void)
{
	pid_t me = getpid(), pid;
	int status;

	T(getsid(0) == getsid(me));
	R(getpgid(1 << 30));
	R(getsid(1 << 30));
	R(setpgid(1 << 30, 0));
	R(setpgid(0, -1));
	R(setpgid(-1, 0));
	IN_CHILD("not yet a leader") {
		R(setpgid(0, 1 << 30));
		T(getpgrp() != getpid());
		R(setpgid(0, 0));
		T(getpgrp() == getpid());
		R(setpgid(0, 0));
		R(setsid());
		R(setpgid(0, getsid(0)));
	}
	IN_CHILD("new session") {
		pid_t session = setsid();

		T(session == getpid());
		T(getpgrp() == session && getsid(0) == session);
		R(setsid());
		R(setpgid(0, 0));
		R(setpgid(0, me));
		pid = fork();
		if (pid == 0) {
			T(getsid(0) == session);
			R(setpgid(0, 0));
			_exit(0);
		}
		reap("inner", pid);
	}
	/* A parent may move its child until the child has called exec, and only inside the session. */
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	R(setpgid(pid, pid));
	T(getpgid(pid) == pid);
	IN_CHILD("joins its brother's group") {
		R(setpgid(0, pid));
		T(getpgrp() == pid);
	}
	IN_CHILD("a brother is not my child")
		R(setpgid(pid, 0));
	R(kill(-pid, SIGTERM));
	reap("killed by group", pid);
	R(kill(-pid, 0));

	pid = fork();
	if (pid == 0) {
		setsid();
		for (;;)
			pause();
	}
	while (getsid(pid) == getsid(0))
		sched_yield();
	R(setpgid(pid, 0));
	R(kill(pid, SIGKILL));
	waitpid(pid, &status, 0);

	/* kill(0): my whole group. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGUSR1, SIG_IGN);
		for (int i = 0; i < 3; i++)
			if (fork() == 0) {
				signal(SIGUSR1, SIG_DFL);
				for (;;)
					pause();
			}
		nap(50);
		R(kill(0, SIGUSR1));
		for (int i = 0; i < 3; i++) {
			wait(&status);
			say_status("member", status);
		}
		_exit(0);
	}
	reap("leader", pid);
	R(kill(1 << 30, 0));
	R(kill(getpid(), 65));
	R(kill(getpid(), -1));
	R(kill(getpid(), 64 + 1));
	R(kill(INT_MIN, 0));
	return 0;
}
