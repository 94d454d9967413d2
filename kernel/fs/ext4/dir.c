/*
 * Directories: blocks of entries, one behind the other, each with the distance to the next. A removed entry becomes room of the one before it.
 *
 * With metadata checksums the last twelve bytes of a block are an entry without a name that holds the checksum. A directory that is
 * indexed has the same blocks as leaves; its other blocks look like one empty entry each (htree.c).
 *
 * A block is checked when it is first read: every entry inside, in step, with a name that fits. (The directory's lock is held.)
 */
#include "ext4_priv.h"

static u8 type_of(u32 mode)
{
	static const u8 types[16] = { [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2, [S_IFCHR >> 12] = 3, [S_IFBLK >> 12] = 4, [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6, [S_IFLNK >> 12] = 7 };

	return types[mode >> 12 & 15];
}

u32 dir_block_end(const struct inode *dir)
{
	const struct ext4_fs *fs = fs_of(dir);

	return fs->block_size - (fs->checksums ? sizeof(struct ext4_dir_tail) : 0);
}

static struct ext4_dirent *entry(const struct buffer *b, u32 offset)
{
	return (void *)(b->data + offset);
}

static u32 block_checksum(struct inode *dir, const struct buffer *b)
{
	return crc32c(ext4_i(dir)->seed, b->data, dir_block_end(dir));
}

void dir_block_checksum(struct inode *dir, struct buffer *b)
{
	struct ext4_dir_tail *t = (void *)(b->data + dir_block_end(dir));

	if (!fs_of(dir)->checksums)
		return;
	*t = (struct ext4_dir_tail){ .length = sizeof(*t), .type = 0xde };
	t->checksum = block_checksum(dir, b);
}

static bool entries_ok(struct inode *dir, const struct buffer *b)
{
	struct ext4_fs *fs = fs_of(dir);
	u32 offset = 0, end = dir_block_end(dir);

	while (offset < end) {
		const struct ext4_dirent *e = entry(b, offset);

		if (e->length < 8 || e->length % 4 || offset + e->length > end || (e->inode && (DIRENT_LEN(e->name_len) > e->length || !e->name_len)) || e->inode > fs->inodes)
			return false;
		offset += e->length;
	}
	return offset == end;
}

/*
 * In an indexed directory: a block of the index, and not of entries? The root has `.` and `..` in it, the others look like one empty entry. Without checksums,
 * which take the end of a block of entries, so does one from which all names have gone: whoever lists or counts names passes over both.
 */
static bool is_index_block(struct inode *dir, u32 block, const struct buffer *b)
{
	const struct ext4_dirent *e = (const void *)b->data;

	return dir_is_indexed(dir) && (block == 0 || (!e->inode && e->length == fs_of(dir)->block_size));
}

struct buffer *ext4_dir_block(struct inode *dir, u32 block)
{
	struct ext4_fs *fs = fs_of(dir);
	struct ext4_map m;
	struct buffer *b;
	bool index;
	int err = ext4_map_blocks(dir, block, 16, &m);

	if (err)
		return ERR_PTR(err);
	if (!m.block)
		return NULL;
	b = ext4_read(fs, m.block);
	if (IS_ERR(b))
		return b;
	index = is_index_block(dir, block, b);
	if (is_checked(b, index ? CHECKED_INDEX : CHECKED_ENTRIES))
		return b;
	if (index && dx_checksum_ok(dir, b)) {
		/* Its counts fit, too. */
		set_checked(b, CHECKED_INDEX);
		return b;
	}
	if (index && (!block || fs->checksums)) {
		err = ext4_error(fs, "directory %lu: index block %u is damaged", dir->ino, block);
	} else if (fs->checksums) {
		const struct ext4_dir_tail *t = (void *)(b->data + dir_block_end(dir));

		if (t->zero || t->length != sizeof(*t) || t->zero_len || t->type != 0xde || t->checksum != block_checksum(dir, b))
			err = ext4_error(fs, "directory %lu: block %u has a wrong checksum", dir->ino, block);
	}
	if (!err && !entries_ok(dir, b))
		err = ext4_error(fs, "directory %lu: the entries of block %u make no sense", dir->ino, block);
	if (err) {
		buffer_put(b);
		return ERR_PTR(err);
	}
	set_checked(b, CHECKED_ENTRIES);
	return b;
}

/* --- looking ---------------------------------------------------------------------------------------------------------------- */

enum { SEARCH_STEPS = 4 };

/* Length in the lower half, then the name's length: both by one access, since a search asks for them of every entry that it passes. */
static u32 lengths(const struct buffer *b, size_t at)
{
	u32 word;

	memcpy(&word, b->data + at, sizeof(word));
	return word;
}

/* The entry whose lengths stand at `at` was come to from `from`, a few entries before: *s, or -EUCLEAN where that makes no sense. */
static int found(const struct buffer *b, size_t at, size_t from, size_t mask, struct ext4_slot *s)
{
	size_t previous = from;

	for (int k = 0; k < 2 * SEARCH_STEPS && from != at; k++) {
		previous = from;
		from = (from + (u16)lengths(b, from)) & mask;
	}
	if (from != at || previous > at || previous < 4)
		return -EUCLEAN;
	*s = (struct ext4_slot){ .b = (struct buffer *)b, .offset = (u32)at - 4, .previous = (u32)previous - 4 };
	return 0;
}

/*
 * Goes from one entry's lengths to the next one's. The block was checked when it was read; but on a damaged disk it may be another thing's as well, and be
 * changed as such. So steps lead round in the block, never out of it, and it is asked once in a few of them whether they have come round, as they do from
 * the last entry (a tail's length is that of an entry, too): some of the first entries may be looked at twice. A length of 0 leads nowhere.
 */
int dir_block_find(struct inode *dir, struct buffer *b, const char *name, u32 len, struct ext4_slot *s)
{
	size_t size = fs_of(dir)->block_size, mask = size - 4, at = 4, from = at, before;

	do {
		before = from;
		from = at;
#pragma GCC unroll SEARCH_STEPS
		for (int k = 0; k < SEARCH_STEPS; k++) {
			u32 word = lengths(b, at);

			if (unlikely((u8)(word >> 16) == (u8)len)) {
				const struct ext4_dirent *e = (const void *)(b->data + at - 4);

				if (at >= 4 && at + 4 + len <= size && e->inode && !memcmp(e->name, name, len))
					return found(b, at, before, mask, s);
			}
			at = (at + (u16)word) & mask;
		}
	} while (at > from);
	return (u16)lengths(b, at) ? -ENOENT : -EUCLEAN;
}

u32 dir_blocks(const struct inode *dir)
{
	return (u32)(dir->size >> fs_of(dir)->block_shift);
}

static int find_in_all(struct inode *dir, const char *name, u32 len, struct ext4_slot *s)
{
	u32 n = dir_blocks(dir), start = ext4_i(dir)->dir_start < n ? ext4_i(dir)->dir_start : 0;

	for (u32 k = 0; k < n; k++) {
		u32 block = (start + k) % n;
		struct buffer *b = ext4_dir_block(dir, block);
		int err;

		if (!b)
			continue;
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		err = dir_block_find(dir, b, name, len, s);
		if (!err) {
			ext4_i(dir)->dir_start = block;
			return 0;
		}
		buffer_put(b);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

int ext4_dir_find(struct inode *dir, const char *name, u32 len, struct ext4_slot *s)
{
	int err;

	/* `.` and `..` stand in the root of the index, outside of its order; nobody asks for `.`. */
	if (dir_is_indexed(dir) && !(len == 2 && name[0] == '.' && name[1] == '.'))
		err = htree_find(dir, name, len, s);
	else
		err = find_in_all(dir, name, len, s);
	if (err == -EIO)
		ext4_error(fs_of(dir), "directory %lu cannot be read", dir->ino);
	return err;
}

/* --- changing ------------------------------------------------------------------------------------------------------------------ */

static void changed(struct journal_handle *h, struct inode *dir, struct buffer *b)
{
	ext4_i(dir)->dir_changes++;
	/* The root of an index has a checksum of another kind. */
	if (dir_is_indexed(dir)) {
		const struct ext4_dirent *dot = (const void *)b->data;
		if (dot->length == 12 && entry(b, 12)->length == fs_of(dir)->block_size - 12 && dot->name_len == 1 && dot->name[0] == '.')
			dx_checksum(dir, b);
		else
			dir_block_checksum(dir, b);
	} else {
		dir_block_checksum(dir, b);
	}
	journal_dirty(h, b);
}

void dir_put_entry(struct inode *dir, struct ext4_dirent *e, u32 length, const char *name, u32 len, u32 ino, u32 mode)
{
	e->inode = ino;
	e->length = (u16)length;
	e->name_len = (u8)len;
	e->type = fs_of(dir)->incompat & INCOMPAT_FILETYPE ? type_of(mode) : 0;
	memcpy(e->name, name, len);
}

int dir_block_add(struct journal_handle *h, struct inode *dir, struct buffer *b, const char *name, u32 len, u32 ino, u32 mode)
{
	u32 need = DIRENT_LEN(len), end = dir_block_end(dir);

	for (u32 at = 0; at < end;) {
		struct ext4_dirent *e = entry(b, at);
		u32 used = e->inode ? DIRENT_LEN(e->name_len) : 0;
		int err;

		if (e->length < 8)
			return -EUCLEAN;
		if (e->length < used + need) {
			at += e->length;
			continue;
		}
		err = journal_access(h, b);
		if (err)
			return err;
		if (used) {
			u32 rest = e->length - used;
			e->length = (u16)used;
			dir_put_entry(dir, entry(b, at + used), rest, name, len, ino, mode);
		} else {
			dir_put_entry(dir, e, e->length, name, len, ino, mode);
		}
		changed(h, dir, b);
		return 0;
	}
	return -ENOSPC;
}

/* A new block at the end of the directory, all one empty entry. Its number in *block. */
int dir_block_append(struct journal_handle *h, struct inode *dir, u32 *block, struct buffer **out)
{
	struct ext4_fs *fs = fs_of(dir);
	struct ext4_map m;
	struct buffer *b;
	int err;

	*block = dir_blocks(dir);
	if (*block >= 1u << 20)
		return -ENOSPC;
	err = ext4_map_create(h, dir, *block, 1, false, &m);
	if (err)
		return err;
	b = buffer_new(fs->dev, m.block, fs->block_size);
	err = b ? journal_access(h, b) : -ENOMEM;
	if (err) {
		buffer_put(b);
		ext4_map_remove(h, dir, *block, *block + 1);
		return err;
	}
	entry(b, 0)->length = (u16)dir_block_end(dir);
	dir_block_checksum(dir, b);
	set_checked(b, CHECKED_ENTRIES);
	journal_dirty(h, b);
	dir->size += fs->block_size;
	ext4_i(dir)->disk_size = dir->size;
	*out = b;
	return 0;
}

static int add_to_any(struct journal_handle *h, struct inode *dir, const char *name, u32 len, u32 ino, u32 mode)
{
	u32 n = dir_blocks(dir), block;
	struct buffer *b;
	int err = -ENOSPC;

	for (u32 k = 0; k < n && err == -ENOSPC; k++) {
		b = ext4_dir_block(dir, k);
		if (!b)
			continue;
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		err = dir_block_add(h, dir, b, name, len, ino, mode);
		buffer_put(b);
	}
	if (err != -ENOSPC)
		return err;
	if (n == 1 && fs_of(dir)->compat & COMPAT_DIR_INDEX) {
		err = htree_make(h, dir);
		return err ? err : htree_add(h, dir, name, len, ino, mode);
	}
	err = dir_block_append(h, dir, &block, &b);
	if (err)
		return err;
	err = dir_block_add(h, dir, b, name, len, ino, mode);
	buffer_put(b);
	return err;
}

int ext4_dir_add(struct journal_handle *h, struct inode *dir, const char *name, u32 len, struct inode *i)
{
	u64 size = dir->size;
	int err = dir_is_indexed(dir) ? htree_add(h, dir, name, len, (u32)i->ino, i->mode) : add_to_any(h, dir, name, len, (u32)i->ino, i->mode), e;

	if (!err)
		inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	/* Where room was made and the disk was full before the name was in, the directory has an index, blocks and a size of its own all the same. */
	e = err && dir->size == size ? 0 : ext4_update_inode(h, dir);
	return err ? err : e;
}

int ext4_dir_remove(struct journal_handle *h, struct inode *dir, struct ext4_slot *s)
{
	int err = journal_access(h, s->b);
	struct ext4_dirent *e = entry(s->b, s->offset);

	if (err)
		return err;
	if (s->previous != s->offset)
		entry(s->b, s->previous)->length += e->length;
	e->inode = 0;
	changed(h, dir, s->b);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return ext4_update_inode(h, dir);
}

int ext4_dir_set(struct journal_handle *h, struct inode *dir, struct ext4_slot *s, struct inode *i)
{
	int err = journal_access(h, s->b);

	if (err)
		return err;
	entry(s->b, s->offset)->inode = (u32)i->ino;
	if (fs_of(dir)->incompat & INCOMPAT_FILETYPE)
		entry(s->b, s->offset)->type = type_of(i->mode);
	changed(h, dir, s->b);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return ext4_update_inode(h, dir);
}

/* --- whole directories ------------------------------------------------------------------------------------------------------------ */

int ext4_dir_init(struct journal_handle *h, struct inode *dir, u32 parent)
{
	struct buffer *b;
	u32 block;
	int err;

	dir->size = 0;
	err = dir_block_append(h, dir, &block, &b);
	if (err)
		return err;
	dir_put_entry(dir, entry(b, 0), 12, ".", 1, (u32)dir->ino, S_IFDIR);
	dir_put_entry(dir, entry(b, 12), dir_block_end(dir) - 12, "..", 2, parent, S_IFDIR);
	changed(h, dir, b);
	buffer_put(b);
	return 0;
}

int ext4_dir_set_parent(struct journal_handle *h, struct inode *dir, u32 parent)
{
	struct buffer *b = ext4_dir_block(dir, 0);
	int err;

	if (!b || IS_ERR(b))
		return b ? (int)PTR_ERR(b) : -EUCLEAN;
	err = journal_access(h, b);
	if (!err && (entry(b, 0)->length != 12 || entry(b, 12)->name_len != 2))
		err = ext4_error(fs_of(dir), "directory %lu does not begin with `.` and `..`", dir->ino);
	if (!err) {
		entry(b, 12)->inode = parent;
		changed(h, dir, b);
	}
	buffer_put(b);
	return err;
}

u32 dir_each_entry(struct inode *dir, struct buffer *b, u32 at, bool (*fn)(const struct ext4_dirent *e, u32 at, void *arg), void *arg)
{
	u32 end = dir_block_end(dir), from = 0;

	while (from < end) {
		const struct ext4_dirent *e = entry(b, from);

		if (e->length < 8 || from + e->length > end)
			return end;
		if (from >= at && e->inode && !fn(e, from, arg))
			return from;
		from += e->length;
	}
	return end;
}

static bool only_dots(const struct ext4_dirent *e, u32 at __unused, void *arg __unused)
{
	return dirent_is_dots(e);
}

int ext4_dir_empty(struct inode *dir)
{
	for (u32 block = 0; block < dir_blocks(dir); block++) {
		struct buffer *b = ext4_dir_block(dir, block);
		bool empty;

		if (!b)
			continue;
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		empty = is_index_block(dir, block, b) || dir_each_entry(dir, b, 0, only_dots, NULL) == dir_block_end(dir);
		buffer_put(b);
		if (!empty)
			return 0;
	}
	return 1;
}
