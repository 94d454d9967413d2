/* stage: 09; libc: musl; run: host+guest
 * A handler during a sleeping call: with SA_RESTART read, write, wait go on; without it EINTR; some calls are
 * never restarted (pause, sigsuspend, nanosleep gives what is left, poll). A stop and a SIGCONT disturb nothing. */
#include "t.h"
#include <poll.h>
#include <sys/select.h>

static volatile int runs;

static void handler(int sig)
{
	(void)sig;
	runs++;
}

static pid_t poke(int sig, int after, int fd, const char *data)
{
	pid_t pid = fork();

	if (pid == 0) {
		nap(after);
		kill(getppid(), sig);
		if (data) {
			nap(after);
			write(fd, data, strlen(data));
		}
		_exit(0);
	}
	return pid;
}

static void one(const char *what, int flags, int which)
{
	struct timespec second = { 1, 0 }, left = { 9, 9 };
	struct pollfd poller;
	int fds[2];
	char buf[8] = "";
	sigset_t none;
	long result;
	pid_t pid, waited = 0;

	NEED(pipe(fds) == 0);
	catch(SIGUSR1, handler, flags);
	runs = 0;
	pid = poke(SIGUSR1, 60, fds[1], which == 0 ? "data" : NULL);
	errno = 0;
	sigemptyset(&none);
	switch (which) {
	case 0:
		result = read(fds[0], buf, sizeof(buf));
		break;
	case 1:
		result = nanosleep(&second, &left);
		break;
	case 2:
		poller = (struct pollfd){ .fd = fds[0], .events = POLLIN };
		result = poll(&poller, 1, 2000);
		break;
	case 3:
		result = pause();
		break;
	case 4:
		result = sigsuspend(&none);
		break;
	case 5:
		result = clock_nanosleep(CLOCK_MONOTONIC, 0, &second, &left);
		errno = (int)result;
		break;
	case 6:
		waited = fork();
		if (waited == 0) {
			nap(200);
			_exit(4);
		}
		result = waitpid(waited, NULL, 0) == waited ? 4 : -1;
		break;
	default:
		result = select(0, NULL, NULL, NULL, &(struct timeval){ 2, 0 });
	}
	say("%s%s: %ld %s, handler ran %d\n", what, flags & SA_RESTART ? " with SA_RESTART" : "",
	    result, errno ? errname(errno) : "-", runs);
	if (which == 1 || which == 5)
		T(left.tv_sec == 0 && left.tv_nsec > 500000000);
	waitpid(pid, NULL, 0);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	static const char *const names[] = { "read", "nanosleep", "poll", "pause", "sigsuspend", "clock_nanosleep",
					     "waitpid", "select" };
	pid_t pid;
	int status, fds[2];

	for (int i = 0; i < 8; i++) {
		one(names[i], 0, i);
		one(names[i], SA_RESTART, i);
	}

	/* Stop and continue without a handler: calls go on where they were. */
	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		char c = 0;
		long start = now_ms();
		struct timespec ts = { 0, 300000000 };
		ssize_t n;

		errno = 0;
		n = nanosleep(&ts, NULL);
		say("nanosleep over a stop: %d, long enough %d\n", (int)n, now_ms() - start >= 299);
		n = read(fds[0], &c, 1);
		say("read over a stop: %d %c %s\n", (int)n, c, errname(errno));
		n = poll(NULL, 0, 100);
		say("poll over a stop: %d %s\n", (int)n, errname(errno));
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		nap(i ? 400 : 50);
		kill(pid, SIGSTOP);
		NEED(waitpid(pid, &status, WUNTRACED) == pid);
		nap(20);
		kill(pid, SIGCONT);
	}
	nap(30);
	write(fds[1], "x", 1);
	nap(30);
	kill(pid, SIGSTOP);
	NEED(waitpid(pid, &status, WUNTRACED) == pid);
	kill(pid, SIGCONT);
	reap("sleeper", pid);
	return 0;
}
