/* The newc cpio format of initramfs images (070701, 070702), several archives in a row with zero padding between. */
#ifndef LIB_CPIO_H
#define LIB_CPIO_H

#include "core/compiler.h"

struct cpio_entry {
	const char *name; /* NUL-terminated in the archive, without leading "/" or "./"; never empty ("." for the root) */
	u32 mode, uid, gid, nlink, mtime;
	u32 ino, dev_major, dev_minor, rdev_major, rdev_minor;
	const void *data;
	u64 size;
};
/* Next entry at *pos (starts at 0): 1 and *e filled; 0 at the end; -EINVAL for garbage (nothing was stored). TRAILER!!! entries are passed over. */
int cpio_next(const void *archive, size_t size, size_t *pos, struct cpio_entry *e);

#endif
