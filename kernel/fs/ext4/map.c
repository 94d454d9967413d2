/* Where a file's blocks are, whichever way the inode says it: looking up, allocating, removing; under the inode's map_lock. */
#include "ext4_priv.h"

#define ALLOC_MOST 2048u /* blocks in one piece */

/* The version says, after the copy was made, whether it was a whole one. */
static bool last_hit(const struct ext4_inode *ei, u32 block, struct ext4_map *m)
{
	u32 version = atomic_load_acquire(&ei->last_version), in;
	struct ext4_last last = ei->last;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	in = block - last.block;
	if (version & 1 || atomic_load_relaxed(&ei->last_version) != version || in >= last.length)
		return false;
	*m = (struct ext4_map){ .block = last.start + in, .length = last.length - in, .unwritten = last.unwritten };
	return true;
}

static void last_set(struct ext4_inode *ei, u32 block, const struct ext4_map *m)
{
	spin_lock(&ei->last_lock);
	atomic_fetch_add(&ei->last_version, 1u);
	ei->last = (struct ext4_last){ .block = block };
	if (m && m->block)
		ei->last = (struct ext4_last){ .block = block, .length = m->length, .start = m->block, .unwritten = m->unwritten };
	atomic_fetch_add(&ei->last_version, 1u);
	spin_unlock(&ei->last_lock);
}

/* map_lock held. */
static int find(struct inode *i, u32 block, u32 max, struct ext4_map *m)
{
	int err = has_extents(i) ? extent_find(i, block, m) : indirect_find(i, block, max, m);

	return err;
}

int ext4_map_blocks(struct inode *i, u32 block, u32 max, struct ext4_map *m)
{
	struct ext4_inode *ei = ext4_i(i);
	int err = 0;

	if (!last_hit(ei, block, m)) {
		rwlock_read(&ei->map_lock);
		err = find(i, block, max, m);
		if (!err)
			last_set(ei, block, m);
		rwlock_read_done(&ei->map_lock);
	}
	m->length = MIN(m->length, max);
	return err;
}

/* Where a new block would best lie: behind the one before it. */
static u64 goal_of(struct inode *i, u32 block)
{
	struct ext4_map before;

	if (ext4_i(i)->goal)
		return ext4_i(i)->goal;
	if (block && !find(i, block - 1, 1, &before) && before.block)
		return before.block + 1;
	return 0;
}

static int create(struct journal_handle *h, struct inode *i, u32 block, u32 max, bool unwritten, struct ext4_map *m)
{
	u32 count = MIN(MIN(max, m->length), ALLOC_MOST);
	int err;
	u64 start;

	if (!has_extents(i)) {
		/* One table's worth at a time. */
		u32 per = fs_of(i)->block_size / 4;
		count = block < 12 ? MIN(count, 12 - block) : MIN(count, per - (block - 12) % per);
		unwritten = false;
	} else if (unwritten) {
		count = MIN(count, EXTENT_INIT_MAX - 1);
	}
	start = ext4_alloc_blocks(h, i, goal_of(i, block), &count, &err);
	if (!start)
		return err;
	err = has_extents(i) ? extent_insert(h, i, block, start, count, unwritten) : indirect_set(h, i, block, start, count);
	if (err) {
		ext4_free_blocks(h, i, start, count, false);
		return err;
	}
	ext4_i(i)->goal = start + count;
	*m = (struct ext4_map){ .block = start, .length = count, .unwritten = unwritten };
	return 0;
}

/* What is changed in the tree before the disk is full (a level, half a node) is to be in the inode as well. */
static int failed(struct journal_handle *h, struct inode *i, int err)
{
	if (err)
		ext4_update_inode(h, i);
	return err;
}

/* An unwritten piece is going to be written. */
static int convert(struct journal_handle *h, struct inode *i, u32 block, u32 max, struct ext4_map *m)
{
	u32 count = MIN(m->length, max);
	int err;

	ext4_i(i)->may_take_kept = true;
	err = extent_mark(h, i, block, count, false);
	ext4_i(i)->may_take_kept = false;
	m->length = count;
	m->unwritten = false;
	return err;
}

int ext4_map_create(struct journal_handle *h, struct inode *i, u32 block, u32 max, bool unwritten, struct ext4_map *m)
{
	struct ext4_inode *ei = ext4_i(i);
	int err;

	rwlock_write(&ei->map_lock);
	err = find(i, block, max, m);
	if (!err && !m->block)
		err = create(h, i, block, max, unwritten, m);
	else if (!err && m->unwritten && !unwritten)
		err = convert(h, i, block, max, m);
	last_set(ei, 0, NULL);
	rwlock_write_done(&ei->map_lock);
	m->length = MIN(m->length, max);
	return failed(h, i, err);
}

int ext4_map_unwritten(struct journal_handle *h, struct inode *i, u32 block, u32 max, struct ext4_map *m)
{
	struct ext4_inode *ei = ext4_i(i);
	int err;

	rwlock_write(&ei->map_lock);
	err = find(i, block, max, m);
	m->length = MIN(MIN(m->length, max), EXTENT_INIT_MAX - 1);
	if (!err && m->block && !m->unwritten) {
		ei->may_take_kept = true;
		err = extent_mark(h, i, block, m->length, true);
		ei->may_take_kept = false;
		m->unwritten = !err;
	}
	last_set(ei, 0, NULL);
	rwlock_write_done(&ei->map_lock);
	return failed(h, i, err);
}

int ext4_map_shift(struct journal_handle *h, struct inode *i, u32 first, u32 by, bool front)
{
	struct ext4_inode *ei = ext4_i(i);
	int err;

	rwlock_write(&ei->map_lock);
	last_set(ei, 0, NULL);
	ei->goal = 0;
	ei->may_take_kept = true;
	err = extent_shift(h, i, first, by, front);
	ei->may_take_kept = false;
	last_set(ei, 0, NULL);
	rwlock_write_done(&ei->map_lock);
	return failed(h, i, err);
}

int ext4_map_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end)
{
	struct ext4_inode *ei = ext4_i(i);
	int err;

	rwlock_write(&ei->map_lock);
	last_set(ei, 0, NULL);
	ei->goal = 0;
	ei->may_take_kept = true;
	err = has_extents(i) ? extent_remove(h, i, first, end) : indirect_remove(h, i, first, end);
	ei->may_take_kept = false;
	last_set(ei, 0, NULL);
	rwlock_write_done(&ei->map_lock);
	return failed(h, i, err);
}
