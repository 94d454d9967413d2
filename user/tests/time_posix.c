/* stage: 12; libc: musl; run: host+guest
 * POSIX timers: once and again, with signals and without, overruns, ignored signals, what fork and exec leave of them; ioprio. */
#include "t.h"
#include <sched.h>

static volatile int count, code, overrun, value;
static timer_t last;

static void on_signal(int sig, siginfo_t *info, void *context UNUSED)
{
	count++;
	code = info->si_code;
	overrun = info->si_overrun;
	value = info->si_value.sival_int;
	(void)sig;
}

static long raw_create(int clock, struct sigevent *e, int *id) { return syscall(SYS_timer_create, clock, e, id); }
static long raw_set(int id, int flags, long first_ms, long again_ms)
{
	struct itimerspec s = { { again_ms / 1000, again_ms % 1000 * 1000000 }, { first_ms / 1000, first_ms % 1000 * 1000000 } };

	return syscall(SYS_timer_settime, id, flags, &s, NULL);
}

static void wait_ms(long ms)
{
	long end = now_ms() + ms;

	while (now_ms() < end)
		usleep(5000);
}

int main(int argc, char **argv)
{
	struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct sigevent e = { 0 };
	struct itimerspec s;
	sigset_t set;
	int id = -1, other, status;

	if (argc > 1) {
		R(syscall(SYS_timer_gettime, atoi(argv[1]), &s));
		return 0;
	}
	sigaction(SIGALRM, &a, NULL);
	sigaction(SIGRTMIN, &a, NULL);

	R(raw_create(CLOCK_MONOTONIC, NULL, &id));
	R(raw_set(id, 0, 30, 0));
	R(syscall(SYS_timer_gettime, id, &s));
	T(s.it_value.tv_sec == 0 && s.it_value.tv_nsec > 0 && s.it_value.tv_nsec <= 30000000);
	while (!count)
		pause();
	V(count);
	V(code);
	T(value == id);
	R(syscall(SYS_timer_gettime, id, &s));
	T(s.it_value.tv_nsec == 0);

	/* Periods that nobody takes are overruns, and come as one signal. */
	e.sigev_notify = SIGEV_SIGNAL;
	e.sigev_signo = SIGRTMIN;
	e.sigev_value.sival_int = 77;
	R(raw_create(CLOCK_REALTIME, &e, &other));
	T(other != id);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	count = 0;
	R(raw_set(other, 0, 10, 10));
	wait_ms(200);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	T(count >= 1 && count <= 2);
	V(value);
	T(overrun >= 5 || syscall(SYS_timer_getoverrun, other) >= 0);
	count = 0;
	wait_ms(100);
	T(count >= 2);
	R(raw_set(other, 0, 0, 0));
	count = 0;
	wait_ms(50);
	T(count <= 1);

	/* A signal that is ignored for a while does not end the timer. */
	signal(SIGRTMIN, SIG_IGN);
	R(raw_set(other, 0, 5, 5));
	wait_ms(50);
	sigaction(SIGRTMIN, &a, NULL);
	count = 0;
	wait_ms(100);
	T(count >= 1);
	R(syscall(SYS_timer_settime, other, 0, NULL, NULL));
	R(syscall(SYS_timer_delete, other));
	R(syscall(SYS_timer_delete, other));
	R(raw_set(other, 0, 5, 5));

	e.sigev_notify = SIGEV_NONE;
	e.sigev_signo = 0;
	R(raw_create(CLOCK_BOOTTIME, &e, &other));
	R(raw_set(other, 0, 10, 0));
	wait_ms(20);
	R(syscall(SYS_timer_gettime, other, &s));
	T(s.it_value.tv_nsec == 0);
	R(syscall(SYS_timer_getoverrun, other));
	R(syscall(SYS_timer_delete, other));

	/* To one thread. */
	e.sigev_notify = 4;
	e.sigev_signo = SIGRTMIN;
	((int *)&e)[4] = (int)syscall(SYS_gettid);
	R(raw_create(CLOCK_MONOTONIC, &e, &other));
	count = 0;
	R(raw_set(other, 0, 10, 0));
	while (!count)
		pause();
	V(count);
	R(syscall(SYS_timer_delete, other));
	((int *)&e)[4] = 1;
	R(raw_create(CLOCK_MONOTONIC, &e, &other));
	((int *)&e)[4] = 999999;
	R(raw_create(CLOCK_MONOTONIC, &e, &other));

	e.sigev_notify = SIGEV_SIGNAL;
	e.sigev_signo = 65;
	R(raw_create(CLOCK_MONOTONIC, &e, &other));
	e.sigev_signo = 0;
	R(raw_create(CLOCK_MONOTONIC, &e, &other));
	e.sigev_notify = 3;
	R(raw_create(CLOCK_MONOTONIC, &e, &other));
	R(raw_create(CLOCK_MONOTONIC_RAW, NULL, &other));
	R(raw_create(99, NULL, &other));
	R(raw_create(CLOCK_MONOTONIC, NULL, (int *)8));
	R(raw_create(CLOCK_MONOTONIC, (struct sigevent *)8, &other));
	R(raw_create(CLOCK_MONOTONIC_RAW, (struct sigevent *)8, &other));
	R(raw_create(99, (struct sigevent *)8, &other));
	R(raw_create(99, NULL, (int *)8));
	R(syscall(SYS_timer_gettime, 12345, &s));
	R(syscall(SYS_timer_getoverrun, -1));
	s = (struct itimerspec){ { 0, 0 }, { 1, 1000000000 } };
	R(syscall(SYS_timer_settime, id, 0, &s, NULL));
	s = (struct itimerspec){ { 0, 0 }, { 0, 1 } };
	count = 0;
	R(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &s, &s)); /* long past: it fires at once */
	while (!count) /* but its interrupt may take its time, and is not to come while a child is waited for */
		sched_yield();

	/* Neither a child nor a new program has them. */
	if (!fork()) {
		R(syscall(SYS_timer_gettime, id, &s));
		_exit(0);
	}
	wait(&status);
	if (!fork()) {
		char number[16];

		R(raw_create(CLOCK_MONOTONIC, NULL, &other));
		snprintf(number, sizeof(number), "%d", other);
		execl("/proc/self/exe", argv[0], number, NULL);
		execl(argv[0], argv[0], number, NULL);
		_exit(1);
	}
	wait(&status);
	V(status);
	(void)last;

	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 5));
	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_set, 1, 0, 5 << 13));
	R(syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	R(syscall(SYS_ioprio_set, 1, 0, 1));
	R(syscall(SYS_ioprio_set, 4, 0, 0));
	R(syscall(SYS_ioprio_set, 1, 999999, 0));
	R(syscall(SYS_ioprio_get, 1, 999999));
	R(syscall(SYS_ioprio_get, 0, 0));
	return 0;
}
