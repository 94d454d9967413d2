/*
 * Page-table entries by whole ranges: unmapping, changing rights, moving, freeing tables.
 *
 * A range is walked table by table (vm_next_table), page_lock taken once a table. What is taken out is gathered, and its
 * frames are freed only after the TLBs forgot them:
 *
 *      entries cleared --> gather (64 frames) --> TLB flush on the CPUs in cpu_mask --> references dropped
 *
 * The same for page tables: a CPU may still walk them until it is flushed.
 * An address space that nobody uses any more (vm_zap_all) needs no flush: a CPU that still has it loaded runs kernel threads on it, which
 * touch no user memory, and loads another root before the next user thread. Its tables stay until that (aspace->ref).
 */
#include "vm_priv.h"

#include "core/panic.h"
#include "sched/smp.h"

#define GATHER 64

struct gather {
	struct aspace *as;
	bool quiet;         /* no TLB holds anything that matters */
	bool alone;         /* no other CPU can set bits in the entries */
	vaddr_t start, end; /* not flushed yet */
	unsigned n;
	struct frame *frames[GATHER];
};

static void gather_flush(struct gather *g)
{
	if (g->start < g->end && !g->quiet)
		vm_flush(g->as, g->start, g->end);
	g->start = ~0ul;
	g->end = 0;
	for (unsigned i = 0; i < g->n; i++)
		frame_put(g->frames[i]);
	g->n = 0;
}

pte_t *vm_next_table(pte_t *root, vaddr_t *va, vaddr_t end)
{
	while (*va < end) {
		pte_t *table = root;
		int level = 4;
		for (; level > 1; level--) {
			pte_t e = READ_ONCE(table[pt_index(*va, level)]);
			if (!(e & PTE_PRESENT))
				break;
			table = phys_to_virt(e & PTE_ADDR);
		}
		if (level == 1)
			return &table[pt_index(*va, 1)];
		/* On within this table: most are nearly empty. */
		unsigned shift = 12 + 9 * (level - 1);
		vaddr_t base = ALIGN_DOWN(*va, 512ul << shift);
		unsigned limit = MIN(512ul, ((end - 1 - base) >> shift) + 1);
		*va = base + ((u64)pt_skip_empty(table, pt_index(*va, level), limit) << shift);
	}
	return NULL;
}

/* Takes out entries from va on, until `end` or until the gather is full: where it stopped. page_lock held. */
static vaddr_t zap_table(struct gather *g, pte_t *entry, vaddr_t va, vaddr_t end)
{
	struct aspace *as = g->as;
	s64 unmapped = 0;

	for (; va < end && g->n < GATHER; va += PAGE_SIZE, entry++) {
		pte_t pte = *entry;
		if (!pte) {
			unsigned skip = pt_skip_empty(entry, 0, (end - va) >> PAGE_SHIFT) - 1;
			va += skip * PAGE_SIZE;
			entry += skip;
			continue;
		}
		if (g->alone)
			WRITE_ONCE(*entry, 0);
		else
			pte = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);
		if (pte & PTE_PRESENT) {
			if (va < g->start)
				g->start = va;
			if (va + PAGE_SIZE > g->end)
				g->end = va + PAGE_SIZE;
		}
		if (pte & PTE_SPECIAL)
			continue;
		struct frame *f = phys_to_frame(pte & PTE_ADDR);
		unmapped += vm_page_removed(as, f);
		g->frames[g->n++] = f;
	}
	frame_count_mapped(-unmapped);
	return va;
}

static void zap_range(struct gather *g, vaddr_t va, vaddr_t end)
{
	struct aspace *as = g->as;

	while (va < end) {
		spin_lock(&as->page_lock);
		pte_t *entry = vm_next_table(as->pt, &va, end);
		if (entry)
			va = zap_table(g, entry, va, vm_table_end(va, end));
		spin_unlock(&as->page_lock);
		if (!entry)
			break;
		if (g->n == GATHER)
			gather_flush(g);
	}
	gather_flush(g);
}

void vm_zap(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct gather g = { .as = as, .start = ~0ul };
	zap_range(&g, start, end);
}

