/* Stage 10: after a crash the log's transactions come to their places; the logs are written by the test. */
#include "core/ktest.h"

#include "10_journal.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"

/* Opens and closes the journal: what opening answered. */
static int replay(struct ramdisk *r, int form)
{
	struct journal *j;

	ramdisk_forget(r);
	j = log_open(r, form);
	if (IS_ERR(j))
		return (int)PTR_ERR(j);
	ramdisk_mark(r, 1);
	KEXPECT(journal_was_dirty(j));
	KEXPECT_EQ(journal_close(j), 0);
	KEXPECT_EQ(log_super(r)->start, 0);
	return 0;
}

static bool home_is(struct ramdisk *r, u64 block, u32 version)
{
	return block_is(ramdisk_block(r, block), block, version);
}

static bool untouched(struct ramdisk *r, u64 block)
{
	u8 *at = ramdisk_block(r, block);

	for (u32 i = 0; i < RAM_BLOCK; i++)
		if (at[i])
			return false;
	return true;
}

/* The log that starts at `start` with transaction `tid`. */
static struct scribe scribe_at(struct ramdisk *r, int form, u32 start, u32 tid)
{
	log_make(r, form, start, tid);
	return (struct scribe){ .r = r, .form = form, .at = start, .tid = tid };
}

static void one_copy(struct scribe *s, u64 block, u32 version)
{
	scribe_copies(s, &(struct scribbled){ block, version, false }, 1);
}

/* Does anybody still count the block's buffer? */
static bool held(struct ramdisk *r, u64 block)
{
	struct buffer *b = buffer_find(r->dev, block);
	bool others = b && atomic_load(&b->refs) != 1;

	buffer_put(b);
	return others;
}

KTEST(10, what_was_committed_comes_back)
{
	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		struct scribbled blocks[40];
		struct scribe s;
		u32 wrong = 0;

		if (!r)
			return;
		s = scribe_at(r, form, 1 + (u32)(ktest_random() % 100), 40);
		for (u32 i = 0; i < 40; i++)
			blocks[i] = (struct scribbled){ HOME + 5ul * i, 1 + i, false };
		scribe_copies(&s, blocks, 30);
		scribe_copies(&s, blocks + 30, 10); /* a second descriptor of the same transaction */
		scribe_commit(&s);
		one_copy(&s, HOME + 5, 99);         /* and another transaction */
		one_copy(&s, HOME + 1, 98);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, form), 0);
		for (u32 i = 0; i < 40; i++)
			wrong += i != 1 && !home_is(r, HOME + 5ul * i, 1 + i);
		KEXPECT_EQ(wrong, 0);
		KEXPECT(home_is(r, HOME + 5, 99));
		KEXPECT(home_is(r, HOME + 1, 98));
		for (u32 i = wrong = 0; i < 40; i++)
			wrong += held(r, HOME + 5ul * i);
		KEXPECT_EQ(wrong, 0);
		/* Later transactions must not be taken for these. */
		KEXPECT((s32)(be32(log_super(r)->sequence) - 42) >= 0);
	}
}

KTEST(10, the_newest_copy_wins)
{
	struct ramdisk *r = ramdisk_get();
	struct scribe s;

	if (!r)
		return;
	s = scribe_at(r, 0, 1, 0xfffffffd); /* numbers of transactions go round as well */
	for (u32 version = 1; version <= 6; version++) {
		one_copy(&s, HOME, version);
		if (version < 4)
			one_copy(&s, HOME + 1, version);
		scribe_commit(&s);
	}
	KEXPECT_EQ(replay(r, 0), 0);
	KEXPECT(home_is(r, HOME, 6));
	KEXPECT(home_is(r, HOME + 1, 3));
}

KTEST(10, the_log_ends_where_a_commit_block_is_missing)
{
	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		struct scribe s;

		if (!r)
			return;
		s = scribe_at(r, form, 7, 20);
		one_copy(&s, HOME, 1);
		scribe_commit(&s);
		/* This one was cut short: it never happened, and what it revokes is not revoked. */
		scribe_revokes(&s, (u64[]){ HOME }, 1);
		one_copy(&s, HOME + 1, 2);
		KEXPECT_EQ(replay(r, form), 0);
		KEXPECT(home_is(r, HOME, 1));
		KEXPECT(untouched(r, HOME + 1));
	}
}

KTEST(10, the_log_ends_where_another_transaction_begins)
{
	/* What lies behind it is in order all the same: of the round before, or one number too far, since 21 is missing. */
	static const u32 behind[] = { 12, 22 };
	struct ramdisk *r;
	struct scribe s;

	for (size_t k = 0; k < ARRAY_SIZE(behind); k++) {
		r = ramdisk_get();
		if (!r)
			return;
		s = scribe_at(r, 0, 3, 20);
		one_copy(&s, HOME, 1);
		scribe_commit(&s);
		s.tid = behind[k];
		one_copy(&s, HOME, 5);
		one_copy(&s, HOME + 1, 5);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, 0), 0);
		KEXPECT(home_is(r, HOME, 1));
		KEXPECT(untouched(r, HOME + 1));
	}

	/* A commit block that belongs to an older transaction ends none. */
	r = ramdisk_get();
	s = scribe_at(r, 0, 3, 20);
	one_copy(&s, HOME + 1, 5);
	s.tid = 19;
	scribe_commit(&s);
	KEXPECT_EQ(replay(r, 0), 0);
	KEXPECT(untouched(r, HOME + 1));
}

