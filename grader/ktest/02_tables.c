/* Stage 02: page tables; and that nothing is both writable and executable. */
#include "core/ktest.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "steps.h"

KTEST(02, page_tables_map_and_forget)
{
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, ALLOC_ZERO);
	vaddr_t va = 0x400000 + (ktest_random() & 0x7ffffff) * PAGE_SIZE;
	int level = 0;

	KREQUIRE(root && f);
	KEXPECT(pt_walk(root, va, false) == NULL || *pt_walk(root, va, false) == 0);
	KEXPECT_EQ(pt_lookup(root, va, &level), 0);
	KEXPECT_EQ(pt_map(root, va, frame_to_phys(f), PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX), 0);
	pte_t e = pt_lookup(root, va, &level);
	KEXPECT_EQ(level, 1);
	KEXPECT_EQ(e & PTE_ADDR, frame_to_phys(f));
	KEXPECT_EQ(e & (PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX), PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX);
	KEXPECT_EQ(pt_map(root, va, frame_to_phys(f), PTE_PRESENT | PTE_USER), -EEXIST);
	KEXPECT_EQ(pt_lookup(root, va + PAGE_SIZE, &level), 0);
	KEXPECT_EQ(pt_unmap(root, va) & PTE_ADDR, frame_to_phys(f));
	KEXPECT_EQ(pt_lookup(root, va, &level), 0);
	KEXPECT_EQ(pt_unmap(root, va), 0);
	pt_free_tables(root, 0, USER_END);
	pt_free_user(root);
	frame_free(f, 0);
}

static struct {
	pte_t *root, *entry;
	vaddr_t va;
	u32 step; /* behind which the processor writes */
	bool written;
	pte_t old;
} race;

static void unmap_stepped(void *arg __unused)
{
	race.old = pt_unmap(race.root, race.va);
}

static void processor_writes(u32 n)
{
	if (n == race.step && *race.entry & PTE_PRESENT) {
		*race.entry |= PTE_ACCESSED | PTE_DIRTY;
		race.written = true;
	}
}

/* Another CPU writes to the page, and its processor notes that in the entry, between any two instructions of the one who takes the page away. */
KTEST(02, no_write_is_forgotten_by_who_unmaps)
{
	struct frame *f = frame_alloc(0, ALLOC_ZERO);
	u32 steps;
	int level;

	race.root = pt_new_user();
	race.va = 0x700012345000;
	KREQUIRE(race.root && f);
	race.step = 0;
	do {
		KREQUIRE(pt_map(race.root, race.va, frame_to_phys(f), PTE_USER | PTE_WRITE) == 0);
		race.entry = pt_walk(race.root, race.va, false);
		KREQUIRE(race.entry != NULL);
		race.written = false;
		race.old = 0;
		steps = ktest_step(unmap_stepped, NULL, processor_writes);
		if (!KEXPECT_EQ(race.old & PTE_ADDR, frame_to_phys(f)) || !KEXPECT(!race.written || race.old & PTE_DIRTY) ||
		    !KEXPECT_EQ(pt_lookup(race.root, race.va, &level), 0)) {
			ktest_note("instruction", race.step);
			break;
		}
	} while (++race.step < steps);
	pt_unmap(race.root, race.va);
	pt_free_tables(race.root, 0, USER_END);
	pt_free_user(race.root);
	frame_free(f, 0);
}

/* The entry of va at a level, however far down it is there. */
static pte_t entry_at(pte_t *root, vaddr_t va, int level)
{
	pte_t e = 0;

	for (int l = 4; l >= level; l--) {
		e = root[pt_index(va, l)];
		if (!(e & PTE_PRESENT))
			return 0;
		root = phys_to_virt(e & PTE_ADDR);
	}
	return e;
}

