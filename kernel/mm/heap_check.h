/* The checking layer of the allocators (heap_check.c): empty in a plain kernel. */
#ifndef MM_HEAP_CHECK_H
#define MM_HEAP_CHECK_H

#include "core/kasan.h"
#include "core/node.h"
#include "core/panic.h"
#include "mm/frame.h"
#include "mm/slab.h"

#if KASAN
size_t heap_check_left(size_t align);                       /* bytes of a slot before the object */
size_t heap_check_slot(size_t object_size, size_t align);   /* bytes of a slot for it */
void heap_check_init(void);
void heap_check_alloc(struct slab_cache *c, void *object); /* it is handed out */
void heap_check_size(struct slab_cache *c, void *object, size_t size); /* only so much of it was asked for */
size_t heap_check_usable(const struct slab_cache *c, const void *object);
void heap_check_free(struct slab_cache *c, void *object);  /* takes it into quarantine */
void heap_check_kmap_free(const void *p);                  /* is it the start of a mapping? */
void heap_check_large_free(const struct frame *f, const void *p); /* is it a whole block? Panics by itself if not */
void heap_check_drain(void);                               /* empties the quarantine */
/* Between them the slab allocator works for c, interrupts off: of frames that it gets, what no object fits into is closed to it. */
void heap_check_slab_begin(const struct slab_cache *c);
void heap_check_slab_end(void);
void heap_give(struct slab_cache *c, void *object);        /* heap.c: to the slab, without checks */
void frame_check_alloc(struct frame *f, unsigned order);
void frame_check_free(struct frame *f, unsigned order);
paddr_t heap_check_shadow_page(u64 bytes, u64 align);
u64 heap_check_shadow_frames(void);
void heap_check_mark(void);                                /* objects from here on are new ... */
void heap_check_print_since(void);                         /* the same in a panic */
void heap_check_show_since(struct seq *s);                 /* ... and these of them live, by who allocated them */
struct frame *__real_buddy_alloc(unsigned order);
void __real_buddy_free(struct frame *f, unsigned order);
#else
static inline size_t heap_check_left(size_t align __unused) { return 0; }
static inline size_t heap_check_slot(size_t object_size, size_t align __unused) { return object_size; }
static inline void heap_check_init(void) {}
static inline void heap_check_alloc(struct slab_cache *c __unused, void *object __unused) {}
static inline void heap_check_size(struct slab_cache *c __unused, void *object __unused, size_t size __unused) {}
static inline size_t heap_check_usable(const struct slab_cache *c, const void *object __unused) { return c->size; }
static inline void heap_check_kmap_free(const void *p __unused) {}
static inline void heap_check_large_free(const struct frame *f, const void *p) { ASSERT(f->flags & FRAME_HEAD && IS_ALIGNED((u64)p, PAGE_SIZE)); }
static inline void heap_check_drain(void) {}
static inline void heap_check_slab_begin(const struct slab_cache *c __unused) {}
static inline void heap_check_slab_end(void) {}
static inline u64 heap_check_shadow_frames(void) { return 0; }
static inline void frame_check_alloc(struct frame *f __unused, unsigned order __unused) {}
static inline void frame_check_free(struct frame *f __unused, unsigned order __unused) {}
#endif

#endif
