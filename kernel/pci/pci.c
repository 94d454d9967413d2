/*
 * The walk over the buses, and what drivers ask of a device.
 *
 * Bus 0 is searched slot by slot; a bridge leads to its secondary bus, whose number the firmware has given it. A BAR's size is found by writing
 * ones and reading which bits stayed. Nothing is assigned anew: what the firmware left without an address stays unusable, and is told.
 */
#include "pci_priv.h"

#include "acpi/acpi.h"
#include "core/atomic.h"
#include "core/cmdline.h"
#include "core/err.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

#define BAR_IO 1u
#define BAR_64BIT 4u
#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_ENTRY_WORDS 4
#define MSI_ADDRESS 0xfee00000u
#define MAX_CAPABILITIES 48 /* as many as fit: a circle ends there */
#define MAX_DEPTH 16

struct list pci_devices = LIST_INIT(pci_devices);

/* --- the walk ------------------------------------------------------------------------------------------------------- */

/* One BAR; how many registers it takes. */
static unsigned read_bar(struct pci_device *d, unsigned i, unsigned count)
{
	struct pci_bar *b = &d->bars[i];
	unsigned at = PCI_BAR0 + 4 * i;
	u32 low = pci_read32(d, at), size_low, high = 0, size_high = ~0u;
	u64 mask;
	bool wide = !(low & BAR_IO) && low & BAR_64BIT && i + 1 < count;

	pci_write32(d, at, ~0u);
	size_low = pci_read32(d, at);
	pci_write32(d, at, low);
	if (wide) {
		high = pci_read32(d, at + 4);
		pci_write32(d, at + 4, ~0u);
		size_high = pci_read32(d, at + 4);
		pci_write32(d, at + 4, high);
	}
	if (!size_low || (wide && !size_low && !size_high))
		return wide ? 2 : 1;
	b->io = low & BAR_IO;
	mask = b->io ? 0xffffffffffff0000ul | (size_low & 0xfffcu) : (u64)size_high << 32 | (size_low & ~0xfu);
	b->size = ~mask + 1;
	b->base = b->io ? low & 0xfffcu : (u64)high << 32 | (low & ~0xfu);
	return wide ? 2 : 1;
}

static void read_bars(struct pci_device *d, unsigned count)
{
	u16 command = pci_read16(d, PCI_COMMAND);

	/* It must not answer at the addresses that are written to find the sizes. */
	pci_write16(d, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned i = 0; i < count;)
		i += read_bar(d, i, count);
	pci_write16(d, PCI_COMMAND, command);
}

static void walk_bus(unsigned bus, unsigned depth);

static void add_function(unsigned bus, unsigned slot, unsigned function, unsigned depth)
{
	struct pci_device *d = kzalloc(sizeof(*d), 0);
	u8 type;

	if (!d)
		return;
	d->bus = (u8)bus;
	d->slot = (u8)slot;
	d->function = (u8)function;
	d->vendor = pci_read16(d, PCI_VENDOR);
	d->device = pci_read16(d, PCI_DEVICE);
	d->revision = pci_read8(d, PCI_REVISION);
	d->interface = pci_read8(d, PCI_CLASS);
	d->subclass = pci_read8(d, PCI_CLASS + 1);
	d->class = pci_read8(d, PCI_CLASS + 2);
	d->irq_line = pci_read8(d, PCI_INTERRUPT_LINE);
	d->irq_pin = pci_read8(d, PCI_INTERRUPT_PIN);
	type = pci_read8(d, PCI_HEADER_TYPE) & 0x7f;
	if (type == 0) {
		d->subsystem_vendor = pci_read16(d, PCI_SUBSYSTEM_VENDOR);
		d->subsystem = pci_read16(d, PCI_SUBSYSTEM);
		read_bars(d, 6);
		d->msix_cap = (u8)pci_find_capability(d, PCI_CAP_MSIX, 0);
		if (d->msix_cap)
			d->msix_count = (pci_read16(d, d->msix_cap + 2) & 0x7ff) + 1;
	}
	list_add_tail(&pci_devices, &d->link);
	if (type == 1 && depth < MAX_DEPTH) {
		unsigned below = pci_read8(d, PCI_SECONDARY_BUS);
		if (below > bus)
			walk_bus(below, depth + 1);
	}
}

static void walk_bus(unsigned bus, unsigned depth)
{
	for (unsigned slot = 0; slot < 32; slot++) {
		unsigned functions = 1;
		for (unsigned f = 0; f < functions; f++) {
			if ((u16)pci_config_read(bus, slot, f, PCI_VENDOR) == 0xffff)
				continue;
			if (f == 0 && pci_config_read(bus, slot, 0, PCI_HEADER_TYPE & ~3u) >> 16 & 0x80)
				functions = 8;
			add_function(bus, slot, f, depth);
		}
	}
}

