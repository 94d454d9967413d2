/*
 * Blocks: taking free ones, and giving them back.
 *
 * A file's blocks are looked for from a goal on (behind its last block, or in its inode's group), group by group; which run of a group it is, search.c says.
 *
 * A block that was freed is not given out again before the transaction that freed it is committed. Until then a crash brings the old owner
 * back, and he must find his data. Such blocks are free in the bitmap and marked in the group's `busy` map.
 *
 * All under alloc_mutex.
 */
#include "ext4_priv.h"

struct freed {
	struct list link;
	u32 tid, group, bit, count;
};

/* --- bitmaps ------------------------------------------------------------------------------------------------------------- */

/* Bits [bit, bit + count) were turned over; count 0: all may be new. */
static void set_checksums(struct ext4_fs *fs, u32 group, struct ext4_desc *d, struct buffer *bitmap, u32 bit, u32 count)
{
	if (fs->checksums) {
		u32 old = d->block_csum_lo | (u32)d->block_csum_hi << 16, bits = fs->blocks_per_group;
		u32 crc = count ? bitmap_checksum_turned(fs, bitmap, bits, old, bit, count) : bitmap_checksum(fs, bitmap, bits);
		d->block_csum_lo = (u16)crc;
		if (fs->desc_size >= 64)
			d->block_csum_hi = (u16)(crc >> 16);
	}
	if (fs->group_checksums)
		d->checksum = desc_checksum(fs, group, d);
}

static void mark_inside(struct ext4_fs *fs, u8 *map, u32 group, u64 block, u32 count)
{
	u64 first = group_first_block(fs, group), size = group_blocks(fs, group);

	for (u32 i = 0; i < count; i++)
		if (block + i >= first && block + i - first < size)
			bitmap_fill(map, (u32)(block + i - first), 1, true);
}

/* The bitmap of a group that mkfs left unwritten: only the file system's own blocks are in use. */
static void make_bitmap(struct ext4_fs *fs, u32 group, u8 *map)
{
	const struct ext4_desc *d = ext4_desc(fs, group, NULL);

	memset(map, 0, fs->block_size);
	bitmap_fill(map, 0, MIN(group_head_blocks(fs, group), group_blocks(fs, group)), true);
	mark_inside(fs, map, group, desc_block_bitmap(fs, d), 1);
	mark_inside(fs, map, group, desc_inode_bitmap(fs, d), 1);
	mark_inside(fs, map, group, desc_inode_table(fs, d), DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block));
	bitmap_fill(map, group_blocks(fs, group), fs->block_size * 8 - group_blocks(fs, group), true);
}

/* Are [block, block + count), as far as they are in the group, in use by its bitmap? */
static bool is_taken(struct ext4_fs *fs, const u8 *map, u32 group, u64 block, u32 count)
{
	u64 first = group_first_block(fs, group), size = group_blocks(fs, group);

	for (u32 i = 0; i < count; i++)
		if (block + i >= first && block + i - first < size && !bitmap_test(map, (u32)(block + i - first)))
			return false;
	return true;
}

/* Without checksums this is what can be known: a group's bitmaps and inodes are not free. (Their places are not their group's with flex_bg.) */
static bool bitmap_makes_sense(struct ext4_fs *fs, u32 group, const u8 *map)
{
	const struct ext4_desc *d = ext4_desc(fs, group, NULL);

	return fs->cluster_shift || (is_taken(fs, map, group, desc_block_bitmap(fs, d), 1) && is_taken(fs, map, group, desc_inode_bitmap(fs, d), 1) &&
	       is_taken(fs, map, group, desc_inode_table(fs, d), DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block)));
}

struct buffer *ext4_block_bitmap(struct ext4_fs *fs, u32 group)
{
	const struct ext4_desc *d = ext4_desc(fs, group, NULL);
	struct buffer *b;
	u32 crc;

