/* The MADT: CPUs, I/O APICs, and which ISA line arrives where (ACPI 6.4, 5.2.12). */
#include "acpi_priv.h"
#include "core/cpu.h"
#include "core/printk.h"
#include "lib/string.h"

enum { ENTRY_LAPIC = 0, ENTRY_IOAPIC = 1, ENTRY_OVERRIDE = 2, ENTRY_LAPIC_ADDRESS = 5, ENTRY_X2APIC = 9 };
#define LAPIC_ENABLED 1

struct madt_lapic {
	u8 type, length, uid, apic_id;
	u32 flags;
} __packed;
struct madt_ioapic {
	u8 type, length, id, reserved;
	u32 base, gsi_base;
} __packed;
struct madt_override {
	u8 type, length, bus, isa;
	u32 gsi;
	u16 flags;
} __packed;
struct madt_address {
	u8 type, length;
	u16 reserved;
	u64 address;
} __packed;
struct madt_x2apic {
	u8 type, length;
	u16 reserved;
	u32 apic_id, flags, uid;
} __packed;

static void add_cpu(u32 apic_id, u32 boot_apic_id)
{
	if (apic_id == boot_apic_id || acpi.cpu_count >= MAX_CPUS)
		return;
	acpi.apic_ids[acpi.cpu_count++] = apic_id;
}

static void add_override(const struct madt_override *o)
{
	/* Polarity 3: active low; trigger 3: level. 0 means as the bus says, which for ISA is high and edge. */
	if (o->isa < 16 && acpi.override_count < ARRAY_SIZE(acpi.overrides))
		acpi.overrides[acpi.override_count++] = (struct acpi_override){ .isa = o->isa, .gsi = o->gsi, .low = (o->flags & 3) == 3,
										.level = (o->flags >> 2 & 3) == 3 };
}

static void take_entry(const u8 *e, u32 boot_apic_id)
{
	static const u8 sizes[] = { [ENTRY_LAPIC] = sizeof(struct madt_lapic), [ENTRY_IOAPIC] = sizeof(struct madt_ioapic),
				    [ENTRY_OVERRIDE] = sizeof(struct madt_override), [ENTRY_LAPIC_ADDRESS] = sizeof(struct madt_address),
				    [ENTRY_X2APIC] = sizeof(struct madt_x2apic) };

	if (e[0] >= ARRAY_SIZE(sizes) || !sizes[e[0]] || e[1] < sizes[e[0]])
		return;
	switch (e[0]) {
	case ENTRY_LAPIC: {
		const struct madt_lapic *l = (const void *)e;
		if (l->flags & LAPIC_ENABLED)
			add_cpu(l->apic_id, boot_apic_id);
		break;
	}
	case ENTRY_X2APIC: {
		const struct madt_x2apic *x = (const void *)e;
		/* Reachable without x2APIC mode only below 255, where the old entry names it too. */
		if (x->flags & LAPIC_ENABLED && x->apic_id > 254 && cpu_has(CPU_X2APIC))
			add_cpu(x->apic_id, boot_apic_id);
		break;
	}
	case ENTRY_IOAPIC: {
		const struct madt_ioapic *i = (const void *)e;
		if (acpi.ioapic_count < ARRAY_SIZE(acpi.ioapics))
			acpi.ioapics[acpi.ioapic_count++] = (struct acpi_ioapic){ .id = i->id, .gsi_base = i->gsi_base, .base = i->base };
		break;
	}
	case ENTRY_OVERRIDE:
		add_override((const void *)e);
		break;
	case ENTRY_LAPIC_ADDRESS:
		acpi.lapic_base = ((const struct madt_address *)e)->address;
		break;
	}
}

void acpi_read_madt(void)
{
	size_t length = 0;
	const u8 *t = acpi_find("APIC", &length);
	u32 r[4], base;

	cpuid(1, 0, r);
	acpi.apic_ids[0] = r[1] >> 24;
	acpi.cpu_count = 1;
	acpi.lapic_base = 0xfee00000;
	if (t && length >= 44) {
		memcpy(&base, t + 36, 4);
		acpi.lapic_base = base;
		for (size_t at = 44; at + 2 <= length && t[at + 1] >= 2 && at + t[at + 1] <= length; at += t[at + 1])
			take_entry(t + at, acpi.apic_ids[0]);
	}
	if (!acpi.ioapic_count)
		acpi.ioapics[acpi.ioapic_count++] = (struct acpi_ioapic){ .base = 0xfec00000 };
	printk("acpi: %u CPUs, %u I/O APICs\n", acpi.cpu_count, acpi.ioapic_count);
}
