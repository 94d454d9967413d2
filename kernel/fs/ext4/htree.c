/*
 * Indexed directories: the names are sorted by hash into blocks, and a tree of one or two levels of index blocks says which.
 *
 *     block 0 (root)   `.`  `..`  info  | count, block | hash, block | hash, block | …
 *                                              |              |
 *     node             empty entry | count, block | hash, block | …      (with info.levels = 1)
 *                                          |
 *     leaf             entries whose hashes are >= its own key and < the next one
 *
 * The first entry's hash is not stored: its place holds limit and count. Names of one hash may be on both sides of a border: the key of the right one
 * has then its lowest bit set, and who looks for that hash looks there too.
 *
 * A full leaf is sorted by hash and its upper half moves to a new one; a full node is halved; a full root gets a level more.
 */
#include "ext4_priv.h"

#define LEVELS_MAX 2
#define LEAVES_AHEAD 8u

struct frame_of {
	struct buffer *b;
	struct ext4_dx_entry *entries; /* [0] is the count */
	u32 at;
};
struct way {
	struct frame_of f[LEVELS_MAX];
	int depth;                     /* frames in use */
	u32 hash;
};

static struct ext4_dx_count *count_of(const struct frame_of *f) { return (void *)f->entries; }
static struct ext4_dx_info *info_of(const struct buffer *root) { return (void *)(root->data + DX_INFO); }
static u32 block_of(const struct ext4_dx_entry *e) { return e->block & 0x0fffffff; }

bool dir_is_indexed(const struct inode *dir)
{
	return ext4_i(dir)->flags & FL_INDEX && fs_of(dir)->compat & COMPAT_DIR_INDEX && dir->size > fs_of(dir)->block_size;
}

/* Where the entries begin, by what the block looks like; 0: it is no index block. */
static u32 entries_at(const struct inode *dir, const struct buffer *b)
{
	u32 size = fs_of(dir)->block_size;
	const struct ext4_dirent *e = (const void *)b->data, *dd = (const void *)(b->data + 12);

	if (e->length == size && !e->inode)
		return 8;
	if (e->length == 12 && dd->length == size - 12 && info_of(b)->length == 8)
		return DX_INFO + 8;
	return 0;
}

static u32 limit_at(const struct inode *dir, u32 at)
{
	return (fs_of(dir)->block_size - at - (fs_of(dir)->checksums ? 8 : 0)) / sizeof(struct ext4_dx_entry);
}

/* --- checksums ------------------------------------------------------------------------------------------------------------- */

static u32 index_checksum(struct inode *dir, const struct buffer *b, u32 at)
{
	const struct ext4_dx_count *c = (const void *)(b->data + at);
	u32 reserved, zero = 0, crc;

	memcpy(&reserved, b->data + at + c->limit * sizeof(struct ext4_dx_entry), 4);
	crc = crc32c(ext4_i(dir)->seed, b->data, at + c->count * sizeof(struct ext4_dx_entry));
	crc = crc32c(crc, &reserved, 4);
	return crc32c(crc, &zero, 4);
}

/* Does it hold entries of an index, as many as fit? */
static bool counts_ok(struct inode *dir, const struct buffer *b)
{
	u32 at = entries_at(dir, b);
	const struct ext4_dx_count *c = (const void *)(b->data + at);

	return at && c->limit == limit_at(dir, at) && c->count && c->count <= c->limit;
}

bool dx_checksum_ok(struct inode *dir, struct buffer *b)
{
	u32 at = entries_at(dir, b), stored;
	const struct ext4_dx_count *c = (const void *)(b->data + at);

	if (!counts_ok(dir, b))
		return false;
	if (!fs_of(dir)->checksums)
		return true;
	memcpy(&stored, b->data + at + c->limit * sizeof(struct ext4_dx_entry) + 4, 4);
	return stored == index_checksum(dir, b, at);
}

void dx_checksum(struct inode *dir, struct buffer *b)
{
	u32 at = entries_at(dir, b), crc;
	const struct ext4_dx_count *c = (const void *)(b->data + at);

	if (!at || !fs_of(dir)->checksums)
		return;
	crc = index_checksum(dir, b, at);
	memcpy(b->data + at + c->limit * sizeof(struct ext4_dx_entry) + 4, &crc, 4);
}

