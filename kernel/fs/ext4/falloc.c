/*
 * fallocate: room that is kept, holes, zeroes, and pieces that are taken out or put in.
 *
 * All under the inode's lock. Each step is a handle of its own that leaves the file whole: after a crash in the middle some of the steps are done.
 */
#include "ext4_priv.h"

#define CREDITS_STEP (CREDITS_INODE + CREDITS_MAP + 2 * CREDITS_ALLOC)

/* What is allocated in [first, end) is written with zeroes, at once: where the disk has no block for the node that a piece taken out of an extent would need. */
static int zero_out(struct inode *i, u32 first, u32 end)
{
	u32 shift = fs_of(i)->block_shift - SECTOR_SHIFT;
	struct ext4_map m;
	int err = 0;

	for (; first < end && !err; first += MAX(m.length, 1u)) {
		err = ext4_map_blocks(i, first, end - first, &m);
		if (!err && m.block && !m.unwritten)
			err = block_zero(fs_of(i)->dev, m.block << shift, (u64)m.length << shift);
	}
	return err;
}

/* Blocks for [first, end) that read as zeroes. With `zero`, what was written there reads so as well. *reached: as far as it came. */
static int reserve(struct inode *i, u32 first, u32 end, bool zero, u32 *reached)
{
	struct ext4_fs *fs = fs_of(i);
	int err = 0, tries = 0;

	while (first < end && !err) {
		struct journal_handle *h = ext4_start(fs, CREDITS_STEP);
		struct ext4_map m = { 0 };

		if (IS_ERR(h))
			return (int)PTR_ERR(h);
		err = ext4_map_create(h, i, first, end - first, true, &m);
		if (!err && zero && !m.unwritten)
			err = ext4_map_unwritten(h, i, first, end - first, &m);
		if (!err)
			err = ext4_update_inode(h, i);
		ext4_i(i)->data_tid = journal_tid(h);
		journal_stop(h);
		if (err == -ENOSPC && ext4_wait_for_space(fs, &tries)) {
			err = 0;
			continue;
		}
		if (err == -ENOSPC && m.block)
			err = zero_out(i, first, first + m.length);
		first += m.length;
		if (!err && thread_interrupted())
			err = -EINTR;
		if (!err)
			*reached = first;
	}
	return err;
}

/* The bytes are zeroes in the cache, and whole pages are not there any more. Edges inside blocks are written like any other page. */
static int forget_pages(struct inode *i, u64 off, u64 end)
{
	int err;

	end = MIN(end, ALIGN_UP(i->size, PAGE_SIZE));
	if (off >= end)
		return 0;
	err = pagecache_writeback(&i->cache, off, end - 1, true);
	if (!err)
		pagecache_drop_range(&i->cache, off, end);
	return err;
}

static int remove_blocks(struct inode *i, u32 first, u32 end)
{
	struct journal_handle *h = ext4_start(fs_of(i), CREDITS_STEP);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_map_remove(h, i, first, end);
	ext4_i(i)->data_tid = journal_tid(h);
	if (!err)
		err = ext4_update_inode(h, i);
	journal_stop(h);
	return err;
}

static int punch(struct inode *i, u64 off, u64 end)
{
	u32 first = (u32)DIV_ROUND_UP(off, (u64)fs_of(i)->block_size), last;
	int err, tries = 0;

	end = MIN(end, ALIGN_UP(i->size, PAGE_SIZE));
	last = (u32)(end >> fs_of(i)->block_shift);
	err = forget_pages(i, off, end);
	if (err || first >= last)
		return err;
	do
		err = remove_blocks(i, first, last);
	while (err == -ENOSPC && ext4_wait_for_space(fs_of(i), &tries));
	return err == -ENOSPC ? zero_out(i, first, last) : err;
}

static int zero(struct inode *i, u64 off, u64 end, u32 *reached)
{
	struct ext4_fs *fs = fs_of(i);
	u32 first = (u32)DIV_ROUND_UP(off, (u64)fs->block_size), last = (u32)(end >> fs->block_shift);
	int err = forget_pages(i, off, end);

	if (!err && first < last)
		err = reserve(i, first, last, true, reached);
	/* The edges: what is there was zeroed in its page. */
	if (!err)
		err = reserve(i, (u32)(off >> fs->block_shift), (u32)DIV_ROUND_UP(end, (u64)fs->block_size), false, reached);
	return err;
}

