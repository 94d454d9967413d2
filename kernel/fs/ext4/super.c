/*
 * Mounting: the superblock, what its features allow, the journal; and what goes wrong later. What the VFS asks of a file system that is mounted is in
 * super_ops.c.
 *
 * Every number of the superblock is checked before it is used. An incompatible feature that is not known refuses the mount by its name; one that
 * only forbids writing makes it read-only.
 */
#include "ext4_priv.h"

#include "core/registry.h"
#include "lib/format.h"
#include "mm/pagetable.h"

#define INCOMPAT_KNOWN \
	(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG | INCOMPAT_EXTENTS | INCOMPAT_64BIT | INCOMPAT_FLEX_BG | INCOMPAT_CSUM_SEED)
#define RO_KNOWN (RO_SPARSE_SUPER | RO_LARGE_FILE | RO_HUGE_FILE | RO_GDT_CSUM | RO_DIR_NLINK | RO_EXTRA_ISIZE | RO_METADATA_CSUM)

static const struct feature {
	u32 bit;
	const char *name;
} incompat_names[] = {
	{ 1, "compression" }, { 8, "journal_dev" }, { 0x100, "mmp" }, { 0x400, "ea_inode" }, { 0x1000, "dirdata" }, { 0x4000, "large_dir" }, { 0x8000, "inline_data" },
	{ 0x10000, "encrypt" }, { 0x20000, "casefold" },
}, ro_names[] = {
	{ 4, "btree_dir" }, { 0x80, "has_snapshot" }, { 0x100, "quota" }, { RO_BIGALLOC, "bigalloc" }, { 0x800, "replica" }, { 0x1000, "read-only" }, { 0x2000, "project" },
	{ 0x4000, "shared_blocks" }, { 0x8000, "verity" }, { 0x10000, "orphan_present" },
};

static void tell_features(const struct ext4_fs *fs, const char *what, u32 unknown, const struct feature *names, size_t count)
{
	char text[160] = "";

	for (size_t k = 0; k < count; k++)
		if (unknown & names[k].bit) {
			strlcat(text, " ", sizeof(text));
			strlcat(text, names[k].name, sizeof(text));
			unknown &= ~names[k].bit;
		}
	if (unknown)
		ksnprintf(text + strlen(text), sizeof(text) - strlen(text), " 0x%x", unknown);
	pr_err("EXT4-fs (%s): %s:%s\n", fs->dev->name, what, text);
}

/* Where the superblock is that is used, in bytes: the first, or a copy that was asked for by option sb=. */
static u64 super_at(const struct ext4_fs *fs)
{
	return (u64)fs->opt.number[OPT_SB] * 1024;
}

static u32 super_checksum(const struct ext4_disk_super *s)
{
	return crc32c(~0u, s, offsetof(struct ext4_disk_super, checksum));
}

/* --- errors ---------------------------------------------------------------------------------------------------------------- */

/* Says on the disk that something is wrong, for the next mount and for e2fsck, when nothing of what is in memory may be written any more. Where the log is replayed, the word in
 * the log's own superblock takes its place. */
static void mark_damaged(struct ext4_fs *fs)
{
	u32 unit = MAX(fs->dev->disk->logical_size, 1024u), skip = (u32)(super_at(fs) % unit);
	char *blocks = kmalloc(unit, 0);
	struct ext4_disk_super *s = (void *)(blocks + skip);
	u64 sector = (super_at(fs) - skip) / SECTOR_SIZE;

	if (blocks && !block_rw(fs->dev, BLOCK_READ, sector, blocks, unit) && s->magic == EXT4_MAGIC) {
		s->state |= SUPER_ERROR;
		if (fs->checksums)
			s->checksum = super_checksum(s);
		if (block_rw(fs->dev, BLOCK_WRITE, sector, blocks, unit) || block_flush(fs->dev))
			pr_err("EXT4-fs (%s): the superblock cannot be written either\n", fs->dev->name);
	}
	kfree(blocks);
}

int ext4_error(struct ext4_fs *fs, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	kvsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pr_err("EXT4-fs error (%s): %s\n", fs->dev->name, text);
	if (fs->super_buffer && !(fs->sb->flags & MS_RDONLY))
		atomic_fetch_or(&fs->errors, 1u);
	if (!(fs->sb->flags & MS_RDONLY) && ext4_options_errors(fs) != ERRORS_CONTINUE) {
		pr_err("EXT4-fs (%s): read-only from now on\n", fs->dev->name);
		atomic_fetch_or(&fs->sb->flags, MS_RDONLY);
		if (fs->journal)
			journal_abort(fs->journal, -EIO);
		else
			mark_damaged(fs);
	}
	return -EUCLEAN;
}

