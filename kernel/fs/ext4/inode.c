/*
 * Inodes: from their block and back, the table of those in memory, and which are held.
 *
 * An inode is written to its block (in the journal) whenever an operation changes it; only times may be newer in memory (times_dirty). An inode
 * whose times or pages are not on their way yet is *held*: the list of dirty inodes counts a reference. So the last reference of an inode with a name goes only
 * when there is nothing left to be written, whoever gives it up, the reclaimer included. What is left for the eviction is to delete inodes
 * without a name, and those are let go by programs, with no locks held.
 *
 * An inode that is being read or evicted is in the table; who looks for it waits until that is over.
 */
#include "ext4_priv.h"

#include "lib/hash.h"

#define BUCKETS 4096

static struct spinlock hash_lock = SPINLOCK_INIT("ext4 inodes", RANK_INODE_SPIN + 2);
static struct hlist_head table[BUCKETS]; /* hash_lock */
static struct wait_queue hash_wait;
static struct slab_cache info_cache;

/* --- times ----------------------------------------------------------------------------------------------------------------- */

/* extra: two bits of seconds, and nanoseconds; 0 where there is no such field. */
static struct timespec read_time(u32 seconds, u32 extra)
{
	return (struct timespec){ .sec = (s32)seconds + ((s64)(extra & 3) << 32), .nsec = MIN(extra >> 2, 999999999u) };
}

static u32 extra_of(struct timespec t)
{
	return (u32)((t.sec - (s32)t.sec) >> 32 & 3) | t.nsec << 2;
}

/* Does the inode on the disk have this field past the old 128 bytes? */
#define HAS(ei, field) (EXT4_GOOD_INODE_SIZE + (ei)->extra_isize >= offsetof(struct ext4_disk_inode, field) + sizeof(((struct ext4_disk_inode *)0)->field))

/* --- the block -------------------------------------------------------------------------------------------------------------- */

int ext4_inode_block(struct ext4_fs *fs, u32 ino, struct buffer **b, u32 *offset, bool fresh)
{
	u32 group = (ino - 1) / fs->inodes_per_group, index = (ino - 1) % fs->inodes_per_group;
	u64 block;

	if (!ino || ino > fs->inodes)
		return -EUCLEAN;
	block = desc_inode_table(fs, ext4_desc(fs, group, NULL)) + index / fs->inodes_per_block;
	*offset = index % fs->inodes_per_block * fs->inode_size;
	if (fresh) {
		*b = buffer_new(fs->dev, block, fs->block_size);
		return *b ? 0 : -ENOMEM;
	}
	*b = buffer_find(fs->dev, block);
	if (*b && (*b)->flags & BUFFER_UPTODATE)
		return 0;
	buffer_put(*b);
	/* Its neighbours are mostly wanted soon. */
	buffer_read_ahead(fs->dev, ALIGN_DOWN(block, 8ul), 8, fs->block_size);
	*b = ext4_read(fs, block);
	return IS_ERR(*b) ? (int)PTR_ERR(*b) : 0;
}

static u32 inode_checksum(const struct ext4_fs *fs, const struct ext4_inode *ei, const u8 *raw)
{
	u32 lo = offsetof(struct ext4_disk_inode, checksum_lo), hi = offsetof(struct ext4_disk_inode, checksum_hi), crc;
	u16 zero = 0;

	crc = crc32c(ei->seed, raw, lo);
	crc = crc32c(crc, &zero, 2);
	if (fs->inode_size == EXT4_GOOD_INODE_SIZE)
		return crc32c(crc, raw + lo + 2, fs->inode_size - lo - 2) & 0xffff;
	if (!HAS(ei, checksum_hi))
		return crc32c(crc, raw + lo + 2, fs->inode_size - lo - 2) & 0xffff;
	crc = crc32c(crc, raw + lo + 2, hi - lo - 2);
	crc = crc32c(crc, &zero, 2);
	return crc32c(crc, raw + hi + 2, fs->inode_size - hi - 2);
}

