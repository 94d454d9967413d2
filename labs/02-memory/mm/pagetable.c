/*
 * Page tables of four levels (Intel SDM vol. 3, section 4.5).
 *
 *      47      39 38      30 29      21 20      12 11         0
 *     +----------+----------+----------+----------+------------+
 *     | level 4  | level 3  | level 2  | level 1  |   offset   |
 *     +----------+----------+----------+----------+------------+
 *          |          |          |          |
 *        root --> 512 GiB --> 1 GiB ---> 2 MiB ---> 4 KiB frame      what one entry of the table at that level spans
 *
 * A table is a frame with 512 entries of 8 bytes; it is reached through the direct map. An entry of level 3 or 2 with PTE_LARGE maps
 * a page of 1 GiB or 2 MiB and has no table below it.
 *
 * The CPU allows what *all* entries on the way allow. So the upper ones permit everything (PRESENT, WRITE, and USER below USER_END),
 * and the leaf alone decides.
 *
 * The caller holds the lock of the tables (vm: aspace->page_lock; kernel areas: mm/kmap.c's), so table_alloc may not sleep when asked
 * from there: it returns NULL, and the caller makes room and comes again.
 */
#include "mm/pagetable.h"

#include "abi/errno.h"
#include "core/todo.h"

/* Useful: pt_index, phys_to_virt, virt_to_phys; pt_table_alloc gives a zeroed table (NULL: memory is short), pt_table_free takes it back. */
pte_t *pt_walk(pte_t *root, vaddr_t va, bool create)
{
	TODO("02-memory");
}

int pt_map(pte_t *root, vaddr_t va, paddr_t pa, u64 prot)
{
	TODO("02-memory");
}

pte_t pt_unmap(pte_t *root, vaddr_t va)
{
	TODO("02-memory");
}

pte_t pt_lookup(pte_t *root, vaddr_t va, int *level)
{
	TODO("02-memory");
}

void pt_free_tables(pte_t *root, vaddr_t start, vaddr_t end)
{
	TODO("02-memory");
}
