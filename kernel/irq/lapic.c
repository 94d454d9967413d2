/*
 * The local APIC: this CPU's interrupts (Intel SDM vol. 3, chapter 11). Its registers are memory in the old mode (xAPIC), MSRs in the new (x2APIC, register
 * n at MSR 0x800 + n/16), which is used where the CPU has it.
 *
 * The timer counts down at the bus clock / 16, so that 32 bits reach more than a minute on a bus of 1 GHz.
 */
#include "irq/irq.h"

#include "acpi/acpi.h"
#include "core/atomic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "irq_priv.h"
#include "mm/pagetable.h"

enum { REG_ID = 0x20, REG_TPR = 0x80, REG_EOI = 0xb0, REG_SPURIOUS = 0xf0, REG_ESR = 0x280, REG_ICR = 0x300, REG_ICR_HIGH = 0x310, REG_TIMER = 0x320,
       REG_LINT0 = 0x350, REG_LINT1 = 0x360, REG_ERROR = 0x370, REG_INITIAL = 0x380, REG_CURRENT = 0x390, REG_DIVIDE = 0x3e0 };
#define APIC_BASE_ENABLE (1ul << 11)
#define APIC_BASE_X2 (1ul << 10)
#define SPURIOUS_ENABLE 0x100
#define LVT_MASKED 0x10000
#define LVT_NMI 0x400
#define ICR_PENDING 0x1000
#define ICR_INIT 0x4500    /* INIT, assert */
#define ICR_STARTUP 0x4600
#define DIVIDE_BY_16 3

static volatile u32 *registers;
static bool x2apic;

static inline u32 read_register(u32 r)
{
	return x2apic ? (u32)rdmsr(0x800 + (r >> 4)) : registers[r / 4];
}

static inline void write_register(u32 r, u32 v)
{
	if (x2apic)
		wrmsr(0x800 + (r >> 4), v);
	else
		registers[r / 4] = v;
}

int lapic_init(void)
{
	paddr_t base = acpi.lapic_base ? acpi.lapic_base : rdmsr(MSR_APIC_BASE) & 0xffffff000;

	x2apic = cpu_has(CPU_X2APIC);
	if (!x2apic) {
		registers = kmap_device(base, 4096);
		if (!registers)
			return -ENOMEM;
	}
	lapic_enable_this_cpu();
	this_cpu()->apic_id = lapic_id();
	return 0;
}

void lapic_enable_this_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
	write_register(REG_TPR, 0);
	write_register(REG_TIMER, LVT_MASKED | VECTOR_TIMER);
	write_register(REG_DIVIDE, DIVIDE_BY_16);
	write_register(REG_INITIAL, 0);
	write_register(REG_LINT0, LVT_MASKED);
	write_register(REG_LINT1, LVT_NMI);
	write_register(REG_ERROR, LVT_MASKED);
	write_register(REG_ESR, 0);
	write_register(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	write_register(REG_TIMER, VECTOR_TIMER);
}

void lapic_eoi(void)
{
	write_register(REG_EOI, 0);
}

u32 lapic_id(void)
{
	u32 id = read_register(REG_ID);

	return x2apic ? id : id >> 24;
}

void lapic_timer_oneshot(u64 ticks)
{
	write_register(REG_INITIAL, (u32)MIN(ticks, (u64)UINT32_MAX));
}

u32 lapic_timer_left(void)
{
	return read_register(REG_CURRENT);
}

void lapic_send(u32 apic_id, u32 command)
{
	if (x2apic) {
		/* Unlike a store to memory, this WRMSR does not wait for earlier stores. */
		smp_mb();
		wrmsr(0x800 + (REG_ICR >> 4), (u64)apic_id << 32 | command);
		return;
	}
	/* Two registers make one command: no interrupt may come between and send its own. */
	u64 flags = irq_save();
	while (read_register(REG_ICR) & ICR_PENDING)
		cpu_relax();
	write_register(REG_ICR_HIGH, apic_id << 24);
	write_register(REG_ICR, command);
	irq_restore(flags);
}

void lapic_send_init(u32 apic_id)
{
	lapic_send(apic_id, ICR_INIT);
}

void lapic_send_startup(u32 apic_id, u8 page)
{
	lapic_send(apic_id, ICR_STARTUP | page);
}

void ipi_send(u32 cpu, unsigned vector)
{
	lapic_send(cpus[cpu]->apic_id, vector);
}

void ipi_send_others(unsigned vector)
{
	preempt_disable();
	u32 self = cpu_id();
	for (u32 i = 0; i < MAX_CPUS && cpus[i]; i++)
		if (i != self && READ_ONCE(cpus[i]->online))
			ipi_send(i, vector);
	preempt_enable();
}
