/*
 * Inodes in memory: the table of them, how one gets there and leaves again, and which are held. What an inode is on the disk is in inode.c.
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

/* --- the table ------------------------------------------------------------------------------------------------------------------- */

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

/* hash_lock held: is it being read or evicted? */
static bool comes_or_goes(const struct inode *i)
{
	return ext4_i(i)->is_new || !refcount_read(&i->ref);
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
	busy = i && comes_or_goes(i);
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
	spin_init(&ei->record_lock, "ext4 record", RANK_INODE_SPIN - 1);
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

/* A new inode of that number into the table, to be filled: 0, -EBUSY for one that is being read or evicted, -EEXIST for one in use, or -ENOMEM. */
static int table_add(struct superblock *sb, u32 ino, struct inode **out)
{
	struct inode *i = alloc_inode(sb, ino), *other;
	int err;

	if (!i)
		return -ENOMEM;
	ext4_i(i)->is_new = true;
	spin_lock(&hash_lock);
	other = table_find(sb, ino);
	err = !other ? 0 : comes_or_goes(other) ? -EBUSY : -EEXIST;
	if (!err)
		hlist_add(bucket(sb, ino), &i->hash);
	spin_unlock(&hash_lock);
	if (err)
		inode_put(i);
	else
		*out = i;
	return err;
}

static void ready(struct inode *i)
{
	spin_lock(&hash_lock);
	ext4_i(i)->is_new = false;
	spin_unlock(&hash_lock);
	wait_wake_all(&hash_wait);
}

/* --- old and new inodes ------------------------------------------------------------------------------------------------------------- */

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
			err = table_add(sb, ino, &i);
			if (!err)
				break;
			if (err == -ENOMEM)
				return ERR_PTR(err);
		}
		wait_event(&hash_wait, !is_busy(sb, ino));
	}
	ext4_i(i)->on_orphan_list = orphan;
	err = ext4_inode_block(fs, ino, &b, &offset, false);
	if (!err) {
		err = ext4_inode_parse(fs, i, b->data + offset);
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
	u32 ino, offset;
	int err = ext4_alloc_inode(h, dir, mode, &ino);

	if (err)
		return ERR_PTR(err);
	/* One that was just deleted may still be on its way out of the table. */
	while ((err = table_add(dir->sb, ino, &i)) == -EBUSY)
		wait_event(&hash_wait, !is_busy(dir->sb, ino));
	if (err == -EEXIST)
		return ERR_PTR(ext4_error(fs, "inode %u is free by the bitmap, and in use", ino));
	if (err) {
		ext4_free_inode(h, fs, ino, mode);
		return ERR_PTR(err);
	}
	ei = ext4_i(i);
	inode_init_owner(i, dir, mode);
	/* Option grpid: as BSD does, whatever the directory's mode says. */
	if (ext4_options_flags(fs) & OPT_GRPID) {
		i->mode = mode;
		i->gid = dir->gid;
	}
	i->rdev = rdev;
	ei->flags = inherited_flags(dir, mode);
	ei->generation = atomic_fetch_add(&fs->generation, 1u);
	ext4_inode_seed(fs, ei, ino);
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
	ext4_inode_set_up(i);
	err = ext4_new_inode_block(fs, ino, &b, &offset);
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
	err = ext4_xattr_free(h, i);
	if (!err && (S_ISREG(i->mode) || S_ISDIR(i->mode) || (S_ISLNK(i->mode) && i->blocks))) {
		i->size = ext4_i(i)->disk_size = 0;
		err = ext4_map_remove(h, i, 0, ~0u);
	}
	if (err) {
		/* As long as it is not free, and on the list, its blocks are not lost. */
		ext4_error(fs, "inode %lu is left to the next mount to delete: error %d", i->ino, err);
		journal_stop(h);
		return;
	}
	journal_extend(h, CREDITS_NEW_INODE);
	ext4_orphan_del(h, i);
	if (!ext4_free_inode(h, fs, (u32)i->ino, i->mode) && !ext4_inode_block(fs, (u32)i->ino, &b, &offset, false)) {
		if (!journal_access(h, b)) {
			((struct ext4_disk_inode *)(b->data + offset))->dtime = (u32)time_now_coarse().sec;
			ext4_inode_unparse(fs, i, b->data + offset);
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
