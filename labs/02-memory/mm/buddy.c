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
