/*
 * Extents that are changed where they are, no block of theirs being freed (map_lock held):
 *
 *     mark     [....extent....]  ->  [..|mark|..]     a piece becomes written, or not: up to three entries in place of one
 *     shift    [..] [..]   [..]  ->  [..]   [..] [..] the keys of all entries from a block on grow (or shrink)
 *
 * Nothing leaves the tree meanwhile, so that a crash or an error between two steps loses no data. What needs room for more entries asks for it first: -ENOSPC
 * comes before anything has changed.
 */
#include "extents.h"

static void join_next(struct ext4_extent_header *h, int at)
{
	struct ext4_extent *all = extents(h);

	if (at < 0 || at + 1 >= h->entries || !extent_joins(&all[at], &all[at + 1]))
		return;
	all[at].length += extent_length(&all[at + 1]);
	h->entries--;
	memmove(&all[at + 1], &all[at + 2], (h->entries - at - 1) * sizeof(*all));
}

/* Zeroes on the disk, at once: the commit that makes them readable flushes before. */
static int zero_blocks(struct inode *i, u64 start, u32 count)
{
	u32 shift = fs_of(i)->block_shift - SECTOR_SHIFT;

	if (!ext4_blocks_usable(fs_of(i), i->ino, start, count))
		return ext4_error(fs_of(i), "inode %lu: blocks %lu+%u are not in the file system, or not a file's", i->ino, start, count);
	return block_zero(fs_of(i)->dev, start << shift, (u64)count << shift);
}

/* A disk without a block for one more node keeps its promise that what was allocated can be written: all of the extent becomes written, and what was not asked for zeroes. */
static int mark_whole(struct journal_handle *h, struct inode *i, struct tree_path *p, u32 block, u32 count)
{
	struct level *l = &p->levels[p->depth];
	struct ext4_extent *e = &extents(l->h)[l->at];
	u32 before = block - e->block, after = extent_length(e) - before - count;
	int err = before ? zero_blocks(i, extent_start(e), before) : 0;

	if (!err && after)
		err = zero_blocks(i, extent_start(e) + before + count, after);
	if (!err)
		err = extent_node_access(h, l);
	if (err)
		return err;
	extent_set(e, e->block, extent_start(e), extent_length(e), false);
	extent_node_changed(h, i, l);
	return 0;
}

/* Cuts the extent that has [block, block + count) in it into up to three, the middle one written or not: nothing leaves the tree meanwhile, and -ENOSPC comes before
 * anything has changed. */
static int divide(struct journal_handle *h, struct inode *i, u32 block, u32 count, bool unwritten, bool join)
{
	struct ext4_extent *e, whole;
	struct level *l;
	struct tree_path p;
	int err, at, parts;

	for (;;) {
		err = extent_walk(i, block, &p);
		if (err)
			return err;
		l = &p.levels[p.depth];
		at = l->at;
		e = &extents(l->h)[at];
		if (at < 0 || (u64)block + count > (u64)e->block + extent_length(e)) {
			extent_path_put(&p);
			return -EUCLEAN;
		}
		parts = 1 + (block > e->block) + ((u64)block + count < (u64)e->block + extent_length(e));
		if (l->h->entries + parts - 1 <= l->h->max)
			break;
		err = extent_make_room(h, i, &p);
		if (err == -ENOSPC && is_unwritten(e) && !unwritten) {
			err = mark_whole(h, i, &p, block, count);
			extent_path_put(&p);
			return err;
		}
		extent_path_put(&p);
		if (err)
			return err;
	}
	err = extent_node_access(h, l);
	if (!err) {
		u32 before = block - e->block, after;

		whole = *e;
		after = extent_length(&whole) - before - count;
		for (int k = 1; k < parts; k++)
			extent_make_gap(l->h, at + 1);
		if (before)
			extent_set(e++, whole.block, extent_start(&whole), before, is_unwritten(&whole));
		extent_set(e++, block, extent_start(&whole) + before, count, unwritten);
		if (after)
			extent_set(e, block + count, extent_start(&whole) + before + count, after, is_unwritten(&whole));
		for (int k = at + parts - 1; join && k >= at - 1; k--)
			join_next(l->h, k);
		extent_node_changed(h, i, l);
	}
	extent_path_put(&p);
	return err;
}

int extent_mark(struct journal_handle *h, struct inode *i, u32 block, u32 count, bool unwritten)
{
	return divide(h, i, block, count, unwritten, true);
}

/* Has the last extent room to move by that much, and does none lie across `first`? Then the rest cannot fail for lack of room. */
static int prepare_back(struct journal_handle *h, struct inode *i, u32 first, u32 by)
{
	struct ext4_map m;
	struct tree_path p;
	struct level *l;
	int err = extent_walk(i, UINT32_MAX, &p);

	if (err)
		return err;
	l = &p.levels[p.depth];
	if (l->at >= 0 && (u64)extents(l->h)[l->at].block + extent_length(&extents(l->h)[l->at]) + by > 1ul << 32)
		err = -EFBIG;
	extent_path_put(&p);
	if (err || !first)
		return err;
	err = extent_find(i, first, &m);
	return err || !m.block ? err : divide(h, i, first, m.length, m.unwritten, false);
}

/* The entries of one leaf, each where it is, get other keys. *at: what comes next, 2^32 or `first` at the end. */
static int shift_leaf(struct journal_handle *h, struct inode *i, struct tree_path *p, u32 first, u32 by, bool front, u64 *at)
{
	struct level *l = &p->levels[p->depth];
	struct ext4_extent *all = extents(l->h);
	int from = l->at, err;

	if (front) {
		from += from < 0 || all[from].block < *at;
		l->at = l->h->entries - 1;
		*at = extent_next_key(p);
	}
	if (from < 0 || from >= l->h->entries || (!front && all[from].block < first)) {
		*at = front ? *at : first;
		return 0;
	}
	err = extent_node_access(h, l);
	if (err)
		return err;
	if (front) {
		for (int n = from; n < l->h->entries; n++)
			all[n].block -= by;
	} else {
		int n = from;

		for (; n >= 0 && all[n].block >= first; n--) {
			*at = all[n].block;
			all[n].block += by;
		}
		from = n + 1;
	}
	if (!from)
		err = extent_fix_keys(h, i, p);
	extent_node_changed(h, i, l);
	return err;
}

int extent_shift(struct journal_handle *h, struct inode *i, u32 first, u32 by, bool front)
{
	u64 at = front ? first : 1ul << 32;
	int err = extent_more_credits(h, i);

	if (!err && !front)
		err = prepare_back(h, i, first, by);
	while (!err && (front ? at < 1ul << 32 : at > first)) {
		struct tree_path p;

		err = extent_more_credits(h, i);
		if (!err)
			err = extent_walk(i, (u32)(front ? at : at - 1), &p);
		if (err)
			break;
		err = shift_leaf(h, i, &p, first, by, front, &at);
		extent_path_put(&p);
	}
	return err;
}
