/*
 * Around the page cache's look-up and copies (vfs/pagecache.c): page locks, truncation, eviction, mappings. Dirty pages are cache_dirty.c's.
 *
 * Locks: a page's lock (FRAME_LOCKED, sleeping) is held while its contents are made or written; pc->lock (spin) guards the
 * table of pages and the list of areas. A page that leaves the cache loses FRAME_CACHE and its owner under its own lock;
 * who looked it up before keeps a frame of his own, with the contents of then.
 */
#include "vfs_priv.h"
#include "core/registry.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "sched/thread.h"

#define WAIT_BUCKETS 64
#define DROP_BATCH 16

static struct wait_queue page_waits[WAIT_BUCKETS];

void pagecache_init(struct pagecache *pc, struct inode *inode, const struct pagecache_ops *ops)
{
	*pc = (struct pagecache){ .inode = inode, .ops = ops };
	spin_init(&pc->lock, "page cache", RANK_PAGECACHE);
	list_init(&pc->areas);
	list_init(&pc->dirty_link);
}

/* --- page lock --------------------------------------------------------------------------------------------------------- */

static struct wait_queue *page_wait(const struct frame *f)
{
	return &page_waits[hash_u64((u64)f >> 6) % WAIT_BUCKETS];
}

bool page_trylock(struct frame *f)
{
	return !(atomic_fetch_or(&f->flags, FRAME_LOCKED) & FRAME_LOCKED);
}

void page_lock(struct frame *f)
{
	if (!page_trylock(f))
		wait_event(page_wait(f), page_trylock(f));
}

void page_unlock(struct frame *f)
{
	atomic_fetch_and(&f->flags, ~FRAME_LOCKED);
	if (!list_empty(&page_wait(f)->entries))
		wait_wake_all(page_wait(f));
}

int pagecache_charge_backed(struct pagecache *pc __unused, s64 pages)
{
	atomic_fetch_add(&mem_backed_frames, (u64)pages);
	return 0;
}

/* --- taking pages out ---------------------------------------------------------------------------------------------------- */

/* A locked page leaves the cache; the cache's reference goes. */
static void page_drop(struct pagecache *pc, struct frame *f)
{
	spin_lock(&pc->lock);
	if (f->owner != pc || radix_lookup(&pc->pages, f->index) != f) {
		spin_unlock(&pc->lock);
		return;
	}
	radix_remove(&pc->pages, f->index);
	spin_unlock(&pc->lock);
	page_clear_dirty(pc, f);
	f->owner = NULL;
	atomic_fetch_and(&f->flags, ~FRAME_CACHE);
	atomic_fetch_sub(&mem_cache_frames, 1ul);
	if (pc->ops && pc->ops->charge)
		pc->ops->charge(pc, -1);
	frame_put(f);
}

/* Drops the pages with numbers in [first, end). */
static void drop_pages(struct pagecache *pc, u64 first, u64 end)
{
	for (;;) {
		struct frame *batch[DROP_BATCH];
		u32 n = 0;

		spin_lock(&pc->lock);
		while (n < DROP_BATCH) {
			struct frame *f = radix_next(&pc->pages, &first);
			if (!f || first >= end)
				break;
			frame_get(f);
			batch[n++] = f;
			first++;
		}
		spin_unlock(&pc->lock);
		if (!n)
			return;
		for (u32 i = 0; i < n; i++) {
			page_lock(batch[i]);
			page_drop(pc, batch[i]);
			page_unlock(batch[i]);
			frame_put(batch[i]);
		}
	}
}

/* Zeroes [start, end) of the bytes of one page, if the page is there. */
static void zero_in_page(struct pagecache *pc, u64 start, u64 end)
{
	struct frame *f;

	if (start >= end)
		return;
	f = pagecache_get(pc, start / PAGE_SIZE, pc->ops && pc->ops->read_page);
	if (!f || IS_ERR(f))
		return;
	page_lock(f);
	memset((char *)frame_to_virt(f) + start % PAGE_SIZE, 0, end - start);
	page_unlock(f);
	pagecache_mark_dirty(pc, f);
	frame_put(f);
}