static bool checksum_ok(const struct ext4_fs *fs, const struct ext4_inode *ei, const u8 *raw)
{
	const struct ext4_disk_inode *d = (const void *)raw;
	u32 stored = d->checksum_lo;

	if (!fs->checksums)
		return true;
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE && HAS(ei, checksum_hi))
		stored |= (u32)d->checksum_hi << 16;
	return inode_checksum(fs, ei, raw) == stored;
}

static void set_seed(const struct ext4_fs *fs, struct ext4_inode *ei, u32 ino)
{
	ei->seed = crc32c(crc32c(fs->seed, &ino, 4), &ei->generation, 4);
}

void ext4_set_inode_ops(struct inode *i)
{
	switch (i->mode & S_IFMT) {
	case S_IFREG:
		i->ops = &ext4_file_inode_ops;
		i->fops = &ext4_file_ops;
		i->cache.ops = &ext4_cache_ops;
		break;
	case S_IFDIR:
		i->ops = &ext4_dir_inode_ops;
		i->fops = &ext4_dir_file_ops;
		break;
	case S_IFLNK:
		i->ops = &ext4_link_inode_ops;
		break;
	default:
		i->ops = &ext4_special_inode_ops;
	}
}

static void set_vfs_flags(struct inode *i)
{
	u32 f = ext4_i(i)->flags;

	i->flags |= (f & FL_IMMUTABLE ? INODE_IMMUTABLE : 0) | (f & FL_APPEND ? INODE_APPEND : 0) | (f & FL_NODUMP ? INODE_NODUMP : 0) | (f & FL_NOATIME ? INODE_NOATIME : 0);
}

/* Fills the inode from its record: 0, -ESTALE for one that is free, -EUCLEAN. */
static int parse(struct ext4_fs *fs, struct inode *i, const u8 *raw)
{
	const struct ext4_disk_inode *d = (const void *)raw;
	struct ext4_inode *ei = ext4_i(i);
	u64 size = d->size_lo | (u64)d->size_hi << 32;

	ei->generation = d->generation;
	set_seed(fs, ei, (u32)i->ino);
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE) {
		ei->extra_isize = d->extra_isize;
		if (ei->extra_isize % 4 || EXT4_GOOD_INODE_SIZE + ei->extra_isize > fs->inode_size)
			return ext4_error(fs, "inode %lu: its size of %u more bytes makes no sense", i->ino, d->extra_isize);
	}
	if (!checksum_ok(fs, ei, raw))
		return ext4_error(fs, "inode %lu has a wrong checksum", i->ino);
	i->mode = d->mode;
	i->uid = d->uid | (u32)d->uid_hi << 16;
	i->gid = d->gid | (u32)d->gid_hi << 16;
	i->nlink = d->links;
	ei->flags = d->flags;
	if (!i->nlink && (!i->mode || !ei->on_orphan_list))
		return -ESTALE;
	i->blocks = d->blocks_lo;
	if (fs->ro_compat & RO_HUGE_FILE) {
		i->blocks |= (u64)d->blocks_hi << 32;
		if (d->flags & FL_HUGE_FILE)
			i->blocks *= fs->block_size / 512;
	}
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		size = d->size_lo;
	if (S_ISDIR(i->mode) && (size % fs->block_size || size >> 32))
		return ext4_error(fs, "directory %lu: its size %lu makes no sense", i->ino, size);
	if (size > i->sb->max_file_size)
		return ext4_error(fs, "inode %lu: its size %lu makes no sense", i->ino, size);
	i->size = ei->disk_size = size;
	ei->file_acl = d->file_acl_lo | (fs->incompat & INCOMPAT_64BIT ? (u64)d->file_acl_hi << 32 : 0);
	if (ei->file_acl && !block_valid(fs, ei->file_acl, 1))
		return ext4_error(fs, "inode %lu: its attributes are in block %lu, which is not there", i->ino, ei->file_acl);
	if (ei->flags & (FL_INLINE_DATA | FL_EA_INODE))
		return ext4_error(fs, "inode %lu has flags %x, which the file system has no feature for", i->ino, ei->flags);
	memcpy(ei->data, d->block, sizeof(ei->data));
	i->atime = read_time(d->atime, HAS(ei, atime_extra) ? d->atime_extra : 0);
	i->mtime = read_time(d->mtime, HAS(ei, mtime_extra) ? d->mtime_extra : 0);
	i->ctime = read_time(d->ctime, HAS(ei, ctime_extra) ? d->ctime_extra : 0);
	i->btime = HAS(ei, crtime) ? read_time(d->crtime, HAS(ei, crtime_extra) ? d->crtime_extra : 0) : i->ctime;
	switch (i->mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		i->rdev = ei->data[0] ? abi_makedev(ei->data[0] >> 8 & 255, ei->data[0] & 255) : ei->data[1];
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return ext4_error(fs, "inode %lu: its mode %o makes no sense", i->ino, i->mode);
	}
	if (ei->flags & FL_EXTENTS && !(fs->incompat & INCOMPAT_EXTENTS))
		return ext4_error(fs, "inode %lu has extents, which the file system has no feature for", i->ino);
	set_vfs_flags(i);
	ext4_set_inode_ops(i);
	return 0;
}