/* What was gathered about them is given back: 20,000 in all, beside which what lies about for later is little. */
static void revokes_are_forgotten(void)
{
	enum { EACH = 250, BLOCKS = 20, TURNS = 4 };
	u64 some[EACH], before = slab_all_in_use();

	for (int turn = 0; turn < TURNS; turn++) {
		struct ramdisk *r = ramdisk_get();
		if (!r)
			return;
		struct scribe s = scribe_at(r, 0, 1, 20);
		for (u32 i = 0; i < BLOCKS; i++) {
			for (u32 k = 0; k < EACH; k++)
				some[k] = HOME + i * EACH + k;
			scribe_revokes(&s, some, EACH);
		}
		bool bad = turn % 2; /* on the way back from an error too */
		if (bad)
			one_copy(&s, RAM_SECTORS / (RAM_BLOCK / SECTOR_SIZE), 1);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, 0), bad ? -EUCLEAN : 0);
	}
	KEXPECT(slab_all_in_use() < before + BLOCKS * EACH);
}

KTEST(10, revoked_blocks_are_left_alone)
{
	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		u64 many[100];
		struct scribe s;

		if (!r)
			return;
		s = scribe_at(r, form, 1000, 20);
		one_copy(&s, HOME, 1);     /* revoked by the next transaction */
		one_copy(&s, HOME + 1, 1); /* by the one after that, and written again later */
		one_copy(&s, HOME + 2, 1); /* by this one */
		one_copy(&s, HOME + 3, 1); /* never */
		one_copy(&s, HOME + 4, 1); /* twice */
		scribe_revokes(&s, (u64[]){ HOME + 2 }, 1);
		scribe_commit(&s);
		for (u32 i = 0; i < 100; i++)
			many[i] = HOME + 500 + 7ul * i;
		many[50] = HOME;
		many[99] = HOME + 4;
		scribe_revokes(&s, many, 100);
		scribe_commit(&s);
		scribe_revokes(&s, (u64[]){ HOME + 1 }, 1);
		one_copy(&s, HOME + 4, 2); /* a new life, that ends as well */
		scribe_commit(&s);
		one_copy(&s, HOME + 1, 4);
		scribe_revokes(&s, (u64[]){ HOME + 4 }, 1);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, form), 0);
		KEXPECT(untouched(r, HOME));
		KEXPECT(home_is(r, HOME + 1, 4));
		KEXPECT(untouched(r, HOME + 2));
		KEXPECT(home_is(r, HOME + 3, 1));
		KEXPECT(untouched(r, HOME + 4));
	}
	revokes_are_forgotten();
}

KTEST(10, escaped_copies_get_their_first_word_back)
{
	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		struct scribbled blocks[] = { { HOME, 1, false }, { HOME + 1, 2, true }, { HOME + 2, 3, false } };
		u8 wanted[RAM_BLOCK];
		u32 magic = be32(JBD2_MAGIC);
		struct scribe s;

		if (!r)
			return;
		s = scribe_at(r, form, 1, 20);
		scribe_copies(&s, blocks, 3);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, form), 0);
		block_fill(wanted, HOME + 1, 2);
		memcpy(wanted, &magic, 4);
		KEXPECT_EQ(memcmp(ramdisk_block(r, HOME + 1), wanted, RAM_BLOCK), 0);
		KEXPECT(home_is(r, HOME, 1));
		KEXPECT(home_is(r, HOME + 2, 3));
	}
}

KTEST(10, a_log_goes_on_at_its_beginning)
{
	for (u32 start = LOG_COUNT - 12; start < LOG_COUNT; start++) {
		struct ramdisk *r = ramdisk_get();
		struct scribbled blocks[9];
		u32 wrong = 0;
		struct scribe s;

		if (!r)
			return;
		s = scribe_at(r, start % FORMS, start, 20);
		for (u32 i = 0; i < 9; i++)
			blocks[i] = (struct scribbled){ HOME + i, start, false };
		scribe_copies(&s, blocks, 9);
		scribe_commit(&s);
		one_copy(&s, HOME + 9, start);
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, start % FORMS), 0);
		for (u32 i = 0; i < 10; i++)
			wrong += !home_is(r, HOME + i, start);
		KEXPECT_EQ(wrong, 0);
	}
}

