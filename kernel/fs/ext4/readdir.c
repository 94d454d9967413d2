/*
 * Directories as files: reading names, and what a position in a directory means.
 *
 * A split of a leaf moves names to other places, so that a place is no position: who is in the middle would miss names, or see them twice. A name's hash stays.
 * Where names are hashed, a position is the hash of the next name, as on Linux, and names come in that order:
 *
 *      63   62                         32 31                          0
 *     +---+------------------------------+-----------------------------+
 *     | 0 |         hash >> 1            |    minor hash               |     0: `.`, 1: `..`, 2^63 - 1: the end
 *     +---+------------------------------+-----------------------------+
 *
 * That is so for indexed directories, and for those of one block on a file system with indices: when one of these gets its index, a position in it stays good.
 * Other directories never get one; their names lie still, and a position in them is a place.
 *
 * Names of one position (the oldest hash has no minor part, and names of equal hashes are easily made) come in the order of their bytes: a file that is in the
 * midst of them knows the last that it gave, which serves as long as nobody moves it by lseek. That begins with the first of them again, as on Linux.
 *
 * Of the names from a position on, a file keeps some: a leaf's, usually (struct reader), until the directory changes or the file is moved. What does not fit is
 * gathered again: names of one hash may fill many leaves, and of those only the smallest are kept at a time.
 *
 * On a damaged disk names may be in a leaf that is not theirs. They are given as if their hash was the nearest that is; so each step goes on, and there is an end.
 */
#include "ext4_priv.h"

#define POS_FIRST 2ul
#define POS_END ((u64)INT64_MAX)
#define READER_MAX 8192u

struct found {
	u64 pos;
	u32 at; /* in the text */
};

/* What an open directory has in file->private, guarded by the file's pos_lock. */
struct reader {
	bool filled;
	u64 changes;         /* the directory's dir_changes when the names were gathered */
	u64 pos;             /* where the file is then; elsewhere, somebody has moved it */
	u64 next;            /* the position of the first name that is not among these; POS_END: there is none */
	u32 count, at;       /* names; the one that comes next */
	/* While they are gathered: */
	u64 from;            /* from this position on, and of the names there those after `after`, if it has a length */
	u32 most, used, room; /* of names; bytes of text */
	bool cut;            /* some had no room: none after this one is wanted any more */
	struct found limit;
	u8 after_len;
	char after[EXT4_NAME_LEN];
	u8 *text;            /* entries as on the disk, behind the names; `length` is the number among the names while some are thrown out */
	struct found names[];
};

static u32 mode_of(u8 type)
{
	static const u32 modes[8] = { 0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK };

	return type < 8 ? modes[type] : 0;
}

/* Are the positions in it hashes? */
static bool is_hashed(const struct inode *dir)
{
	return fs_of(dir)->compat & COMPAT_DIR_INDEX && (dir_is_indexed(dir) || dir_blocks(dir) == 1);
}

static u64 hash_pos(u32 hash, u32 minor)
{
	return (u64)(hash >> 1) << 32 | minor;
}

/* --- gathering --------------------------------------------------------------------------------------------------------------------- */

static struct ext4_dirent *text_of(const struct reader *r, const struct found *f)
{
	return (void *)(r->text + f->at);
}

static int compare_names(const char *a, u32 a_len, const char *b, u32 b_len)
{
	int d = memcmp(a, b, MIN(a_len, b_len));

	return d ? d : (int)a_len - (int)b_len;
}

/* Does a come before b? */
static bool before(const struct reader *r, const struct found *a, const struct found *b)
{
	const struct ext4_dirent *x = text_of(r, a), *y = text_of(r, b);

	return a->pos != b->pos ? a->pos < b->pos : compare_names(x->name, x->name_len, y->name, y->name_len) < 0;
}

/* By insertion with shrinking steps: some hundred names. */
static void sort(struct reader *r)
{
	for (u32 gap = MAX(r->count * 4 / 9, 1u); gap; gap = gap > 1 ? MAX(gap * 4 / 9, 1u) : 0)
		for (u32 i = gap; i < r->count; i++) {
			struct found v = r->names[i];
			u32 j = i;

			for (; j >= gap && before(r, &v, &r->names[j - gap]); j -= gap)
				r->names[j] = r->names[j - gap];
			r->names[j] = v;
		}
}