/* The inode into its record. */
static void unparse(struct ext4_fs *fs, struct inode *i, u8 *raw)
{
	struct ext4_disk_inode *d = (void *)raw;
	struct ext4_inode *ei = ext4_i(i);
	u64 blocks = i->blocks;
	u32 crc;

	d->mode = (u16)i->mode;
	d->uid = (u16)i->uid;
	d->uid_hi = (u16)(i->uid >> 16);
	d->gid = (u16)i->gid;
	d->gid_hi = (u16)(i->gid >> 16);
	d->links = S_ISDIR(i->mode) && i->nlink > EXT4_LINK_MAX ? 1 : (u16)i->nlink;
	d->flags = ei->flags & ~FL_HUGE_FILE;
	if (blocks >> 32 && fs->ro_compat & RO_HUGE_FILE && blocks >> 48) {
		d->flags |= FL_HUGE_FILE;
		blocks /= fs->block_size / 512;
	}
	ei->flags = d->flags;
	d->blocks_lo = (u32)blocks;
	d->blocks_hi = (u16)(blocks >> 32);
	d->size_lo = (u32)ei->disk_size;
	d->size_hi = (u32)(ei->disk_size >> 32);
	d->generation = ei->generation;
	d->file_acl_lo = (u32)ei->file_acl;
	d->file_acl_hi = (u16)(ei->file_acl >> 32);
	memcpy(d->block, ei->data, sizeof(ei->data));
	spin_lock(&i->spin);
	d->atime = (u32)i->atime.sec;
	d->mtime = (u32)i->mtime.sec;
	d->ctime = (u32)i->ctime.sec;
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE) {
		d->extra_isize = ei->extra_isize;
		if (HAS(ei, atime_extra)) {
			d->ctime_extra = extra_of(i->ctime);
			d->mtime_extra = extra_of(i->mtime);
			d->atime_extra = extra_of(i->atime);
		}
		if (HAS(ei, crtime_extra)) {
			d->crtime = (u32)i->btime.sec;
			d->crtime_extra = extra_of(i->btime);
		}
	}
	spin_unlock(&i->spin);
	if (!fs->checksums)
		return;
	crc = inode_checksum(fs, ei, raw);
	d->checksum_lo = (u16)crc;
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE && HAS(ei, checksum_hi))
		d->checksum_hi = (u16)(crc >> 16);
}

int ext4_update_inode(struct journal_handle *h, struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	struct buffer *b;
	u32 offset;
	int err = ext4_inode_block(fs, (u32)i->ino, &b, &offset, false);

	if (err)
		return err;
	err = journal_access(h, b);
	if (!err) {
		WRITE_ONCE(ei->times_dirty, false);
		unparse(fs, i, b->data + offset);
		journal_dirty(h, b);
		ei->sync_tid = journal_tid(h);
	}
	buffer_put(b);
	return err;
}

