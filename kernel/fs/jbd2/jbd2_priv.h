/* Between the files of fs/jbd2: the log's format (big-endian) and the journal itself. */
#ifndef JBD2_PRIV_H
#define JBD2_PRIV_H

#include "fs/jbd2/jbd2.h"
#include "lib/rbtree.h"

/* --- on disk ------------------------------------------------------------------------------------------------------------- */

#define JBD2_MAGIC 0xc03b3998u
enum { JBD2_DESCRIPTOR = 1, JBD2_COMMIT = 2, JBD2_SUPER_V1 = 3, JBD2_SUPER_V2 = 4, JBD2_REVOKE = 5 };
enum { JBD2_TAG_ESCAPE = 1, JBD2_TAG_SAME_UUID = 2, JBD2_TAG_DELETED = 4, JBD2_TAG_LAST = 8 };
enum { JBD2_COMPAT_CHECKSUM = 1 };
enum { JBD2_INCOMPAT_REVOKE = 1, JBD2_INCOMPAT_64BIT = 2, JBD2_INCOMPAT_ASYNC = 4, JBD2_INCOMPAT_CSUM_V2 = 8, JBD2_INCOMPAT_CSUM_V3 = 16 };
#define JBD2_INCOMPAT_KNOWN (JBD2_INCOMPAT_REVOKE | JBD2_INCOMPAT_64BIT | JBD2_INCOMPAT_ASYNC | JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)

struct jbd2_header {
	u32 magic, type, sequence;
};
struct jbd2_super {
	struct jbd2_header header;
	u32 block_size, maxlen, first;
	u32 sequence, start;      /* the oldest transaction in the log, and where it begins; 0: the log is empty */
	u32 error;
	u32 compat, incompat, ro_compat;
	u8 uuid[16];
	u32 users, dynsuper, max_transaction, max_data;
	u8 checksum_type, padding[3];
	u32 fast_blocks, head, reserved[40];
	u32 checksum;
	u8 user_ids[16 * 48];
};
_Static_assert(sizeof(struct jbd2_super) == 1024, "JBD2");
_Static_assert(offsetof(struct jbd2_super, checksum) == 252, "JBD2");
/* A tag of a descriptor block: with checksums of the third kind … */
struct jbd2_tag3 {
	u32 block, flags, block_high, checksum;
};
/* … and otherwise; block_high is there with 64BIT only. */
struct jbd2_tag {
	u32 block;
	u16 checksum, flags;
	u32 block_high;
};
struct jbd2_revoke_header {
	struct jbd2_header header;
	u32 count;                /* bytes used, this header included */
};
struct jbd2_commit {
	struct jbd2_header header;
	u8 checksum_type, checksum_size, padding[2];
	u32 checksum[8];
	u64 seconds;
	u32 nanoseconds;
} __packed;
_Static_assert(offsetof(struct jbd2_commit, seconds) == 48, "JBD2");

static inline u32 be32(u32 v) { return __builtin_bswap32(v); }
static inline u16 be16(u16 v) { return __builtin_bswap16(v); }
static inline u64 be64(u64 v) { return __builtin_bswap64(v); }

/* --- in memory -------------------------------------------------------------------------------------------------------------- */

/* What goes into the log for one block. */
struct log_entry {
	struct buffer *buffer; /* counted */
	u8 *copy;              /* its contents as they are to be */
};
struct revoke_entry {
	struct list link;
	u64 block;
	struct buffer *buffer; /* counted; NULL: was not in memory */
};

struct transaction {
	u32 tid;
	u32 handles;              /* lock */
	u32 reserved;             /* lock: blocks that open handles may still add */
	bool locked;              /* lock: takes no more handles */
	struct list buffers;      /* lock: running_link */
	u32 buffer_count;         /* lock */
	struct list revokes;      /* lock */
	u32 revoke_count;         /* lock */
	struct list inodes;       /* lock: journal_inode.link */
	u64 deadline;             /* when it is committed at the latest */
	struct log_entry *log;    /* the commit's: buffer_count of them */
	struct list checkpoint;   /* lock: checkpoint_link of buffers that are not at their place */
	u32 start;                /* its first block in the log */
	struct list link;         /* journal->committed */
};

