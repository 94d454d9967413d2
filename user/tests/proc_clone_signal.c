/* stage: 07; libc: musl; run: host+guest
 * The lowest byte of clone's flags is the signal that the parent gets: any byte is taken, and one that is no signal is sent to
 * nobody. Such a child is waited for as a clone. */
#include "t.h"

#ifndef __WCLONE
#define __WCLONE 0x80000000
#endif

static volatile int got;

static void count(int sig)
{
	got = sig;
}

int main(void)
{
	static const int bytes[] = { 0, SIGUSR1, SIGCHLD, 64, 65, 127, 128, 254, 255 };
	struct sigaction act = { .sa_handler = count };

	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGCHLD, &act, NULL);
	sigaction(64, &act, NULL);
	for (size_t i = 0; i < COUNT(bytes); i++) {
		int status = -1;
		pid_t pid;
		long plain;

		got = 0;
		pid = (pid_t)SYS(clone, bytes[i], 0, NULL, NULL, 0);
		if (pid == 0)
			_exit(7);
		NEED(pid > 0);
		do
			plain = waitpid(pid, &status, 0);
		while (plain < 0 && errno == EINTR);
		say("%d: wait %s, ", bytes[i], plain == pid ? "finds it" : errname(errno));
		if (plain != pid)
			while (waitpid(pid, &status, __WCLONE) < 0 && errno == EINTR)
				;
		say("status %d, signal %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1, got);
	}
	return 0;
}
