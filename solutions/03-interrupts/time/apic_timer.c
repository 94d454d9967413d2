/*
 * The APIC timer: counts down to one interrupt (Intel SDM vol. 3, 11.5.4). Nobody says how fast it counts, so that is measured against time_ns().
 *
 *   deadline (ns) --> ticks from now, rounded up, 1 … what its 32 bits hold --> lapic_timer_oneshot
 *
 * Rounding up means that the interrupt is never early by rounding; for a deadline that is too far away it comes early, finds nothing due, and is set again.
 */
#include "time/time.h"

#include "core/err.h"
#include "irq/irq.h"

u64 apic_timer_hz;

#ifdef SOLUTION
#define MEASURE_NS (10 * NSEC_PER_MSEC)
#define MAX_TICKS 0xffffffffu

int apic_timer_calibrate(void)
{
	u64 start, end, ticks;

	lapic_timer_oneshot(MAX_TICKS);
	start = time_ns();
	do
		end = time_ns();
	while (end - start < MEASURE_NS);
	ticks = MAX_TICKS - lapic_timer_left();
	lapic_timer_oneshot(0);
	if (!ticks)
		return -ENODEV;
	apic_timer_hz = ticks * NSEC_PER_SEC / (end - start);
	return 0;
}

void apic_timer_set(u64 deadline)
{
	u64 now = time_ns(), ticks = 1;

	if (deadline == TIME_NEVER) {
		lapic_timer_oneshot(0);
		return;
	}
	if (deadline > now) {
		u64 ns = deadline - now;
		/* Past a minute the product might overflow, and the counter cannot hold it anyway. */
		if (ns > 60 * NSEC_PER_SEC)
			ns = 60 * NSEC_PER_SEC;
		ticks = ns * (apic_timer_hz / 1000) / (NSEC_PER_SEC / 1000) + 1;
		if (ticks > MAX_TICKS)
			ticks = MAX_TICKS;
	}
	lapic_timer_oneshot(ticks);
}

void timer_interrupt(void *arg __unused)
{
	apic_timer_set(timer_run_due(time_ns()));
}
#else
#include "core/todo.h"

/* Let it count down from its largest value for some milliseconds of time_ns(); from what is left follows apic_timer_hz. -ENODEV if it does not count. */
int apic_timer_calibrate(void)
{
	TODO("03-interrupts");
}

/* Ask for one interrupt at `deadline`: at least one tick, at most what the counter holds; TIME_NEVER stops the timer. Mind overflow. */
void apic_timer_set(u64 deadline)
{
	TODO("03-interrupts");
}

/* The interrupt: run the timers that are due, then set the deadline of the next. */
void timer_interrupt(void *arg)
{
	TODO("03-interrupts");
}
#endif
