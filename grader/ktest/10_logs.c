/*
 * Stage 10: logs at random, beside a model of what a replay makes of them. The test writes them: transactions with copies and revokes in any order, the last one perhaps unfinished,
 * something that looks well behind it; one block may be damaged, a request of the disk may fail, memory may be short for once. Then it is done once more, without that.
 */
#include "core/ktest.h"

#include "10_journal.h"
#include "block/buffer.h"
#include "core/err.h"
#include "lib/string.h"

enum { ROUNDS = 40, HOMES = 24, TRANSACTIONS = 7, COPIES = 500, BLOCKS = LOG_COUNT };

static struct ramdisk *disk;
static struct scribe scribe;
static bool wrong;

/* What was written: copies in their order, and each block of the log. */
static struct {
	u32 home, version, transaction;
	bool escape, damaged;
} copies[COPIES];
static struct {
	u32 at, type, transaction, copy; /* type 0: a copy, and which */
} blocks[BLOCKS];
static u32 copy_count, block_count;
static s32 revoked[HOMES][2];  /* the last transaction that revokes it, -1: none; [1]: without the unfinished one */
static u32 transactions;       /* that are complete */
static bool damaged;           /* a block that counts: nothing may be made of the log */

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return (u32)(ktest_random() % n); }

/* --- a log ------------------------------------------------------------------------------------------------------------- */

static void note_block(u32 type, u32 transaction, u32 copy)
{
	u32 at = block_count ? blocks[block_count - 1].at + 1 : scribe.at;

	if (block_count < BLOCKS)
		blocks[block_count++] = (typeof(blocks[0])){ at == LOG_COUNT ? 1 : at, type, transaction, copy };
}

static void some_copies(u32 t)
{
	u32 n = 1 + dice(dice(3) ? 4 : HOMES), first = dice(HOMES);
	struct scribbled list[HOMES];

	if (copy_count + n > COPIES)
		return;
	note_block(JBD2_DESCRIPTOR, t, 0);
	for (u32 i = 0; i < n; i++) {
		u32 home = (first + 5 * i) % HOMES;
		copies[copy_count] = (typeof(copies[0])){ home, 1 + copy_count, t, !dice(5), false };
		list[i] = (struct scribbled){ HOME + home, 1 + copy_count, copies[copy_count].escape };
		note_block(0, t, copy_count++);
	}
	scribe_copies(&scribe, list, n);
}

static void some_revokes(u32 t, bool complete)
{
	u64 list[2 * HOMES];
	u32 n = 1 + dice(6);

	for (u32 i = 0; i < n; i++) {
		u32 home = dice(HOMES);
		list[i] = HOME + (dice(4) ? home : HOMES + home); /* others are revoked too */
		if (list[i] >= HOME + HOMES)
			continue;
		revoked[home][0] = (s32)t;
		if (complete)
			revoked[home][1] = (s32)t;
	}
	note_block(JBD2_REVOKE, t, 0);
	scribe_revokes(&scribe, list, n);
}

static void a_commit(u32 t)
{
	note_block(JBD2_COMMIT, t, 0);
	scribe_commit(&scribe);
}

static void a_transaction(u32 t, bool complete)
{
	for (u32 parts = 1 + dice(4); parts; parts--)
		if (dice(3))
			some_copies(t);
		else
			some_revokes(t, complete);
	if (complete)
		a_commit(t);
}

/* Behind the end there may be what an older round left, or what came to be there by other ways: it looks perfectly well. */
static void something_behind(u32 tid)
{
	struct scribbled one = { HOME + dice(HOMES), 7777, false };
	u32 kind = dice(4);

	if (!kind)
		return;
	if (kind == 1) { /* a block that nobody knows, and the rest of the transaction */
		struct jbd2_header h = { be32(JBD2_MAGIC), be32(9), be32(tid) };
		memcpy(log_at(disk, scribe.at), &h, sizeof(h));
		scribe.at = scribe.at + 1 == LOG_COUNT ? 1 : scribe.at + 1;
	} else {
		scribe.tid = kind == 2 ? tid - 1 - dice(3) : tid + 1 + dice(3);
	}
	scribe_copies(&scribe, &one, 1);
	scribe_commit(&scribe);
}

