/* stage: 09; libc: musl; run: host+guest
 * POSIX timers on clocks of CPU time: of the process, of a thread; they stand still while nobody runs. What is to stand still has long times, for a busy
 * host's pauses count as the guest's work. */
#include "t.h"
#include <pthread.h>

static volatile int ticks, overruns;
static void *last;

static void on_timer(int sig UNUSED, siginfo_t *info, void *context UNUSED)
{
	ticks++;
	last = info->si_value.sival_ptr;
	overruns += info->si_overrun;
	if (info->si_code != SI_TIMER)
		ticks += 1000;
}

/* Runs until so much time of the processor is used up, or the timer told `want` times. */
static void spin(clockid_t clock, long ms, int want)
{
	struct timespec ts;
	long start;

	clock_gettime(clock, &ts);
	start = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	do {
		for (volatile int i = 0; i < 5000; i++)
			;
		clock_gettime(clock, &ts);
	} while (ticks < want && ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - start < ms);
}

static void one_clock(const char *name, clockid_t clock, clockid_t spent)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct itimerspec set = { { 0, 0 }, { 0, 500000000 } }, left;
	timer_t timer;

	say("-- %s\n", name);
	ticks = overruns = 0;
	event.sigev_value.sival_ptr = (void *)&event;
	if (OK(timer_create(clock, &event, &timer)) < 0)
		return;
	R(timer_gettime(timer, &left));
	T(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	R(timer_settime(timer, 0, &set, NULL));
	nap(600);
	V(ticks);
	R(timer_gettime(timer, &left));
	T(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 500000000);
	spin(spent, 5000, 1);
	V(ticks);
	spin(spent, 150, 2);
	V(ticks);
	T(last == &event);
	R(timer_gettime(timer, &left));
	T(left.it_value.tv_nsec == 0);

	/* Again and again; and with the signal held back, what is missed is counted. */
	set.it_interval.tv_nsec = 10000000;
	ticks = 0;
	R(timer_settime(timer, 0, &set, NULL));
	spin(spent, 5000, 4);
	T(ticks >= 4);
	sigset_t mask, old;
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &mask, &old);
	ticks = overruns = 0;
	spin(spent, 150, 1);
	V(ticks);
	sigprocmask(SIG_SETMASK, &old, NULL);
	T(ticks >= 1);
	T(overruns >= 5);
	set.it_value.tv_nsec = 0;
	R(timer_settime(timer, 0, &set, &left));
	T(left.it_interval.tv_nsec == 10000000);

	/* A point in time that is over. */
	ticks = 0;
	set = (struct itimerspec){ { 0, 0 }, { 0, 1 } };
	R(timer_settime(timer, TIMER_ABSTIME, &set, NULL));
	spin(spent, 5000, 1);
	V(ticks);
	set.it_value.tv_sec = 1000;
	R(timer_settime(timer, 0, &set, NULL));
	R(timer_delete(timer));
	T(timer_delete(timer) != 0);
}

static void *other(void *arg UNUSED)
{
	spin(CLOCK_THREAD_CPUTIME_ID, 1200, 1000);
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO };
	clockid_t own = (clockid_t)((unsigned)~getpid() << 3 | 2), thread = (clockid_t)((unsigned)~(int)SYS(gettid) << 3 | 6);
	struct itimerspec set = { { 0, 0 }, { 1, 0 } };
	timer_t timer;
	pthread_t helper;

	sigaction(SIGRTMIN, &action, NULL);
	one_clock("process", CLOCK_PROCESS_CPUTIME_ID, CLOCK_PROCESS_CPUTIME_ID);
	one_clock("thread", CLOCK_THREAD_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID);
	one_clock("process by number", own, CLOCK_PROCESS_CPUTIME_ID);
	one_clock("thread by number", thread, CLOCK_THREAD_CPUTIME_ID);

	/* What another thread uses is the process's, not this thread's. */
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	ticks = 0;
	R(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer));
	R(timer_settime(timer, 0, &set, NULL));
	pthread_create(&helper, NULL, other, NULL);
	pthread_join(helper, NULL);
	V(ticks);
	R(timer_delete(timer));
	ticks = 0;
	R(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
	R(timer_settime(timer, 0, &set, NULL));
	pthread_create(&helper, NULL, other, NULL);
	pthread_join(helper, NULL);
	V(ticks);
	R(timer_delete(timer));

	int id;
	R(SYS(timer_create, (int)((unsigned)~999999 << 3 | 2), &event, &id));
	R(SYS(timer_create, (int)((unsigned)~getpid() << 3 | 3), &event, &id));
	R(SYS(timer_create, CLOCK_MONOTONIC_RAW, &event, &id));
	return 0;
}