/* The journal has stopped: nothing can be written in good order any more, whatever errors= says. */
static void aborted(void *arg, int err __unused)
{
	struct ext4_fs *fs = arg;

	if (!(atomic_fetch_or(&fs->sb->flags, MS_RDONLY) & MS_RDONLY))
		pr_err("EXT4-fs (%s): read-only from now on\n", fs->dev->name);
	mark_damaged(fs);
}

struct journal_handle *ext4_start(struct ext4_fs *fs, u32 credits)
{
	struct journal_handle *h;

	if (fs->sb->flags & MS_RDONLY && !fs->recovering)
		return ERR_PTR(-EROFS);
	h = journal_start(fs->journal, credits);
	/* It may have gone read-only since, and what is committed for that did not wait for this handle. */
	if (!IS_ERR(h) && !h->depth && atomic_load(&fs->sb->flags) & MS_RDONLY && !fs->recovering) {
		journal_stop(h);
		return ERR_PTR(-EROFS);
	}
	return h;
}

struct buffer *ext4_read_vital(struct ext4_fs *fs, u64 block, const char *what, u64 whose)
{
	struct buffer *b = ext4_read(fs, block);

	if (b == ERR_PTR(-EIO))
		ext4_error(fs, "%s %lu cannot be read: block %lu", what, whose, block);
	return b;
}

struct buffer *ext4_read(struct ext4_fs *fs, u64 block)
{
	if (block >= fs->blocks)
		return ERR_PTR(-EUCLEAN);
	return buffer_read(fs->dev, block, fs->block_size);
}

/* --- the superblock ---------------------------------------------------------------------------------------------------------- */

/* Counts, errors and the checksum into the superblock's buffer. */
static void super_refresh(struct ext4_fs *fs)
{
	struct ext4_disk_super *s = disk_super(fs);

	s->write_time = (u32)time_now_coarse().sec;
	s->free_blocks_lo = (u32)fs->free_blocks;
	s->free_blocks_hi = fs->incompat & INCOMPAT_64BIT ? (u32)(fs->free_blocks >> 32) : 0;
	s->free_inodes = (u32)fs->free_inodes;
	if (atomic_load(&fs->errors))
		s->state |= SUPER_ERROR;
	if (fs->checksums)
		s->checksum = super_checksum(s);
}

void ext4_super_update(struct journal_handle *h, struct ext4_fs *fs)
{
	super_refresh(fs);
	journal_dirty(h, fs->super_buffer);
}

/* Where blocks are given out in clusters, a group has as many of these as its bitmap has bits; nobody writes there, so only the counts must be understood. */
static bool clusters_ok(struct ext4_fs *fs, const struct ext4_disk_super *s)
{
	u32 most = fs->block_size * 8;

	fs->cluster_shift = 0;
	if (!(fs->ro_compat & RO_BIGALLOC))
		return s->log_cluster_size == s->log_block_size && fs->blocks_per_group <= most;
	if (s->log_cluster_size < s->log_block_size || s->log_cluster_size > EXT4_LOG_CLUSTER_MAX || !s->clusters_per_group || s->clusters_per_group > most)
		return false;
	fs->cluster_shift = s->log_cluster_size - s->log_block_size;
	return fs->blocks_per_group == (u64)s->clusters_per_group << fs->cluster_shift;
}

