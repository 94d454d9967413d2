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

#ifdef SOLUTION
static pte_t *entry_table(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR);
}

pte_t *pt_walk(pte_t *root, vaddr_t va, bool create)
{
	pte_t *table = root;
	u64 rights = PTE_PRESENT | PTE_WRITE | (va < USER_END ? PTE_USER : 0);

	for (int level = 4; level > 1; level--) {
		pte_t *entry = &table[pt_index(va, level)];
		if (!(*entry & PTE_PRESENT)) {
			if (!create)
				return NULL;
			pte_t *fresh = pt_table_alloc();
			if (!fresh)
				return NULL;
			WRITE_ONCE(*entry, virt_to_phys(fresh) | rights);
		} else if (*entry & PTE_LARGE) {
			return NULL;
		}
		table = entry_table(*entry);
	}
	return &table[pt_index(va, 1)];
}

int pt_map(pte_t *root, vaddr_t va, paddr_t pa, u64 prot)
{
	int level;
	if (pt_lookup(root, va, &level))
		return -EEXIST;
	pte_t *entry = pt_walk(root, va, true);
	if (!entry)
		return -ENOMEM;
	WRITE_ONCE(*entry, pa | prot | PTE_PRESENT);
	return 0;
}

pte_t pt_unmap(pte_t *root, vaddr_t va)
{
	pte_t *entry = pt_walk(root, va, false);
	if (!entry || !(*entry & PTE_PRESENT))
		return 0;
	/* In one step: the CPU may set ACCESSED and DIRTY until the entry is gone. */
	return __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);
}

pte_t pt_lookup(pte_t *root, vaddr_t va, int *level)
{
	pte_t *table = root;

	for (*level = 4; *level >= 1; --*level) {
		pte_t entry = READ_ONCE(table[pt_index(va, *level)]);
		if (!(entry & PTE_PRESENT))
			return 0;
		if (*level == 1 || entry & PTE_LARGE)
			return entry;
		table = entry_table(entry);
	}
	return 0;
}

/* Frees the tables below `table` that lie wholly inside [start, end). `base` is the first address that `table` spans. */
static void free_below(pte_t *table, int level, vaddr_t base, vaddr_t start, vaddr_t end)
{
	u64 span = 1ul << (12 + 9 * (level - 1)); /* of one entry */
	unsigned first = start > base ? (start - base) / span : 0;

	for (unsigned i = first; i < 512 && base + i * span < end; i++) {
		vaddr_t low = base + i * span;
		if (!(table[i] & PTE_PRESENT) || table[i] & PTE_LARGE)
			continue;
		pte_t *child = entry_table(table[i]);
		if (level > 2)
			free_below(child, level - 1, low, start, end);
		if (low >= start && low + span <= end) {
			WRITE_ONCE(table[i], 0);
			pt_table_free(child);
		}
	}
}

void pt_free_tables(pte_t *root, vaddr_t start, vaddr_t end)
{
	free_below(root, 4, 0, start, end);
}
#else
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
#endif