struct journal {
	struct block_device *dev;
	u32 block_size;
	u64 *blocks;
	u32 count, first, max;    /* log blocks; the first that is used; blocks of a transaction at most */
	struct buffer *super;
	u32 incompat;
	u32 seed;                 /* of checksums */
	bool was_dirty, had_error; /* when it was opened */
	u64 period;               /* ns: how long a transaction is open at most */
	const char *name;
	void (*committed)(void *arg, u32 tid);
	void (*aborted)(void *arg, int err);
	void *arg;

	struct spinlock lock;
	struct transaction *running, *committing; /* lock */
	struct list done;         /* lock: committed ones whose log is still needed, oldest first */
	u32 next_tid, committed_tid, wanted_tid;  /* lock */
	u32 head, free;           /* lock: where the log goes on; blocks free in it */
	u32 tail, tail_tid;       /* as in the superblock: checkpoint_mutex */
	int error;                /* lock: why it stopped */
	bool stopping;
	struct wait_queue starters;  /* wait for a transaction that takes handles, or for room */
	struct wait_queue drained;   /* the commit waits for the last handle */
	struct wait_queue finished;  /* wait for a commit */
	struct wait_queue work;      /* the thread */
	struct mutex checkpoint_mutex;
	struct thread *thread;
	bool ended;               /* the thread */
};

static inline bool journal_has_checksums(const struct journal *j) { return j->incompat & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3); }

/* journal.c */
int journal_write_super(struct journal *j, u32 start, u32 sequence); /* it is on the disk then; what was written before need not be */
int journal_read_block(struct journal *j, u32 log_block, struct buffer **b); /* of the log */
/* The log goes round: what follows block `at` of it. */
static inline u32 journal_next_block(const struct journal *j, u32 at) { return at + 1 >= j->count ? j->first : at + 1; }

/* --- log.c: writing to the log ---------------------------------------------------------------------------------------------- */

struct log_writer {
	struct journal *journal;
	u32 position;             /* the next log block */
	u32 used;                 /* blocks written */
	u32 cleared;              /* where zeroes are for the commit block; 0: nowhere yet */
	bool whole;               /* the commit block was the last one */
	u32 pending;              /* atomic: on their way */
	int error;                /* atomic: the first */
	struct list pages;        /* memory to be freed at the end */
	struct block_plug plug;
};
void log_begin(struct log_writer *w, struct journal *j, u32 position);
void *log_new_block(struct log_writer *w, u32 type, u32 tid);  /* a zeroed block with its header, freed by log_end; NULL */
void log_write(struct log_writer *w, const void *data);        /* to the next block of the log: starts it, and does not wait; data must hold still until log_wait */
int log_wait(struct log_writer *w);                            /* until the device has taken all that was written: 0 or the first error */
void log_end(struct log_writer *w);

/* --- format.c: descriptor, revoke and commit blocks, in whatever form this journal has them ------------------------------------ */

/*
 *   descriptor   header | tag, the log's name | tag | tag | …            a tag: number of a block, flags
 *   revoke       header, length | number | number | …
 */
struct log_block {
	struct journal *journal;
	u8 *data;
	u32 tid, type;
	u32 at;                   /* where the next tag or number is */
	u32 end;
};
struct log_tag {
	u64 block;                /* where the copy belongs */
	u32 flags;                /* JBD2_TAG_* */
	u32 checksum;
};
/* A new descriptor or revoke block: 0 or -ENOMEM. How many tags or numbers it takes still. One more of them. To the log with it. */
int log_block_begin(struct log_writer *w, struct log_block *b, u32 type, u32 tid);
u32 log_block_room(const struct log_block *b);
void log_put_tag(struct log_block *b, u64 block, u32 flags, const void *copy); /* a tag without JBD2_TAG_SAME_UUID is followed by the log's name: the first; copy: as it goes into the log */
void log_put_revoke(struct log_block *b, u64 block);
void log_block_write(struct log_writer *w, struct log_block *b);
void *log_new_commit(struct log_writer *w, u32 tid); /* a commit block, ready for log_write; NULL */

