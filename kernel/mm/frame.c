/*
 * The frame allocator that the kernel calls: a layer over the buddy (mm/buddy.c).
 *
 *   frame_alloc ----> cache of single frames, one per CPU ---(batches)---> buddy, under its lock
 *        |                                                                    |
 *        +------------ when that fails, outside of locks: reclaim notifiers, then the out-of-memory notifier, then again
 *
 * The reserve. Users may take memory until `reserve` frames are left, the kernel until a quarter of that, and who cannot wait
 * (interrupt handlers, and whoever is busy freeing memory) all of it. So that an unlucky moment of a user program does
 * not stop the kernel from paging out, killing or answering.
 *
 * Locks: buddy_lock guards the buddy. A CPU's cache is used with interrupts off, by that CPU alone.
 */
#include "mm/frame.h"

#include "core/panic.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "heap_check.h"
#include "lib/string.h"
#include "mm_priv.h"
#include "mm/pagetable.h"

#if KASAN
/* The checks stand in this layer; the names without prefix are for others. */
#define buddy_alloc __real_buddy_alloc
#define buddy_free __real_buddy_free
#endif

#define CACHE_MAX 64
#define CACHE_BATCH_MAX 32

struct frame_cache {
	u32 count;
	struct frame *frames[CACHE_MAX];
};
static PERCPU(struct frame_cache, frame_caches);

static struct spinlock buddy_lock = SPINLOCK_INIT("buddy", RANK_BUDDY);
static u32 cache_high = 8, cache_batch = 4; /* set by frame_init */
static u64 reserve;
static u64 total_frames; /* buddy_lock */

u64 mem_cache_frames, mem_table_frames, mem_kstack_frames, mem_shmem_frames, mem_dirty_frames, mem_writeback_frames;
u64 mem_backed_frames;
/* Atomic. Counted where they are made and freed, or mapped and unmapped, so only the sum of all CPUs' means something. */
static PERCPU(u64, anon_frames);
static PERCPU(u64, mapped_frames);
void (*frame_wait_hook)(void);
bool (*alloc_fail_hook)(int kind);

/* Who is reclaiming: it does not start a second reclaim from inside the first. */
#define RECLAIMERS_MAX 64
static struct thread *reclaimers[RECLAIMERS_MAX];

void frame_init(void)
{
	reserve = MIN(MAX(total_frames / 128, 64ul), 4096ul);
	cache_batch = MIN(MAX(total_frames / 2048, 4ul), (u64)CACHE_BATCH_MAX);
	cache_high = 2 * cache_batch;
}

static u64 reserve_for(unsigned flags)
{
	if (flags & ALLOC_ATOMIC)
		return 0;
	return flags & ALLOC_USER ? reserve : reserve / 4;
}

/* One block from the buddy, below 4 GiB: higher ones are set aside while we look on. */
static struct frame *buddy_alloc_low(unsigned order)
{
	struct list aside;
	struct frame *f, *next, *found = NULL;

	list_init(&aside);
	for (unsigned tries = 0; tries < 4096 && (f = buddy_alloc(order)); tries++) {
		if (frame_to_phys(f) + (PAGE_SIZE << order) <= 1ul << 32) {
			found = f;
			break;
		}
		list_add(&aside, &f->link);
	}
	list_for_each_safe(f, next, &aside, link) {
		list_del(&f->link);
		buddy_free(f, order);
	}
	return found;
}

static struct frame *take_block(unsigned order, unsigned flags)
{
	struct frame *f = NULL;
	u64 irq = spin_lock_irqsave(&buddy_lock);

	if (buddy_free_count() >= reserve_for(flags) + (1ul << order))
		f = flags & ALLOC_DMA32 ? buddy_alloc_low(order) : buddy_alloc(order);
	spin_unlock_irqrestore(&buddy_lock, irq);
	return f;
}

/* Moves up to `want` frames from the buddy to this CPU's cache; interrupts are off. */
static void cache_fill(struct frame_cache *c, unsigned want, unsigned flags)
{
	spin_lock(&buddy_lock);
	u64 free = buddy_free_count(), keep = reserve_for(flags);
	if (free > keep)
		want = MIN((u64)want, free - keep);
	else
		want = 0;
	while (want-- > 0) {
		struct frame *f = buddy_alloc(0);
		if (!f)
			break;
		c->frames[c->count++] = f;
	}
	spin_unlock(&buddy_lock);
}

static void cache_drain(struct frame_cache *c, unsigned keep)
{
	spin_lock(&buddy_lock);
	while (c->count > keep)
		buddy_free(c->frames[--c->count], 0);
	spin_unlock(&buddy_lock);
}

