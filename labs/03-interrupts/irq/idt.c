/*
 * The interrupt descriptor table (Intel SDM vol. 3, 6.11 and 6.14.1): for each vector where to go, on which stack, and from which ring INT n may name it.
 *
 *   127            96 95            64
 *   | reserved       | offset 63-32   |
 *   63     48 47      40 39    32 31  16 15          0
 *   | offset | P DPL type | IST | selector | offset   |
 *   |  31-16 | 1 .. 0xe   |     |          |  15-0    |
 *
 * All are interrupt gates: the CPU turns interrupts off on entry.
 */
#include "irq/irq.h"

#include "boot/gdt.h"
#include "irq_priv.h"

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM vol. 3, figure 6-8");

#include "core/todo.h"

/* Fill the gate of one vector: interrupt gate, present, kernel code segment; ist 0 means the ordinary stack. */
void idt_set_gate(unsigned vector, u64 entry, unsigned ist, unsigned dpl)
{
	TODO("03-interrupts");
}

/*
 * Fill all 256 gates from vector_stubs. INT3 and INTO (TRAP_BREAKPOINT, TRAP_OVERFLOW) may be used from ring 3, nothing else. Then the gates of
 * paranoid_gates (irq_priv.h), which replace some of those.
 */
void idt_init(void)
{
	TODO("03-interrupts");
}

/* Tell this CPU where the table is (LIDT). */
void idt_load(void)
{
	TODO("03-interrupts");
}
