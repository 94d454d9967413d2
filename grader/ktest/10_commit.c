/* Stage 10: a transaction goes into the log, whole or not at all, and in order. */
#include "core/ktest.h"

#include "10_journal.h"
#include "core/err.h"
#include "lib/string.h"
#include "sched/thread.h"

enum { DATA_PAGE = 1800 }; /* of the disk: a file's data */
static struct found found;

/* A journal at work on an empty log; the first transaction will be `tid`. NULL: a check has failed. */
static struct journal *begin(struct ramdisk *r, int form, u32 tid)
{
	struct journal *j;

	log_make(r, form, 0, tid);
	j = log_open(r, form);
	if (!KEXPECT(!IS_ERR(j)))
		return NULL;
	if (!KEXPECT_EQ(journal_begin(j), 0)) {
		journal_close(j);
		return NULL;
	}
	ramdisk_forget(r);
	return j;
}

/* The handle's operation gives a block new contents. */
static bool change(struct ramdisk *r, struct journal_handle *h, u64 block, u32 version, bool magic)
{
	struct buffer *b = buffer_new(r->dev, block, RAM_BLOCK);
	u32 first = be32(JBD2_MAGIC);

	if (!KEXPECT(b && !journal_access(h, b))) {
		buffer_put(b);
		return false;
	}
	block_fill(b->data, block, version);
	if (magic)
		memcpy(b->data, &first, 4);
	journal_dirty(h, b);
	buffer_put(b);
	return true;
}

/* One transaction of n blocks, every tenth of which begins as blocks of the log do, and of `revokes`: its tid, when the log has it; 0. */
static u32 commit(struct ramdisk *r, struct journal *j, u32 n, u32 revokes, u32 version)
{
	struct journal_handle *h = journal_start(j, n + 1);
	u32 tid;

	if (!KEXPECT(!IS_ERR(h)))
		return 0;
	tid = journal_tid(h);
	for (u32 i = 0; i < n; i++)
		if (!change(r, h, HOME + 3ul * i, version, i % 10 == 4))
			break;
	for (u32 i = 0; i < revokes; i++)
		KEXPECT_EQ(journal_revoke(h, r->dev, HOME + 3000 + i, RAM_BLOCK), 0);
	journal_stop(h);
	if (!KEXPECT_EQ(journal_commit(j, tid), 0))
		return 0;
	ramdisk_mark(r, tid);
	return tid;
}

static void check_found(struct ramdisk *r, u32 n, u32 revokes, u32 version)
{
	u32 bad_place = 0, bad_copy = 0, bad_escape = 0, bad_revoke = 0;

	if (found.wrong)
		ktest_check(false, __FILE__, __LINE__, found.wrong);
	KEXPECT(found.committed);
	KEXPECT_EQ(found.copies, n);
	KEXPECT_EQ(found.revokes, revokes);
	for (u32 i = 0; i < MIN(found.copies, n); i++) {
		u64 block = found.copy[i].block, which = (block - HOME) / 3;
		u8 copy[RAM_BLOCK], wanted[RAM_BLOCK];

		bad_place += block < HOME || (block - HOME) % 3 || which >= n;
		bad_escape += !(found.copy[i].flags & JBD2_TAG_ESCAPE) == (which % 10 == 4);
		memcpy(copy, log_at(r, found.copy[i].at), RAM_BLOCK);
		block_fill(wanted, block, version);
		if (which % 10 == 4) {
			bad_escape += copy[0] || copy[1] || copy[2] || copy[3];
			memcpy(copy, wanted, 4);
		}
		bad_copy += memcmp(copy, wanted, RAM_BLOCK) != 0;
		for (u32 k = 0; k < i; k++)
			bad_place += found.copy[k].block == block;
	}
	for (u32 i = 0; i < MIN(found.revokes, revokes); i++)
		bad_revoke += found.revoked[i] != HOME + 3000 + i;
	KEXPECT_EQ(bad_place, 0);
	KEXPECT_EQ(bad_copy, 0);
	KEXPECT_EQ(bad_escape, 0);
	KEXPECT_EQ(bad_revoke, 0);
}

