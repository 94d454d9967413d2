/* Traps and interrupts: tables that upper layers register in. */
#ifndef IRQ_IRQ_H
#define IRQ_IRQ_H

#include "core/notifier.h"
#include "irq/trapframe.h"

enum {
	TRAP_DIVIDE = 0, TRAP_DEBUG = 1, TRAP_NMI = 2, TRAP_BREAKPOINT = 3, TRAP_OVERFLOW = 4, TRAP_BOUND = 5, TRAP_INVALID_OPCODE = 6, TRAP_NO_FPU = 7,
	TRAP_DOUBLE_FAULT = 8, TRAP_INVALID_TSS = 10, TRAP_NO_SEGMENT = 11, TRAP_STACK = 12, TRAP_GENERAL_PROTECTION = 13, TRAP_PAGE_FAULT = 14,
	TRAP_FPU = 16, TRAP_ALIGNMENT = 17, TRAP_MACHINE_CHECK = 18, TRAP_SIMD = 19,
	VECTOR_LEGACY_BASE = 0x20, /* 32 … 47: ISA interrupts through the I/O APIC */
	VECTOR_DEVICE_BASE = 0x30, /* … 0xdf: MSI and others, by irq_vector_alloc */
	VECTOR_TIMER = 0xf0, VECTOR_RESCHEDULE = 0xf1, VECTOR_SHOOTDOWN = 0xf2, VECTOR_CALL = 0xf3, VECTOR_STOP = 0xf4, VECTOR_SPURIOUS = 0xff,
};
#define PF_PRESENT 1
#define PF_WRITE 2
#define PF_USER 4
#define PF_RESERVED 8
#define PF_FETCH 16

/*
 * A trap handler returns true when it dealt with the trap. Exceptions that nobody handles: from the kernel, the fix-up table is tried, then panic;
 * from user mode, `user_trap_hook`. Decide "from user" by the saved CS, never by the error code.
 */
typedef bool trap_handler(struct trapframe *f);
void trap_register(unsigned vector, trap_handler *fn);
/* What happens to a user program for an exception: set by usermode (ends the thread), then by proc (sends the signal). Interrupts are on. */
extern void (*user_trap_hook)(struct trapframe *f);
/* Runs with interrupts off on the way back to user mode from any entry, when current's work word is not 0 (usermode sets it). May enable interrupts and sleep; returns with them off. */
extern void (*user_return_hook)(struct trapframe *f);

/* Device interrupts. The handler runs with interrupts off, after which the APIC is told. */
typedef void irq_handler(void *arg);
/* ISA line 0 … 15 (through overrides of the MADT): 0, -EBUSY, -ENODEV. Routed to CPU 0, unmasked. */
int irq_request_isa(unsigned line, irq_handler *fn, void *arg, const char *name);
/* A global system interrupt (PCI INTx): level-triggered, active low when `level`; may be shared. */
int irq_request_gsi(unsigned gsi, bool level, irq_handler *fn, void *arg, const char *name);
/* A vector for MSI; the vector number or -ENOSPC. */
int irq_vector_alloc(irq_handler *fn, void *arg, const char *name);
void irq_vector_free(unsigned vector);
/* Inter-processor interrupt vectors: fixed, fn(NULL). */
void ipi_register(unsigned vector, irq_handler *fn);
void ipi_send(u32 cpu, unsigned vector);   /* to one CPU by id */
void ipi_send_others(unsigned vector);      /* to every other online CPU */
/* Has an ISA line come as NMI to CPU 0 and call fn, whatever the CPU does. Once; 0 or -ENODEV. For the watchdog of a checking kernel. */
int irq_nmi_from_isa(unsigned line, void (*fn)(struct trapframe *f));
/* For /proc/interrupts: calls fn(name, vector, counts…). */
void irq_for_each(void (*fn)(unsigned vector, const char *name, const u64 *per_cpu, void *arg), void *arg);

void lapic_enable_this_cpu(void);
void lapic_eoi(void);
u32 lapic_id(void);
void lapic_timer_oneshot(u64 ticks); /* raw APIC timer ticks; 0 stops it */
u32 lapic_timer_left(void);
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page);
void idt_load(void); /* on each CPU */

/* Student's (lab 03): irq/idt.c fills gate descriptors, irq/vectors.S has the 256 entry stubs, irq/exceptions.c dispatches. */
void idt_init(void);
/* One gate: `entry` on stack `ist` (0: the ordinary one), open to INT n from ring `dpl`. */
void idt_set_gate(unsigned vector, u64 entry, unsigned ist, unsigned dpl);
void trap_dispatch(struct trapframe *f); /* called by the stubs' common path, interrupts off */
extern const u64 vector_stubs[256];       /* addresses of the entry stubs */
/*
 * The way out of the kernel for assembly (irq/vectors.S, irq/entry_asm.h): jump there with rsp at a struct trapframe. To ring 3 it runs user_return_hook as
 * long as there is work, then swapgs and iretq.
 */
void trap_return(void);
/* Given: what trap_dispatch hands a device or IPI vector to. */
void irq_dispatch(struct trapframe *f);
/* Given: dispatch's last resort for an exception from the kernel: looks rip up in the fix-up table (and moves rip), else false. */
bool trap_fixup(struct trapframe *f);
bool trap_has_fixup(const struct trapframe *f); /* the same question, without the jump */

/* A fix-up table entry: a fault at `insn` continues at `landing`. Section .fixup_table, written by usermode's copy code. */
struct fixup {
	u64 insn, landing;
};

#endif