/* The log is marked as empty when all of it is on the medium, not before: a power cut in between would lose it. */
KTEST(10, a_log_is_emptied_when_all_of_it_is_on_the_medium)
{
	struct ramdisk *r = ramdisk_get();
	u32 last = 0, flush = 0, ended = 0, super = 0, homes = 0;
	struct scribe s;

	if (!r)
		return;
	s = scribe_at(r, 0, 1, 20);
	for (u32 i = 0; i < 10; i++)
		one_copy(&s, HOME + 5ul * i, 1);
	scribe_commit(&s);
	KEXPECT_EQ(replay(r, 0), 0);
	for (u32 i = 0; i < r->count; i++) {
		const struct ram_event *e = &r->events[i];
		bool home = e->op == BLOCK_WRITE && e->sector >= HOME * (RAM_BLOCK / SECTOR_SIZE);

		if (e->what == RAM_END && home)
			homes++, last = i;
		if (!super && e->what == RAM_BEGIN && e->op == BLOCK_WRITE && e->sector == log_sector(0))
			super = i;
	}
	for (u32 i = last + 1; i < super; i++) {
		if (r->events[i].op != BLOCK_FLUSH)
			continue;
		if (r->events[i].what == RAM_BEGIN)
			flush = i;
		else if (flush)
			ended = i;
	}
	KEXPECT_EQ(homes, 10);
	KEXPECT(super > last);
	KEXPECT(flush && ended);

	/* What cannot be written is not forgotten: the log stays. */
	r = ramdisk_get();
	s = scribe_at(r, 0, 1, 20);
	one_copy(&s, HOME, 1);
	scribe_commit(&s);
	r->bad_sector = HOME * (RAM_BLOCK / SECTOR_SIZE);
	KEXPECT(replay(r, 0) < 0);
	r->bad_sector = 0;
	KEXPECT_EQ(be32(log_super(r)->start), 1);
}

KTEST(10, a_damaged_log_does_no_harm)
{
	struct ramdisk *r = ramdisk_get();
	struct scribe s;

	if (!r)
		return;
	s = scribe_at(r, 1, 1, 20); /* a place that is not on the disk */
	one_copy(&s, HOME, 1);
	one_copy(&s, RAM_SECTORS / (RAM_BLOCK / SECTOR_SIZE), 1);
	scribe_commit(&s);
	KEXPECT_EQ(replay(r, 1), -EUCLEAN);
	KEXPECT_EQ(be32(log_super(r)->start), 1);

	r = ramdisk_get(); /* nothing but descriptors: round and round without an end */
	s = scribe_at(r, 0, 1, 20);
	for (u32 i = 0; i < LOG_COUNT; i++) {
		s.at = 1 + i % (LOG_COUNT - 1);
		one_copy(&s, HOME, 1);
	}
	memcpy(log_at(r, 2), log_at(r, 1), RAM_BLOCK); /* the last one's copy */
	KEXPECT_EQ(replay(r, 0), 0);
	KEXPECT(untouched(r, HOME));

	r = ramdisk_get(); /* nor with revoke blocks, all of one transaction */
	s = scribe_at(r, 0, 1, 20);
	for (u32 i = 1; i < LOG_COUNT; i++) {
		s.at = i;
		scribe_revokes(&s, (u64[]){ HOME }, 1);
	}
	KEXPECT_EQ(replay(r, 0), 0);
	KEXPECT(untouched(r, HOME));

	r = ramdisk_get(); /* a revoke block that is longer than a block */
	s = scribe_at(r, 0, 1, 20);
	scribe_revokes(&s, (u64[]){ HOME }, 1);
	((struct jbd2_revoke_header *)log_at(r, 1))->count = be32(RAM_BLOCK + 400);
	scribe_commit(&s);
	KEXPECT_EQ(replay(r, 0), -EUCLEAN);

	for (int escape = 0; escape < 2; escape++) { /* a copy that is not what was written: its checksum tells */
		r = ramdisk_get();
		s = scribe_at(r, 2, 1, 20);
		scribe_copies(&s, &(struct scribbled){ HOME, 1, escape }, 1);
		log_at(r, 2)[100] ^= 1;
		scribe_commit(&s);
		KEXPECT_EQ(replay(r, 2), -EUCLEAN);
		KEXPECT(untouched(r, HOME));
	}

	for (int counts = 0; counts < 2; counts++) { /* a descriptor: of a transaction that counts it is damage, of the last one it was not written whole */
		r = ramdisk_get();
		s = scribe_at(r, 2, 1, 20);
		one_copy(&s, HOME, 1);
		scribe_commit(&s);
		one_copy(&s, HOME + 1, 1);
		log_at(r, 4)[500] ^= 1;
		if (counts)
			scribe_commit(&s);
		KEXPECT_EQ(replay(r, 2), counts ? -EUCLEAN : 0);
		KEXPECT(counts ? be32(log_super(r)->start) == 1 : home_is(r, HOME, 1));
		KEXPECT(untouched(r, HOME + 1));
	}

	r = ramdisk_get(); /* a commit block whose checksum is wrong was not written whole: the end */
	s = scribe_at(r, 2, 1, 20);
	one_copy(&s, HOME, 1);
	scribe_commit(&s);
	one_copy(&s, HOME + 1, 1);
	scribe_commit(&s);
	log_at(r, 6)[52] ^= 1;
	KEXPECT_EQ(replay(r, 2), 0);
	KEXPECT(home_is(r, HOME, 1));
	KEXPECT(untouched(r, HOME + 1));
}
