/*
 * Names: what the VFS asks of a directory. Each is one handle, so that a crash shows all of it or nothing.
 *
 * An inode without a name goes on the list of orphans in the same handle; its blocks are freed when the last user lets go, or after a crash.
 */
#include "ext4_priv.h"

#include "usermode/uaccess.h"

#define FS_IOC_FIEMAP 0xc020660bu
#define FITRIM 0xc0185879u

static int stop(struct journal_handle *h, struct inode *dir, int err)
{
	int e;

	h->sync |= dir->sb->flags & (MS_SYNCHRONOUS | MS_DIRSYNC) ? true : false;
	e = journal_stop(h);
	return err ? err : e;
}

/* A directory with more links than its field can hold says 1, for ever. */
static void dir_links(struct inode *dir, int n)
{
	if (dir->nlink == 1 && fs_of(dir)->ro_compat & RO_DIR_NLINK)
		return;
	dir->nlink += (u32)n;
	if (dir->nlink >= EXT4_LINK_MAX && fs_of(dir)->ro_compat & RO_DIR_NLINK)
		dir->nlink = 1;
}

/* Can the directory not take one more in it? */
static bool links_full(const struct inode *dir)
{
	return dir->nlink >= EXT4_LINK_MAX && !(fs_of(dir)->ro_compat & RO_DIR_NLINK);
}

/* Is the inode cached under another name? A dentry that is on its way out of the cache does not count. */
static bool has_name(struct inode *i)
{
	struct dentry *d;
	bool named = false;

	spin_lock(&i->spin);
	list_for_each(d, &i->dentries, alias)
		named |= (atomic_load(&d->flags) & DENTRY_HASHED) != 0;
	spin_unlock(&i->spin);
	return named || (i->sb->root && i->sb->root->inode == i);
}

static int lookup(struct inode *dir, struct dentry *d)
{
	struct ext4_slot s;
	struct inode *i;
	u32 ino;
	int err;

	if (d->name_len > EXT4_NAME_LEN)
		return -ENAMETOOLONG;
	err = ext4_dir_find(dir, d->name, d->name_len, &s);
	if (err)
		return err == -ENOENT ? 0 : err;
	ino = ((struct ext4_dirent *)(s.b->data + s.offset))->inode;
	buffer_put(s.b);
	i = ext4_iget(dir->sb, ino);
	if (IS_ERR(i))
		return PTR_ERR(i) == -ESTALE ? ext4_error(fs_of(dir), "directory %lu: %s leads to inode %u, which is free", dir->ino, d->name, ino) : (int)PTR_ERR(i);
	/* A directory that is found below itself would be a circle in the tree of names. */
	if (S_ISDIR(i->mode) && (i == dir || has_name(i))) {
		inode_put(i);
		return ext4_error(fs_of(dir), "directory %u has a second name, in directory %lu", ino, dir->ino);
	}
	dentry_instantiate(d, i);
	return 0;
}

/* The handle's inode, made but not named, goes again. */
static void forget(struct journal_handle *h, struct inode *i)
{
	i->nlink = 0;
	ext4_orphan_add(h, i);
}

static int try_make(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, const char *target)
{
	struct ext4_fs *fs = fs_of(dir);
	struct journal_handle *h = ext4_start(fs, CREDITS_NEW_INODE + CREDITS_NAME + CREDITS_ALLOC * 2);
	struct inode *i;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	i = ext4_new_inode(h, dir, mode, rdev);
	if (IS_ERR(i))
		return stop(h, dir, (int)PTR_ERR(i));
	err = 0;
	if (S_ISDIR(mode)) {
		i->nlink = 2;
		err = ext4_dir_init(h, i, (u32)dir->ino);
	} else if (target) {
		err = ext4_link_set(h, i, target);
	}
	if (!err)
		err = ext4_update_inode(h, i);
	if (!err && S_ISDIR(mode))
		dir_links(dir, 1);
	if (!err) {
		err = ext4_dir_add(h, dir, d->name, d->name_len, i);
		if (err && S_ISDIR(mode))
			dir_links(dir, -1);
	}
	if (err) {
		forget(h, i);
		err = stop(h, dir, err);
		inode_put(i);
		return err;
	}
	dentry_instantiate(d, i);
	return stop(h, dir, 0);
}

static int make(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, const char *target)
{
	int err, tries = 0;

	do
		err = try_make(dir, d, mode, rdev, target);
	while (err == -ENOSPC && ext4_wait_for_space(fs_of(dir), &tries));
	return err;
}

