/*
 * The page cache: file contents in memory, page by page.
 *
 *     pagecache.pages:  index ──► frame        a frame in it: FRAME_CACHE, owner = the cache, index = page number in the file
 *
 * A page is looked up; one that is missing is made, put in, and filled. While that goes on it is locked, and FRAME_UPTODATE
 * says when its contents may be used: who finds it without that flag waits for the lock and looks again.
 *
 * Reading copies straight from the frames to the reader, with no lock held: the count keeps the frame.
 *
 * Writing must not fault on user memory, for the caller holds the inode's lock, and the page that faults could need it. So
 * the caller has the user's pages brought in beforehand; here page faults are off, and a copy that meets a page that has
 * gone again stops short. The caller brings it in and comes back.
 */
#include "vfs/vfs.h"
#include "core/todo.h"
#include "lib/string.h"
#include "usermode/uaccess.h"

#ifdef SOLUTION
/* A new, locked, empty page at index: counted for the cache and for the caller. ERR_PTR(-EEXIST) if another one came first. */
static struct frame *page_add(struct pagecache *pc, u64 index)
{
	struct frame *f;
	int err = 0;

	if (pc->ops && pc->ops->charge)
		err = pc->ops->charge(pc, 1);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	f = frame_alloc(0, ALLOC_USER);
	if (!f)
		goto uncharge;
	f->flags |= FRAME_CACHE | FRAME_LOCKED;
	f->owner = pc;
	f->index = index;
	frame_get(f);
	spin_lock(&pc->lock);
	err = radix_insert(&pc->pages, index, f);
	spin_unlock(&pc->lock);
	if (!err) {
		atomic_fetch_add(&mem_cache_frames, 1ul);
		return f;
	}
	f->flags &= ~(FRAME_CACHE | FRAME_LOCKED);
	f->owner = NULL;
	frame_put(f);
	frame_put(f);
uncharge:
	if (pc->ops && pc->ops->charge)
		pc->ops->charge(pc, -1);
	return ERR_PTR(err);
}

/* Fills a locked page: from what is behind the cache, or with zeroes. */
static int page_fill(struct pagecache *pc, struct frame *f)
{
	int err = 0;

	if (f->flags & FRAME_UPTODATE)
		return 0;
	if (pc->ops && pc->ops->read_page)
		err = pc->ops->read_page(pc, f);
	else
		memset(frame_to_virt(f), 0, PAGE_SIZE);
	if (!err)
		atomic_fetch_or(&f->flags, FRAME_UPTODATE);
	return err;
}

struct frame *pagecache_get(struct pagecache *pc, u64 index, bool create)
{
	struct frame *f;
	int err;

	do {
		spin_lock(&pc->lock);
		f = radix_lookup(&pc->pages, index);
		if (f)
			frame_get(f);
		spin_unlock(&pc->lock);
		if (f && f->flags & FRAME_UPTODATE)
			return f;
		if (f) {
			page_lock(f);
			if (f->owner != pc) {
				/* A truncation was quicker. */
				page_unlock(f);
				frame_put(f);
				f = ERR_PTR(-EEXIST);
			}
		} else if (create) {
			f = page_add(pc, index);
		} else {
			return NULL;
		}
	} while (f == ERR_PTR(-EEXIST));
	if (IS_ERR(f))
		return f;
	err = page_fill(pc, f);
	page_unlock(f);
	if (!err)
		return f;
	frame_put(f);
	return ERR_PTR(err);
}

ssize_t pagecache_read(struct pagecache *pc, struct uio *to, s64 *pos, u64 size)
{
	size_t done = 0;

	while (to->left && *pos < (s64)size) {
		size_t offset = *pos % PAGE_SIZE, n = MIN(MIN(PAGE_SIZE - offset, to->left), size - *pos), copied;
		/* Where memory is all there is, a page that is missing is a hole: zeroes, without making one. */
		struct frame *f = pagecache_get(pc, *pos / PAGE_SIZE, pc->ops && pc->ops->read_page);

		if (IS_ERR(f))
			return done ? (ssize_t)done : PTR_ERR(f);
		if (f) {
			copied = uio_write(to, (char *)frame_to_virt(f) + offset, n);
			frame_put(f);
		} else {
			copied = uio_zero(to, n);
		}
		*pos += copied;
		done += copied;
		if (copied < n)
			return done ? (ssize_t)done : -EFAULT;
	}
	return done;
}

/* The part of a write that falls into one page: bytes, or -errno. */
static ssize_t write_page_part(struct pagecache *pc, struct uio *from, s64 pos, size_t n)
{
	size_t offset = pos % PAGE_SIZE;
	struct frame *f = pagecache_get(pc, pos / PAGE_SIZE, true);
	ssize_t copied = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	if (pc->ops && pc->ops->write_begin)
		copied = pc->ops->write_begin(pc, pos, n, f);
	if (copied < 0)
		goto out;
	pagefault_disable();
	copied = uio_read(from, (char *)frame_to_virt(f) + offset, n);
	pagefault_enable();
	if (copied) {
		pagecache_mark_dirty(pc, f);
		if (pc->ops && pc->ops->write_end)
			pc->ops->write_end(pc, pos, copied, f);
	} else {
		copied = -EFAULT;
	}
out:
	frame_put(f);
	return copied;
}

ssize_t pagecache_write(struct pagecache *pc, struct uio *from, s64 *pos)
{
	struct inode *inode = pc->inode;
	size_t done = 0;

	while (from->left) {
		size_t n = MIN(PAGE_SIZE - *pos % PAGE_SIZE, from->left);
		ssize_t copied = write_page_part(pc, from, *pos, n);

		if (copied < 0)
			return done ? (ssize_t)done : copied;
		*pos += copied;
		done += copied;
		if (*pos > (s64)inode->size)
			WRITE_ONCE(inode->size, *pos);
		if ((size_t)copied < n)
			break;
	}
	return done;
}
#else
struct frame *pagecache_get(struct pagecache *pc, u64 index, bool create)
{
	TODO("08-vfs");
}

ssize_t pagecache_read(struct pagecache *pc, struct uio *to, s64 *pos, u64 size)
{
	TODO("08-vfs");
}

ssize_t pagecache_write(struct pagecache *pc, struct uio *from, s64 *pos)
{
	TODO("08-vfs");
}
#endif
