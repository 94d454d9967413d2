/*
 * A file system that is nothing but the caches above it.
 *
 *   directory   its names are dentries that stay in the dentry cache: dir_store_add() pins one, dir_store_remove() lets it go
 *   file        its bytes are pages of the page cache with nothing behind them
 *   symlink     its text hangs on inode->private
 *
 * So no call here reads or writes anything: it makes an inode, ties it to a name, and keeps the counts that stat shows. A link
 * count says how many names lead to an inode; for a directory that is its own name, its `.`, and the `..` of each directory in it.
 *
 * All are called with the directory's lock held for writing. Limits (ENOSPC), mount options and file operations are tmpfs.c's.
 */
#include "ramfs_priv.h"
#include "core/todo.h"
#include "lib/string.h"
#include "mm/slab.h"

#ifdef SOLUTION
static void touch(struct inode *i)
{
	inode_touch(i, ATTR_MTIME | ATTR_CTIME);
}

struct inode *ramfs_new_inode(struct superblock *sb, const struct inode *dir, u32 mode, u64 rdev)
{
	struct inode *i = tmpfs_inode_alloc(sb);

	if (IS_ERR(i))
		return i;
	inode_init_owner(i, dir, mode);
	i->rdev = rdev;
	i->ops = &ramfs_file_inode_ops;
	if (S_ISDIR(mode)) {
		i->private = dir_store_alloc();
		if (!i->private) {
			inode_put(i);
			return ERR_PTR(-ENOMEM);
		}
		i->ops = &ramfs_dir_ops;
		i->fops = &dcache_dir_ops;
		i->size = 2 * RAMFS_NAME_SIZE;
		i->nlink = 2;
	} else if (S_ISREG(mode)) {
		i->fops = &tmpfs_file_ops;
		i->cache.ops = &tmpfs_cache_ops;
	} else if (S_ISLNK(mode)) {
		i->ops = &ramfs_link_ops;
	}
	return i;
}

/* The cache of names is the directory: what it does not hold is not there. */
int ramfs_lookup(struct inode *dir __unused, struct dentry *d __unused)
{
	return 0;
}

static void add_name(struct inode *dir, struct dentry *d)
{
	dir_store_add(dir, d);
	dir->size += RAMFS_NAME_SIZE;
	touch(dir);
}

static void remove_name(struct inode *dir, struct dentry *d)
{
	dir_store_remove(dir, d);
	dir->size -= RAMFS_NAME_SIZE;
	touch(dir);
}

int ramfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u64 rdev)
{
	struct inode *inode = ramfs_new_inode(dir->sb, dir, mode, rdev);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	dentry_instantiate(d, inode);
	add_name(dir, d);
	if (S_ISDIR(mode))
		dir->nlink++;
	return 0;
}

int ramfs_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return ramfs_mknod(dir, d, S_IFREG | mode, 0);
}

int ramfs_mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	return ramfs_mknod(dir, d, S_IFDIR | mode, 0);
}

int ramfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *inode = ramfs_new_inode(dir->sb, dir, S_IFLNK | 0777, 0);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->private = kstrdup(target, 0);
	if (!inode->private) {
		inode_put(inode);
		return -ENOMEM;
	}
	inode->size = strlen(target);
	dentry_instantiate(d, inode);
	add_name(dir, d);
	return 0;
}

const char *ramfs_get_link(struct inode *inode, struct dentry *d __unused, char **to_free __unused)
{
	return inode->private;
}

int ramfs_link(struct inode *target, struct inode *dir, struct dentry *d)
{
	inode_get(target);
	target->nlink++;
	inode_touch(target, ATTR_CTIME);
	dentry_instantiate(d, target);
	add_name(dir, d);
	return 0;
}

int ramfs_unlink(struct inode *dir, struct dentry *d)
{
	d->inode->nlink--;
	inode_touch(d->inode, ATTR_CTIME);
	remove_name(dir, d);
	return 0;
}

int ramfs_rmdir(struct inode *dir, struct dentry *d)
{
	if (!dir_store_empty(d->inode))
		return -ENOTEMPTY;
	d->inode->nlink = 0;
	dir->nlink--;
	inode_touch(d->inode, ATTR_CTIME);
	remove_name(dir, d);
	return 0;
}

/* Moves a name from one directory to the other; the caller moves the dentry itself afterwards. */
static void move_name(struct inode *from, struct inode *to, struct dentry *d)
{
	remove_name(from, d);
	add_name(to, d);
	if (S_ISDIR(d->inode->mode)) {
		from->nlink--;
		to->nlink++;
	}
	inode_touch(d->inode, ATTR_CTIME);
}

int ramfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags)
{
	int err = 0;

	if (flags & RENAME_EXCHANGE)
		move_name(new_dir, old_dir, new);
	else if (new->inode)
		err = S_ISDIR(new->inode->mode) ? ramfs_rmdir(new_dir, new) : ramfs_unlink(new_dir, new);
	if (!err)
		move_name(old_dir, new_dir, old);
	return err;
}
#else
struct inode *ramfs_new_inode(struct superblock *sb, const struct inode *dir, u32 mode, u64 rdev)
{
	TODO("08-vfs");
}

int ramfs_lookup(struct inode *dir, struct dentry *d)
{
	TODO("08-vfs");
}

int ramfs_create(struct inode *dir, struct dentry *d, u32 mode)
{
	TODO("08-vfs");
}

int ramfs_mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	TODO("08-vfs");
}

int ramfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u64 rdev)
{
	TODO("08-vfs");
}

int ramfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	TODO("08-vfs");
}

const char *ramfs_get_link(struct inode *inode, struct dentry *d, char **to_free)
{
	TODO("08-vfs");
}

int ramfs_link(struct inode *target, struct inode *dir, struct dentry *d)
{
	TODO("08-vfs");
}

int ramfs_unlink(struct inode *dir, struct dentry *d)
{
	TODO("08-vfs");
}

int ramfs_rmdir(struct inode *dir, struct dentry *d)
{
	TODO("08-vfs");
}

int ramfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags)
{
	TODO("08-vfs");
}
#endif

#define XATTR_OPS \
	.getxattr = memory_getxattr, .setxattr = memory_setxattr, .listxattr = memory_listxattr, .removexattr = memory_removexattr

const struct inode_ops ramfs_dir_ops = {
	.lookup = ramfs_lookup,
	.create = ramfs_create,
	.mkdir = ramfs_mkdir,
	.mknod = ramfs_mknod,
	.symlink = ramfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = ramfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.setattr = tmpfs_setattr,
	XATTR_OPS,
};

const struct inode_ops ramfs_file_inode_ops = {
	.setattr = tmpfs_setattr,
	XATTR_OPS,
};

const struct inode_ops ramfs_link_ops = {
	.get_link = ramfs_get_link,
	XATTR_OPS,
};
