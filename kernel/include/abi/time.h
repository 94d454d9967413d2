/* Times and clocks, Linux x86-64. */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include <stdint.h>

struct abi_timespec {
	int64_t sec, nsec;
};
struct abi_timeval {
	int64_t sec, usec;
};
struct abi_itimerspec {
	struct abi_timespec interval, value;
};
struct abi_itimerval {
	struct abi_timeval interval, value;
};
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define CLOCK_TAI 11
#define TIMER_ABSTIME 1
#define ITIMER_REAL 0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF 2
#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define USER_HZ 100

#endif
