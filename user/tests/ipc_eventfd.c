/* stage: 09; libc: musl; run: host+guest
 * eventfd, timerfd, signalfd, memfd, socketpair-less: counters, expirations, signals as data. */
#include "t.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM };

	poll(&p, 1, 0);
	return p.revents;
}

int main(void)
{
	struct signalfd_siginfo info;
	struct itimerspec timer;
	uint64_t value;
	sigset_t mask;
	char buf[16];
	long start;
	int fd;

	/* eventfd */
	R(eventfd(0, 0x1000));
	fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
	X(ready(fd));
	R(read(fd, &value, 8));
	V(value);
	R(read(fd, &value, 8));
	X(ready(fd));
	R(read(fd, buf, 4));
	value = 5;
	R(write(fd, &value, 8));
	R(write(fd, &value, 8));
	R(read(fd, buf, 16));
	memcpy(&value, buf, 8);
	V(value);
	value = ~0ull;
	R(write(fd, &value, 8));
	value = ~0ull - 1;
	R(write(fd, &value, 8));
	X(ready(fd));
	value = 1;
	R(write(fd, &value, 8));
	R(write(fd, &value, 4));
	fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	for (int i = 0; i < 4; i++) {
		value = 0;
		R(read(fd, &value, 8));
		V(value);
	}
	R(lseek(fd, 0, SEEK_SET));
	fd = eventfd(0, 0);
	IN_CHILD("waker") {
		if (fork() == 0) {
			nap(30);
			value = 7;
			write(fd, &value, 8);
			_exit(0);
		}
		R(read(fd, &value, 8));
		V(value);
	}

	/* timerfd */
	R(timerfd_create(99, 0));
	R(timerfd_create(CLOCK_MONOTONIC, 0x1000));
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	R(read(fd, &value, 8));
	timer = (struct itimerspec){ { 0, 0 }, { 0, 20000000 } };
	start = now_ms();
	R(timerfd_settime(fd, 0, &timer, NULL));
	fcntl(fd, F_SETFL, 0);
	R(read(fd, &value, 8));
	V(value);
	T(now_ms() - start >= 19);
	R(timerfd_gettime(fd, &timer));
	V(timer.it_value.tv_nsec);
	timer = (struct itimerspec){ { 0, 10000000 }, { 0, 10000000 } };
	R(timerfd_settime(fd, 0, &timer, NULL));
	nap(65);
	R(read(fd, &value, 8));
	T(value >= 5 && value < 100);
	X(ready(fd) & POLLOUT);
	R(timerfd_gettime(fd, &timer));
	V(timer.it_interval.tv_nsec);
	timer = (struct itimerspec){ { 0, 0 }, { 1, 0 } };
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, NULL));
	R(read(fd, &value, 8));
	V(value);
	timer.it_value.tv_nsec = 1000000000;
	R(timerfd_settime(fd, 0, &timer, NULL));
	R(timerfd_settime(1, 0, &timer, NULL));
	R(timerfd_settime(fd, 0, (void *)8, NULL));
	R(read(fd, &value, 4));
	R(write(fd, &value, 8));

	/* signalfd */
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, 40);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_NONBLOCK);
	R(read(fd, &info, sizeof(info)));
	X(ready(fd));
	raise(SIGUSR1);
	X(ready(fd));
	R(read(fd, &info, sizeof(info)));
	say("%s code %d from me %d\n", signame((int)info.ssi_signo), info.ssi_code, (pid_t)info.ssi_pid == getpid());
	sigqueue(getpid(), 40, (union sigval){ .sival_int = 99 });
	R(read(fd, &info, sizeof(info)));
	say("%s value %d\n", signame((int)info.ssi_signo), info.ssi_int);
	IN_CHILD("exits")
		_exit(6);
	R(read(fd, &info, sizeof(info)));
	say("%s code %d status %d\n", signame((int)info.ssi_signo), info.ssi_code, info.ssi_status);
	R(read(fd, &info, 10));
	sigdelset(&mask, SIGUSR1);
	R(signalfd(fd, &mask, 0) == fd);
	raise(SIGUSR1);
	R(read(fd, &info, sizeof(info)));
	R(signalfd(1, &mask, 0));
	R(SYS(signalfd4, -1, &mask, 4, 0));
	R(signalfd(-1, &mask, 0x1000));

	/* memfd */
	fd = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	T(fd >= 0);
	R(write(fd, "0123456789", 10));
	R(lseek(fd, 0, SEEK_SET));
	R(read(fd, buf, 16));
	R(ftruncate(fd, 8192));
	T(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(ftruncate(fd, 10000));
	R(ftruncate(fd, 5000));
	R(fcntl(fd, F_GET_SEALS));
	R(memfd_create("name", 0x1000));
	return 0;
}
