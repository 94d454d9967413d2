/* tmpfs for other file systems in memory (devfs). */
#ifndef FS_RAMFS_RAMFS_H
#define FS_RAMFS_RAMFS_H

#include "vfs/vfs.h"

/* A new tree with these options ("size=1m,mode=755"); t gives name and magic. ERR_PTR. */
struct superblock *tmpfs_superblock(const struct fs_type *t, u32 flags, const char *options, u64 default_pages);

/* A new empty file, open for reading and writing, of a tmpfs that is mounted nowhere; /proc/PID/maps shows it as "/name (deleted)". ERR_PTR. */
struct file *tmpfs_file_unnamed(const char *name);

#endif
