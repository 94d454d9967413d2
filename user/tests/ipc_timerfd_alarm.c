/* stage: 09; libc: musl; run: guest+golden
 * timerfd, and timers and sleeps, on the clocks that may wake the machine: CAP_WAKE_ALARM when it is made, and again when it is set. */
#include "t.h"

#include <signal.h>
#include <sys/timerfd.h>

int main(void)
{
	struct itimerspec set = { .it_value.tv_sec = 1000 }, now;
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int id, fd = timerfd_create(CLOCK_BOOTTIME_ALARM, 0), plain = timerfd_create(CLOCK_BOOTTIME, 0);

	T(fd >= 0);
	R(timerfd_settime(fd, 0, &set, NULL));
	R(setresuid(1000, 1000, 1000));
	R(timerfd_create(CLOCK_REALTIME_ALARM, 0));
	R(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
	R(timerfd_create(CLOCK_BOOTTIME_ALARM, 1));
	R(timerfd_settime(fd, 0, &set, NULL));
	R(timerfd_settime(fd, 8, &set, NULL));
	R(timerfd_settime(99, 0, &set, NULL));
	R(timerfd_gettime(fd, &now));
	R(timerfd_settime(plain, 0, &set, NULL));
	R(SYS(timer_create, CLOCK_REALTIME_ALARM, &event, &id));
	R(SYS(timer_create, CLOCK_BOOTTIME_ALARM, &event, (void *)8));
	R(SYS(clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, &set.it_interval, NULL));
	R(SYS(clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, (void *)8, NULL));
	return 0;
}
