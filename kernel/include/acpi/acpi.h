/* ACPI tables: CPUs, I/O APICs, HPET, PM timer, reset and power-off. */
#ifndef ACPI_ACPI_H
#define ACPI_ACPI_H

#include "core/percpu.h"

struct acpi_ioapic {
	u32 id, gsi_base;
	paddr_t base;
};
struct acpi_override {
	u8 isa;
	u32 gsi;
	bool level, low;
};
struct acpi_info {
	paddr_t lapic_base;
	u32 cpu_count;
	u32 apic_ids[MAX_CPUS]; /* usable CPUs; the boot CPU first */
	u32 ioapic_count;
	struct acpi_ioapic ioapics[8];
	u32 override_count;
	struct acpi_override overrides[24];
	paddr_t hpet_base;       /* 0: none */
	u32 pm_timer_port;       /* 0: none; 3.579545 MHz */
	bool pm_timer_32bit;
	paddr_t mcfg_base;       /* 0: none */
	u8 mcfg_bus_start, mcfg_bus_end;
	u8 rtc_century;          /* CMOS register of the century; 0: none */
};
extern struct acpi_info acpi;

/* The table with this signature, mapped and checksummed; NULL if absent. */
const void *acpi_find(const char *signature, size_t *length);
/* Enters S5; returns only if that failed. Any context with other CPUs stopped. */
void acpi_poweroff(void);
/* Restarts by FADT's reset register, the keyboard controller, port 0xcf9, then a triple fault. */
void __noreturn machine_restart(void);

#endif
