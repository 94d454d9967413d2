/*
 * The extent tree of an inode (map_lock held): leaves with (file block, length, disk block), index nodes above, the root in the inode.
 *
 *            root (4 entries, in the inode)
 *           /            \
 *       [index]        [index]          an index entry: first file block below it, block of the node
 *       /     \
 *   [leaf]   [leaf]                     an extent: file block, length, disk block; unwritten ones read as zeroes
 *
 * Changes are made of two: put an entry into a leaf (splitting what is full, from the top down), and take a range out. What changes extents where they are is in
 * extents_inplace.c.
 * An index entry's key is the first key of the node below it, always.
 *
 * A node is checked when it is first read: magic, counts, depth, order, checksum. Block numbers are checked when they are followed.
 */
#include "extents.h"

void extent_root_init(struct ext4_inode *ei)
{
	memset(ei->data, 0, sizeof(ei->data));
	*root_of(ei) = (struct ext4_extent_header){ .magic = EXTENT_MAGIC, .max = (sizeof(ei->data) - sizeof(struct ext4_extent_header)) / sizeof(struct ext4_extent) };
}

/* --- nodes ------------------------------------------------------------------------------------------------------------------- */

static u32 node_max(const struct ext4_fs *fs)
{
	return (fs->block_size - sizeof(struct ext4_extent_header) - (fs->checksums ? 4 : 0)) / sizeof(struct ext4_extent);
}

static u32 node_checksum(struct inode *i, const struct buffer *b)
{
	const struct ext4_extent_header *h = (const void *)b->data;

	return crc32c(ext4_i(i)->seed, b->data, sizeof(*h) + h->max * sizeof(struct ext4_extent));
}

static void *node_tail(const struct buffer *b)
{
	const struct ext4_extent_header *h = (const void *)b->data;

	return b->data + sizeof(*h) + h->max * sizeof(struct ext4_extent);
}

/* What a node may look like, wherever it came from. */
static bool header_ok(const struct ext4_extent_header *h, u32 max, int depth)
{
	u64 next = 0;

	if (h->magic != EXTENT_MAGIC || !h->max || h->max > max || h->entries > h->max || h->depth != depth)
		return false;
	for (u32 n = 0; n < h->entries; n++) {
		if (depth) {
			if (indices(h)[n].block < next)
				return false;
			next = (u64)indices(h)[n].block + 1;
		} else {
			const struct ext4_extent *e = &extents(h)[n];
			if (e->block < next || !extent_length(e) || (u64)e->block + extent_length(e) > 1ul << 32)
				return false;
			next = (u64)e->block + extent_length(e);
		}
	}
	return depth == 0 || h->entries;
}

static struct buffer *read_node(struct inode *i, u64 block, int depth)
{
	struct ext4_fs *fs = fs_of(i);
	struct buffer *b;
	u32 crc;

	if (!ext4_blocks_usable(fs, i->ino, block, 1))
		return ERR_PTR(ext4_error(fs, "inode %lu: its extents lead to block %lu, which is not there, or not a file's", i->ino, block));
	b = ext4_read(fs, block);
	if (IS_ERR(b) || is_checked(b, CHECKED_NODE))
		return b;
	if (!header_ok((void *)b->data, node_max(fs), depth)) {
		buffer_put(b);
		return ERR_PTR(ext4_error(fs, "inode %lu: block %lu is no node of its extents", i->ino, block));
	}
	memcpy(&crc, node_tail(b), 4);
	if (fs->checksums && crc != node_checksum(i, b)) {
		buffer_put(b);
		return ERR_PTR(ext4_error(fs, "inode %lu: node %lu of its extents has a wrong checksum", i->ino, block));
	}
	set_checked(b, CHECKED_NODE);
	return b;
}

int extent_node_access(struct journal_handle *h, struct level *l)
{
	return l->b ? journal_access(h, l->b) : 0;
}

