/*
 * An inode on the disk: where its record is, what is checked in it, and how it is read and written. Those in memory are in icache.c.
 *
 * A record is of 128 bytes, and mostly of 256: how many of the later ones are used is in extra_isize, inode by inode. Its checksum covers all of it, with
 * the seed of the file system, the inode's number and its generation before it; the upper half of the checksum is among the later bytes.
 */
#include "ext4_priv.h"

/* --- times ----------------------------------------------------------------------------------------------------------------- */

/* extra: two bits of seconds, and nanoseconds; 0 where there is no such field. */
static struct timespec read_time(u32 seconds, u32 extra)
{
	return (struct timespec){ .sec = (s32)seconds + ((s64)(extra & 3) << 32), .nsec = MIN(extra >> 2, 999999999u) };
}

static u32 extra_of(struct timespec t)
{
	return (u32)((t.sec - (s32)t.sec) >> 32 & 3) | t.nsec << 2;
}

/* Does the inode on the disk have this field past the old 128 bytes? */
#define HAS(ei, field) (EXT4_GOOD_INODE_SIZE + (ei)->extra_isize >= offsetof(struct ext4_disk_inode, field) + sizeof(((struct ext4_disk_inode *)0)->field))

/* --- the block -------------------------------------------------------------------------------------------------------------- */

int ext4_inode_block(struct ext4_fs *fs, u32 ino, struct buffer **b, u32 *offset, bool fresh)
{
	u32 group = (ino - 1) / fs->inodes_per_group, index = (ino - 1) % fs->inodes_per_group;
	u64 block;

	if (!ino || ino > fs->inodes)
		return -EUCLEAN;
	block = desc_inode_table(fs, ext4_desc(fs, group, NULL)) + index / fs->inodes_per_block;
	*offset = index % fs->inodes_per_block * fs->inode_size;
	if (fresh) {
		*b = buffer_new(fs->dev, block, fs->block_size);
		return *b ? 0 : -ENOMEM;
	}
	*b = buffer_find(fs->dev, block);
	if (*b && (*b)->flags & BUFFER_UPTODATE)
		return 0;
	buffer_put(*b);
	/* Its neighbours are mostly wanted soon. */
	buffer_read_ahead(fs->dev, ALIGN_DOWN(block, 8ul), 8, fs->block_size);
	*b = ext4_read_vital(fs, block, "inode", ino);
	return IS_ERR(*b) ? (int)PTR_ERR(*b) : 0;
}

static u32 inode_checksum(const struct ext4_fs *fs, const struct ext4_inode *ei, const u8 *raw)
{
	u32 lo = offsetof(struct ext4_disk_inode, checksum_lo), hi = offsetof(struct ext4_disk_inode, checksum_hi), crc;
	u16 zero = 0;

	crc = crc32c(ei->seed, raw, lo);
	crc = crc32c(crc, &zero, 2);
	if (fs->inode_size == EXT4_GOOD_INODE_SIZE)
		return crc32c(crc, raw + lo + 2, fs->inode_size - lo - 2) & 0xffff;
	if (!HAS(ei, checksum_hi))
		return crc32c(crc, raw + lo + 2, fs->inode_size - lo - 2) & 0xffff;
	crc = crc32c(crc, raw + lo + 2, hi - lo - 2);
	crc = crc32c(crc, &zero, 2);
	return crc32c(crc, raw + hi + 2, fs->inode_size - hi - 2);
}

static bool checksum_ok(const struct ext4_fs *fs, const struct ext4_inode *ei, const u8 *raw)
{
	const struct ext4_disk_inode *d = (const void *)raw;
	u32 stored = d->checksum_lo;

	if (!fs->checksums)
		return true;
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE && HAS(ei, checksum_hi))
		stored |= (u32)d->checksum_hi << 16;
	return inode_checksum(fs, ei, raw) == stored;
}

void ext4_inode_seed(const struct ext4_fs *fs, struct ext4_inode *ei, u32 ino)
{
	ei->seed = crc32c(crc32c(fs->seed, &ino, 4), &ei->generation, 4);
}

