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

long vdso_clock_gettime(int clock, struct abi_timespec *ts)
{
	(void)clock;
	(void)ts;
	TODO("13-alpine");
}
