/*
 * Power-off and restart.
 *
 * S5: what to write into the PM1 control registers stands in the DSDT as Name(_S5_, Package { a, b, … }). Instead of an interpreter of AML a search for that one
 * name does: NameOp '_S5_' PackageOp length count, then two small integers (ACPI 6.4, 20.2.4, 20.2.5.4).
 */
#include "acpi_priv.h"
#include "core/atomic.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/pagetable.h"

#define SLEEP_ENABLE 0x2000
#define SCI_ENABLED 1
enum { AML_ZERO = 0, AML_ONE = 1, AML_NAME = 8, AML_BYTE = 0x0a, AML_PACKAGE = 0x12 };

static struct {
	u16 pm1a, pm1b, smi_command;
	u8 acpi_enable, a, b;
	bool known;
	struct acpi_address reset;
	u8 reset_value;
	bool reset_known;
	volatile u8 *reset_memory;
} power;

/* A small integer at *p; moves *p. */
static bool aml_integer(const u8 **p, const u8 *end, u8 *out)
{
	if (*p >= end)
		return false;
	u8 op = *(*p)++;
	if (op == AML_ZERO || op == AML_ONE) {
		*out = op;
		return true;
	}
	if (op != AML_BYTE || *p >= end)
		return false;
	*out = *(*p)++;
	return true;
}

static bool parse_s5(const u8 *p, const u8 *end)
{
	if (p >= end || *p++ != AML_PACKAGE || p >= end)
		return false;
	p += 1 + (*p >> 6); /* the length of the package in 1 to 4 bytes */
	p++;                /* how many elements */
	return aml_integer(&p, end, &power.a) && aml_integer(&p, end, &power.b);
}

static void find_s5(const struct acpi_header *t)
{
	const u8 *p = (const u8 *)t + sizeof(*t), *end = (const u8 *)t + t->length;

	for (; p + 8 < end; p++) {
		/* The name may be given from the root: '\' before it. */
		if (memcmp(p, "_S5_", 4) != 0 || !(p[-1] == AML_NAME || (p[-1] == '\\' && p[-2] == AML_NAME)))
			continue;
		if (parse_s5(p + 4, end)) {
			power.known = true;
			return;
		}
	}
}

void acpi_power_init(const struct acpi_fadt *fadt)
{
	const struct acpi_header *dsdt;

	panic_restart_hook = machine_restart;
	if (!fadt)
		return;
	power.pm1a = (u16)fadt->pm1a_control;
	power.pm1b = (u16)fadt->pm1b_control;
	power.smi_command = (u16)fadt->smi_command;
	power.acpi_enable = fadt->acpi_enable;
	if (fadt->header.length >= offsetof(struct acpi_fadt, arm_flags) && fadt->flags & FADT_RESET_SUPPORTED) {
		power.reset = fadt->reset;
		power.reset_value = fadt->reset_value;
		power.reset_known = true;
		if (power.reset.space == ACPI_MEMORY)
			power.reset_memory = kmap_device(power.reset.address, 1);
	}
	dsdt = NULL;
	if (fadt->header.length >= sizeof(*fadt))
		dsdt = acpi_map_table(fadt->x_dsdt);
	if (!dsdt)
		dsdt = acpi_map_table(fadt->dsdt);
	if (dsdt)
		find_s5(dsdt);
}

void acpi_poweroff(void)
{
	if (!power.known || !power.pm1a)
		return;
	irq_disable();
	/* Under firmware that left the chip in legacy mode, ask for ACPI mode first. */
	if (power.smi_command && power.acpi_enable && !(inw(power.pm1a) & SCI_ENABLED)) {
		outb(power.smi_command, power.acpi_enable);
		for (int i = 0; i < 1000000 && !(inw(power.pm1a) & SCI_ENABLED); i++)
			cpu_relax();
	}
	outw(power.pm1a, (u16)(power.a << 10 | SLEEP_ENABLE));
	if (power.pm1b)
		outw(power.pm1b, (u16)(power.b << 10 | SLEEP_ENABLE));
	for (int i = 0; i < 1000000; i++)
		inb(0x80);
}

void machine_restart(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed no_idt = { 0, 0 };

	irq_disable();
	if (power.reset_known && power.reset.space == ACPI_IO)
		outb((u16)power.reset.address, power.reset_value);
	if (power.reset_memory)
		*power.reset_memory = power.reset_value;
	for (int i = 0; i < 10000; i++)
		inb(0x80);
	for (int i = 0; i < 10000 && inb(0x64) & 2; i++)
		inb(0x80);
	outb(0x64, 0xfe); /* the keyboard controller pulls the reset line */
	for (int i = 0; i < 10000; i++)
		inb(0x80);
	outb(0xcf9, 2);
	outb(0xcf9, 6);
	for (int i = 0; i < 10000; i++)
		inb(0x80);
	__asm__ volatile("lidt %0; int3" ::"m"(no_idt));
	for (;;)
		__asm__ volatile("cli; hlt");
}
