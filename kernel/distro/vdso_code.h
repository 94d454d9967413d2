/*
 * The vDSO's own view: code that runs in user mode, inside a small shared object that the kernel maps into every program. It is compiled and linked apart
 * from the kernel and may use nothing of it but types.
 */
#ifndef VDSO_CODE_H
#define VDSO_CODE_H

#include "abi/errno.h"
#include "abi/time.h"
#include "core/types.h"

#define NSEC_PER_SEC 1000000000ul
#define NSEC_PER_USEC 1000ul
#define VDSO_COARSE_NS 4000000ul /* the step of the coarse clocks: TIME_COARSE_NS of the kernel */

/*
 * The page that lies right before the vDSO, written by the kernel, read-only here.
 *
 *	ns since boot = base_ns + ((tsc - base_tsc) * mult >> shift)	the product has 128 bits; a tsc before base_tsc counts as base_tsc
 *	ns since 1970 = ns since boot + realtime_offset_ns
 *
 * seq is odd while the kernel writes. What was read between two looks at seq is good if both saw the same even number.
 */
struct vdso_data {
	u32 seq;
	u32 shift;
	u64 mult, base_tsc, base_ns, realtime_offset_ns;
	u32 cpu_in_tsc_aux; /* RDTSCP tells the number of the CPU */
};
extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

/* Student's (distro/vdso_clock.c): clock_gettime(2) without a system call where it can be done. 0, or -errno. */
long vdso_clock_gettime(int clock, struct abi_timespec *ts) __attribute__((visibility("hidden")));

/* The time stamp counter, not read before earlier loads are done (SDM vol. 2, RDTSC). */
static inline u64 vdso_rdtsc(void)
{
	u32 low, high;
	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

/* For clocks that only the kernel knows. */
static inline long vdso_syscall2(long nr, long a, long b)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}
#define VDSO_NR_CLOCK_GETTIME 228

/* What is not written yet is found in the image by the kernel, which says so and stops at start-up. */
#define VDSO_TODO_MARK "vDSO to do: "
#define VDSO_TEXT_(x) #x
#define VDSO_TEXT(x) VDSO_TEXT_(x)
#define TODO(chapter) \
	do { \
		static const char mark_[] __attribute__((used)) = VDSO_TODO_MARK chapter "\0" __FILE__ "\0" VDSO_TEXT(__LINE__); \
		__builtin_trap(); \
	} while (0)

#endif