/* --- what follows from mode and flags ---------------------------------------------------------------------------------------- */

/* Flags of the record that the VFS knows too. */
static const struct { u32 disk, vfs; } shared_flags[] = {
	{ FL_IMMUTABLE, INODE_IMMUTABLE }, { FL_APPEND, INODE_APPEND }, { FL_NODUMP, INODE_NODUMP }, { FL_NOATIME, INODE_NOATIME },
};

void ext4_flags_from_vfs(struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);

	for (size_t k = 0; k < ARRAY_SIZE(shared_flags); k++)
		ei->flags = i->flags & shared_flags[k].vfs ? ei->flags | shared_flags[k].disk : ei->flags & ~shared_flags[k].disk;
}

void ext4_inode_set_up(struct inode *i)
{
	for (size_t k = 0; k < ARRAY_SIZE(shared_flags); k++)
		if (ext4_i(i)->flags & shared_flags[k].disk)
			i->flags |= shared_flags[k].vfs;
	switch (i->mode & S_IFMT) {
	case S_IFREG:
		i->ops = &ext4_file_inode_ops;
		i->fops = &ext4_file_ops;
		i->cache.ops = &ext4_cache_ops;
		break;
	case S_IFDIR:
		i->ops = &ext4_dir_inode_ops;
		i->fops = &ext4_dir_file_ops;
		break;
	case S_IFLNK:
		i->ops = &ext4_link_inode_ops;
		break;
	default:
		i->ops = &ext4_special_inode_ops;
	}
}

/* --- the record ------------------------------------------------------------------------------------------------------------- */

int ext4_inode_parse(struct ext4_fs *fs, struct inode *i, const u8 *raw)
{
	const struct ext4_disk_inode *d = (const void *)raw;
	struct ext4_inode *ei = ext4_i(i);
	u64 size = d->size_lo | (u64)d->size_hi << 32;

	ei->generation = d->generation;
	ext4_inode_seed(fs, ei, (u32)i->ino);
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE) {
		ei->extra_isize = d->extra_isize;
		if (ei->extra_isize % 4 || EXT4_GOOD_INODE_SIZE + ei->extra_isize > fs->inode_size)
			return ext4_error(fs, "inode %lu: its size of %u more bytes makes no sense", i->ino, d->extra_isize);
	}
	if (!checksum_ok(fs, ei, raw))
		return ext4_error(fs, "inode %lu has a wrong checksum", i->ino);
	i->mode = d->mode;
	i->uid = d->uid | (u32)d->uid_hi << 16;
	i->gid = d->gid | (u32)d->gid_hi << 16;
	i->nlink = d->links;
	ei->flags = d->flags;
	if (!i->nlink && (!i->mode || !ei->on_orphan_list))
		return -ESTALE;
	i->blocks = d->blocks_lo;
	if (fs->ro_compat & RO_HUGE_FILE) {
		i->blocks |= (u64)d->blocks_hi << 32;
		if (d->flags & FL_HUGE_FILE)
			i->blocks *= fs->block_size / 512;
	}
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		size = d->size_lo;
	if (S_ISDIR(i->mode) && (size % fs->block_size || size >> 32))
		return ext4_error(fs, "directory %lu: its size %lu makes no sense", i->ino, size);
	if (size > i->sb->max_file_size)
		return ext4_error(fs, "inode %lu: its size %lu makes no sense", i->ino, size);
	i->size = ei->disk_size = size;
	ei->file_acl = d->file_acl_lo | (fs->incompat & INCOMPAT_64BIT ? (u64)d->file_acl_hi << 32 : 0);
	if (ei->file_acl && !ext4_blocks_usable(fs, i->ino, ei->file_acl, 1))
		return ext4_error(fs, "inode %lu: its attributes are in block %lu, which is not there, or not a file's", i->ino, ei->file_acl);
	if (ei->flags & (FL_INLINE_DATA | FL_EA_INODE))
		return ext4_error(fs, "inode %lu has flags %x, which the file system has no feature for", i->ino, ei->flags);
	memcpy(ei->data, d->block, sizeof(ei->data));
	i->atime = read_time(d->atime, HAS(ei, atime_extra) ? d->atime_extra : 0);
	i->mtime = read_time(d->mtime, HAS(ei, mtime_extra) ? d->mtime_extra : 0);
	i->ctime = read_time(d->ctime, HAS(ei, ctime_extra) ? d->ctime_extra : 0);
	i->btime = HAS(ei, crtime) ? read_time(d->crtime, HAS(ei, crtime_extra) ? d->crtime_extra : 0) : i->ctime;
	switch (i->mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		i->rdev = ei->data[0] ? abi_makedev(ei->data[0] >> 8 & 255, ei->data[0] & 255) : ei->data[1];
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return ext4_error(fs, "inode %lu: its mode %o makes no sense", i->ino, i->mode);
	}
	if (ei->flags & FL_EXTENTS && !(fs->incompat & INCOMPAT_EXTENTS))
		return ext4_error(fs, "inode %lu has extents, which the file system has no feature for", i->ino);
	ext4_inode_set_up(i);
	return 0;
}

