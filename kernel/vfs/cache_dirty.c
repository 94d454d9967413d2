/*
 * Dirty pages: marking, finding and writing them back; and reading ahead.
 *
 * Caches whose pages have somewhere to go (ops->write_page) are on one list from their first dirty page on, in the order in which that happened.
 * Who writes back takes them from its head (pagecache_next_dirty).
 *
 * A page is written so: lock it; clear FRAME_DIRTY; take the right to write away from mappings; transfer; unlock. Whoever changes it after the flag was
 * cleared sets it again: write(2) by itself, a mapping since its next write faults (and the fault's entry is refused where the flag is not set: vm_set_pte).
 *
 * Locks: pc->lock guards its count; dirty_lock the list and each cache's dirty_link.
 */
#include "vfs_priv.h"
#include "core/panic.h"
#include "sched/thread.h"

#define READAHEAD_PAGES 128 /* that a reader who goes forward has before him */

static struct spinlock dirty_lock = SPINLOCK_INIT("dirty caches", RANK_PAGECACHE + 1);
static struct list dirty_caches = LIST_INIT(dirty_caches); /* dirty_lock */
static struct wait_queue write_wait;

static bool is_written_back(const struct pagecache *pc)
{
	return pc->ops && pc->ops->write_page;
}

void pagecache_mark_dirty(struct pagecache *pc, struct frame *f)
{
	bool counts, first = false;

	if (f->flags & FRAME_DIRTY)
		return;
	if (!is_written_back(pc)) {
		atomic_fetch_or(&f->flags, FRAME_DIRTY);
		return;
	}
	/* Who holds a page that a truncation took out meanwhile writes to nothing: nobody would take its count back. */
	spin_lock(&pc->lock);
	counts = radix_lookup(&pc->pages, f->index) == f && !(atomic_fetch_or(&f->flags, FRAME_DIRTY) & FRAME_DIRTY);
	if (counts) {
		atomic_fetch_add(&mem_dirty_frames, 1ul);
		first = pc->dirty++ == 0;
	}
	spin_unlock(&pc->lock);
	if (!counts)
		return;
	if (!first && !list_empty(&pc->dirty_link))
		return;
	/* One that was clean may still be in the list: its age begins anew. */
	spin_lock(&dirty_lock);
	if (!list_empty(&pc->dirty_link))
		list_del(&pc->dirty_link);
	pc->dirtied_ns = time_ns();
	list_add_tail(&dirty_caches, &pc->dirty_link);
	spin_unlock(&dirty_lock);
	NOTIFIER_CALL(cache_dirtied, pc->inode);
}

void page_clear_dirty(struct pagecache *pc, struct frame *f)
{
	if (!(atomic_fetch_and(&f->flags, ~FRAME_DIRTY) & FRAME_DIRTY) || !is_written_back(pc))
		return;
	atomic_fetch_sub(&mem_dirty_frames, 1ul);
	spin_lock(&pc->lock);
	pc->dirty--;
	spin_unlock(&pc->lock);
}

u64 pagecache_dirty_pages(void)
{
	return atomic_load_relaxed(&mem_dirty_frames);
}

void dirty_list_remove(struct pagecache *pc)
{
	if (list_empty(&pc->dirty_link))
		return;
	spin_lock(&dirty_lock);
	list_del(&pc->dirty_link);
	spin_unlock(&dirty_lock);
}

struct inode *pagecache_next_dirty(u64 before)
{
	struct inode *found = NULL;
	struct pagecache *pc, *next;

	spin_lock(&dirty_lock);
	list_for_each_safe(pc, next, &dirty_caches, dirty_link) {
		if (pc->dirtied_ns > before)
			break;
		list_del(&pc->dirty_link);
		if (!READ_ONCE(pc->dirty))
			continue; /* comes back with its next dirty page */
		pc->dirtied_ns = time_ns();
		list_add_tail(&dirty_caches, &pc->dirty_link);
		if (refcount_get_unless_zero(&pc->inode->ref)) {
			found = pc->inode;
			break;
		}
	}
	spin_unlock(&dirty_lock);
	return found;
}

/* --- writing back -------------------------------------------------------------------------------------------------------- */

/* The first page at or after *index that is dirty, counted; NULL: none up to last. */
static struct frame *find_dirty(struct pagecache *pc, u64 *index, u64 last)
{
	struct frame *f;

	spin_lock(&pc->lock);
	for (; (f = radix_next(&pc->pages, index)) && *index <= last; ++*index)
		if (f->flags & FRAME_DIRTY)
			break;
	if (f && *index <= last)
		frame_get(f);
	else
		f = NULL;
	spin_unlock(&pc->lock);
	return f;
}

/* A dirty page, locked by us: made ready to be written, but for mappings, whose right to write goes before the transfer. False: there is nothing to write any more. */
static bool take_page(struct pagecache *pc, struct frame *f)
{
	if (f->owner != pc || !(f->flags & FRAME_DIRTY))
		return false;
	atomic_fetch_or(&f->flags, FRAME_WRITEBACK);
	atomic_fetch_add(&pc->writing, 1u);
	atomic_fetch_add(&mem_writeback_frames, 1ul);
	page_clear_dirty(pc, f);
	return true;
}

