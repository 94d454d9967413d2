/*
 * The kernel's own page tables, built once, and the tables of users' page tables.
 *
 *   direct map      all memory, RW and NX, by the largest pages that fit; the frames of the kernel's text and constants are read-only here too
 *   frame table     struct frame of each frame, backed only where there is memory; a whole 4 MiB block (the buddy's largest) or nothing
 *   kernel image    4 KiB pages: text RX, constants R, data RW
 *   run-time area   (kmap.c) empty, but its level-3 table is there
 *
 * The entries of the top level are all made here, and every address space copies them: what the kernel maps later shows in all of them.
 */
#include "mm_priv.h"

#include "boot/boot.h"
#include "core/cpu.h"
#include "core/kasan.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "lib/string.h"

#define BLOCK_SIZE (PAGE_SIZE << (MAX_ORDER - 1))
#define BLOCK_FRAMES (1ul << (MAX_ORDER - 1))

pte_t *kernel_pt;

struct pfn_range {
	pfn_t first, end;
};
static struct pfn_range valid[128]; /* frames with a struct frame; whole blocks */
static unsigned valid_count;

static pte_t *early_entry(pte_t *root, vaddr_t va, int to_level)
{
	pte_t *table = root;
	for (int level = 4; level > to_level; level--) {
		pte_t *e = &table[pt_index(va, level)];
		if (!(*e & PTE_PRESENT))
			*e = early_alloc(PAGE_SIZE, PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
		table = phys_to_virt(*e & PTE_ADDR);
	}
	return &table[pt_index(va, to_level)];
}

/* Maps [pa, pa + size) at va by the largest pages that fit. */
static void early_map(pte_t *root, vaddr_t va, paddr_t pa, u64 size, u64 prot)
{
	bool huge = cpu_has(CPU_PDPE1GB);

	prot |= PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
	while (size) {
		int level = 1;
		u64 page = PAGE_SIZE;
		if (huge && size >= HUGE_PAGE_SIZE && IS_ALIGNED(va | pa, HUGE_PAGE_SIZE)) {
			level = 3;
			page = HUGE_PAGE_SIZE;
		} else if (size >= LARGE_PAGE_SIZE && IS_ALIGNED(va | pa, LARGE_PAGE_SIZE)) {
			level = 2;
			page = LARGE_PAGE_SIZE;
		}
		*early_entry(root, va, level) = pa | prot | (level > 1 ? PTE_LARGE : 0);
		va += page;
		pa += page;
		size -= page;
	}
}

static void map_direct(pte_t *root)
{
	paddr_t ro_start = virt_to_phys(kernel_start), ro_end = virt_to_phys(data_start), base, end;

	for (unsigned i = 0; early_mapped(i, &base, &end); i++) {
		/* Cut at the kernel's read-only part. */
		paddr_t cut[4] = { base, MIN(MAX(ro_start, base), end), MIN(MAX(ro_end, base), end), end };
		for (int k = 0; k < 3; k++)
			early_map(root, DIRECT_BASE + cut[k], cut[k], cut[k + 1] - cut[k], PTE_NX | (k == 1 ? 0 : PTE_WRITE));
	}
}

static void map_image_part(pte_t *root, const char *start, const char *end, u64 prot)
{
	for (const char *p = start; p < end; p += PAGE_SIZE)
		*early_entry(root, (vaddr_t)p, 1) = virt_to_phys(p) | prot | PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
}

/* Notes [first, end) as valid and backs the frame table there. Called in ascending order. */
static void map_frames(pfn_t first, pfn_t end)
{
	if (valid_count && first < valid[valid_count - 1].end)
		first = valid[valid_count - 1].end;
	if (first >= end)
		return;
	if (valid_count && first == valid[valid_count - 1].end) {
		valid[valid_count - 1].end = end;
	} else {
		if (valid_count == ARRAY_SIZE(valid))
			panic("memory map too ragged");
		valid[valid_count++] = (struct pfn_range){ first, end };
	}

	vaddr_t va = ALIGN_DOWN((vaddr_t)pfn_to_frame(first), PAGE_SIZE), stop = (vaddr_t)pfn_to_frame(end);
	while (va < stop) {
		u64 page = IS_ALIGNED(va, LARGE_PAGE_SIZE) && va + LARGE_PAGE_SIZE <= stop ? LARGE_PAGE_SIZE : PAGE_SIZE;
		/* Its first page may have been made for the range before. */
		if (page == LARGE_PAGE_SIZE || !(*early_entry(kernel_pt, va, 1) & PTE_PRESENT))
			early_map(kernel_pt, va, early_alloc(page, page), page, PTE_WRITE | PTE_NX);
		va += page;
	}
	for (pfn_t pfn = first; pfn < end; pfn++)
		pfn_to_frame(pfn)->flags = FRAME_RESERVED;
}

void kernel_tables_init(void)
{
	paddr_t base, end;

	if (!(rdmsr(MSR_EFER) & EFER_NXE))
		panic("this processor cannot forbid execution (NX)");
	pte_t *root = phys_to_virt(early_alloc(PAGE_SIZE, PAGE_SIZE));
	map_direct(root);
	map_image_part(root, kernel_start, rodata_start, 0);
	map_image_part(root, rodata_start, data_start, PTE_NX);
	map_image_part(root, data_start, kernel_end, PTE_WRITE | PTE_NX);
	early_entry(root, KMAP_BASE, 3);
#if KASAN
	memcpy(&root[SHADOW_FIRST_SLOT], &boot_pml4[SHADOW_FIRST_SLOT], (SHADOW_LAST_SLOT + 1 - SHADOW_FIRST_SLOT) * sizeof(u64));
	for (int i = SHADOW_FIRST_SLOT; i <= SHADOW_LAST_SLOT; i++)
		root[i] |= PTE_NX;
#endif
	write_cr3(virt_to_phys(root));
	kernel_pt = root;
#if KASAN
	for (unsigned i = 0; early_range(i, &base, &end); i++)
		kasan_cover(root, phys_to_virt(base), phys_to_virt(end), early_alloc);
	/* The top-level entry of the run-time mappings' shadow is to be there before it is copied. */
	kasan_cover(root, (void *)KMAP_BASE, (char *)KMAP_BASE + PAGE_SIZE, early_alloc);
#endif

	for (unsigned i = 0; early_range(i, &base, &end); i++)
		map_frames(ALIGN_DOWN(base, BLOCK_SIZE) >> PAGE_SHIFT, ALIGN_UP(end, BLOCK_SIZE) >> PAGE_SHIFT);
}

bool pfn_valid(pfn_t pfn)
{
	for (unsigned i = 0; i < valid_count; i++)
		if (pfn < valid[i].end)
			return pfn >= valid[i].first;
	return false;
}

/* --- tables of user page tables ------------------------------------------------------------------------------------ */

static PERCPU(struct list *, gather_list);

pte_t *pt_table_alloc(void)
{
	struct frame *f = frame_alloc(0, ALLOC_ZERO | (preempt_count() ? ALLOC_NOWAIT : 0));
	if (!f)
		return NULL;
	f->flags |= FRAME_TABLE;
	atomic_fetch_add(&mem_table_frames, 1ul);
	return frame_to_virt(f);
}

static void table_release(struct frame *f)
{
	atomic_fetch_sub(&mem_table_frames, 1ul);
	f->flags &= ~FRAME_TABLE;
	frame_free(f, 0);
}

void pt_table_free(pte_t *table)
{
	struct frame *f = virt_to_frame(table);
	struct list *gather = preempt_count() ? *percpu_ptr(gather_list) : NULL;

	ASSERT(f->flags & FRAME_TABLE);
	if (gather)
		list_add_tail(gather, &f->link);
	else
		table_release(f);
}

void pt_gather_begin(struct list *gather)
{
	preempt_disable();
	*percpu_ptr(gather_list) = gather;
}

void pt_gather_end(void)
{
	*percpu_ptr(gather_list) = NULL;
	preempt_enable();
}

void pt_gather_free(struct list *gather)
{
	struct frame *f, *next;
	list_for_each_safe(f, next, gather, link) {
		list_del(&f->link);
		table_release(f);
	}
}

pte_t *pt_new_user(void)
{
	pte_t *root = pt_table_alloc();
	if (root)
		memcpy(root + 256, kernel_pt + 256, 256 * sizeof(pte_t));
	return root;
}

/* What pt_free_tables would do for all of user space; only faster over what is empty. */
static void free_all_below(pte_t *table, int level, unsigned count)
{
	for (unsigned i = 0; (i = pt_skip_empty(table, i, count)) < count; i++) {
		pte_t *child = phys_to_virt(table[i] & PTE_ADDR);
		if (level > 2)
			free_all_below(child, level - 1, 512);
		pt_table_free(child);
	}
}

void pt_free_user(pte_t *root)
{
	free_all_below(root, 4, 256);
	pt_table_free(root);
}
