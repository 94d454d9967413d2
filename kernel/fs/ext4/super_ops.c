/*
 * What the VFS asks of a file system that is mounted: statfs, sync, a remount, and the end of it. How it comes to be mounted is in super.c.
 */
#include "ext4_priv.h"

#include "core/registry.h"
#include "lib/format.h"

/* --- operations ------------------------------------------------------------------------------------------------------------------------ */

static int ext4_statfs(struct superblock *sb, struct abi_statfs *st)
{
	struct ext4_fs *fs = ext4_fs(sb);
	u64 overhead = fs->first_data_block;
	u64 id[2];
	u32 clusters;

	memcpy(&clusters, (const char *)disk_super(fs) + EXT4_SUPER_OVERHEAD_CLUSTERS, 4);
	for (u32 g = 0; g < fs->groups; g++)
		overhead += group_head_blocks(fs, g) + 2 + DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);
	if (fs->journal_size)
		overhead += fs->journal_size;
	if (fs->cluster_shift && clusters)
		overhead = (u64)clusters << fs->cluster_shift;
	memcpy(id, disk_super(fs)->uuid, sizeof(id));
	id[0] ^= id[1];
	st->bsize = st->frsize = fs->block_size;
	if (ext4_options_flags(fs) & OPT_MINIX_DF)
		overhead = 0;
	st->blocks = fs->blocks - MIN(overhead, fs->blocks);
	st->bfree = fs->free_blocks;
	st->bavail = fs->free_blocks - MIN(fs->free_blocks, fs->reserved_blocks + fs->kept_blocks);
	st->files = fs->inodes;
	st->ffree = fs->free_inodes;
	st->fsid[0] = (u32)id[0];
	st->fsid[1] = (u32)(id[0] >> 32);
	st->namelen = EXT4_NAME_LEN;
	return 0;
}

/* The next held inode, counted; each once a round: it goes to the end of the list. */
static struct inode *next_held(struct ext4_fs *fs, u32 *left)
{
	struct inode *i = NULL;

	spin_lock(&fs->dirty_lock);
	if (*left && !list_empty(&fs->dirty)) {
		struct ext4_inode *ei = list_first(&fs->dirty, struct ext4_inode, dirty_link);

		--*left;
		list_del(&ei->dirty_link);
		list_add_tail(&fs->dirty, &ei->dirty_link);
		i = ei->inode;
		inode_get(i);
	}
	spin_unlock(&fs->dirty_lock);
	return i;
}

static u32 count_held(struct ext4_fs *fs)
{
	struct list *l;
	u32 n = 0;

	spin_lock(&fs->dirty_lock);
	for (l = fs->dirty.next; l != &fs->dirty; l = l->next)
		n++;
	spin_unlock(&fs->dirty_lock);
	return n;
}

/* Without `wait`, now and then: times of inodes that have no dirty pages. */
static int ext4_sync(struct superblock *sb, bool wait)
{
	struct ext4_fs *fs = ext4_fs(sb);
	struct journal_handle *h;
	u32 left = count_held(fs);
	struct inode *i;
	int err = 0, e;

	if (sb->flags & MS_RDONLY)
		return 0;
	while (wait && (i = next_held(fs, &left))) {
		pagecache_writeback(&i->cache, 0, UINT64_MAX, false);
		inode_put(i);
	}
	/* A flush covers only what the disk has said to have: what was written in place is in no transaction that would wait for it. */
	left = count_held(fs);
	while ((i = next_held(fs, &left))) {
		if (wait)
			pagecache_wait_written(&i->cache);
		if (wait || !i->cache.dirty) {
			e = ext4_write_inode(i, false);
			err = err ? err : e;
		}
		inode_put(i);
	}
	if (!wait)
		return err;
	h = ext4_start(fs, 1);
	if (!IS_ERR(h)) {
		if (!journal_access(h, fs->super_buffer))
			ext4_super_update(h, fs);
		journal_stop(h);
	}
	e = fs->journal ? journal_commit_all(fs->journal, true) : buffers_sync(fs->dev);
	if (!e)
		e = block_flush(fs->dev);
	return err ? err : e;
}

static void ext4_put(struct superblock *sb)
{
	struct ext4_fs *fs = ext4_fs(sb);
	int err = 0;

	if (!fs)
		return;
	/* What could not be written is lost with this: its inodes are let go all the same. */
	while (!list_empty(&fs->dirty))
		ext4_drop_hold(list_first(&fs->dirty, struct ext4_inode, dirty_link)->inode);
	if (fs->journal)
		err = journal_close(fs->journal);
	else
		err = buffers_sync(fs->dev);
	fs->journal = NULL;
	if (fs->in_use && !err)
		ext4_mark_super(fs, false);
	groups_destroy(fs);
	buffer_put(fs->super_buffer);
	buffers_forget(fs->dev);
	block_device_release(fs->dev, fs);
	while (!list_empty(&fs->freed)) {
		struct list *l = fs->freed.next;
		list_del(l);
		kfree(l);
	}
	kfree(fs);
}

/* Is a file in use that has no name any more? It could not be deleted from a file system that is read-only by then. */
static bool has_nameless(struct ext4_fs *fs)
{
	struct ext4_inode *ei;
	bool found = false;

	mutex_lock(&fs->orphan_mutex);
	list_for_each(ei, &fs->orphans, orphan)
		found |= !ei->inode->nlink;
	mutex_unlock(&fs->orphan_mutex);
	return found;
}

/*
 * Read-only from here on, and the disk says that all is in order: it may be taken away, or written by a boot loader. The VFS lets no program change anything by now;
 * who writes times back by himself either joined a transaction before the flag, which is committed here, or is refused by ext4_start.
 */
static int go_to_rest(struct ext4_fs *fs)
{
	int err;

	atomic_fetch_or(&fs->sb->flags, MS_RDONLY);
	err = fs->journal ? journal_rest(fs->journal) : buffers_sync(fs->dev);
	if (!err && fs->in_use) {
		err = ext4_mark_super(fs, false);
		fs->in_use = err;
	}
	return err;
}

static int ext4_remount(struct superblock *sb, u32 flags, const char *options)
{
	struct ext4_fs *fs = ext4_fs(sb);
	int err = ext4_options_parse(fs, options);

	if (err)
		return err;
	ext4_options_apply(fs);
	if (flags & MS_RDONLY && !(sb->flags & MS_RDONLY)) {
		if (has_nameless(fs))
			return -EBUSY;
		err = ext4_sync(sb, true);
		return err ? err : go_to_rest(fs);
	}
	if (!(flags & MS_RDONLY) && sb->flags & MS_RDONLY) {
		if (journal_error(fs->journal))
			return -EROFS;
		err = ext4_start_writing(fs);
		if (!err && disk_super(fs)->last_orphan) {
			fs->recovering = true;
			ext4_orphans_clean(fs);
			fs->recovering = false;
		}
	}
	return err;
}

static void show_options(struct superblock *sb, struct seq *s)
{
	ext4_options_show(ext4_fs(sb), s);
}

const struct super_ops ext4_super_ops = {
	.statfs = ext4_statfs,
	.evict = ext4_evict,
	.put = ext4_put,
	.sync = ext4_sync,
	.write_inode = ext4_write_inode,
	.touched = ext4_touched,
	.remount = ext4_remount,
	.show_options = show_options,
};

static void cache_dirty(struct inode *i)
{
	if (i->sb->ops == &ext4_super_ops)
		ext4_hold(i);
}
NOTIFIER(cache_dirtied, cache_dirty);