static int create(struct inode *dir, struct dentry *d, u32 mode) { return make(dir, d, S_IFREG | mode, 0, NULL); }
static int mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	if (links_full(dir))
		return -EMLINK;
	return make(dir, d, S_IFDIR | mode, 0, NULL);
}
static int mknod(struct inode *dir, struct dentry *d, u32 mode, u64 rdev) { return make(dir, d, mode, rdev, NULL); }
static int symlink(struct inode *dir, struct dentry *d, const char *target)
{
	if (strlen(target) >= fs_of(dir)->block_size)
		return -ENAMETOOLONG;
	return make(dir, d, S_IFLNK | 0777, 0, target);
}

static int tmpfile(struct inode *dir, struct dentry *d, u32 mode)
{
	struct journal_handle *h = ext4_start(fs_of(dir), CREDITS_NEW_INODE + CREDITS_ALLOC);
	struct inode *i;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	i = ext4_new_inode(h, dir, S_IFREG | mode, 0);
	if (IS_ERR(i))
		return stop(h, dir, (int)PTR_ERR(i));
	forget(h, i);
	ext4_update_inode(h, i);
	dentry_instantiate(d, i);
	return stop(h, dir, 0);
}

static int try_link(struct inode *target, struct inode *dir, struct dentry *d)
{
	struct journal_handle *h;
	int err;

	if (target->nlink >= EXT4_LINK_MAX)
		return -EMLINK;
	h = ext4_start(fs_of(dir), CREDITS_NAME + CREDITS_INODE * 2);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_dir_add(h, dir, d->name, d->name_len, target);
	if (!err) {
		if (!target->nlink)
			ext4_orphan_del(h, target);
		target->nlink++;
		inode_touch(target, ATTR_CTIME);
		err = ext4_update_inode(h, target);
		inode_get(target);
		dentry_instantiate(d, target);
	}
	return stop(h, dir, err);
}

static int link(struct inode *target, struct inode *dir, struct dentry *d)
{
	int err, tries = 0;

	do
		err = try_link(target, dir, d);
	while (err == -ENOSPC && ext4_wait_for_space(fs_of(dir), &tries));
	return err;
}

/* One name less for the inode: without any it is an orphan. */
static int lose_name(struct journal_handle *h, struct inode *i, bool all)
{
	i->nlink = all || !i->nlink ? 0 : i->nlink - 1;
	inode_touch(i, ATTR_CTIME);
	if (!i->nlink)
		ext4_orphan_add(h, i);
	return ext4_update_inode(h, i);
}

static int unlink_entry(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *i = d->inode;
	struct journal_handle *h = ext4_start(fs_of(dir), CREDITS_NAME + CREDITS_INODE * 3);
	struct ext4_slot s;
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = ext4_dir_find(dir, d->name, d->name_len, &s);
	if (!err) {
		if (((struct ext4_dirent *)(s.b->data + s.offset))->inode != i->ino)
			err = ext4_error(fs_of(dir), "directory %lu: %s does not lead to inode %lu any more", dir->ino, d->name, i->ino);
		if (!err && is_dir)
			dir_links(dir, -1);
		if (!err)
			err = ext4_dir_remove(h, dir, &s);
		buffer_put(s.b);
	}
	if (!err)
		err = lose_name(h, i, is_dir);
	err = stop(h, dir, err);
	/* Nobody is to wait for its pages to be written: it goes with its last user. */
	if (!i->nlink)
		ext4_drop_hold(i);
	return err;
}

static int unlink(struct inode *dir, struct dentry *d)
{
	return unlink_entry(dir, d, false);
}

static int rmdir(struct inode *dir, struct dentry *d)
{
	int empty = ext4_dir_empty(d->inode);

	if (empty <= 0)
		return empty ? empty : -ENOTEMPTY;
	return unlink_entry(dir, d, true);
}

/* --- rename ------------------------------------------------------------------------------------------------------------------- */

static int set_entry(struct journal_handle *h, struct inode *dir, struct dentry *d, struct inode *to)
{
	struct ext4_slot s;
	int err = ext4_dir_find(dir, d->name, d->name_len, &s);

	if (!err) {
		err = ext4_dir_set(h, dir, &s, to);
		buffer_put(s.b);
	}
	return err;
}

static int remove_entry(struct journal_handle *h, struct inode *dir, struct dentry *d)
{
	struct ext4_slot s;
	int err = ext4_dir_find(dir, d->name, d->name_len, &s);

	if (!err) {
		err = ext4_dir_remove(h, dir, &s);
		buffer_put(s.b);
	}
	return err;
}