void extent_node_changed(struct journal_handle *h, struct inode *i, struct level *l)
{
	u32 crc;

	if (!l->b)
		return;
	if (fs_of(i)->checksums) {
		crc = node_checksum(i, l->b);
		memcpy(node_tail(l->b), &crc, 4);
	}
	journal_dirty(h, l->b);
}

/* --- the way down ------------------------------------------------------------------------------------------------------------- */

void extent_path_put(struct tree_path *p)
{
	for (int k = 0; k <= p->depth; k++) {
		buffer_put(p->levels[k].b);
		p->levels[k].b = NULL;
	}
}

static u32 key_at(const struct ext4_extent_header *h, int n)
{
	return h->depth ? indices(h)[n].block : extents(h)[n].block;
}

/* The last entry whose key is not past the block; -1 if there is none. */
static int search(const struct ext4_extent_header *h, u32 block)
{
	int low = 0, high = h->entries;

	while (low < high) {
		int mid = (low + high) / 2;
		if (key_at(h, mid) <= block)
			low = mid + 1;
		else
			high = mid;
	}
	return low - 1;
}

int extent_walk(struct inode *i, u32 block, struct tree_path *p)
{
	struct ext4_extent_header *h = root_of(ext4_i(i));

	memset(p, 0, sizeof(*p));
	if (h->depth > EXTENT_DEPTH_MAX || !header_ok(h, 4, h->depth))
		return ext4_error(fs_of(i), "inode %lu: the root of its extents makes no sense", i->ino);
	p->depth = h->depth;
	for (int k = 0;; k++) {
		struct level *l = &p->levels[k];

		l->h = h;
		l->at = search(h, block);
		if (k == p->depth)
			return 0;
		if (l->at < 0)
			l->at = 0;
		p->levels[k + 1].b = read_node(i, index_leaf(&indices(h)[l->at]), p->depth - k - 1);
		if (IS_ERR(p->levels[k + 1].b)) {
			int err = (int)PTR_ERR(p->levels[k + 1].b);
			p->levels[k + 1].b = NULL;
			extent_path_put(p);
			return err;
		}
		h = (void *)p->levels[k + 1].b->data;
		if (h->depth != p->depth - k - 1 || h->entries > h->max) {
			extent_path_put(p);
			return ext4_error(fs_of(i), "inode %lu: its extents lead in a circle", i->ino);
		}
	}
}

/* The key of the first entry after the path's place; 2^32 if there is none. */
u64 extent_next_key(const struct tree_path *p)
{
	for (int k = p->depth; k >= 0; k--) {
		const struct level *l = &p->levels[k];
		if (l->at + 1 < l->h->entries)
			return key_at(l->h, l->at + 1);
	}
	return 1ul << 32;
}

int extent_find(struct inode *i, u32 block, struct ext4_map *m)
{
	struct tree_path p;
	struct level *l;
	int err = extent_walk(i, block, &p);

	if (err)
		return err;
	l = &p.levels[p.depth];
	*m = (struct ext4_map){ 0 };
	if (l->at >= 0) {
		struct ext4_extent *e = &extents(l->h)[l->at];
		u32 in = block - e->block;

		if (in < extent_length(e)) {
			m->block = extent_start(e) + in;
			m->length = extent_length(e) - in;
			m->unwritten = is_unwritten(e);
			if (!ext4_blocks_usable(fs_of(i), i->ino, extent_start(e), extent_length(e)))
				err = ext4_error(fs_of(i), "inode %lu: blocks %lu+%u are not in the file system, or not a file's", i->ino, extent_start(e), extent_length(e));
		}
	}
	if (!m->block)
		m->length = (u32)MIN(extent_next_key(&p) - block, (u64)UINT32_MAX);
	extent_path_put(&p);
	return err;
}

/* --- putting in ---------------------------------------------------------------------------------------------------------------- */

