/*
 * Configuration space, in two ways.
 *
 *   PCI Express (MCFG)   a window in memory: 4 KiB for each function at bus << 20 | slot << 15 | function << 12. Mapped bus by bus when first used.
 *   ports                an address into 0xcf8, the data at 0xcfc; 256 bytes of each function, and one access at a time
 *
 * Smaller writes go out in their own size: a register beside it (the status next to the command) may be cleared by ones.
 */
#include "acpi/acpi.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/spinlock.h"
#include "mm/pagetable.h"
#include "pci_priv.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define BUS_WINDOW (1ul << 20)

static struct spinlock port_lock = SPINLOCK_INIT("pci ports", RANK_IRQ); /* the pair of ports */
static char *windows[256]; /* by bus; written by the walk alone, before there are drivers */

/* The window's word, or NULL: by ports. */
static volatile u32 *window(unsigned bus, unsigned slot, unsigned function, unsigned offset)
{
	if (!acpi.mcfg_base || bus < acpi.mcfg_bus_start || bus > acpi.mcfg_bus_end)
		return NULL;
	if (!windows[bus])
		windows[bus] = kmap_device(acpi.mcfg_base + bus * BUS_WINDOW, BUS_WINDOW);
	if (!windows[bus])
		return NULL;
	return (volatile u32 *)(windows[bus] + (slot << 15 | function << 12 | (offset & ~3u)));
}

static u32 port_address(unsigned bus, unsigned slot, unsigned function, unsigned offset)
{
	return 0x80000000u | bus << 16 | slot << 11 | function << 8 | (offset & 0xfc);
}

u32 pci_config_read(unsigned bus, unsigned slot, unsigned function, unsigned offset)
{
	volatile u32 *w = window(bus, slot, function, offset);
	u64 flags;
	u32 v;

	if (w)
		return *w;
	if (offset > 255)
		return ~0u;
	flags = spin_lock_irqsave(&port_lock);
	outl(CONFIG_ADDRESS, port_address(bus, slot, function, offset));
	v = inl(CONFIG_DATA);
	spin_unlock_irqrestore(&port_lock, flags);
	return v;
}

u32 pci_read32(const struct pci_device *d, unsigned offset)
{
	return pci_config_read(d->bus, d->slot, d->function, offset);
}

u16 pci_read16(const struct pci_device *d, unsigned offset)
{
	return (u16)(pci_read32(d, offset) >> (offset & 2) * 8);
}

u8 pci_read8(const struct pci_device *d, unsigned offset)
{
	return (u8)(pci_read32(d, offset) >> (offset & 3) * 8);
}

/* `size` bytes at their own place: the neighbours are not touched. */
static void write_part(const struct pci_device *d, unsigned offset, u32 v, unsigned size)
{
	volatile u32 *w = window(d->bus, d->slot, d->function, offset);
	u64 flags;

	if (w) {
		volatile char *at = (volatile char *)w + (offset & 3);
		if (size == 4)
			*(volatile u32 *)at = v;
		else if (size == 2)
			*(volatile u16 *)at = (u16)v;
		else
			*(volatile u8 *)at = (u8)v;
		return;
	}
	flags = spin_lock_irqsave(&port_lock);
	outl(CONFIG_ADDRESS, port_address(d->bus, d->slot, d->function, offset));
	if (size == 4)
		outl(CONFIG_DATA, v);
	else if (size == 2)
		outw((u16)(CONFIG_DATA + (offset & 2)), (u16)v);
	else
		outb((u16)(CONFIG_DATA + (offset & 3)), (u8)v);
	spin_unlock_irqrestore(&port_lock, flags);
}

void pci_write32(const struct pci_device *d, unsigned offset, u32 v)
{
	write_part(d, offset, v, 4);
}

void pci_write16(const struct pci_device *d, unsigned offset, u16 v)
{
	write_part(d, offset, v, 2);
}

void pci_write8(const struct pci_device *d, unsigned offset, u8 v)
{
	write_part(d, offset, v, 1);
}

int pci_config_init(void)
{
	u64 flags;
	u32 old, seen;

	if (acpi.mcfg_base)
		return 0;
	/* A bridge that knows the ports keeps what is written to the first. */
	flags = spin_lock_irqsave(&port_lock);
	old = inl(CONFIG_ADDRESS);
	outl(CONFIG_ADDRESS, 0x80000000u);
	seen = inl(CONFIG_ADDRESS);
	outl(CONFIG_ADDRESS, old);
	spin_unlock_irqrestore(&port_lock, flags);
	return seen == 0x80000000u ? 0 : -ENODEV;
}
