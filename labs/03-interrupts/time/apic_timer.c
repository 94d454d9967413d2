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