static struct buffer *new_node(struct journal_handle *h, struct inode *i, u64 goal, int depth, u64 *block)
{
	struct ext4_fs *fs = fs_of(i);
	struct buffer *b;
	u32 one = 1;
	int err;

	*block = ext4_alloc_blocks(h, i, goal, &one, &err);
	if (!*block)
		return ERR_PTR(err);
	b = buffer_new(fs->dev, *block, fs->block_size);
	err = b ? journal_access(h, b) : -ENOMEM;
	if (err) {
		buffer_put(b);
		ext4_free_blocks(h, i, *block, 1, true);
		return ERR_PTR(err);
	}
	*(struct ext4_extent_header *)b->data = (struct ext4_extent_header){ .magic = EXTENT_MAGIC, .max = (u16)node_max(fs), .depth = (u16)depth };
	set_checked(b, CHECKED_NODE);
	return b;
}

/* The root's entries move into a node of their own, and the root leads there. */
static int grow(struct journal_handle *h, struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);
	struct ext4_extent_header *root = root_of(ei), *to;
	struct level l = { 0 };
	u64 block;

	if (root->depth == EXTENT_DEPTH_MAX)
		return -EFBIG;
	l.b = new_node(h, i, ei->goal, root->depth, &block);
	if (IS_ERR(l.b))
		return (int)PTR_ERR(l.b);
	to = (void *)l.b->data;
	memcpy(to + 1, root + 1, root->entries * sizeof(struct ext4_extent));
	to->entries = root->entries;
	extent_node_changed(h, i, &l);
	buffer_put(l.b);
	indices(root)[0] = (struct ext4_extent_index){ .block = key_at(root, 0), .leaf_lo = (u32)block, .leaf_hi = (u16)(block >> 32) };
	root->entries = 1;
	root->depth++;
	return 0;
}

void extent_make_gap(struct ext4_extent_header *h, int at)
{
	memmove(&extents(h)[at + 1], &extents(h)[at], (h->entries - at) * sizeof(struct ext4_extent));
	h->entries++;
}

/* The full node at level k gives its upper half to a new one beside it; the node above has room. At its end, only the last entry moves: files grow there. */
static int split(struct journal_handle *h, struct inode *i, struct tree_path *p, int k)
{
	struct level *l = &p->levels[k], *up = &p->levels[k - 1], fresh = { 0 };
	int from = l->at >= l->h->entries - 1 ? l->h->entries - 1 : l->h->entries / 2;
	struct ext4_extent_header *to;
	u64 block;
	int err = extent_node_access(h, l);

	if (!err)
		err = extent_node_access(h, up);
	if (err)
		return err;
	fresh.b = new_node(h, i, ext4_i(i)->goal, l->h->depth, &block);
	if (IS_ERR(fresh.b))
		return (int)PTR_ERR(fresh.b);
	to = (void *)fresh.b->data;
	to->entries = (u16)(l->h->entries - from);
	memcpy(to + 1, &extents(l->h)[from], to->entries * sizeof(struct ext4_extent));
	l->h->entries = (u16)from;
	extent_make_gap(up->h, up->at + 1);
	indices(up->h)[up->at + 1] = (struct ext4_extent_index){ .block = key_at(to, 0), .leaf_lo = (u32)block, .leaf_hi = (u16)(block >> 32) };
	extent_node_changed(h, i, l);
	extent_node_changed(h, i, up);
	extent_node_changed(h, i, &fresh);
	buffer_put(fresh.b);
	return 0;
}

/* The first key of the leaf has changed: the nodes above know it by that. */
int extent_fix_keys(struct journal_handle *h, struct inode *i, struct tree_path *p)
{
	u32 key = key_at(p->levels[p->depth].h, 0);
	int err = 0;

	for (int k = p->depth - 1; k >= 0 && !err; k--) {
		struct level *l = &p->levels[k];

		if (indices(l->h)[l->at].block != key) {
			err = extent_node_access(h, l);
			if (!err) {
				indices(l->h)[l->at].block = key;
				extent_node_changed(h, i, l);
			}
		}
		if (l->at)
			break;
	}
	return err;
}