void vm_zap_all(struct aspace *as)
{
	struct gather g = { .as = as, .quiet = true, .alone = true, .start = ~0ul };
	for (struct rbnode *n = rb_first(&as->areas); n; n = rb_next(n)) {
		struct area *a = container_of(n, struct area, node);
		zap_range(&g, a->start, a->end);
	}
}

/*
 * A table that is empty now is likely to be wanted again soon when little was unmapped: then only every 64th call looks. The look takes in all of
 * the hole, so what the others left is found as well.
 */
void vm_free_tables(struct aspace *as, vaddr_t start, vaddr_t end)
{
	if (end - start < LARGE_PAGE_SIZE && ++as->small_unmaps % 64)
		return;
	struct area *next = area_find(as, start);
	vaddr_t ceiling = next ? next->start : 1ul << 47, floor = 0;

	if (next && next->start < end)
		return;
	struct rbnode *n = next ? rb_prev(&next->node) : rb_last(&as->areas);
	if (n)
		floor = container_of(n, struct area, node)->end;

	/* Is there a level-1 table in the hole that [start, end) touched? */
	vaddr_t low = ALIGN_DOWN(start, LARGE_PAGE_SIZE), high = ALIGN_UP(end, LARGE_PAGE_SIZE);
	if (low < floor)
		low += LARGE_PAGE_SIZE;
	if (high > ceiling)
		high -= LARGE_PAGE_SIZE;
	if (low >= high)
		return;

	/* Upper tables may become empty as well: look at all of the hole inside the top-level entries concerned. */
	u64 top = 1ul << 39;
	struct list tables;
	list_init(&tables);
	spin_lock(&as->page_lock);
	pt_gather_begin(&tables);
	pt_free_tables(as->pt, MAX(floor, ALIGN_DOWN(start, top)), MIN(ceiling, ALIGN_UP(end, top)));
	pt_gather_end();
	spin_unlock(&as->page_lock);
	if (!list_empty(&tables)) {
		vm_flush_tables(as);
		pt_gather_free(&tables);
	}
}

/* --- rights -------------------------------------------------------------------------------------------------------- */

/* May a write to this page go through at once? Only where it needs no copy and nobody has to be told. */
static bool writable_at_once(const struct area *a, pte_t pte)
{
	if (!(a->prot & PROT_WRITE))
		return false;
	if (pte & PTE_WRITE)
		return true;
	if (a->flags & AREA_SHARED)
		return a->ops && !a->ops->make_writable && !a->file;
	if (pte & PTE_SPECIAL)
		return false;
	struct frame *f = phys_to_frame(pte & PTE_ADDR);
	return f->flags & FRAME_ANON && refcount_read(&f->ref) == 1;
}

