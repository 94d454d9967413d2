/* stage: 13; libc: musl; run: challenge */
/*
 * Lab 13's optional challenge `no-endless-wait`: the vDSO's clock does not wait for ever for a writer that has stopped; it asks the kernel then.
 */
#define _GNU_SOURCE
#include "vdso_copy.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define FAR 1000000000000000ull /* ns: eleven days that the kernel does not know of */

static const char *doing;

static void too_long(int signo)
{
	(void)signo;
	printf("%s: it waits for ever\n", doing);
	fflush(stdout);
	_exit(1);
}

static uint64_t ns(struct timespec t) { return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec; }

static uint64_t kernel_says(int clock)
{
	struct timespec t;
	syscall(SYS_clock_gettime, clock, &t);
	return ns(t);
}

/* Whether the copy's answer lies `ahead` of the kernel's. */
static int wrong(const char *what, int clock, uint64_t ahead)
{
	struct timespec t = { -1, -1 };
	struct itimerval limit = { .it_value.tv_usec = 50000 }, off = { 0 };
	uint64_t before, after;
	int result;

	doing = what;
	before = kernel_says(clock);
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
	result = clock_of_copy(clock, &t);
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	after = kernel_says(clock);
	if (result == 0 && ns(t) + 2000 >= before + ahead && ns(t) <= after + ahead + 2000 && t.tv_nsec < 1000000000)
		return 0;
	printf("%s, clock %d: result %d, %lld ns from what the kernel says\n", what, clock, result, (long long)(ns(t) - before));
	return 1;
}

int main(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct data good;
	int bad = 0;

	copy_the_vdso();
	signal(SIGVTALRM, too_long);
	good = *(const struct data *)data;
	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		data->seq = good.seq & ~1u;
		data->base_ns = good.base_ns;
		bad += wrong("a copy of the page", clocks[i], 0);
		data->base_ns = good.base_ns + FAR;
		bad += wrong("a page of our own", clocks[i], FAR); /* so it is the page that is asked */
		data->seq |= 1;
		bad += wrong("a writer that has stopped", clocks[i], 0);
		data->seq++;
		bad += wrong("a writer that is through", clocks[i], FAR);
	}
	return bad != 0;
}