void ext4_inode_unparse(struct ext4_fs *fs, struct inode *i, u8 *raw)
{
	struct ext4_disk_inode *d = (void *)raw;
	struct ext4_inode *ei = ext4_i(i);
	u64 blocks;
	u32 crc;

	spin_lock(&ei->record_lock);
	blocks = i->blocks;
	d->mode = (u16)i->mode;
	d->uid = (u16)i->uid;
	d->uid_hi = (u16)(i->uid >> 16);
	d->gid = (u16)i->gid;
	d->gid_hi = (u16)(i->gid >> 16);
	d->links = S_ISDIR(i->mode) && i->nlink > EXT4_LINK_MAX ? 1 : (u16)i->nlink;
	d->flags = ei->flags & ~FL_HUGE_FILE;
	if (blocks >> 32 && fs->ro_compat & RO_HUGE_FILE && blocks >> 48) {
		d->flags |= FL_HUGE_FILE;
		blocks /= fs->block_size / 512;
	}
	ei->flags = d->flags;
	d->blocks_lo = (u32)blocks;
	d->blocks_hi = (u16)(blocks >> 32);
	d->size_lo = (u32)ei->disk_size;
	d->size_hi = (u32)(ei->disk_size >> 32);
	d->generation = ei->generation;
	d->file_acl_lo = (u32)ei->file_acl;
	d->file_acl_hi = (u16)(ei->file_acl >> 32);
	memcpy(d->block, ei->data, sizeof(ei->data));
	spin_lock(&i->spin);
	d->atime = (u32)i->atime.sec;
	d->mtime = (u32)i->mtime.sec;
	d->ctime = (u32)i->ctime.sec;
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE) {
		d->extra_isize = ei->extra_isize;
		if (HAS(ei, atime_extra)) {
			d->ctime_extra = extra_of(i->ctime);
			d->mtime_extra = extra_of(i->mtime);
			d->atime_extra = extra_of(i->atime);
		}
		if (HAS(ei, crtime_extra)) {
			d->crtime = (u32)i->btime.sec;
			d->crtime_extra = extra_of(i->btime);
		}
	}
	spin_unlock(&i->spin);
	if (fs->checksums) {
		crc = inode_checksum(fs, ei, raw);
		d->checksum_lo = (u16)crc;
		if (fs->inode_size > EXT4_GOOD_INODE_SIZE && HAS(ei, checksum_hi))
			d->checksum_hi = (u16)(crc >> 16);
	}
	spin_unlock(&ei->record_lock);
}

int ext4_update_inode(struct journal_handle *h, struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	struct buffer *b;
	u32 offset;
	int err = ext4_inode_block(fs, (u32)i->ino, &b, &offset, false);

	if (err)
		return err;
	err = journal_access(h, b);
	if (!err) {
		WRITE_ONCE(ei->times_dirty, false);
		ext4_inode_unparse(fs, i, b->data + offset);
		journal_dirty(h, b);
		ei->sync_tid = journal_tid(h);
	}
	buffer_put(b);
	return err;
}
