/* stage: 12; libc: musl; run: guest+golden
 * What programs do by mistake: a FIFO opened for nothing, positions in files without one, select beyond the table of descriptors. */
#include "t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define NEITHER 3 /* neither for reading nor for writing: ioctl alone */

static void positions(const char *name, int fd)
{
	unsigned long value = 1;

	say("-- %s\n", name);
	R(pread(fd, &value, sizeof(value), 0));
	R(pwrite(fd, &value, sizeof(value), 0));
	R(lseek(fd, 0, SEEK_SET));
	R(lseek(fd, 0, SEEK_END));
}

int main(void)
{
	struct timeval now = { 0, 0 };
	fd_set set;
	sigset_t mask;
	int status, pid;

	mkdir("/tmp", 0755);
	NEED(chdir("/tmp") == 0 && mkfifo("fifo", 0600) == 0);
	pid = fork();
	if (!pid) {
		alarm(5);
		R(open("fifo", NEITHER));
		R(open("fifo", NEITHER | O_NONBLOCK));
		int p[2];
		char path[32];
		pipe(p);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
		R(open(path, NEITHER));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say_status("FIFO", status);

	sigemptyset(&mask);
	positions("eventfd", eventfd(5, EFD_NONBLOCK));
	positions("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	positions("signalfd", signalfd(-1, &mask, SFD_NONBLOCK));
	positions("inotify", inotify_init1(IN_NONBLOCK));
	positions("epoll", epoll_create1(0));
	positions("pidfd", (int)SYS(pidfd_open, getpid(), 0));

	FD_ZERO(&set);
	FD_SET(60, &set);
	R(select(61, &set, NULL, NULL, &now));
	FD_ZERO(&set);
	FD_SET(64, &set);
	FD_SET(200, &set);
	R(select(201, &set, NULL, NULL, &now));
	T(FD_ISSET(200, &set));
	int far = dup2(0, 100);
	R(select(201, &set, NULL, NULL, &now));
	FD_CLR(64, &set);
	R(select(201, &set, NULL, NULL, &now));
	close(far);
	R(select(INT_MAX, NULL, NULL, NULL, &now));
	FD_ZERO(&set);
	R(select(INT_MAX, &set, NULL, NULL, &now));

	struct pollfd p = { open("/dev/random", O_RDWR), POLLIN | POLLOUT, 0 };
	R(poll(&p, 1, 0));
	X(p.revents);
	p.fd = open("/dev/urandom", O_RDWR);
	R(poll(&p, 1, 0));
	X(p.revents);
	return 0;
}
