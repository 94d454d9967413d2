/* Lab 02's optional challenges. Asked for by name (make grade LAB=02 CHALLENGE=name). */
#include "core/ktest.h"

#include "core/cpu.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"

enum { MANY = 128 };
static struct frame *held[MANY];

/* The lowest block that fits comes first, in whatever order blocks were given back: memory stays free in one piece at its upper end. */
KTEST(02, challenge_lowest_first)
{
	struct frame *block = buddy_alloc(MAX_ORDER - 1), *f;
	unsigned n = 0;

	KREQUIRE(block != NULL);
	/* Take all single frames and small blocks there are, so that only those of our block are left. */
	struct frame *chain = NULL;
	for (unsigned order = 0; order < MAX_ORDER; order++)
		while (buddy_free_blocks(order) && (f = buddy_alloc(order))) {
			f->private = chain;
			chain = f;
		}
	for (unsigned i = 0; i < MANY; i++) { /* every second frame, shuffled: none of them merges */
		held[i] = block + 2 * i;
	}
	for (unsigned i = MANY - 1; i > 0; i--) {
		unsigned j = ktest_random() % (i + 1);
		struct frame *swap = held[i];
		held[i] = held[j];
		held[j] = swap;
	}
	for (unsigned i = 0; i < MANY; i++)
		buddy_free(held[i], 0);
	struct frame *last = NULL;
	for (; n < MANY; n++) {
		f = buddy_alloc(0);
		if (!KEXPECT(f != NULL && f > last))
			break;
		last = f;
	}
	if (n < MANY && f)
		n++;
	KEXPECT_EQ(buddy_free_count(), MANY - n);
	/* All goes back: what we hold of the block, then the rest. */
	while (buddy_free_count())
		buddy_alloc(0);
	for (unsigned i = 0; i < 1u << (MAX_ORDER - 1); i++)
		buddy_free(block + i, 0);
	while ((f = chain)) {
		chain = f->private;
		f->private = NULL;
		buddy_free(f, f->order);
	}
}

/*
 * Slab colouring (Bonwick, section 4.3): slabs of one cache use the bytes that are left over to start their objects at different offsets, so that equal
 * fields of different objects do not all fall into the same lines of the processor's cache.
 */
KTEST(02, challenge_colouring)
{
	static struct slab_cache cache;
	static void *objects[MANY];
	u64 offsets = 0; /* bit per 64 bytes */
	unsigned n = 0;

	slab_cache_init(&cache, "colours", 704, 64); /* leaves several lines over */
	u64 bytes = PAGE_SIZE << cache.order, irq = irq_save();
	while (n < MANY && cache.slabs < 5) {
		objects[n] = slab_take(&cache, 0);
		if (!KEXPECT(objects[n] != NULL))
			break;
		u64 at = (u64)objects[n] & (bytes - 1);
		KEXPECT_EQ(at % 64, 0);		    /* aligned as before */
		KEXPECT(at + 704 <= bytes);	    /* and inside of the slab */
		offsets |= 1ul << (at % cache.size / 64);
		memset(objects[n], n, 704);
		n++;
	}
	KEXPECT(__builtin_popcountl(offsets) >= 2);
	for (unsigned i = 0; i < n; i++)
		KEXPECT(((u8 *)objects[i])[0] == (u8)i && ((u8 *)objects[i])[703] == (u8)i);
	for (unsigned i = 0; i < n; i++)
		slab_give(&cache, objects[i]);
	irq_restore(irq);
	slab_cache_destroy(&cache);
}
