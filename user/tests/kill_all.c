/* stage: 12; libc: musl; run: guest+golden
 * kill(-1): everybody but process 1 and the caller's own process dies, whatever state it is in; nobody else's, if the
 * caller is not root; and the system goes on. */
#include "t.h"
#include <pthread.h>
#include <sys/prctl.h>

enum { KINDS = 8 };

static void *sleeper(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

static const char *const kinds[KINDS] = {
	"sleeps", "runs", "is stopped", "is in a session of its own", "blocks and catches", "waits at a pipe", "has threads", "has a child",
};

static void live(int kind, int ready)
{
	pthread_t thread;
	sigset_t all;
	int fds[2];
	char byte;

	switch (kind) {
	case 3:
		setsid();
		break;
	case 4:
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		break;
	case 5:
		NEED(pipe(fds) == 0);
		break;
	case 6:
		NEED(pthread_create(&thread, NULL, sleeper, NULL) == 0);
		break;
	case 7:
		if (fork() == 0)
			kind = 0;
		break;
	}
	if (kind != 0)
		write(ready, "r", 1);
	close(ready);
	if (kind == 1)
		for (;;)
			;
	if (kind == 2)
		raise(SIGSTOP);
	if (kind == 5)
		read(fds[0], &byte, 1);
	for (;;)
		pause();
}

/* One child of each kind: their numbers. */
static void start(pid_t *children, int uid)
{
	int fds[2];
	char byte;

	NEED(pipe(fds) == 0);
	for (int kind = 0; kind < KINDS; kind++) {
		children[kind] = fork();
		NEED(children[kind] >= 0);
		if (children[kind] == 0) {
			close(fds[0]);
			if (uid)
				NEED(SYS(setresuid, uid, uid, uid) == 0);
			if (kind == 0)
				write(fds[1], "r", 1);
			live(kind, fds[1]);
		}
		NEED(read(fds[0], &byte, 1) == 1);
	}
	waitpid(children[2], NULL, WUNTRACED);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	pid_t roots[KINDS], others[KINDS], pid;
	int alive = 0, orphans = 0, status;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	R(kill(-1, 0));
	start(roots, 0);
	start(others, 1000);

	say("-- another user\n");
	IN_CHILD("kill(-1) by user 1000") {
		NEED(SYS(setresuid, 1000, 1000, 1000) == 0);
		R(kill(-1, SIGKILL));
		R(kill(-1, 65));
	}
	for (int i = 0; i < KINDS; i++)
		reap(kinds[i], others[i]);
	for (int i = 0; i < KINDS; i++)
		alive += kill(roots[i], 0) == 0 && waitpid(roots[i], &status, WNOHANG) == 0;
	V(alive);
	IN_CHILD("user 1000, when nobody is left") {
		NEED(SYS(setresuid, 1000, 1000, 1000) == 0);
		R(kill(-1, SIGKILL));
		R(kill(-1, 0));
	}

	say("-- root\n");
	R(kill(-1, SIGKILL));
	for (int i = 0; i < KINDS; i++)
		reap(kinds[i], roots[i]);
	/* Grandchildren come to this process when their parents are gone. */
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		orphans += pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	V(orphans);
	R(waitpid(-1, &status, 0));
	R(kill(1, 0));
	R(kill(-1, 0));
	T(getppid() == 1);
	IN_CHILD("the system goes on") {
		int fds[2];
		char byte = 0;

		NEED(pipe(fds) == 0);
		if (fork() == 0) {
			write(fds[1], "x", 1);
			_exit(0);
		}
		R(read(fds[0], &byte, 1));
		R(wait(NULL) > 0);
	}
	return 0;
}
