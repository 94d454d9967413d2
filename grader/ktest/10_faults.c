/*
 * Stage 10: commits at random, in which something fails: a write, a flush, memory; or the journal ends while the commit waits for an operation. Either the transaction
 * is in the log as a whole and everybody hears so, or it does not count, and everybody hears that.
 */
#include "core/ktest.h"

#include "10_journal.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"

enum { ROUNDS = 49, TID = 9 };
enum { FAULT_NONE, FAULT_WRITE, FAULT_FLUSH, FAULT_MEMORY, FAULT_ABORT, FAULT_MEMORY_ONCE, FAULT_COMMIT_BLOCK, FAULTS };

static struct found found;
static struct ramdisk *disk;
static struct journal *journal;
static bool wrong;

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return (u32)(ktest_random() % n); }

static struct thread *committer;
static u32 allocations_left; /* of the thread that commits, when it has its copies: the next one fails, or all others. 0: none does */
static bool once;
static u32 aim; /* which one, if once */

static bool memory_is_short(int kind)
{
	if (kind || current != committer || !journal->committing || !allocations_left)
		return false;
	if (allocations_left > 1) {
		allocations_left--;
		return false;
	}
	allocations_left = !once;
	return true;
}

static bool has_magic(u32 which) { return which % 7 == 3; }

static void change(struct journal_handle *h, u32 which, u32 version)
{
	u32 first = be32(JBD2_MAGIC);
	struct buffer *b = buffer_new(disk->dev, HOME + 3ul * which, RAM_BLOCK);

	CHECK(b && !journal_access(h, b));
	if (b && !wrong) {
		block_fill(b->data, HOME + 3ul * which, version);
		if (has_magic(which))
			memcpy(b->data, &first, sizeof(first));
		journal_dirty(h, b);
	}
	buffer_put(b);
}

/* All of it is in the log. */
static void check_log(int form, u32 n, u32 revokes)
{
	u32 copies = 0;

	log_read(disk, form, 1, TID, &found);
	if (found.wrong && !wrong)
		wrong = !ktest_check(false, __FILE__, __LINE__, found.wrong);
	CHECK(found.committed);
	CHECK_EQ(found.copies, n);
	CHECK_EQ(found.revokes, revokes);
	for (u32 i = 0; i < found.copies && !wrong; i++) {
		u64 block = found.copy[i].block;
		u8 wanted[RAM_BLOCK];
		bool magic = has_magic((u32)(block - HOME) / 3);

		block_fill(wanted, block, 1);
		if (magic)
			memset(wanted, 0, 4);
		CHECK_EQ(!!(found.copy[i].flags & JBD2_TAG_ESCAPE), magic);
		copies += !memcmp(wanted, log_at(disk, found.copy[i].at), RAM_BLOCK);
	}
	CHECK_EQ(copies, found.copies);
	for (u32 i = 0; i < n; i++) { /* what is in memory is not escaped */
		struct buffer *b = buffer_find(disk->dev, HOME + 3ul * i);
		u32 first = 0;
		if (b)
			memcpy(&first, b->data, sizeof(first));
		CHECK(!b || (first == be32(JBD2_MAGIC)) == has_magic(i));
		buffer_put(b);
	}
}

/* Where the commit block is begun among the events, and what failed first; the result if nothing is or did. A journal that stopped still writes why. */
static u32 look(u32 *commit, u32 *failed)
{
	u32 count = READ_ONCE(disk->count);

	*commit = *failed = count;
	for (u32 i = count; i--;) {
		const struct ram_event *e = &disk->events[i];
		if (e->what == RAM_END && e->failed)
			*failed = i;
		if (e->what == RAM_BEGIN && e->op == BLOCK_WRITE && e->words[0] == be32(JBD2_MAGIC) && e->words[1] == be32(JBD2_COMMIT))
			*commit = i;
	}
	return count;
}

static bool answered, begun; /* atomic */
static int answer;

static void ask_for_commit(void *arg __unused)
{
	answer = journal_commit(journal, TID);
	atomic_store(&answered, true);
}

