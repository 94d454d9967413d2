/* Page frames: the table that describes each, and the allocator of blocks of 2^order frames. */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "core/atomic.h"
#include "lib/list.h"
#include "mm/layout.h"

#define MAX_ORDER 11 /* orders 0 … 10: 4 KiB … 4 MiB */

enum frame_flags {
	FRAME_RESERVED = 1 << 0, /* not memory, or never given out */
	FRAME_FREE = 1 << 1,     /* head of a free block in the buddy; `order` is valid */
	FRAME_SLAB = 1 << 2,     /* belongs to a slab cache */
	FRAME_CACHE = 1 << 3,    /* in a page cache: `owner` and `index` are valid */
	FRAME_ANON = 1 << 4,     /* anonymous user memory: set by frame_mark_anon, counted until it is freed */
	FRAME_DIRTY = 1 << 5,
	FRAME_UPTODATE = 1 << 6, /* page cache: contents are valid */
	FRAME_LOCKED = 1 << 7,   /* page cache: being filled or written (page_lock) */
	FRAME_REFERENCED = 1 << 8, /* page cache: these two are page replacement's, to keep notes of use */
	FRAME_TABLE = 1 << 9,    /* a page table */
	FRAME_ERROR = 1 << 10,
	FRAME_WRITEBACK = 1 << 11,
	FRAME_HEAD = 1 << 12,    /* first of a block of 2^order handed out */
	FRAME_ACTIVE = 1 << 13,
};

struct frame {
	u32 flags;           /* atomic bits */
	struct refcount ref; /* 0 while free; users: page-table entries, cache, pins */
	u8 order;            /* of the block this heads */
	u8 cpu;
	u16 spare;           /* a checking kernel: the frame is free and holds a pattern */
	union {
		u32 mapcount;     /* page cache: number of user page-table entries that map it */
		u32 free_objects; /* head of a slab */
	};
	void *owner;         /* struct pagecache *, struct slab_cache *, … by flags */
	union {
		u64 index;     /* page number in the page cache */
		void *private; /* head of a slab: its first free object */
	};
	struct list link;    /* free list, slab list, LRU: by owner */
};

static inline struct frame *pfn_to_frame(pfn_t pfn) { return (struct frame *)FRAMES_BASE + pfn; }
static inline pfn_t frame_to_pfn(const struct frame *f) { return (pfn_t)(f - (struct frame *)FRAMES_BASE); }
static inline paddr_t frame_to_phys(const struct frame *f) { return frame_to_pfn(f) << PAGE_SHIFT; }
static inline void *frame_to_virt(const struct frame *f) { return phys_to_virt(frame_to_phys(f)); }
static inline struct frame *phys_to_frame(paddr_t p) { return pfn_to_frame(p >> PAGE_SHIFT); }
static inline struct frame *virt_to_frame(const void *v) { return phys_to_frame(virt_to_phys(v)); }
bool pfn_valid(pfn_t pfn); /* has a struct frame */

enum alloc_flags {
	ALLOC_ZERO = 1 << 0,    /* contents zeroed */
	ALLOC_ATOMIC = 1 << 1,  /* may not sleep or reclaim */
	ALLOC_NORECLAIM = 1 << 2,
	ALLOC_USER = 1 << 3,    /* on behalf of a user: leaves a reserve for the kernel */
	ALLOC_DMA32 = 1 << 4,   /* below 4 GiB */
	ALLOC_NOWAIT = 1 << 5,  /* as ATOMIC, but leaves the reserve that ATOMIC may use */
};

/* A block of 2^order frames, reference 1 on its head; NULL when there is none (after reclaim and the OOM notifier, unless ATOMIC). Single frames come from a per-CPU cache. */
struct frame *frame_alloc(unsigned order, unsigned flags);
void frame_free(struct frame *f, unsigned order); /* ref must be 1 or 0 */
static inline void frame_get(struct frame *f) { refcount_get(&f->ref); }
/* Drops a reference to an order-0 frame; frees it at the last. */
void frame_put(struct frame *f);
/* After a failed ATOMIC or NOWAIT allocation, outside of locks: reclaims, kills if it must. False: no use in trying again. May sleep. */
bool frame_make_room(unsigned order);
/* Has all caches give back what is in no use and can be read or found again: roughly how many frames that were. May sleep. */
size_t frame_reclaim_all(void);
/* A zeroed page by its direct-map address; NULL if none. */
void *page_alloc(unsigned flags);
void page_free(void *page);

struct mem_stats {
	u64 total, free, slab, tables, cache, anon, kstacks; /* in frames */
	u64 shmem, mapped; /* mapped: those of a page cache that a program has mapped */
	unsigned largest_order; /* of a free block */
};
void mem_stats(struct mem_stats *s);
void frame_mark_anon(struct frame *f); /* one that is new, or nobody else's */
u64 frame_anon_count(void);
void frame_count_mapped(s64 more); /* so many more (or fewer) have a mapcount that is not 0; any context */
extern u64 mem_cache_frames, mem_table_frames, mem_kstack_frames, mem_shmem_frames, mem_dirty_frames, mem_writeback_frames; /* atomic; kept by their owners */
extern u64 mem_backed_frames; /* atomic: of mem_cache_frames those whose cache has a device behind it; 0: page replacement finds nothing */

/* Gives memory that boot had reserved (modules) to the allocator: whole frames inside [base, base + length). */
void frame_release_range(paddr_t base, u64 length);
void boot_modules_release(void); /* the initramfs is unpacked */
pfn_t frame_end(void);           /* past the highest frame; not all below are valid */
u64 frame_total(void);           /* frames that the allocator ever got */
u64 frame_free_now(void);        /* free frames, per-CPU caches included; approximate */
/* Called between attempts to get memory while others give theirs back (sched: sleeps a little); NULL: nothing to wait for. */
extern void (*frame_wait_hook)(void);
/* Fault injection: true makes an allocation fail. Kinds: 0 kmalloc, 1 page. NULL: off. */
extern bool (*alloc_fail_hook)(int kind);

/* The student's buddy (mm/buddy.c), one zone over all frames; called under the buddy lock by frame_alloc's given layer (mm/frame.c). */
void buddy_init(void);
void buddy_add_range(pfn_t first, pfn_t end);       /* gives [first, end) to the allocator, in the largest aligned blocks */
struct frame *buddy_alloc(unsigned order);           /* NULL if no block is large enough */
void buddy_free(struct frame *f, unsigned order);    /* merges with free buddies up to MAX_ORDER-1 */
u64 buddy_free_count(void);                          /* frames */
u64 buddy_free_blocks(unsigned order);               /* for figures */

#endif