bool extent_joins(const struct ext4_extent *a, const struct ext4_extent *b)
{
	return is_unwritten(a) == is_unwritten(b) && (u64)a->block + extent_length(a) == b->block && extent_start(a) + extent_length(a) == extent_start(b) &&
		extent_length(a) + extent_length(b) < EXTENT_INIT_MAX;
}

/* Into the leaf of the path, which is prepared: joined with its neighbours if it can be. False: there is no room. */
static bool leaf_put(struct level *l, const struct ext4_extent *e)
{
	struct ext4_extent *all = extents(l->h);
	int at = l->at;

	if (at >= 0 && extent_joins(&all[at], e)) {
		all[at].length += extent_length(e);
	} else if (at + 1 < l->h->entries && extent_joins(e, &all[at + 1])) {
		extent_set(&all[at + 1], e->block, extent_start(e), extent_length(e) + extent_length(&all[at + 1]), is_unwritten(e));
		return true;
	} else {
		if (l->h->entries == l->h->max)
			return false;
		extent_make_gap(l->h, at + 1);
		all[at + 1] = *e;
		return true;
	}
	if (at + 1 < l->h->entries && extent_joins(&all[at], &all[at + 1])) {
		all[at].length += extent_length(&all[at + 1]);
		l->h->entries--;
		memmove(&all[at + 1], &all[at + 2], (l->h->entries - at - 1) * sizeof(*all));
	}
	return true;
}

/* Makes room in the leaf: splits the node below the lowest one that has room, or grows the tree. Then the way down is to be walked again. */
int extent_make_room(struct journal_handle *h, struct inode *i, struct tree_path *p)
{
	int k = p->depth - 1;

	while (k >= 0 && p->levels[k].h->entries == p->levels[k].h->max)
		k--;
	return k < 0 ? grow(h, i) : split(h, i, p, k + 1);
}

int extent_insert(struct journal_handle *h, struct inode *i, u32 block, u64 start, u32 length, bool unwritten)
{
	struct ext4_extent e;
	struct tree_path p;
	int err;

	extent_set(&e, block, start, length, unwritten);
	for (;;) {
		struct level *l;

		err = extent_walk(i, block, &p);
		if (err)
			return err;
		l = &p.levels[p.depth];
		err = extent_node_access(h, l);
		if (!err && leaf_put(l, &e)) {
			extent_node_changed(h, i, l);
			if (l->at < 0)
				err = extent_fix_keys(h, i, &p);
			extent_path_put(&p);
			return err;
		}
		if (!err)
			err = extent_make_room(h, i, &p);
		extent_path_put(&p);
		if (err)
			return err;
	}
}

/* --- taking out ------------------------------------------------------------------------------------------------------------------ */

/* The leaf is empty: it goes, and so do nodes above that have nothing left. */
static int drop_empty(struct journal_handle *h, struct inode *i, struct tree_path *p)
{
	int err = 0;

	for (int k = p->depth; k > 0 && !p->levels[k].h->entries && !err; k--) {
		struct level *l = &p->levels[k], *up = &p->levels[k - 1];
		u64 block = l->b->block;

		err = extent_node_access(h, up);
		if (err)
			break;
		up->h->entries--;
		memmove(&indices(up->h)[up->at], &indices(up->h)[up->at + 1], (up->h->entries - up->at) * sizeof(struct ext4_extent_index));
		extent_node_changed(h, i, up);
		buffer_put(l->b);
		l->b = NULL;
		err = ext4_free_blocks(h, i, block, 1, true);
		/* What is first in `up` now is the key by which the nodes above know it. */
		if (!err && up->h->entries && !up->at && k > 1) {
			struct tree_path above = *p;
			above.depth = k - 1;
			err = extent_fix_keys(h, i, &above);
		}
	}
	if (!root_of(ext4_i(i))->entries)
		root_of(ext4_i(i))->depth = 0;
	return err;
}

