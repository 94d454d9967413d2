/*
 * clock_gettime without the kernel: the fast way to ask what time it is.
 *
 * A system call costs more than the answer. So the kernel shows programs how it computes the time (vdso_code.h), and this code, mapped into each of them,
 * does the same sum in user mode.
 *
 * The kernel may change the numbers at any moment, on another CPU or between two instructions of ours. Nobody can lock here: a program must not be able to
 * make the kernel wait. A sequence lock needs no help from the reader: the writer makes seq odd, writes, makes it even again; the reader tries again when
 * it saw an odd number, or not the same one before and after.
 */
#include "distro/vdso_code.h"

#ifdef SOLUTION
/* Nanoseconds since boot; *offset is what makes real time of it. Both from one moment. */
static u64 read_clock(u64 *offset)
{
	const volatile struct vdso_data *d = &vdso_data;
	u32 seq;
	u64 ns, delta;

	do {
		while ((seq = __atomic_load_n(&d->seq, __ATOMIC_ACQUIRE)) & 1)
			__asm__ volatile("pause");
		delta = vdso_rdtsc() - d->base_tsc;
		if ((s64)delta < 0)
			delta = 0;
		ns = d->base_ns + (u64)((unsigned __int128)delta * d->mult >> d->shift);
		*offset = d->realtime_offset_ns;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&d->seq, __ATOMIC_RELAXED) != seq);
	return ns;
}

long vdso_clock_gettime(int clock, struct abi_timespec *ts)
{
	u64 offset, ns;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		ns = read_clock(&offset);
		ns += offset;
		break;
	case CLOCK_REALTIME_COARSE:
		ns = read_clock(&offset);
		ns -= ns % VDSO_COARSE_NS;
		ns += offset;
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
		ns = read_clock(&offset);
		break;
	case CLOCK_MONOTONIC_COARSE:
		ns = read_clock(&offset);
		ns -= ns % VDSO_COARSE_NS;
		break;
	default:
		return vdso_syscall2(VDSO_NR_CLOCK_GETTIME, clock, (long)ts);
	}
	ts->sec = ns / NSEC_PER_SEC;
	ts->nsec = ns % NSEC_PER_SEC;
	return 0;
}
#else
long vdso_clock_gettime(int clock, struct abi_timespec *ts)
{
	(void)clock;
	(void)ts;
	TODO("13-alpine");
}
#endif