KTEST(10, a_transaction_lies_in_the_log)
{
	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		u32 n = 1 + ktest_random() % 20, tid = 100 + (u32)(ktest_random() % 1000);
		struct journal *j = r ? begin(r, form, tid) : NULL;

		if (!j)
			return;
		KEXPECT_EQ(commit(r, j, n, 3, 7), tid);
		log_read(r, form, 1, tid, &found);
		check_found(r, n, 3, 7);
		/* And the next one behind it, although one block was in both. */
		u32 at = found.end;
		KEXPECT_EQ(commit(r, j, 1, 0, 8), tid + 1);
		log_read(r, form, at, tid + 1, &found);
		check_found(r, 1, 0, 8);
		KEXPECT_EQ(journal_close(j), 0);
		KEXPECT(block_is(ramdisk_block(r, HOME), HOME, 8));
		KEXPECT_EQ(log_super(r)->start, 0);
	}
}

KTEST(10, what_does_not_fit_one_block_goes_on_in_the_next)
{
	static const u16 sizes[] = { 61, 62, 63, 82, 83, 84, 123, 124, 125, 200, 248, 249 };

	for (int form = 0; form < FORMS; form++) {
		struct ramdisk *r = ramdisk_get();
		struct journal *j = r ? begin(r, form, 5) : NULL;

		if (!j)
			return;
		for (u32 i = 0, at = 1; i < ARRAY_SIZE(sizes); i++) {
			u32 revokes = (u32[]){ 0, 125, 252, 253, 600 }[ktest_random() % 5];

			KEXPECT_EQ(commit(r, j, sizes[i], revokes, i), 5 + i);
			log_read(r, form, at, 5 + i, &found);
			check_found(r, sizes[i], revokes, i);
			if (found.wrong)
				break;
			/* No more descriptors than it takes: the first tag has 16 bytes behind it. */
			u32 room = form > 1 ? 62 : form ? 83 : 124;
			KEXPECT_EQ(found.descriptors, DIV_ROUND_UP(sizes[i], room));
			KEXPECT_EQ(found.revoke_blocks, DIV_ROUND_UP(revokes, form > 1 ? 125u : form ? 126u : 252u));
			at = found.end;
		}
		KEXPECT_EQ(journal_close(j), 0);
	}
}

/* --- order ----------------------------------------------------------------------------------------------------------------------- */

static struct ram_event *find(struct ramdisk *r, u32 from, enum ram_what what, enum block_op op, u64 sector)
{
	for (u32 i = from; i < r->count; i++)
		if (r->events[i].what == what && r->events[i].op == op && (op == BLOCK_FLUSH || r->events[i].sector == sector))
			return &r->events[i];
	return NULL;
}

/* Is there a flush that begins behind event `from` and has ended before event `to`? */
static bool flushed_between(struct ramdisk *r, const struct ram_event *from, const struct ram_event *to)
{
	u32 at = (u32)(from - r->events) + 1;
	struct ram_event *b = find(r, at, RAM_BEGIN, BLOCK_FLUSH, 0), *e = b ? find(r, (u32)(b - r->events), RAM_END, BLOCK_FLUSH, 0) : NULL;

	return e && e < to;
}

static struct ram_event *commit_block(struct ramdisk *r, u32 tid)
{
	for (u32 i = 0; i < r->count; i++) {
		struct ram_event *e = &r->events[i];
		if (e->what == RAM_BEGIN && e->op == BLOCK_WRITE && e->words[0] == be32(JBD2_MAGIC) && e->words[1] == be32(JBD2_COMMIT) && e->words[2] == be32(tid))
			return e;
	}
	return NULL;
}

/* Everything that was written before it was begun had ended by then, and was flushed. */
static void check_before(struct ramdisk *r, const struct ram_event *commit)
{
	const struct ram_event *last = r->events;
	u32 unfinished = 0, writes = 0;

	for (u32 i = 0; &r->events[i] < commit; i++) {
		struct ram_event *e = &r->events[i], *end;
		if (e->what != RAM_BEGIN || e->op != BLOCK_WRITE)
			continue;
		writes++;
		end = find(r, i, RAM_END, BLOCK_WRITE, e->sector);
		if (!end || end > commit)
			unfinished++;
		else if (end > last)
			last = end;
	}
	KEXPECT(writes > 0);
	KEXPECT_EQ(unfinished, 0);
	KEXPECT(flushed_between(r, last, commit));
}

