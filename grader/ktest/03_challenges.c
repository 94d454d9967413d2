/* Lab 03's optional challenges. Asked for by name (make grade LAB=03 CHALLENGE=name). */
#include "core/ktest.h"

#include "core/cpu.h"
#include "irq/irq.h"
#include "mm/pagetable.h"
#include "time/time.h"

/*
 * Who can write to the descriptor table owns the machine. The processor only reads it: where it looks, nobody can write, though idt_set_gate still does its
 * work.
 */
KTEST(03, challenge_read_only_table)
{
	struct {
		u16 limit;
		u64 base;
	} __packed at;
	const unsigned free_vector = VECTOR_SPURIOUS - 1;
	int level;

	__asm__ volatile("sidt %0" : "=m"(at));
	KEXPECT_EQ(at.limit, 4095);
	for (unsigned vector = 0; vector < 256; vector += 255) { /* the table may lie in two pages */
		pte_t entry = pt_lookup(kernel_pt, at.base + vector * 16, &level);
		KEXPECT(entry & PTE_PRESENT);
		KEXPECT(!(entry & PTE_WRITE));
		KEXPECT(entry & PTE_NX);
	}
	volatile const u8 *gate = (const u8 *)at.base + free_vector * 16;
	KEXPECT_EQ(gate[5], 0x8e);
	idt_set_gate(free_vector, vector_stubs[free_vector], 2, 3);
	KEXPECT_EQ(gate[5], 0xee);
	KEXPECT_EQ(gate[4], 2);
	idt_set_gate(free_vector, vector_stubs[free_vector], 0, 0);
	KEXPECT_EQ(gate[5], 0x8e);
}

enum { FIRST, SECOND, LATER, RESTLESS, COUNT };
static struct timer timers[COUNT];
static unsigned fired[COUNT];
static u64 fired_at[COUNT];

static void on_timer(struct timer *t)
{
	unsigned i = (unsigned)(u64)t->arg;

	fired[i]++;
	fired_at[i] = time_ns();
	if (i == FIRST)
		time_delay_us(200);
	else if (i == RESTLESS && fired[i] < 5000)
		timer_start(t, time_ns()); /* due before this line is over */
}

static void start(unsigned i, u64 deadline)
{
	fired[i] = 0;
	timer_start(&timers[i], deadline);
}

/* What becomes due while handlers run is run by the same interrupt, but one that is due again and again cannot hold the processor. */
KTEST(03, challenge_catching_up)
{
	u64 flags = irq_save(), now = time_ns();

	for (unsigned i = 0; i < COUNT; i++)
		timer_init(&timers[i], on_timer, (void *)(u64)i);
	start(FIRST, now);
	start(SECOND, now + 100 * NSEC_PER_USEC);
	start(LATER, now + NSEC_PER_SEC);
	timer_interrupt(NULL);
	KEXPECT_EQ(fired[FIRST], 1);
	KEXPECT_EQ(fired[SECOND], 1);
	KEXPECT_EQ(fired[LATER], 0);
	start(SECOND, time_ns() + 20 * NSEC_PER_USEC); /* nearly due: it may be waited for, but is not early */
	timer_interrupt(NULL);
	KEXPECT(!fired[SECOND] || fired_at[SECOND] >= timers[SECOND].deadline);
	start(RESTLESS, time_ns());
	timer_interrupt(NULL);
	KEXPECT(fired[RESTLESS] >= 2 && fired[RESTLESS] <= 64);
	for (unsigned i = 0; i < COUNT; i++)
		timer_cancel(&timers[i]);
	apic_timer_set(time_ns() + 1); /* what was asked for before goes on */
	irq_restore(flags);
}
