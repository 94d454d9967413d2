/*
 * Errors of write-back, each told once to everyone who asks.
 *
 * A page that could not be written belongs to no call; who hears of it is every file that was open by then, at its next fsync, once. So a cache has not an error but
 * a number that changes with each, and a file remembers the one that it saw last:
 *
 *     bits  0…11  the error last noted          12  somebody was told          13…31  how many there were
 *
 * The count goes on only when the error before it was told: else nobody could tell two in a row from one, and the bits last longer. One that nobody was told
 * of yet is told to a file that is opened afterwards, too.
 */
#include "vfs_priv.h"

#define ERROR_MASK 0xfffu
#define TOLD 0x1000u
#define ONE 0x2000u

void error_seq_note(u32 *seq, int err)
{
	u32 old = atomic_load(seq), new;

	do {
		new = (old & ~(ERROR_MASK | TOLD)) | ((u32)-err & ERROR_MASK);
		if (old & TOLD)
			new += ONE;
	} while (new != old && !__atomic_compare_exchange_n(seq, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

int error_seq_value(u32 seq)
{
	return -(int)(seq & ERROR_MASK);
}

u32 error_seq_sample(const u32 *seq)
{
	u32 now = atomic_load(seq);

	return now & TOLD ? now : 0;
}

int error_seq_since(u32 *seq, u32 *seen)
{
	u32 now = atomic_load(seq);

	if (now == READ_ONCE(*seen))
		return 0;
	while (!(now & TOLD) && !__atomic_compare_exchange_n(seq, &now, now | TOLD, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	now |= TOLD;
	/* Of two that ask through one file at a time, one is told. */
	return atomic_xchg(seen, now) == now ? 0 : -(int)(now & ERROR_MASK);
}

void pagecache_note_error(struct pagecache *pc, int err)
{
	error_seq_note(&pc->error, err);
	if (pc->inode->sb)
		error_seq_note(&pc->inode->sb->error, err);
}

void file_sample_errors(struct file *f)
{
	f->errors_seen = error_seq_sample(&f->inode->cache.error);
	f->fs_errors_seen = f->inode->sb ? error_seq_sample(&f->inode->sb->error) : 0;
}

int file_writeback(struct file *f, s64 start, s64 end)
{
	struct pagecache *pc = &f->inode->cache;
	int err = pagecache_writeback(pc, (u64)start, (u64)end, true), kept = error_seq_since(&pc->error, &f->errors_seen);

	return kept ? kept : err;
}