static int check_super(struct ext4_fs *fs, const struct ext4_disk_super *s)
{
	const char *name = fs->dev->name;
	u64 size;

	if (s->magic != EXT4_MAGIC)
		return -EINVAL;
	fs->compat = s->revision ? s->compat : 0;
	fs->incompat = s->revision ? s->incompat : 0;
	fs->ro_compat = s->revision ? s->ro_compat : 0;
	if (fs->incompat & ~INCOMPAT_KNOWN) {
		tell_features(fs, "cannot be mounted because of features that are not known", fs->incompat & ~INCOMPAT_KNOWN, incompat_names, ARRAY_SIZE(incompat_names));
		return -EINVAL;
	}
	if (fs->ro_compat & RO_METADATA_CSUM && s->checksum != super_checksum(s)) {
		pr_err("EXT4-fs (%s): the superblock has a wrong checksum\n", name);
		return -EUCLEAN;
	}
	if (s->log_block_size > 2) {
		pr_err("EXT4-fs (%s): blocks of %lu bytes are more than a page\n", name, s->log_block_size < 20 ? 1024ul << s->log_block_size : 0ul);
		return -EINVAL;
	}
	fs->block_shift = 10 + s->log_block_size;
	fs->block_size = 1u << fs->block_shift;
	fs->super_block = super_at(fs) / fs->block_size;
	if (fs->block_size < fs->dev->disk->logical_size) {
		pr_err("EXT4-fs (%s): bad block size %u\n", name, fs->block_size);
		return -EINVAL;
	}
	fs->blocks = s->blocks_lo | (fs->incompat & INCOMPAT_64BIT ? (u64)s->blocks_hi << 32 : 0);
	fs->first_data_block = s->first_data_block;
	fs->blocks_per_group = s->blocks_per_group;
	fs->inodes_per_group = s->inodes_per_group;
	fs->inodes = s->inodes;
	fs->inode_size = s->revision ? s->inode_size : EXT4_GOOD_INODE_SIZE;
	fs->first_ino = s->revision ? s->first_ino : 11;
	fs->desc_size = fs->incompat & INCOMPAT_64BIT ? s->desc_size : 32;
	size = fs->dev->sectors / (fs->block_size / SECTOR_SIZE);
	if (fs->inode_size < EXT4_GOOD_INODE_SIZE || fs->inode_size > fs->block_size || fs->inode_size & (fs->inode_size - 1) || fs->desc_size < 32 ||
	    fs->desc_size > fs->block_size || fs->desc_size & (fs->desc_size - 1) || (fs->incompat & INCOMPAT_64BIT && fs->desc_size < 64) ||
	    fs->first_data_block != (fs->block_size == 1024 && !s->log_cluster_size ? 1 : 0) || !fs->blocks_per_group || fs->blocks_per_group % 8 || !clusters_ok(fs, s) ||
	    !fs->inodes_per_group || fs->inodes_per_group > fs->block_size * 8 || fs->inodes_per_group % 8 || fs->blocks <= fs->first_data_block + 1 ||
	    fs->first_ino < 11 || fs->first_ino > fs->inodes) {
		pr_err("EXT4-fs (%s): the superblock makes no sense\n", name);
		return -EUCLEAN;
	}
	if (fs->blocks > size) {
		pr_err("EXT4-fs (%s): %lu blocks, and the device has %lu\n", name, fs->blocks, size);
		return -EINVAL;
	}
	fs->inodes_per_block = fs->block_size / fs->inode_size;
	fs->desc_per_block = fs->block_size / fs->desc_size;
	size = DIV_ROUND_UP(fs->blocks - fs->first_data_block, (u64)fs->blocks_per_group);
	if (size > UINT32_MAX / fs->inodes_per_group || size * fs->inodes_per_group != fs->inodes || s->inodes_per_group < fs->inodes_per_block) {
		pr_err("EXT4-fs (%s): %u inodes do not fit its groups\n", name, fs->inodes);
		return -EUCLEAN;
	}
	fs->groups = (u32)size;
	return 0;
}

static void read_rest(struct ext4_fs *fs)
{
	const struct ext4_disk_super *s = disk_super(fs);

	fs->checksums = fs->ro_compat & RO_METADATA_CSUM;
	fs->group_checksums = fs->ro_compat & (RO_METADATA_CSUM | RO_GDT_CSUM);
	fs->seed = crc32c(~0u, s->uuid, sizeof(s->uuid));
	if (fs->incompat & INCOMPAT_CSUM_SEED)
		memcpy(&fs->seed, (const char *)s + EXT4_SUPER_CHECKSUM_SEED, 4);
	memcpy(fs->hash_seed, s->hash_seed, sizeof(fs->hash_seed));
	fs->hash_version = s->hash_version <= HASH_TEA ? s->hash_version : HASH_HALF_MD4;
	fs->hash_unsigned = s->flags & FLAG_UNSIGNED_HASH;
	fs->reserved_blocks = s->reserved_lo | (fs->incompat & INCOMPAT_64BIT ? (u64)s->reserved_hi << 32 : 0);
	/* As Linux does, so that df says the same: for what writing must not fail for. */
	fs->kept_blocks = fs->incompat & INCOMPAT_EXTENTS ? MIN((fs->blocks >> fs->cluster_shift) / 50, 4096ul) << fs->cluster_shift : 0;
	fs->generation = time_now_coarse().nsec ^ s->write_time;
}

