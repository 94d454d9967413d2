/* What the vDSO exports (vdso(7)), all on top of the clock. */
#include "distro/vdso_code.h"

struct vdso_timezone {
	s32 minutes_west, dst;
};
int __vdso_clock_gettime(int clock, struct abi_timespec *ts);
int __vdso_clock_getres(int clock, struct abi_timespec *ts);
int __vdso_gettimeofday(struct abi_timeval *tv, struct vdso_timezone *tz);
s64 __vdso_time(s64 *t);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

#define NR_GETTIMEOFDAY 96
#define NR_CLOCK_GETRES 229
#define NR_GETCPU 309

int __vdso_clock_gettime(int clock, struct abi_timespec *ts)
{
	return vdso_clock_gettime(clock, ts);
}

int __vdso_clock_getres(int clock, struct abi_timespec *ts)
{
	return vdso_syscall2(NR_CLOCK_GETRES, clock, (long)ts);
}

int __vdso_gettimeofday(struct abi_timeval *tv, struct vdso_timezone *tz)
{
	struct abi_timespec now;

	if (tz)
		return vdso_syscall2(NR_GETTIMEOFDAY, (long)tv, (long)tz);
	if (tv) {
		vdso_clock_gettime(CLOCK_REALTIME, &now);
		tv->sec = now.sec;
		tv->usec = (u64)now.nsec / NSEC_PER_USEC;
	}
	return 0;
}

s64 __vdso_time(s64 *t)
{
	struct abi_timespec now;

	vdso_clock_gettime(CLOCK_REALTIME, &now);
	if (t)
		*t = now.sec;
	return now.sec;
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	u32 low, high, number;

	(void)unused;
	if (!vdso_data.cpu_in_tsc_aux)
		return vdso_syscall2(NR_GETCPU, (long)cpu, (long)node);
	__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
	if (cpu)
		*cpu = number;
	if (node)
		*node = 0;
	return 0;
}

int clock_gettime(int, struct abi_timespec *) __attribute__((weak, alias("__vdso_clock_gettime")));
int clock_getres(int, struct abi_timespec *) __attribute__((weak, alias("__vdso_clock_getres")));
int gettimeofday(struct abi_timeval *, struct vdso_timezone *) __attribute__((weak, alias("__vdso_gettimeofday")));
s64 time(s64 *) __attribute__((weak, alias("__vdso_time")));
long getcpu(unsigned *, unsigned *, void *) __attribute__((weak, alias("__vdso_getcpu")));
