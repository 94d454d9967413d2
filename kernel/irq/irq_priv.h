/* Between the files of irq/. */
#ifndef IRQ_PRIV_H
#define IRQ_PRIV_H

#include "core/spinlock.h"
#include "irq/irq.h"

/* Gates whose entries trust nothing (paranoid.S): their vectors, entries and stacks. */
struct paranoid_gate {
	u8 vector, ist;
	u64 entry;
};
extern const struct paranoid_gate paranoid_gates[];
extern const unsigned paranoid_gate_count;

/* Called by assembly. gs_base: what gs was when the trap came; for one from ring 3 the kernel's own. */
void paranoid_dispatch(struct trapframe *f, u64 gs_base);
void trap_exit_user(struct trapframe *f);
void trap_exit_kernel(struct trapframe *f);
void trap_bad_iret_frame(struct trapframe *f);

extern void (*trap_nmi_hook)(struct trapframe *f);
void trap_stop_init(void);                    /* sets the hook that panics stop the others by */
int lapic_init(void);                         /* maps it, finds out its kind; enables that of this CPU */
void lapic_send(u32 apic_id, u32 command);    /* raw interrupt command; interrupts may be on */
#define LAPIC_NMI 0x400u

int ioapic_init(void);
/* Programs the entry of a global system interrupt: 0, or -ENODEV if no I/O APIC has it. */
int ioapic_route(u32 gsi, unsigned vector, bool level, bool low, u32 apic_id);

#endif