static int read_super(struct ext4_fs *fs)
{
	/* It may be in the middle of a block of the device. */
	u32 unit = MAX(fs->dev->disk->logical_size, 1024u), skip = (u32)(super_at(fs) % unit);
	char *blocks = kmalloc(unit, 0);
	int err = blocks ? block_rw(fs->dev, BLOCK_READ, (super_at(fs) - skip) / SECTOR_SIZE, blocks, unit) : -ENOMEM;

	if (err)
		pr_err("EXT4-fs (%s): the superblock cannot be read\n", fs->dev->name);
	else
		err = check_super(fs, (void *)(blocks + skip));
	kfree(blocks);
	if (err)
		return err;
	fs->super_offset = (u32)(super_at(fs) % fs->block_size);
	fs->super_buffer = buffer_read(fs->dev, fs->super_block, fs->block_size);
	if (IS_ERR(fs->super_buffer)) {
		err = (int)PTR_ERR(fs->super_buffer);
		fs->super_buffer = NULL;
		return err;
	}
	read_rest(fs);
	return 0;
}

/* --- the journal ---------------------------------------------------------------------------------------------------------------- */

/* Where the journal's blocks are, one by one. ERR_PTR. */
static u64 *journal_blocks(struct ext4_fs *fs, struct inode *i, u32 *count)
{
	u32 n = (u32)(i->size >> fs->block_shift);
	u64 *blocks;

	if (!n || i->size >> fs->block_shift > fs->blocks || !S_ISREG(i->mode))
		return ERR_PTR(-EUCLEAN);
	blocks = kmap_alloc(n * sizeof(*blocks), 0);
	if (!blocks)
		return ERR_PTR(-ENOMEM);
	for (u32 at = 0; at < n;) {
		struct ext4_map m;
		int err = ext4_map_blocks(i, at, n - at, &m);

		if (err || !m.block) {
			kmap_free(blocks);
			return ERR_PTR(err ? err : -EUCLEAN);
		}
		for (u32 k = 0; k < m.length; k++)
			blocks[at + k] = m.block + k;
		at += m.length;
	}
	*count = n;
	return blocks;
}

/* The log may hold what the blocks do not: as they are they may be looked at, but not written. What statfs says does not depend on the option. */
static int leave_journal(struct ext4_fs *fs, bool read_only)
{
	u32 ino = disk_super(fs)->journal_ino;
	struct inode *i = ino ? ext4_iget(fs->sb, ino) : NULL;

	if (i && !IS_ERR(i)) {
		fs->journal_size = i->size >> fs->block_shift;
		inode_put(i);
	}
	if (!(fs->incompat & INCOMPAT_RECOVER) || read_only)
		return 0;
	pr_err("EXT4-fs (%s): it needs recovery: with noload it can be mounted read-only\n", fs->dev->name);
	return -EINVAL;
}

static int open_journal(struct ext4_fs *fs, bool read_only)
{
	struct inode *i;
	struct journal_setup s = { .dev = fs->dev, .block_size = fs->block_size, .checksums = fs->checksums, .wide = fs->incompat & INCOMPAT_64BIT,
		.read_only = read_only, .committed = ext4_blocks_committed, .aborted = aborted, .arg = fs, .name = fs->dev->name };

	if (!disk_super(fs)->journal_ino) {
		pr_err("EXT4-fs (%s): its journal is on another device, which is not supported\n", fs->dev->name);
		return -EINVAL;
	}
	i = ext4_iget(fs->sb, disk_super(fs)->journal_ino);
	if (IS_ERR(i))
		return PTR_ERR(i) == -ESTALE ? ext4_error(fs, "the journal is a free inode") : (int)PTR_ERR(i);
	s.blocks = journal_blocks(fs, i, &s.count);
	fs->journal_size = i->size >> fs->block_shift;
	inode_put(i);
	if (IS_ERR(s.blocks))
		return (int)PTR_ERR(s.blocks);
	fs->journal = journal_open(&s);
	if (IS_ERR(fs->journal)) {
		int err = (int)PTR_ERR(fs->journal);
		fs->journal = NULL;
		return err;
	}
	ext4_options_apply(fs);
	if (journal_had_error(fs->journal)) {
		pr_warn("EXT4-fs (%s): the journal was stopped by an error when it was used last\n", fs->dev->name);
		atomic_fetch_or(&fs->errors, 1u);
	}
	return 0;
}

