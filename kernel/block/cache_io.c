/*
 * Pages to and from a block device.
 *
 * Neighbouring pages whose blocks lie in one piece are one transfer (struct page_io). A page whose blocks are scattered, or of which a part
 * is a hole, is done by itself, piece by piece, and waited for: that is rare where file systems lay files out in extents.
 */
#include "block/cache_io.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

#define BATCH 64 /* pages of one transfer */
#define DIRECT_CHUNK (64 * 1024u)

struct page_io {
	struct block_io io;
	struct pagecache *pc;
	u32 count;
	struct frame *frames[BATCH];
	struct block_segment segments[BATCH];
};

/* Up to where pages are written: what a write is about to add to the file is in pages before the file's size knows of it. */
static u64 end_of_data(const struct pagecache *pc)
{
	u64 end = READ_ONCE(pc->write_end);

	return MAX(READ_ONCE(pc->inode->size), end);
}

/* --- one page, waited for ------------------------------------------------------------------------------------------------ */

/* Every mapped piece of a page that lies before `end`; holes are zeroed for reading and skipped for writing. */
static int page_pieces(const struct cache_backing *b, struct pagecache *pc, struct frame *f, enum block_op op, u64 end)
{
	u64 start = f->index * PAGE_SIZE, pos = start;
	char *data = frame_to_virt(f);
	int err = 0;

	end = MIN(end, start + PAGE_SIZE);
	while (pos < end && !err) {
		struct cache_run run;

		err = b->map(pc, pos, ALIGN_UP(end - pos, (u64)b->block_size), &run);
		if (err)
			break;
		run.length = MIN(run.length, start + PAGE_SIZE - pos);
		if (run.mapped)
			err = block_rw(b->dev, op, run.sector, data + (pos - start), (u32)run.length);
		else if (op == BLOCK_READ)
			memset(data + (pos - start), 0, run.length);
		pos += run.length;
	}
	if (op == BLOCK_READ && pos < start + PAGE_SIZE && !err)
		memset(data + (pos - start), 0, start + PAGE_SIZE - pos);
	return err;
}

int cache_read_page(const struct cache_backing *b, struct pagecache *pc, struct frame *f)
{
	return page_pieces(b, pc, f, BLOCK_READ, READ_ONCE(pc->inode->size));
}

int cache_write_page(const struct cache_backing *b, struct pagecache *pc, struct frame *f)
{
	return page_pieces(b, pc, f, BLOCK_WRITE, end_of_data(pc));
}

/* --- many pages ------------------------------------------------------------------------------------------------------------ */

static void pages_read(struct block_io *io, int err)
{
	struct page_io *p = container_of(io, struct page_io, io);

	for (u32 i = 0; i < p->count; i++) {
		if (!err)
			atomic_fetch_or(&p->frames[i]->flags, FRAME_UPTODATE);
		page_unlock(p->frames[i]);
		frame_put(p->frames[i]);
	}
	kfree(p);
}

static void pages_written(struct block_io *io, int err)
{
	struct page_io *p = container_of(io, struct page_io, io);
	struct pagecache *pc = p->pc;

	if (err)
		pagecache_note_error(pc, err);
	for (u32 i = 0; i < p->count; i++) {
		atomic_fetch_and(&p->frames[i]->flags, ~FRAME_WRITEBACK);
		page_unlock(p->frames[i]);
		frame_put(p->frames[i]);
	}
	pagecache_write_ended(pc, p->count);
	kfree(p);
}

/* Adds the pages to one transfer of `bytes` from `sector`, and submits it. */
static void submit_pages(const struct cache_backing *b, struct block_plug *plug, struct page_io *p, enum block_op op, u64 sector, u64 bytes)
{
	for (u32 i = 0; i < p->count; i++)
		p->segments[i] = (struct block_segment){ frame_to_phys(p->frames[i]), (u32)MIN(PAGE_SIZE, bytes - i * PAGE_SIZE) };
	p->io = (struct block_io){ .device = b->dev, .op = op, .sector = sector, .sectors = (u32)(bytes / SECTOR_SIZE), .segment_count = p->count,
		.segments = p->segments, .done = op == BLOCK_READ ? pages_read : pages_written };
	block_submit_plugged(plug, &p->io);
}

static u32 batch_limit(const struct cache_backing *b)
{
	return MIN(MIN((u32)BATCH, b->dev->disk->max_segments), b->dev->disk->max_sectors / (u32)(PAGE_SIZE / SECTOR_SIZE));
}