	if (fs->group[group].bad)
		return ERR_PTR(-EUCLEAN);
	if (fs->group_checksums && d->flags & BG_BLOCK_UNINIT) {
		b = buffer_find(fs->dev, desc_block_bitmap(fs, d));
		if (!b || !is_checked(b, CHECKED_BLOCK_MAP)) {
			buffer_put(b);
			b = buffer_new(fs->dev, desc_block_bitmap(fs, d), fs->block_size);
			if (!b)
				return ERR_PTR(-ENOMEM);
			make_bitmap(fs, group, b->data);
			set_checked(b, CHECKED_BLOCK_MAP);
		}
		return b;
	}
	b = ext4_read_vital(fs, desc_block_bitmap(fs, d), "the block bitmap of group", group);
	if (IS_ERR(b) || is_checked(b, CHECKED_BLOCK_MAP))
		return b;
	if (fs->checksums) {
		crc = bitmap_checksum(fs, b, fs->blocks_per_group);
		if (d->block_csum_lo != (u16)crc || (fs->desc_size >= 64 && d->block_csum_hi != (u16)(crc >> 16))) {
			buffer_put(b);
			fs->group[group].bad = true;
			return ERR_PTR(ext4_error(fs, "the block bitmap of group %u has a wrong checksum", group));
		}
	}
	if (!bitmap_makes_sense(fs, group, b->data)) {
		buffer_put(b);
		fs->group[group].bad = true;
		return ERR_PTR(ext4_error(fs, "the block bitmap of group %u says that its own blocks are free", group));
	}
	set_checked(b, CHECKED_BLOCK_MAP);
	return b;
}

int ext4_block_bitmap_init(struct journal_handle *h, struct ext4_fs *fs, u32 group)
{
	struct buffer *db, *b;
	struct ext4_desc *d = ext4_desc(fs, group, &db);
	int err;

	if (!fs->group_checksums || !(d->flags & BG_BLOCK_UNINIT))
		return 0;
	b = ext4_block_bitmap(fs, group);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	err = journal_access(h, b);
	if (!err)
		err = journal_access(h, db);
	if (!err) {
		d->flags &= (u16)~BG_BLOCK_UNINIT;
		set_checksums(fs, group, d, b, 0, 0);
		journal_dirty(h, b);
		journal_dirty(h, db);
	}
	buffer_put(b);
	return err;
}

static int take(struct journal_handle *h, struct ext4_fs *fs, u32 group, struct buffer *b, u32 bit, u32 count)
{
	struct buffer *db;
	struct ext4_desc *d = ext4_desc(fs, group, &db);
	u32 left = desc_free_blocks(fs, d);
	bool fresh = d->flags & BG_BLOCK_UNINIT;
	int err = journal_access(h, b);

	if (!err)
		err = journal_access(h, db);
	if (err)
		return err;
	if (left < count)
		return ext4_error(fs, "group %u has %u free blocks by its descriptor, and more by its bitmap", group, left);
	bitmap_fill(b->data, bit, count, true);
	d->flags &= (u16)~BG_BLOCK_UNINIT;
	desc_set_free_blocks(fs, d, left - count);
	set_checksums(fs, group, d, b, bit, fresh ? 0 : count);
	fs->free_blocks -= count;
	journal_dirty(h, b);
	journal_dirty(h, db);
	return 0;
}

/* What is reserved is for root (or whom the superblock or an option names), and not for others. What is kept is for nobody's data. */
static bool may_take(const struct ext4_fs *fs, const struct inode *i, u32 count)
{
	const struct cred *cred = file_cred();
	u64 kept = ext4_i(i)->may_take_kept ? 0 : fs->kept_blocks;
	u32 gid = ext4_options_number(fs, OPT_RESGID);

	if (fs->free_blocks < count + kept)
		return false;
	return fs->free_blocks - count - kept >= fs->reserved_blocks || ext4_i(i)->may_take_kept || cred->fsuid == ext4_options_number(fs, OPT_RESUID) ||
	       (gid && cred_in_group(cred, gid)) || cred_has_cap(cred, CAP_SYS_RESOURCE);
}

