/*
 * PCI and PCI Express devices: what the bus walk found, configuration space, BARs, capabilities, interrupts.
 *
 * The list of devices is made once at boot and never changes. A driver claims a device by setting `driver` in its own start, before which
 * nobody else runs; fields of a claimed device are its driver's.
 */
#ifndef PCI_PCI_H
#define PCI_PCI_H

#include "core/compiler.h"
#include "irq/irq.h"
#include "lib/list.h"

/* Offsets in configuration space (PCI Local Bus 3.0, 6.1). */
enum {
	PCI_VENDOR = 0, PCI_DEVICE = 2, PCI_COMMAND = 4, PCI_STATUS = 6, PCI_REVISION = 8, PCI_CLASS = 9, PCI_HEADER_TYPE = 14, PCI_BAR0 = 16,
	PCI_SECONDARY_BUS = 25, PCI_SUBSYSTEM_VENDOR = 44, PCI_SUBSYSTEM = 46, PCI_CAPABILITIES = 52, PCI_INTERRUPT_LINE = 60, PCI_INTERRUPT_PIN = 61,
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_NO_INTX = 1 << 10 };
enum { PCI_CAP_MSI = 5, PCI_CAP_VENDOR = 9, PCI_CAP_EXPRESS = 16, PCI_CAP_MSIX = 17 };

struct pci_bar {
	u64 base;   /* 0: not there, or not assigned by the firmware */
	u64 size;
	bool io;    /* ports instead of memory */
	void *mapped;
};

struct pci_device {
	u8 bus, slot, function;
	u16 vendor, device, subsystem_vendor, subsystem;
	u8 class, subclass, interface, revision;
	u8 irq_line, irq_pin;       /* pin 0: none */
	struct pci_bar bars[6];
	u8 msix_cap;                /* offset of the capability; 0: none */
	u16 msix_count;             /* entries of the table */
	volatile u32 *msix_table;   /* set by pci_msix_enable */
	const char *driver;         /* who claimed it; NULL: nobody */
	struct list link;
};
extern struct list pci_devices; /* of struct pci_device by link */

u8 pci_read8(const struct pci_device *d, unsigned offset);
u16 pci_read16(const struct pci_device *d, unsigned offset);
u32 pci_read32(const struct pci_device *d, unsigned offset);
void pci_write8(const struct pci_device *d, unsigned offset, u8 v);
void pci_write16(const struct pci_device *d, unsigned offset, u16 v);
void pci_write32(const struct pci_device *d, unsigned offset, u32 v);

/* The first capability with this id after offset `after` (0: from the start): its offset, or 0. */
unsigned pci_find_capability(const struct pci_device *d, u8 id, unsigned after);
/* Lets it answer on its BARs, and reach memory by itself. */
void pci_enable(struct pci_device *d);
/* It reaches memory no more, and sends no MSI. */
void pci_stop(struct pci_device *d);
/* Registers of a memory BAR: mapped once, uncached. NULL: there is no such BAR, or [offset, offset + length) lies past its end. */
void *pci_map_bar(struct pci_device *d, unsigned bar, u64 offset, u64 length);

/* Turns MSI-X on, with all entries masked: 0, or -ENODEV where it has none (use pci_irq_request then). */
int pci_msix_enable(struct pci_device *d);
/* Entry `index` calls fn(arg) on a CPU that is chosen in turn: 0, -EINVAL, -ENOSPC, -ENOMEM. */
int pci_msix_request(struct pci_device *d, unsigned index, irq_handler *fn, void *arg, const char *name);
/* The same on a CPU of the caller's choice. */
int pci_msix_request_on(struct pci_device *d, unsigned index, u32 cpu, irq_handler *fn, void *arg, const char *name);
/* The device's interrupt line, which others may share: fn finds out itself whether it was this device. 0, or -ENODEV. */
int pci_irq_request(struct pci_device *d, irq_handler *fn, void *arg, const char *name);

#endif