/* The commit block was on the medium when who waited went on. */
static void check_after(struct ramdisk *r, const struct ram_event *commit, u32 tid)
{
	struct ram_event *end = find(r, (u32)(commit - r->events), RAM_END, BLOCK_WRITE, commit->sector), *mark = NULL;

	for (u32 i = 0; i < r->count; i++)
		if (r->events[i].what == RAM_MARK && r->events[i].sector == tid)
			mark = &r->events[i];
	KREQUIRE(end && mark);
	KEXPECT(end < mark);
	KEXPECT(flushed_between(r, end, mark));
}

KTEST(10, all_is_on_the_medium_before_the_commit_block_is_written)
{
	for (int turn = 0; turn < 6; turn++) {
		struct ramdisk *r = ramdisk_get();
		struct journal *j = r ? begin(r, turn % FORMS, 9) : NULL;
		struct ram_event *c;

		if (!j)
			return;
		KEXPECT_EQ(commit(r, j, 1 + ktest_random() % 150, turn % 2 * 300, 1), 9);
		c = commit_block(r, 9);
		KEXPECT(!r->overflow);
		if (KEXPECT(c != NULL))
			check_before(r, c);
		KEXPECT_EQ(journal_close(j), 0);
	}
}

KTEST(10, the_commit_block_is_on_the_medium_before_anybody_goes_on)
{
	for (int turn = 0; turn < 6; turn++) {
		struct ramdisk *r = ramdisk_get();
		struct journal *j = r ? begin(r, turn % FORMS, 9) : NULL;
		struct ram_event *c;

		if (!j)
			return;
		KEXPECT_EQ(commit(r, j, 1 + ktest_random() % 10, 0, 1), 9);
		c = commit_block(r, 9);
		if (KEXPECT(c != NULL))
			check_after(r, c, 9);
		KEXPECT_EQ(journal_close(j), 0);
	}
}

/* The power fails while the commit block is written: its first sector is new, the rest is of the round before. */
KTEST(10, a_torn_commit_block_is_whole_or_none)
{
	for (int turn = 0; turn < 6; turn++) {
		struct ramdisk *r = ramdisk_get();
		u32 n = 1 + ktest_random() % 20;
		struct journal *j;

		if (!r)
			return;
		for (u32 i = 1; i < LOG_COUNT; i++)
			block_fill(log_at(r, i), i, 3);
		j = begin(r, turn % FORMS, 9);
		if (!j)
			return;
		r->torn[0] = be32(JBD2_MAGIC);
		r->torn[1] = be32(JBD2_COMMIT);
		KEXPECT_EQ(commit(r, j, n, 0, 1), 9);
		log_read(r, turn % FORMS, 1, 9, &found);
		check_found(r, n, 0, 1);
		KEXPECT(block_is(log_at(r, found.end), found.end, 3)); /* what follows may be needed still */
		KEXPECT_EQ(journal_close(j), 0);
	}
}

/* A page of the device's own cache stands for a file's data. */
/* A file's data are changed, and are to be on the disk before the handle's operation counts. */
static void change_data(struct ramdisk *r, struct journal_handle *h, struct journal_inode *ji, u8 byte)
{
	struct frame *f = pagecache_get(&r->dev->inode->cache, DATA_PAGE, true);

	*ji = (struct journal_inode){ .inode = r->dev->inode };
	list_init(&ji->link);
	if (!KEXPECT(f && !IS_ERR(f)))
		return;
	memset(frame_to_virt(f), byte, PAGE_SIZE);
	pagecache_mark_dirty(&r->dev->inode->cache, f);
	frame_put(f);
	journal_order(h, ji);
}

static u8 data_on_disk(const struct ramdisk *r) { return r->memory[DATA_PAGE * PAGE_SIZE]; }

