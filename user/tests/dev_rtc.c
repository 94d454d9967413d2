/* stage: 12; libc: musl; run: guest+golden
 * The battery-backed clock: who may open, read and set it; dates that are none. */
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define RTC_RD_TIME 0x80247009
#define RTC_SET_TIME 0x4024700a
struct rtc_time {
	int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst;
};

static int rtc;

static void set(int year, int month, int day, int hour, int min, int sec)
{
	struct rtc_time t = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = min, .tm_sec = sec };
	struct rtc_time now;
	long r = ioctl(rtc, RTC_SET_TIME, &t);

	say("set %d-%d-%d %d:%d:%d: %s", year, month, day, hour, min, sec, r ? errname(errno) : "ok");
	if (!r && ioctl(rtc, RTC_RD_TIME, &now) == 0) {
		/* It may tick in between. */
		now.tm_sec -= now.tm_sec > sec && now.tm_sec <= sec + 20 ? now.tm_sec - sec : 0;
		say(", then %d-%d-%d %d:%d:%d", now.tm_year + 1900, now.tm_mon + 1, now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec);
	}
	say("\n");
}

int main(void)
{
	struct rtc_time was, now;
	struct timespec real;
	struct pollfd p;
	struct stat st;
	struct tm tm = { 0 };
	char buf[16];

	alarm(20);
	NEED(stat("/dev/rtc0", &st) == 0);
	say("mode %o, minor %d\n", st.st_mode, minor(st.st_rdev));
	T(access("/dev/rtc", F_OK) == 0);
	NEED((rtc = open("/dev/rtc0", O_RDONLY)) >= 0);
	R(open("/dev/rtc0", O_RDONLY));
	R(ioctl(rtc, RTC_RD_TIME, &was));
	clock_gettime(CLOCK_REALTIME, &real);
	T(was.tm_wday == 0 && was.tm_yday == 0 && was.tm_isdst == 0);
	T(was.tm_sec >= 0 && was.tm_sec < 60 && was.tm_min >= 0 && was.tm_min < 60 && was.tm_hour >= 0 && was.tm_hour < 24);
	tm.tm_year = was.tm_year, tm.tm_mon = was.tm_mon, tm.tm_mday = was.tm_mday, tm.tm_hour = was.tm_hour, tm.tm_min = was.tm_min, tm.tm_sec = was.tm_sec;
	T(timegm(&tm) > 1600000000);
	R(ioctl(rtc, RTC_RD_TIME, NULL));
	R(ioctl(rtc, RTC_SET_TIME, NULL));
	R(ioctl(rtc, 0x70ff, 0));
	R(ioctl(rtc, 0x5401, &now));
	set(2031, 1, 31, 23, 10, 5);
	set(2028, 2, 29, 0, 0, 7);
	set(2000, 2, 29, 12, 30, 9);
	set(1999, 12, 31, 11, 59, 10);
	set(2027, 2, 29, 0, 0, 0);
	set(2027, 4, 31, 0, 0, 0);
	set(2027, 0, 1, 0, 0, 0);
	set(2027, 13, 1, 0, 0, 0);
	set(2027, 1, 0, 0, 0, 0);
	set(2027, 1, 1, 24, 0, 0);
	set(2027, 1, 1, 0, 60, 0);
	set(2027, 1, 1, 0, 0, 60);
	set(1969, 12, 31, 0, 0, 0);
	set(2156, 1, 1, 0, 0, 0);
	R(ioctl(rtc, RTC_SET_TIME, &was));
	R(read(rtc, buf, 3));
	R(lseek(rtc, 0, SEEK_SET));
	R(write(rtc, "x", 1));
	p = (struct pollfd){ .fd = rtc, .events = POLLIN | POLLOUT };
	R(poll(&p, 1, 0));
	fcntl(rtc, F_SETFL, O_NONBLOCK);
	R(read(rtc, buf, 8));
	IN_CHILD("a user") {
		NEED(setuid(1000) == 0);
		R(ioctl(rtc, RTC_RD_TIME, &now));
		R(ioctl(rtc, RTC_SET_TIME, &was));
		R(open("/dev/rtc0", O_RDONLY));
	}
	close(rtc);
	NEED((rtc = open("/dev/rtc0", O_RDWR)) >= 0);
	R(write(rtc, "x", 1));
	return 0;
}
