/*
 * The boot tables made right: the image gets the rights of its segments, the direct map loses execution, and the identity mapping goes.
 *
 *   KERNEL_BASE + x   text RX | rodata R | data RW, in 2 MiB pages where one segment fills them, else in 4 KiB pages;
 *                     memory before and behind the image is not mapped there
 *   DIRECT_BASE + p   the first 4 GiB, RW, never executable
 *
 * Two segment borders inside the image and its two ends: four tables of 4 KiB pages are enough.
 */
#include "boot_priv.h"
#include "core/cpu.h"
#include "core/panic.h"

#define ENTRY_PRESENT 1ul
#define ENTRY_WRITE 2ul
#define ENTRY_LARGE 0x80ul
#define ENTRY_NX (1ul << 63)

extern u64 boot_pdpt[512], boot_pdpt_high[512];
static u64 image_pd[512] __aligned(4096);
static u64 image_pt[4][512] __aligned(4096);

/* The rights of the segment that va lies in; 0 outside the image. */
static u64 rights(u64 va, u64 nx)
{
	if (va < (u64)kernel_start || va >= (u64)kernel_end)
		return 0;
	if (va < (u64)rodata_start)
		return ENTRY_PRESENT;
	if (va < (u64)rodata_end)
		return ENTRY_PRESENT | nx;
	return ENTRY_PRESENT | ENTRY_WRITE | nx;
}

void early_pages_protect(void)
{
	u64 nx = cpu_has(CPU_NX) ? ENTRY_NX : 0;
	u64 first = ALIGN_DOWN((u64)kernel_start, LARGE_PAGE_SIZE);
	int tables = 0;

	for (u64 va = first; va < (u64)kernel_end; va += LARGE_PAGE_SIZE) {
		u64 *slot = &image_pd[(va - KERNEL_BASE) / LARGE_PAGE_SIZE];
		u64 r = rights(va, nx);

		/* Segments are in order: the same rights at both ends mean the same rights all through. */
		if (r && r == rights(va + LARGE_PAGE_SIZE - PAGE_SIZE, nx)) {
			*slot = (va - KERNEL_BASE) | r | ENTRY_LARGE;
			continue;
		}
		ASSERT(tables < 4);
		for (int i = 0; i < 512; i++) {
			u64 page = va + i * PAGE_SIZE;
			u64 page_rights = rights(page, nx);
			image_pt[tables][i] = page_rights ? (page - KERNEL_BASE) | page_rights : 0;
		}
		*slot = virt_to_phys(image_pt[tables++]) | ENTRY_PRESENT | ENTRY_WRITE;
	}
	boot_pdpt_high[510] = virt_to_phys(image_pd) | ENTRY_PRESENT | ENTRY_WRITE;
	boot_pml4[256] |= nx;
	boot_pml4[0] = 0;
	write_cr3(virt_to_phys(boot_pml4));
}
