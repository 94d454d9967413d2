/*
 * Who writes dirty pages back, who waits for that, and who takes clean pages out when memory is short.
 *
 *   dirty pages:     0 ........ background ........ limit ........ memory
 *                       by age    | the thread writes   | writers wait
 *
 * The thread wakes every five seconds and writes what has been dirty for long, or as soon as there is more than `background`. A program that dirties
 * pages past `limit` sleeps, without locks, until there is less.
 *
 * Page replacement is a clock over all frames: a hand goes round, and takes each clean page that nobody else counts. On its second round
 * for one caller it also unmaps pages. A page that was used since the hand came last (FRAME_REFERENCED) is passed over once.
 */
#include "block_priv.h"
#include "block/buffer.h"

#include "core/registry.h"
#include "mm/pagetable.h"
#include "sched/thread.h"

#define PERIOD (5 * NSEC_PER_SEC)
#define OLD (30 * NSEC_PER_SEC)
#define BACKGROUND_PERCENT 8
#define LIMIT_PERCENT 16
#define SWEEP_BATCH 4096ul

static WAIT_QUEUE(work_wait);  /* the thread */
static WAIT_QUEUE(room_wait);  /* writers past the limit */
static bool asked;             /* atomic: the thread shall not wait for its time */

static u64 percent_of_memory(u32 percent)
{
	/* What is free or cache could be dirty; the rest could not. */
	return (frame_free_now() + atomic_load_relaxed(&mem_cache_frames)) * percent / 100;
}

static void ask(void)
{
	if (!atomic_xchg(&asked, true))
		wait_wake_all(&work_wait);
}

static void write_some(u64 before, bool until_below)
{
	struct inode *i;

	while ((i = pagecache_next_dirty(before))) {
		pagecache_writeback(&i->cache, 0, UINT64_MAX, false);
		if (i->sb->ops && i->sb->ops->write_inode)
			i->sb->ops->write_inode(i, false);
		wait_wake_all(&room_wait);
		inode_put(i);
		if (until_below && pagecache_dirty_pages() <= percent_of_memory(BACKGROUND_PERCENT) / 2)
			break;
	}
}

static void writeback_thread(void *arg __unused)
{
	for (;;) {
		u64 now;

		wait_event_until(&work_wait, atomic_load(&asked), time_ns() + PERIOD);
		atomic_store(&asked, false);
		now = time_ns();
		if (now > OLD)
			write_some(now - OLD, false);
		superblocks_sync(false);
		if (pagecache_dirty_pages() > percent_of_memory(BACKGROUND_PERCENT))
			write_some(now, true);
		wait_wake_all(&room_wait);
	}
}

static void pages_dirtied(struct inode *i __unused)
{
	if (likely(pagecache_dirty_pages() <= percent_of_memory(BACKGROUND_PERCENT)))
		return;
	ask();
	while (pagecache_dirty_pages() > percent_of_memory(LIMIT_PERCENT) && !thread_killed()) {
		/* The limit may be too low to be reached (pages locked in memory by mappings): nobody waits for ever. */
		if (wait_event_until(&room_wait, pagecache_dirty_pages() <= percent_of_memory(LIMIT_PERCENT), time_ns() + NSEC_PER_SEC) == -ETIMEDOUT)
			break;
		ask();
	}
}
NOTIFIER(pages_dirtied, pages_dirtied);

/* --- page replacement ------------------------------------------------------------------------------------------------------ */

static pfn_t hand; /* races only make two callers look at the same frames */

static bool take_frame(struct frame *f, bool unmap)
{
	bool gone;

	if ((atomic_load_relaxed(&f->flags) & (FRAME_CACHE | FRAME_DIRTY | FRAME_LOCKED | FRAME_FREE)) != FRAME_CACHE || (f->mapcount && !unmap))
		return false;
	if (f->flags & FRAME_REFERENCED) {
		atomic_fetch_and(&f->flags, ~FRAME_REFERENCED);
		return false;
	}
	/* It may be freed and given out anew while we look: counted, it is what it is, and what it is is asked again under its lock. */
	if (!refcount_get_unless_zero(&f->ref))
		return false;
	gone = pagecache_evict(f, unmap);
	frame_put(f);
	return gone;
}

static size_t sweep(size_t want, bool unmap)
{
	pfn_t end = frame_end();
	size_t freed = 0;

	for (pfn_t n = 0; n < end && freed < want; n++) {
		pfn_t at = READ_ONCE(hand) + 1;

		if (at >= end)
			at = 0;
		WRITE_ONCE(hand, at);
		if (pfn_valid(at) && take_frame(pfn_to_frame(at), unmap))
			freed++;
	}
	return freed;
}

/* Before memory is short: a reader or writer makes the room that he will need, in one go and without locks, instead of page by page in the middle of things. */
static void make_room(u32 count)
{
	u64 low = frame_total() / 32 + count;

	if (likely(frame_free_now() >= low))
		return;
	if (sweep(2 * count + 64, false) < count)
		ask();
}
NOTIFIER(pages_wanted, make_room);

static void reclaim_pages(size_t want, size_t *freed)
{
	size_t n = buffers_reclaim(want);

	if (n < want && atomic_load_relaxed(&mem_cache_frames))
		n += sweep(MAX(want - n, 64ul), false);
	if (!n && atomic_load_relaxed(&mem_cache_frames))
		n += sweep(want, true);
	/* All that could go is on its way to the disk: it comes back clean. */
	if (!n && pagecache_dirty_pages()) {
		ask();
		if (wait_event_until(&room_wait, false, time_ns() + 20 * NSEC_PER_MSEC) && pagecache_dirty_pages())
			n = 1;
	}
	*freed += n;
}
NOTIFIER(reclaim, reclaim_pages);

static int writeback_init(void)
{
	buffers_init();
	return kthread_run("writeback", writeback_thread, NULL) ? 0 : -ENOMEM;
}
SUBSYSTEM(writeback, .needs = "block", .init = writeback_init, .stage = "10-disk");