/* Everything behind `off` moves to the front (its blocks are gone already) or to the back by `len`. */
static int move(struct inode *i, u64 off, u64 len, bool front)
{
	struct ext4_fs *fs = fs_of(i);
	struct journal_handle *h = ext4_start(fs, CREDITS_STEP);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_map_shift(h, i, (u32)((front ? off + len : off) >> fs->block_shift), (u32)(len >> fs->block_shift), front);
	if (!err) {
		WRITE_ONCE(i->size, front ? i->size - len : i->size + len);
		ext4_i(i)->disk_size = i->size;
	}
	ext4_i(i)->data_tid = journal_tid(h);
	journal_extend(h, CREDITS_INODE);
	if (!err)
		err = ext4_update_inode(h, i);
	journal_stop(h);
	return err;
}

static int move_range(struct inode *i, u64 off, u64 len, bool front)
{
	struct ext4_fs *fs = fs_of(i);
	int err;

	if (off % fs->block_size || len % fs->block_size || (front ? off + len >= i->size : off >= i->size))
		return -EINVAL;
	if (!front && i->size + len > i->sb->max_file_size)
		return -EFBIG;
	err = pagecache_writeback(&i->cache, ALIGN_DOWN(off, PAGE_SIZE), UINT64_MAX, true);
	if (err)
		return err;
	/* Pages are known by their place. */
	pagecache_truncate(&i->cache, ALIGN_DOWN(off, PAGE_SIZE));
	err = front ? remove_blocks(i, (u32)(off >> fs->block_shift), (u32)((off + len) >> fs->block_shift)) : 0;
	return err ? err : move(i, off, len, front);
}

int ext4_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *i = f->inode;
	struct ext4_fs *fs = fs_of(i);
	u64 end = (u64)off + (u64)len;
	u32 reached = 0;
	struct journal_handle *h;
	bool grows;
	int err, e;

	/* A block map has holes, but no blocks that are allocated and not written. */
	if (mode & FALLOC_FL_UNSHARE_RANGE || (!has_extents(i) && !(mode & FALLOC_FL_PUNCH_HOLE)))
		return -EOPNOTSUPP;
	if (ext4_flags_forbid_write(i))
		return -EPERM;
	rwlock_write(&i->lock);
	/* Behind the end there is nothing to take away, and nothing changes. */
	if (mode & FALLOC_FL_PUNCH_HOLE && (u64)off >= i->size) {
		rwlock_write_done(&i->lock);
		return 0;
	}
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = punch(i, (u64)off, end);
	else if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		err = move_range(i, (u64)off, (u64)len, mode & FALLOC_FL_COLLAPSE_RANGE);
	else if (mode & FALLOC_FL_ZERO_RANGE)
		err = zero(i, (u64)off, end, &reached);
	else
		err = reserve(i, (u32)((u64)off >> fs->block_shift), (u32)DIV_ROUND_UP(end, (u64)fs->block_size), false, &reached);
	/* A disk that was full in the middle leaves a file that is as large as there was room. */
	end = MIN(end, (u64)reached << fs->block_shift);
	grows = reached && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size;
	if (grows) {
		WRITE_ONCE(i->size, end);
		ext4_i(i)->disk_size = end;
	}
	if (!err || reached) {
		inode_touch(i, ATTR_MTIME | ATTR_CTIME);
		inode_kill_suid(i);
		inode_kill_caps(i);
		h = ext4_start(fs, CREDITS_INODE);
		e = IS_ERR(h) ? (int)PTR_ERR(h) : ext4_update_inode(h, i);
		err = err ? err : e;
		if (!IS_ERR(h)) {
			if (grows)
				ext4_i(i)->data_tid = journal_tid(h);
			journal_stop(h);
		}
	}
	rwlock_write_done(&i->lock);
	return err;
}
