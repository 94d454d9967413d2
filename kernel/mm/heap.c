/*
 * The kernel heap: the layer over the slab allocator (mm/slab.c) that the kernel calls.
 *
 *   slab_alloc --> magazine of this CPU (a short stack of free objects) --(empty, full)--> slab_take, slab_give under the cache's lock
 *   kmalloc ----> the cache of the next size class up to 8 KiB, then whole frames, then (past 4 MiB) a kernel mapping page by page
 *
 * A magazine is used with interrupts off, by its CPU alone, so the usual allocation takes no lock. Magazines of all caches lie in one
 * per-CPU array; a cache past its end works without.
 *
 * Locks: c->lock (interrupts off) guards a cache; cache_list_lock the list of caches, taken alone.
 */
#include "mm/slab.h"

#include "core/debug.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "lib/radix.h"
#include "heap_check.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm_priv.h"

#define MAGAZINE_SIZE 14
#define MAGAZINES 96
#define KMALLOC_MAX_CLASS 8192

struct magazine {
	u32 count;
	void *objects[MAGAZINE_SIZE];
};
static PERCPU(struct magazine[MAGAZINES], magazines);
static u32 magazines_used;  /* cache_list_lock */
static u64 large_frames;    /* atomic: of kmallocs past the classes */

static struct spinlock cache_list_lock = SPINLOCK_INIT("slab_caches", RANK_VMALLOC);
static struct list cache_list = LIST_INIT(cache_list);