/* Throws the larger half of the names out, and their text. */
static void cut(struct reader *r)
{
	u32 keep = MAX(r->count / 2, 1u), to = 0;

	sort(r);
	r->next = MIN(r->next, r->names[keep].pos);
	for (u32 k = 0; k < r->count; k++)
		text_of(r, &r->names[k])->length = (u16)k;
	for (u32 at = 0, size; at < r->used; at += size) {
		struct ext4_dirent *e = (void *)(r->text + at);
		u32 k = e->length;

		size = DIRENT_LEN(e->name_len);
		if (k >= keep)
			continue;
		memmove(r->text + to, e, size);
		r->names[k].at = to;
		to += size;
	}
	r->used = to;
	r->count = keep;
	r->cut = true;
	r->limit = r->names[keep - 1];
}

static bool is_past_limit(const struct reader *r, const struct ext4_dirent *e, u64 pos)
{
	const struct ext4_dirent *last = text_of(r, &r->limit);

	return r->cut && (pos > r->limit.pos || (pos == r->limit.pos && compare_names(e->name, e->name_len, last->name, last->name_len) > 0));
}

static void add(struct reader *r, const struct ext4_dirent *e, u64 pos)
{
	u32 size = DIRENT_LEN(e->name_len);

	if (pos < r->from || (pos == r->from && r->after_len && compare_names(e->name, e->name_len, r->after, r->after_len) <= 0))
		return;
	while (!is_past_limit(r, e, pos)) {
		if (r->count < r->most && r->used + size <= r->room) {
			r->names[r->count++] = (struct found){ pos, r->used };
			memcpy(r->text + r->used, e, size);
			r->used += size;
			return;
		}
		cut(r);
	}
	r->next = MIN(r->next, pos);
}

struct gathering {
	struct reader *r;
	struct inode *dir;
	u64 low, high; /* of the positions that names of the block can have */
	u8 version;
};

static bool add_entry(const struct ext4_dirent *e, u32 at __unused, void *arg)
{
	struct gathering *g = arg;
	u32 hash, minor;

	if (dirent_is_dots(e) || !e->name_len)
		return true;
	hash = ext4_hash(fs_of(g->dir), g->version, e->name, e->name_len, &minor);
	add(g->r, e, MIN(MAX(hash_pos(hash, minor), g->low), g->high));
	return true;
}

static bool add_leaf(const struct htree_leaf *l, void *arg)
{
	struct reader *r = arg;
	struct gathering g = { .r = r, .dir = l->dir, .low = MAX(hash_pos(l->first, 0), POS_FIRST), .high = POS_END - 1, .version = l->version };
	u64 end = l->end == HASH_END ? POS_END : hash_pos(l->end, 0);

	if (l->end != HASH_END)
		g.high = MAX(l->end & 1 ? hash_pos(l->end, UINT32_MAX) : end - 1, g.low);
	dir_each_entry(l->dir, l->b, 0, add_entry, &g);
	/* The next one may have names that come before some of these; not before all that are wanted, if there are enough. */
	if (l->end != HASH_END && l->end & 1 && !(r->cut && end > r->limit.pos))
		return true;
	r->next = MIN(r->next, end);
	return false;
}

/* The names from r->from on. */
static int gather(struct inode *dir, struct reader *r)
{
	struct ext4_fs *fs = fs_of(dir);
	int err;

	r->filled = false;
	r->count = r->at = r->used = 0;
	r->cut = false;
	r->next = POS_END;
	if (dir_is_indexed(dir)) {
		err = htree_each_leaf(dir, (u32)(r->from >> 32) << 1, add_leaf, r);
		if (err)
			return err;
	} else {
		struct gathering g = { .r = r, .dir = dir, .low = POS_FIRST, .high = POS_END - 1, .version = ext4_hash_version(fs, fs->hash_version) };
		struct buffer *b = ext4_dir_block(dir, 0);

		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (b)
			dir_each_entry(dir, b, 0, add_entry, &g);
		buffer_put(b);
	}
	sort(r);
	r->pos = r->from;
	r->changes = ext4_i(dir)->dir_changes;
	r->filled = true;
	return 0;
}

static struct reader *reader_of(struct file *f)
{
	u32 block = fs_of(f->inode)->block_size, size = MIN((u32)sizeof(struct reader) + block + block / 12 * (u32)sizeof(struct found), READER_MAX);
	struct reader *r = f->private;

	if (r)
		return r;
	r = kmalloc(size, 0);
	if (!r)
		return NULL;
	*r = (struct reader){ .most = (size - (u32)sizeof(*r) - block) / (u32)sizeof(struct found), .room = block };
	r->text = (u8 *)&r->names[r->most];
	f->private = r;
	return r;
}

