/* stage: 13; libc: musl; run: challenge */
/*
 * The vDSO's clock answers from one moment, whatever the kernel does to the numbers meanwhile. A copy of its code runs on a page of our own, one instruction at a
 * time; after the n-th the numbers change, for each n until the call is through before. A change takes its time too: between its two halves seq is odd, and no
 * answer may come by them.
 */
#define _GNU_SOURCE
#include "vdso_copy.h"

#include <signal.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#define TF 0x100
#define STEPS_MOST 2000
#define FAR 3000000000000000ull

static struct data old, new;
static volatile int step, change_at, through, asked;
static volatile int writing; /* steps that a change takes */
static volatile uint64_t began, ended; /* the counter at both ends of the change */

static uint64_t ns_at(const struct data *d, int clock, uint64_t tsc)
{
	uint64_t delta = tsc > d->base_tsc ? tsc - d->base_tsc : 0;

	uint64_t ns = d->base_ns + (uint64_t)((unsigned __int128)delta * d->mult >> d->shift);

	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		ns -= ns % 4000000; /* its ticks are those since boot */
	return ns + (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI ? d->realtime_offset_ns : 0);
}

static void on_step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const char *rip = (const char *)uc->uc_mcontext.gregs[REG_RIP];

	(void)signo;
	(void)info;
	if (rip < copy_code || rip >= copy_end)
		return;
	step++;
	if (rip[0] == 0x0f && rip[1] == 0x05) /* syscall */
		asked = step;
	if (step == change_at) {
		began = __rdtsc();
		data->seq++;
		data->mult = new.mult;
		data->base_ns = new.base_ns;
	}
	if (step == change_at + writing) {
		data->shift = new.shift;
		data->base_tsc = new.base_tsc;
		data->realtime_offset_ns = new.realtime_offset_ns;
		data->seq++;
		ended = __rdtsc();
	}
	if (step > STEPS_MOST) {
		printf("a change after instruction %d: no answer after %d more\n", change_at, STEPS_MOST - change_at);
		fflush(stdout);
		_exit(1);
	}
}

static int call_stepped(int clock, struct timespec *t)
{
	int result;

	__asm__ volatile("add $-128, %%rsp; pushfq; orl %0, (%%rsp); popfq; sub $-128, %%rsp" ::"i"(TF) : "memory", "cc");
	result = clock_of_copy(clock, t);
	__asm__ volatile("add $-128, %%rsp; pushfq; andl %0, (%%rsp); popfq; sub $-128, %%rsp" ::"i"(~TF) : "memory", "cc");
	return result;
}

/* Whether the answer, with a change after instruction n, is no moment's. */
static int wrong(int clock, int n)
{
	struct timespec t = { -1, -1 };
	uint64_t before, after, answer;
	int result, of_old, of_new;

	step = asked = 0;
	change_at = n;
	began = ended = 0;
	*(struct data *)data = old;
	before = __rdtsc();
	result = call_stepped(clock, &t);
	after = __rdtsc();
	through = step < n; /* it was through before */
	answer = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	/* The old numbers go with a counter from before the change, the new ones with one from behind it. A nanosecond for the rounding. */
	of_old = answer >= ns_at(&old, clock, before) && answer <= ns_at(&old, clock, began ? began : after) + 1;
	of_new = ended && answer + 1 >= ns_at(&new, clock, ended) && answer <= ns_at(&new, clock, after) + 1;
	/* Who does not wait for the end of a change for ever asks the kernel; who asks without need does not answer by the page. */
	if (result == 0 && (of_old || of_new || asked > n + 10))
		return 0;
	printf("clock %d, a change after instruction %d: %llu, neither of the old numbers' (%llu) nor of the new ones' (%llu)%s\n", clock, n, (unsigned long long)answer,
	       (unsigned long long)ns_at(&old, clock, after), (unsigned long long)ns_at(&new, clock, after), began && !ended ? ", in the middle of the change" : "");
	return 1;
}

int main(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_TAI };
	struct sigaction act = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	int bad = 0;

	copy_the_vdso();
	sigaction(SIGTRAP, &act, NULL);
	old = *(const struct data *)data;
	old.seq &= ~1u;
	old.base_ns += FAR / 3; /* not the kernel's */
	new = old;
	new.mult *= 2; /* the same speed, by other numbers */
	new.shift++;
	new.base_tsc += (__rdtsc() - old.base_tsc) / 2;
	new.base_ns += FAR;
	new.realtime_offset_ns += 5 * FAR;
	/* A change that takes longer than a call, and one that is over before the call's next step or two. */
	for (unsigned i = 0; i < 2 * sizeof(clocks) / sizeof(clocks[0]); i++) {
		through = 0;
		writing = i % 2 ? 1 : 60;
		for (int n = 1; !through && bad < 5; n++)
			bad += wrong(clocks[i / 2], n);
	}
	return bad != 0;
}
