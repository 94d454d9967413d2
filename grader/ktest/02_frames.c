/* Stage 02: the buddy allocator. */
#include "core/ktest.h"

#include "lib/string.h"
#include "mm/frame.h"

enum { MANY = 256 };

static struct frame *held[MANY];
static unsigned held_order[MANY];

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
