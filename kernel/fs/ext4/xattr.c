/*
 * Extended attributes: in the inode's record behind its last field, and in one block, which inodes may share.
 *
 *     record:  … fields | magic | entry | entry | 0 …        … value | value |       values from the end; offsets from the first entry
 *     block:   header | entry | entry | 0 …                  … value | value |       offsets from the start of the block; entries in order
 *
 * To change one, all are read into a table and both places are written anew: the record first, what does not fit into the block. A shared block is left to
 * the others, and a new one taken.
 */
#include "ext4_priv.h"

#define XATTR_MAGIC 0xea020000u

struct xattr_header {
	u32 magic, references, blocks, hash, checksum, reserved[3];
} __packed;
struct xattr_entry {
	u8 name_len, index;
	u16 offset;
	u32 inode, size, hash;
	char name[];
} __packed;
#define ENTRY_LEN(n) ALIGN_UP(16u + (n), 4u)

static const struct {
	u8 index;
	const char *prefix;
} prefixes[] = { { 1, "user." }, { 2, "system.posix_acl_access" }, { 3, "system.posix_acl_default" }, { 4, "trusted." }, { 6, "security." }, { 7, "system." } };

struct attr {
	u8 index, name_len;
	const char *name;
	const u8 *value;
	u32 size;
	bool in_body; /* where it is written to */
};
struct attrs {
	u32 count, most;
	struct buffer *inode_buffer, *block;
	u32 offset;  /* of the record */
	u8 *copies[2]; /* that the table points into */
	struct attr a[]; /* room for as many as the smallest entries that fit into both places, and one more */
};

static u8 split_name(const char *name, const char **rest)
{
	for (size_t k = 0; k < ARRAY_SIZE(prefixes); k++)
		if (str_starts(name, prefixes[k].prefix)) {
			*rest = name + strlen(prefixes[k].prefix);
			return prefixes[k].index;
		}
	return 0;
}