static void index_changed(struct journal_handle *h, struct inode *dir, struct buffer *b)
{
	dx_checksum(dir, b);
	journal_dirty(h, b);
}

/* --- the way to a leaf -------------------------------------------------------------------------------------------------------- */

static void way_put(struct way *w)
{
	for (int k = 0; k < w->depth; k++)
		buffer_put(w->f[k].b);
	w->depth = 0;
}

u8 ext4_hash_version(const struct ext4_fs *fs, u8 version)
{
	return version <= HASH_TEA && fs->hash_unsigned ? version + 3 : version;
}

static u8 version_of(struct inode *dir, const struct way *w)
{
	return ext4_hash_version(fs_of(dir), info_of(w->f[0].b)->hash_version);
}

static int damaged(struct inode *dir, const char *what)
{
	return ext4_error(fs_of(dir), "directory %lu: its index %s", dir->ino, what);
}

static int read_frame(struct inode *dir, u32 block, struct frame_of *f)
{
	f->b = ext4_dir_block(dir, block);
	if (!f->b || IS_ERR(f->b))
		return f->b ? (int)PTR_ERR(f->b) : damaged(dir, "leads into a hole");
	/* A block that was checked as one of entries may be led to as well. */
	if (!counts_ok(dir, f->b)) {
		buffer_put(f->b);
		return damaged(dir, "leads to a block that is none of it");
	}
	f->entries = (void *)(f->b->data + entries_at(dir, f->b));
	f->at = 0;
	return 0;
}

static void search(struct frame_of *f, u32 hash)
{
	u32 low = 1, high = count_of(f)->count;

	while (low < high) {
		u32 mid = (low + high) / 2;
		if (f->entries[mid].hash > hash)
			high = mid;
		else
			low = mid + 1;
	}
	f->at = low - 1;
}

/* To the first leaf that may have a name; name NULL: that may have w->hash. */
static int walk(struct inode *dir, const char *name, u32 len, struct way *w)
{
	struct ext4_fs *fs = fs_of(dir);
	u32 block = 0, minor;
	int levels = 1, err;

	w->depth = 0;
	do {
		err = read_frame(dir, block, &w->f[w->depth]);
		if (err)
			break;
		w->depth++;
		if (w->depth == 1) {
			const struct ext4_dx_info *info = info_of(w->f[0].b);

			levels = info->levels + 1;
			if (info->zero || info->flags & 1 || info->hash_version > HASH_TEA || levels > LEVELS_MAX) {
				err = damaged(dir, "has a root that makes no sense");
				break;
			}
			if (name)
				w->hash = ext4_hash(fs, ext4_hash_version(fs, info->hash_version), name, len, &minor);
		}
		search(&w->f[w->depth - 1], w->hash);
		block = block_of(&w->f[w->depth - 1].entries[w->f[w->depth - 1].at]);
	} while (w->depth < levels);
	if (err)
		way_put(w);
	return err;
}

static struct buffer *read_leaf(struct inode *dir, struct way *w)
{
	struct frame_of *f = &w->f[w->depth - 1];
	struct buffer *b = ext4_dir_block(dir, block_of(&f->entries[f->at]));

	if (!b)
		return ERR_PTR(damaged(dir, "leads into a hole"));
	return b;
}

/* The frame in which the way to the next leaf leaves this one's; -1: this leaf is the last. */
static int next_frame(const struct way *w)
{
	int k = w->depth - 1;

	while (k >= 0 && w->f[k].at + 1 >= count_of(&w->f[k])->count)
		k--;
	return k;
}

/* To the next leaf, by way of that frame. */
static int step(struct inode *dir, struct way *w, int k)
{
	w->f[k].at++;
	if (k + 1 < w->depth) {
		struct frame_of below;
		int err = read_frame(dir, block_of(&w->f[k].entries[w->f[k].at]), &below);

		if (err)
			return err;
		buffer_put(w->f[k + 1].b);
		w->f[k + 1] = below;
	}
	return 0;
}

