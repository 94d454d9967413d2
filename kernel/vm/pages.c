/*
 * Page-table entries one by one: what faults do.
 *
 * An entry of a user page is one of
 *
 *   0                              nothing: a fault fills it
 *   PRESENT | frame | rights       a page; the table holds a reference to its frame, unless PTE_SPECIAL is set
 *   NOACCESS | frame               the same page while its area is PROT_NONE (mprotect took PRESENT away)
 *
 * page_lock is a spinlock, so tables needed below it are taken without waiting; when there is no memory, we let go, make room, and come again.
 * It is held only for the change of an entry: since no table goes away while as->lock is held, the way to an entry is walked before.
 */
#include "vm_priv.h"

#include "core/panic.h"
#include "lib/string.h"
#include "sched/smp.h"

struct frame *zero_frame;

/* Before there is a fork: a page of our own that lost the right (mprotect) gets it back. */
static int allow_write(struct area *a, vaddr_t va, pte_t pte)
{
	if (!(phys_to_frame(pte & PTE_ADDR)->flags & FRAME_ANON))
		return -EIO;
	return vm_set_pte(a, va, pte, pte | PTE_WRITE | PTE_DIRTY);
}
int (*vm_write_protect_hook)(struct area *a, vaddr_t va, pte_t pte) = allow_write;

u64 vm_leaf_bits(const struct area *a)
{
	return PTE_PRESENT | PTE_USER | PTE_ACCESSED | (a->prot & PROT_EXEC ? 0 : PTE_NX);
}

struct frame *vm_anon_frame(unsigned alloc_flags)
{
	struct frame *f = frame_alloc(0, alloc_flags | ALLOC_USER);
	if (f)
		frame_mark_anon(f);
	return f;
}

pte_t vm_read_pte(struct aspace *as, vaddr_t va)
{
	pte_t *entry = pt_walk(as->pt, va, false);

	return entry ? READ_ONCE(*entry) : 0;
}

int vm_hold_shared_page(struct area *a, vaddr_t va, pte_t pte, struct frame **out)
{
	struct aspace *as = a->aspace;
	struct frame *f = pte & PTE_SPECIAL ? NULL : phys_to_frame(pte & PTE_ADDR);

	*out = NULL;
	spin_lock(&as->page_lock);
	pte_t *entry = pt_walk(as->pt, va, false);
	bool same = entry && !((*entry ^ pte) & ~(PTE_ACCESSED | PTE_DIRTY));
	if (same && f && !(f->flags & FRAME_ANON && refcount_read(&f->ref) == 1)) {
		frame_get(f);
		*out = f;
	}
	spin_unlock(&as->page_lock);
	return same ? 0 : -EAGAIN;
}

/* The entry of va with page_lock taken; NULL (not taken) when memory is short. */
static pte_t *lock_entry(struct aspace *as, vaddr_t va)
{
	pte_t *entry = pt_walk(as->pt, va, false);

	if (likely(entry)) {
		spin_lock(&as->page_lock);
		return entry;
	}
	for (;;) {
		spin_lock(&as->page_lock);
		entry = pt_walk(as->pt, va, true);
		if (likely(entry))
			return entry;
		spin_unlock(&as->page_lock);
		if (!frame_make_room(0))
			return NULL;
	}
}

pte_t *vm_make_table(struct aspace *as, vaddr_t va)
{
	pte_t *entry = lock_entry(as, va);
	if (entry)
		spin_unlock(&as->page_lock);
	return entry;
}

/* Counts f in: its reference is the caller's. Is it mapped for the first time, of those in a cache? (frame_count_mapped) page_lock held. */
static bool page_added(struct area *a, struct frame *f)
{
	struct aspace *as = a->aspace;
	bool first = false;

	++*rss_counter(as, f);
	if (f->flags & FRAME_ANON) {
		if (a->ops && !(a->flags & AREA_HAS_ANON))
			atomic_fetch_or(&a->flags, (u32)AREA_HAS_ANON);
	} else if (f->flags & FRAME_CACHE) {
		first = !__atomic_fetch_add(&f->mapcount, 1, __ATOMIC_RELAXED);
	}
	u64 rss = as->anon_rss + as->file_rss + as->shmem_rss;
	if (rss > as->peak_rss)
		as->peak_rss = rss;
	return first;
}

void vm_share_page(struct area *to, struct frame *f)
{
	frame_get(f);
	frame_count_mapped(page_added(to, f));
}

/*
 * A page that left its cache while it was mapped has lost FRAME_CACHE; its mapcount tells that it was counted as a file's.
 */