/* One extent at the path's place loses what lies in [first, end). *freed: the blocks that went. A piece in the middle leaves two, which the leaf has room for. */
static int cut_extent(struct journal_handle *h, struct inode *i, struct tree_path *p, u32 first, u64 end, u64 *freed, u32 *count)
{
	struct level *l = &p->levels[p->depth];
	struct ext4_extent *e = &extents(l->h)[l->at], rest = { 0 };
	u64 e_end = (u64)e->block + extent_length(e), from = MAX(e->block, first), to = MIN(e_end, end);
	bool unwritten = is_unwritten(e);
	int err = extent_node_access(h, l);

	if (err)
		return err;
	*freed = extent_start(e) + (from - e->block);
	*count = (u32)(to - from);
	if (to < e_end)
		extent_set(&rest, (u32)to, extent_start(e) + (to - e->block), (u32)(e_end - to), unwritten);
	if (from > e->block) {
		extent_set(e, e->block, extent_start(e), (u32)(from - e->block), unwritten);
		if (rest.length) {
			extent_make_gap(l->h, l->at + 1);
			e[1] = rest;
		}
	} else if (to < e_end) {
		*e = rest;
		if (!l->at)
			err = extent_fix_keys(h, i, p);
	} else {
		l->h->entries--;
		memmove(e, e + 1, (l->h->entries - l->at) * sizeof(*e));
		if (!l->h->entries)
			return drop_empty(h, i, p);
		if (!l->at)
			err = extent_fix_keys(h, i, p);
	}
	extent_node_changed(h, i, l);
	return err;
}

/* Room in the handle for one more change; where its transaction is full, it goes on in the next, what was done so far being whole. map_lock is let go meanwhile: the inode's
 * lock keeps others away. */
int extent_more_credits(struct journal_handle *h, struct inode *i)
{
	int err;

	if (journal_extend(h, CREDITS_MAP + 2 * CREDITS_ALLOC + CREDITS_INODE))
		return 0;
	err = ext4_update_inode(h, i);
	rwlock_write_done(&ext4_i(i)->map_lock);
	if (!err)
		err = journal_restart(h, CREDITS_MAP + 2 * CREDITS_ALLOC + CREDITS_INODE);
	rwlock_write(&ext4_i(i)->map_lock);
	return err;
}

/*
 * From the end backwards, so that what is left is whole at each step: the handle may be restarted between two of them. On a disk without a block for one more
 * node, -ENOSPC comes before anything of an extent is touched.
 */
int extent_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end)
{
	u64 stop = end == UINT32_MAX ? 1ul << 32 : end;
	int err = 0;

	while (!err && stop > first) {
		struct ext4_extent *e;
		struct level *l;
		struct tree_path p;
		u64 freed = 0, e_end;
		u32 count = 0;

		err = extent_more_credits(h, i);
		if (!err)
			err = extent_walk(i, (u32)(stop - 1), &p);
		if (err)
			break;
		l = &p.levels[p.depth];
		e = &extents(l->h)[l->at];
		if (l->at < 0 || (u64)e->block + extent_length(e) <= first) {
			extent_path_put(&p);
			break;
		}
		e_end = (u64)e->block + extent_length(e);
		stop = MIN(stop, e_end);
		if (first > e->block && stop < e_end && l->h->entries == l->h->max) {
			err = extent_make_room(h, i, &p);
		} else {
			u64 start = MAX(e->block, first);

			err = cut_extent(h, i, &p, first, stop, &freed, &count);
			stop = start;
		}
		extent_path_put(&p);
		if (!err && count)
			err = ext4_free_blocks(h, i, freed, count, !S_ISREG(i->mode));
	}
	return err;
}
