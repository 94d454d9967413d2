/*
 * Files: their pages and their blocks.
 *
 * A write makes room first (write_start): blocks for what has none, in one handle that stays open until the bytes are in the page cache and the size is set
 * (write_stop). A page that gets a block of its own is brought into the cache before, with the zeroes that it holds, and is dirty from then on: so a new block is
 * never read from the disk, and a commit, which writes an inode's pages before the blocks count, misses none.
 *
 * Order of locks: inode, handle, page; map_lock is taken inside each of them and never held while any is waited for.
 */
#include "ext4_priv.h"

#include "usermode/uaccess.h"
#include "vm/aspace.h"

static int map_pages(struct pagecache *pc, u64 pos, u64 length, struct cache_run *run)
{
	struct inode *i = pc->inode;
	struct ext4_fs *fs = fs_of(i);
	struct ext4_map m;
	int err = ext4_map_blocks(i, (u32)(pos >> fs->block_shift), (u32)MIN(DIV_ROUND_UP(length, (u64)fs->block_size), 1ul << 20), &m);

	if (err)
		return err;
	*run = (struct cache_run){ .mapped = m.block && !m.unwritten, .sector = m.block << (fs->block_shift - SECTOR_SHIFT), .length = (u64)m.length << fs->block_shift };
	return 0;
}

static struct cache_backing backing_of(struct pagecache *pc)
{
	struct ext4_fs *fs = fs_of(pc->inode);

	return (struct cache_backing){ .dev = fs->dev, .block_size = fs->block_size, .map = map_pages };
}

static int read_page(struct pagecache *pc, struct frame *f)
{
	struct cache_backing b = backing_of(pc);

	return cache_read_page(&b, pc, f);
}

static int read_pages(struct pagecache *pc, u64 index, u32 count)
{
	struct cache_backing b = backing_of(pc);

	return cache_read_pages(&b, pc, index, count);
}

static int write_page(struct pagecache *pc, struct frame *f)
{
	struct cache_backing b = backing_of(pc);

	return cache_write_page(&b, pc, f);
}

static int write_pages(struct pagecache *pc, u64 first, u64 last)
{
	struct cache_backing b = backing_of(pc);

	return cache_write_pages(&b, pc, first, last);
}

static ssize_t direct_io(struct pagecache *pc, struct uio *u, s64 pos, bool write)
{
	struct cache_backing b = backing_of(pc);

	return cache_direct_io(&b, pc, u, pos, write);
}

/* --- making room -------------------------------------------------------------------------------------------------------------- */

/* The pages of blocks [block, block + count), which have none on the disk, into the cache and dirty. */
static int bring_pages(struct inode *i, u32 block, u32 count)
{
	struct ext4_fs *fs = fs_of(i);
	u64 first = ((u64)block << fs->block_shift) / PAGE_SIZE, last = (((u64)block + count) << fs->block_shift) - 1;

	for (u64 index = first; index <= last / PAGE_SIZE; index++) {
		struct frame *f = pagecache_get(&i->cache, index, true);

		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		pagecache_mark_dirty(&i->cache, f);
		frame_put(f);
	}
	return 0;
}

/* Every block of [first, end) has a place afterwards: the first that has none, which is `end` if *err is 0. *allocated: the map has changed. -EAGAIN: the transaction is full. */
static u32 make_room(struct journal_handle *h, struct inode *i, u32 first, u32 end, bool *allocated, int *error)
{
	int err = 0;

	while (first < end) {
		struct ext4_map m;

		err = ext4_map_blocks(i, first, end - first, &m);
		if (!err && (!m.block || m.unwritten)) {
			u32 count = MIN(m.length, end - first);
			err = journal_extend(h, CREDITS_MAP + 2 * CREDITS_ALLOC + CREDITS_INODE) ? 0 : -EAGAIN;
			if (!err)
				err = bring_pages(i, first, count);
			if (!err) {
				*allocated = true;
				err = ext4_map_create(h, i, first, count, false, &m);
			}
		}
		if (err)
			break;
		first += m.length;
	}
	*error = err;
	return first;
}

static void data_changed(struct journal_handle *h, struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);

	ei->data_tid = journal_tid(h);
	if (fs_of(i)->journal)
		journal_order(h, &ei->journal);
}

/* Blocks past the end of the file, of a write that did not get so far. */
static void drop_excess(struct journal_handle *h, struct inode *i, u64 end)
{
	struct ext4_fs *fs = fs_of(i);
	u64 keep = MAX(i->size, ext4_i(i)->disk_size);

	if (end > keep) {
		pagecache_truncate(&i->cache, keep);
		ext4_map_remove(h, i, (u32)DIV_ROUND_UP(keep, (u64)fs->block_size), (u32)DIV_ROUND_UP(end, (u64)fs->block_size));
	}
}

