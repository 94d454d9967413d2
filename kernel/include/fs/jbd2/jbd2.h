/*
 * The journal: changes of many blocks that happen together or not at all, in JBD2's format on the disk.
 *
 *   handle        one operation (a rename …): says how many blocks it will change at most, and keeps its transaction open
 *   transaction   what many handles changed, written to the log as one
 *
 *   journal_start --> journal_access(b) --> b is changed --> journal_stop          (handles, in memory)
 *        running transaction --> log: descriptors and copies, flush, commit block  (commit.c, each five seconds or when somebody waits for it)
 *        committed transaction --> blocks to their places, flush, log space free    (checkpoint.c)
 *        log --> blocks, at mount after a crash                                     (replay.c)
 *
 * Locks: journal->lock (spin) guards transactions, lists and the journal's fields of buffers. A handle is a lock in effect: a commit waits for all of its
 * transaction, and a start may wait for a commit. So no handle is started with a page lock held, and no user memory is touched.
 */
#ifndef FS_JBD2_JBD2_H
#define FS_JBD2_JBD2_H

#include "block/buffer.h"

struct journal;
struct transaction;

struct journal_handle {
	struct journal *journal;      /* NULL: there is none; changed buffers are marked dirty */
	struct transaction *transaction;
	u32 credits;                  /* blocks that it may still change */
	u32 depth;                    /* of nested starts */
	bool sync;
	struct journal_handle *outer; /* of another file system, below which this one was started */
};

/* An inode whose data must be on the disk before a transaction that made it reachable is. Embedded in the file system's inode. */
struct journal_inode {
	struct inode *inode;
	struct transaction *transaction; /* journal lock */
	struct list link;
	bool busy;                       /* its data are being written by a commit */
};

struct journal_setup {
	struct block_device *dev;
	u32 block_size;
	u64 *blocks;                /* log block -> block of the device; kmap_alloc'd, the journal's from now on */
	u32 count;
	bool checksums, wide;       /* what the log shall have from now on */
	bool read_only;             /* replay, but change nothing else */
	/* A transaction's freed blocks may be used again. */
	void (*committed)(void *arg, u32 tid);
	/* The log cannot be written any more. Any context that sleeps. */
	void (*aborted)(void *arg, int err);
	void *arg;
	const char *name;
};

/* Reads the log's superblock, and replays what is in the log: ERR_PTR(-EINVAL, -EUCLEAN, -EOPNOTSUPP, -EIO, -ENOMEM, -EROFS: dirty, and the device cannot be written). */
struct journal *journal_open(const struct journal_setup *s);
/* From here on there are commits; again after a rest. 0, -EIO or -ENOMEM. */
int journal_begin(struct journal *j);
/* Everything to its place, and the log says that it is empty, until journal_begin; the caller lets nobody change a block meanwhile. 0 or -errno. */
int journal_rest(struct journal *j);
/* Everything to its place; the log is empty afterwards. 0 or the error that made it stop before. */
int journal_close(struct journal *j);
/* How long a transaction is open at most: those from now on. 5 seconds if nothing is said. */
void journal_set_period(struct journal *j, u32 seconds);
bool journal_was_dirty(const struct journal *j);
bool journal_had_error(const struct journal *j); /* it was stopped when it was used last */
int journal_error(const struct journal *j);
/* Stops it for ever: no commit, no start from now on (-EROFS). */
void journal_abort(struct journal *j, int err);

/* j may be NULL. Nests. ERR_PTR(-EROFS: aborted, -ENOMEM, -ENOSPC: more than a transaction can be). */
struct journal_handle *journal_start(struct journal *j, u32 credits);
int journal_stop(struct journal_handle *h);
/* More blocks for a handle: true if its transaction has room. */
bool journal_extend(struct journal_handle *h, u32 credits);
/* Ends what was done so far, consistent in itself, and goes on in a transaction with room for `credits`: 0 or -errno. Not nested. */
int journal_restart(struct journal_handle *h, u32 credits);

/* The buffer will be changed: 0 or -errno. May wait for it to be written to its place. */
int journal_access(struct journal_handle *h, struct buffer *b);
/* It was changed. */
void journal_dirty(struct journal_handle *h, struct buffer *b);
/* A block of metadata is free: what the log has of it must not be replayed. b NULL: it is not in memory. */
int journal_revoke(struct journal_handle *h, struct block_device *dev, u64 block, u32 size);
/* ji's data go to the disk before this handle's transaction. */
void journal_order(struct journal_handle *h, struct journal_inode *ji);
/* Does a commit that is under way still want ji's data on the disk? Then they must not go from memory unwritten. The caller has a handle. */
bool journal_wants_data(struct journal *j, struct journal_inode *ji);
/* The inode goes. */
void journal_inode_release(struct journal *j, struct journal_inode *ji);

u32 journal_tid(const struct journal_handle *h);   /* of its transaction; 0 without a journal */
static inline bool tid_geq(u32 a, u32 b) { return (s32)(a - b) >= 0; }
/* Has that transaction to be committed still? */
bool journal_needs_commit(struct journal *j, u32 tid);
/* Is it on its way already? Its last flush then may not cover what the caller has written besides. */
bool journal_is_committing(struct journal *j, u32 tid);
/* The newest transaction that is not committed: what has been read from the cache of buffers may be its work. 0: there is none. */
u32 journal_open_tid(struct journal *j);
/* Commits up to tid, and waits: 0 or -errno. */
int journal_commit(struct journal *j, u32 tid);
/* Commits what there is. With `wait`, waits. */
int journal_commit_all(struct journal *j, bool wait);
/* Commits, and writes all to its place. */
int journal_flush(struct journal *j);

#endif