/* A directory moved from one parent to another. */
static int moved(struct journal_handle *h, struct inode *i, struct inode *from, struct inode *to)
{
	int err = 0;

	if (S_ISDIR(i->mode) && from != to) {
		err = ext4_dir_set_parent(h, i, (u32)to->ino);
		dir_links(from, -1);
		dir_links(to, 1);
		if (!err)
			err = ext4_update_inode(h, from);
		if (!err)
			err = ext4_update_inode(h, to);
	}
	inode_touch(i, ATTR_CTIME);
	return err ? err : ext4_update_inode(h, i);
}

static int exchange(struct inode *a_dir, struct dentry *a, struct inode *b_dir, struct dentry *b)
{
	struct journal_handle *h;
	int err;

	if (a_dir != b_dir && S_ISDIR(a->inode->mode) != S_ISDIR(b->inode->mode) && links_full(S_ISDIR(a->inode->mode) ? b_dir : a_dir))
		return -EMLINK;
	h = ext4_start(fs_of(a_dir), 2 * CREDITS_NAME + 4 * CREDITS_INODE);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	err = set_entry(h, a_dir, a, b->inode);
	if (!err)
		err = set_entry(h, b_dir, b, a->inode);
	if (!err)
		err = moved(h, a->inode, a_dir, b_dir);
	if (!err)
		err = moved(h, b->inode, b_dir, a_dir);
	return stop(h, a_dir, err);
}

/* For RENAME_WHITEOUT: a character device 0:0, which tells an overlay that the name below is gone. Not named yet. */
static struct inode *make_whiteout(struct journal_handle *h, struct inode *dir)
{
	struct inode *w = ext4_new_inode(h, dir, S_IFCHR, 0);
	int err = IS_ERR(w) ? 0 : ext4_update_inode(h, w);

	if (!err)
		return w;
	forget(h, w);
	inode_put(w);
	return ERR_PTR(err);
}

static int try_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags)
{
	struct inode *victim = new->inode, *whiteout = NULL;
	bool replaces_dir = victim && S_ISDIR(victim->mode);
	struct journal_handle *h;
	int err = 0;

	if (flags & RENAME_EXCHANGE)
		return exchange(old_dir, old, new_dir, new);
	if (!victim && old_dir != new_dir && S_ISDIR(old->inode->mode) && links_full(new_dir))
		return -EMLINK;
	if (replaces_dir) {
		err = ext4_dir_empty(victim);
		if (err <= 0)
			return err ? err : -ENOTEMPTY;
	}
	h = ext4_start(fs_of(old_dir), 2 * CREDITS_NAME + 6 * CREDITS_INODE + (flags & RENAME_WHITEOUT ? CREDITS_NEW_INODE + 2 * CREDITS_ALLOC : 0));
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	/* What can fail for want of room comes before the first name is changed. */
	if (flags & RENAME_WHITEOUT) {
		whiteout = make_whiteout(h, old_dir);
		if (IS_ERR(whiteout))
			return stop(h, old_dir, (int)PTR_ERR(whiteout));
	}
	err = victim ? set_entry(h, new_dir, new, old->inode) : ext4_dir_add(h, new_dir, new->name, new->name_len, old->inode);
	if (!err)
		err = whiteout ? set_entry(h, old_dir, old, whiteout) : remove_entry(h, old_dir, old);
	if (err && whiteout)
		forget(h, whiteout);
	if (!err && replaces_dir) {
		dir_links(new_dir, -1);
		err = ext4_update_inode(h, new_dir);
	}
	if (!err)
		err = moved(h, old->inode, old_dir, new_dir);
	if (!err && victim)
		err = lose_name(h, victim, replaces_dir);
	/* A new version that takes the place of an old one is to be whole if the old one is gone. */
	if (!err && victim && S_ISREG(old->inode->mode) && fs_of(old_dir)->journal)
		journal_order(h, &ext4_i(old->inode)->journal);
	err = stop(h, old_dir, err);
	if (whiteout)
		inode_put(whiteout);
	if (victim && !victim->nlink)
		ext4_drop_hold(victim);
	return err;
}

static int rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags)
{
	int err, tries = 0;

	do
		err = try_rename(old_dir, old, new_dir, new, flags);
	while (err == -ENOSPC && ext4_wait_for_space(fs_of(old_dir), &tries));
	return err;
}

/* --- links, flags ---------------------------------------------------------------------------------------------------------------- */

/* A short text lies where the block numbers would; a longer one in a block of its own. */
int ext4_link_set(struct journal_handle *h, struct inode *i, const char *target)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_inode *ei = ext4_i(i);
	u32 len = (u32)strlen(target);
	struct ext4_map m;
	struct buffer *b;
	int err;

	i->size = ei->disk_size = len;
	if (len < sizeof(ei->data)) {
		ei->flags &= ~(u32)FL_EXTENTS;
		memset(ei->data, 0, sizeof(ei->data));
		memcpy(ei->data, target, len);
		return 0;
	}
	err = ext4_map_create(h, i, 0, 1, false, &m);
	if (err)
		return err;
	b = buffer_new(fs->dev, m.block, fs->block_size);
	err = b ? journal_access(h, b) : -ENOMEM;
	if (!err) {
		memcpy(b->data, target, len);
		journal_dirty(h, b);
	}
	buffer_put(b);
	return err;
}