static struct frame *take_single(unsigned flags)
{
	u64 irq = irq_save();
	struct frame_cache *c = percpu_ptr(frame_caches);
	struct frame *f = NULL;

	if (unlikely(!c->count))
		cache_fill(c, cache_batch, flags);
	if (likely(c->count))
		f = c->frames[--c->count];
	irq_restore(irq);
	return f;
}

static struct frame *try_alloc(unsigned order, unsigned flags)
{
	if (order == 0 && !(flags & ALLOC_DMA32))
		return take_single(flags);
	struct frame *f = take_block(order, flags);
	if (!f && order) {
		/* What this CPU hoards may be the missing buddies. */
		u64 irq = irq_save();
		cache_drain(percpu_ptr(frame_caches), 0);
		irq_restore(irq);
		f = take_block(order, flags);
	}
	return f;
}

enum { RECLAIM_AT_IT = -1, RECLAIM_CROWDED = -2 };
#define RECLAIM_ALL 1024ul /* frames asked for at once where all are */

/* Registers this thread as reclaiming; its slot, or that it is at it already, or that enough others are. */
static int reclaim_enter(struct thread *me)
{
	int slot = RECLAIM_CROWDED;
	for (int i = 0; i < RECLAIMERS_MAX; i++)
		if (atomic_load_relaxed(&reclaimers[i]) == me)
			return RECLAIM_AT_IT;
	for (int i = 0; i < RECLAIMERS_MAX && slot < 0; i++)
		if (atomic_cas(&reclaimers[i], (struct thread *)NULL, me))
			slot = i;
	return slot;
}

/* A look without the lock. */
static bool block_is_free(unsigned order)
{
	for (unsigned k = order; k < MAX_ORDER; k++)
		if (buddy_free_blocks(k))
			return true;
	return false;
}

bool frame_make_room(unsigned order)
{
	struct thread *me = this_cpu()->current;
	if (!me) /* before there are threads nothing holds memory that it could give back */
		return false;
	/* Others gave memory back meanwhile, or the failure was made on purpose: nobody needs to die for it. */
	if (order == 0 && buddy_free_count() >= 2 * reserve)
		return true;
	int slot = reclaim_enter(me);
	if (slot == RECLAIM_AT_IT)
		return false;
	if (slot == RECLAIM_CROWDED) { /* they do what can be done */
		if (frame_wait_hook)
			frame_wait_hook();
		return frame_wait_hook != NULL;
	}

	/* One who asks when there is some was refused for another reason (fault injection, or others were faster): no need to take any from anybody. */
	if (block_is_free(order) && buddy_free_count() >= 2 * reserve) {
		atomic_store_release(&reclaimers[slot], (struct thread *)NULL);
		return true;
	}

	size_t freed = 0;
	int killed = 0;
	NOTIFIER_CALL(reclaim, 32ul << order, &freed);
	if (!freed && order <= 3) {
		NOTIFIER_CALL(out_of_memory, &killed);
		if (killed == 1 && frame_wait_hook)
			frame_wait_hook();
	}
	atomic_store_release(&reclaimers[slot], (struct thread *)NULL);
	return freed || killed == 1;
}

size_t frame_reclaim_all(void)
{
	size_t total = 0, freed;
	int slot = reclaim_enter(this_cpu()->current);

	if (slot < 0)
		return 0;
	/* What others read meanwhile would keep it going: no more often than all of memory needs. */
	for (u64 pass = 0; pass <= frame_total() / RECLAIM_ALL; pass++) {
		freed = 0;
		NOTIFIER_CALL(reclaim, RECLAIM_ALL, &freed);
		total += freed;
		if (freed < RECLAIM_ALL / 16)
			break;
	}
	atomic_store_release(&reclaimers[slot], (struct thread *)NULL);
	return total;
}

static struct frame *alloc_slow(unsigned order, unsigned flags)
{
	struct frame *f = NULL;

	if (flags & (ALLOC_ATOMIC | ALLOC_NOWAIT | ALLOC_NORECLAIM) || preempt_count() || !irq_enabled())
		return NULL;
	for (int tries = 0; tries < 200 && !f; tries++) {
		if (!frame_make_room(order))
			return try_alloc(order, flags);
		f = try_alloc(order, flags);
	}
	return f;
}

