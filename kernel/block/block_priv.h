/* Between the files of block/. */
#ifndef BLOCK_PRIV_H
#define BLOCK_PRIV_H

#include "block/block.h"

int block_device_setup(void);                               /* device_file.c: the file system that holds the devices' page caches */
/* With its node in /dev; a partition that is gone comes back by it. NULL: memory is short, or there is one of this number. */
struct block_device *block_device_new(struct disk *d, u32 number, u64 start, u64 sectors);
/* All partitions of a disk are gone: 0; or none: -EBUSY, since one is open or mounted. May sleep. */
int block_device_hide_parts(struct disk *d);
void block_device_for_each(void (*fn)(struct block_device *dev, void *arg), void *arg);
void partitions_init(void);                                 /* partition.c */
int partitions_read(struct disk *d);                        /* adds what the table says: 0 or -errno. May sleep */
/* The same in place of what it said before: -EBUSY: the disk is mounted, or one of its partitions in use. */
int partitions_read_again(struct disk *d);
/* replace.c (the student's): takes up to `want` clean pages out of their caches, and frees them: how many. `unmap`: mapped ones too. Any context that sleeps. */
size_t replace_pages(size_t want, bool unmap);
extern struct mutex disks_mutex;                            /* disk.c: guards the list of disks */
extern struct list disks;

#endif
