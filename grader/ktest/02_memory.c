/* Stage 02: the buddy allocator, page tables, the heap; and that nothing is both writable and executable. */
#include "core/ktest.h"

#include "core/err.h"
#include "core/cpu.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

enum { MANY = 256 };

static struct frame *held[MANY];
static unsigned held_order[MANY];
static void *objects[MANY];

KTEST(02, frames_are_aligned_and_apart)
{
	for (unsigned order = 0; order < MAX_ORDER; order++) {
		struct frame *a = frame_alloc(order, 0), *b = frame_alloc(order, 0);
		KREQUIRE(a && b);
		pfn_t pa = frame_to_pfn(a), pb = frame_to_pfn(b), n = 1ul << order;
		KEXPECT_EQ(pa & (n - 1), 0);
		KEXPECT_EQ(pb & (n - 1), 0);
		KEXPECT(pa + n <= pb || pb + n <= pa);
		frame_free(a, order);
		frame_free(b, order);
	}
}

/* What the lists hold must be what the count says. */
static void lists_add_up(void)
{
	u64 sum = 0;

	for (unsigned k = 0; k < MAX_ORDER; k++)
		sum += buddy_free_blocks(k) << k;
	KEXPECT_EQ(sum, buddy_free_count());
}

KTEST(02, frames_come_back)
{
	u64 before[MAX_ORDER], free = buddy_free_count();
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_ORDER; i++)
		before[i] = buddy_free_blocks(i);
	while (n < MANY - 1 && buddy_free_blocks(3)) /* until the next one has to be cut from a larger block */
		KREQUIRE((held[n++] = buddy_alloc(3)) != NULL);
	KREQUIRE((held[n++] = buddy_alloc(3)) != NULL);
	KEXPECT_EQ(buddy_free_count(), free - 8 * n);
	lists_add_up();
	while (n > 0)
		buddy_free(held[--n], 3);
	KEXPECT_EQ(buddy_free_count(), free);
	lists_add_up();
	for (unsigned i = 0; i < MAX_ORDER; i++)
		KEXPECT_EQ(buddy_free_blocks(i), before[i]); /* merged again, all the way up */
}

