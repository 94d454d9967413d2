/*
 * The buddy allocator: blocks of 2^order page frames.
 *
 * All free memory is cut into blocks of 1, 2, 4 ... 2^(MAX_ORDER-1) frames. A block of order k starts at a frame number that is a
 * multiple of 2^k, so two blocks of order k that together make one of order k+1, the buddies, differ in bit k of their frame number:
 *
 *     order 3   |               0               |               8               |
 *     order 2   |       0       |       4       |       8       |      12       |
 *     order 1   |   0   |   2   |   4   |   6   |   8   |  10   |  12   |  14   |
 *
 * Allocation takes a block of the smallest order that is large enough and halves it until it fits; the unused halves go to their
 * lists. Freeing looks at the buddy: while it is free as a whole, the two merge.
 *
 * Invariants:
 *  1. The head of a free block, and no other frame, has FRAME_FREE set; its `order` is the order of the list that it is on.
 *  2. Two free buddies of the same order never coexist (below the largest order): they would have merged.
 *  3. Every frame of an aligned block of the largest order has a struct frame if one of them has (mm/init.c sees to it; what is no
 *     memory is marked FRAME_RESERVED). So a buddy can always be looked at.
 *
 * The caller (mm/frame.c) holds the buddy lock.
 * Source: Knuth, The Art of Computer Programming, vol. 1, section 2.5.
 */
#include "mm/frame.h"

#include "core/panic.h"
#include "core/todo.h"

#ifdef SOLUTION
static struct list free_lists[MAX_ORDER];
static u64 free_blocks[MAX_ORDER];
static u64 free_frames;

static void block_insert(struct frame *f, unsigned order)
{
	f->flags = FRAME_FREE;
	f->order = order;
	list_add(&free_lists[order], &f->link);
	free_blocks[order]++;
}

static void block_remove(struct frame *f)
{
	list_del(&f->link);
	free_blocks[f->order]--;
	f->flags = 0;
}

void buddy_init(void)
{
	for (unsigned k = 0; k < MAX_ORDER; k++)
		list_init(&free_lists[k]);
}

struct frame *buddy_alloc(unsigned order)
{
	unsigned k = order;
	while (k < MAX_ORDER && list_empty(&free_lists[k]))
		k++;
	if (k >= MAX_ORDER)
		return NULL;

	struct frame *f = list_first(&free_lists[k], struct frame, link);
	block_remove(f);
	while (k > order) {
		k--;
		block_insert(f + (1ul << k), k); /* keep the lower half, give the upper one back */
	}
	f->order = order;
	free_frames -= 1ul << order;
	return f;
}

void buddy_free(struct frame *f, unsigned order)
{
	pfn_t pfn = frame_to_pfn(f);

	ASSERT(IS_ALIGNED(pfn, 1ul << order));
	ASSERT(!(f->flags & (FRAME_FREE | FRAME_RESERVED)));
	free_frames += 1ul << order;
	while (order < MAX_ORDER - 1) {
		struct frame *buddy = pfn_to_frame(pfn ^ 1ul << order);
		if (!(buddy->flags & FRAME_FREE) || buddy->order != order)
			break;
		block_remove(buddy);
		pfn &= ~(1ul << order);
		order++;
	}
	block_insert(pfn_to_frame(pfn), order);
}

void buddy_add_range(pfn_t first, pfn_t end)
{
	while (first < end) {
		unsigned order = MAX_ORDER - 1;
		while (!IS_ALIGNED(first, 1ul << order) || first + (1ul << order) > end)
			order--;
		buddy_free(pfn_to_frame(first), order);
		first += 1ul << order;
	}
}

u64 buddy_free_count(void)
{
	return free_frames;
}

u64 buddy_free_blocks(unsigned order)
{
	return free_blocks[order];
}
#else
/*
 * Yours: one list of free blocks for each order, and how many frames are free in all. struct frame (mm/frame.h) has all that a
 * block needs: `link` for the list, `order`, and the flag FRAME_FREE.
 */
void buddy_init(void)
{
	TODO("02-memory");
}

struct frame *buddy_alloc(unsigned order)
{
	TODO("02-memory");
}

void buddy_free(struct frame *f, unsigned order)
{
	TODO("02-memory");
}

void buddy_add_range(pfn_t first, pfn_t end)
{
	TODO("02-memory");
}

u64 buddy_free_count(void)
{
	TODO("02-memory");
}

u64 buddy_free_blocks(unsigned order)
{
	TODO("02-memory");
}
#endif
