/*
 * Copy-on-write: fork shares the pages, and the first write to one makes the copy.
 *
 *     before fork            after fork                      after the child wrote
 *
 *     parent: [RW]--> page   parent: [R ]--+                 parent: [R ]--> page (1 reference)
 *                                          +--> page
 *                            child:  [R ]--+ (2 references)  child:  [RW]--> copy
 *
 * The frame's reference count tells whether a page is shared, so nothing has to be noted in the other process: when the parent writes at last, it finds
 * that the page is its own again, and goes on without a copy.
 *
 * Shared mappings are not touched by fork (faults find their pages again); neither are private file pages that nobody wrote, unless the
 * area has others (the given aspace_fork asks only for areas that need it).
 */
#include "vm/aspace.h"

#include "core/err.h"
#include "core/todo.h"
#include "lib/string.h"
#include "proc/cow.h"

#ifdef SOLUTION
/* The child's entry for the parent's: page_lock of the parent held. */
static void share_entry(struct area *to, pte_t *dst, pte_t *src)
{
	pte_t pte = *src;

	if (pte & PTE_SPECIAL)
		return; /* the zero page: faults find it again */
	if (pte & PTE_WRITE) {
		pte &= ~PTE_WRITE;
		__atomic_fetch_and(src, ~PTE_WRITE, __ATOMIC_SEQ_CST);
	}
	vm_share_page(to, phys_to_frame(pte & PTE_ADDR));
	*dst = pte & ~PTE_DIRTY;
}

int cow_copy_area(struct area *to, struct area *from)
{
	struct aspace *parent = from->aspace;
	vaddr_t va = from->start;

	while (vm_next_table(parent->pt, &va, from->end)) {
		vaddr_t end = vm_table_end(va, from->end);
		pte_t *dst = vm_make_table(to->aspace, va);
		if (!dst)
			return -ENOMEM;
		spin_lock(&parent->page_lock);
		for (pte_t *src = pt_walk(parent->pt, va, false); va < end; va += PAGE_SIZE, src++, dst++)
			if (*src)
				share_entry(to, dst, src);
		spin_unlock(&parent->page_lock);
	}
	return 0;
}

int cow_write_fault(struct area *a, vaddr_t va, pte_t pte)
{
	struct frame *page = phys_to_frame(pte & PTE_ADDR);

	/* Nobody else has it: no cache (it is anonymous), no other process. Nobody can come to have it: fork waits for the lock that we hold. */
	if (page->flags & FRAME_ANON && refcount_read(&page->ref) == 1)
		return vm_set_pte(a, va, pte, pte | PTE_WRITE | PTE_DIRTY);

	struct frame *copy = vm_anon_frame(0);
	if (!copy)
		return -ENOMEM;
	/* The page stays: our caller holds it. If another thread of ours replaced it meanwhile, vm_set_pte says so, and the copy is thrown away. */
	memcpy(frame_to_virt(copy), frame_to_virt(page), PAGE_SIZE);
	int err = vm_set_pte(a, va, pte, frame_to_phys(copy) | vm_leaf_bits(a) | PTE_WRITE | PTE_DIRTY);
	if (err)
		frame_put(copy);
	return err;
}
#else
/* Useful: vm_next_table, vm_table_end, vm_make_table, vm_share_page; vm_anon_frame, vm_set_pte (vm/aspace.h). */
int cow_copy_area(struct area *to, struct area *from)
{
	TODO("07-processes");
}

int cow_write_fault(struct area *a, vaddr_t va, pte_t pte)
{
	TODO("07-processes");
}
#endif