/* --- in memory ---------------------------------------------------------------------------------------------------------------- */

static struct hlist_head *bucket(const struct superblock *sb, u64 ino)
{
	return &table[hash_u64(ino ^ (u64)sb << 4) % BUCKETS];
}

/* hash_lock held. */
static struct inode *table_find(const struct superblock *sb, u64 ino)
{
	hlist_for_each(p, bucket(sb, ino)) {
		struct inode *i = container_of(p, struct inode, hash);
		if (i->ino == ino && i->sb == sb)
			return i;
	}
	return NULL;
}

/* Found and ready: counted. *busy: it is there, and is being read or evicted. */
static struct inode *table_get(const struct superblock *sb, u64 ino, bool *busy)
{
	struct inode *i;

	spin_lock(&hash_lock);
	i = table_find(sb, ino);
	*busy = i && (ext4_i(i)->is_new || !refcount_get_unless_zero(&i->ref));
	spin_unlock(&hash_lock);
	return *busy ? NULL : i;
}

static bool is_busy(const struct superblock *sb, u64 ino)
{
	struct inode *i;
	bool busy;

	spin_lock(&hash_lock);
	i = table_find(sb, ino);
	busy = i && (ext4_i(i)->is_new || !refcount_read(&i->ref));
	spin_unlock(&hash_lock);
	return busy;
}

static struct inode *alloc_inode(struct superblock *sb, u32 ino)
{
	struct ext4_inode *ei = slab_alloc(&info_cache, 0);
	struct inode *i = ei ? inode_alloc(sb) : NULL;

	if (!i) {
		if (ei)
			slab_free(&info_cache, ei);
		return NULL;
	}
	memset(ei, 0, sizeof(*ei));
	ei->inode = i;
	ei->journal.inode = i;
	rwlock_init(&ei->map_lock, "ext4 map", RANK_MAP);
	spin_init(&ei->last_lock, "ext4 extent", RANK_INODE_SPIN + 1);
	list_init(&ei->journal.link);
	list_init(&ei->orphan);
	list_init(&ei->dirty_link);
	i->private = ei;
	i->ino = ino;
	i->blksize = ext4_fs(sb)->block_size;
	return i;
}

static void free_info(struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);

	kfree(ei->link_text);
	slab_free(&info_cache, ei);
	i->private = NULL;
}

static void table_remove(struct inode *i)
{
	spin_lock(&hash_lock);
	hlist_del(&i->hash);
	spin_unlock(&hash_lock);
	wait_wake_all(&hash_wait);
}

/* A new inode of that number into the table, to be filled; NULL with *busy: somebody was quicker. */
static struct inode *table_add(struct superblock *sb, u32 ino, bool *busy)
{
	struct inode *i = alloc_inode(sb, ino);

	*busy = false;
	if (!i)
		return NULL;
	ext4_i(i)->is_new = true;
	spin_lock(&hash_lock);
	*busy = table_find(sb, ino);
	if (!*busy)
		hlist_add(bucket(sb, ino), &i->hash);
	spin_unlock(&hash_lock);
	if (!*busy)
		return i;
	inode_put(i);
	return NULL;
}

static void ready(struct inode *i)
{
	spin_lock(&hash_lock);
	ext4_i(i)->is_new = false;
	spin_unlock(&hash_lock);
	wait_wake_all(&hash_wait);
}

static struct inode *iget(struct superblock *sb, u32 ino, bool orphan)
{
	struct ext4_fs *fs = ext4_fs(sb);
	struct inode *i;
	struct buffer *b;
	bool busy;
	u32 offset;
	int err;