/* The journal's blocks are nobody else's. Where it is left alone it may be damaged, and the rest be read. */
static int protect_journal(struct ext4_fs *fs)
{
	u32 ino = disk_super(fs)->journal_ino;
	struct inode *i = ext4_iget(fs->sb, ino);
	int err = IS_ERR(i) ? (int)PTR_ERR(i) : 0;
	u64 count = err ? 0 : MIN(i->size >> fs->block_shift, fs->blocks);

	for (u64 at = 0; at < count && !err;) {
		struct ext4_map m;

		err = ext4_map_blocks(i, (u32)at, (u32)(count - at), &m);
		if (!err && m.block)
			err = ext4_zones_add(fs, m.block, m.length, ino);
		at += m.length;
	}
	if (!IS_ERR(i))
		inode_put(i);
	return fs->journal ? err : 0;
}

int ext4_mark_super(struct ext4_fs *fs, bool in_use)
{
	struct ext4_disk_super *s = disk_super(fs);

	if (in_use) {
		s->mounts++;
		s->mount_time = (u32)time_now_coarse().sec;
		if (fs->journal)
			s->incompat |= INCOMPAT_RECOVER;
		else
			s->state &= (u16)~SUPER_CLEAN;
	} else {
		s->incompat &= ~(u32)INCOMPAT_RECOVER;
		s->state |= SUPER_CLEAN;
	}
	fs->incompat = s->incompat;
	super_refresh(fs);
	if (buffer_write_wait(fs->super_buffer))
		return -EIO;
	return block_flush(fs->dev);
}

int ext4_start_writing(struct ext4_fs *fs)
{
	int err;

	if (fs->in_use)
		return 0;
	if (block_device_read_only(fs->dev))
		return -EROFS;
	if (fs->ro_compat & ~RO_KNOWN) {
		tell_features(fs, "cannot be written because of features that are not known", fs->ro_compat & ~RO_KNOWN, ro_names, ARRAY_SIZE(ro_names));
		return -EROFS;
	}
	if (!fs->journal && fs->incompat & INCOMPAT_RECOVER)
		return leave_journal(fs, false);
	/* The mark first: a journal in use on a file system that does not say so is a fault to e2fsck. */
	err = ext4_mark_super(fs, true);
	if (!err && fs->journal)
		err = journal_begin(fs->journal);
	fs->in_use = !err;
	return err;
}

/* --- mounting ----------------------------------------------------------------------------------------------------------------------------- */

static struct ext4_fs *alloc_fs(struct block_device *dev)
{
	struct ext4_fs *fs = kzalloc(sizeof(*fs), 0);

	if (!fs)
		return NULL;
	fs->dev = dev;
	mutex_init(&fs->alloc_mutex, "ext4 allocation", RANK_ALLOC);
	mutex_init(&fs->orphan_mutex, "ext4 orphans", RANK_ORPHANS);
	spin_init(&fs->dirty_lock, "ext4 dirty", RANK_INODE_SPIN + 3);
	list_init(&fs->freed);
	list_init(&fs->orphans);
	list_init(&fs->dirty);
	return fs;
}

/* Everything up to the root: 0 or -errno; what was set up is taken down by ext4_put. */
static int fill(struct superblock *sb, struct ext4_fs *fs, bool read_only)
{
	u64 per;
	struct inode *root;
	int err = read_super(fs);

	if (err)
		return err;
	per = fs->block_size / 4;
	fs->max_mapped_size = MIN(sb->max_file_size, (12 + per + per * per + MIN(per * per * per, 1ul << 31)) << fs->block_shift);
	sb->max_file_size = fs->incompat & INCOMPAT_EXTENTS ? MIN(sb->max_file_size, (u64)UINT32_MAX << fs->block_shift) : fs->max_mapped_size;
	err = groups_init(fs);
	if (err)
		return err;
	if (fs->compat & COMPAT_HAS_JOURNAL && fs->opt.flags & OPT_NO_LOAD) {
		err = leave_journal(fs, read_only);
		if (err)
			return err;
	} else if (fs->compat & COMPAT_HAS_JOURNAL) {
		struct ext4_disk_super *s = disk_super(fs);
		err = open_journal(fs, read_only);
		if (err)
			return err;
		/* What was replayed may have changed all that was read. */
		if (journal_was_dirty(fs->journal)) {
			groups_destroy(fs);
			fs->free_blocks = fs->free_inodes = 0;
			/* What has been read, the superblock too, lies in buffers of the old size. */
			err = s->log_block_size + 10 == fs->block_shift ? check_super(fs, s) : -EUCLEAN;
			if (err)
				return err;
			read_rest(fs);
			err = groups_init(fs);
			if (err)
				return err;
			if (read_only && !block_device_read_only(fs->dev))
				ext4_mark_super(fs, false);
		}
	} else if (fs->incompat & INCOMPAT_RECOVER) {
		pr_err("EXT4-fs (%s): it needs recovery, and has no journal\n", fs->dev->name);
		return -EUCLEAN;
	}
	err = fs->journal ? 0 : ext4_options_without_journal(fs);
	if (!err && fs->compat & COMPAT_HAS_JOURNAL && disk_super(fs)->journal_ino)
		err = protect_journal(fs);
	if (err)
		return err;
	root = ext4_iget(sb, EXT4_ROOT_INO);
	if (IS_ERR(root))
		return PTR_ERR(root) == -ESTALE ? ext4_error(fs, "the root is a free inode") : (int)PTR_ERR(root);
	if (!S_ISDIR(root->mode) || !root->size) {
		inode_put(root);
		return ext4_error(fs, "the root is no directory");
	}
	sb->root = dentry_make_root(root);
	return sb->root ? 0 : -ENOMEM;
}