static pte_t new_rights(const struct area *a, pte_t pte)
{
	pte_t keep = pte & (PTE_ADDR | PTE_SPECIAL | PTE_DIRTY | PTE_COW | PTE_PCD | PTE_PWT);
	if (!(a->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		return keep | PTE_NOACCESS | PTE_NX;
	return keep | vm_leaf_bits(a) | (writable_at_once(a, pte) ? PTE_WRITE : 0);
}

void vm_reprotect(struct area *a)
{
	struct aspace *as = a->aspace;
	vaddr_t va = a->start, first = ~0ul, last = 0;

	while (va < a->end) {
		spin_lock(&as->page_lock);
		pte_t *entry = vm_next_table(as->pt, &va, a->end);
		vaddr_t end = entry ? vm_table_end(va, a->end) : va;
		for (; va < end; va += PAGE_SIZE, entry++) {
			pte_t old = *entry, new;
			if (!old)
				continue;
			/* Bits that the CPU sets meanwhile (accessed, dirty) decide nothing here; rights change only under page_lock. */
			new = new_rights(a, old);
			if (new == old)
				continue;
			WRITE_ONCE(*entry, new);
			if (old & PTE_PRESENT) {
				first = MIN(first, va);
				last = va + PAGE_SIZE;
			}
		}
		spin_unlock(&as->page_lock);
		if (!entry)
			break;
	}
	if (first < last)
		vm_flush(as, first, last);
}

static void wrprotect(struct aspace *as, vaddr_t va, vaddr_t end)
{
	vaddr_t first = ~0ul, last = 0;
	pte_t *entry;

	while ((entry = vm_next_table(as->pt, &va, end))) {
		for (vaddr_t stop = vm_table_end(va, end); va < stop; va += PAGE_SIZE, entry++) {
			if (!(*entry & PTE_WRITE))
				continue;
			__atomic_fetch_and(entry, ~(PTE_WRITE | PTE_DIRTY), __ATOMIC_SEQ_CST);
			first = MIN(first, va);
			last = va + PAGE_SIZE;
		}
	}
	if (first < last)
		vm_flush(as, first, last);
}

/* --- moving -------------------------------------------------------------------------------------------------------- */

int vm_move(struct aspace *as, vaddr_t src, vaddr_t dst, size_t len)
{
	vaddr_t va = src, end = src + len;
	int err = 0;

	while (va < end) {
		if (!vm_next_table(as->pt, &va, end))
			break;
		/* As far as both tables go. */
		vaddr_t stop = MIN(vm_table_end(va, end), va + (vm_table_end(va - src + dst, ~0ul) - (va - src + dst)));
		if (!vm_make_table(as, va - src + dst)) {
			err = -ENOMEM;
			break;
		}
		spin_lock(&as->page_lock);
		pte_t *from = pt_walk(as->pt, va, false), *to = pt_walk(as->pt, va - src + dst, false);
		for (; va < stop; va += PAGE_SIZE, from++, to++) {
			if (!*from)
				continue;
			pte_t pte = __atomic_exchange_n(from, 0, __ATOMIC_SEQ_CST);
			WRITE_ONCE(*to, pte);
		}
		spin_unlock(&as->page_lock);
	}
	vm_flush(as, src, end);
	return err;
}

/* --- ranges of files ----------------------------------------------------------------------------------------------- */

/* The part of a that shows file pages [first, last): false if none. a->aspace->page_lock held. */
static bool area_part(const struct area *a, u64 first, u64 last, vaddr_t *start, vaddr_t *end)
{
	u64 pages = pages_of(a);
	if (last <= a->pgoff || first >= a->pgoff + pages)
		return false;
	*start = first <= a->pgoff ? a->start : a->start + ((first - a->pgoff) << PAGE_SHIFT);
	*end = last - a->pgoff >= pages ? a->end : a->start + ((last - a->pgoff) << PAGE_SHIFT);
	return true;
}

/* Takes pages out of one area; with areas_lock held, so nothing here sleeps. Private copies stay unless even_private. */
static void zap_file_part(struct area *a, u64 first, u64 last, bool even_private)
{
	struct aspace *as = a->aspace;
	struct gather g = { .as = as, .start = ~0ul };
	vaddr_t va, end;

	spin_lock(&as->page_lock);
	if (!area_part(a, first, last, &va, &end))
		end = va = 0;
	pte_t *entry;
	while (va < end && (entry = vm_next_table(as->pt, &va, end))) {
		for (vaddr_t stop = vm_table_end(va, end); va < stop; va += PAGE_SIZE, entry++) {
			if (*entry && !even_private && !(*entry & PTE_SPECIAL) && phys_to_frame(*entry & PTE_ADDR)->flags & FRAME_ANON)
				continue;
			zap_table(&g, entry, va, va + PAGE_SIZE);
			if (g.n == GATHER)
				gather_flush(&g);
		}
	}
	spin_unlock(&as->page_lock);
	gather_flush(&g);
}

void vm_unmap_file_range(struct list *areas, struct spinlock *areas_lock, u64 first_pgoff, u64 end_pgoff, bool even_private)
{
	struct area *a;

	spin_lock(areas_lock);
	list_for_each(a, areas, cache_link)
		zap_file_part(a, first_pgoff, end_pgoff, even_private);
	spin_unlock(areas_lock);
}

void vm_wrprotect_file_range(struct list *areas, struct spinlock *areas_lock, u64 first_pgoff, u64 end_pgoff)
{
	struct area *a;
	vaddr_t start, end;

	spin_lock(areas_lock);
	list_for_each(a, areas, cache_link) {
		if (!(a->flags & AREA_SHARED))
			continue;
		spin_lock(&a->aspace->page_lock);
		if (area_part(a, first_pgoff, end_pgoff, &start, &end))
			wrprotect(a->aspace, start, end);
		spin_unlock(&a->aspace->page_lock);
	}
	spin_unlock(areas_lock);
}