	if (!ino || ino > fs->inodes || (ino < fs->first_ino && ino != EXT4_ROOT_INO && ino != EXT4_JOURNAL_INO))
		return ERR_PTR(ext4_error(fs, "inode number %u is asked for", ino));
	for (;;) {
		i = table_get(sb, ino, &busy);
		if (i)
			return i;
		if (!busy) {
			i = table_add(sb, ino, &busy);
			if (i)
				break;
			if (!busy)
				return ERR_PTR(-ENOMEM);
		}
		wait_event(&hash_wait, !is_busy(sb, ino));
	}
	ext4_i(i)->on_orphan_list = orphan;
	err = ext4_inode_block(fs, ino, &b, &offset, false);
	if (!err) {
		err = parse(fs, i, b->data + offset);
		buffer_put(b);
		/* It may have been in memory before, and what it is may wait for its commit still. */
		if (fs->journal)
			ext4_i(i)->sync_tid = ext4_i(i)->data_tid = journal_open_tid(fs->journal);
	}
	ext4_i(i)->on_orphan_list = false;
	if (!err) {
		ready(i);
		return i;
	}
	/* What was not read is nothing to be deleted. */
	i->nlink = 1;
	i->cache.ops = NULL;
	ready(i);
	inode_put(i);
	return ERR_PTR(err);
}

struct inode *ext4_iget(struct superblock *sb, u32 ino)
{
	return iget(sb, ino, false);
}

struct inode *ext4_iget_orphan(struct superblock *sb, u32 ino)
{
	return iget(sb, ino, true);
}

static u32 inherited_flags(const struct inode *dir, u32 mode)
{
	u32 f = dir ? ext4_i(dir)->flags & FL_INHERIT : 0;

	return S_ISDIR(mode) ? f : f & ~(u32)FL_SYNC;
}

struct inode *ext4_new_inode(struct journal_handle *h, struct inode *dir, u32 mode, u64 rdev)
{
	struct ext4_fs *fs = fs_of(dir);
	struct ext4_inode *ei;
	struct inode *i;
	struct buffer *b;
	bool busy;
	u32 ino, offset;
	int err = ext4_alloc_inode(h, dir, mode, &ino);

	if (err)
		return ERR_PTR(err);
	/* One that was just deleted may still be on its way out of the table. */
	while (!(i = table_add(dir->sb, ino, &busy))) {
		if (!busy)
			return ERR_PTR(-ENOMEM);
		if (!is_busy(dir->sb, ino))
			return ERR_PTR(ext4_error(fs, "inode %u is free by the bitmap, and in use", ino));
		wait_event(&hash_wait, !is_busy(dir->sb, ino));
	}
	ei = ext4_i(i);
	inode_init_owner(i, dir, mode);
	i->rdev = rdev;
	ei->flags = inherited_flags(dir, mode);
	ei->generation = atomic_fetch_add(&fs->generation, 1u);
	set_seed(fs, ei, ino);
	if (fs->inode_size > EXT4_GOOD_INODE_SIZE)
		ei->extra_isize = MIN(32u, fs->inode_size - EXT4_GOOD_INODE_SIZE);
	if (fs->incompat & INCOMPAT_EXTENTS && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode))) {
		ei->flags |= FL_EXTENTS;
		extent_root_init(ei);
	}
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		if (abi_major(rdev) < 256 && abi_minor(rdev) < 256)
			ei->data[0] = abi_major(rdev) << 8 | abi_minor(rdev);
		else
			ei->data[1] = (u32)rdev;
	}
	set_vfs_flags(i);
	ext4_set_inode_ops(i);
	err = ext4_inode_block(fs, ino, &b, &offset, !ext4_inode_neighbours(fs, ino));
	if (!err) {
		err = journal_access(h, b);
		if (!err) {
			memset(b->data + offset, 0, fs->inode_size);
			journal_dirty(h, b);
		}
		buffer_put(b);
	}
	if (!err)
		err = ext4_update_inode(h, i);
	/* That it is there at all is for fdatasync too. */
	ei->data_tid = ei->sync_tid;
	ready(i);
	if (!err)
		return i;
	i->nlink = 0;
	inode_put(i);
	return ERR_PTR(err);
}

/* --- held inodes ---------------------------------------------------------------------------------------------------------------- */

