/* Between the files of block/. */
#ifndef BLOCK_PRIV_H
#define BLOCK_PRIV_H

#include "block/block.h"

int block_device_setup(void);                               /* device_file.c: the file system that holds the devices' page caches */
struct block_device *block_device_new(struct disk *d, u32 number, u64 start, u64 sectors); /* NULL: memory is short. With its node in /dev */
void block_device_for_each(void (*fn)(struct block_device *dev, void *arg), void *arg);
int partitions_read(struct disk *d);                        /* partition.c: adds what the table says. 0 or -errno */
/* replace.c (the student's): takes up to `want` clean pages out of their caches, and frees them: how many. `unmap`: mapped ones too. Any context that sleeps. */
size_t replace_pages(size_t want, bool unmap);
extern struct mutex disks_mutex;                            /* disk.c: guards the list of disks */
extern struct list disks;

#endif
