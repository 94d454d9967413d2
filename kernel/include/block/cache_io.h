/*
 * Page caches that have a block device behind them: reading, read-ahead and writing back for whoever can say where the bytes of a file lie.
 *
 * A page is locked while it is read or written; the interrupt that ends the transfer unlocks it. A page that is written may be
 * changed meanwhile: it is dirty again then.
 */
#ifndef BLOCK_CACHE_IO_H
#define BLOCK_CACHE_IO_H

#include "block/block.h"

/* Where [pos, pos + length) lies, as far as that is in one piece. */
struct cache_run {
	bool mapped; /* false: a hole, or allocated and never written: reads as zeroes */
	u64 sector;  /* of the device */
	u64 length;  /* whole blocks, but for what the end of the device cuts; at least one */
};
struct cache_backing {
	struct block_device *dev;
	u32 block_size;
	/* pos is a multiple of block_size, length not 0. 0 or -errno. May sleep; a page lock may be held. */
	int (*map)(struct pagecache *pc, u64 pos, u64 length, struct cache_run *run);
};

int cache_read_page(const struct cache_backing *b, struct pagecache *pc, struct frame *f);            /* pagecache_ops.read_page */
int cache_read_pages(const struct cache_backing *b, struct pagecache *pc, u64 index, u32 count);      /* read_pages */
int cache_write_page(const struct cache_backing *b, struct pagecache *pc, struct frame *f);           /* write_page */
int cache_write_pages(const struct cache_backing *b, struct pagecache *pc, u64 first, u64 last);      /* write_pages: submits */
/* O_DIRECT: past the cache, which is written back and emptied of the range before. Writing touches what is mapped only: -EAGAIN where it is not, and past the end. */
ssize_t cache_direct_io(const struct cache_backing *b, struct pagecache *pc, struct uio *u, s64 pos, bool write);

#endif