static const u16 class_sizes[] = { 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192 };
static const char *const class_names[] = { "kmalloc-16", "kmalloc-32", "kmalloc-64", "kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256",
					   "kmalloc-512", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k", "kmalloc-8k" };
static struct slab_cache classes[ARRAY_SIZE(class_sizes)];
static const u8 small_class[] = { 0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5 }; /* by DIV_ROUND_UP(size, 16) */

void slab_cache_init(struct slab_cache *c, const char *name, size_t size, size_t align)
{
	size_t object_size = MAX(size, sizeof(void *));

	align = MAX(align, sizeof(void *));
	size = ALIGN_UP(heap_check_slot(object_size, align), align);
	ASSERT(size <= 128 * 1024);
	*c = (struct slab_cache){ .name = name, .size = size, .object_size = object_size, .align = align };
	/* The smallest slab that wastes at most an eighth, and holds eight if that takes no more than 32 KiB. */
	while ((PAGE_SIZE << c->order) < size || (PAGE_SIZE << c->order) % size > (PAGE_SIZE << c->order) / 8 ||
	       ((PAGE_SIZE << c->order) / size < 8 && c->order < 3 && size < PAGE_SIZE))
		c->order++;
	c->per_slab = (PAGE_SIZE << c->order) / size;
	spin_init(&c->lock, name, RANK_SLAB);
	list_init(&c->partial);
	list_init(&c->full);
	list_init(&c->empty);

	u64 irq = spin_lock_irqsave(&cache_list_lock);
	list_add_tail(&cache_list, &c->all);
	if (!KASAN && magazines_used < MAGAZINES)
		c->percpu = (void *)(u64)++magazines_used; /* index + 1 */
	spin_unlock_irqrestore(&cache_list_lock, irq);
}

/* How many objects a magazine of c may hold: fewer when they are large. */
static inline u32 magazine_limit(const struct slab_cache *c)
{
	if (c->size <= 512)
		return MAGAZINE_SIZE;
	return c->size <= 2048 ? 6 : 2;
}

static inline struct magazine *magazine_of(const struct slab_cache *c)
{
	return c->percpu ? &(*percpu_ptr(magazines))[(u64)c->percpu - 1] : NULL;
}

static __noinline void *take_from_cache(struct slab_cache *c, struct magazine *m, unsigned flags)
{
	unsigned how = ALLOC_NORECLAIM | (flags & ALLOC_ATOMIC ? ALLOC_ATOMIC : ALLOC_NOWAIT);

	spin_lock(&c->lock);
	heap_check_slab_begin(c);
	void *obj = slab_take(c, how);
	if (obj && m) {
		/* Half a magazine more, from what slabs there are. */
		for (u32 n = magazine_limit(c) / 2; n > 0 && m->count < magazine_limit(c) && !list_empty(&c->partial); n--)
			m->objects[m->count++] = slab_take(c, how);
	}
	heap_check_slab_end();
	spin_unlock(&c->lock);
	return obj;
}

static inline void *alloc_once(struct slab_cache *c, unsigned flags)
{
	void *obj;
	u64 irq = irq_save();
	struct magazine *m = magazine_of(c);

	if (likely(m && m->count))
		obj = m->objects[--m->count];
	else
		obj = take_from_cache(c, m, flags);
	irq_restore(irq);
	return obj;
}

void *slab_alloc(struct slab_cache *c, unsigned flags)
{
	if (unlikely(alloc_fail_hook) && alloc_fail_hook(0))
		return NULL;
	void *obj = alloc_once(c, flags);

	if (unlikely(!obj)) {
		if (flags & (ALLOC_ATOMIC | ALLOC_NOWAIT | ALLOC_NORECLAIM) || preempt_count() || !irq_enabled())
			return NULL;
		for (int tries = 0; !obj && tries < 200; tries++) {
			bool more = frame_make_room(c->order);
			obj = alloc_once(c, flags);
			if (!more)
				break;
		}
		if (!obj)
			return NULL;
	}
	obj = (char *)obj + heap_check_left(c->align);
	heap_check_alloc(c, obj);
	if (flags & ALLOC_ZERO)
		memset(obj, 0, c->object_size);
	return obj;
}

#if KASAN
void heap_give(struct slab_cache *c, void *obj)
{
	u64 irq = spin_lock_irqsave(&c->lock);
	slab_give(c, obj);
	spin_unlock_irqrestore(&c->lock, irq);
}

void slab_free(struct slab_cache *c, void *obj)
{
	heap_check_free(c, obj);
}
#else
static __noinline void give_to_cache(struct slab_cache *c, struct magazine *m, void *obj)
{
	spin_lock(&c->lock);
	if (m)
		for (u32 n = magazine_limit(c) / 2; n > 0; n--)
			slab_give(c, m->objects[--m->count]);
	slab_give(c, obj);
	spin_unlock(&c->lock);
}

void slab_free(struct slab_cache *c, void *obj)
{
	u64 irq = irq_save();
	struct magazine *m = magazine_of(c);

	if (likely(m && m->count < magazine_limit(c)))
		m->objects[m->count++] = obj;
	else
		give_to_cache(c, m, obj);
	irq_restore(irq);
}
#endif

/* Magazines of other CPUs keep their few objects: a cache that goes is empty, so only what was freed lately can lie in them. */
void slab_cache_destroy(struct slab_cache *c)
{
	heap_check_drain();
	u64 irq = irq_save();
	struct magazine *m = magazine_of(c);

	spin_lock(&c->lock);
	for (u32 i = 0; c->percpu && i < cpu_count; i++) {
		m = &(*percpu_ptr_of(magazines, cpus[i]))[(u64)c->percpu - 1];
		while (m->count)
			slab_give(c, m->objects[--m->count]);
	}
	while (!list_empty(&c->empty)) {
		struct frame *head = list_first(&c->empty, struct frame, link);
		list_del(&head->link);
		c->empty_count--;
		c->slabs--;
		for (unsigned i = 0; i < 1u << c->order; i++)
			head[i].flags &= ~(FRAME_SLAB | FRAME_HEAD);
		head->free_objects = 0;
		frame_free(head, c->order);
	}
	WARN_ON(c->objects);
	spin_unlock(&c->lock);
	spin_lock(&cache_list_lock);
	list_del(&c->all);
	spin_unlock(&cache_list_lock);
	irq_restore(irq);
}

void slab_for_each(void (*fn)(struct slab_cache *c, void *arg), void *arg)
{
	struct slab_cache *c;

	heap_check_drain();
	u64 irq = spin_lock_irqsave(&cache_list_lock);
	list_for_each(c, &cache_list, all)
		fn(c, arg);
	spin_unlock_irqrestore(&cache_list_lock, irq);
}

u64 slab_in_use(const struct slab_cache *c)
{
	u64 n = c->objects;

	for (u32 i = 0; c->percpu && i < cpu_count; i++)
		n -= (*percpu_ptr_of(magazines, cpus[i]))[(u64)c->percpu - 1].count;
	return n;
}

static void add_objects(struct slab_cache *c, void *arg) { *(u64 *)arg += slab_in_use(c); }

u64 slab_all_in_use(void)
{
	u64 n = 0;

	slab_for_each(add_objects, &n);
	return n;
}

static void add_frames(struct slab_cache *c, void *arg)
{
	*(u64 *)arg += c->slabs << c->order;
}

u64 heap_frames(void)
{
	u64 n = atomic_load_relaxed(&large_frames);
	slab_for_each(add_frames, &n);
	return n;
}

/* --- kmalloc ------------------------------------------------------------------------------------------------------- */

static inline struct slab_cache *class_for(size_t size)
{
	if (size <= 192)
		return &classes[small_class[(size + 15) / 16]];
	return &classes[6 + (size <= 256 ? 0 : 64 - __builtin_clzl((size - 1) >> 8))];
}

static void *kmalloc_large(size_t size, unsigned flags)
{
	if (unlikely(alloc_fail_hook) && alloc_fail_hook(0))
		return NULL;
	if (size > (PAGE_SIZE << (MAX_ORDER - 1)) - (KASAN ? 8 : 0))
		return flags & (ALLOC_ATOMIC | ALLOC_NOWAIT) ? NULL : kmap_alloc(size, flags);
	/* In a checking kernel there is always some room behind it that is closed. */
	unsigned order = 64 - __builtin_clzl((size - 1 + (KASAN ? 8 : 0)) >> PAGE_SHIFT);
	struct frame *f = frame_alloc(order, flags);
	if (!f)
		return NULL;
	f->flags |= FRAME_HEAD;
	f->index = size;
	atomic_fetch_add(&large_frames, 1ul << order);
	if (KASAN) {
		kasan_poison(frame_to_virt(f), PAGE_SIZE << order, POISON_HEAP_REDZONE);
		kasan_unpoison(frame_to_virt(f), size);
	}
	return frame_to_virt(f);
}

void *kmalloc(size_t size, unsigned flags)
{
	if (unlikely(size > KMALLOC_MAX_CLASS))
		return kmalloc_large(size, flags);
	struct slab_cache *c = class_for(size);
	void *obj = slab_alloc(c, flags);
	if (KASAN && obj)
		heap_check_size(c, obj, size);
	return obj;
}

void *kzalloc(size_t size, unsigned flags)
{
	return kmalloc(size, flags | ALLOC_ZERO);
}

static inline bool is_kmap(const void *p)
{
	return (u64)p >= KMAP_BASE && (u64)p < KMAP_END;
}

void kfree(const void *p)
{
	if (!p)
		return;
	if (unlikely(is_kmap(p))) {
		heap_check_kmap_free(p);
		kmap_free((void *)p);
		return;
	}
	struct frame *f = virt_to_frame(p);
	if (likely(f->flags & FRAME_SLAB)) {
		slab_free(f->owner, (void *)p);
		return;
	}
	heap_check_large_free(f, p);
	atomic_fetch_sub(&large_frames, 1ul << f->order);
	frame_free(f, f->order);
}

size_t kmalloc_usable(const void *p)
{
	if (!p)
		return 0;
	if (is_kmap(p))
		return kmap_size(p);
	struct frame *f = virt_to_frame(p);
	return f->flags & FRAME_SLAB ? heap_check_usable(f->owner, p) : KASAN ? f->index : PAGE_SIZE << f->order;
}

void *krealloc(void *p, size_t size, unsigned flags)
{
	size_t old = kmalloc_usable(p);

	if (p && size <= old && size >= old / 4 && !KASAN)
		return p;
	void *n = kmalloc(size, flags);
	if (!n || !p)
		return n;
	memcpy(n, p, MIN(old, size));
	kfree(p);
	return n;
}

char *kstrdup(const char *s, unsigned flags)
{
	return kmemdup(s, strlen(s) + 1, flags);
}

void *kmemdup(const void *p, size_t n, unsigned flags)
{
	void *copy = kmalloc(n, flags & ~ALLOC_ZERO);
	if (copy)
		memcpy(copy, p, n);
	return copy;
}

static void *node_alloc(size_t size)
{
	return kmalloc(size, ALLOC_ZERO | (preempt_count() ? ALLOC_ATOMIC : 0));
}

static void node_free(void *p, size_t size __unused)
{
	kfree(p);
}

void heap_init(void)
{
	heap_check_init();
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		slab_cache_init(&classes[i], class_names[i], class_sizes[i], class_sizes[i] & (class_sizes[i] - 1) ? 16 : MIN(class_sizes[i], (u16)64));
	radix_node_alloc = node_alloc;
	radix_node_free = node_free;
}