KTEST(10, data_go_to_the_disk_before_the_transaction_does)
{
	struct ramdisk *r = ramdisk_get();
	struct journal *j = r ? begin(r, 0, 9) : NULL;
	struct journal_inode ji;
	struct journal_handle *h;
	struct ram_event *c, *data;

	if (!j)
		return;
	h = journal_start(j, 4);
	if (KEXPECT(!IS_ERR(h))) {
		change_data(r, h, &ji, 0x5a);
		change(r, h, HOME, 1, false);
		journal_stop(h);
		KEXPECT_EQ(journal_commit(j, 9), 0);
		c = commit_block(r, 9);
		data = find(r, 0, RAM_END, BLOCK_WRITE, DATA_PAGE * (PAGE_SIZE / SECTOR_SIZE));
		if (KEXPECT(c && data))
			KEXPECT(flushed_between(r, data, c));
		KEXPECT_EQ(data_on_disk(r), 0x5a);
	}
	/* Also if they are all that there is. */
	h = journal_start(j, 4);
	if (KEXPECT(!IS_ERR(h))) {
		change_data(r, h, &ji, 0x6b);
		journal_stop(h);
		KEXPECT_EQ(journal_commit(j, 10), 0);
		KEXPECT_EQ(data_on_disk(r), 0x6b);
	}
	KEXPECT_EQ(journal_close(j), 0);
	block_device_flush_cache(r->dev);
}

/* What is clean has no age: the next page that is changed is as old as its change, not as one before it. */
KTEST(10, age_begins_with_the_first_change)
{
	struct ramdisk *r = ramdisk_get();
	struct pagecache *pc = r ? &r->dev->inode->cache : NULL;

	KREQUIRE(r != NULL);
	for (int turn = 0; turn < 2; turn++) {
		struct frame *f = pagecache_get(pc, DATA_PAGE, true);

		KREQUIRE(f && !IS_ERR(f));
		u64 now = time_ns();
		pagecache_mark_dirty(pc, f);
		frame_put(f);
		KEXPECT(pc->dirtied_ns >= now);
		pc->dirtied_ns = 0; /* long ago */
		KEXPECT_EQ(pagecache_writeback(pc, 0, UINT64_MAX, true), 0);
		KEXPECT_EQ(pc->dirty, 0);
	}
}

/* --- handles, errors --------------------------------------------------------------------------------------------------------------- */

static struct journal *asked;
static u32 answers; /* atomic */
static int answer;

static void ask_for_commit(void *arg)
{
	answer = journal_commit(asked, (u32)(u64)arg);
	atomic_store(&answers, 1u);
}

static u32 let_go_early;

/* Called for each piece of memory: while copies are still to be made nobody may change the buffers. */
static bool copies_come_first(int kind __unused)
{
	struct transaction *t = asked->committing;

	let_go_early += t && !list_empty(&t->buffers);
	return false;
}