/* Pages that are missing from index on, at most `count`, locked and counted, up to the first that is there: how many. */
static u32 add_missing(struct pagecache *pc, u64 index, u32 count, struct frame **frames)
{
	u32 n = 0;

	while (n < count) {
		struct frame *f = pagecache_add_locked(pc, index + n);
		if (!f)
			break;
		frames[n++] = f;
	}
	return n;
}

static void release_pages(struct frame **frames, u32 n, bool uptodate)
{
	for (u32 i = 0; i < n; i++) {
		if (uptodate) {
			memset(frame_to_virt(frames[i]), 0, PAGE_SIZE);
			atomic_fetch_or(&frames[i]->flags, FRAME_UPTODATE);
		}
		page_unlock(frames[i]);
		frame_put(frames[i]);
	}
}

/* Pages of p that begin at index, read as far as one piece goes; the others are let go: how many were dealt with. */
static u32 read_batch(const struct cache_backing *b, struct pagecache *pc, struct block_plug *plug, struct page_io *p, u64 index, u64 size)
{
	u64 pos = index * PAGE_SIZE, want = MIN((u64)p->count * PAGE_SIZE, ALIGN_UP(size - pos, (u64)b->block_size));
	struct cache_run run;
	u32 n = 0;

	if (!b->map(pc, pos, want, &run)) {
		run.length = MIN(run.length, want);
		/* The last page may be short: what lies past the end of the file is zeroes. */
		n = run.length == want ? p->count : (u32)(run.length / PAGE_SIZE);
		run.length = MIN(run.length, (u64)n * PAGE_SIZE);
	}
	release_pages(p->frames + n, p->count - n, false);
	p->count = n;
	if (!n || !run.mapped) {
		release_pages(p->frames, n, true);
		kfree(p);
		return n;
	}
	if (run.length % PAGE_SIZE)
		memset((char *)frame_to_virt(p->frames[n - 1]) + run.length % PAGE_SIZE, 0, PAGE_SIZE - run.length % PAGE_SIZE);
	submit_pages(b, plug, p, BLOCK_READ, run.sector, run.length);
	return n;
}

int cache_read_pages(const struct cache_backing *b, struct pagecache *pc, u64 index, u32 count)
{
	u64 size = READ_ONCE(pc->inode->size), end = MIN(index + count, DIV_ROUND_UP(size, PAGE_SIZE));
	struct page_io *p = NULL;
	struct block_plug plug;
	int err = 0;

	block_plug_init(&plug);
	while (index < end) {
		u32 n;

		if (!p)
			p = kmalloc(sizeof(*p), ALLOC_NOWAIT);
		if (!p) {
			err = -ENOMEM;
			break;
		}
		p->pc = pc;
		p->count = add_missing(pc, index, (u32)MIN(end - index, (u64)batch_limit(b)), p->frames);
		if (!p->count) {
			index++;
			continue;
		}
		n = read_batch(b, pc, &plug, p, index, size);
		p = NULL;
		/* A page in pieces: whoever wants it reads it by itself. */
		index += n ? n : 1;
	}
	kfree(p);
	block_unplug(&plug);
	return err;
}

/* Writes the batch, locked and clean already, in as few transfers as its pieces allow. */
static int write_batch(const struct cache_backing *b, struct pagecache *pc, struct block_plug *plug, struct frame **frames, u32 count)
{
	u32 done = 0;
	int err = 0;

	while (done < count) {
		u64 pos = frames[done]->index * PAGE_SIZE, size = end_of_data(pc), want;
		struct page_io *p;
		struct cache_run run;
		u32 n = 0;

		if (pos < size) {
			want = MIN((u64)(count - done) * PAGE_SIZE, ALIGN_UP(size - pos, (u64)b->block_size));
			if (!b->map(pc, pos, want, &run) && run.mapped) {
				run.length = MIN(run.length, want);
				n = run.length == want ? (u32)DIV_ROUND_UP(want, PAGE_SIZE) : (u32)(run.length / PAGE_SIZE);
				run.length = MIN(run.length, (u64)n * PAGE_SIZE);
			}
		}
		p = n ? kmalloc(sizeof(*p), ALLOC_NOWAIT) : NULL;
		if (!p) {
			/* In pieces, past the end, or without memory: by itself. Others must not wait behind the plug meanwhile. */
			struct frame *f = frames[done++];
			int e;

			block_unplug(plug);
			e = cache_write_page(b, pc, f);
			if (e)
				pagecache_note_error(pc, e);
			err = err ? err : e;
			atomic_fetch_and(&f->flags, ~FRAME_WRITEBACK);
			page_unlock(f);
			frame_put(f);
			pagecache_write_ended(pc, 1);
			continue;
		}
		p->pc = pc;
		p->count = n;
		memcpy(p->frames, frames + done, n * sizeof(p->frames[0]));
		submit_pages(b, plug, p, BLOCK_WRITE, run.sector, run.length);
		done += n;
	}
	return err;
}

