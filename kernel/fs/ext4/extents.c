/*
 * The extent tree of an inode (map_lock held): leaves with (file block, length, disk block), index nodes above, the root in the inode.
 *
 *            root (4 entries, in the inode)
 *           /            \
 *       [index]        [index]          an index entry: first file block below it, block of the node
 *       /     \
 *   [leaf]   [leaf]                     an extent: file block, length, disk block; unwritten ones read as zeroes
 *
 * Changes are made of two: put an entry into a leaf (splitting what is full, from the top down), and take a range out. Everything else is made of these.
 * An index entry's key is the first key of the node below it, always.
 *
 * A node is checked when it is first read: magic, counts, depth, order, checksum. Block numbers are checked when they are followed.
 */
#include "ext4_priv.h"

struct level {
	struct buffer *b;                /* NULL for the root */
	struct ext4_extent_header *h;
	int at;                          /* the entry that leads on, or the extent; -1: all are after the block that is looked for */
};
struct tree_path {
	int depth;                       /* of the root; levels[depth] is the leaf */
	struct level levels[EXTENT_DEPTH_MAX + 1];
};

static struct ext4_extent *extents(const struct ext4_extent_header *h) { return (void *)(h + 1); }
static struct ext4_extent_index *indices(const struct ext4_extent_header *h) { return (void *)(h + 1); }
static u64 extent_start(const struct ext4_extent *e) { return e->start_lo | (u64)e->start_hi << 32; }
static u64 index_leaf(const struct ext4_extent_index *x) { return x->leaf_lo | (u64)x->leaf_hi << 32; }
static bool is_unwritten(const struct ext4_extent *e) { return e->length > EXTENT_INIT_MAX; }
static u32 extent_length(const struct ext4_extent *e) { return is_unwritten(e) ? e->length - EXTENT_INIT_MAX : e->length; }
static struct ext4_extent_header *root_of(struct ext4_inode *ei) { return (void *)ei->data; }

static void extent_set(struct ext4_extent *e, u32 block, u64 start, u32 length, bool unwritten)
{
	*e = (struct ext4_extent){ .block = block, .length = (u16)(length + (unwritten ? EXTENT_INIT_MAX : 0)), .start_lo = (u32)start, .start_hi = (u16)(start >> 32) };
}

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

	if (!block_valid(fs, block, 1))
		return ERR_PTR(ext4_error(fs, "inode %lu: its extents lead to block %lu, which is not there", i->ino, block));
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

static int node_access(struct journal_handle *h, struct level *l)
{
	return l->b ? journal_access(h, l->b) : 0;
}

static void node_changed(struct journal_handle *h, struct inode *i, struct level *l)
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

static void path_put_all(struct tree_path *p)
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

static int walk(struct inode *i, u32 block, struct tree_path *p)
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
			path_put_all(p);
			return err;
		}
		h = (void *)p->levels[k + 1].b->data;
		if (h->depth != p->depth - k - 1 || h->entries > h->max) {
			path_put_all(p);
			return ext4_error(fs_of(i), "inode %lu: its extents lead in a circle", i->ino);
		}
	}
}

/* The key of the first entry after the path's place; 2^32 if there is none. */
static u64 next_key(const struct tree_path *p)
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
	int err = walk(i, block, &p);

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
			if (!block_valid(fs_of(i), extent_start(e), extent_length(e)))
				err = ext4_error(fs_of(i), "inode %lu: blocks %lu+%u are not in the file system", i->ino, extent_start(e), extent_length(e));
		}
	}
	if (!m->block)
		m->length = (u32)MIN(next_key(&p) - block, (u64)UINT32_MAX);
	path_put_all(&p);
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
	node_changed(h, i, &l);
	buffer_put(l.b);
	indices(root)[0] = (struct ext4_extent_index){ .block = key_at(root, 0), .leaf_lo = (u32)block, .leaf_hi = (u16)(block >> 32) };
	root->entries = 1;
	root->depth++;
	return 0;
}

static void make_gap(struct ext4_extent_header *h, int at)
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
	int err = node_access(h, l);

	if (!err)
		err = node_access(h, up);
	if (err)
		return err;
	fresh.b = new_node(h, i, ext4_i(i)->goal, l->h->depth, &block);
	if (IS_ERR(fresh.b))
		return (int)PTR_ERR(fresh.b);
	to = (void *)fresh.b->data;
	to->entries = (u16)(l->h->entries - from);
	memcpy(to + 1, &extents(l->h)[from], to->entries * sizeof(struct ext4_extent));
	l->h->entries = (u16)from;
	make_gap(up->h, up->at + 1);
	indices(up->h)[up->at + 1] = (struct ext4_extent_index){ .block = key_at(to, 0), .leaf_lo = (u32)block, .leaf_hi = (u16)(block >> 32) };
	node_changed(h, i, l);
	node_changed(h, i, up);
	node_changed(h, i, &fresh);
	buffer_put(fresh.b);
	return 0;
}

