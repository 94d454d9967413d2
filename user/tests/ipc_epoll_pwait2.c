/* stage: 09; libc: musl; run: guest+golden
 * epoll_pwait2: its timeout is a timespec, or none; its mask; refusals. */
#include "t.h"
#include <sys/epoll.h>

#define PWAIT2 441

static int ep;
static struct epoll_event got[4];

static long pwait2(int most, const struct timespec *t, const sigset_t *mask, size_t size)
{
	return syscall(PWAIT2, ep, got, most, t, mask, size);
}

static void on_alarm(int sig) { say("caught %s\n", signame(sig)); }

int main(void)
{
	struct timespec none = { 0, 0 }, some = { 0, 20000000 }, second = { 1, 0 };
	struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 }, { LONG_MAX, 999999999 } };
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = 7 };
	sigset_t empty, alarms;
	int fds[2];
	long start;

	alarm(20);
	sigemptyset(&empty);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	NEED(pipe(fds) == 0 && (ep = epoll_create1(0)) >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e) == 0);
	R(pwait2(4, &none, NULL, 0));
	start = now_ms();
	R(pwait2(4, &some, NULL, 0));
	T(now_ms() - start >= 20);
	for (size_t i = 0; i < 3; i++)
		R(pwait2(4, &bad[i], NULL, 0));
	R(pwait2(0, &none, NULL, 0));
	R(pwait2(-1, &none, NULL, 0));
	R(pwait2(0, &bad[0], NULL, 0));
	R(pwait2(4, (void *)-4096, NULL, 0));
	R(pwait2(4, &none, &empty, 4));
	R(pwait2(4, &none, (void *)-4096, 8));
	R(pwait2(0, &none, &empty, 4));
	R(syscall(PWAIT2, fds[0], got, 4, &none, NULL, 0));
	R(syscall(PWAIT2, -1, got, 4, &none, NULL, 0));
	/* Without a timeout, and with the longest: until something comes. */
	IN_CHILD("late") {
		if (!fork()) {
			nap(30);
			NEED(write(fds[1], "x", 1) == 1);
			_exit(0);
		}
		R(pwait2(4, NULL, NULL, 0));
		V(got[0].data.u32);
		R(pwait2(4, &bad[3], NULL, 0));
	}
	R(pwait2(4, &second, &empty, 8));
	NEED(read(fds[0], &e, 1) == 1);
	/* The alarm is let in for the wait alone. */
	catch(SIGALRM, on_alarm, 0);
	NEED(sigprocmask(SIG_BLOCK, &alarms, NULL) == 0);
	raise(SIGALRM);
	R(pwait2(4, &some, NULL, 0));
	R(pwait2(4, NULL, &empty, 8));
	NEED(sigprocmask(SIG_BLOCK, NULL, &empty) == 0);
	T(sigismember(&empty, SIGALRM));
	return 0;
}
