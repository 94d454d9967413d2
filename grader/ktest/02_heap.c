/* Stage 02: the heap, its slabs, and kernel stacks. */
#include "core/ktest.h"

#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

enum { MANY = 256 };

static void *objects[MANY];

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
			KEXPECT_EQ(n, head->free_objects); /* the chain is as long as the count says */
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

/* What the caller asks of the memory is asked of the frames: the words that no list needs are zero, whatever lay there before. */
KTEST(02, a_slab_hands_the_flags_on)
{
	static struct slab_cache cache;
	struct frame *used[16];
	unsigned n = 0;
	u64 irq;

	slab_cache_init(&cache, "ktest5", 512, 0);
	irq = irq_save(); /* nobody else takes these meanwhile */
	while (n < ARRAY_SIZE(used) && (used[n] = frame_alloc(cache.order, 0)) != NULL)
		memset(frame_to_virt(used[n++]), 0xa5, PAGE_SIZE << cache.order);
	KEXPECT_EQ(n, ARRAY_SIZE(used));
	while (n > 0)
		frame_free(used[--n], cache.order);
	u64 *obj = slab_take(&cache, ALLOC_ZERO);
	if (KEXPECT(obj != NULL)) {
		u64 any = 0;
		for (unsigned i = 1; i < 512 / sizeof(*obj); i++)
			any |= obj[i];
		KEXPECT_EQ(any, 0);
		slab_give(&cache, obj);
	}
	irq_restore(irq);
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

/* --- by name only: what a slab must not take back ------------------------------------------------------------------------ */

static void give_back(struct slab_cache *c, void *obj)
{
	u64 irq = spin_lock_irqsave(&c->lock);
	slab_give(c, obj);
	spin_unlock_irqrestore(&c->lock, irq);
}

static void *one_of(struct slab_cache *c, const char *name)
{
	slab_cache_init(c, name, 96, 0);
	u64 irq = spin_lock_irqsave(&c->lock);
	void *obj = slab_take(c, 0);
	spin_unlock_irqrestore(&c->lock, irq);
	return obj;
}

static struct slab_cache one_cache, another_cache;

KTEST(02, crash_object_of_another_cache)
{
	void *obj = one_of(&one_cache, "one");

	KREQUIRE(obj && one_of(&another_cache, "another"));
	give_back(&another_cache, obj);
}

KTEST(02, crash_middle_of_an_object)
{
	char *obj = one_of(&one_cache, "one");

	KREQUIRE(obj != NULL);
	give_back(&one_cache, obj + 8);
}

KTEST(02, crash_no_object_at_all)
{
	void *page = page_alloc(0);

	KREQUIRE(page && one_of(&one_cache, "one"));
	give_back(&one_cache, page);
}
