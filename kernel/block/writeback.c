/*
 * Who writes dirty pages back, who waits for that, and when clean pages are taken out (replace.c says which).
 *
 *   dirty pages:     0 ........ background ........ limit ........ memory
 *                       by age    | the thread writes   | writers wait
 *
 * The thread wakes every five seconds and writes what has been dirty for long (30 s), or as soon as there is more than `background`. A program that dirties
 * pages past `limit` sleeps, without locks, until there is less. Administrators set all of this (writeback_settings).
 */
#include "block_priv.h"
#include "block/buffer.h"

#include "core/registry.h"
#include "mm/pagetable.h"
#include "sched/thread.h"

#define CENTISECOND (10 * NSEC_PER_MSEC)

struct writeback_settings writeback_settings = { .background_percent = 8, .limit_percent = 16, .period_cs = 500, .old_cs = 3000 };

static WAIT_QUEUE(work_wait);  /* the thread */
static WAIT_QUEUE(room_wait);  /* writers past the limit */
static bool asked;             /* atomic: the thread shall not wait for its time */

/* In pages. */
struct thresholds {
	u64 background, limit;
};

static u64 pages_of(u64 memory, const u64 *percent, const u64 *bytes)
{
	u64 fixed = READ_ONCE(*bytes);

	return fixed ? MAX(fixed / PAGE_SIZE, 1ul) : memory * READ_ONCE(*percent) / 100;
}

static struct thresholds thresholds(void)
{
	const struct writeback_settings *w = &writeback_settings;
	/* What is free or cache could be dirty; the rest could not. */
	u64 memory = frame_free_now() + atomic_load_relaxed(&mem_cache_frames);
	struct thresholds t = { pages_of(memory, &w->background_percent, &w->background_bytes), pages_of(memory, &w->limit_percent, &w->limit_bytes) };

	/* Below the limit, or those who wait there would wait for the thread's time. */
	if (t.background >= t.limit)
		t.background = t.limit / 2;
	return t;
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
		if (until_below && pagecache_dirty_pages() <= thresholds().background / 2)
			break;
	}
}

static void writeback_thread(void *arg __unused)
{
	for (;;) {
		u64 now;

		u64 period = READ_ONCE(writeback_settings.period_cs) * CENTISECOND, old = READ_ONCE(writeback_settings.old_cs) * CENTISECOND;
		/* Without a period age is nothing, and what others ask for is all; one looks whether there is a period again. */
		wait_event_until(&work_wait, atomic_load(&asked), time_ns() + (period ? period : 5 * NSEC_PER_SEC));
		if (!atomic_xchg(&asked, false) && !period)
			continue;
		now = time_ns();
		if (period && now > old)
			write_some(now - old, false);
		superblocks_sync(false);
		if (pagecache_dirty_pages() > thresholds().background)
			write_some(now, true);
		wait_wake_all(&room_wait);
	}
}

static void pages_dirtied(struct inode *i __unused)
{
	if (likely(pagecache_dirty_pages() <= thresholds().background))
		return;
	ask();
	/* A thread of the kernel's own may be the one on whom write-back waits (a loop device's). */
	if (!current->process)
		return;
	while (pagecache_dirty_pages() > thresholds().limit && !thread_killed()) {
		/* The limit may be too low to be reached (pages locked in memory by mappings): nobody waits for ever. */
		if (wait_event_until(&room_wait, pagecache_dirty_pages() <= thresholds().limit, time_ns() + NSEC_PER_SEC) == -ETIMEDOUT)
			break;
		ask();
	}
}
NOTIFIER(pages_dirtied, pages_dirtied);

/* --- when memory is short -------------------------------------------------------------------------------------------------- */

/* The hand need not go round where no page can be read again. */
static size_t replace(size_t want, bool unmap)
{
	return atomic_load_relaxed(&mem_backed_frames) ? replace_pages(want, unmap) : 0;
}

/* Before memory is short: a reader or writer makes the room that he will need, in one go and without locks, instead of page by page in the middle of things. */
static void make_room(u32 count)
{
	u64 low = frame_total() / 32 + count;

	if (likely(frame_free_now() >= low))
		return;
	if (replace(2 * count + 64, false) < count)
		ask();
}
NOTIFIER(pages_wanted, make_room);

static void reclaim_pages(size_t want, size_t *freed)
{
	size_t n = buffers_reclaim(want);

	if (n < want)
		n += replace(MAX(want - n, 64ul), false);
	if (!n)
		n += replace(MAX(want, 64ul), true);
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