void pagecache_truncate(struct pagecache *pc, u64 new_size)
{
	u64 first = DIV_ROUND_UP(new_size, PAGE_SIZE);

	/* Mappings are cut before the pages go, and again after: a fault in between may have mapped one that then left. */
	if (!list_empty(&pc->areas))
		vm_unmap_file_range(&pc->areas, &pc->lock, first, UINT64_MAX, true);
	if (pc->pages.count)
		drop_pages(pc, first, UINT64_MAX);
	if (!list_empty(&pc->areas))
		vm_unmap_file_range(&pc->areas, &pc->lock, first, UINT64_MAX, true);
	if (new_size % PAGE_SIZE)
		zero_in_page(pc, new_size, ALIGN_UP(new_size, PAGE_SIZE));
}

void pagecache_drop_range(struct pagecache *pc, u64 start, u64 end)
{
	u64 first = DIV_ROUND_UP(start, PAGE_SIZE), last = end / PAGE_SIZE;

	if (start / PAGE_SIZE == end / PAGE_SIZE) {
		zero_in_page(pc, start, end);
		return;
	}
	zero_in_page(pc, start, first * PAGE_SIZE);
	if (first < last) {
		vm_unmap_file_range(&pc->areas, &pc->lock, first, last, false);
		drop_pages(pc, first, last);
		vm_unmap_file_range(&pc->areas, &pc->lock, first, last, false);
	}
	zero_in_page(pc, last * PAGE_SIZE, end);
}

void pagecache_destroy(struct pagecache *pc)
{
	if (pc->pages.count)
		drop_pages(pc, 0, UINT64_MAX);
	dirty_list_remove(pc);
}

bool pagecache_evict(struct frame *f, bool unmap)
{
	struct pagecache *pc;
	bool gone = false;

	if (!page_trylock(f))
		return false;
	/* Locked, it cannot leave its cache, and so the cache cannot go. */
	pc = f->flags & FRAME_CACHE ? f->owner : NULL;
	if (!pc || !pc->ops || !pc->ops->write_page || f->flags & (FRAME_DIRTY | FRAME_WRITEBACK))
		goto out;
	if (f->mapcount && unmap)
		vm_unmap_file_range(&pc->areas, &pc->lock, f->index, f->index + 1, false);
	spin_lock(&pc->lock);
	if (refcount_read(&f->ref) == 2 && !(f->flags & FRAME_DIRTY) && radix_lookup(&pc->pages, f->index) == f) {
		radix_remove(&pc->pages, f->index);
		if (pc->ops->charge)
			pc->ops->charge(pc, -1); /* behind the lock the cache may be gone */
		gone = true;
	}
	spin_unlock(&pc->lock);
	if (gone) {
		f->owner = NULL;
		atomic_fetch_and(&f->flags, ~FRAME_CACHE);
		atomic_fetch_sub(&mem_cache_frames, 1ul);
		frame_put(f);
	}
out:
	page_unlock(f);
	return gone;
}

/* --- holes ---------------------------------------------------------------------------------------------------------------- */

s64 pagecache_seek(struct pagecache *pc, s64 off, int whence, u64 size)
{
	u64 index = off / PAGE_SIZE, at;
	bool data = whence == SEEK_DATA;

	if (off < 0 || off >= (s64)size)
		return -ENXIO;
	/* What has a disk behind it answers as if it had no holes. */
	if (pc->ops && pc->ops->read_page)
		return data ? off : (s64)size;
	spin_lock(&pc->lock);
	at = index;
	if (data) {
		if (!radix_next(&pc->pages, &at))
			at = UINT64_MAX / PAGE_SIZE;
	} else {
		while (radix_lookup(&pc->pages, at))
			at++;
	}
	spin_unlock(&pc->lock);
	if (at * PAGE_SIZE >= size)
		return data ? -ENXIO : (s64)size;
	return at == index ? off : (s64)(at * PAGE_SIZE);
}

/* --- mappings ------------------------------------------------------------------------------------------------------------- */

static struct pagecache *area_cache(const struct area *a)
{
	return &a->file->inode->cache;
}

static void cache_area_open(struct area *a)
{
	struct pagecache *pc = area_cache(a);

	spin_lock(&pc->lock);
	list_add_tail(&pc->areas, &a->cache_link);
	spin_unlock(&pc->lock);
}

static void cache_area_close(struct area *a)
{
	struct pagecache *pc = area_cache(a);

	spin_lock(&pc->lock);
	list_del(&a->cache_link);
	spin_unlock(&pc->lock);
}