/* ext2 and ext3 are what has no extents; ext3 has a journal. */
static bool type_fits(const struct fs_type *t, const struct ext4_fs *fs)
{
	bool journal = fs->compat & COMPAT_HAS_JOURNAL, new = fs->incompat & ~(u32)(INCOMPAT_FILETYPE | INCOMPAT_RECOVER | INCOMPAT_META_BG);

	if (!strcmp(t->name, "ext2"))
		return !new && !journal;
	return strcmp(t->name, "ext3") || (!new && journal);
}

static struct superblock *ext4_mount(const struct fs_type *t, const char *source, u32 flags, const char *options)
{
	struct block_device *dev = block_device_of_path(source);
	struct superblock *sb;
	struct ext4_fs *fs;
	bool read_only = flags & MS_RDONLY;
	int err;

	if (IS_ERR(dev))
		return (struct superblock *)dev;
	sb = superblock_find(t, dev->dev);
	if (sb)
		return (sb->flags ^ flags) & MS_RDONLY ? ERR_PTR(-EBUSY) : sb;
	fs = alloc_fs(dev);
	if (!fs)
		return ERR_PTR(-ENOMEM);
	err = block_device_claim(dev, fs, !read_only);
	if (err) {
		kfree(fs);
		return ERR_PTR(err);
	}
	sb = superblock_alloc(t);
	if (!sb) {
		block_device_release(dev, fs);
		kfree(fs);
		return ERR_PTR(-ENOMEM);
	}
	fs->sb = sb;
	sb->private = fs;
	sb->dev = dev->dev;
	sb->flags = flags | MS_RDONLY;
	sb->ops = &ext4_super_ops;
	ext4_options_init(&fs->opt);
	err = ext4_options_parse(fs, options);
	if (!err)
		err = fill(sb, fs, read_only);
	if (!err && !type_fits(t, fs))
		err = -EINVAL;
	if (!err && !read_only && fs->ro_compat & ~RO_KNOWN) {
		tell_features(fs, "mounted read-only because of features that are not known", fs->ro_compat & ~RO_KNOWN, ro_names, ARRAY_SIZE(ro_names));
		read_only = true;
		if (fs->journal && journal_was_dirty(fs->journal) && !block_device_read_only(dev))
			ext4_mark_super(fs, false);
	}
	if (!err && !read_only) {
		err = ext4_start_writing(fs);
		if (!err) {
			atomic_fetch_and(&sb->flags, ~MS_RDONLY);
			ext4_orphans_clean(fs);
		}
	}
	if (err) {
		superblock_put(sb);
		return ERR_PTR(err);
	}
	if (disk_super(fs)->state & SUPER_ERROR)
		pr_warn("EXT4-fs (%s): it has errors, and is to be checked by e2fsck\n", dev->name);
	printk("EXT4-fs (%s): mounted as %s, %s\n", dev->name, t->name, sb->flags & MS_RDONLY ? "read-only" : fs->journal ? "ordered" : "without a journal");
	return sb;
}

FS_TYPE(ext4, .name = "ext4", .magic = EXT4_MAGIC, .mount = ext4_mount);
FS_TYPE(ext3, .name = "ext3", .magic = EXT4_MAGIC, .mount = ext4_mount);
FS_TYPE(ext2, .name = "ext2", .magic = EXT4_MAGIC, .mount = ext4_mount);

SUBSYSTEM(ext4, .needs = "block writeback", .init = ext4_inodes_init, .stage = "10-disk");
