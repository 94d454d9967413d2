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