/* The first key of the leaf has changed: the nodes above know it by that. */
static int fix_keys(struct journal_handle *h, struct inode *i, struct tree_path *p)
{
	u32 key = key_at(p->levels[p->depth].h, 0);
	int err = 0;

	for (int k = p->depth - 1; k >= 0 && !err; k--) {
		struct level *l = &p->levels[k];

		if (indices(l->h)[l->at].block != key) {
			err = node_access(h, l);
			if (!err) {
				indices(l->h)[l->at].block = key;
				node_changed(h, i, l);
			}
		}
		if (l->at)
			break;
	}
	return err;
}

static bool joins(const struct ext4_extent *a, const struct ext4_extent *b)
{
	return is_unwritten(a) == is_unwritten(b) && (u64)a->block + extent_length(a) == b->block && extent_start(a) + extent_length(a) == extent_start(b) &&
		extent_length(a) + extent_length(b) < EXTENT_INIT_MAX;
}

/* Into the leaf of the path, which is prepared: joined with its neighbours if it can be. False: there is no room. */
static bool leaf_put(struct level *l, const struct ext4_extent *e)
{
	struct ext4_extent *all = extents(l->h);
	int at = l->at;

	if (at >= 0 && joins(&all[at], e)) {
		all[at].length += extent_length(e);
	} else if (at + 1 < l->h->entries && joins(e, &all[at + 1])) {
		extent_set(&all[at + 1], e->block, extent_start(e), extent_length(e) + extent_length(&all[at + 1]), is_unwritten(e));
		return true;
	} else {
		if (l->h->entries == l->h->max)
			return false;
		make_gap(l->h, at + 1);
		all[at + 1] = *e;
		return true;
	}
	if (at + 1 < l->h->entries && joins(&all[at], &all[at + 1])) {
		all[at].length += extent_length(&all[at + 1]);
		l->h->entries--;
		memmove(&all[at + 1], &all[at + 2], (l->h->entries - at - 1) * sizeof(*all));
	}
	return true;
}

/* Makes room in the leaf: splits the node below the lowest one that has room, or grows the tree. Then the way down is to be walked again. */
static int make_room(struct journal_handle *h, struct inode *i, struct tree_path *p)
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

		err = walk(i, block, &p);
		if (err)
			return err;
		l = &p.levels[p.depth];
		err = node_access(h, l);
		if (!err && leaf_put(l, &e)) {
			node_changed(h, i, l);
			if (l->at < 0)
				err = fix_keys(h, i, &p);
			path_put_all(&p);
			return err;
		}
		if (!err)
			err = make_room(h, i, &p);
		path_put_all(&p);
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

		err = node_access(h, up);
		if (err)
			break;
		up->h->entries--;
		memmove(&indices(up->h)[up->at], &indices(up->h)[up->at + 1], (up->h->entries - up->at) * sizeof(struct ext4_extent_index));
		node_changed(h, i, up);
		buffer_put(l->b);
		l->b = NULL;
		err = ext4_free_blocks(h, i, block, 1, true);
		/* What is first in `up` now is the key by which the nodes above know it. */
		if (!err && up->h->entries && !up->at && k > 1) {
			struct tree_path above = *p;
			above.depth = k - 1;
			err = fix_keys(h, i, &above);
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
	int err = node_access(h, l);

	if (err)
		return err;
	*freed = extent_start(e) + (from - e->block);
	*count = (u32)(to - from);
	if (to < e_end)
		extent_set(&rest, (u32)to, extent_start(e) + (to - e->block), (u32)(e_end - to), unwritten);
	if (from > e->block) {
		extent_set(e, e->block, extent_start(e), (u32)(from - e->block), unwritten);
		if (rest.length) {
			make_gap(l->h, l->at + 1);
			e[1] = rest;
		}
	} else if (to < e_end) {
		*e = rest;
		if (!l->at)
			err = fix_keys(h, i, p);
	} else {
		l->h->entries--;
		memmove(e, e + 1, (l->h->entries - l->at) * sizeof(*e));
		if (!l->h->entries)
			return drop_empty(h, i, p);
		if (!l->at)
			err = fix_keys(h, i, p);
	}
	node_changed(h, i, l);
	return err;
}

/* Room in the handle for one more change; where its transaction is full, it goes on in the next, what was done so far being whole. map_lock is let go meanwhile: the inode's
 * lock keeps others away. */
