/* Inode numbers: a file goes into its directory's group, a directory where there is room: below the root spread over the groups. */
#include "ext4_priv.h"

/* Inode `bit` was turned over; -1: all may be new. */
static void set_checksums(struct ext4_fs *fs, u32 group, struct ext4_desc *d, struct buffer *bitmap, s64 bit)
{
	if (fs->checksums) {
		u32 old = d->inode_csum_lo | (u32)d->inode_csum_hi << 16, bits = fs->inodes_per_group;
		u32 crc = bit >= 0 ? bitmap_checksum_turned(fs, bitmap, bits, old, (u32)bit, 1) : bitmap_checksum(fs, bitmap, bits);
		d->inode_csum_lo = (u16)crc;
		if (fs->desc_size >= 64)
			d->inode_csum_hi = (u16)(crc >> 16);
	}
	if (fs->group_checksums)
		d->checksum = desc_checksum(fs, group, d);
}

/* alloc_mutex held; ERR_PTR. */
static struct buffer *inode_bitmap(struct ext4_fs *fs, u32 group)
{
	const struct ext4_desc *d = ext4_desc(fs, group, NULL);
	struct buffer *b;
	u32 crc;

	if (fs->group_checksums && d->flags & BG_INODE_UNINIT) {
		b = buffer_find(fs->dev, desc_inode_bitmap(fs, d));
		if (!b || !is_checked(b, CHECKED_INODE_MAP)) {
			buffer_put(b);
			b = buffer_new(fs->dev, desc_inode_bitmap(fs, d), fs->block_size);
			if (!b)
				return ERR_PTR(-ENOMEM);
			memset(b->data + fs->inodes_per_group / 8, 0xff, fs->block_size - fs->inodes_per_group / 8);
			set_checked(b, CHECKED_INODE_MAP);
		}
		return b;
	}
	b = ext4_read_vital(fs, desc_inode_bitmap(fs, d), "the inode bitmap of group", group);
	if (IS_ERR(b) || is_checked(b, CHECKED_INODE_MAP))
		return b;
	crc = bitmap_checksum(fs, b, fs->inodes_per_group);
	if (fs->checksums && (d->inode_csum_lo != (u16)crc || (fs->desc_size >= 64 && d->inode_csum_hi != (u16)(crc >> 16)))) {
		buffer_put(b);
		return ERR_PTR(ext4_error(fs, "the inode bitmap of group %u has a wrong checksum", group));
	}
	set_checked(b, CHECKED_INODE_MAP);
	return b;
}

static u32 choose_group(struct ext4_fs *fs, struct inode *dir, u32 mode)
{
	u32 parent = ((u32)dir->ino - 1) / fs->inodes_per_group % fs->groups, best = parent, most = 0;

	if (!S_ISDIR(mode) || dir->ino != EXT4_ROOT_INO)
		return parent;
	for (u32 g = 0; g < fs->groups; g++) {
		const struct ext4_desc *d = ext4_desc(fs, g, NULL);
		u32 room = MIN(desc_free_inodes(fs, d), desc_free_blocks(fs, d));

		if (room > most) {
			most = room;
			best = g;
		}
	}
	return best;
}

/* Takes inode `bit` of a group. alloc_mutex held. */
static int take(struct journal_handle *h, struct ext4_fs *fs, u32 group, struct buffer *b, u32 bit, bool is_dir)
{
	struct buffer *db;
	struct ext4_desc *d = ext4_desc(fs, group, &db);
	u32 unused = desc_unused_inodes(fs, d);
	bool fresh = d->flags & BG_INODE_UNINIT;
	int err = ext4_block_bitmap_init(h, fs, group);

	if (!err)
		err = journal_access(h, b);
	if (!err)
		err = journal_access(h, db);
	if (err)
		return err;
	b->data[bit / 8] |= (u8)(1 << bit % 8);
	if (fs->group_checksums) {
		if (fresh)
			unused = fs->inodes_per_group;
		d->flags &= (u16)~BG_INODE_UNINIT;
		desc_set_unused_inodes(fs, d, MIN(unused, fs->inodes_per_group - bit - 1));
	}
	desc_set_free_inodes(fs, d, desc_free_inodes(fs, d) - 1);
	if (is_dir)
		desc_add_dirs(fs, d, 1);
	set_checksums(fs, group, d, b, fresh ? -1 : (s64)bit);
	fs->free_inodes--;
	journal_dirty(h, b);
	journal_dirty(h, db);
	return 0;
}