static const char *prefix_of(u8 index)
{
	for (size_t k = 0; k < ARRAY_SIZE(prefixes); k++)
		if (prefixes[k].index == index)
			return prefixes[k].prefix;
	return NULL;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

/* Entries from `at` on in [start, end), values relative to `base`. */
static int read_entries(struct inode *i, struct attrs *t, const u8 *at, const u8 *end, const u8 *base)
{
	while (at + 4 <= end && *(const u32 *)at) {
		const struct xattr_entry *e = (const void *)at;

		if (at + 16 > end || at + ENTRY_LEN(e->name_len) + 4 > end || e->inode || t->count == t->most || e->size > (u64)(end - base) ||
		    e->offset > (u64)(end - base) - e->size || (e->size && base + e->offset < at))
			return ext4_error(fs_of(i), "inode %lu: its attributes make no sense", i->ino);
		t->a[t->count++] = (struct attr){ .index = e->index, .name_len = e->name_len, .name = e->name, .value = base + e->offset, .size = e->size };
		at += ENTRY_LEN(e->name_len);
	}
	return 0;
}

static u32 block_checksum(const struct ext4_fs *fs, const struct buffer *b)
{
	u64 block = b->block;
	u32 zero = 0, at = offsetof(struct xattr_header, checksum), crc = crc32c(fs->seed, &block, 8);

	crc = crc32c(crc, b->data, at);
	crc = crc32c(crc, &zero, 4);
	return crc32c(crc, b->data + at + 4, fs->block_size - at - 4);
}

static u32 body_start(const struct inode *i)
{
	return EXT4_GOOD_INODE_SIZE + ext4_i(i)->extra_isize;
}

static bool has_body(const struct inode *i)
{
	return fs_of(i)->inode_size > EXT4_GOOD_INODE_SIZE && ext4_i(i)->extra_isize && body_start(i) + 8 <= fs_of(i)->inode_size;
}

int ext4_xattr_place(struct inode *i, u64 *place, u64 *length, bool *in_inode)
{
	struct ext4_fs *fs = fs_of(i);
	u32 offset, magic = 0;
	struct buffer *b;
	int err = 0;

	*length = 0;
	*in_inode = false;
	if (has_body(i)) {
		err = ext4_inode_block(fs, (u32)i->ino, &b, &offset, false);
		if (err)
			return err;
		memcpy(&magic, b->data + offset + body_start(i), 4);
		*place = (b->block << fs->block_shift) + offset + body_start(i);
		buffer_put(b);
	}
	if (magic == XATTR_MAGIC) {
		*length = fs->inode_size - body_start(i);
		*in_inode = true;
	} else if (ext4_i(i)->file_acl) {
		*place = ext4_i(i)->file_acl << fs->block_shift;
		*length = fs->block_size;
	}
	return err;
}

static void attrs_free(struct attrs *t)
{
	if (!t)
		return;
	buffer_put(t->inode_buffer);
	buffer_put(t->block);
	kfree(t->copies[0]);
	kfree(t->copies[1]);
	kfree(t);
}

/* All attributes of an inode, with the buffers that they are in, and copies of those. ERR_PTR. */
static struct attrs *attrs_read(struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	u32 most = (fs->block_size + fs->inode_size) / ENTRY_LEN(0) + 1;
	struct attrs *t = kmalloc(sizeof(*t) + most * sizeof(t->a[0]), 0);
	int err = t ? ext4_inode_block(fs, (u32)i->ino, &t->inode_buffer, &t->offset, false) : -ENOMEM;

	if (!t)
		return ERR_PTR(err);
	t->count = 0;
	t->most = most;
	t->block = NULL;
	t->copies[0] = t->copies[1] = NULL;
	if (err)
		t->inode_buffer = NULL;
	if (!err && has_body(i)) {
		t->copies[0] = kmemdup(t->inode_buffer->data + t->offset, fs->inode_size, 0);
		err = t->copies[0] ? 0 : -ENOMEM;
		if (!err && *(u32 *)(t->copies[0] + body_start(i)) == XATTR_MAGIC)
			err = read_entries(i, t, t->copies[0] + body_start(i) + 4, t->copies[0] + fs->inode_size, t->copies[0] + body_start(i) + 4);
	}
	if (!err && ei->file_acl) {
		t->block = ext4_read(fs, ei->file_acl);
		if (IS_ERR(t->block)) {
			err = (int)PTR_ERR(t->block);
			t->block = NULL;
		} else {
			const struct xattr_header *x = (const void *)t->block->data;
			if (x->magic != XATTR_MAGIC || x->blocks != 1 || (fs->checksums && x->checksum != block_checksum(fs, t->block)))
				err = ext4_error(fs, "inode %lu: block %lu holds no attributes", i->ino, ei->file_acl);
			t->copies[1] = err ? NULL : kmemdup(t->block->data, fs->block_size, 0);
			if (!err)
				err = t->copies[1] ? read_entries(i, t, t->copies[1] + sizeof(*x), t->copies[1] + fs->block_size, t->copies[1]) : -ENOMEM;
		}
	}
	if (!err)
		return t;
	attrs_free(t);
	return ERR_PTR(err);
}

static struct attr *attrs_find(struct attrs *t, u8 index, const char *name)
{
	for (u32 k = 0; k < t->count; k++)
		if (t->a[k].index == index && t->a[k].name_len == strlen(name) && !memcmp(t->a[k].name, name, t->a[k].name_len))
			return &t->a[k];
	return NULL;
}

/* The index of a name that programs may use: 0 or -errno. Access control lists are left to those who know them. */
static int known_name(const char *name, u8 *index, const char **rest)
{
	*index = split_name(name, rest);
	if (!*index || *index == 2 || *index == 3 || *index == 7)
		return -EOPNOTSUPP;
	return **rest ? 0 : -EINVAL;
}

ssize_t ext4_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	const char *rest;
	u8 index;
	struct attrs *t;
	struct attr *a;
	ssize_t n = known_name(name, &index, &rest);

	if (n)
		return n;
	t = attrs_read(i);
	if (IS_ERR(t))
		return PTR_ERR(t);
	a = attrs_find(t, index, rest);
	n = a ? (ssize_t)a->size : -ENODATA;
	if (a && size && size < a->size)
		n = -ERANGE;
	else if (a && size)
		memcpy(buf, a->value, a->size);
	attrs_free(t);
	return n;
}

