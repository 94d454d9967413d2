/* stage: 09; libc: musl; run: host+guest
 * poll, ppoll, select, pselect: results, timeouts, bad descriptors, masks, wake-ups. */
#include "t.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>

static void nothing(int sig)
{
	(void)sig;
}

static pid_t later(int ms, int fd, const char *data, int sig)
{
	pid_t pid = fork();

	if (pid == 0) {
		nap(ms);
		if (data)
			write(fd, data, strlen(data));
		if (sig)
			kill(getppid(), sig);
		_exit(0);
	}
	return pid;
}

int main(void)
{
	struct pollfd p[4];
	struct timespec ts;
	struct timeval tv;
	fd_set in, out;
	sigset_t mask, block;
	int a[2], b[2];
	long start;
	pid_t pid;

	NEED(pipe(a) == 0 && pipe(b) == 0);
	R(poll(NULL, 0, 0));
	R(poll((struct pollfd *)8, 1, 0));
	R(SYS(poll, p, 1 << 30, 0));
	p[0] = (struct pollfd){ .fd = 99, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 77 };
	p[2] = (struct pollfd){ .fd = a[0], .events = POLLIN };
	p[3] = (struct pollfd){ .fd = a[1], .events = POLLOUT };
	R(poll(p, 4, 0));
	say("%#x %#x %#x %#x\n", p[0].revents, p[1].revents, p[2].revents, p[3].revents);
	start = now_ms();
	R(poll(p + 2, 1, 50));
	T(now_ms() - start >= 49);
	write(a[1], "x", 1);
	R(poll(p + 2, 2, -1));
	say("%#x %#x\n", p[2].revents, p[3].revents);
	p[2].events = 0;
	R(poll(p + 2, 1, 0));
	p[2].events = POLLIN | POLLRDNORM | POLLPRI;
	R(poll(p + 2, 1, 0));
	X(p[2].revents);
	pid = later(50, b[1], "y", 0);
	p[0] = (struct pollfd){ .fd = b[0], .events = POLLIN };
	R(poll(p, 1, 5000));
	waitpid(pid, NULL, 0);
	/* A plain file and /dev/null are always ready. */
	p[0].fd = open("/dev/null", O_RDWR);
	p[0].events = POLLIN | POLLOUT;
	R(poll(p, 1, -1));
	X(p[0].revents);
	p[0].fd = open("/tmp", O_RDONLY);
	R(poll(p, 1, -1));
	X(p[0].revents);

	/* ppoll: the mask holds while it waits, and the old one after it. */
	catch(SIGUSR1, nothing, 0);
	sigemptyset(&mask);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	ts = (struct timespec){ 5, 0 };
	R(ppoll(NULL, 0, &ts, &mask));
	sigprocmask(SIG_BLOCK, NULL, &mask);
	T(sigismember(&mask, SIGUSR1));
	ts = (struct timespec){ 0, 1000000 };
	R(ppoll(NULL, 0, &ts, &block));
	ts = (struct timespec){ -1, 0 };
	R(ppoll(NULL, 0, &ts, NULL));
	R(SYS(ppoll, NULL, 0, (void *)8, NULL, 8));
	R(SYS(ppoll, NULL, 0, NULL, &block, 4));
	sigprocmask(SIG_UNBLOCK, &block, NULL);

	/* select. */
	read(a[0], &mask, 1);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(a[0], &in);
	FD_SET(a[1], &out);
	tv = (struct timeval){ 1, 0 };
	R(select(a[1] + 1, &in, &out, NULL, &tv));
	T(!FD_ISSET(a[0], &in) && FD_ISSET(a[1], &out));
	FD_SET(a[0], &in);
	tv = (struct timeval){ 0, 30000 };
	R(SYS(select, a[1] + 1, &in, NULL, NULL, &tv));
	T(!FD_ISSET(a[0], &in));
	say("left %ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	write(a[1], "z", 1);
	FD_SET(a[0], &in);
	tv = (struct timeval){ 5, 0 };
	R(SYS(select, a[1] + 1, &in, NULL, NULL, &tv));
	T(FD_ISSET(a[0], &in));
	T(tv.tv_sec == 4);
	FD_ZERO(&in);
	FD_SET(50, &in);
	R(select(51, &in, NULL, NULL, NULL));
	R(select(-1, NULL, NULL, NULL, &tv));
	R(SYS(select, 1, (void *)8, NULL, NULL, &tv));
	tv = (struct timeval){ -1, 0 };
	R(SYS(select, 0, NULL, NULL, NULL, &tv));
	tv = (struct timeval){ 0, 0 };
	R(select(0, NULL, NULL, NULL, &tv));
	close(a[1]);
	FD_ZERO(&in);
	FD_SET(a[0], &in);
	R(select(a[0] + 1, &in, NULL, NULL, &tv));
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	sigemptyset(&mask);
	ts = (struct timespec){ 5, 0 };
	R(pselect(0, NULL, NULL, NULL, &ts, &mask));
	pid = later(50, 0, NULL, SIGUSR1);
	start = now_ms();
	R(pselect(0, NULL, NULL, NULL, &ts, &mask));
	T(now_ms() - start < 4000);
	waitpid(pid, NULL, 0);
	return 0;
}