void ext4_hold(struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	bool add;

	if (!ei || READ_ONCE(ei->held) || !i->nlink)
		return;
	spin_lock(&fs->dirty_lock);
	add = !ei->held && refcount_get_unless_zero(&i->ref);
	if (add) {
		ei->held = true;
		list_add_tail(&fs->dirty, &ei->dirty_link);
	}
	spin_unlock(&fs->dirty_lock);
}

void ext4_drop_hold(struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	bool drop;

	spin_lock(&fs->dirty_lock);
	drop = ei->held;
	ei->held = false;
	list_del(&ei->dirty_link);
	spin_unlock(&fs->dirty_lock);
	if (drop)
		inode_put(i);
}

void ext4_touched(struct inode *i)
{
	struct ext4_inode *ei = ext4_i(i);

	if (!ei || ei->times_dirty)
		return;
	WRITE_ONCE(ei->times_dirty, true);
	ext4_hold(i);
}

int ext4_write_inode(struct inode *i, bool wait)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	struct journal_handle *h;
	int err = 0;

	if (READ_ONCE(ei->times_dirty) && i->nlink && !(i->sb->flags & MS_RDONLY)) {
		h = ext4_start(fs, CREDITS_INODE);
		if (IS_ERR(h))
			return (int)PTR_ERR(h);
		h->sync |= wait;
		err = ext4_update_inode(h, i);
		if (journal_stop(h) && !err)
			err = -EIO;
	}
	/* Pages on their way count as well: sync waits for those of held inodes. */
	if (!READ_ONCE(i->cache.dirty) && !atomic_load(&i->cache.writing) && !READ_ONCE(ei->times_dirty))
		ext4_drop_hold(i);
	return err;
}

/* --- the last reference went ------------------------------------------------------------------------------------------------------ */

static void delete_inode(struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct journal_handle *h;
	struct buffer *b;
	u32 offset;
	int err;

	h = ext4_start(fs, CREDITS_MAP + 2 * CREDITS_ALLOC + CREDITS_NEW_INODE);
	if (IS_ERR(h))
		return;
	ext4_write_before_cut(i, 0);
	pagecache_truncate(&i->cache, 0);
	ext4_orphan_add(h, i);
	ext4_xattr_free(h, i);
	if (S_ISREG(i->mode) || S_ISDIR(i->mode) || (S_ISLNK(i->mode) && i->blocks)) {
		i->size = ext4_i(i)->disk_size = 0;
		err = ext4_map_remove(h, i, 0, ~0u);
		if (err)
			pr_err("EXT4-fs (%s): inode %lu: its blocks are not freed: error %d\n", fs->dev->name, i->ino, err);
	}
	journal_extend(h, CREDITS_NEW_INODE);
	ext4_orphan_del(h, i);
	if (!ext4_free_inode(h, i) && !ext4_inode_block(fs, (u32)i->ino, &b, &offset, false)) {
		if (!journal_access(h, b)) {
			((struct ext4_disk_inode *)(b->data + offset))->dtime = (u32)time_now_coarse().sec;
			unparse(fs, i, b->data + offset);
			journal_dirty(h, b);
		}
		buffer_put(b);
	}
	journal_stop(h);
}

void ext4_evict(struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);

	if (!ext4_i(i))
		return;
	if (!i->nlink && !(i->sb->flags & MS_RDONLY) && !ext4_i(i)->is_new)
		delete_inode(i);
	/* One that could not be deleted or cut stays on the disk's list, for the next mount. */
	mutex_lock(&fs->orphan_mutex);
	list_del(&ext4_i(i)->orphan);
	mutex_unlock(&fs->orphan_mutex);
	journal_inode_release(fs->journal, &ext4_i(i)->journal);
	pagecache_destroy(&i->cache);
	if (!hlist_unlinked(&i->hash))
		table_remove(i);
	free_info(i);
}

int ext4_inodes_init(void)
{
	wait_queue_init(&hash_wait);
	slab_cache_init(&info_cache, "ext4_inode", sizeof(struct ext4_inode), 8);
	return 0;
}
