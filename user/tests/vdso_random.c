/* stage: 13; libc: musl; run: challenge */
/*
 * The vDSO's clocks by numbers drawn at random: a copy of its code beside a page of our own is asked, and its answer held against the same sum with the counter
 * read before and after. What the page cannot tell must be the kernel's own answer, and what it can must not be.
 */
#define _GNU_SOURCE
#include "vdso_copy.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

enum { TURNS = 400, COARSE = 4000000 };

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint64_t below(uint64_t n) { return draw() % n; }

/* What the clock shows when the counter stands at tsc. */
static uint64_t shows(const struct data *d, int clock, uint64_t tsc)
{
	uint64_t delta = tsc > d->base_tsc ? tsc - d->base_tsc : 0, ns = d->base_ns + (uint64_t)((unsigned __int128)delta * d->mult >> d->shift);

	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		ns -= ns % COARSE;
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)
		ns += d->realtime_offset_ns;
	return ns;
}

static struct data numbers(void)
{
	struct data d = { .seq = (uint32_t)draw() & ~1u, .shift = 8 + (uint32_t)below(40) };
	uint64_t now = __rdtsc();

	d.mult = (1ull << d.shift) / 64 + below((1ull << d.shift) * 4); /* from far below a nanosecond a tick to four */
	switch (below(4)) {
	case 0: d.base_tsc = now - below(now); break;
	case 1: d.base_tsc = now - below(100000); break;
	case 2: d.base_tsc = now + 100000000 + below(1ull << 40); break; /* the counter stands before it: CPUs differ */
	default: d.base_tsc = 0; break;
	}
	d.base_ns = below(4) ? below(1ull << 56) : below(2000000000);
	d.realtime_offset_ns = below(4) ? 1600000000000000000u + below(1ull << 62) : below(3) * 1000000000 + 999999990 + below(20);
	if (!below(4)) { /* a clock that stands: at a second's end, or a tick's, or right beside it */
		d.mult = 0;
		d.base_ns = (1 + below(1000)) * (below(2) ? 1000000000u : COARSE) - 1 + below(3);
		d.realtime_offset_ns -= below(2) ? d.realtime_offset_ns % 1000000000 : 0;
	}
	return d;
}

static int known(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_TAI };

	for (int turn = 0; turn < TURNS; turn++) {
		int clock = clocks[below(sizeof(clocks) / sizeof(clocks[0]))];
		struct timespec t = { -1, -1 };
		struct data d = numbers(), after;

		*(struct data *)data = d;
		uint64_t before = __rdtsc();
		int result = clock_of_copy(clock, &t);
		uint64_t least = shows(&d, clock, before), most = shows(&d, clock, __rdtsc()), answer = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		after = *(struct data *)data;
		if (result == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000 && answer >= least && answer <= most && !memcmp(&after, &d, sizeof(d)))
			continue;
		printf("clock %d: result %d, %lld s %ld ns, which is %lld ns too early or %lld too late\n", clock, result, (long long)t.tv_sec, t.tv_nsec,
		       (long long)(answer < least ? least - answer : 0), (long long)(answer > most ? answer - most : 0));
		printf("by base_tsc %llu (the counter: %llu), mult %llu, shift %u, base_ns %llu, offset %llu\n", (unsigned long long)d.base_tsc, (unsigned long long)before,
		       (unsigned long long)d.mult, d.shift, (unsigned long long)d.base_ns, (unsigned long long)d.realtime_offset_ns);
		return 1;
	}
	return 0;
}

/* Clocks of which the page says nothing: also the CPU clocks of others, which have negative numbers, and what is no clock at all. */
static int unknown(void)
{
	int of_us = (int)(~(unsigned)getpid() << 3 | 2), bad = 0;
	int clocks[] = { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, of_us, 10, 12, 99, -1, 1 << 30 };

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct timespec a = { 0, 0 }, t = { 0, 0 }, b = { 0, 0 };
		long before = syscall(SYS_clock_gettime, clocks[i], &a) ? -errno : 0;
		int result = clock_of_copy(clocks[i], &t);

		syscall(SYS_clock_gettime, clocks[i], &b);
		if (result == before && (a.tv_sec < t.tv_sec || (a.tv_sec == t.tv_sec && a.tv_nsec <= t.tv_nsec)) && (t.tv_sec < b.tv_sec || (t.tv_sec == b.tv_sec && t.tv_nsec <= b.tv_nsec)))
			continue;
		printf("clock %d: result %d, %lld s %ld ns, but the kernel says %ld\n", clocks[i], result, (long long)t.tv_sec, t.tv_nsec, before);
		bad = 1;
	}
	return bad;
}

int main(void)
{
	char *seed_word = getenv("SEED");

	seed ^= seed_word ? strtoull(seed_word, NULL, 10) * 0x9e3779b97f4a7c15u : 0;
	for (int i = 0; i < 10; i++)
		draw();
	copy_the_vdso();
	return known() | unknown();
}
