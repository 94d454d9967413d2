/* Between ramfs.c (the names) and tmpfs.c (limits, options, files). */
#ifndef RAMFS_PRIV_H
#define RAMFS_PRIV_H

#include "vfs/vfs.h"

#define RAMFS_NAME_SIZE 20 /* what each name adds to a directory's size, `.` and `..` too */

/* Student's (ramfs.c). dir NULL: no parent to inherit from. ERR_PTR(-ENOSPC, -ENOMEM). */
struct inode *ramfs_new_inode(struct superblock *sb, const struct inode *dir, u32 mode, u64 rdev);
int ramfs_lookup(struct inode *dir, struct dentry *d);
int ramfs_create(struct inode *dir, struct dentry *d, u32 mode);
int ramfs_mkdir(struct inode *dir, struct dentry *d, u32 mode);
int ramfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u64 rdev);
int ramfs_symlink(struct inode *dir, struct dentry *d, const char *target);
const char *ramfs_get_link(struct inode *inode, struct dentry *d, char **to_free);
int ramfs_link(struct inode *target, struct inode *dir, struct dentry *d);
int ramfs_unlink(struct inode *dir, struct dentry *d);
int ramfs_rmdir(struct inode *dir, struct dentry *d);
int ramfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags);
extern const struct inode_ops ramfs_dir_ops, ramfs_file_inode_ops, ramfs_link_ops;

/* Given (tmpfs.c). An inode that counts against the file system's limit; ERR_PTR(-ENOSPC, -ENOMEM). */
struct inode *tmpfs_inode_alloc(struct superblock *sb);
int tmpfs_link(struct inode *target, struct inode *dir, struct dentry *d); /* the student's, and what a name counts */
int tmpfs_unlink(struct inode *dir, struct dentry *d);
int tmpfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags);
int tmpfs_tmpfile(struct inode *dir, struct dentry *d, u32 mode);
int tmpfs_setattr(struct inode *i, const struct iattr *a);
extern const struct file_ops tmpfs_file_ops;
extern const struct pagecache_ops tmpfs_cache_ops;
extern const struct super_ops tmpfs_super_ops;

#endif