/* Is it a block of the log's own, of transaction tid? *type: JBD2_*. */
bool log_is_block(const void *data, u32 tid, u32 *type);
/* Begins to read a descriptor or revoke block: 0, or -EUCLEAN if it is damaged. Then its tags or numbers: false if there is no further one. */
int log_block_open(struct journal *j, struct log_block *b, void *data, u32 tid);
bool log_get_tag(struct log_block *b, struct log_tag *t);
bool log_get_revoke(struct log_block *b, u64 *block);
bool log_copy_ok(struct journal *j, u32 tid, const struct log_tag *t, const void *copy); /* by its checksum, if there are any */
bool log_commit_ok(struct journal *j, void *data);                                      /* the same */

/* --- commit (the student's, commit.c) ---------------------------------------------------------------------------------------- */

/*
 * The running transaction to the log, if there is one; the thread that commits calls it. The steps, in thread.c:
 *
 *   commit_lock           no handle joins any more: the transaction, or NULL
 *   commit_wait_handles   until those that joined are done
 *   commit_copy           copies of its buffers: t->log, t->buffer_count of them
 *   commit_let_go         a new transaction may begin, and change the buffers; t->start is where t goes in the log
 *   commit_write_data     the data of its inodes to the disk, and waits; what could not be written is told by fsync, and is no reason not to commit
 *   commit_done           the log has it, in `used` blocks: its buffers may go to their places, who waited for it goes on
 *   commit_failed         it is not in the log, and never will be: the journal ends. Behind commit_copy and commit_let_go, whatever failed: it gives back what they made
 *
 * A journal that has ended already (journal_error) commits nothing more, and writes no data either: its transaction only fails.
 */
void journal_commit_running(struct journal *j);
struct transaction *commit_lock(struct journal *j);
void commit_wait_handles(struct journal *j, struct transaction *t);
void commit_copy(struct journal *j, struct transaction *t);
void commit_let_go(struct journal *j, struct transaction *t);
void commit_write_data(struct journal *j, struct transaction *t);
void commit_done(struct journal *j, struct transaction *t, u32 used);
void commit_failed(struct journal *j, struct transaction *t, int err);

/* t->revokes to the log, in as many revoke blocks as they need, none if there are none: 0 or -ENOMEM. Does not wait. */
int journal_write_revokes(struct log_writer *w, struct transaction *t);
/* t->log to the log, behind as many descriptors as they need: 0 or -ENOMEM. Does not wait. */
int journal_write_copies(struct log_writer *w, struct transaction *t);
/* All of t into the log, from t->start on. *used: blocks. When it returns 0, the transaction is there for ever. */
int journal_write_transaction(struct journal *j, struct transaction *t, u32 *used);

/* --- replay (the student's, replay.c) ---------------------------------------------------------------------------------------- */

struct recovery {
	u32 start;                /* where in the log the oldest transaction begins */
	u32 first;                /* its tid */
	u32 end;                  /* the first tid that is not complete in the log; one with its commit block is, though something in it be damaged */
	u32 replayed, skipped;    /* copies that were not revoked, also where a newer one of the same block follows; that were revoked */
};
/* What is in the log to its place, and on the medium: 0 or -errno. r->start and r->first are given, the rest is told, whatever comes. */
int journal_replay(struct journal *j, struct recovery *r);
/* revoked.c: the last transaction in which each block was revoked. 0 or -ENOMEM; false: it was not. */
int revoked_add(struct rbtree *t, u64 block, u32 tid);
bool revoked_last(struct rbtree *t, u64 block, u32 *tid);
void revoked_free(struct rbtree *t);

/* checkpoint.c */
/* What can go to its place goes; log space is freed. may_commit: what an open transaction holds is committed first (not from the thread that commits). */
int journal_checkpoint(struct journal *j, bool may_commit);
void journal_commit_thread(void *arg);      /* thread.c */

#endif