static bool cache_resident(struct area *a, u64 pgoff)
{
	struct pagecache *pc = area_cache(a);
	struct frame *f;

	spin_lock(&pc->lock);
	f = radix_lookup(&pc->pages, pgoff);
	spin_unlock(&pc->lock);
	return f;
}

/* Past the end of the file: SIGBUS. */
static int cache_fault(struct area *a, u64 pgoff, bool write __unused, struct frame **out)
{
	struct pagecache *pc = area_cache(a);
	struct frame *f;

	if (pgoff >= DIV_ROUND_UP(READ_ONCE(pc->inode->size), PAGE_SIZE))
		return -EFAULT;
	if (pc->ops && pc->ops->read_pages && !cache_resident(a, pgoff))
		pc->ops->read_pages(pc, ALIGN_DOWN(pgoff, (u64)DROP_BATCH), DROP_BATCH);
	f = pagecache_get(pc, pgoff, true);
	if (IS_ERR(f))
		return PTR_ERR(f) == -ENOMEM ? -ENOMEM : -EIO;
	*out = f;
	return 0;
}

static int cache_make_writable(struct area *a, struct frame *f)
{
	struct pagecache *pc = area_cache(a);
	int err = 0;

	if (pc->ops && pc->ops->write_begin)
		err = pc->ops->write_begin(pc, f->index * PAGE_SIZE, PAGE_SIZE, f);
	if (err)
		return err;
	pagecache_mark_dirty(pc, f);
	if (pc->ops && pc->ops->write_end)
		pc->ops->write_end(pc, f->index * PAGE_SIZE, PAGE_SIZE, f);
	inode_touch(pc->inode, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static void cache_map_around(struct area *a, vaddr_t start, vaddr_t end)
{
	struct pagecache *pc = area_cache(a);
	u64 index = a->pgoff + (start - a->start) / PAGE_SIZE;
	u64 stop = MIN(a->pgoff + (end - a->start) / PAGE_SIZE, DIV_ROUND_UP(READ_ONCE(pc->inode->size), PAGE_SIZE));

	for (; index < stop; index += DROP_BATCH) {
		struct frame *batch[DROP_BATCH];
		unsigned n = MIN(stop - index, (u64)DROP_BATCH);

		spin_lock(&pc->lock);
		bool any = radix_range(&pc->pages, index, n, (void **)batch);
		for (unsigned i = 0; any && i < n; i++) {
			if (batch[i] && batch[i]->flags & FRAME_UPTODATE)
				frame_get(batch[i]);
			else
				batch[i] = NULL;
		}
		spin_unlock(&pc->lock);
		if (!any)
			continue;
		vm_map_cached_batch(a, a->start + (index - a->pgoff) * PAGE_SIZE, batch, n);
		for (unsigned i = 0; i < n; i++)
			if (batch[i])
				frame_put(batch[i]);
	}
}

static int cache_msync(struct area *a, vaddr_t start, vaddr_t end, int flags)
{
	u64 from = (a->pgoff << PAGE_SHIFT) + (start - a->start);

	if (!(flags & MS_SYNC) || !a->file->ops->fsync)
		return 0;
	return a->file->ops->fsync(a->file, from, from + (end - start) - 1, true);
}

int generic_file_mmap(struct file *f, struct area *a)
{
	if (f->mount && f->mount->flags & MS_NOEXEC && a->prot & PROT_EXEC)
		return -EPERM;
	if (a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) > f->inode->sb->max_file_size >> PAGE_SHIFT)
		return -EOVERFLOW;
	a->ops = &pagecache_vm_ops;
	cache_area_open(a);
	file_accessed(f);
	return 0;
}

static int cache_init(void)
{
	for (int i = 0; i < WAIT_BUCKETS; i++)
		wait_queue_init(&page_waits[i]);
	cache_dirty_init();
	return 0;
}

SUBSYSTEM(pagecache, .needs = "sched", .init = cache_init, .stage = "08-vfs");

const struct vm_ops pagecache_vm_ops = {
	.name = "file",
	.fault = cache_fault,
	.make_writable = cache_make_writable,
	.open = cache_area_open,
	.close = cache_area_close,
	.msync = cache_msync,
	.map_around = cache_map_around,
	.resident = cache_resident,
};
