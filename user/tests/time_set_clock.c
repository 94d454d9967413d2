/* stage: 12; libc: musl; run: guest+golden
 * The real time is set while somebody waits for a point of it: timerfds, timers, sleeps, futexes, message queues follow; TFD_TIMER_CANCEL_ON_SET. */
#include "t.h"
#include "linux_futex.h"
#include <poll.h>
#include <sys/timerfd.h>

/* In ten seconds each, so that a slow machine counts the same. */
static long about(const struct itimerspec *s) { return (s->it_value.tv_sec + 5) / 10; }

static void jump(long seconds)
{
	struct timespec t;

	NEED(clock_gettime(CLOCK_REALTIME, &t) == 0);
	t.tv_sec += seconds;
	NEED(clock_settime(CLOCK_REALTIME, &t) == 0);
}

static struct timespec in(long seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += seconds;
	return t;
}

static void timerfds(void)
{
	uint64_t n = 0;
	struct itimerspec it = { { 0, 0 }, { 0, 0 } }, now;
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd p = { fd, POLLIN, 0 };

	it.it_value = in(50);
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
	R(read(fd, &n, 8));
	jump(100);
	R(poll(&p, 1, 5000));
	R(read(fd, &n, 8));
	V(n);
	/* A length of time stays one. */
	it.it_value = (struct timespec){ 50, 0 };
	R(timerfd_settime(fd, 0, &it, NULL));
	jump(100);
	R(poll(&p, 1, 50));
	R(timerfd_gettime(fd, &now));
	V(about(&now));
	it.it_value = in(500);
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
	jump(-1000);
	R(timerfd_gettime(fd, &now));
	V(about(&now));
	jump(600);
	R(timerfd_gettime(fd, &now));
	V(about(&now));
	/* The periods that the clock jumped over count. */
	it.it_value = in(50);
	it.it_interval = (struct timespec){ 40, 0 };
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
	jump(100);
	R(poll(&p, 1, 5000));
	R(read(fd, &n, 8));
	V(n);
	R(timerfd_gettime(fd, &now));
	V(about(&now));
	close(fd);
}

static void canceled(void)
{
	uint64_t n;
	struct itimerspec it = { { 0, 0 }, in(5000) };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd p = { fd, POLLIN, 0 };

	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	R(poll(&p, 1, 0));
	jump(1);
	R(poll(&p, 1, 5000));
	R(read(fd, &n, 8));
	R(read(fd, &n, 8));
	jump(1);
	R(read(fd, &n, 8));
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	jump(-3);
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	/* Of a length of time nothing is said. */
	R(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	jump(1);
	R(read(fd, &n, 8));
	close(fd);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	it.it_value = (struct timespec){ 1000000, 0 };
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	jump(1);
	R(read(fd, &n, 8));
	close(fd);
	/* Who sleeps in a read is told. */
	fd = timerfd_create(CLOCK_REALTIME, 0);
	it.it_value = in(5000);
	R(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
	pid_t pid = fork();
	if (pid == 0) {
		alarm(60);
		_exit(read(fd, &n, 8) < 0 ? errno : 0);
	}
	nap(100);
	jump(1);
	V(ECANCELED);
	reap("reader", pid);
	close(fd);
}

static void timers(int clock)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec it = { { 40, 0 }, in(50) }, now;
	struct timespec limit = { 5, 0 }, soon = { 0, 50000000 };
	siginfo_t info;
	sigset_t set;
	timer_t t;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	R(timer_create(clock, &ev, &t));
	R(timer_settime(t, TIMER_ABSTIME, &it, NULL));
	R(sigtimedwait(&set, &info, &soon));
	jump(100);
	T(sigtimedwait(&set, &info, &limit) == SIGUSR1);
	V(info.si_overrun);
	R(timer_gettime(t, &now));
	V(about(&now));
	it = (struct itimerspec){ { 0, 0 }, { 50, 0 } };
	R(timer_settime(t, 0, &it, NULL));
	jump(100);
	R(sigtimedwait(&set, &info, &soon));
	R(timer_gettime(t, &now));
	V(about(&now));
	R(timer_delete(t));
}

static int sleeps(int how)
{
	struct timespec at = in(50);
	unsigned word = 0;
	char message[9000];

	alarm(60);
	switch (how) {
	case 0:
		return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
	case 1:
		return SYS(futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &at, NULL, -1) ? errno : 0;
	case 2:
		word = getppid();
		return SYS(futex, &word, FUTEX_LOCK_PI, 0, &at, NULL, 0) ? errno : 0;
	}
	int q = SYS(mq_open, "clock", O_RDWR | O_CREAT, 0600, NULL);
	return SYS(mq_timedreceive, q, message, sizeof(message), NULL, &at) < 0 ? errno : 0;
}

int main(void)
{
	static const char *const names[] = { "nanosleep", "futex", "futex lock", "message queue" };

	timerfds();
	canceled();
	timers(CLOCK_REALTIME);
	V(ETIMEDOUT);
	for (int how = 0; how < 4; how++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(sleeps(how));
		nap(100);
		jump(100);
		reap(names[how], pid);
	}
	R(SYS(mq_unlink, "clock"));
	return 0;
}
