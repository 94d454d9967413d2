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

/* Useful: vm_next_table, vm_table_end, vm_make_table, vm_share_page; vm_anon_frame, vm_set_pte (vm/aspace.h). */
int cow_copy_area(struct area *to, struct area *from)
{
	TODO("07-processes");
}

int cow_write_fault(struct area *a, vaddr_t va, pte_t pte)
{
	TODO("07-processes");
}
