/*
 * A clock before there is a clock: the TSC, whose frequency is taken from CPUID where it tells, else by 2 ms of the PIT's channel 2.
 * Good to about a percent, which is enough for the stamps of the log and the figures of the registry.
 */
#include "core/boot_clock.h"
#include "core/cpu.h"

#define PIT_HZ 1193182ul
#define SPIN 500 /* rounds between two looks at the PIT: a few microseconds at most */

u64 (*boot_clock_hook)(void);
u64 boot_clock_tsc_start, boot_clock_hz;

/* Channel 2 counts down once with its gate open; bit 5 of port 0x61 rises at the end. 0 if it never does. */
static u64 measure_by_pit(void)
{
	u32 count = PIT_HZ * 2 / 1000;
	u64 start, end;
	u32 spins = 0;

	outb(0x61, (inb(0x61) & ~2) | 1);
	outb(0x43, 0xb0);
	outb(0x42, count & 0xff);
	outb(0x42, count >> 8);
	start = rdtsc();
	while (!(inb(0x61) & 0x20)) {
		if (++spins > 1000000)
			return 0;
		cpu_spin(SPIN);
	}
	end = rdtsc();
	return (end - start) * PIT_HZ / count;
}

/* The firmware's tick, channel 0, goes on though nobody listens: who emulates it is woken by it dozens of times a second. In mode 0 it counts down once. */
static void stop_pit_tick(void)
{
	outb(0x43, 0x30);
	outb(0x40, 0);
	outb(0x40, 0);
}

void boot_clock_init(void)
{
	u32 r[4];

	stop_pit_tick();
	boot_clock_tsc_start = rdtsc();
	cpuid(0, 0, r);
	if (r[0] >= 0x15) {
		cpuid(0x15, 0, r);
		if (r[0] && r[1] && r[2]) {
			boot_clock_hz = (u64)r[2] * r[1] / r[0];
			return;
		}
	}
	boot_clock_hz = measure_by_pit();
	if (!boot_clock_hz)
		boot_clock_hz = 1000000000;
}

u64 boot_clock_ns(void)
{
	if (boot_clock_hook)
		return boot_clock_hook();
	if (!boot_clock_hz)
		return 0;
	u64 d = rdtsc() - boot_clock_tsc_start;
	return d / boot_clock_hz * 1000000000 + d % boot_clock_hz * 1000000000 / boot_clock_hz;
}