KTEST(02, the_leaf_alone_decides)
{
	const vaddr_t user = 0x123456789000, kernel = 0xffffc00123456000;
	const u64 rights = PTE_PRESENT | PTE_WRITE | PTE_USER;
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, 0);

	KREQUIRE(root && f);
	paddr_t pa = frame_to_phys(f);
	KEXPECT_EQ(pt_map(root, user, pa, PTE_USER | PTE_NX), 0); /* present without being asked for */
	KEXPECT_EQ(pt_map(root, USER_END - PAGE_SIZE, pa, PTE_USER), 0);
	KEXPECT_EQ(entry_at(root, user, 1), pa | PTE_PRESENT | PTE_USER | PTE_NX);
	for (int level = 2; level <= 4; level++) {
		KEXPECT_EQ(entry_at(root, user, level) & (rights | PTE_NX), rights);
		KEXPECT_EQ(entry_at(root, USER_END - PAGE_SIZE, level) & rights, rights);
	}
	pte_t *table = pt_table_alloc(); /* an empty root: nothing of the kernel's is touched */
	KREQUIRE(table != NULL);
	KEXPECT_EQ(pt_map(table, kernel, pa, PTE_WRITE), 0);
	for (int level = 1; level <= 4; level++)
		KEXPECT_EQ(entry_at(table, kernel, level) & rights, PTE_PRESENT | PTE_WRITE); /* ring 3 has no business there */
	KEXPECT(pt_walk(table, kernel, false) == pt_walk(table, kernel, true));
	KEXPECT(pt_walk(table, kernel + PAGE_SIZE, false) == pt_walk(table, kernel, false) + 1);
	KEXPECT(pt_walk(table, user, false) == NULL);
	KEXPECT_EQ(pt_unmap(table, user), 0); /* no table at all on the way */
	KEXPECT_EQ(pt_unmap(table, kernel), pa | PTE_PRESENT | PTE_WRITE);
	pte_t below[3];
	for (int level = 2; level <= 4; level++)
		below[level - 2] = entry_at(table, kernel, level);
	for (unsigned i = 0; i < 3; i++)
		pt_table_free(phys_to_virt(below[i] & PTE_ADDR));
	pt_table_free(table);
	KEXPECT_EQ(pt_unmap(root, user), pa | PTE_PRESENT | PTE_USER | PTE_NX);
	pt_unmap(root, USER_END - PAGE_SIZE);
	pt_free_tables(root, 0, USER_END);
	pt_free_user(root);
	frame_free(f, 0);
}

KTEST(02, only_whole_tables_are_freed)
{
	const vaddr_t base = 0x600000000000, large = 2ul << 20, huge = 1ul << 30;
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, 0);
	int level;

	KREQUIRE(root && f);
	u64 before = mem_table_frames;
	/* Three level-1 tables below one of level 2, and one more below the next. */
	vaddr_t at[] = { base, base + large, base + 2 * large + 7 * PAGE_SIZE, base + huge };
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		KEXPECT_EQ(pt_map(root, at[i], frame_to_phys(f), PTE_USER), 0);
	KEXPECT_EQ(mem_table_frames, before + 7);
	pt_free_tables(root, base + PAGE_SIZE, base + large); /* not all of the first one */
	pt_free_tables(root, base, base + large - PAGE_SIZE);
	pt_free_tables(root, base + large, base + large); /* nothing */
	KEXPECT_EQ(mem_table_frames, before + 7);
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		KEXPECT(pt_lookup(root, at[i], &level) & PTE_PRESENT);
	pt_free_tables(root, base + PAGE_SIZE, base + 2 * large + PAGE_SIZE); /* the second one alone is whole */
	KEXPECT_EQ(mem_table_frames, before + 6);
	KEXPECT_EQ(pt_lookup(root, at[1], &level), 0);
	KEXPECT(pt_lookup(root, at[0], &level) & PTE_PRESENT);
	KEXPECT(pt_lookup(root, at[2], &level) & PTE_PRESENT);
	pt_free_tables(root, base, base + huge); /* what is left of the first GiB, its level-2 table included */
	KEXPECT_EQ(mem_table_frames, before + 3);
	KEXPECT_EQ(pt_lookup(root, at[2], &level), 0);
	KEXPECT(pt_lookup(root, at[3], &level) & PTE_PRESENT);
	pt_free_tables(root, base + huge, base + (1ul << 39));
	KEXPECT_EQ(mem_table_frames, before + 1); /* level 3: it began before the range */
	pt_free_tables(root, base, base + (1ul << 39));
	KEXPECT_EQ(mem_table_frames, before);
	pt_free_user(root);
	frame_free(f, 0);
}

KTEST(02, no_memory_for_tables_is_told)
{
	const vaddr_t far = 0x234567800000;
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, 0), *chain = NULL, *next;

	KREQUIRE(root && f);
	/* What a kernel gives back for who may wait, and then its last reserve. */
	while ((next = frame_alloc(0, 0)) || (next = frame_alloc(0, ALLOC_ATOMIC))) {
		next->private = chain;
		chain = next;
	}
	KEXPECT_EQ(pt_map(root, far, frame_to_phys(f), PTE_USER), -ENOMEM);
	KEXPECT(pt_walk(root, far, true) == NULL);
	while ((next = chain)) {
		chain = next->private;
		next->private = NULL;
		frame_free(next, 0);
	}
	KEXPECT_EQ(pt_map(root, far, frame_to_phys(f), PTE_USER), 0);
	pt_unmap(root, far);
	pt_free_tables(root, 0, USER_END);
	pt_free_user(root);
	frame_free(f, 0);
}

