/*
 * Memory before there is an allocator: which parts of the boot loader's map are free.
 *
 *   bootinfo.ranges    |  usable   | hole |        usable                    | reserved |
 *   in use already      ##                 [kernel]    [module]
 *   free extents          [--------]      |        |--|        |------------|
 *
 * early_alloc cuts from the upper end of the highest extent that lies low enough: below EARLY_LIMIT until the kernel's own page tables
 * are loaded, since boot's tables map no more than that. In the end what is left of the extents goes to the buddy.
 * One CPU, no locks.
 */
#include "mm_priv.h"

#include "boot/boot.h"
#include "boot/bootinfo.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "lib/string.h"

#define EXTENTS_MAX 192
#define LOW_RESERVED 0x100000ul /* the BIOS's data, the start-up code of other CPUs */
#define EARLY_LIMIT (1ul << 30)

struct extent {
	paddr_t base, end;
};
struct extents {
	unsigned n;
	struct extent e[EXTENTS_MAX];
};
static struct extents usable; /* whole frames of ordinary memory */
static struct extents mapped; /* and the firmware's tables: what the direct map covers */
static struct extents unused; /* usable, less what is in use */

CMDLINE_PARAM(mem, "mem");

/* Appends, or extends the last one that it touches; input is sorted. */
static void extents_add(struct extents *x, paddr_t base, paddr_t end)
{
	if (base >= end)
		return;
	if (x->n && base <= x->e[x->n - 1].end) {
		x->e[x->n - 1].end = MAX(x->e[x->n - 1].end, end);
		return;
	}
	if (x->n == EXTENTS_MAX) {
		pr_warn("mm: memory map too ragged, %lu KiB left out", (end - base) >> 10);
		return;
	}
	x->e[x->n++] = (struct extent){ base, end };
}

static void extents_remove(struct extents *x, paddr_t base, paddr_t end)
{
	for (unsigned i = 0; i < x->n; i++) {
		struct extent e = x->e[i];
		if (end <= e.base || base >= e.end)
			continue;
		if (base > e.base && end < e.end) {
			if (x->n == EXTENTS_MAX) {
				x->e[i].end = base;
				return;
			}
			memmove(&x->e[i + 1], &x->e[i], (x->n - i) * sizeof(e));
			x->n++;
			x->e[i].end = base;
			x->e[i + 1].base = end;
			return;
		}
		if (base > e.base) {
			x->e[i].end = base;
		} else if (end < e.end) {
			x->e[i].base = end;
		} else {
			memmove(&x->e[i], &x->e[i + 1], (x->n - i - 1) * sizeof(e));
			x->n--;
			i--;
		}
	}
}

void early_init(void)
{
	paddr_t limit = ALIGN_DOWN(cmdline_u64("mem", ~0ul), PAGE_SIZE);

	if (limit < 16ul << 20)
		limit = ~0ul;
	extents_add(&mapped, 0, 1ul << 20); /* with the BIOS and VGA windows */
	for (u32 i = 0; i < bootinfo.range_count; i++) {
		const struct mem_range *r = &bootinfo.ranges[i];
		paddr_t end = r->base + r->length;
		if (end < r->base || end > DIRECT_END - DIRECT_BASE)
			continue;
		if (r->kind == MEM_USABLE)
			extents_add(&usable, ALIGN_UP(r->base, PAGE_SIZE), MIN(ALIGN_DOWN(end, PAGE_SIZE), limit));
		if (r->kind == MEM_USABLE || r->kind == MEM_ACPI || r->kind == MEM_NVS)
			extents_add(&mapped, ALIGN_DOWN(r->base, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
	}
	if (!usable.n)
		panic("the boot loader names no usable memory");

	memcpy(&unused, &usable, sizeof(usable));
	extents_remove(&unused, 0, LOW_RESERVED);
	extents_remove(&unused, virt_to_phys(kernel_start), ALIGN_UP(virt_to_phys(kernel_end), PAGE_SIZE));
	for (u32 i = 0; i < bootinfo.module_count; i++) {
		const struct boot_module *m = &bootinfo.modules[i];
		extents_remove(&unused, ALIGN_DOWN(m->base, PAGE_SIZE), ALIGN_UP(m->base + m->length, PAGE_SIZE));
	}
}

paddr_t early_alloc(u64 bytes, u64 align)
{
	paddr_t limit = kernel_pt ? ~0ul : EARLY_LIMIT;

	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	for (unsigned i = unused.n; i-- > 0;) {
		struct extent *e = &unused.e[i];
		paddr_t end = MIN(e->end, limit);
		if (end <= e->base || end - e->base < bytes)
			continue;
		paddr_t base = ALIGN_DOWN(end - bytes, align);
		if (base < e->base)
			continue;
		extents_remove(&unused, base, base + bytes);
		memset(phys_to_virt(base), 0, bytes);
		return base;
	}
	panic("no %lu KiB of memory to start with", bytes >> 10);
}

void early_give_all(void)
{
	for (unsigned i = 0; i < unused.n; i++)
		frame_release_range(unused.e[i].base, unused.e[i].end - unused.e[i].base);
	unused.n = 0;
}

paddr_t early_top(void)
{
	return usable.e[usable.n - 1].end;
}

bool early_range(unsigned i, paddr_t *base, paddr_t *end)
{
	if (i >= usable.n)
		return false;
	*base = usable.e[i].base;
	*end = usable.e[i].end;
	return true;
}

bool early_mapped(unsigned i, paddr_t *base, paddr_t *end)
{
	if (i >= mapped.n)
		return false;
	*base = mapped.e[i].base;
	*end = mapped.e[i].end;
	return true;
}

bool early_is_memory(paddr_t base, paddr_t end)
{
	for (unsigned i = 0; i < mapped.n; i++)
		if (base >= mapped.e[i].base && end <= mapped.e[i].end)
			return true;
	return false;
}

void boot_modules_release(void)
{
	for (u32 m = 0; m < bootinfo.module_count; m++) {
		paddr_t base = bootinfo.modules[m].base, end = base + bootinfo.modules[m].length;
		for (unsigned i = 0; i < usable.n; i++) {
			paddr_t b = MAX(base, usable.e[i].base), e = MIN(end, usable.e[i].end);
			if (b < e)
				frame_release_range(b, e - b);
		}
	}
	bootinfo.module_count = 0;
}