/* --- for drivers ------------------------------------------------------------------------------------------------------ */

unsigned pci_find_capability(const struct pci_device *d, u8 id, unsigned after)
{
	unsigned at;

	if (!(pci_read16(d, PCI_STATUS) & 0x10))
		return 0;
	at = pci_read8(d, after ? after + 1 : PCI_CAPABILITIES) & ~3u;
	for (int n = 0; at >= 64 && n < MAX_CAPABILITIES; n++) {
		if (pci_read8(d, at) == id)
			return at;
		at = pci_read8(d, at + 1) & ~3u;
	}
	return 0;
}

void pci_enable(struct pci_device *d)
{
	pci_write16(d, PCI_COMMAND, pci_read16(d, PCI_COMMAND) | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void pci_stop(struct pci_device *d)
{
	pci_write16(d, PCI_COMMAND, pci_read16(d, PCI_COMMAND) & ~PCI_COMMAND_MASTER);
}

void *pci_map_bar(struct pci_device *d, unsigned bar, u64 offset, u64 length)
{
	struct pci_bar *b;

	if (bar >= 6)
		return NULL;
	b = &d->bars[bar];
	if (!b->base || b->io || !length || length > b->size || offset > b->size - length)
		return NULL;
	if (!b->mapped)
		b->mapped = kmap_device(b->base, MIN(b->size, 1ul << 20));
	if (!b->mapped || offset + length > 1ul << 20)
		return NULL;
	return (char *)b->mapped + offset;
}

/* pci=nomsi, as on Linux: all devices use their interrupt lines. */
static bool no_msi(void)
{
	char text[32];

	return !cmdline_get("pci", text, sizeof(text)) && !strcmp(text, "nomsi");
}
CMDLINE_PARAM(pci, "pci");

int pci_msix_enable(struct pci_device *d)
{
	u32 table;
	u16 control;

	if (!d->msix_cap || no_msi())
		return -ENODEV;
	table = pci_read32(d, d->msix_cap + 4);
	d->msix_table = pci_map_bar(d, table & 7, table & ~7u, d->msix_count * MSIX_ENTRY_WORDS * 4ul);
	if (!d->msix_table)
		return -ENODEV;
	control = pci_read16(d, d->msix_cap + 2);
	pci_write16(d, d->msix_cap + 2, control | MSIX_ENABLE | MSIX_MASK_ALL);
	for (unsigned i = 0; i < d->msix_count; i++)
		d->msix_table[i * MSIX_ENTRY_WORDS + 3] = 1;
	pci_write16(d, PCI_COMMAND, pci_read16(d, PCI_COMMAND) | PCI_COMMAND_NO_INTX);
	pci_write16(d, d->msix_cap + 2, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
	return 0;
}

int pci_msix_request(struct pci_device *d, unsigned index, irq_handler *fn, void *arg, const char *name)
{
	static u32 turn;

	return pci_msix_request_on(d, index, atomic_fetch_add(&turn, 1u) % cpu_count, fn, arg, name);
}

int pci_msix_request_on(struct pci_device *d, unsigned index, u32 cpu, irq_handler *fn, void *arg, const char *name)
{
	volatile u32 *entry;
	int vector;

	if (!d->msix_table || index >= d->msix_count)
		return -EINVAL;
	vector = irq_vector_alloc(fn, arg, name);
	if (vector < 0)
		return vector;
	entry = d->msix_table + index * MSIX_ENTRY_WORDS;
	entry[0] = MSI_ADDRESS | cpus[cpu]->apic_id << 12;
	entry[1] = 0;
	entry[2] = (u32)vector;
	entry[3] = 0;
	return 0;
}

int pci_irq_request(struct pci_device *d, irq_handler *fn, void *arg, const char *name)
{
	int err;

	if (!d->irq_pin || d->irq_line > 15)
		return -ENODEV;
	err = irq_request_isa(d->irq_line, fn, arg, name);
	if (!err)
		pci_write16(d, PCI_COMMAND, pci_read16(d, PCI_COMMAND) & ~PCI_COMMAND_NO_INTX);
	return err;
}

static int pci_init(void)
{
	struct pci_device *d;
	u32 n = 0;
	int err = pci_config_init();

	if (err)
		return err;
	walk_bus(0, 0);
	list_for_each(d, &pci_devices, link)
		n++;
	pr_debug("pci: %u functions, by %s\n", n, acpi.mcfg_base ? "MCFG" : "ports");
	return 0;
}
SUBSYSTEM(pci, .needs = "irq sched", .init = pci_init, .stage = "10-disk");
