/* The device tree, for drivers that put more than character devices into it. */
#ifndef FS_DEVFS_DEVFS_H
#define FS_DEVFS_DEVFS_H

#include "vfs/vfs.h"

/* A block device's node: 0, -EEXIST, -ENOMEM. */
int devfs_block_node(const char *name, u32 mode, u64 rdev);
/* Its name is taken away, if it is there; who has it open keeps it. May sleep. */
void devfs_remove_node(const char *name);

#endif