static void write_log(struct recovery *rec, int form, bool full)
{
	u64 *words = (u64 *)log_at(disk, 0);

	for (u32 i = 0; i < LOG_COUNT * RAM_BLOCK / 8; i++)
		words[i] = 0;
	log_make(disk, form, 0, 1);
	for (u32 h = 0; h < HOMES; h++) {
		revoked[h][0] = revoked[h][1] = -1;
		block_fill(ramdisk_block(disk, HOME + h), HOME + h, 0);
	}
	copy_count = block_count = 0;
	damaged = false;
	rec->start = 1 + dice(LOG_COUNT - 1);
	rec->first = dice(3) ? (u32)ktest_random() : -dice(TRANSACTIONS + 1); /* numbers of transactions go round */
	rec->end = rec->first;
	rec->replayed = rec->skipped = 0;
	scribe = (struct scribe){ .r = disk, .form = form, .at = rec->start, .tid = rec->first };
	transactions = 1 + dice(TRANSACTIONS);
	for (u32 t = 0; t < transactions; t++)
		a_transaction(t, true);
	if (full) { /* to the last block, which is the last transaction's end */
		while (block_count < LOG_COUNT - 2)
			some_revokes(transactions, true);
		a_commit(transactions++);
	} else {
		if (dice(2))
			a_transaction(transactions, false);
		something_behind(rec->first + transactions);
	}
}

/* --- the model --------------------------------------------------------------------------------------------------------- */

static bool counts(u32 copy)
{
	return copies[copy].transaction < transactions && revoked[copies[copy].home][1] < (s32)copies[copy].transaction;
}

/* One bit of one block is another; where it is the tags and numbers of the block itself stay as they are, and only its checksum tells. */
static void damage(void)
{
	u32 k = dice(block_count), t = blocks[k].transaction, type = blocks[k].type;

	log_at(disk, blocks[k].at)[600 + dice(400)] ^= (u8)(1u << dice(8));
	if (type == JBD2_COMMIT) { /* it was not written whole: here is the end */
		transactions = t;
		for (u32 h = 0; h < HOMES; h++)
			revoked[h][1] = -1;
		for (u32 i = 0; i < block_count; i++) { /* what is revoked before that */
			const struct jbd2_revoke_header *b = (void *)log_at(disk, blocks[i].at);
			u32 length = scribe.form ? 8 : 4;
			if (blocks[i].type != JBD2_REVOKE || blocks[i].transaction >= t)
				continue;
			for (u32 at = sizeof(*b); at < be32(b->count); at += length) {
				u64 home;
				memcpy(&home, (const u8 *)b + at, 8);
				home = be64(home) - HOME;
				if (home < HOMES)
					revoked[home][1] = (s32)blocks[i].transaction;
			}
		}
	} else {
		damaged = t < transactions && (type || counts(blocks[k].copy));
	}
	ktest_note("damaged", type);
}

static bool home_is(u32 home)
{
	u8 wanted[RAM_BLOCK];
	u32 magic = be32(JBD2_MAGIC), last = COPIES;

	for (u32 i = 0; i < copy_count; i++)
		if (copies[i].home == home && counts(i))
			last = i;
	block_fill(wanted, HOME + home, last < COPIES ? copies[last].version : 0);
	if (last < COPIES && copies[last].escape)
		memcpy(wanted, &magic, sizeof(magic));
	return !memcmp(ramdisk_block(disk, HOME + home), wanted, RAM_BLOCK);
}

static bool held(u64 block)
{
	struct buffer *b = buffer_find(disk->dev, block);
	bool others = b && atomic_load(&b->refs) != 1;

	buffer_put(b);
	return others;
}

static void compare(const struct recovery *rec)
{
	u32 replayed = 0, skipped = 0;

	for (u32 i = 0; i < copy_count; i++) {
		replayed += counts(i);
		skipped += copies[i].transaction < transactions && !counts(i);
	}
	for (u32 h = 0; h < HOMES; h++) {
		CHECK(home_is(h));
		CHECK(!held(HOME + h));
	}
	CHECK_EQ(rec->replayed, replayed);
	CHECK_EQ(rec->skipped, skipped);
}

