/* ACPI structures as they lie in memory (ACPI 6.4, 5.2). */
#ifndef ACPI_PRIV_H
#define ACPI_PRIV_H

#include "acpi/acpi.h"

struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	/* revision 2 on */
	u32 length;
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

struct acpi_address {
	u8 space, width, offset, access;
	u64 address;
} __packed;
enum { ACPI_MEMORY = 0, ACPI_IO = 1 };

struct acpi_fadt {
	struct acpi_header header;
	u32 facs, dsdt;
	u8 reserved0, profile;
	u16 sci;
	u32 smi_command;
	u8 acpi_enable, acpi_disable, s4bios, pstate;
	u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	u8 pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length, gpe0_length, gpe1_length, gpe1_base, cst;
	u16 c2_latency, c3_latency, flush_size, flush_stride;
	u8 duty_offset, duty_width, day_alarm, month_alarm, century;
	u16 boot_flags;
	u8 reserved1;
	u32 flags;
	struct acpi_address reset;
	u8 reset_value;
	u16 arm_flags;
	u8 minor;
	u64 x_facs, x_dsdt;
} __packed;
_Static_assert(offsetof(struct acpi_fadt, reset) == 116, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "ACPI 5.2.9");
#define FADT_RESET_SUPPORTED (1u << 10)
#define FADT_TIMER_32BIT (1u << 8)

/* CPUs and I/O APICs (acpi/madt.c): fills struct acpi_info; one CPU and a usual I/O APIC where there is no table. */
void acpi_read_madt(void);
/* Power (acpi/power.c): reads what it needs from the FADT and the DSDT; NULL fadt is fine. */
void acpi_power_init(const struct acpi_fadt *fadt);
/* Maps a table at pa, checksummed; NULL if it is none. */
const struct acpi_header *acpi_map_table(paddr_t pa);

#endif