/* To the next leaf, if it may hold names of the same hash: 1, 0, or -errno. */
static int next_leaf(struct inode *dir, struct way *w)
{
	int k = next_frame(w), err;

	if (k < 0 || w->f[k].entries[w->f[k].at + 1].hash != (w->hash | 1))
		return 0;
	err = step(dir, w, k);
	return err ? err : 1;
}

int htree_find(struct inode *dir, const char *name, u32 len, struct ext4_slot *s)
{
	struct way w;
	int err = walk(dir, name, len, &w), more = 1;

	if (err)
		return err;
	for (err = -ENOENT; err == -ENOENT && more > 0;) {
		struct buffer *b = read_leaf(dir, &w);

		if (IS_ERR(b)) {
			err = (int)PTR_ERR(b);
			break;
		}
		err = dir_block_find(dir, b, name, len, s);
		if (!err)
			break;
		buffer_put(b);
		more = next_leaf(dir, &w);
		if (more < 0)
			err = more;
	}
	way_put(&w);
	return err;
}

/* Leaves lie in the order of their making, and are read in the order of their hashes: the next few at once. */
static void read_leaves_ahead(struct inode *dir, const struct frame_of *f)
{
	for (u32 k = f->at; k < count_of(f)->count && k < f->at + LEAVES_AHEAD; k++) {
		struct ext4_map m;

		if (!ext4_map_blocks(dir, block_of(&f->entries[k]), 1, &m) && m.block)
			buffer_read_ahead(fs_of(dir)->dev, m.block, 1, fs_of(dir)->block_size);
	}
}

int htree_each_leaf(struct inode *dir, u32 hash, bool (*fn)(const struct htree_leaf *l, void *arg), void *arg)
{
	struct way w = { .hash = hash };
	struct htree_leaf l = { .dir = dir };
	int err = walk(dir, NULL, 0, &w), k;
	bool more = true;

	if (err)
		return err;
	l.version = version_of(dir, &w);
	for (k = w.depth - 1; k >= 0 && !l.first; k--)
		l.first = w.f[k].at ? w.f[k].entries[w.f[k].at].hash : 0;
	while (!err && more) {
		const struct frame_of *f = &w.f[w.depth - 1];

		k = next_frame(&w);
		l.end = k < 0 ? HASH_END : w.f[k].entries[w.f[k].at + 1].hash;
		if (l.end < l.first || (l.end == l.first && !(l.end & 1)) || (l.end == HASH_END) != (k < 0)) {
			err = damaged(dir, "is not in order");
			break;
		}
		if (f->at % LEAVES_AHEAD == 0)
			read_leaves_ahead(dir, f);
		l.b = read_leaf(dir, &w);
		if (IS_ERR(l.b)) {
			err = (int)PTR_ERR(l.b);
			break;
		}
		more = fn(&l, arg) && k >= 0;
		buffer_put(l.b);
		l.first = l.end;
		if (more)
			err = step(dir, &w, k);
	}
	way_put(&w);
	return err;
}

/* --- making room --------------------------------------------------------------------------------------------------------------- */

static void insert(struct frame_of *f, u32 hash, u32 block)
{
	u32 n = count_of(f)->count;

	memmove(&f->entries[f->at + 2], &f->entries[f->at + 1], (n - f->at - 1) * sizeof(*f->entries));
	f->entries[f->at + 1] = (struct ext4_dx_entry){ hash, block };
	count_of(f)->count++;
}

/* An index block of its own, empty. */
static int new_node(struct journal_handle *h, struct inode *dir, u32 *block, struct frame_of *f)
{
	struct ext4_dirent *e;
	int err = dir_block_append(h, dir, block, &f->b);

	if (err)
		return err;
	memset(f->b->data, 0, fs_of(dir)->block_size);
	e = (void *)f->b->data;
	e->length = (u16)fs_of(dir)->block_size;
	f->entries = (void *)(f->b->data + 8);
	*count_of(f) = (struct ext4_dx_count){ .limit = (u16)limit_at(dir, 8) };
	return 0;
}