bool vm_page_removed(struct aspace *as, struct frame *f)
{
	bool last = false;

	if (f->flags & FRAME_ANON) {
		as->anon_rss--;
	} else if (f->mapcount) {
		last = __atomic_fetch_sub(&f->mapcount, 1, __ATOMIC_RELAXED) == 1;
		as->file_rss--;
	} else {
		as->shmem_rss--;
	}
	return last;
}

/* page_lock held, which vm_wrprotect_file_range takes after the page lost its FRAME_DIRTY. */
static bool written_back_since(const struct area *a, pte_t new)
{
	u32 flags;

	if (!(new & PTE_WRITE) || !(a->flags & AREA_SHARED) || new & PTE_SPECIAL || !a->ops || !a->ops->make_writable)
		return false;
	flags = atomic_load_relaxed(&phys_to_frame(new & PTE_ADDR)->flags);
	return (flags & (FRAME_CACHE | FRAME_DIRTY)) == FRAME_CACHE;
}

int vm_set_pte(struct area *a, vaddr_t va, pte_t old, pte_t new)
{
	struct aspace *as = a->aspace;
	bool same = old && !((old ^ new) & PTE_ADDR);
	struct frame *f = new & PTE_SPECIAL || same ? NULL : phys_to_frame(new & PTE_ADDR);
	struct frame *gone = NULL;

	pte_t *entry = lock_entry(as, va);
	if (unlikely(!entry))
		return -ENOMEM;
	/* What the CPU set on its own does not count as a change. A page of a shared mapping that was written back since it was made writable is asked for once more. */
	if (unlikely((*entry ^ old) & ~(PTE_ACCESSED | PTE_DIRTY)) || unlikely(written_back_since(a, new)) ||
	    (f && a->file && !(atomic_load_relaxed(&f->flags) & (FRAME_CACHE | FRAME_ANON)))) {
		spin_unlock(&as->page_lock);
		return -EAGAIN;
	}
	if (f)
		frame_count_mapped(page_added(a, f));
	if (old && !same && !(old & PTE_SPECIAL)) {
		gone = phys_to_frame(old & PTE_ADDR);
		frame_count_mapped(-(s64)vm_page_removed(as, gone));
	}
	WRITE_ONCE(*entry, new);
	spin_unlock(&as->page_lock);

	if (old & PTE_PRESENT) {
		if (same)
			tlb_flush_local(va, va + PAGE_SIZE); /* others may keep the lesser right: they fault, and find this */
		else
			vm_flush(as, va, va + PAGE_SIZE);
	}
	if (gone)
		frame_put(gone);
	return 0;
}

unsigned vm_fill_entries(struct area *a, pte_t *entry, struct frame *const *frames, unsigned n)
{
	u64 bits = vm_leaf_bits(a) | PTE_WRITE | PTE_DIRTY;
	unsigned i = 0;

	spin_lock(&a->aspace->page_lock);
	for (; i < n && !entry[i]; i++) {
		page_added(a, frames[i]);
		WRITE_ONCE(entry[i], frame_to_phys(frames[i]) | bits);
	}
	spin_unlock(&a->aspace->page_lock);
	return i;
}

/* --- pages that a cache has already -------------------------------------------------------------------------------- */

void vm_map_cached_batch(struct area *a, vaddr_t va, struct frame *const *frames, unsigned n)
{
	struct aspace *as = a->aspace;
	u64 bits = vm_leaf_bits(a);
	s64 fresh = 0;

	spin_lock(&as->page_lock);
	pte_t *entry = NULL;
	for (unsigned i = 0; i < n; i++, entry++, va += PAGE_SIZE) {
		if (!entry || !pt_index(va, 1)) {
			entry = pt_walk(as->pt, va, true);
			if (!entry)
				break;
		}
		struct frame *f = frames[i];
		if (!f || *entry || !(atomic_load_relaxed(&f->flags) & FRAME_CACHE))
			continue;
		frame_get(f);
		fresh += page_added(a, f);
		WRITE_ONCE(*entry, frame_to_phys(f) | bits);
	}
	frame_count_mapped(fresh);
	spin_unlock(&as->page_lock);
}

void vm_map_cached(struct area *a, vaddr_t va, struct frame *f)
{
	vm_map_cached_batch(a, va, &f, 1);
}

#define AROUND (16 * PAGE_SIZE)

bool vm_map_around(struct area *a, vaddr_t va)
{
	if (!a->ops || !a->ops->map_around)
		return false;
	vaddr_t start = MAX(a->start, ALIGN_DOWN(va, AROUND)), end = MIN(a->end, ALIGN_DOWN(va, AROUND) + AROUND);
	a->ops->map_around(a, start, end);
	return vm_read_pte(a->aspace, va) != 0;
}

void vm_pages_init(void)
{
	zero_frame = frame_alloc(0, ALLOC_ZERO);
	if (!zero_frame)
		panic("no memory for the page of zeroes");
}
