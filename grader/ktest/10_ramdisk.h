/*
 * A disk for tests: its blocks are memory, and it works like a device with a cache that a power cut empties. What is handed to it lies in its queue until its
 * thread takes it, in an order of its own; a write's data are taken over when it ends, not when it begins. Each start, each end and each flush is noted, so
 * that a test can say what was on the medium when.
 */
#ifndef KTEST_10_RAMDISK_H
#define KTEST_10_RAMDISK_H

#include "block/block.h"

#define RAM_SECTORS 16384ul          /* 8 MiB */
#define RAM_EVENTS 8192u
#define RAM_BLOCK 1024u              /* the block of the file systems and logs that tests put on it */

enum ram_what { RAM_BEGIN, RAM_END, RAM_MARK };
struct ram_event {
	u8 what, op;                 /* enum ram_what, enum block_op */
	bool failed;
	u32 sectors;
	u64 sector;                  /* of a mark: what the test says */
	u32 words[3];                /* a write's first ones, when it began */
};

struct ramdisk {
	struct block_device *dev;
	u8 *memory;
	struct ram_event *events;
	u32 count;                   /* of them */
	bool overflow;
	u64 bad_sector;              /* writes of it fail; 0: none does */
	bool bad_flush;              /* flushes fail */
	u32 fail[BLOCK_FLUSH + 1];   /* of reads, writes and flushes the so-manieth from now fails (a write's sector is bad_sector then); 0: none */
	u32 failures;                /* how many did */
	u32 bad_words[2];            /* a write that begins with them fails; 0: none */
	u32 scattered;               /* requests whose parts do not lie one behind the other, or are not as long as they say */
	u32 torn[2];                 /* of a write that begins with these words only the first sector is done, as if the power failed; 0: of none */
};

/* The disk, made at the first call: zeroes, nothing noted, nothing in memory. NULL: a check has failed. */
struct ramdisk *ramdisk_get(void);
void ramdisk_forget(struct ramdisk *r);  /* the notes alone */
void ramdisk_mark(struct ramdisk *r, u64 what);
static inline u8 *ramdisk_block(struct ramdisk *r, u64 block) { return r->memory + block * RAM_BLOCK; }

#endif
