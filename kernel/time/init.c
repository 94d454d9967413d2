/* The start of time: the TSC's speed, the clocks, the APIC timer; and the destination of stage 03. */
#include "core/cpu.h"
#include "core/err.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/verdict.h"
#include "irq/irq.h"
#include "time_priv.h"

u64 time_tick_ns = 4 * NSEC_PER_MSEC;

static int time_init(void)
{
	u64 hz = tsc_calibrate();
	int err;

	if (!hz)
		return -ENODEV;
	clock_start(hz);
	/* While it is measured the timer must not interrupt: it has no handler yet. */
	err = apic_timer_calibrate();
	if (err < 0)
		return err;
	ipi_register(VECTOR_TIMER, timer_interrupt);
	timer_cpu_init();
	printk("time: TSC %lu.%03lu MHz, APIC timer %lu.%03lu MHz\n", tsc_hz / 1000000, tsc_hz / 1000 % 1000, apic_timer_hz / 1000000,
	       apic_timer_hz / 1000 % 1000);
	return 0;
}
SUBSYSTEM(time, .needs = "mm acpi irq", .init = time_init, .stage = "03-interrupts");

#define SHOW_TICKS 10
#define SHOW_INTERVAL (10 * NSEC_PER_MSEC)

static struct {
	volatile u32 ticks;
	u64 next, worst;
} show;

static void show_tick(struct timer *t)
{
	u64 late = time_ns() - t->deadline;

	if (late > show.worst)
		show.worst = late;
	show.next += SHOW_INTERVAL;
	if (++show.ticks < SHOW_TICKS)
		timer_start(t, show.next);
}

static void show_ticks(void)
{
	static struct timer t;
	u64 start = time_ns();

	timer_init(&t, show_tick, NULL);
	show.next = start + SHOW_INTERVAL;
	timer_start(&t, show.next);
	/* The test and the halt belong together, or the last tick might come between them. STI takes effect after HLT has begun. */
	while (irq_disable(), show.ticks < SHOW_TICKS)
		__asm__ volatile("sti; hlt" ::: "memory");
	irq_enable();
	printk("ticks: %u of %lu ms each in %lu us; the latest was %lu us late\n", show.ticks, SHOW_INTERVAL / NSEC_PER_MSEC,
	       (time_ns() - start) / NSEC_PER_USEC, show.worst / NSEC_PER_USEC);
	verdict("ticks %u\n", show.ticks);
}
DESTINATION(3, show_ticks);
