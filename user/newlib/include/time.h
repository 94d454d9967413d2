/* newlib declares nanosleep() and clock_gettime() only for systems that it knows. */
#ifndef SWITCHBACK_TIME_H
#define SWITCHBACK_TIME_H

#include_next <time.h>

int nanosleep(const struct timespec *want, struct timespec *left);
int clock_gettime(clockid_t clock, struct timespec *ts);

#ifndef CLOCK_REALTIME
#define CLOCK_REALTIME ((clockid_t)1)
#endif
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC ((clockid_t)4)
#endif

#endif
