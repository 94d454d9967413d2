/*
 * How fast the TSC runs: it is read beside a counter of known frequency at the start and at the end of some milliseconds.
 *
 * Between the two reads of a pair anything may happen (under an emulator this CPU may be put off for milliseconds). So each pair is taken several times,
 * between two reads of the TSC, and the tightest one counts.
 */
#include "acpi/acpi.h"
#include "core/atomic.h"
#include "core/boot_clock.h"
#include "core/cpu.h"
#include "mm/pagetable.h"
#include "time_priv.h"

#define PM_TIMER_HZ 3579545ul
#define CALIBRATION_NS (10 * NSEC_PER_MSEC)
#define TRIES 8
#define SPIN 5000 /* rounds between two looks at the counter while time passes: far below CALIBRATION_NS */

enum { HPET_CAPABILITIES = 0, HPET_CONFIG = 0x10 / 8, HPET_COUNTER = 0xf0 / 8 };
static volatile u64 *hpet;

struct counter {
	u64 (*read)(void);
	u64 hz, mask;
};
struct sample {
	u64 tsc, count;
};

static u64 read_pm_timer(void)
{
	return inl((u16)acpi.pm_timer_port);
}

static u64 read_hpet(void)
{
	return hpet[HPET_COUNTER];
}

static struct sample take(const struct counter *c)
{
	struct sample best = { 0, 0 };
	u64 best_width = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		u64 before = rdtsc();
		u64 count = c->read();
		u64 after = rdtsc();
		if (after - before < best_width) {
			best_width = after - before;
			best = (struct sample){ before + best_width / 2, count };
		}
	}
	return best;
}

/* a * b / c with the product in 128 bits; the quotient must fit in 64. */
static u64 mul_div(u64 a, u64 b, u64 c)
{
	u64 low, high;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"(b) : "cc");
	__asm__("divq %2" : "+a"(low), "+d"(high) : "r"(c) : "cc");
	return low;
}

static u64 measure(const struct counter *c)
{
	struct sample a = take(c), b;
	u64 wanted = c->hz / (NSEC_PER_SEC / CALIBRATION_NS), counted = 0;
	u64 give_up = a.tsc + 40 * (boot_clock_hz / (NSEC_PER_SEC / CALIBRATION_NS));

	/* A counter that stands still must not hold the boot up. */
	while (counted < wanted) {
		cpu_spin(SPIN);
		counted = (c->read() - a.count) & c->mask;
		if (rdtsc() > give_up && !counted)
			return 0;
	}
	b = take(c);
	counted = (b.count - a.count) & c->mask;
	return mul_div(b.tsc - a.tsc, c->hz, counted);
}

static bool hpet_start(struct counter *c)
{
	u64 period;

	if (!acpi.hpet_base || !(hpet = kmap_device(acpi.hpet_base, 4096)))
		return false;
	period = hpet[HPET_CAPABILITIES] >> 32; /* femtoseconds */
	if (!period || period > 100000000)
		return false;
	hpet[HPET_CONFIG] |= 1;
	*c = (struct counter){ .read = read_hpet, .hz = 1000000000000000ul / period,
			       .mask = hpet[HPET_CAPABILITIES] & 1u << 13 ? UINT64_MAX : UINT32_MAX };
	return true;
}

u64 tsc_calibrate(void)
{
	struct counter c;
	u64 hz = 0;
	u32 r[4];

	cpuid(0, 0, r);
	if (r[0] >= 0x15) {
		cpuid(0x15, 0, r);
		if (r[0] && r[1] && r[2])
			return (u64)r[2] * r[1] / r[0];
	}
	if (hpet_start(&c))
		hz = measure(&c);
	if (!hz && acpi.pm_timer_port) {
		c = (struct counter){ .read = read_pm_timer, .hz = PM_TIMER_HZ, .mask = acpi.pm_timer_32bit ? UINT32_MAX : 0xffffff };
		hz = measure(&c);
	}
	return hz ? hz : boot_clock_hz;
}
