/* stage: 13; libc: musl; run: host+guest
 * The clocks that the vDSO answers, held against the kernel's own call: the same time, in seconds and nanoseconds as they should be, never backwards. */
#include "t.h"
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static int64_t ns_of(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

static int64_t kernel_says(int clock)
{
	struct timespec t = { 0, 0 };

	SYS(clock_gettime, clock, &t);
	return ns_of(t);
}

static int64_t vdso_says(int clock, bool *whole)
{
	struct timespec t = { -1, -1 };

	*whole &= clock_gettime(clock, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000 && t.tv_sec >= 0;
	return ns_of(t);
}

int main(void)
{
	static const struct {
		const char *name;
		int clock, precise;
	} clocks[] = {
		{ "REALTIME", CLOCK_REALTIME, CLOCK_REALTIME }, { "MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC }, { "BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME },
		{ "MONOTONIC_RAW", CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_RAW }, { "REALTIME_COARSE", CLOCK_REALTIME_COARSE, CLOCK_REALTIME },
		{ "MONOTONIC_COARSE", CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC }, { "TAI", CLOCK_TAI, CLOCK_TAI },
	};
	struct timespec pause = { 0, 37000000 }, t;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		bool whole = true, agrees = true, forward = true;
		int slack = clocks[i].clock == clocks[i].precise ? 2000 : 50000000; /* a coarse clock stands still between ticks */
		int64_t last = 0;

		for (int step = 0; step < 30; step++) {
			int64_t before = kernel_says(clocks[i].precise);
			for (int n = 0; n < 50; n++) {
				int64_t now = vdso_says(clocks[i].clock, &whole);
				forward &= now >= last;
				last = now;
			}
			int64_t after = kernel_says(clocks[i].precise);
			agrees &= last >= before - slack && last <= after + slack;
			nanosleep(&pause, NULL);
		}
		say("%s: whole %d, agrees %d, forward %d\n", clocks[i].name, whole, agrees, forward);
	}
	/* The coarse clocks are the kernel's own, tick by tick: never behind or ahead of what a call would say. */
	for (int k = 0; k < 2; k++) {
		int clock = k ? CLOCK_MONOTONIC_COARSE : CLOCK_REALTIME_COARSE, ticks = 0;
		bool whole = true, same = true;
		int64_t last = 0;

		for (int n = 0; n < 3000; n++) {
			int64_t before = kernel_says(clock), now = vdso_says(clock, &whole), after = kernel_says(clock);
			same &= before <= now && now <= after;
			ticks += now != last;
			last = now;
		}
		say("%s: as the kernel's %d, stands still %d\n", k ? "MONOTONIC_COARSE" : "REALTIME_COARSE", same, ticks < 1500);
	}
	/* What it does not know it leaves to the kernel. */
	say("process: %d\n", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0 && t.tv_sec >= 0 && t.tv_sec < 60);
	say("thread: %d\n", clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0 && t.tv_sec >= 0 && t.tv_sec < 60);
	R(clock_gettime(99, &t));
	return 0;
}