struct frame *frame_alloc(unsigned order, unsigned flags)
{
	if (unlikely(order >= MAX_ORDER))
		return NULL;
	if (unlikely(alloc_fail_hook) && alloc_fail_hook(1))
		return NULL;
	struct frame *f = try_alloc(order, flags);
	if (unlikely(!f)) {
		f = alloc_slow(order, flags);
		if (!f)
			return NULL;
	}
	frame_check_alloc(f, order);
	f->flags = 0;
	f->order = order;
	f->mapcount = 0;
	f->private = NULL;
	f->owner = NULL;
	refcount_set(&f->ref, 1);
	if (flags & ALLOC_ZERO)
		memset(frame_to_virt(f), 0, PAGE_SIZE << order);
	return f;
}

void frame_free(struct frame *f, unsigned order)
{
	ASSERT(refcount_read(&f->ref) <= 1 && !f->mapcount);
	ASSERT(!(f->flags & (FRAME_FREE | FRAME_RESERVED | FRAME_LOCKED)));
	if (f->flags & FRAME_ANON)
		atomic_fetch_sub(percpu_ptr(anon_frames), 1ul);
	refcount_set(&f->ref, 0);
	f->flags = 0;
	frame_check_free(f, order);
	if (order) {
		u64 irq = spin_lock_irqsave(&buddy_lock);
		buddy_free(f, order);
		spin_unlock_irqrestore(&buddy_lock, irq);
		return;
	}
	u64 irq = irq_save();
	struct frame_cache *c = percpu_ptr(frame_caches);
	if (unlikely(c->count >= cache_high))
		cache_drain(c, cache_high - cache_batch);
	c->frames[c->count++] = f;
	irq_restore(irq);
}

void frame_put(struct frame *f)
{
	if (refcount_put(&f->ref))
		frame_free(f, 0);
}

void *page_alloc(unsigned flags)
{
	struct frame *f = frame_alloc(0, flags | ALLOC_ZERO);
	return f ? frame_to_virt(f) : NULL;
}

void page_free(void *page)
{
	frame_free(virt_to_frame(page), 0);
}

void frame_release_range(paddr_t base, u64 length)
{
	pfn_t first = DIV_ROUND_UP(base, PAGE_SIZE), end = (base + length) >> PAGE_SHIFT;

	if (first >= end)
		return;
	for (pfn_t pfn = first; pfn < end; pfn++) {
		struct frame *f = pfn_to_frame(pfn);
		ASSERT(f->flags & FRAME_RESERVED);
		f->flags = 0;
	}
	kasan_poison(phys_to_virt(first << PAGE_SHIFT), (end - first) << PAGE_SHIFT, POISON_FREE_FRAME);
	u64 irq = spin_lock_irqsave(&buddy_lock);
	buddy_add_range(first, end);
	total_frames += end - first;
	spin_unlock_irqrestore(&buddy_lock, irq);
}

pfn_t frame_end(void)
{
	return early_top() >> PAGE_SHIFT;
}

u64 frame_total(void)
{
	return total_frames;
}

u64 frame_free_now(void)
{
	heap_check_drain(); /* figures are exact in a checking kernel too */
	u64 n = buddy_free_count();
	for (u32 i = 0; i < cpu_count; i++)
		n += percpu_ptr_of(frame_caches, cpus[i])->count;
	return n;
}

void frame_mark_anon(struct frame *f)
{
	f->flags |= FRAME_ANON;
	atomic_fetch_add(percpu_ptr(anon_frames), 1ul);
}

void frame_count_mapped(s64 more)
{
	if (more)
		atomic_fetch_add(percpu_ptr(mapped_frames), (u64)more);
}

static u64 sum_of(u64 *counts)
{
	u64 sum = 0;

	for (u32 i = 0; i < cpu_count; i++)
		sum += atomic_load_relaxed(percpu_ptr_of(*counts, cpus[i]));
	return (s64)sum > 0 ? sum : 0;
}

u64 frame_anon_count(void)
{
	return sum_of(&anon_frames);
}

void mem_stats(struct mem_stats *s)
{
	*s = (struct mem_stats){
		.total = total_frames,
		.free = frame_free_now(),
		.slab = heap_frames(),
		.tables = atomic_load_relaxed(&mem_table_frames),
		.cache = atomic_load_relaxed(&mem_cache_frames),
		.anon = frame_anon_count(),
		.mapped = sum_of(&mapped_frames),
		.kstacks = atomic_load_relaxed(&mem_kstack_frames),
		.shmem = atomic_load_relaxed(&mem_shmem_frames),
	};
	for (unsigned k = 0; k < MAX_ORDER; k++)
		if (buddy_free_blocks(k))
			s->largest_order = k;
}
