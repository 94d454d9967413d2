/*
 * Telling where the blocks of a file are and where none are: SEEK_DATA and SEEK_HOLE, FS_IOC_FIEMAP; and telling the device where nobody's are: FITRIM.
 *
 * A write gives its blocks out at once, so the map alone knows: there is no page with data that has no block.
 */
#include "ext4_priv.h"

#include "usermode/uaccess.h"

s64 ext4_lseek(struct file *f, s64 off, int whence)
{
	struct inode *i = f->inode;
	struct ext4_fs *fs = fs_of(i);
	struct ext4_map m;
	u64 size, at;
	int err = 0;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_lseek(f, off, whence);
	rwlock_read(&i->lock);
	size = i->size;
	at = (u64)off;
	while (!err && at < size) {
		err = ext4_map_blocks(i, (u32)(at >> fs->block_shift), (u32)DIV_ROUND_UP(size - ALIGN_DOWN(at, (u64)fs->block_size), (u64)fs->block_size), &m);
		if (err || (m.block && !m.unwritten) == (whence == SEEK_DATA))
			break;
		at = ALIGN_DOWN(at, (u64)fs->block_size) + ((u64)m.length << fs->block_shift);
	}
	rwlock_read_done(&i->lock);
	if (err)
		return err;
	/* Behind the last byte there is a hole, and no data. */
	if (off < 0 || (u64)off >= size || (at >= size && whence == SEEK_DATA))
		return -ENXIO;
	f->pos = (s64)MIN(at, size);
	return f->pos;
}

/* --- FIEMAP --------------------------------------------------------------------------------------------------------------------- */

enum {
	FIEMAP_FLAG_SYNC = 1, FIEMAP_FLAG_XATTR = 2, FIEMAP_FLAG_CACHE = 4, FIEMAP_FLAGS = FIEMAP_FLAG_SYNC | FIEMAP_FLAG_XATTR | FIEMAP_FLAG_CACHE,
	FIEMAP_LAST = 1, FIEMAP_NOT_ALIGNED = 0x100, FIEMAP_DATA_INLINE = 0x200, FIEMAP_UNWRITTEN = 0x800,
};
struct fiemap {
	u64 start, length;
	u32 flags, mapped, count, reserved;
};
struct fiemap_extent {
	u64 logical, physical, length, reserved64[2];
	u32 flags, reserved[3];
};
_Static_assert(sizeof(struct fiemap) == 32 && sizeof(struct fiemap_extent) == 56, "linux/fiemap.h");

/* One more extent for the caller: 0, 1: that was the last that he has room for, -EFAULT. */
static int tell_extent(struct fiemap *m, void __user *arg, const struct fiemap_extent *e)
{
	if (m->count) {
		if (m->mapped >= m->count)
			return 1;
		if (copy_to_user((char __user *)arg + sizeof(*m) + m->mapped * sizeof(*e), e, sizeof(*e)))
			return -EFAULT;
	}
	m->mapped++;
	return m->mapped == m->count;
}

static int tell_extents(struct inode *i, struct fiemap *m, void __user *arg)
{
	struct ext4_fs *fs = fs_of(i);
	u64 at = m->start >> fs->block_shift, end = DIV_ROUND_UP(m->start + m->length, (u64)fs->block_size);
	struct fiemap_extent found = { 0 };
	int err = 0;

	while (!err && at < end && at < UINT32_MAX && !thread_killed()) {
		struct ext4_map map;

		err = ext4_map_blocks(i, (u32)at, (u32)MIN(end - at, UINT32_MAX - at), &map);
		if (err)
			return err;
		if (map.block) {
			/* The last that there is is known for that only when no other was found. */
			err = found.length ? tell_extent(m, arg, &found) : 0;
			found = (struct fiemap_extent){ .logical = at << fs->block_shift, .physical = map.block << fs->block_shift, .length = (u64)map.length << fs->block_shift,
				.flags = map.unwritten ? FIEMAP_UNWRITTEN : 0 };
		}
		at += map.length;
	}
	if (err || !found.length)
		return MIN(err, 0);
	found.flags |= FIEMAP_LAST;
	return MIN(tell_extent(m, arg, &found), 0);
}

/* Where its attributes are, as one extent from 0 on: those in the inode, if there are any, as on Linux, and else the block. */
static int tell_attributes(struct inode *i, struct fiemap *m, void __user *arg)
{
	struct fiemap_extent e = { .flags = FIEMAP_LAST };
	bool in_inode;
	int err = ext4_xattr_place(i, &e.physical, &e.length, &in_inode);

	if (err || m->start >= e.length)
		return err;
	if (in_inode)
		e.flags |= FIEMAP_DATA_INLINE | FIEMAP_NOT_ALIGNED;
	return MIN(tell_extent(m, arg, &e), 0);
}

long ext4_fiemap(struct inode *i, void __user *arg)
{
	struct fiemap m;
	int err = 0;

	if (copy_from_user(&m, arg, sizeof(m)))
		return -EFAULT;
	if (m.count > UINT32_MAX / sizeof(struct fiemap_extent))
		return -EINVAL;
	m.mapped = 0;
	if (!m.length)
		err = -EINVAL;
	else if (m.start > i->sb->max_file_size)
		err = -EFBIG;
	else if (m.flags & ~(u32)FIEMAP_FLAGS)
		err = -EBADR;
	if (err == -EBADR)
		m.flags &= ~(u32)FIEMAP_FLAGS; /* which are not known */
	if (!err && m.flags & FIEMAP_FLAG_SYNC)
		err = pagecache_writeback(&i->cache, 0, UINT64_MAX, true);
	if (!err) {
		m.length = MIN(m.length, i->sb->max_file_size - m.start);
		rwlock_read(&i->lock);
		err = m.flags & FIEMAP_FLAG_XATTR ? tell_attributes(i, &m, arg) : tell_extents(i, &m, arg);
		rwlock_read_done(&i->lock);
	}
	return copy_to_user((char __user *)arg + offsetof(struct fiemap, flags), &m.flags, 8) ? -EFAULT : err;
}

/* --- FITRIM --------------------------------------------------------------------------------------------------------------------- */

struct trim_range {
	u64 start, length, least; /* bytes */
};

long ext4_trim(struct ext4_fs *fs, void __user *arg)
{
	struct trim_range r;
	u64 first, end, least, done = 0;
	long err = 0;

	if (!file_capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* The bitmaps of a file system with clusters have no bit for each block. */
	if (!fs->dev->disk->max_discard || fs->cluster_shift)
		return -EOPNOTSUPP;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	first = r.start >> fs->block_shift;
	least = DIV_ROUND_UP(MAX(r.least, (u64)fs->block_size), (u64)fs->block_size);
	if (least > fs->blocks_per_group || first >= fs->blocks || r.length < fs->block_size)
		return -EINVAL;
	end = MIN(first + MIN(r.length >> fs->block_shift, fs->blocks), fs->blocks);
	first = MAX(first, (u64)fs->first_data_block);
	/* What the running transaction freed is not free for us before it is committed. */
	if (fs->journal)
		err = journal_commit_all(fs->journal, true);
	for (u32 g = (u32)((first - fs->first_data_block) / fs->blocks_per_group); !err && g < fs->groups && group_first_block(fs, g) < end; g++) {
		u64 start = group_first_block(fs, g), from = MAX(first, start) - start, to = MIN(end - start, (u64)group_blocks(fs, g));

		err = ext4_trim_group(fs, g, (u32)from, (u32)to, (u32)least, &done);
		if (!err && thread_interrupted())
			err = -EINTR;
	}
	r.length = done << fs->block_shift;
	if (err)
		return err;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}
