/* Between the files of fs/jbd2: the log's format (big-endian) and the journal itself. */
#ifndef JBD2_PRIV_H
#define JBD2_PRIV_H

#include "fs/jbd2/jbd2.h"

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
	bool was_dirty;
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
u32 journal_tag_bytes(const struct journal *j);
/* crc32c of a block whose checksum field is 0. */
u32 journal_checksum(const struct journal *j, const void *block);

/* journal.c */
int journal_write_super(struct journal *j, u32 start, u32 sequence); /* and flushes */
/* log.c: writing to the log. */
struct log_writer {
	struct journal *journal;
	u32 position;             /* the next log block */
	u32 used;                 /* blocks written */
	u32 pending;              /* atomic: on their way */
	int error;                /* atomic: the first */
	struct list pages;        /* memory to be freed at the end */
	struct block_plug plug;
};
void log_begin(struct log_writer *w, struct journal *j, u32 position);
void *log_new_block(struct log_writer *w, u32 type, u32 tid);  /* a zeroed block with its header, freed by log_end; NULL */
void log_write(struct log_writer *w, const void *data);        /* to the next block of the log; data must hold still until log_wait */
int log_wait(struct log_writer *w);                            /* until all are written: 0 or the first error */
void log_end(struct log_writer *w);
/* commit.c: the transaction into the log. *used: blocks. When it returns 0, the transaction is there for ever. */
int journal_write_transaction(struct journal *j, struct transaction *t, u32 *used);
/* replay.c: the log's transactions to their places. */
int journal_replay(struct journal *j, u32 *next_tid);
int journal_read_block(struct journal *j, u32 log_block, struct buffer **b); /* of the log */
/* checkpoint.c */
/* What can go to its place goes; log space is freed. may_commit: what an open transaction holds is committed first (not from the thread that commits). */
int journal_checkpoint(struct journal *j, bool may_commit);
void journal_commit_thread(void *arg);      /* thread.c */

#endif