static int alloc_in_group(struct journal_handle *h, struct ext4_fs *fs, u32 group, bool is_dir, u32 *ino)
{
	/* The reserved ones may fill more than the first group: mke2fs makes groups of eight. */
	u64 before = (u64)group * fs->inodes_per_group;
	u32 first = before < fs->first_ino - 1 ? (u32)MIN(fs->first_ino - 1 - before, (u64)fs->inodes_per_group) : 0, bit;
	struct buffer *b;
	int err;

	if (!desc_free_inodes(fs, ext4_desc(fs, group, NULL)))
		return -ENOSPC;
	b = inode_bitmap(fs, group);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	bit = ext4_next_bit(b->data, NULL, first, fs->inodes_per_group, false);
	err = bit < fs->inodes_per_group ? take(h, fs, group, b, bit, is_dir) : -ENOSPC;
	buffer_put(b);
	*ino = group * fs->inodes_per_group + bit + 1;
	return err;
}

int ext4_alloc_inode(struct journal_handle *h, struct inode *dir, u32 mode, u32 *ino)
{
	struct ext4_fs *fs = fs_of(dir);
	u32 start;
	int err = -ENOSPC;

	mutex_lock(&fs->alloc_mutex);
	start = choose_group(fs, dir, mode);
	for (u32 n = 0; n < fs->groups && err == -ENOSPC; n++)
		err = alloc_in_group(h, fs, (start + n) % fs->groups, S_ISDIR(mode), ino);
	mutex_unlock(&fs->alloc_mutex);
	return err;
}

int ext4_free_inode(struct journal_handle *h, struct ext4_fs *fs, u32 ino, u32 mode)
{
	u32 group = (ino - 1) / fs->inodes_per_group, bit = (ino - 1) % fs->inodes_per_group;
	struct buffer *db, *b;
	struct ext4_desc *d = ext4_desc(fs, group, &db);
	int err;

	mutex_lock(&fs->alloc_mutex);
	b = inode_bitmap(fs, group);
	err = IS_ERR(b) ? (int)PTR_ERR(b) : journal_access(h, b);
	if (!err)
		err = journal_access(h, db);
	if (!err && !bitmap_test(b->data, bit))
		err = ext4_error(fs, "inode %u is freed, and is free", ino);
	if (!err) {
		b->data[bit / 8] &= (u8)~(1 << bit % 8);
		desc_set_free_inodes(fs, d, desc_free_inodes(fs, d) + 1);
		if (S_ISDIR(mode))
			desc_add_dirs(fs, d, -1);
		set_checksums(fs, group, d, b, d->flags & BG_INODE_UNINIT ? -1 : (s64)bit);
		fs->free_inodes++;
		journal_dirty(h, b);
		journal_dirty(h, db);
	}
	if (!IS_ERR(b))
		buffer_put(b);
	mutex_unlock(&fs->alloc_mutex);
	return err;
}

/* Is any other inode of the block that holds this one in use? If not, the block need not be read, and mkfs may never have written it. */
static bool neighbours_in_use(struct ext4_fs *fs, u32 ino, const u8 *map)
{
	u32 bit = (ino - 1) % fs->inodes_per_group, first = ALIGN_DOWN(bit, fs->inodes_per_block);

	for (u32 i = first; i < first + fs->inodes_per_block && i < fs->inodes_per_group; i++)
		if (i != bit && bitmap_test(map, i))
			return true;
	return false;
}

int ext4_new_inode_block(struct ext4_fs *fs, u32 ino, struct buffer **out, u32 *offset)
{
	struct buffer *b;
	bool fresh = false;
	int err;

	/* Till the block is there nobody else may take an inode of it: what he has written into it would be lost. */
	mutex_lock(&fs->alloc_mutex);
	b = inode_bitmap(fs, (ino - 1) / fs->inodes_per_group);
	if (!IS_ERR(b)) {
		fresh = !neighbours_in_use(fs, ino, b->data);
		buffer_put(b);
	}
	err = ext4_inode_block(fs, ino, out, offset, fresh);
	mutex_unlock(&fs->alloc_mutex);
	return err;
}
