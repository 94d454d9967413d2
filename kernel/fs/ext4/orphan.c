/*
 * Orphans: inodes that are being deleted or cut, in a list on the disk that begins in the superblock, so that the next mount after a crash goes on with it.
 *
 *     superblock.last_orphan --> newest inode --dtime--> older one --dtime--> 0
 */
#include "ext4_priv.h"

/* The field that links it to the next older orphan is dtime, on the disk only. */
static int set_link(struct journal_handle *h, struct ext4_fs *fs, u32 ino, u32 next)
{
	struct buffer *b;
	u32 offset;
	int err = ext4_inode_block(fs, ino, &b, &offset, false);

	if (err)
		return err;
	err = journal_access(h, b);
	if (!err) {
		((struct ext4_disk_inode *)(b->data + offset))->dtime = next;
		journal_dirty(h, b);
	}
	buffer_put(b);
	return err;
}

void ext4_orphan_add(struct journal_handle *h, struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);

	mutex_lock(&fs->orphan_mutex);
	if (!ei->on_orphan_list && !journal_access(h, fs->super_buffer) && !set_link(h, fs, (u32)i->ino, disk_super(fs)->last_orphan)) {
		disk_super(fs)->last_orphan = (u32)i->ino;
		ext4_super_update(h, fs);
		ei->on_orphan_list = true;
		list_add(&fs->orphans, &ei->orphan);
		ext4_update_inode(h, i); /* its checksum */
	}
	mutex_unlock(&fs->orphan_mutex);
}

void ext4_orphan_del(struct journal_handle *h, struct inode *i)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	struct buffer *b;
	u32 offset, next;

	mutex_lock(&fs->orphan_mutex);
	if (ei->on_orphan_list && !ext4_inode_block(fs, (u32)i->ino, &b, &offset, false)) {
		next = ((struct ext4_disk_inode *)(b->data + offset))->dtime;
		buffer_put(b);
		if (ei->orphan.prev == &fs->orphans) {
			if (!journal_access(h, fs->super_buffer)) {
				disk_super(fs)->last_orphan = next;
				ext4_super_update(h, fs);
			}
		} else {
			struct inode *newer = list_entry(ei->orphan.prev, struct ext4_inode, orphan)->inode;
			if (!set_link(h, fs, (u32)newer->ino, next))
				ext4_update_inode(h, newer);
		}
		set_link(h, fs, (u32)i->ino, 0);
		ext4_update_inode(h, i);
		list_del(&ei->orphan);
		ei->on_orphan_list = false;
	}
	mutex_unlock(&fs->orphan_mutex);
}

/* After a crash: what was being deleted or cut goes on to be. A list that leads in a circle ends at the number of inodes. */
void ext4_orphans_clean(struct ext4_fs *fs)
{
	u32 ino, deleted = 0, cut = 0;

	for (u32 n = 0; n < fs->inodes && (ino = disk_super(fs)->last_orphan); n++) {
		struct inode *i = ext4_iget_orphan(fs->sb, ino);
		struct journal_handle *h;

		if (IS_ERR(i)) {
			ext4_error(fs, "the list of orphans leads to inode %u, which is none: error %ld", ino, PTR_ERR(i));
			return;
		}
		mutex_lock(&fs->orphan_mutex);
		ext4_i(i)->on_orphan_list = true;
		list_add(&fs->orphans, &ext4_i(i)->orphan);
		mutex_unlock(&fs->orphan_mutex);
		if (i->nlink) {
			ext4_truncate(i, i->size);
			cut++;
		} else {
			deleted++;
		}
		h = i->nlink ? ext4_start(fs, CREDITS_INODE * 2) : NULL;
		if (h && !IS_ERR(h)) {
			ext4_orphan_del(h, i);
			journal_stop(h);
		}
		inode_put(i);
		if (disk_super(fs)->last_orphan == ino)
			return;
	}
	if (deleted || cut)
		printk("EXT4-fs (%s): %u inodes without a name deleted, %u cut\n", fs->dev->name, deleted, cut);
}