static void random_fault(u32 fault, u32 blocks)
{
	if (fault == FAULT_WRITE)
		disk->fail[BLOCK_WRITE] = 1 + dice(dice(2) ? blocks : MIN(blocks, 4u));
	else if (fault == FAULT_FLUSH)
		disk->fail[BLOCK_FLUSH] = 1 + dice(2);
	else if (fault == FAULT_MEMORY)
		allocations_left = 1 + dice(blocks + blocks / 8);
	else if (fault == FAULT_MEMORY_ONCE)
		allocations_left = aim;
	else if (fault == FAULT_COMMIT_BLOCK)
		disk->bad_words[0] = be32(JBD2_MAGIC), disk->bad_words[1] = be32(JBD2_COMMIT);
	once = fault == FAULT_MEMORY_ONCE;
	alloc_fail_hook = memory_is_short;
}

static bool commit_with(struct journal_handle *h, u32 fault, u32 blocks)
{
	answered = false;
	if (!KEXPECT(kthread_run("ktest", ask_for_commit, NULL) != NULL))
		return false;
	thread_sleep_ns(NSEC_PER_MSEC); /* it waits for the operation */
	random_fault(fault, blocks);
	if (fault == FAULT_ABORT)
		journal_abort(journal, -EIO);
	journal_stop(h);
	for (int i = 0; i < 2000 && !atomic_load(&answered); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	alloc_fail_hook = NULL;
	allocations_left = 0;
	memset(disk->fail, 0, sizeof(disk->fail));
	disk->bad_words[0] = 0;
	return KEXPECT(atomic_load(&answered));
}

static void one_round(u32 round, u32 fault)
{
	bool memory = fault == FAULT_MEMORY || fault == FAULT_MEMORY_ONCE;
	u32 form = dice(FORMS), commit, failed, none;
	u32 n = dice(4) && !memory ? dice(20) : dice(200), revokes = dice(3) && !memory ? dice(4) : dice(600);
	struct journal_handle *h;

	if (!dice(4)) /* it may only have freed something; but not nothing at all */
		n = 0;
	revokes += !n && !revokes;
	if (fault == FAULT_MEMORY_ONCE && round % 2) { /* for the second descriptor: behind the first one and its copies; two pieces for a block of the log, one to write it */
		u32 room = form > 1 ? 62 : form ? 83 : 124;
		revokes = 0;
		n = room + 1 + dice(60);
		aim = 3 + room + 1 + dice(2);
	} else if (fault == FAULT_MEMORY_ONCE) { /* for a block of revokes */
		revokes += !revokes;
		aim = 3 * dice(DIV_ROUND_UP(revokes, form ? 125u : 252u)) + 1 + dice(2);
	}
	log_make(disk, (int)form, 0, TID);
	journal = log_open(disk, (int)form);
	if (!KEXPECT(!IS_ERR(journal)) || !KEXPECT_EQ(journal_begin(journal), 0) || !KEXPECT(!IS_ERR(h = journal_start(journal, n + 1)))) {
		wrong = true;
		return;
	}
	committer = journal->thread;
	for (u32 i = 0; i < n; i++)
		change(h, i, 1);
	for (u32 i = 0; i < revokes; i++)
		CHECK_EQ(journal_revoke(h, disk->dev, HOME + 3000 + i, RAM_BLOCK), 0);
	ramdisk_forget(disk);
	if (!commit_with(h, fault, n + 2 + n / 60 + revokes / 120)) {
		wrong = true;
		return;
	}
	none = look(&commit, &failed);
	CHECK(!disk->overflow);
	if (fault == FAULT_ABORT)
		CHECK(answer != 0 && commit == none);
	else if (failed < none)
		CHECK(answer != 0 && (commit == none || commit < failed));
	else if (!memory)
		CHECK_EQ(answer, 0);
	else if (answer) /* it may do without the memory, or not */
		CHECK(commit == none);
	CHECK_EQ(journal_error(journal) != 0, answer != 0);
	if (!answer)
		check_log((int)form, n, revokes);
	disk->bad_sector = 0;
	if (wrong) {
		ktest_note("fault", fault);
		ktest_note("blocks", n);
		ktest_note("revokes", revokes);
		ktest_note("answer", (u64)-answer);
	}
	int closed = journal_close(journal);
	CHECK_EQ(closed != 0, answer != 0);
	buffers_forget(disk->dev);
}

KTEST(10, commits_that_fail_at_random)
{
	u64 before, after;

	disk = ramdisk_get();
	if (!disk)
		return;
	wrong = false;
	one_round(0, FAULT_NONE);
	before = slab_all_in_use();
	for (u32 i = 0; i < ROUNDS && !wrong; i++)
		one_round(i, i % FAULTS);
	after = slab_all_in_use();
	ktest_note("objects", after - before);
	if (!wrong)
		KEXPECT(after < before + ROUNDS / 2); /* whatever came, the log's blocks are given back */
}

/* --- who waits for a commit ------------------------------------------------------------------------------------------------ */

enum { PAGES = 24, MARK = 4711 };

static void begin_the_next(void *arg __unused)
{
	struct journal_handle *h = journal_start(journal, 2);

	if (KEXPECT(!IS_ERR(h))) {
		ramdisk_mark(disk, MARK);
		change(h, 0, 2);
		journal_stop(h);
	}
	atomic_store(&begun, true);
}

/* When the copies are made the next operations may begin: they do not wait for the disk. What they change is not what goes into the log. */
KTEST(10, nobody_waits_for_the_disk_to_begin)
{
	struct journal_inode ji = { .inode = NULL };
	struct journal_handle *h;
	u32 mark = 0, last = 0;

	disk = ramdisk_get();
	if (!disk)
		return;
	wrong = false;
	log_make(disk, 0, 0, TID);
	journal = log_open(disk, 0);
	KREQUIRE(!IS_ERR(journal) && journal_begin(journal) == 0);
	ji.inode = disk->dev->inode;
	list_init(&ji.link);
	h = journal_start(journal, 8);
	KREQUIRE(!IS_ERR(h));
	for (u64 i = 0; i < PAGES; i++) { /* every other page: a request each */
		struct frame *f = pagecache_get(&disk->dev->inode->cache, 1500 + 2 * i, true);
		if (KEXPECT(f && !IS_ERR(f))) {
			memset(frame_to_virt(f), 0x5a, PAGE_SIZE);
			pagecache_mark_dirty(&disk->dev->inode->cache, f);
			frame_put(f);
		}
	}
	journal_order(h, &ji);
	change(h, 0, 1);
	ramdisk_forget(disk);
	answered = begun = false;
	KEXPECT(kthread_run("ktest", ask_for_commit, NULL) != NULL);
	thread_sleep_ns(2 * NSEC_PER_MSEC); /* the transaction takes no more handles */
	KEXPECT(kthread_run("ktest", begin_the_next, NULL) != NULL);
	thread_sleep_ns(2 * NSEC_PER_MSEC);
	journal_stop(h);
	for (int i = 0; i < 2000 && !(atomic_load(&answered) && atomic_load(&begun)); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KREQUIRE(atomic_load(&answered) && atomic_load(&begun));
	KEXPECT_EQ(journal_close(journal), 0);
	for (u32 i = 0; i < disk->count; i++) {
		const struct ram_event *e = &disk->events[i];
		if (e->what == RAM_MARK && e->sector == MARK)
			mark = i;
		if (e->what == RAM_END && e->op == BLOCK_WRITE && e->sector >= 1500 * (PAGE_SIZE / SECTOR_SIZE))
			last = i;
	}
	KEXPECT(mark && last && mark < last);
	for (u32 version = 1, at = 1; version <= 2; version++, at = found.end) {
		log_read(disk, 0, at, TID + version - 1, &found);
		KEXPECT(!found.wrong && found.copies == 1 && block_is(log_at(disk, found.copy[0].at), HOME, version));
	}
	block_device_flush_cache(disk->dev);
}
