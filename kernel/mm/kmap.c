/*
 * Kernel mappings made at run time: thread stacks, large buffers, device registers.
 *
 *   KMAP_BASE   | guard | area A ...... | guard | area B | guard | free |             next_free                    area_end
 *
 * An area is found again by its first page: its entries go on until the guard page, which is never mapped. So no record is kept of an
 * area in use. Areas come in sizes of 1 to 64 pages, above that in powers of two; one that was freed is handed out again for
 * the same size only, so nothing is ever searched and nothing merges. The chain of free areas of a size is kept in the page
 * tables: the (not present) first entry of a free area holds the address of the next one.
 *
 * Entries of frames that do not belong to the area (kmap_pages, kmap_device) carry PTE_SPECIAL.
 *
 * Locks: kmap_lock guards the chains and the page tables of the area. No TLB holds an address when it is handed out: whoever frees one flushes
 * all CPUs first.
 */
#include "mm/pagetable.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "heap_check.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm_priv.h"

#define EXACT_SIZES 64
#define BUCKETS (EXACT_SIZES + 1 + 24)
#define AREA_SPAN (1ul << 39) /* the part of the KMAP range that the boot-time top-level entry covers */
#define CHAIN_END 2ul         /* not zero, not present */

static struct spinlock kmap_lock = SPINLOCK_INIT("kmap", RANK_VMALLOC);
static vaddr_t next_free = KMAP_BASE + PAGE_SIZE; /* kmap_lock */
static vaddr_t free_areas[BUCKETS];               /* kmap_lock; 0: none */

/* Pages that an area of n pages takes, and the chain it comes from. */
static size_t area_pages(size_t n, unsigned *bucket)
{
	if (n <= EXACT_SIZES) {
		*bucket = n;
		return n;
	}
	unsigned log = 64 - __builtin_clzl(n - 1);
	*bucket = EXACT_SIZES + 1 + log - 7;
	return 1ul << log;
}

/* Address space for n pages: 0 if there is none. kmap_lock held. */
static vaddr_t area_take(size_t n)
{
	unsigned bucket;
	size_t pages = area_pages(n, &bucket);
	if (bucket >= BUCKETS)
		return 0;
	vaddr_t va = free_areas[bucket];
	if (va) {
		pte_t *first = pt_walk(kernel_pt, va, false);
		free_areas[bucket] = *first == CHAIN_END ? 0 : *first;
		*first = 0;
		return va;
	}
	if (pages + 1 > (KMAP_BASE + AREA_SPAN - next_free) >> PAGE_SHIFT)
		return 0;
	va = next_free;
	next_free += (pages + 1) << PAGE_SHIFT;
	return va;
}

/* Gives the addresses back; nothing is mapped there any more. kmap_lock held. */
static void area_give(vaddr_t va, size_t n)
{
	unsigned bucket;
	area_pages(n, &bucket);
	pte_t *first = pt_walk(kernel_pt, va, false);
	if (!first)
		return; /* never had a table: the address is lost, the memory is not */
	*first = free_areas[bucket] ? free_areas[bucket] : CHAIN_END;
	free_areas[bucket] = va;
}

/* Maps one page, making room for tables outside of the lock. */
static int map_page(vaddr_t va, paddr_t pa, u64 prot)
{
	for (int tries = 0;; tries++) {
		u64 irq = spin_lock_irqsave(&kmap_lock);
		int err = pt_map(kernel_pt, va, pa, prot);
		spin_unlock_irqrestore(&kmap_lock, irq);
		if (err != -ENOMEM || tries == 100 || preempt_count() || !frame_make_room(0))
			return err;
	}
}

static void flush_everywhere(vaddr_t start, vaddr_t end)
{
	for (vaddr_t va = start; va < end; va += PAGE_SIZE)
		invlpg(va);
	NOTIFIER_CALL(kernel_tlb_flush, start, end);
}