/* The root is full: its entries move into a node, which is all it has then. */
static int add_level(struct journal_handle *h, struct inode *dir, struct way *w)
{
	struct frame_of *root = &w->f[0], node;
	u32 block, n = count_of(root)->count;
	int err;

	if (w->depth == LEVELS_MAX)
		return -ENOSPC;
	err = journal_access(h, root->b);
	if (!err)
		err = new_node(h, dir, &block, &node);
	if (err)
		return err;
	memcpy(&node.entries[1], &root->entries[1], (n - 1) * sizeof(*node.entries));
	count_of(&node)->block = count_of(root)->block;
	count_of(&node)->count = (u16)n;
	count_of(root)->count = 1;
	count_of(root)->block = block;
	info_of(root->b)->levels++;
	index_changed(h, dir, node.b);
	index_changed(h, dir, root->b);
	buffer_put(node.b);
	return 0;
}

/* The node at the bottom is full, the root is not: its upper half becomes a node of its own. */
static int split_node(struct journal_handle *h, struct inode *dir, struct way *w)
{
	struct frame_of *f = &w->f[1], *up = &w->f[0], node;
	u32 block, n = count_of(f)->count, keep = n / 2, hash = f->entries[keep].hash;
	int err = journal_access(h, f->b);

	if (!err)
		err = journal_access(h, up->b);
	if (!err)
		err = new_node(h, dir, &block, &node);
	if (err)
		return err;
	memcpy(&node.entries[1], &f->entries[keep + 1], (n - keep - 1) * sizeof(*node.entries));
	count_of(&node)->block = f->entries[keep].block;
	count_of(&node)->count = (u16)(n - keep);
	count_of(f)->count = (u16)keep;
	insert(up, hash, block);
	index_changed(h, dir, node.b);
	index_changed(h, dir, f->b);
	index_changed(h, dir, up->b);
	buffer_put(node.b);
	return 0;
}

struct sorted {
	u32 hash;
	u16 offset, size;
};

static void sort(struct sorted *a, u32 n)
{
	/* By insertion with shrinking steps: some hundred entries. */
	for (u32 gap = n / 2; gap; gap /= 2)
		for (u32 i = gap; i < n; i++) {
			struct sorted v = a[i];
			u32 j = i;

			for (; j >= gap && a[j - gap].hash > v.hash; j -= gap)
				a[j] = a[j - gap];
			a[j] = v;
		}
}

/* The entries of a leaf with their hashes, sorted: how many. */
static u32 sort_leaf(struct inode *dir, u8 version, const u8 *data, struct sorted *a)
{
	u32 n = 0, end = dir_block_end(dir), minor;

	for (u32 at = 0; at < end;) {
		const struct ext4_dirent *e = (const void *)(data + at);

		if (e->length < 8)
			break;
		if (e->inode && !dirent_is_dots(e))
			a[n++] = (struct sorted){ ext4_hash(fs_of(dir), version, e->name, e->name_len, &minor), (u16)at, (u16)DIRENT_LEN(e->name_len) };
		at += e->length;
	}
	sort(a, n);
	return n;
}

/* Packs entries from one block's copy into a block. */
static void pack(struct inode *dir, u8 *to, const u8 *from, const struct sorted *a, u32 n)
{
	u32 at = 0, end = dir_block_end(dir);
	struct ext4_dirent *e = (void *)to;

	memset(to, 0, fs_of(dir)->block_size);
	e->length = (u16)end;
	for (u32 k = 0; k < n; k++) {
		e = (void *)(to + at);
		memcpy(e, from + a[k].offset, a[k].size);
		e->length = (u16)(k + 1 == n ? end - at : a[k].size);
		at += a[k].size;
	}
}

