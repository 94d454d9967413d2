/*
 * Block maps as ext2 and ext3 have them: twelve block numbers in the inode, then a block of numbers, one of such blocks, and one of those.
 *
 *   data[0 … 11]   blocks 0 … 11          data[12] --> [numbers]          data[13] --> [ --> [numbers] … ]          data[14]: one level more
 *
 * A number of 0 is a hole. Numbers are checked when they are followed. (map_lock held.)
 */
#include "ext4_priv.h"

#define DIRECT 12u

/* The way to a block: which number at each level. Levels; 0: past what can be mapped. */
static int way(const struct ext4_fs *fs, u32 block, u32 at[4])
{
	u32 per = fs->block_size / 4, bits = fs->block_shift - 2;
	u64 n = block;

	if (n < DIRECT) {
		at[0] = block;
		return 1;
	}
	n -= DIRECT;
	for (u32 depth = 1; depth <= 3; depth++) {
		if (n < 1ul << bits * depth) {
			at[0] = DIRECT + depth - 1;
			for (u32 k = 1; k <= depth; k++)
				at[k] = (u32)(n >> bits * (depth - k)) & (per - 1);
			return (int)depth + 1;
		}
		n -= 1ul << bits * depth;
	}
	return 0;
}

static struct buffer *read_table(struct inode *i, u32 block)
{
	struct ext4_fs *fs = fs_of(i);

	if (!ext4_blocks_usable(fs, i->ino, block, 1))
		return ERR_PTR(ext4_error(fs, "inode %lu: its map leads to block %u, which is not there, or not a file's", i->ino, block));
	return ext4_read(fs, block);
}

int indirect_find(struct inode *i, u32 block, u32 max, struct ext4_map *m)
{
	struct ext4_fs *fs = fs_of(i);
	u32 at[4], per = fs->block_size / 4, n, room;
	int levels = way(fs, block, at);
	const u32 *numbers = ext4_i(i)->data;
	struct buffer *b = NULL;
	u32 span = 1, in = 0;

	*m = (struct ext4_map){ .length = 1 };
	if (!levels)
		return 0;
	for (int k = 1; k < levels; k++) {
		u32 table = numbers[at[k - 1]];

		buffer_put(b);
		if (!table) {
			/* All that this table would hold from here on is a hole; where in it the block is, the numbers say that are left. */
			for (int d = levels - 1; d >= k; d--) {
				in += at[d] * span;
				span *= per;
			}
			m->length = MAX(MIN(span - in, max), 1u);
			return 0;
		}
		b = read_table(i, table);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		numbers = (const u32 *)b->data;
	}
	room = levels == 1 ? DIRECT - at[0] : per - at[levels - 1];
	m->block = numbers[at[levels - 1]];
	for (n = 1; n < MIN(room, max); n++)
		if (numbers[at[levels - 1] + n] != (m->block ? (u32)m->block + n : 0))
			break;
	m->length = n;
	buffer_put(b);
	if (m->block && !ext4_blocks_usable(fs, i->ino, m->block, n))
		return ext4_error(fs, "inode %lu: block %lu is not in the file system, or not a file's", i->ino, m->block);
	return 0;
}

static int new_table(struct journal_handle *h, struct inode *i, u32 *number)
{
	struct ext4_fs *fs = fs_of(i);
	struct buffer *b;
	u32 one = 1;
	int err;
	u64 block = ext4_alloc_blocks(h, i, ext4_i(i)->goal, &one, &err);

	if (!block)
		return err;
	b = block >> 32 ? NULL : buffer_new(fs->dev, block, fs->block_size);
	err = b ? journal_access(h, b) : -ENOSPC;
	if (!err) {
		journal_dirty(h, b);
		*number = (u32)block;
	} else {
		ext4_free_blocks(h, i, block, 1, true);
	}
	buffer_put(b);
	return err;
}

/* All lie in one table (or in the inode). */
int indirect_set(struct journal_handle *h, struct inode *i, u32 block, u64 start, u32 count)
{
	u32 at[4], *numbers = ext4_i(i)->data;
	int levels = way(fs_of(i), block, at), err = 0;
	struct buffer *b = NULL;

	if (!levels || (start + count) >> 32)
		return -EFBIG;
	for (int k = 1; k < levels && !err; k++) {
		struct buffer *next;

		if (!numbers[at[k - 1]]) {
			err = b ? journal_access(h, b) : 0;
			if (!err)
				err = new_table(h, i, &numbers[at[k - 1]]);
			if (!err && b)
				journal_dirty(h, b);
			if (err)
				break;
		}
		next = read_table(i, numbers[at[k - 1]]);
		buffer_put(b);
		b = next;
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		numbers = (u32 *)b->data;
	}
	if (!err && b)
		err = journal_access(h, b);
	for (u32 n = 0; n < count && !err; n++)
		numbers[at[levels - 1] + n] = (u32)start + n;
	if (!err && b)
		journal_dirty(h, b);
	buffer_put(b);
	return err;
}

/* --- removing --------------------------------------------------------------------------------------------------------------- */

/* Room for one more step in the handle; map_lock is let go while it is restarted. */
static int step(struct journal_handle *h, struct inode *i)
{
	u32 credits = 2 * CREDITS_ALLOC + CREDITS_MAP;
	int err;

	if (journal_extend(h, credits))
		return 0;
	err = ext4_update_inode(h, i);
	rwlock_write_done(&ext4_i(i)->map_lock);
	if (!err)
		err = journal_restart(h, credits);
	rwlock_write(&ext4_i(i)->map_lock);
	return err;
}

/* Frees what number *number leads to, that lies in [first, end): `depth` tables deep, its first block being `base`. */
static int remove_below(struct journal_handle *h, struct inode *i, u32 *number, struct buffer *holder, u32 depth, u64 base, u64 first, u64 end)
{
	struct ext4_fs *fs = fs_of(i);
	u64 per = fs->block_size / 4, span = 1;
	struct buffer *b;
	bool empty = true;
	int err = 0;

	for (u32 d = 0; d < depth; d++)
		span *= per;
	if (!*number || base >= end || base + span <= first)
		return 0;
	if (depth) {
		b = read_table(i, *number);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		for (u64 n = per; n-- && !err;) {
			err = remove_below(h, i, (u32 *)b->data + n, b, depth - 1, base + n * (span / per), first, end);
			empty &= !((u32 *)b->data)[n];
		}
		buffer_put(b);
		if (err || !empty)
			return err;
	}
	err = step(h, i);
	if (!err && holder)
		err = journal_access(h, holder);
	if (err)
		return err;
	err = ext4_free_blocks(h, i, *number, 1, depth || !S_ISREG(i->mode));
	*number = 0;
	if (holder)
		journal_dirty(h, holder);
	return err;
}

int indirect_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end)
{
	u64 stop = end == UINT32_MAX ? 1ul << 40 : end, per = fs_of(i)->block_size / 4;
	u64 bases[3] = { DIRECT, DIRECT + per, DIRECT + per + per * per };
	u32 *data = ext4_i(i)->data;
	int err = 0;

	for (u32 d = 3; d > 0 && !err; d--)
		err = remove_below(h, i, &data[DIRECT + d - 1], NULL, d, bases[d - 1], first, stop);
	for (u32 n = DIRECT; n-- && !err;)
		err = remove_below(h, i, &data[n], NULL, 0, n, first, stop);
	return err;
}