/* Unmaps the first `mapped` pages of an area of n and gives it back, with the frames that it owns. */
static void area_release(vaddr_t va, size_t n, size_t mapped)
{
	struct list frames;
	struct frame *f, *next;

	list_init(&frames);
	u64 irq = spin_lock_irqsave(&kmap_lock);
	for (size_t i = 0; i < mapped; i++) {
		pte_t old = pt_unmap(kernel_pt, va + i * PAGE_SIZE);
		if (old && !(old & PTE_SPECIAL))
			list_add_tail(&frames, &phys_to_frame(old & PTE_ADDR)->link);
	}
	spin_unlock_irqrestore(&kmap_lock, irq);

	kasan_poison((void *)va, mapped * PAGE_SIZE, POISON_UNMAPPED);
	flush_everywhere(va, va + mapped * PAGE_SIZE);
	list_for_each_safe(f, next, &frames, link) {
		list_del(&f->link);
		frame_free(f, 0);
	}
	irq = spin_lock_irqsave(&kmap_lock);
	area_give(va, n);
	spin_unlock_irqrestore(&kmap_lock, irq);
}

static vaddr_t area_reserve(size_t n)
{
	u64 irq = spin_lock_irqsave(&kmap_lock);
	vaddr_t va = area_take(n);
#if KASAN
	if (va && !kasan_cover(kernel_pt, (void *)va, (char *)va + n * PAGE_SIZE, heap_check_shadow_page))
		va = 0;
	if (va)
		kasan_unpoison((void *)va, n * PAGE_SIZE);
#endif
	spin_unlock_irqrestore(&kmap_lock, irq);
	return va;
}

void *kmap_pages(struct frame **frames, size_t n, u64 prot)
{
	vaddr_t va = n ? area_reserve(n) : 0;
	if (!va)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (map_page(va + i * PAGE_SIZE, frame_to_phys(frames[i]), prot | PTE_SPECIAL | PTE_GLOBAL | PTE_NX)) {
			area_release(va, n, i);
			return NULL;
		}
	}
	return (void *)va;
}

void *kmap_alloc(size_t bytes, unsigned alloc_flags)
{
	size_t n = (bytes >> PAGE_SHIFT) + !IS_ALIGNED(bytes, PAGE_SIZE);
	vaddr_t va = n && n < frame_total() ? area_reserve(n) : 0;
	if (!va)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct frame *f = frame_alloc(0, alloc_flags);
		if (f && map_page(va + i * PAGE_SIZE, frame_to_phys(f), PTE_WRITE | PTE_GLOBAL | PTE_NX)) {
			frame_free(f, 0);
			f = NULL;
		}
		if (!f) {
			area_release(va, n, i);
			return NULL;
		}
	}
	return (void *)va;
}

/* Mapped pages of the area that starts at va. */
static size_t area_length(vaddr_t va)
{
	size_t n = 0;
	pte_t *entry;
	u64 irq = spin_lock_irqsave(&kmap_lock);

	while ((entry = pt_walk(kernel_pt, va + n * PAGE_SIZE, false)) && *entry & PTE_PRESENT)
		n++;
	spin_unlock_irqrestore(&kmap_lock, irq);
	return n;
}

size_t kmap_size(const void *addr)
{
	return area_length((vaddr_t)addr) << PAGE_SHIFT;
}

void kmap_free(void *addr)
{
	vaddr_t va = ALIGN_DOWN((vaddr_t)addr, PAGE_SIZE);

	if (!addr || va < KMAP_BASE || va >= KMAP_END)
		return; /* kmap_device answers with the direct map for ordinary memory */
	size_t n = area_length(va);
	ASSERT(n);
	area_release(va, n, n);
}

void *kmap_device(paddr_t pa, size_t bytes)
{
	paddr_t base = ALIGN_DOWN(pa, PAGE_SIZE), end = pa + bytes;

	if (!bytes || end < pa || end > PTE_ADDR)
		return NULL;
	if (early_is_memory(pa, end))
		return phys_to_virt(pa);
	size_t n = DIV_ROUND_UP(end - base, PAGE_SIZE);
	vaddr_t va = area_reserve(n);
	if (!va)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (map_page(va + i * PAGE_SIZE, base + i * PAGE_SIZE, PTE_WRITE | PTE_SPECIAL | PTE_GLOBAL | PTE_PCD | PTE_PWT | PTE_NX)) {
			area_release(va, n, i);
			return NULL;
		}
	}
	return (char *)va + (pa - base);
}