static const char *get_link(struct inode *i, struct dentry *d __unused, char **to_free)
{
	struct ext4_fs *fs = fs_of(i);
	struct ext4_map m;
	struct buffer *b;
	char *text;
	int err;

	if (i->size >= fs->block_size || !i->size)
		return ERR_PTR(ext4_error(fs, "link %lu: its length %lu makes no sense", i->ino, i->size));
	text = kzalloc(i->size + 1, 0);
	if (!text)
		return ERR_PTR(-ENOMEM);
	if (!has_extents(i) && i->size < sizeof(ext4_i(i)->data)) {
		memcpy(text, ext4_i(i)->data, i->size);
	} else {
		err = ext4_map_blocks(i, 0, 1, &m);
		b = !err && m.block ? ext4_read(fs, m.block) : ERR_PTR(err ? err : -EUCLEAN);
		if (IS_ERR(b)) {
			kfree(text);
			return (const char *)b;
		}
		memcpy(text, b->data, i->size);
		buffer_put(b);
	}
	*to_free = text;
	return text;
}

/* chattr writes all flags that it has read: those that are the file system's alone are passed over, and none may be changed that is not supported. */
static long set_flags(struct file *f, u32 wanted)
{
	u32 now = ext4_i(f->inode)->flags;
	u32 unsupported = (wanted & ~(u32)FL_VISIBLE) | ((wanted ^ now) & FL_MODIFIABLE & ~(u32)FL_CHANGEABLE);

	/* What is immutable and stays so has no other flag changed. */
	if (f->inode->flags & INODE_IMMUTABLE && wanted & FL_IMMUTABLE && (wanted ^ now) & FL_CHANGEABLE)
		return -EPERM;
	return inode_flags_set(f, (wanted & FL_CHANGEABLE) | unsupported);
}

long ext4_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inode *i = f->inode;
	struct journal_handle *h;
	u32 before = i->flags, out;
	long err;

	if (cmd == FS_IOC_FIEMAP && (S_ISREG(i->mode) || S_ISDIR(i->mode)))
		return ext4_fiemap(i, (void __user *)arg);
	if (cmd == FITRIM)
		return ext4_trim(fs_of(i), (void __user *)arg);
	/* FS_IOC_GETFLAGS tells more than the VFS knows. */
	if (cmd == FS_IOC_GETFLAGS) {
		out = ext4_i(i)->flags & FL_VISIBLE;
		return put_user_u32(out, (void __user *)arg);
	}
	if (cmd != FS_IOC_SETFLAGS)
		return S_ISDIR(i->mode) ? -ENOTTY : generic_file_ioctl(f, cmd, arg);
	if (get_user_u32(&out, (const u32 __user *)arg))
		return -EFAULT;
	err = set_flags(f, out);
	if (err || before == i->flags)
		return err;
	ext4_flags_from_vfs(i);
	h = ext4_start(fs_of(i), CREDITS_INODE);
	if (IS_ERR(h))
		return PTR_ERR(h);
	err = ext4_update_inode(h, i);
	return stop(h, i, (int)err);
}

#define ATTRIBUTES \
	.setattr = ext4_setattr, .getattr = ext4_getattr, .getxattr = ext4_getxattr, .setxattr = ext4_setxattr, .listxattr = ext4_listxattr, .removexattr = ext4_removexattr

const struct inode_ops ext4_dir_inode_ops = {
	.lookup = lookup,
	.create = create,
	.mkdir = mkdir,
	.mknod = mknod,
	.symlink = symlink,
	.link = link,
	.unlink = unlink,
	.rmdir = rmdir,
	.rename = rename,
	.tmpfile = tmpfile,
	ATTRIBUTES,
};
const struct inode_ops ext4_file_inode_ops = { ATTRIBUTES };
const struct inode_ops ext4_special_inode_ops = { ATTRIBUTES };
const struct inode_ops ext4_link_inode_ops = { .get_link = get_link, ATTRIBUTES };

const struct file_ops ext4_dir_file_ops = {
	.name = "ext4 directory",
	.readdir = ext4_readdir,
	.lseek = ext4_dir_lseek,
	.release = ext4_dir_release,
	.fsync = ext4_fsync,
	.ioctl = ext4_ioctl,
};
