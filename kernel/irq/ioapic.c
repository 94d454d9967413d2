/*
 * I/O APICs: where the devices' lines arrive, and which CPU and vector each goes to (82093AA data sheet). Two registers, an index and a window; entry n
 * is the pair 0x10 + 2n and 0x11 + 2n. All entries are masked until somebody asks for the line.
 */
#include "acpi/acpi.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/printk.h"
#include "irq_priv.h"
#include "mm/pagetable.h"

#define REG_VERSION 1
#define REG_ENTRY 0x10
#define ENTRY_MASKED 0x10000u
#define ENTRY_LEVEL 0x8000u
#define ENTRY_LOW 0x2000u

static struct {
	volatile u32 *registers;
	u32 gsi_base, lines;
} ioapics[8];
static u32 ioapic_count;
static struct spinlock ioapic_lock = SPINLOCK_INIT("ioapic", RANK_IRQ); /* the pair of index and window */

static u32 read_register(u32 i, u32 r)
{
	ioapics[i].registers[0] = r;
	return ioapics[i].registers[4];
}

static void write_register(u32 i, u32 r, u32 v)
{
	ioapics[i].registers[0] = r;
	ioapics[i].registers[4] = v;
}

/* The two 8259s would deliver exceptions' vectors: out of the way, and masked. */
static void mask_legacy_pic(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, VECTOR_LEGACY_BASE);
	outb(0xa1, VECTOR_LEGACY_BASE + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

int ioapic_init(void)
{
	mask_legacy_pic();
	for (u32 i = 0; i < acpi.ioapic_count; i++) {
		volatile u32 *r = kmap_device(acpi.ioapics[i].base, 4096);
		if (!r)
			return -ENOMEM;
		ioapics[i].registers = r;
		ioapics[i].gsi_base = acpi.ioapics[i].gsi_base;
		ioapics[i].lines = (read_register(i, REG_VERSION) >> 16 & 0xff) + 1;
		for (u32 n = 0; n < ioapics[i].lines; n++)
			write_register(i, REG_ENTRY + 2 * n, ENTRY_MASKED);
		ioapic_count = i + 1;
	}
	return ioapic_count ? 0 : -ENODEV;
}

int ioapic_route(u32 gsi, unsigned vector, bool level, bool low, u32 apic_id)
{
	for (u32 i = 0; i < ioapic_count; i++) {
		u32 n = gsi - ioapics[i].gsi_base;
		if (gsi < ioapics[i].gsi_base || n >= ioapics[i].lines)
			continue;
		u64 flags = spin_lock_irqsave(&ioapic_lock);
		write_register(i, REG_ENTRY + 2 * n, ENTRY_MASKED);
		write_register(i, REG_ENTRY + 2 * n + 1, apic_id << 24);
		write_register(i, REG_ENTRY + 2 * n, vector | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0));
		spin_unlock_irqrestore(&ioapic_lock, flags);
		return 0;
	}
	return -ENODEV;
}