static u32 take_dirty(struct pagecache *pc, u64 *first, u64 last, struct frame **frames, u32 max, bool wait)
{
	u32 n = 0;

	while (n < max && *first <= last && READ_ONCE(pc->dirty)) {
		u64 index = *first;
		struct frame *f = find_dirty(pc, &index, last);

		if (!f || (n && index != *first)) {
			if (f)
				frame_put(f);
			break;
		}
		if (!page_trylock(f)) {
			if (!wait || n) {
				frame_put(f);
				break;
			}
			page_lock(f);
		}
		*first = index + 1;
		if (take_page(pc, f)) {
			frames[n++] = f;
			continue;
		}
		page_unlock(f);
		frame_put(f);
		if (n)
			break;
	}
	return n;
}

/* They lie side by side, so mappings lose their right to all of them at once, and other CPUs are interrupted once. */
u32 pagecache_take_dirty(struct pagecache *pc, u64 *first, u64 last, struct frame **frames, u32 max, bool wait)
{
	u32 n = take_dirty(pc, first, last, frames, max, wait);

	if (n && !list_empty(&pc->areas))
		vm_wrprotect_file_range(&pc->areas, &pc->lock, frames[0]->index, frames[0]->index + n);
	return n;
}

void pagecache_write_ended(struct pagecache *pc, u32 pages)
{
	atomic_fetch_sub(&mem_writeback_frames, (u64)pages);
	/* pc may be gone as soon as the count is 0. */
	atomic_fetch_sub(&pc->writing, pages);
	if (!list_empty(&write_wait.entries))
		wait_wake_all(&write_wait);
}

static int write_by_page(struct pagecache *pc, u64 first, u64 last)
{
	struct frame *f;
	int err = 0;

	while (pagecache_take_dirty(pc, &first, last, &f, 1, true)) {
		int e = pc->ops->write_page(pc, f);

		if (e)
			pagecache_note_error(pc, e);
		err = err ? err : e;
		atomic_fetch_and(&f->flags, ~FRAME_WRITEBACK);
		page_unlock(f);
		frame_put(f);
		pagecache_write_ended(pc, 1);
	}
	return err;
}

void pagecache_wait_written(struct pagecache *pc)
{
	if (atomic_load(&pc->writing))
		wait_event(&write_wait, !atomic_load(&pc->writing));
}

int pagecache_writeback(struct pagecache *pc, u64 start, u64 end, bool wait)
{
	u64 first = start / PAGE_SIZE, last = end / PAGE_SIZE;
	u32 before = atomic_load(&pc->error), now;
	int err = 0;

	if (!is_written_back(pc))
		return 0;
	if (READ_ONCE(pc->dirty))
		err = pc->ops->write_pages ? pc->ops->write_pages(pc, first, last) : write_by_page(pc, first, last);
	if (!wait)
		return err;
	pagecache_wait_written(pc);
	/* An error that was noted before and not told yet is none of this caller's, unless it came again and looks the same. */
	now = atomic_load(&pc->error);
	return err || now == before ? err : error_seq_value(now);
}

/* --- reading ahead ---------------------------------------------------------------------------------------------------------- */

struct frame *pagecache_add_locked(struct pagecache *pc, u64 index)
{
	struct frame *f;
	bool taken;

	ASSERT(!pc->ops->write_page || pc->ops->charge); /* else page replacement does not know of them */
	spin_lock(&pc->lock);
	f = radix_lookup(&pc->pages, index);
	spin_unlock(&pc->lock);
	if (f || (pc->ops->charge && pc->ops->charge(pc, 1)))
		return NULL;
	f = frame_alloc(0, ALLOC_USER | ALLOC_NORECLAIM);
	if (!f)
		goto uncharge;
	f->index = index;
	f->owner = pc;
	f->flags |= FRAME_CACHE | FRAME_LOCKED;
	frame_get(f); /* one for the cache, one for the caller */
	spin_lock(&pc->lock);
	taken = radix_insert(&pc->pages, index, f) != 0;
	spin_unlock(&pc->lock);
	if (taken) {
		f->owner = NULL;
		f->flags &= ~(FRAME_CACHE | FRAME_LOCKED);
		frame_put(f);
		frame_put(f);
		goto uncharge;
	}
	atomic_fetch_add(&mem_cache_frames, 1ul);
	return f;
uncharge:
	if (pc->ops->charge)
		pc->ops->charge(pc, -1);
	return NULL;
}

/* f->readahead: the page after the last read, and the page up to which was read ahead. */
void pagecache_readahead(struct file *f, u64 pos, size_t n)
{
	struct pagecache *pc = &f->inode->cache;
	u64 first = pos / PAGE_SIZE, last, size = READ_ONCE(f->inode->size);
	bool forward;

	if (pos >= size || !n)
		return;
	last = (MIN(pos + n, size) - 1) / PAGE_SIZE;
	forward = first == f->readahead[0] || first + 1 == f->readahead[0];
	f->readahead[0] = last + 1;
	if (!forward) {
		pc->ops->read_pages(pc, first, (u32)MIN(last - first + 1, (u64)READAHEAD_PAGES));
		f->readahead[1] = last + 1;
	} else if (last + READAHEAD_PAGES / 2 >= f->readahead[1] && f->readahead[1] <= (size - 1) / PAGE_SIZE) {
		u64 from = MAX(first, MIN(f->readahead[1], last + 1)), to = last + READAHEAD_PAGES;

		pc->ops->read_pages(pc, from, (u32)(to - from));
		f->readahead[1] = to;
	}
}

void cache_dirty_init(void)
{
	wait_queue_init(&write_wait);
}
