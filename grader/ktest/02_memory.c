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