static int split_leaf(struct journal_handle *h, struct inode *dir, struct way *w, struct buffer *leaf)
{
	struct frame_of *f = &w->f[w->depth - 1];
	u32 size = fs_of(dir)->block_size, n, keep = 0, bytes = 0, block;
	struct sorted *a = kmalloc(size / 12 * sizeof(*a), 0);
	u8 *copy = kmemdup(leaf->data, size, 0);
	struct buffer *right = NULL;
	int err = a && copy ? journal_access(h, leaf) : -ENOMEM;

	if (!err)
		err = journal_access(h, f->b);
	if (err)
		goto out;
	n = sort_leaf(dir, version_of(dir, w), copy, a);
	if (n < 2) {
		/* Full of room that is in pieces, as only a damaged disk has it: in one piece it is enough for any name. */
		pack(dir, leaf->data, copy, a, n);
		dir_block_checksum(dir, leaf);
		journal_dirty(h, leaf);
		goto out;
	}
	err = dir_block_append(h, dir, &block, &right);
	if (err)
		goto out;
	while (keep < n && bytes + a[keep].size / 2 < size / 2)
		bytes += a[keep++].size;
	keep = MIN(MAX(keep, 1u), n - 1);
	pack(dir, right->data, copy, a + keep, n - keep);
	pack(dir, leaf->data, copy, a, keep);
	insert(f, a[keep].hash | (a[keep].hash == a[keep - 1].hash), block);
	dir_block_checksum(dir, right);
	dir_block_checksum(dir, leaf);
	journal_dirty(h, right);
	journal_dirty(h, leaf);
	index_changed(h, dir, f->b);
out:
	buffer_put(right);
	kfree(copy);
	kfree(a);
	return err;
}

/* Something on the way is full: makes room in one place. Then the way is to be walked again. */
static int make_room(struct journal_handle *h, struct inode *dir, struct way *w, struct buffer *leaf)
{
	struct frame_of *f = &w->f[w->depth - 1];

	if (count_of(f)->count < count_of(f)->limit)
		return split_leaf(h, dir, w, leaf);
	if (w->depth == 1 || count_of(&w->f[0])->count == count_of(&w->f[0])->limit)
		return add_level(h, dir, w);
	return split_node(h, dir, w);
}

int htree_add(struct journal_handle *h, struct inode *dir, const char *name, u32 len, u32 ino, u32 mode)
{
	for (;;) {
		struct buffer *leaf;
		struct way w;
		int err = walk(dir, name, len, &w);

		if (err)
			return err;
		leaf = read_leaf(dir, &w);
		err = IS_ERR(leaf) ? (int)PTR_ERR(leaf) : dir_block_add(h, dir, leaf, name, len, ino, mode);
		if (err != -ENOSPC) {
			if (!IS_ERR(leaf))
				buffer_put(leaf);
			way_put(&w);
			return err;
		}
		err = make_room(h, dir, &w, leaf);
		buffer_put(leaf);
		way_put(&w);
		if (err)
			return err;
	}
}

int htree_make(struct journal_handle *h, struct inode *dir)
{
	struct ext4_fs *fs = fs_of(dir);
	struct buffer *root = ext4_dir_block(dir, 0), *leaf = NULL;
	struct frame_of f = { .at = 0 };
	struct ext4_dirent *dd;
	u32 block, parent, n;
	struct sorted *a = NULL;
	u8 *copy = NULL;
	int err = !root ? -EUCLEAN : IS_ERR(root) ? (int)PTR_ERR(root) : journal_access(h, root);

	if (!root || IS_ERR(root))
		return err;
	copy = kmemdup(root->data, fs->block_size, 0);
	a = kmalloc(fs->block_size / 12 * sizeof(*a), 0);
	if (!err)
		err = copy && a ? dir_block_append(h, dir, &block, &leaf) : -ENOMEM;
	if (err)
		goto out;
	n = sort_leaf(dir, ext4_hash_version(fs, fs->hash_version), copy, a);
	pack(dir, leaf->data, copy, a, n);
	dd = (void *)(copy + 12);
	parent = dd->inode;
	memset(root->data, 0, fs->block_size);
	dir_put_entry(dir, (void *)root->data, 12, ".", 1, (u32)dir->ino, S_IFDIR);
	dir_put_entry(dir, (void *)(root->data + 12), fs->block_size - 12, "..", 2, parent, S_IFDIR);
	*info_of(root) = (struct ext4_dx_info){ .hash_version = fs->hash_version, .length = 8 };
	f.entries = (void *)(root->data + DX_INFO + 8);
	*count_of(&f) = (struct ext4_dx_count){ .limit = (u16)limit_at(dir, DX_INFO + 8), .count = 1, .block = block };
	ext4_i(dir)->flags |= FL_INDEX;
	dir_block_checksum(dir, leaf);
	journal_dirty(h, leaf);
	index_changed(h, dir, root);
out:
	buffer_put(leaf);
	buffer_put(root);
	kfree(a);
	kfree(copy);
	return err;
}
