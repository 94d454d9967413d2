/* stage: 07; libc: musl; run: host+guest
 * alarm, setitimer, nanosleep, clock_nanosleep, POSIX timers, the clocks. */
#include "t.h"

static volatile int alarms, virtuals, profs;

static void on_alarm(int sig)
{
	if (sig == SIGALRM)
		alarms++;
	else if (sig == SIGVTALRM)
		virtuals++;
	else
		profs++;
}

static void spin(long ms)
{
	struct timespec ts;
	long start;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	start = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	do {
		/* Mostly in user mode: that is where a timer of virtual time runs. */
		for (volatile int i = 0; i < 20000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	} while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - start < ms);
}

int main(void)
{
	struct itimerval timer, old;
	struct timespec ts, res, left;
	struct timeval tv;
	long start;

	catch(SIGALRM, on_alarm, SA_RESTART);
	catch(SIGVTALRM, on_alarm, SA_RESTART);
	catch(SIGPROF, on_alarm, SA_RESTART);

	R(alarm(100));
	R(alarm(0));
	R(alarm(0));
	start = now_ms();
	R(alarm(1));
	R(pause());
	T(now_ms() - start >= 990 && now_ms() - start < 3000);
	V(alarms);

	timer = (struct itimerval){ { 0, 20000 }, { 0, 20000 } };
	alarms = 0;
	start = now_ms();
	R(setitimer(ITIMER_REAL, &timer, NULL));
	while (alarms < 5)
		pause();
	T(now_ms() - start >= 99);
	R(getitimer(ITIMER_REAL, &old));
	T(old.it_interval.tv_usec == 20000 && old.it_value.tv_usec <= 20000);
	timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	R(setitimer(ITIMER_REAL, &timer, &old));
	T(old.it_interval.tv_usec == 20000);
	R(getitimer(ITIMER_REAL, &old));
	V(old.it_value.tv_usec);
	timer.it_value.tv_usec = 1000000;
	R(setitimer(ITIMER_REAL, &timer, NULL));
	timer.it_value.tv_usec = -1;
	R(setitimer(ITIMER_REAL, &timer, NULL));
	timer.it_value.tv_usec = 10000;
	R(setitimer(9, &timer, NULL));
	R(getitimer(9, &timer));
	R(SYS(setitimer, ITIMER_REAL, (void *)8, NULL));
	R(SYS(getitimer, ITIMER_REAL, (void *)8));

	/* Timers of processor time. */
	timer = (struct itimerval){ { 0, 0 }, { 0, 30000 } };
	R(setitimer(ITIMER_VIRTUAL, &timer, NULL));
	nap(80);
	V(virtuals);
	spin(400);
	V(virtuals);
	R(setitimer(ITIMER_PROF, &timer, NULL));
	spin(400);
	V(profs);

	/* A child inherits no timer; exec is not needed to see it. */
	timer = (struct itimerval){ { 0, 0 }, { 1, 0 } };
	setitimer(ITIMER_REAL, &timer, NULL);
	IN_CHILD("fork") {
		getitimer(ITIMER_REAL, &old);
		V(old.it_value.tv_sec + old.it_value.tv_usec);
	}
	alarm(0);

	/* nanosleep. */
	ts = (struct timespec){ 0, 30000000 };
	start = now_ms();
	R(nanosleep(&ts, NULL));
	T(now_ms() - start >= 29);
	ts = (struct timespec){ 0, 1000000000 };
	R(nanosleep(&ts, NULL));
	ts = (struct timespec){ -1, 0 };
	R(nanosleep(&ts, NULL));
	ts = (struct timespec){ 0, 0 };
	R(nanosleep(&ts, NULL));
	R(nanosleep((void *)8, NULL));

	/* Until a moment: one that has gone is no wait. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 40000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	start = now_ms();
	R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	T(now_ms() - start >= 39);
	R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	ts.tv_sec = 0;
	R(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL));
	ts = (struct timespec){ 0, 1000 };
	R(SYS(clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL));
	R(SYS(clock_nanosleep, 99, 0, &ts, NULL));
	R(SYS(clock_nanosleep, CLOCK_MONOTONIC, 0, (void *)8, NULL));
	alarms = 0;
	timer = (struct itimerval){ { 0, 0 }, { 0, 30000 } };
	setitimer(ITIMER_REAL, &timer, NULL);
	ts = (struct timespec){ 5, 0 };
	left = (struct timespec){ 0, 0 };
	R(SYS(clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &left));
	T(left.tv_sec == 4);

	/* Clocks. */
	R(clock_getres(CLOCK_MONOTONIC, &res));
	T(res.tv_sec == 0 && res.tv_nsec >= 1);
	R(clock_gettime(CLOCK_REALTIME, &ts));
	T(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	R(gettimeofday(&tv, NULL));
	T(tv.tv_sec >= ts.tv_sec && tv.tv_sec - ts.tv_sec < 3);
	T(time(NULL) - tv.tv_sec < 3);
	R(clock_gettime(CLOCK_BOOTTIME, &ts));
	R(clock_gettime(CLOCK_MONOTONIC_RAW, &ts));
	R(clock_gettime(CLOCK_REALTIME_COARSE, &ts));
	R(clock_gettime(CLOCK_MONOTONIC_COARSE, &ts));
	R(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	R(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	R(SYS(clock_gettime, 99, &ts));
	R(SYS(clock_gettime, CLOCK_REALTIME, (void *)8));
	{
		struct timespec a, b;
		int backwards = 0;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < 20000; i++) {
			clock_gettime(CLOCK_MONOTONIC, &b);
			backwards += b.tv_sec < a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec < a.tv_nsec);
			a = b;
		}
		V(backwards);
	}
	return 0;
}