KTEST(10, a_commit_waits_for_its_handles)
{
	struct ramdisk *r = ramdisk_get();
	struct journal *j = r ? begin(r, 0, 9) : NULL;
	struct journal_inode ji;
	struct journal_handle *h;
	u32 writes = 0;

	if (!j)
		return;
	h = journal_start(j, 8);
	if (!KEXPECT(!IS_ERR(h)))
		return;
	change(r, h, HOME, 1, false);
	asked = j;
	atomic_store(&answers, 0u);
	KEXPECT(kthread_run("ktest", ask_for_commit, (void *)9ul) != NULL);
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	for (u32 i = 0; i < r->count; i++)
		writes += r->events[i].op == BLOCK_WRITE;
	KEXPECT_EQ(writes, 0);
	KEXPECT_EQ(atomic_load(&answers), 0);
	/* The operation goes on: all of it is one. */
	change(r, h, HOME, 2, false);
	change(r, h, HOME + 3, 2, false);
	change_data(r, h, &ji, 0xa5);
	let_go_early = 0;
	alloc_fail_hook = copies_come_first;
	journal_stop(h);
	for (int i = 0; i < 2000 && !atomic_load(&answers); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	alloc_fail_hook = NULL;
	KEXPECT_EQ(let_go_early, 0);
	KEXPECT_EQ(atomic_load(&answers), 1);
	KEXPECT_EQ(answer, 0);
	KEXPECT_EQ(data_on_disk(r), 0xa5); /* data that came as late as this go out too */
	log_read(r, 0, 1, 9, &found);
	check_found(r, 2, 0, 2);
	KEXPECT_EQ(journal_close(j), 0);
}

static struct ramdisk *watched;

/* Behind a flush, which is where a commit block may be made, there is no memory. */
static u32 refused;
static bool no_memory_behind_a_flush(int kind)
{
	bool now = !kind && watched->count && watched->events[watched->count - 1].op == BLOCK_FLUSH;

	refused += now;
	return now;
}

static bool under_way(struct journal *j)
{
	spin_lock(&j->lock);
	bool yes = j->running && j->running->locked;
	spin_unlock(&j->lock);
	return yes;
}

/* A commit begins, and waits for the operations that are open. */
static void begin_commit(struct journal *j)
{
	KEXPECT_EQ(journal_commit_all(j, false), 0);
	for (int i = 0; i < 2000 && !under_way(j); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KEXPECT(under_way(j));
	thread_sleep_ns(20 * NSEC_PER_MSEC);
}

/* What cannot be written ends the journal: nothing of it may count, and nothing later. */
KTEST(10, what_cannot_be_written_never_counts)
{
	for (int turn = 0; turn < 6; turn++) {
		struct ramdisk *r = watched = ramdisk_get();
		struct journal *j = r ? begin(r, 0, 9) : NULL;
		struct journal_inode ji;
		struct journal_handle *h;

		if (!j)
			return;
		h = journal_start(j, 30);
		if (!KEXPECT(!IS_ERR(h)))
			return;
		for (u32 i = 0; i < 20; i++)
			change(r, h, HOME + i, 1, false);
		if (turn == 3 || turn == 5)
			change_data(r, h, &ji, 0xa5);
		if (turn == 5)
			begin_commit(j);
		if (turn == 3 || turn == 5)
			journal_abort(j, -EIO); /* before: the operation that is open comes too late */
		else if (turn == 2)
			r->bad_flush = true;
		else if (turn == 4)
			alloc_fail_hook = no_memory_behind_a_flush;
		else
			r->bad_sector = log_sector(turn ? 1 : 15); /* the descriptor; a copy */
		refused = 0;
		journal_stop(h);
		int err = journal_commit(j, 9);
		alloc_fail_hook = NULL;
		if (turn == 4 && !refused) { /* all that it takes was asked for before */
			KEXPECT_EQ(err, 0);
			KEXPECT(commit_block(r, 9) != NULL);
			KEXPECT_EQ(journal_close(j), 0);
			continue;
		}
		KEXPECT(err != 0);
		KEXPECT(journal_error(j) != 0);
		KEXPECT(commit_block(r, 9) == NULL);
		h = journal_start(j, 1);
		KEXPECT_EQ(PTR_ERR(h), -EROFS);
		if (!IS_ERR(h))
			journal_stop(h);
		r->bad_sector = 0;
		r->bad_flush = false;
		KEXPECT(journal_close(j) != 0);
		KEXPECT(commit_block(r, 9) == NULL);
		KEXPECT(data_on_disk(r) != 0xa5); /* where the journal had ended before nothing is written any more, data neither */
	}
}

/* There may be nothing to commit: then nothing is written. */
KTEST(10, nothing_is_no_transaction)
{
	struct ramdisk *r = ramdisk_get();
	struct journal *j = r ? begin(r, 2, 9) : NULL;

	if (!j)
		return;
	journal_commit_running(j);
	KEXPECT_EQ(r->count, 0);
	KEXPECT_EQ(commit(r, j, 3, 1, 1), 9);
	ramdisk_forget(r);
	journal_commit_running(j);
	KEXPECT_EQ(r->count, 0);
	KEXPECT_EQ(journal_close(j), 0);
}

/* More transactions than the log has room for: old ones make way. */
KTEST(10, the_log_is_used_round_and_round)
{
	struct ramdisk *r = ramdisk_get();
	struct journal *j = r ? begin(r, 2, 1) : NULL;
	u32 wrong = 0;

	if (!j)
		return;
	for (u32 i = 0; i < 40; i++)
		if (!KEXPECT_EQ(commit(r, j, 90, 10, i), 1 + i))
			break;
	KEXPECT_EQ(journal_close(j), 0);
	for (u32 i = 0; i < 90; i++)
		wrong += i % 10 != 4 && !block_is(ramdisk_block(r, HOME + 3ul * i), HOME + 3ul * i, 39);
	KEXPECT_EQ(wrong, 0);
}