/* The names from the file's position on, which may be in the midst of some of one position. */
static int refill(struct file *f, struct reader *r)
{
	u64 pos = (u64)f->pos;

	if (r->filled && r->pos == pos && r->at && r->names[r->at - 1].pos == pos) {
		const struct ext4_dirent *e = text_of(r, &r->names[r->at - 1]);

		r->after_len = e->name_len;
		memcpy(r->after, e->name, e->name_len);
	} else if (!r->filled || r->pos != pos || r->from != pos || r->at) {
		r->after_len = 0;
	}
	r->from = pos;
	return gather(f->inode, r);
}

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */

static int read_by_hash(struct file *f, struct dir_context *c)
{
	struct inode *dir = f->inode;
	struct reader *r;
	int err = 0;

	if ((u64)f->pos == POS_END)
		return 0;
	r = reader_of(f);
	if (!r)
		return -ENOMEM;
	if (!r->filled || r->pos != (u64)f->pos || r->changes != ext4_i(dir)->dir_changes)
		err = refill(f, r);
	while (!err) {
		for (; r->at < r->count; r->at++) {
			const struct ext4_dirent *e = text_of(r, &r->names[r->at]);
			u64 next = r->at + 1 < r->count ? r->names[r->at + 1].pos : r->next;

			if (!dir_emit(c, e->name, e->name_len, e->inode, mode_of(e->type), next))
				return 0;
			r->pos = next;
			f->pos = (s64)next;
		}
		r->pos = r->next;
		f->pos = (s64)r->next;
		if (r->next == POS_END)
			break;
		err = refill(f, r);
	}
	return err;
}

struct listing {
	struct dir_context *c;
	u64 base, next;
};

static bool emit_entry(const struct ext4_dirent *e, u32 at, void *arg)
{
	struct listing *l = arg;

	l->next = l->base + at;
	if (dirent_is_dots(e))
		return true;
	if (!dir_emit(l->c, e->name, e->name_len, e->inode, mode_of(e->type), l->base + at + e->length))
		return false;
	l->next = l->base + at + e->length;
	return true;
}

/* A position is the place in the directory's bytes, but for 0 and 1; the first entry is at 12 at the earliest, having a dot before it. */
static int read_by_place(struct file *f, struct dir_context *c)
{
	struct inode *dir = f->inode;
	struct ext4_fs *fs = fs_of(dir);

	while ((u64)f->pos < dir->size) {
		u32 block = (u32)((u64)f->pos >> fs->block_shift), at = (u32)f->pos & (fs->block_size - 1);
		struct listing l = { .c = c, .base = (u64)block << fs->block_shift };
		struct buffer *b;
		u32 stopped;

		if (!at)
			for (u32 k = 0; k < 8 && block % 8 == 0 && block + k < dir_blocks(dir); k++) {
				struct ext4_map m;
				if (!ext4_map_blocks(dir, block + k, 8, &m) && m.block) {
					buffer_read_ahead(fs->dev, m.block, MIN(m.length, 8 - k), fs->block_size);
					k += m.length - 1;
				}
			}
		b = ext4_dir_block(dir, block);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		if (b) {
			stopped = dir_each_entry(dir, b, at == 2 ? 0 : at, emit_entry, &l);
			if (stopped < dir_block_end(dir)) {
				f->pos = (s64)l.next;
				buffer_put(b);
				return 0;
			}
		}
		buffer_put(b);
		f->pos = (s64)(l.base + fs->block_size);
	}
	return 0;
}

/* The directory's lock is held for reading, and the file's pos_lock. */
int ext4_readdir(struct file *f, struct dir_context *c)
{
	if (!dir_emit_dots(f, c))
		return 0;
	return is_hashed(f->inode) ? read_by_hash(f, c) : read_by_place(f, c);
}

/* Where names are hashed, all positions are data, and the end is the last. */
s64 ext4_dir_lseek(struct file *f, s64 off, int whence)
{
	if (!is_hashed(f->inode))
		return ext4_lseek(f, off, whence);
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (off < 0 || off == INT64_MAX)
			return -ENXIO;
		f->pos = whence == SEEK_DATA ? off : INT64_MAX;
		return f->pos;
	}
	return generic_lseek(f, off, whence, INT64_MAX, INT64_MAX);
}

void ext4_dir_release(struct file *f)
{
	kfree(f->private);
}
