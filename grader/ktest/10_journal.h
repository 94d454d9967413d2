/* Logs on the tests' disk: one that stands there, what is found in one, and a journal at work. */
#ifndef KTEST_10_JOURNAL_H
#define KTEST_10_JOURNAL_H

#include "10_ramdisk.h"
#include "fs/jbd2/jbd2_priv.h"

#define LOG_AT 16u                   /* the disk's block that is the log's block 0 */
#define LOG_COUNT 1024u
#define HOME 2000u                   /* blocks from here on are for what the log is about */
#define FORMS 3                      /* plain; numbers of 64 bits; those, and checksums */

/* Contents of a block, which version and block decide. */
void block_fill(u8 *at, u64 block, u32 version);
bool block_is(const u8 *at, u64 block, u32 version);
static inline u8 *log_at(struct ramdisk *r, u32 log_block) { return ramdisk_block(r, LOG_AT + log_block); }
static inline u64 log_sector(u32 log_block) { return (u64)(LOG_AT + log_block) * (RAM_BLOCK / SECTOR_SIZE); }

/* A log's superblock on the disk; start 0: the log is empty. */
void log_make(struct ramdisk *r, int form, u32 start, u32 sequence);
struct jbd2_super *log_super(struct ramdisk *r);
/* journal_open on it. */
struct journal *log_open(struct ramdisk *r, int form);

/* Writing a log as JBD2 would, without the kernel's code for it. */
struct scribe {
	struct ramdisk *r;
	int form;
	u32 at;
	u32 tid;
};
struct scribbled {
	u64 block;
	u32 version;                 /* of its contents */
	bool escape;                 /* they begin with the magic number */
};
void scribe_copies(struct scribe *s, const struct scribbled *blocks, u32 n);
void scribe_revokes(struct scribe *s, const u64 *blocks, u32 n);
void scribe_commit(struct scribe *s); /* and on to the next transaction */

/* Reading one. */
#define FOUND_MAX 700
struct found {
	u32 copies, revokes, descriptors, revoke_blocks;
	struct {
		u64 block;
		u32 flags, at;       /* the log block that is its copy */
	} copy[FOUND_MAX];
	u64 revoked[FOUND_MAX];
	bool committed;
	u32 end;                     /* the log block behind it */
	const char *wrong;           /* what is not as it should be; NULL: nothing */
};
void log_read(struct ramdisk *r, int form, u32 at, u32 tid, struct found *f);

#endif