int cache_write_pages(const struct cache_backing *b, struct pagecache *pc, u64 first, u64 last)
{
	struct frame *frames[BATCH];
	struct block_plug plug;
	int err = 0;

	block_plug_init(&plug);
	for (;;) {
		u32 n = pagecache_take_dirty(pc, &first, last, frames, batch_limit(b), false);
		int e;

		if (!n) {
			/* Before we wait for a page, nobody shall wait for ours. */
			block_unplug(&plug);
			n = pagecache_take_dirty(pc, &first, last, frames, batch_limit(b), true);
		}
		if (!n)
			break;
		e = write_batch(b, pc, &plug, frames, n);
		err = err ? err : e;
	}
	block_unplug(&plug);
	return err;
}

/* --- O_DIRECT ------------------------------------------------------------------------------------------------------------------ */

/* One piece through a buffer: bytes, 0 at the end of the file, or -errno. */
static ssize_t direct_piece(const struct cache_backing *b, struct pagecache *pc, struct uio *u, s64 pos, bool write, char *buf)
{
	u64 size = pc->inode->size, n = MIN(u->left, (size_t)DIRECT_CHUNK);
	struct cache_run run;
	size_t copied;
	int err;

	if (!write) {
		if ((u64)pos >= size)
			return 0;
		n = MIN(n, ALIGN_UP(size - pos, (u64)b->block_size));
	}
	err = b->map(pc, ALIGN_DOWN(pos, (s64)b->block_size), n + pos % b->block_size, &run);
	if (err)
		return err;
	n = MIN(n, run.length - pos % b->block_size);
	if (write) {
		if (!run.mapped)
			return -EAGAIN;
		copied = uio_read(u, buf, n);
		if (copied < n)
			return -EFAULT;
		err = block_rw(b->dev, BLOCK_WRITE, run.sector + pos % b->block_size / SECTOR_SIZE, buf, (u32)n);
		return err ? err : (ssize_t)n;
	}
	if (run.mapped)
		err = block_rw(b->dev, BLOCK_READ, run.sector + pos % b->block_size / SECTOR_SIZE, buf, (u32)n);
	else
		memset(buf, 0, n);
	if (err)
		return err;
	n = MIN(n, size - pos);
	copied = uio_write(u, buf, n);
	return copied ? (ssize_t)copied : -EFAULT;
}

/* Does each piece of the user's memory begin and end at a whole unit? */
static bool uio_aligned(const struct uio *u, u32 unit)
{
	size_t left = u->left;
	bool first = true;

	for (const struct uio_vec *v = u->vec; left; v++, first = false) {
		size_t from = first ? u->offset : 0, n = MIN(v->len - from, left);

		if ((u64)v->base % unit || from % unit || n % unit)
			return false;
		left -= n;
	}
	return true;
}

ssize_t cache_direct_io(const struct cache_backing *b, struct pagecache *pc, struct uio *u, s64 pos, bool write)
{
	u32 unit = b->dev->disk->logical_size;
	size_t done = 0;
	ssize_t n = 0;
	char *buf;

	/* At the end there is nothing to be read, and so nothing that could lie askew. */
	if (!write && (u64)pos >= READ_ONCE(pc->inode->size))
		return 0;
	if (pos % unit || u->left % unit || !uio_aligned(u, unit))
		return -EINVAL;
	if (write && pos + u->left > READ_ONCE(pc->inode->size))
		return -EAGAIN;
	if (write && pc->inode->sb->flags & MS_RDONLY)
		return -EROFS;
	n = pagecache_writeback(pc, pos, pos + u->left - 1, true);
	if (n)
		return n;
	buf = kmalloc(DIRECT_CHUNK, 0);
	if (!buf)
		return -ENOMEM;
	if (write)
		pagefault_disable();
	while (u->left) {
		n = direct_piece(b, pc, u, pos + done, write, buf);
		if (n <= 0)
			break;
		done += n;
	}
	if (write)
		pagefault_enable();
	if (write && done)
		pagecache_drop_range(pc, ALIGN_DOWN((u64)pos, PAGE_SIZE), ALIGN_UP(pos + done, PAGE_SIZE));
	kfree(buf);
	return done ? (ssize_t)done : n;
}