/* One group: the block, 0 if it has no run of at least `least`. */
static u64 alloc_in_group(struct journal_handle *h, const struct inode *i, u32 group, u32 from, u32 least, u32 *count, int *err)
{
	struct ext4_fs *fs = fs_of(i);
	u32 size = group_blocks(fs, group), start = 0, n;
	struct buffer *b;

	if (desc_free_blocks(fs, ext4_desc(fs, group, NULL)) < least || fs->group[group].bad)
		return 0;
	b = ext4_block_bitmap(fs, group);
	if (IS_ERR(b)) {
		*err = (int)PTR_ERR(b);
		return 0;
	}
	n = ext4_find_run(b->data, fs->group[group].busy, from, size, *count, &start);
	if (n < least && from)
		n = ext4_find_run(b->data, fs->group[group].busy, 0, size, *count, &start);
	if (n < least) {
		buffer_put(b);
		return 0;
	}
	/* Nor does a bitmap give away what is another group's. */
	if (ext4_blocks_usable(fs, i->ino, group_first_block(fs, group) + start, MIN(n, *count))) {
		*err = take(h, fs, group, b, start, MIN(n, *count));
	} else {
		fs->group[group].bad = true;
		*err = ext4_error(fs, "the block bitmap of group %u says that blocks of the file system are free", group);
	}
	buffer_put(b);
	if (*err)
		return 0;
	*count = MIN(n, *count);
	return group_first_block(fs, group) + start;
}

u64 ext4_alloc_blocks(struct journal_handle *h, struct inode *i, u64 goal, u32 *count, int *err)
{
	struct ext4_fs *fs = fs_of(i);
	u32 group, from, want = MIN(*count, fs->blocks_per_group / 2);
	u64 block = 0;

	if (!block_valid(fs, goal, 1))
		goal = group_first_block(fs, ((u32)i->ino - 1) / fs->inodes_per_group % fs->groups) + 1;
	group = (u32)((goal - fs->first_data_block) / fs->blocks_per_group);
	from = (u32)((goal - fs->first_data_block) % fs->blocks_per_group);
	*err = 0;
	mutex_lock(&fs->alloc_mutex);
	while (want > 1 && !may_take(fs, i, want))
		want /= 2;
	if (!may_take(fs, i, want))
		goto full;
	/* Long runs first; then what there is. */
	for (u32 least = want; !block && !*err; least = least > 16 ? 16 : 1) {
		for (u32 n = 0; n < fs->groups && !block && !*err; n++) {
			*count = want;
			block = alloc_in_group(h, i, (group + n) % fs->groups, n ? 0 : from, least, count, err);
			if (*err == -EUCLEAN && fs->group[(group + n) % fs->groups].bad)
				*err = 0;
		}
		if (least == 1)
			break;
	}
full:
	mutex_unlock(&fs->alloc_mutex);
	if (!block && !*err)
		*err = -ENOSPC;
	if (block)
		i->blocks += *count * (fs->block_size / 512);
	return block;
}

int ext4_trim_group(struct ext4_fs *fs, u32 group, u32 from, u32 end, u32 least, u64 *done)
{
	u32 shift = fs->block_shift - SECTOR_SHIFT;
	struct buffer *b;
	int err = 0;

	mutex_lock(&fs->alloc_mutex);
	b = ext4_block_bitmap(fs, group);
	/* Under the mutex: nobody takes a block that is being discarded. */
	while (!IS_ERR(b) && from < end && !err) {
		u32 start = ext4_next_bit(b->data, fs->group[group].busy, from, end, false), stop = ext4_next_bit(b->data, fs->group[group].busy, start, end, true);

		if (start < stop && stop - start >= least) {
			err = block_discard(fs->dev, (group_first_block(fs, group) + start) << shift, (u64)(stop - start) << shift);
			*done += err ? 0 : stop - start;
		}
		from = stop;
	}
	mutex_unlock(&fs->alloc_mutex);
	if (!IS_ERR(b))
		buffer_put(b);
	/* A group whose bitmap is damaged is left alone. */
	return err;
}

/* --- freeing ---------------------------------------------------------------------------------------------------------------- */

