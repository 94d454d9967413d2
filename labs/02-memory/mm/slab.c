/*
 * The slab allocator: objects of one size, cut out of blocks of frames.
 *
 *     struct slab_cache        a slab: 2^order frames, naturally aligned
 *     +---------+              +--------+--------+--------+--------+------+
 *     | partial |--> frame --->| object |  free -+--> free ---> 0  | rest |
 *     | full    |    private ----------------^   |        |        |      |
 *     | empty   |    free_objects = 2            |        |        |      |
 *     +---------+              +--------+--------+--------+--------+------+
 *
 * The struct frame of a slab's first frame is its head: it links the slab into one of three lists, counts the free objects, and points
 * at the first of them. A free object's first word points at the next free one, so bookkeeping costs no memory.
 *
 * Invariants:
 *  1. A slab with 0 free objects is on `full`, one with all free on `empty`, any other on `partial`.
 *  2. objects = objects handed out; slabs = slabs held; empty_count = length of `empty`.
 *  3. Every frame of a slab has FRAME_SLAB and `owner` set, the first one FRAME_HEAD as well. On a frame that went back nothing of that
 *     is left, nor a `private` or `free_objects`.
 *
 * Allocation prefers partial slabs, so that the others can become empty; at most SLAB_KEEP_EMPTY of these are kept.
 * The caller (mm/heap.c) holds c->lock. Source: Bonwick, The Slab Allocator, USENIX 1994.
 */
#include "mm/slab.h"

#include "core/panic.h"
#include "core/todo.h"

#define SLAB_KEEP_EMPTY 1

/* The given layer (mm/heap.c) has filled in size, per_slab and order, and made the three lists empty. Frames come from frame_alloc(c->order, flags). */
void *slab_take(struct slab_cache *c, unsigned flags)
{
	TODO("02-memory");
}

void slab_give(struct slab_cache *c, void *obj)
{
	TODO("02-memory");
}
