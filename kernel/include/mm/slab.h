/* Kernel heap: caches of equal objects (slabs), and kmalloc over size classes. Interrupt handlers may allocate with ALLOC_ATOMIC and may free. */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "core/spinlock.h"
#include "lib/list.h"
#include "mm/frame.h"

struct slab_cache {
	const char *name;
	u32 size;            /* of an object, rounded up to its alignment (in a checking kernel: of its slot, red zone included) */
	u32 object_size;     /* as asked for */
	u32 align;
	u32 per_slab;        /* objects in a slab */
	u8 order;            /* frames of a slab: 2^order */
	struct spinlock lock; /* guards all below */
	struct list partial, full; /* slabs, by frame->link */
	struct list empty;
	u32 empty_count;
	u64 objects, slabs;  /* in use; held */
	struct list all;     /* in the list of caches */
	void *percpu;        /* the given layer's caches */
};
/* For a static or allocated cache. size <= 128 KiB; align a power of two (0: 8). */
void slab_cache_init(struct slab_cache *c, const char *name, size_t size, size_t align);
void *slab_alloc(struct slab_cache *c, unsigned flags); /* alloc_flags; NULL when memory is short */
void slab_free(struct slab_cache *c, void *obj);
void slab_cache_destroy(struct slab_cache *c); /* all objects must be free */
/* Objects in use, without those that lie ready in magazines; approximate while others use the cache. */
u64 slab_in_use(const struct slab_cache *c);
u64 slab_all_in_use(void); /* of all caches */
/* A checking kernel: panics if there are more objects than at the mark, and says who allocated those that are new. With nothing else going on. */
#if DEBUG
void leak_mark(void);
void leak_check(void);
#else
static inline void leak_mark(void) {}
static inline void leak_check(void) {}
#endif
/* Calls fn for every cache (the list is locked). */
void slab_for_each(void (*fn)(struct slab_cache *c, void *arg), void *arg);

/* Student's (mm/slab.c), called with c->lock held and without per-CPU layer: */
void *slab_take(struct slab_cache *c, unsigned flags);
void slab_give(struct slab_cache *c, void *obj);

/* Any size; past 8 KiB from the frame allocator. Contents undefined unless ALLOC_ZERO. NULL when memory is short. kmalloc(0) is a valid, distinct pointer. */
void *kmalloc(size_t size, unsigned flags);
void *kzalloc(size_t size, unsigned flags);
void *krealloc(void *p, size_t size, unsigned flags);
void kfree(const void *p); /* NULL is fine */
size_t kmalloc_usable(const void *p);
char *kstrdup(const char *s, unsigned flags);
void *kmemdup(const void *p, size_t n, unsigned flags);

#endif
