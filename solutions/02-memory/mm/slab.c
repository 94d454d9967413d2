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

#ifdef SOLUTION
static struct frame *slab_of(struct slab_cache *c, void *obj)
{
	u64 bytes = PAGE_SIZE << c->order;
	return virt_to_frame((void *)ALIGN_DOWN((u64)obj, bytes));
}

/* A fresh slab with all its objects chained, on no list. */
static struct frame *slab_create(struct slab_cache *c, unsigned flags)
{
	struct frame *head = frame_alloc(c->order, flags);
	if (!head)
		return NULL;
	for (unsigned i = 0; i < 1u << c->order; i++) {
		head[i].flags |= FRAME_SLAB;
		head[i].owner = c;
	}
	head->flags |= FRAME_HEAD;
	head->free_objects = c->per_slab;
	head->private = NULL;
	char *base = frame_to_virt(head);
	for (unsigned i = c->per_slab; i-- > 0;) {
		void **obj = (void **)(base + (size_t)i * c->size);
		*obj = head->private;
		head->private = obj;
	}
	c->slabs++;
	return head;
}

static void slab_destroy(struct slab_cache *c, struct frame *head)
{
	for (unsigned i = 0; i < 1u << c->order; i++) {
		head[i].flags &= ~(FRAME_SLAB | FRAME_HEAD);
		head[i].owner = NULL;
	}
	head->private = NULL;
	head->free_objects = 0;
	c->slabs--;
	frame_free(head, c->order);
}

void *slab_take(struct slab_cache *c, unsigned flags)
{
	struct frame *head;

	if (!list_empty(&c->partial)) {
		head = list_first(&c->partial, struct frame, link);
		list_del(&head->link);
	} else if (!list_empty(&c->empty)) {
		head = list_first(&c->empty, struct frame, link);
		list_del(&head->link);
		c->empty_count--;
	} else {
		head = slab_create(c, flags);
		if (!head)
			return NULL;
	}

	void **obj = head->private;
	head->private = *obj;
	head->free_objects--;
	list_add(head->free_objects ? &c->partial : &c->full, &head->link);
	c->objects++;
	return obj;
}

void slab_give(struct slab_cache *c, void *obj)
{
	struct frame *head = slab_of(c, obj);

	ASSERT(head->flags & FRAME_SLAB && head->owner == c);
	ASSERT(((u64)obj & ((PAGE_SIZE << c->order) - 1)) % c->size == 0);
	*(void **)obj = head->private;
	head->private = obj;
	head->free_objects++;
	c->objects--;

	list_del(&head->link);
	if (head->free_objects < c->per_slab) {
		list_add(&c->partial, &head->link);
	} else if (c->empty_count < SLAB_KEEP_EMPTY) {
		list_add(&c->empty, &head->link);
		c->empty_count++;
	} else {
		slab_destroy(c, head);
	}
}
#else
/* The given layer (mm/heap.c) has filled in size, per_slab and order, and made the three lists empty. Frames come from frame_alloc(c->order, flags). */
void *slab_take(struct slab_cache *c, unsigned flags)
{
	TODO("02-memory");
}

void slab_give(struct slab_cache *c, void *obj)
{
	TODO("02-memory");
}
#endif
