/*
 * Buffers: single blocks of a device in memory, for a file system's own structures.
 *
 * A buffer is found by (device, block); there is one of each. It stays in memory after its last user let go, until memory is short. Contents are
 * changed by whoever the file system's locks allow; BUFFER_LOCKED is held while the device reads or writes it.
 *
 * With a journal a buffer is written to its place by the journal alone (fs/jbd2); without one, buffer_mark_dirty leaves that to buffers_sync.
 */
#ifndef BLOCK_BUFFER_H
#define BLOCK_BUFFER_H

#include "block/block.h"

struct transaction;

enum { BUFFER_UPTODATE = 1, BUFFER_DIRTY = 2, BUFFER_LOCKED = 4, BUFFER_USED = 8 /* since the last look of the reclaimer */, BUFFER_ERROR = 16 /* its last write failed */ };

struct buffer {
	struct hlist hash;       /* buffers_lock */
	struct list all;         /* buffers_lock */
	u32 refs;                /* atomic; from 0 to 1 under buffers_lock */
	u32 flags;               /* atomic */
	u32 checked;             /* atomic: as what the file system has found the contents sound, by its own numbers; 0: it has not looked */
	struct block_device *dev;
	u64 block;               /* in units of size */
	u32 size;
	u8 *data;
	/* The journal's (its lock): */
	struct transaction *running;    /* the transaction that changes it now */
	struct list running_link;
	struct transaction *checkpoint; /* the newest committed one whose contents are not at their place yet */
	struct list checkpoint_link;
	u32 uncommitted;                /* transactions that hold it and are not on the disk: while there are any, it is not written to its place */
	/* A transfer: */
	struct block_io io;
	struct block_segment segment;
};

void buffers_init(void);
/* The buffer, counted, its contents read or not; NULL if memory is short. */
struct buffer *buffer_get(struct block_device *dev, u64 block, u32 size);
/* The same if it is there; NULL. */
struct buffer *buffer_find(struct block_device *dev, u64 block);
/* With its contents; ERR_PTR(-EIO, -ENOMEM). */
struct buffer *buffer_read(struct block_device *dev, u64 block, u32 size);
/* Zeroed, and as if it had been read: for a block that is new. NULL if memory is short. */
struct buffer *buffer_new(struct block_device *dev, u64 block, u32 size);
void buffer_put(struct buffer *b); /* NULL is fine */
static inline void buffer_hold(struct buffer *b) { atomic_fetch_add(&b->refs, 1u); }
/* Starts reading `count` blocks that are not there, and does not wait. */
void buffer_read_ahead(struct block_device *dev, u64 block, u32 count, u32 size);

void buffer_lock(struct buffer *b);
bool buffer_trylock(struct buffer *b);
void buffer_unlock(struct buffer *b);  /* any context */
void buffer_wait(struct buffer *b);    /* until it is not locked */

void buffer_mark_dirty(struct buffer *b);
/* Writes a locked buffer to its place; done unlocks it, keeps an error in BUFFER_ERROR, and puts it. The reference is the caller's to give. */
void buffer_submit_write(struct block_plug *p, struct buffer *b);
/* Writes it now, and waits: 0 or -EIO. */
int buffer_write_wait(struct buffer *b);
/* The same, and it is on the medium then: 0 or -EIO. */
int buffer_write_through(struct buffer *b);
/* Writes all dirty buffers of a device and waits: 0 or -EIO. */
int buffers_sync(struct block_device *dev);
/* Drops all buffers of a device: nobody uses them any more. */
void buffers_forget(struct block_device *dev);
/* Frees memory of about `want` frames: how many. */
size_t buffers_reclaim(size_t want);

#endif
