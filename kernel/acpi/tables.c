/*
 * Finding the tables: RSDP (from the boot loader, or in the BIOS's area) -> XSDT or RSDT -> everything else. They are firmware's, so each length and
 * checksum is checked, and what is odd is passed over.
 */
#include "acpi_priv.h"
#include "boot/bootinfo.h"
#include "core/err.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/pagetable.h"

#define MAX_TABLES 64
#define MAX_LENGTH (1u << 20)

struct acpi_info acpi;
static const struct acpi_header *tables[MAX_TABLES];
static u32 table_count;

static bool checksum_ok(const void *p, size_t n)
{
	u8 sum = 0;

	for (const u8 *b = p; n-- > 0; b++)
		sum += *b;
	return sum == 0;
}

const struct acpi_header *acpi_map_table(paddr_t pa)
{
	const struct acpi_header *h;
	u32 length;

	if (!pa)
		return NULL;
	h = kmap_device(pa, sizeof(*h));
	if (!h)
		return NULL;
	length = h->length;
	kmap_free((void *)ALIGN_DOWN((u64)h, PAGE_SIZE));
	if (length < sizeof(*h) || length > MAX_LENGTH)
		return NULL;
	h = kmap_device(pa, length);
	if (h && !checksum_ok(h, length)) {
		kmap_free((void *)ALIGN_DOWN((u64)h, PAGE_SIZE));
		h = NULL;
	}
	return h;
}

const void *acpi_find(const char *signature, size_t *length)
{
	for (u32 i = 0; i < table_count; i++) {
		if (memcmp(tables[i]->signature, signature, 4) == 0) {
			if (length)
				*length = tables[i]->length;
			return tables[i];
		}
	}
	return NULL;
}

static bool rsdp_ok(const struct acpi_rsdp *r)
{
	return memcmp(r->signature, "RSD PTR ", 8) == 0 && checksum_ok(r, 20);
}

/* The RSDP is copied out: it may lie in memory that is not ours to keep mapped. */
static bool find_rsdp(struct acpi_rsdp *out)
{
	if (bootinfo.rsdp) {
		const struct acpi_rsdp *r;
		if (bootinfo.rsdp == virt_to_phys(bootinfo.rsdp_copy)) {
			r = (const void *)bootinfo.rsdp_copy;
			if (rsdp_ok(r)) {
				memcpy(out, r, sizeof(*out));
				return true;
			}
		} else if ((r = kmap_device(bootinfo.rsdp, sizeof(*r)))) {
			bool ok = rsdp_ok(r);
			memcpy(out, r, sizeof(*out));
			kmap_free((void *)ALIGN_DOWN((u64)r, PAGE_SIZE));
			if (ok)
				return true;
		}
	}
	/* The extended BIOS data area's first KiB, then the BIOS's ROM. Both are in the direct map, as all of the first MiB. */
	paddr_t ebda = (paddr_t) * (const u16 *)phys_to_virt(0x40e) << 4;
	struct {
		paddr_t start, end;
	} areas[] = { { ebda, ebda + 1024 }, { 0xe0000, 0x100000 } };
	for (u32 i = 0; i < ARRAY_SIZE(areas); i++) {
		if (areas[i].start < 0x80000 || areas[i].end > 0x100000)
			continue;
		for (paddr_t p = ALIGN_UP(areas[i].start, 16); p + sizeof(*out) <= areas[i].end; p += 16) {
			const struct acpi_rsdp *r = phys_to_virt(p);
			if (rsdp_ok(r)) {
				memcpy(out, r, sizeof(*out));
				return true;
			}
		}
	}
	return false;
}

static void read_root(const struct acpi_rsdp *rsdp)
{
	bool wide = rsdp->revision >= 2 && rsdp->xsdt;
	const struct acpi_header *root = acpi_map_table(wide ? rsdp->xsdt : rsdp->rsdt);
	u32 entry = wide ? 8 : 4;

	if (!root && wide) {
		root = acpi_map_table(rsdp->rsdt);
		entry = 4;
	}
	if (!root)
		return;
	for (u32 at = sizeof(*root); at + entry <= root->length && table_count < MAX_TABLES; at += entry) {
		u64 pa = 0;
		memcpy(&pa, (const char *)root + at, entry);
		const struct acpi_header *t = acpi_map_table(pa);
		if (t)
			tables[table_count++] = t;
	}
}

static void read_hpet(void)
{
	size_t length;
	const char *t = acpi_find("HPET", &length);
	struct acpi_address address;

	if (!t || length < 52)
		return;
	memcpy(&address, t + 40, sizeof(address));
	if (address.space == ACPI_MEMORY)
		acpi.hpet_base = address.address;
}

static void read_mcfg(void)
{
	size_t length;
	const char *t = acpi_find("MCFG", &length);

	if (!t || length < 60)
		return;
	memcpy(&acpi.mcfg_base, t + 44, 8);
	acpi.mcfg_bus_start = (u8)t[54];
	acpi.mcfg_bus_end = (u8)t[55];
}


static int acpi_init(void)
{
	struct acpi_rsdp rsdp;
	const struct acpi_fadt *fadt;
	size_t length;

	if (find_rsdp(&rsdp))
		read_root(&rsdp);
	else
		pr_warn("acpi: no tables found\n");
	acpi_read_madt();
	read_hpet();
	read_mcfg();
	fadt = acpi_find("FACP", &length);
	if (fadt && length >= offsetof(struct acpi_fadt, reset)) {
		if (fadt->pm_timer_length == 4 && fadt->pm_timer < 0x10000)
			acpi.pm_timer_port = fadt->pm_timer;
		acpi.pm_timer_32bit = fadt->flags & FADT_TIMER_32BIT;
		acpi.rtc_century = fadt->century;
	}
	acpi_power_init(fadt && length >= offsetof(struct acpi_fadt, reset) ? fadt : NULL);
	return 0;
}
SUBSYSTEM(acpi, .needs = "mm", .init = acpi_init, .stage = "03-interrupts");