/* Large pages of our own making, at both levels where there may be some. */
KTEST(02, large_pages_are_left_alone)
{
	const vaddr_t two = 0x500000200000, giga = 0x500040000000;
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, 0);
	int level;

	KREQUIRE(root && f);
	u64 before = mem_table_frames;
	KEXPECT_EQ(pt_map(root, two + 0x200000, frame_to_phys(f), PTE_USER), 0);
	pte_t *level3 = phys_to_virt(root[pt_index(two, 4)] & PTE_ADDR);
	pte_t *level2 = phys_to_virt(level3[pt_index(two, 3)] & PTE_ADDR);
	level2[pt_index(two, 2)] = 0x600000 | PTE_PRESENT | PTE_LARGE | PTE_USER;
	level3[pt_index(giga, 3)] = 0x40000000 | PTE_PRESENT | PTE_LARGE;
	KEXPECT_EQ(pt_lookup(root, two + 0x12345, &level), 0x600000 | PTE_PRESENT | PTE_LARGE | PTE_USER);
	KEXPECT_EQ(level, 2);
	KEXPECT_EQ(pt_lookup(root, giga + 0x1234567, &level), 0x40000000 | PTE_PRESENT | PTE_LARGE);
	KEXPECT_EQ(level, 3);
	KEXPECT(pt_walk(root, two, false) == NULL);
	KEXPECT(pt_walk(root, giga, true) == NULL);
	KEXPECT_EQ(pt_map(root, two + 5 * PAGE_SIZE, frame_to_phys(f), PTE_USER), -EEXIST);
	KEXPECT_EQ(pt_unmap(root, giga), 0);
	KEXPECT_EQ(level2[pt_index(two, 2)] & PTE_ADDR, 0x600000);
	pt_free_tables(root, two, two + 0x400000); /* the page is no table */
	KEXPECT_EQ(mem_table_frames, before + 2);
	KEXPECT(level2[pt_index(two, 2)] & PTE_LARGE);
	level2[pt_index(two, 2)] = level3[pt_index(giga, 3)] = 0;
	pt_free_tables(root, 0, USER_END);
	KEXPECT_EQ(mem_table_frames, before);
	pt_free_user(root);
	frame_free(f, 0);
}

KTEST(02, page_tables_see_large_pages)
{
	int level = 0;
	pte_t e = pt_lookup(kernel_pt, (vaddr_t)phys_to_virt(0x200000), &level);

	KEXPECT(e & PTE_PRESENT);
	KEXPECT(level >= 1 && level <= 3);
	u64 size = PAGE_SIZE << (9 * (level - 1));
	KEXPECT_EQ(e & PTE_ADDR & ~(size - 1), 0x200000 & ~(size - 1));
	if (level > 1)
		KEXPECT(pt_walk(kernel_pt, (vaddr_t)phys_to_virt(0x200000), false) == NULL);
}

KTEST(02, page_tables_are_given_back)
{
	struct frame *f = frame_alloc(0, 0);
	pte_t *root = pt_new_user();

	KREQUIRE(root && f);
	u64 tables = mem_table_frames;
	for (unsigned i = 0; i < 64; i++) /* far apart: each needs tables of its own */
		KEXPECT_EQ(pt_map(root, (u64)i << 39 | (u64)i << 30 | 0x10000, frame_to_phys(f), PTE_PRESENT | PTE_USER), 0);
	KEXPECT(mem_table_frames > tables);
	for (unsigned i = 0; i < 64; i++)
		pt_unmap(root, (u64)i << 39 | (u64)i << 30 | 0x10000);
	pt_free_tables(root, 0, USER_END);
	KEXPECT_EQ(mem_table_frames, tables);
	pt_free_user(root);
	frame_free(f, 0);
}

/* Every present leaf below `table`: none may be writable and executable. `writable`, `executable`: what the tables above allow. */
static void check_leaves(const pte_t *table, int level, u64 va, bool writable, bool executable, unsigned *bad)
{
	for (unsigned i = level == 4 ? 256 : 0; i < 512; i++) {
		pte_t e = table[i];
		if (!(e & PTE_PRESENT))
			continue;
		u64 here = va | (u64)i << (12 + 9 * (level - 1));
		bool w = writable && (e & PTE_WRITE), x = executable && !(e & PTE_NX);
		if (level == 1 || (e & PTE_LARGE && level < 4)) {
			if (w && x && (*bad)++ < 4)
				ktest_note("writable_and_executable", here);
		} else if (w && x) { /* what an upper entry forbids is forbidden below */
			check_leaves(phys_to_virt(e & PTE_ADDR), level - 1, here, w, x, bad);
		}
	}
}

KTEST(02, nothing_is_writable_and_executable)
{
	unsigned bad = 0;

	check_leaves(phys_to_virt(read_cr3() & PTE_ADDR), 4, 0, true, true, &bad);
	KEXPECT_EQ(bad, 0);
}