/* Until tid is committed nobody gets them. Without memory for that, they stay unused till the next mount: safe, and rare. */
static void keep_busy(struct ext4_fs *fs, u32 tid, u32 group, u32 bit, u32 count)
{
	struct ext4_group *g = &fs->group[group];
	struct freed *f = kmalloc(sizeof(*f), 0);

	while (!g->busy)
		g->busy = kzalloc(fs->block_size, 0);
	bitmap_fill((u8 *)g->busy, bit, count, true);
	g->busy_count += count;
	if (!f)
		return;
	*f = (struct freed){ .tid = tid, .group = group, .bit = bit, .count = count };
	list_add_tail(&fs->freed, &f->link);
}

void ext4_blocks_committed(void *arg, u32 tid)
{
	struct ext4_fs *fs = arg;
	struct freed *f, *next;

	mutex_lock(&fs->alloc_mutex);
	list_for_each_safe(f, next, &fs->freed, link) {
		struct ext4_group *g = &fs->group[f->group];

		if (!tid_geq(tid, f->tid))
			continue;
		bitmap_fill((u8 *)g->busy, f->bit, f->count, false);
		g->busy_count -= f->count;
		if (!g->busy_count) {
			kfree(g->busy);
			g->busy = NULL;
		}
		list_del(&f->link);
		kfree(f);
	}
	mutex_unlock(&fs->alloc_mutex);
}

bool ext4_wait_for_space(struct ext4_fs *fs, int *tries)
{
	bool waiting;

	mutex_lock(&fs->alloc_mutex);
	waiting = !list_empty(&fs->freed);
	mutex_unlock(&fs->alloc_mutex);
	return waiting && fs->journal && !current->journal && (*tries)++ < 3 && !journal_commit_all(fs->journal, true);
}

static int free_in_group(struct journal_handle *h, struct ext4_fs *fs, u32 group, u32 bit, u32 count)
{
	struct buffer *db, *b;
	struct ext4_desc *d = ext4_desc(fs, group, &db);
	int err;

	b = ext4_block_bitmap(fs, group);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	err = journal_access(h, b);
	if (!err)
		err = journal_access(h, db);
	for (u32 i = 0; i < count && !err; i++)
		if (!bitmap_test(b->data, bit + i))
			err = ext4_error(fs, "block %lu is freed, and is free", group_first_block(fs, group) + bit + i);
	if (!err) {
		bitmap_fill(b->data, bit, count, false);
		desc_set_free_blocks(fs, d, desc_free_blocks(fs, d) + count);
		set_checksums(fs, group, d, b, bit, d->flags & BG_BLOCK_UNINIT ? 0 : count);
		fs->free_blocks += count;
		if (fs->journal)
			keep_busy(fs, journal_tid(h), group, bit, count);
		journal_dirty(h, b);
		journal_dirty(h, db);
	}
	buffer_put(b);
	return err;
}

int ext4_free_blocks(struct journal_handle *h, struct inode *i, u64 block, u32 count, bool metadata)
{
	struct ext4_fs *fs = fs_of(i);
	int err = 0;

	if (!ext4_blocks_usable(fs, i->ino, block, count))
		return ext4_error(fs, "inode %lu: blocks %lu+%u, which are to be freed, are not in the file system, or not a file's", i->ino, block, count);
	for (u32 n = 0; metadata && n < count && !err; n++)
		err = journal_revoke(h, fs->dev, block + n, fs->block_size);
	mutex_lock(&fs->alloc_mutex);
	while (count && !err) {
		u32 group = (u32)((block - fs->first_data_block) / fs->blocks_per_group), bit = (u32)((block - fs->first_data_block) % fs->blocks_per_group);
		u32 n = MIN(count, group_blocks(fs, group) - bit);

		err = free_in_group(h, fs, group, bit, n);
		if (!err)
			i->blocks -= MIN(i->blocks, (u64)n * (fs->block_size / 512));
		block += n;
		count -= n;
	}
	mutex_unlock(&fs->alloc_mutex);
	return err;
}