static ssize_t try_write_start(struct pagecache *pc, u64 pos, size_t n)
{
	struct inode *i = pc->inode;
	struct ext4_fs *fs = fs_of(i);
	u32 first = (u32)(pos >> fs->block_shift), end = (u32)((pos + n + fs->block_size - 1) >> fs->block_shift);
	struct journal_handle *h;
	bool allocated = false;
	u64 ready;
	int err;

	h = ext4_start(fs, CREDITS_INODE + CREDITS_MAP + 2 * CREDITS_ALLOC);
	if (IS_ERR(h))
		return PTR_ERR(h);
	/* Where the transaction or the disk is full in the middle, the writer gets a part, and comes again. */
	ready = MIN((u64)make_room(h, i, first, end, &allocated, &err) << fs->block_shift, pos + n);
	if (allocated)
		data_changed(h, i);
	if (ready > pos)
		return (ssize_t)(ready - pos);
	journal_stop(h);
	return err;
}

static ssize_t write_start(struct pagecache *pc, u64 pos, size_t n)
{
	u64 most = ext4_max_size(pc->inode);
	ssize_t ready;
	int tries = 0;

	/* The VFS knows the largest file of all; one with a block map may end before. */
	if (pos >= most)
		return -EFBIG;
	n = MIN(n, most - pos);
	WRITE_ONCE(pc->write_end, pos + n);
	do
		ready = try_write_start(pc, pos, n);
	while (ready == -ENOSPC && ext4_wait_for_space(fs_of(pc->inode), &tries));
	WRITE_ONCE(pc->write_end, ready > 0 ? pos + (u64)ready : 0);
	return ready;
}

static int write_stop(struct pagecache *pc, u64 pos, size_t n, ssize_t done)
{
	struct inode *i = pc->inode;
	struct ext4_inode *ei = ext4_i(i);
	struct journal_handle *h = current->journal;
	bool grew = i->size > ei->disk_size;
	int err = 0;

	WRITE_ONCE(pc->write_end, 0);
	if (grew)
		ei->disk_size = i->size;
	if (done < (ssize_t)n)
		drop_excess(h, i, pos + n);
	if (grew || ei->data_tid == journal_tid(h) || !fs_of(i)->journal) {
		err = ext4_update_inode(h, i);
		if (grew)
			data_changed(h, i);
	}
	journal_stop(h);
	return err;
}

/* A page of a shared mapping is going to be written. Called without locks but the address space's. */
static int write_begin(struct pagecache *pc, u64 pos, size_t n, struct frame *f __unused)
{
	struct inode *i = pc->inode;
	struct ext4_fs *fs = fs_of(i);
	u64 size = READ_ONCE(i->size), end = MIN(pos + n, ALIGN_UP(size, (u64)fs->block_size));
	u32 first = (u32)(pos >> fs->block_shift), last = (u32)((end + fs->block_size - 1) >> fs->block_shift);
	struct journal_handle *h;
	struct ext4_map m;
	int err, tries = 0;

	/* write(2) comes here as well, with its handle open and its room made. */
	if (current->journal && current->journal->journal == fs->journal)
		return 0;
	if (pos >= size)
		return 0;
	if (!ext4_map_blocks(i, first, last - first, &m) && m.block && !m.unwritten && m.length >= last - first)
		return 0;
	do {
		bool allocated = false;

		h = ext4_start(fs, CREDITS_INODE + CREDITS_MAP + 2 * CREDITS_ALLOC);
		if (IS_ERR(h))
			return (int)PTR_ERR(h);
		make_room(h, i, first, last, &allocated, &err);
		if (allocated) {
			data_changed(h, i);
			ext4_update_inode(h, i);
		}
		journal_stop(h);
	} while (err == -ENOSPC && ext4_wait_for_space(fs, &tries));
	return err;
}

const struct pagecache_ops ext4_cache_ops = {
	.read_page = read_page,
	.read_pages = read_pages,
	.write_page = write_page,
	.write_pages = write_pages,
	.write_start = write_start,
	.write_stop = write_stop,
	.write_begin = write_begin,
	.charge = pagecache_charge_backed,
	.direct_io = direct_io,
};

/* --- size and attributes ---------------------------------------------------------------------------------------------------------- */

/* Pages from `size` on are going to be dropped. A commit that is under way, and in which their blocks belong to the file, wants them written: else a crash after
 * it would show what the blocks held before. */
void ext4_write_before_cut(struct inode *i, u64 size)
{
	struct ext4_fs *fs = fs_of(i);

	if (fs->journal && READ_ONCE(i->cache.dirty) && journal_wants_data(fs->journal, &ext4_i(i)->journal))
		pagecache_writeback(&i->cache, size, UINT64_MAX, false);
}