static int more_credits(struct journal_handle *h, struct inode *i)
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

		err = more_credits(h, i);
		if (!err)
			err = walk(i, (u32)(stop - 1), &p);
		if (err)
			break;
		l = &p.levels[p.depth];
		e = &extents(l->h)[l->at];
		if (l->at < 0 || (u64)e->block + extent_length(e) <= first) {
			path_put_all(&p);
			break;
		}
		e_end = (u64)e->block + extent_length(e);
		stop = MIN(stop, e_end);
		if (first > e->block && stop < e_end && l->h->entries == l->h->max) {
			err = make_room(h, i, &p);
		} else {
			u64 start = MAX(e->block, first);

			err = cut_extent(h, i, &p, first, stop, &freed, &count);
			stop = start;
		}
		path_put_all(&p);
		if (!err && count)
			err = ext4_free_blocks(h, i, freed, count, !S_ISREG(i->mode));
	}
	return err;
}

/* --- in place ---------------------------------------------------------------------------------------------------------------------- */

static void join_next(struct ext4_extent_header *h, int at)
{
	struct ext4_extent *all = extents(h);

	if (at < 0 || at + 1 >= h->entries || !joins(&all[at], &all[at + 1]))
		return;
	all[at].length += extent_length(&all[at + 1]);
	h->entries--;
	memmove(&all[at + 1], &all[at + 2], (h->entries - at - 1) * sizeof(*all));
}

/* Zeroes on the disk, at once: the commit that makes them readable flushes before. */
static int zero_blocks(struct inode *i, u64 start, u32 count)
{
	u32 shift = fs_of(i)->block_shift - SECTOR_SHIFT;

	if (!block_valid(fs_of(i), start, count))
		return ext4_error(fs_of(i), "inode %lu: blocks %lu+%u are not in the file system", i->ino, start, count);
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
		err = node_access(h, l);
	if (err)
		return err;
	extent_set(e, e->block, extent_start(e), extent_length(e), false);
	node_changed(h, i, l);
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
		err = walk(i, block, &p);
		if (err)
			return err;
		l = &p.levels[p.depth];
		at = l->at;
		e = &extents(l->h)[at];
		if (at < 0 || (u64)block + count > (u64)e->block + extent_length(e)) {
			path_put_all(&p);
			return -EUCLEAN;
		}
		parts = 1 + (block > e->block) + ((u64)block + count < (u64)e->block + extent_length(e));
		if (l->h->entries + parts - 1 <= l->h->max)
			break;
		err = make_room(h, i, &p);
		if (err == -ENOSPC && is_unwritten(e) && !unwritten) {
			err = mark_whole(h, i, &p, block, count);
			path_put_all(&p);
			return err;
		}
		path_put_all(&p);
		if (err)
			return err;
	}
	err = node_access(h, l);
	if (!err) {
		u32 before = block - e->block, after;

		whole = *e;
		after = extent_length(&whole) - before - count;
		for (int k = 1; k < parts; k++)
			make_gap(l->h, at + 1);
		if (before)
			extent_set(e++, whole.block, extent_start(&whole), before, is_unwritten(&whole));
		extent_set(e++, block, extent_start(&whole) + before, count, unwritten);
		if (after)
			extent_set(e, block + count, extent_start(&whole) + before + count, after, is_unwritten(&whole));
		for (int k = at + parts - 1; join && k >= at - 1; k--)
			join_next(l->h, k);
		node_changed(h, i, l);
	}
	path_put_all(&p);
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
	int err = walk(i, UINT32_MAX, &p);

	if (err)
		return err;
	l = &p.levels[p.depth];
	if (l->at >= 0 && (u64)extents(l->h)[l->at].block + extent_length(&extents(l->h)[l->at]) + by > 1ul << 32)
		err = -EFBIG;
	path_put_all(&p);
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
		*at = next_key(p);
	}
	if (from < 0 || from >= l->h->entries || (!front && all[from].block < first)) {
		*at = front ? *at : first;
		return 0;
	}
	err = node_access(h, l);
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
		err = fix_keys(h, i, p);
	node_changed(h, i, l);
	return err;
}

int extent_shift(struct journal_handle *h, struct inode *i, u32 first, u32 by, bool front)
{
	u64 at = front ? first : 1ul << 32;
	int err = more_credits(h, i);

	if (!err && !front)
		err = prepare_back(h, i, first, by);
	while (!err && (front ? at < 1ul << 32 : at > first)) {
		struct tree_path p;

		err = more_credits(h, i);
		if (!err)
			err = walk(i, (u32)(front ? at : at - 1), &p);
		if (err)
			break;
		err = shift_leaf(h, i, &p, first, by, front, &at);
		path_put_all(&p);
	}
	return err;
}