/* --- a round ------------------------------------------------------------------------------------------------------------- */

static u32 allocations_left; /* the last of them fails */
static bool was_short;
static u32 fault_kind;

static bool short_for_once(int kind)
{
	bool now = !kind && allocations_left && !--allocations_left;

	was_short |= now;
	return now;
}

/* Something that goes wrong on the way, or nothing. */
static void random_fault(u32 requests)
{
	memset(disk->fail, 0, sizeof(disk->fail));
	disk->failures = 0;
	allocations_left = 0;
	was_short = false;
	fault_kind = dice(8);
	switch (fault_kind) {
	case 0: disk->fail[BLOCK_READ] = 1 + dice(requests); break;
	case 1: disk->fail[BLOCK_WRITE] = 1 + dice(MIN(requests, 12u)); break;
	case 2: disk->fail[BLOCK_FLUSH] = 1; break;
	case 3:
	case 4: allocations_left = 1 + dice(2 * requests); break;
	}
}

static u32 retried;

static bool has_skipped(void)
{
	for (u32 i = 0; i < copy_count; i++)
		if (copies[i].transaction < transactions && !counts(i))
			return true;
	return false;
}

/* Memory is short for each request in turn. The blocks are in memory by now, so what is asked for is what is noted of the revokes. */
static void short_for_each(struct journal *j, const struct recovery *start)
{
	for (u32 n = 1; n == 1 || (was_short && !wrong); n++) {
		struct recovery rec = *start;
		allocations_left = n;
		was_short = false;
		alloc_fail_hook = short_for_once;
		int err = journal_replay(j, &rec);
		alloc_fail_hook = NULL;
		CHECK(!err || (was_short && err == -ENOMEM));
		if (!err)
			compare(&rec);
	}
}

static void one_round(u32 number)
{
	int form = (int)dice(FORMS), err;
	struct recovery rec;
	struct journal *j;

	buffers_forget(disk->dev);
	write_log(&rec, form, number % 20 == 7);
	j = log_open(disk, form);
	if (!KEXPECT(!IS_ERR(j))) {
		wrong = true;
		return;
	}
	if (form == 2 && dice(2))
		damage();
	struct recovery again = rec;
	random_fault(block_count + 3);
	alloc_fail_hook = short_for_once;
	err = journal_replay(j, &rec);
	alloc_fail_hook = NULL;
	memset(disk->fail, 0, sizeof(disk->fail));
	disk->bad_sector = 0;
	for (u32 i = 0; i < block_count; i++)
		CHECK(!held(LOG_AT + blocks[i].at));
	if (damaged || (disk->failures && fault_kind))
		CHECK(err < 0);
	else if (disk->failures)
		CHECK(!err || err == -EIO); /* a read that is tried again, or was made ahead, need not matter */
	else if (!was_short)
		CHECK_EQ(err, 0);
	if (!err) {
		CHECK_EQ(rec.end, rec.first + transactions);
		compare(&rec);
		if (retried < 3 && has_skipped()) {
			retried++;
			short_for_each(j, &again);
		}
	} else { /* once more, as after the next start */
		buffers_forget(disk->dev);
		CHECK_EQ(journal_replay(j, &again), damaged ? -EUCLEAN : 0);
		CHECK_EQ(again.end, again.first + transactions);
		if (!damaged)
			compare(&again);
	}
	if (wrong) {
		ktest_note("in round", number);
		ktest_note("complete transactions", transactions);
		ktest_note("blocks of the log", block_count);
		ktest_note("its start", rec.start);
		ktest_note("the first transaction", rec.first);
		ktest_note("requests that failed", disk->failures);
		ktest_note("memory was short", was_short);
		ktest_note("fault", fault_kind);
		ktest_note("err", (u64)-err);
	}
	journal_close(j);
}

KTEST(10, logs_at_random)
{
	disk = ramdisk_get();
	if (!disk)
		return;
	wrong = false;
	retried = 0;
	for (u32 i = 0; i < ROUNDS && !wrong; i++)
		one_round(i);
	buffers_forget(disk->dev);
}