int ext4_truncate(struct inode *i, u64 size)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	struct journal_handle *h = ext4_start(fs, CREDITS_INODE * 2 + CREDITS_MAP + 2 * CREDITS_ALLOC);
	int err, e;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	ext4_write_before_cut(i, size);
	ext4_orphan_add(h, i);
	WRITE_ONCE(i->size, size);
	ei->disk_size = size;
	ei->data_tid = journal_tid(h);
	err = ext4_update_inode(h, i);
	/* The size stands in the journal now; what the blocks hold is cut step by step, and a crash in between goes on with it. */
	journal_stop(h);
	pagecache_truncate(&i->cache, size);
	h = ext4_start(fs, CREDITS_INODE * 2 + CREDITS_MAP + 2 * CREDITS_ALLOC);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	if (!err)
		err = ext4_map_remove(h, i, (u32)DIV_ROUND_UP(size, (u64)fs->block_size), UINT32_MAX);
	journal_extend(h, CREDITS_INODE * 2);
	data_changed(h, i);
	e = ext4_update_inode(h, i);
	if (i->nlink)
		ext4_orphan_del(h, i);
	journal_stop(h);
	return err ? err : e;
}

/* May there be blocks past the end (fallocate made them)? Cutting to the same size lets them go. Holes hide them from the count of blocks: whoever has any is asked. */
static bool has_more(const struct inode *i)
{
	return S_ISREG(i->mode) && i->blocks;
}

/*
 * A disk's file that became immutable takes nothing through descriptors from before, either (in memory it does, as on Linux); nor does one that only grows,
 * where its mode would have to change with the write.
 */
bool ext4_flags_forbid_write(const struct inode *i)
{
	return i->flags & INODE_IMMUTABLE || (i->flags & INODE_APPEND && inode_suid_to_kill(i));
}

int ext4_setattr(struct inode *i, const struct iattr *a)
{
	struct ext4_fs *fs = fs_of(i);
	struct iattr rest = *a;
	struct journal_handle *h;
	int err = 0, e;

	if (a->valid & ATTR_SIZE && (a->size != i->size || has_more(i))) {
		if (a->size <= i->size) {
			err = ext4_truncate(i, a->size);
		} else {
			if (a->size > ext4_max_size(i))
				return -EFBIG;
			WRITE_ONCE(i->size, a->size);
			ext4_i(i)->disk_size = a->size;
		}
		if (err)
			return err;
	}
	h = ext4_start(fs, CREDITS_INODE);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	/* The size is what it is to be: what is left are numbers, and the times that go with the size, also if it was that already. */
	if (a->valid & ATTR_SIZE)
		rest.valid |= ATTR_MTIME | ATTR_CTIME;
	err = inode_setattr(i, &rest);
	if (a->valid & ATTR_SIZE)
		ext4_i(i)->data_tid = journal_tid(h);
	if (!err)
		err = ext4_update_inode(h, i);
	e = journal_stop(h);
	return err ? err : e;
}

int ext4_getattr(struct inode *i, struct kstat *st)
{
	u32 f = ext4_i(i)->flags;
	int err = inode_getattr(i, st);

	st->blocks = i->blocks;
	st->attributes_mask = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
	st->attributes = (f & FL_IMMUTABLE ? STATX_ATTR_IMMUTABLE : 0) | (f & FL_APPEND ? STATX_ATTR_APPEND : 0) | (f & FL_NODUMP ? STATX_ATTR_NODUMP : 0);
	return err;
}

/* --- fsync ------------------------------------------------------------------------------------------------------------- */

int ext4_fsync(struct file *f, s64 start, s64 end, bool data_only)
{
	struct inode *i = f->inode;
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	int err = file_writeback(f, start, end), e = 0;
	bool late;
	u32 tid;

	if (i->sb->flags & MS_RDONLY)
		return journal_error(fs->journal) ? -EIO : err;
	if (!data_only && ei->times_dirty)
		e = ext4_write_inode(i, false);
	err = err ? err : e;
	tid = data_only ? ei->data_tid : ei->sync_tid;
	if (!fs->journal) {
		struct buffer *b;
		u32 offset;

		e = ext4_inode_block(fs, (u32)i->ino, &b, &offset, false);
		if (!e) {
			e = buffers_sync(fs->dev);
			buffer_put(b);
		}
		if (!e)
			e = block_flush(fs->dev);
		return err ? err : e;
	}
	/* A commit that began before the pages were written may have sent its last flush before, too. */
	late = tid && journal_is_committing(fs->journal, tid);
	if (tid && journal_needs_commit(fs->journal, tid)) {
		e = journal_commit(fs->journal, tid);
		if (!e && late)
			e = block_flush(fs->dev);
	} else {
		e = journal_error(fs->journal) ? -EIO : block_flush(fs->dev);
	}
	return err ? err : e;
}

/* --- operations ------------------------------------------------------------------------------------------------------------------------- */

static ssize_t write_unless_forbidden(struct file *f, struct uio *from, s64 *pos)
{
	return ext4_flags_forbid_write(f->inode) ? -EPERM : generic_file_write(f, from, pos);
}

const struct file_ops ext4_file_ops = {
	.name = "ext4",
	.read = generic_file_read,
	.write = write_unless_forbidden,
	.lseek = ext4_lseek,
	.mmap = generic_file_mmap,
	.fsync = ext4_fsync,
	.fallocate = ext4_fallocate,
	.ioctl = ext4_ioctl,
	.set_flags = generic_file_set_flags,
};