KTEST(02, buddies_merge_in_any_order)
{
	static struct frame *parts[1 << (MAX_ORDER - 1)];
	u64 free = buddy_free_count(), largest = buddy_free_blocks(MAX_ORDER - 1);
	struct frame *block = buddy_alloc(MAX_ORDER - 1);

	KREQUIRE(block != NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = block + i;
	for (unsigned i = ARRAY_SIZE(parts) - 1; i > 0; i--) { /* shuffled by the seed */
		unsigned j = ktest_random() % (i + 1);
		struct frame *swap = parts[i];
		parts[i] = parts[j];
		parts[j] = swap;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) /* a block may come back in pieces */
		buddy_free(parts[i], 0);
	KEXPECT_EQ(buddy_free_count(), free);
	KEXPECT_EQ(buddy_free_blocks(MAX_ORDER - 1), largest);
	lists_add_up();
}

KTEST(02, frames_under_random_use)
{
	u64 free = buddy_free_count();

	memset(held, 0, sizeof(held));
	for (unsigned step = 0; step < 4000; step++) {
		unsigned i = ktest_random() % MANY;
		if (held[i]) {
			u64 *page = frame_to_virt(held[i]);
			u64 words = 512ul << held_order[i];
			KEXPECT_EQ(page[0], i + 1);
			KEXPECT_EQ(page[words - 1], i + 1);
			buddy_free(held[i], held_order[i]);
			held[i] = NULL;
			continue;
		}
		held_order[i] = ktest_random() % 5;
		held[i] = buddy_alloc(held_order[i]);
		if (held[i]) {
			u64 *page = frame_to_virt(held[i]);
			page[0] = page[(512ul << held_order[i]) - 1] = i + 1;
		}
	}
	for (unsigned i = 0; i < MANY; i++)
		if (held[i])
			buddy_free(held[i], held_order[i]);
	KEXPECT_EQ(buddy_free_count(), free);
	lists_add_up();
}

KTEST(02, frames_run_out_without_harm)
{
	u64 free = buddy_free_count(), taken = 0;
	struct frame *chain = NULL, *f;

	while ((f = buddy_alloc(MAX_ORDER - 1))) {
		f->private = chain;
		chain = f;
		taken += 1ul << (MAX_ORDER - 1);
	}
	KEXPECT(buddy_alloc(MAX_ORDER - 1) == NULL);
	KEXPECT_EQ(buddy_free_count(), free - taken);
	while ((f = chain)) {
		chain = f->private;
		f->private = NULL;
		buddy_free(f, MAX_ORDER - 1);
	}
	KEXPECT_EQ(buddy_free_count(), free);
}

KTEST(02, a_block_says_what_it_is)
{
	KEXPECT(buddy_alloc(MAX_ORDER) == NULL);
	for (unsigned order = 0; order < MAX_ORDER; order += 3) {
		struct frame *f = buddy_alloc(order);
		KREQUIRE(f != NULL);
		KEXPECT_EQ(f->flags & FRAME_FREE, 0);
		KEXPECT_EQ(f->order, order);
		buddy_free(f, order);
	}
	for (unsigned i = 0; i < MANY; i++) { /* some of them have to be cut from larger blocks */
		KREQUIRE((held[i] = buddy_alloc(0)) != NULL);
		KEXPECT_EQ(held[i]->order, 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		buddy_free(held[i], 0);
	/* Cut one of the largest into its parts: each half that goes back is the head of a free block of its order. */
	struct frame *block = buddy_alloc(MAX_ORDER - 1);
	KREQUIRE(block != NULL);
	buddy_free(block + 1, 0);
	KEXPECT(block[1].flags & FRAME_FREE);
	KEXPECT_EQ(block[1].order, 0);
	for (unsigned k = 1; k < MAX_ORDER - 1; k++) {
		u64 before = buddy_free_blocks(k);
		buddy_free(block + (1 << k), k);
		KEXPECT_EQ(buddy_free_blocks(k), before + 1); /* its buddy is not free as a whole: no merge */
		KEXPECT(block[1 << k].flags & FRAME_FREE);
		KEXPECT_EQ(block[1 << k].order, k);
		KEXPECT_EQ(block[(1 << k) + 1].flags & FRAME_FREE, 0);
	}
	u64 largest = buddy_free_blocks(MAX_ORDER - 1);
	buddy_free(block, 0); /* the last piece: all of them become one */
	KEXPECT_EQ(buddy_free_blocks(MAX_ORDER - 1), largest + 1);
	KEXPECT(block->flags & FRAME_FREE);
	for (unsigned k = 0; k < MAX_ORDER - 1; k++)
		KEXPECT_EQ(block[1 << k].flags & FRAME_FREE, 0);
	lists_add_up();
}

KTEST(02, the_smallest_block_that_fits_is_taken)
{
	u64 before[MAX_ORDER];
	struct frame *part = buddy_alloc(4), *f;

	KREQUIRE(part != NULL);
	buddy_free(part, 1); /* now there is one of order 1, whose buddy is ours */
	for (unsigned k = 0; k < MAX_ORDER; k++)
		before[k] = buddy_free_blocks(k);
	KREQUIRE((f = buddy_alloc(1)) != NULL);
	KEXPECT_EQ(buddy_free_blocks(1), before[1] - 1);
	for (unsigned k = 2; k < MAX_ORDER; k++)
		KEXPECT_EQ(buddy_free_blocks(k), before[k]);
	buddy_free(f, 1);
	for (unsigned k = 2; k < 16; k += 2)
		buddy_free(part + k, 1);
	lists_add_up();
}

KTEST(02, ranges_are_given_in_the_largest_blocks)
{
	struct frame *block = buddy_alloc(MAX_ORDER - 1);
	u64 before[MAX_ORDER], free = buddy_free_count();

	KREQUIRE(block != NULL);
	pfn_t first = frame_to_pfn(block), n = 1ul << (MAX_ORDER - 1);
	for (unsigned k = 0; k < MAX_ORDER; k++)
		before[k] = buddy_free_blocks(k);
	buddy_add_range(first + 5, first + 5); /* nothing */
	KEXPECT_EQ(buddy_free_count(), free);
	/* 3 … 77: 3, 4-7, 8-15, 16-31, 32-63, 64-71, 72-75, 76 */
	buddy_add_range(first + 3, first + 77);
	static const u8 blocks[] = { 2, 0, 2, 2, 1, 1, 0, 0, 0, 0, 0 };
	for (unsigned k = 0; k < MAX_ORDER; k++)
		KEXPECT_EQ(buddy_free_blocks(k), before[k] + blocks[k]);
	KEXPECT_EQ(buddy_free_count(), free + 74);
	buddy_add_range(first + 77, first + n);
	buddy_add_range(first, first + 3);
	KEXPECT_EQ(buddy_free_blocks(MAX_ORDER - 1), before[MAX_ORDER - 1] + 1);
	KEXPECT_EQ(buddy_free_count(), free + n);
	lists_add_up();
}

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
	while ((next = frame_alloc(0, ALLOC_ATOMIC))) {
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

KTEST(02, slab_objects_are_apart)
{
	static struct slab_cache cache;
	enum { SIZE = 72 };

	slab_cache_init(&cache, "ktest", SIZE, 16);
	for (unsigned i = 0; i < MANY; i++) {
		objects[i] = slab_alloc(&cache, 0);
		KREQUIRE(objects[i] != NULL);
		KEXPECT_EQ((u64)objects[i] & 15, 0);
		memset(objects[i], i, SIZE);
	}
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned b = 0; b < SIZE; b++)
			if (((u8 *)objects[i])[b] != (u8)i) {
				KEXPECT_EQ(((u8 *)objects[i])[b], (u8)i);
				break;
			}
	for (unsigned i = 0; i < MANY; i++)
		slab_free(&cache, objects[i]);
	slab_cache_destroy(&cache);
}

/* The invariants at the head of mm/slab.c, on a cache that nobody else uses. */
static void slab_is_sound(struct slab_cache *c)
{
	struct frame *head;
	u64 slabs = 0, free = 0, empty = 0;
	struct list *lists[] = { &c->partial, &c->full, &c->empty };

	for (unsigned l = 0; l < ARRAY_SIZE(lists); l++)
		list_for_each(head, lists[l], link) {
			unsigned n = 0;
			for (void **obj = head->private; obj && n <= c->per_slab; obj = *obj)
				n++;
			KEXPECT_EQ(n, head->index); /* the chain is as long as the count says */
			KEXPECT(l == 0 ? n > 0 && n < c->per_slab : l == 1 ? n == 0 : n == c->per_slab);
			for (unsigned i = 0; i < 1u << c->order; i++) {
				KEXPECT(head[i].flags & FRAME_SLAB);
				KEXPECT_EQ(head[i].owner, c);
				KEXPECT_EQ(!!(head[i].flags & FRAME_HEAD), i == 0);
			}
			slabs++;
			free += n;
			empty += l == 2;
		}
	KEXPECT_EQ(c->slabs, slabs);
	KEXPECT_EQ(c->empty_count, empty);
	KEXPECT_EQ(c->objects, slabs * c->per_slab - free);
}

KTEST(02, slabs_stand_on_the_list_that_they_belong_to)
{
	static struct slab_cache cache;

	slab_cache_init(&cache, "ktest3", 1000, 0); /* several frames a slab */
	KEXPECT(cache.order > 0);
	unsigned n = 3 * cache.per_slab;
	KREQUIRE(n <= MANY);
	u64 irq = irq_save();
	for (unsigned i = 0; i < n; i++) {
		objects[i] = slab_take(&cache, 0);
		if (!KEXPECT(objects[i] != NULL))
			break;
		slab_is_sound(&cache);
	}
	KEXPECT_EQ(cache.slabs, 3);
	struct frame *heads[3];
	for (unsigned s = 0; s < 3; s++)
		heads[s] = virt_to_frame((void *)ALIGN_DOWN((u64)objects[s * cache.per_slab], PAGE_SIZE << cache.order));
	/* One of each slab comes back: no new memory for the next three. */
	for (unsigned s = 0; s < 3; s++) {
		slab_give(&cache, objects[s * cache.per_slab + 1]);
		slab_is_sound(&cache);
	}
	for (unsigned s = 0; s < 3; s++) {
		void *obj = slab_take(&cache, 0);
		u64 bytes = PAGE_SIZE << cache.order;
		for (unsigned t = 0; t < 3; t++) /* whichever slab it is from */
			if (ALIGN_DOWN((u64)obj, bytes) == ALIGN_DOWN((u64)objects[t * cache.per_slab], bytes))
				objects[t * cache.per_slab + 1] = obj;
	}
	KEXPECT_EQ(cache.slabs, 3);
	slab_is_sound(&cache);
	/* A slab that is wholly free is kept, but one alone; and one that is partly used goes first. */
	for (unsigned i = 0; i < cache.per_slab; i++)
		slab_give(&cache, objects[i]);
	slab_is_sound(&cache);
	KEXPECT_EQ(cache.slabs, 3);
	slab_give(&cache, objects[n - 1]);
	objects[n - 1] = slab_take(&cache, 0);
	KEXPECT_EQ(cache.empty_count, 1);
	slab_is_sound(&cache);
	for (unsigned i = cache.per_slab; i < n; i++) {
		slab_give(&cache, objects[i]);
		slab_is_sound(&cache);
	}
	KEXPECT_EQ(cache.slabs, 1);
	KEXPECT_EQ(cache.objects, 0);
	objects[0] = slab_take(&cache, 0); /* the one that was kept serves */
	KEXPECT_EQ(cache.slabs, 1);
	KEXPECT_EQ(cache.empty_count, 0);
	slab_is_sound(&cache);
	slab_give(&cache, objects[0]);
	unsigned gone = 0;
	for (unsigned s = 0; s < 3; s++)
		if (!(heads[s]->flags & FRAME_SLAB)) { /* no trace is left on frames that went back */
			KEXPECT_EQ(heads[s]->flags & FRAME_HEAD, 0);
			KEXPECT_EQ(heads[s]->owner, NULL);
			KEXPECT_EQ(heads[s][1].owner, NULL);
			KEXPECT_EQ(heads[s][1].flags & FRAME_SLAB, 0);
			KEXPECT_EQ(heads[s]->private, NULL);
			gone++;
		}
	KEXPECT_EQ(gone, 2);
	irq_restore(irq);
	slab_cache_destroy(&cache);
}

KTEST(02, a_slab_without_memory_says_so)
{
	static struct slab_cache cache;
	struct frame *chain = NULL, *f;

	slab_cache_init(&cache, "ktest4", 512, 0);
	while ((f = frame_alloc(0, ALLOC_ATOMIC))) {
		f->private = chain;
		chain = f;
	}
	u64 irq = irq_save();
	KEXPECT(slab_take(&cache, ALLOC_ATOMIC | ALLOC_NORECLAIM) == NULL);
	KEXPECT_EQ(cache.slabs, 0);
	KEXPECT_EQ(cache.objects, 0);
	irq_restore(irq);
	while ((f = chain)) {
		chain = f->private;
		f->private = NULL;
		frame_free(f, 0);
	}
	slab_cache_destroy(&cache);
}

KTEST(02, slab_frees_are_used_again)
{
	static struct slab_cache cache;

	slab_cache_init(&cache, "ktest2", 128, 0);
	u64 slabs = 0;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < MANY; i++)
			KREQUIRE((objects[i] = slab_alloc(&cache, 0)) != NULL);
		for (unsigned i = 0; i < MANY; i++)
			slab_free(&cache, objects[i]);
		frame_free_now(); /* in a checking kernel this empties the quarantine */
		if (round == 0)
			slabs = cache.slabs;
		KEXPECT(cache.slabs <= slabs + 1);
	}
	slab_cache_destroy(&cache);
}

KTEST(02, heap_under_random_use)
{
	static u32 sizes[MANY];

	memset(objects, 0, sizeof(objects));
	for (unsigned step = 0; step < 6000; step++) {
		unsigned i = ktest_random() % MANY;
		if (objects[i]) {
			u8 *p = objects[i];
			KEXPECT(p[0] == (u8)i && p[sizes[i] - 1] == (u8)i);
			kfree(p);
			objects[i] = NULL;
			continue;
		}
		sizes[i] = 1 + ktest_random() % (step % 16 ? 500 : 40000);
		u8 *p = objects[i] = kmalloc(sizes[i], 0);
		if (p) {
			KEXPECT(kmalloc_usable(p) >= sizes[i]);
			p[0] = p[sizes[i] - 1] = i;
		}
	}
	for (unsigned i = 0; i < MANY; i++)
		kfree(objects[i]);
}

KTEST(02, heap_edges)
{
	void *a = kmalloc(0, 0), *b = kmalloc(0, 0);

	KEXPECT(a && b && a != b);
	kfree(a);
	kfree(b);
	kfree(NULL);
	KEXPECT(kmalloc(1ul << 40, 0) == NULL);
	u8 *z = kzalloc(3000, 0);
	KREQUIRE(z != NULL);
	for (unsigned i = 0; i < 3000; i++)
		if (z[i]) {
			KEXPECT_EQ(z[i], 0);
			break;
		}
	memset(z, 0x5a, 3000);
	z = krealloc(z, 9000, 0);
	KREQUIRE(z != NULL);
	KEXPECT(z[0] == 0x5a && z[2999] == 0x5a);
	kfree(z);
}

KTEST(02, stacks_have_a_guard_page)
{
	char *stack = kstack_alloc();
	int level;

	KREQUIRE(stack != NULL);
	KEXPECT(pt_lookup(kernel_pt, (vaddr_t)stack, &level) & PTE_PRESENT);
	KEXPECT(pt_lookup(kernel_pt, (vaddr_t)stack + KSTACK_SIZE - 1, &level) & PTE_PRESENT);
	KEXPECT_EQ(pt_lookup(kernel_pt, (vaddr_t)stack - PAGE_SIZE, &level) & PTE_PRESENT, 0);
	kstack_free(stack);
}