ssize_t ext4_listxattr(struct inode *i, char *buf, size_t size)
{
	struct attrs *t = attrs_read(i);
	size_t n = 0;

	if (IS_ERR(t))
		return PTR_ERR(t);
	for (u32 k = 0; k < t->count; k++) {
		const char *prefix = prefix_of(t->a[k].index);
		size_t len;

		if (!prefix || t->a[k].index == 2 || t->a[k].index == 3 || (t->a[k].index == 4 && !file_capable(CAP_SYS_ADMIN)))
			continue;
		len = strlen(prefix) + t->a[k].name_len + 1;
		if (size && n + len <= size) {
			memcpy(buf + n, prefix, strlen(prefix));
			memcpy(buf + n + strlen(prefix), t->a[k].name, t->a[k].name_len);
			buf[n + len - 1] = 0;
		}
		n += len;
	}
	attrs_free(t);
	return size && n > size ? -ERANGE : (ssize_t)n;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------ */

static u32 entry_hash(const struct attr *a)
{
	u32 hash = 0;

	for (u32 k = 0; k < a->name_len; k++)
		hash = hash << 5 ^ hash >> 27 ^ (u8)a->name[k];
	for (u32 k = 0; k < a->size; k += 4) {
		u32 word = 0;
		memcpy(&word, a->value + k, MIN(4u, a->size - k));
		hash = hash << 16 ^ hash >> 16 ^ word;
	}
	return hash;
}

static int compare(const struct attr *a, const struct attr *b)
{
	if (a->index != b->index)
		return a->index - b->index;
	if (a->name_len != b->name_len)
		return a->name_len - b->name_len;
	return memcmp(a->name, b->name, a->name_len);
}

static u32 space_of(const struct attr *a)
{
	return ENTRY_LEN(a->name_len) + ALIGN_UP(a->size, 4u);
}

/* Lays those attributes out that belong into the body (or the block) in [at, end), which is zeroed; base is what offsets count from. */
static u32 lay_out(u8 *at, u8 *end, u8 *base, const struct attrs *t, bool in_body)
{
	u32 all = 0;

	for (const struct attr *a = t->a; a < t->a + t->count; a++) {
		struct xattr_entry *e = (void *)at;

		if (a->in_body != in_body)
			continue;
		end -= ALIGN_UP(a->size, 4u);
		*e = (struct xattr_entry){ .name_len = a->name_len, .index = a->index, .size = a->size, .hash = entry_hash(a) };
		e->offset = a->size ? (u16)(end - base) : 0;
		memcpy(e->name, a->name, a->name_len);
		memcpy(end, a->value, a->size);
		at += ENTRY_LEN(a->name_len);
		all = all << 16 ^ all >> 16 ^ e->hash;
	}
	return all;
}

/* The inode no longer uses its block: the last one frees it. */
static int drop_block(struct journal_handle *h, struct inode *i, struct buffer *b)
{
	struct xattr_header *x = (void *)b->data;
	int err;

	if (x->references <= 1) {
		err = ext4_free_blocks(h, i, b->block, 1, true);
	} else {
		err = journal_access(h, b);
		if (!err) {
			x->references--;
			if (fs_of(i)->checksums)
				x->checksum = block_checksum(fs_of(i), b);
			journal_dirty(h, b);
			i->blocks -= MIN(i->blocks, (u64)fs_of(i)->block_size / 512);
		}
	}
	if (!err)
		ext4_i(i)->file_acl = 0;
	return err;
}

/* A block of its own for the inode, which the handle may write: ERR_PTR. */
static struct buffer *new_block(struct journal_handle *h, struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct buffer *b;
	u32 one = 1;
	int err;
	u64 block = ext4_alloc_blocks(h, i, 0, &one, &err);

	if (!block)
		return ERR_PTR(err);
	b = buffer_new(fs->dev, block, fs->block_size);
	err = b ? journal_access(h, b) : -ENOMEM;
	if (!err)
		return b;
	buffer_put(b);
	ext4_free_blocks(h, i, block, 1, true);
	return ERR_PTR(err);
}

static int write_block(struct journal_handle *h, struct inode *i, const struct attrs *t)
{
	struct ext4_fs *fs = fs_of(i);
	struct buffer *b = t->block;
	struct xattr_header *x = b ? (void *)b->data : NULL;
	bool shared = x && x->references > 1;
	int err = 0;

	if (!b || shared) {
		b = new_block(h, i);
		if (IS_ERR(b))
			return PTR_ERR(b);
		if (shared)
			err = drop_block(h, i, t->block);
		if (err)
			ext4_free_blocks(h, i, b->block, 1, true);
		else
			ext4_i(i)->file_acl = b->block;
	} else {
		buffer_hold(b);
		err = journal_access(h, b);
	}
	if (!err) {
		x = (void *)b->data;
		memset(b->data, 0, fs->block_size);
		*x = (struct xattr_header){ .magic = XATTR_MAGIC, .references = 1, .blocks = 1 };
		x->hash = lay_out(b->data + sizeof(*x), b->data + fs->block_size, b->data, t, false);
		if (fs->checksums)
			x->checksum = block_checksum(fs, b);
		journal_dirty(h, b);
	}
	buffer_put(b);
	return err;
}

/* Both places from the table. */
static int attrs_write(struct journal_handle *h, struct inode *i, struct attrs *t)
{
	struct ext4_fs *fs = fs_of(i);
	u32 in_body = 0, in_block = 0, body = has_body(i) ? fs->inode_size - body_start(i) - 8 : 0, block = fs->block_size - sizeof(struct xattr_header) - 4;
	u8 *record = t->inode_buffer->data + t->offset;
	int err;

	for (u32 k = 0; k < t->count; k++)
		for (u32 n = k; n && compare(&t->a[n - 1], &t->a[n]) > 0; n--) {
			struct attr swap = t->a[n];
			t->a[n] = t->a[n - 1];
			t->a[n - 1] = swap;
		}
	for (u32 k = 0; k < t->count; k++) {
		u32 need = space_of(&t->a[k]);

		t->a[k].in_body = need <= body;
		if (need <= body) {
			in_body++;
			body -= need;
		} else if (need <= block) {
			in_block++;
			block -= need;
		} else {
			return -ENOSPC;
		}
	}
	err = journal_access(h, t->inode_buffer);
	if (!err)
		err = in_block ? write_block(h, i, t) : t->block ? drop_block(h, i, t->block) : 0;
	if (err)
		return err;
	if (has_body(i)) {
		u8 *start = record + body_start(i);

		memset(start, 0, fs->inode_size - body_start(i));
		if (in_body) {
			*(u32 *)start = XATTR_MAGIC;
			lay_out(start + 4, record + fs->inode_size, start + 4, t, true);
		}
	}
	inode_touch(i, ATTR_CTIME);
	return ext4_update_inode(h, i);
}

static int try_change(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
	const char *rest;
	u8 index;
	struct journal_handle *h;
	struct attrs *t;
	struct attr *a;
	int err = known_name(name, &index, &rest), e;

	if (err)
		return err;
	if (size > fs_of(i)->block_size)
		return -ENOSPC;
	h = ext4_start(fs_of(i), CREDITS_INODE + CREDITS_ALLOC * 2 + 2);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	t = attrs_read(i);
	if (IS_ERR(t)) {
		journal_stop(h);
		return (int)PTR_ERR(t);
	}
	a = attrs_find(t, index, rest);
	if (!a && (!value || flags & XATTR_REPLACE))
		err = -ENODATA;
	else if (a && flags & XATTR_CREATE)
		err = -EEXIST;
	else if (!a && t->count == t->most)
		err = -ENOSPC;
	else if (a && value && a->size == size && !memcmp(a->value, value, size))
		err = 1;
	if (!err) {
		if (!value)
			*a = t->a[--t->count];
		else if (a)
			*a = (struct attr){ .index = index, .name_len = a->name_len, .name = a->name, .value = value, .size = (u32)size };
		else
			t->a[t->count++] = (struct attr){ .index = index, .name_len = (u8)strlen(rest), .name = rest, .value = value, .size = (u32)size };
		err = attrs_write(h, i, t);
	}
	attrs_free(t);
	e = journal_stop(h);
	return err ? err : e;
}

/* value NULL: it goes. 1: it had that value. */
static int change(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
	int err, tries = 0;

	do
		err = try_change(i, name, value, size, flags);
	while (err == -ENOSPC && ext4_wait_for_space(fs_of(i), &tries));
	return err;
}

int ext4_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
	return change(i, name, value ? value : "", size, flags);
}

int ext4_removexattr(struct inode *i, const char *name)
{
	return change(i, name, NULL, 0, 0);
}

int ext4_xattr_free(struct journal_handle *h, struct inode *i)
{
	struct buffer *b = ext4_i(i)->file_acl ? ext4_read(fs_of(i), ext4_i(i)->file_acl) : NULL;
	int err = 0;

	if (!b || IS_ERR(b))
		return b ? (int)PTR_ERR(b) : 0;
	if (((struct xattr_header *)b->data)->magic == XATTR_MAGIC)
		err = drop_block(h, i, b);
	buffer_put(b);
	return err;
}
