/* Stage 10: which blocks are taken, and which pages go; with the optional challenges about both (make grade LAB=10 CHALLENGE=name). */
#include "core/ktest.h"

#include "10_ramdisk.h"
#include "block/block_priv.h"
#include "core/err.h"
#include "fs/ext4/ext4_priv.h"
#include "lib/string.h"

/* --- free blocks --------------------------------------------------------------------------------------------------------------- */

#define BITS 2048u

static u8 map[BITS / 8] __aligned(8);
static u64 busy[BITS / 64];

static bool is_free(u32 i, bool with_busy)
{
	return !(map[i / 8] >> i % 8 & 1) && !(with_busy && busy[i / 64] >> i % 64 & 1);
}

/* Runs of used and of free blocks, as files leave them. */
static void draw_maps(u32 size)
{
	u32 most = 1u << ktest_random() % 8;

	memset(map, 0, sizeof(map));
	memset(busy, 0, sizeof(busy));
	for (u32 i = 0; i < BITS;) {
		u32 used = 1 + (u32)(ktest_random() % most), kind = ktest_random() % 5;
		for (; used-- && i < BITS; i++) {
			if (kind)
				map[i / 8] |= (u8)(1 << i % 8);
			else
				busy[i / 64] |= 1ul << i % 64;
		}
		i += (u32)(ktest_random() % (2 * most));
	}
	for (u32 i = size; i < BITS; i++)
		map[i / 8] |= (u8)(1 << i % 8);
}

struct runs {
	u32 longest, at_longest;   /* the first of the longest */
	u32 tightest, at_tightest; /* the first of the shortest that are long enough; 0: none is */
	u32 here;                  /* free blocks from `from` on */
};

static struct runs look(u32 from, u32 size, u32 want, bool with_busy)
{
	struct runs r = { 0 };

	for (u32 i = from, n; i < size; i += n ? n : 1) {
		for (n = 0; i + n < size && is_free(i + n, with_busy); n++)
			;
		if (n > r.longest) {
			r.longest = n;
			r.at_longest = i;
		}
		if (n >= want && (!r.tightest || n < r.tightest)) {
			r.tightest = n;
			r.at_tightest = i;
		}
		if (i == from)
			r.here = n;
	}
	return r;
}

struct question {
	u32 size, from, want; /* what was asked */
	bool with_busy;
	u32 n, start;         /* the answer */
	struct runs there;    /* what there is */
};

/* Asks for a run in maps that are drawn, of fewer than 2^bits blocks; false: the answer has not as many as there are. */
static bool ask(struct question *q, int turn, u32 bits)
{
	q->size = BITS - (u32)(ktest_random() % 100);
	q->from = turn % 3 ? (u32)(ktest_random() % q->size) : 0;
	q->want = 1 + (u32)(ktest_random() % (1u << ktest_random() % bits));
	q->with_busy = turn % 2;
	q->start = 0;
	draw_maps(q->size);
	q->there = look(q->from, q->size, q->want, q->with_busy);
	q->n = ext4_find_run(map, q->with_busy ? busy : NULL, q->from, q->size, q->want, &q->start);
	return KEXPECT_EQ(q->n, MIN(q->want, q->there.longest));
}

KTEST(10, a_run_of_free_blocks_is_found)
{
	struct question q;
	u32 start;

	for (int turn = 0; turn < 400; turn++) {
		u32 used = 0;

		if (!ask(&q, turn, 9))
			return;
		if (q.n && !KEXPECT(q.start >= q.from && q.start + q.n <= q.size))
			return;
		for (u32 i = 0; i < q.n; i++)
			used += !is_free(q.start + i, q.with_busy);
		if (!KEXPECT_EQ(used, 0))
			return;
	}
	memset(map, 0xff, sizeof(map));
	KEXPECT_EQ(ext4_find_run(map, NULL, 0, BITS, 1, &start), 0);
}

/*
 * A file goes on where it ended, if there is room. Otherwise it gets the shortest run that is long enough, so that long ones stay for those who need them.
 */
KTEST(10, challenge_tight_fit)
{
	struct question q;

	for (int turn = 0; turn < 600; turn++) {
		if (!ask(&q, turn, 8))
			return;
		if (q.n && !KEXPECT_EQ(q.start, q.there.here >= q.want ? q.from : q.there.tightest ? q.there.at_tightest : q.there.at_longest))
			return;
	}
}

/* --- pages that go -------------------------------------------------------------------------------------------------------------- */

static struct pagecache *cache_of(struct ramdisk *r)
{
	return &r->dev->inode->cache;
}

/* A program reads the pages [first, first + n). */
static void read_pages(struct pagecache *pc, u64 first, u64 n)
{
	for (u64 i = first; i < first + n; i++) {
		struct frame *f = pagecache_get(pc, i, true);
		if (!KEXPECT(f && !IS_ERR(f)))
			return;
		frame_put(f);
		NOTIFIER_CALL(pages_used, pc, i, i);
	}
}

static u64 in_memory(struct pagecache *pc, u64 first, u64 n)
{
	u64 count = 0;

	for (u64 i = first; i < first + n; i++) {
		spin_lock(&pc->lock);
		count += radix_lookup(&pc->pages, i) != NULL;
		spin_unlock(&pc->lock);
	}
	return count;
}

KTEST(10, clean_pages_go_and_no_others)
{
	struct ramdisk *r = ramdisk_get();
	struct frame *held[10];
	struct pagecache *pc;
	size_t n;

	if (!r)
		return;
	pc = cache_of(r);
	replace_pages(~0ul, false);
	read_pages(pc, 0, 300);
	for (u64 i = 0; i < 10; i++) {
		held[i] = pagecache_get(pc, 20 * i + 1, true);
		if (!KEXPECT(held[i] && !IS_ERR(held[i])))
			return;
		struct frame *f = pagecache_get(pc, 20 * i + 2, true);
		if (!KEXPECT(f && !IS_ERR(f)))
			return;
		memset(frame_to_virt(f), (int)i + 1, PAGE_SIZE);
		pagecache_mark_dirty(pc, f);
		frame_put(f);
	}
	KEXPECT_EQ(in_memory(pc, 0, 300), 300);
	n = replace_pages(50, false); /* no more than wanted */
	KEXPECT_EQ(n, 50);
	KEXPECT_EQ(in_memory(pc, 0, 300), 250);
	n = replace_pages(20, false); /* others, not the same again */
	KEXPECT_EQ(n, 20);
	KEXPECT_EQ(in_memory(pc, 0, 300), 230);
	u64 before = frame_free_now();
	n = replace_pages(~0ul, false);
	if (n < 210) /* one round may go by with looking alone */
		n += replace_pages(~0ul, false);
	KEXPECT_EQ(n, 210);
	KEXPECT(frame_free_now() > before + 150); /* and they are free for others */
	KEXPECT_EQ(in_memory(pc, 0, 300), 20);
	for (u64 i = 0; i < 10; i++) {
		KEXPECT_EQ(in_memory(pc, 20 * i + 1, 2), 2);
		frame_put(held[i]);
	}
	KEXPECT_EQ(replace_pages(~0ul, false), 10);
	KEXPECT_EQ(pagecache_writeback(pc, 0, UINT64_MAX, true), 0);
	for (u64 i = 0; i < 10; i++)
		KEXPECT_EQ(r->memory[(20 * i + 2) * PAGE_SIZE + 77], i + 1);
	/* The hand stands among them now, and comes round to those that it has passed. */
	while (replace_pages(~0ul, false))
		;
	read_pages(pc, 0, 200);
	KEXPECT_EQ(replace_pages(100, false), 100);
	for (u64 i = 0; i < 200; i++)
		if (!in_memory(pc, i, 1))
			read_pages(pc, i, 1);
	n = replace_pages(~0ul, false);
	if (!n)
		n = replace_pages(~0ul, false);
	KEXPECT_EQ(n, 200);
}

/*
 * Pages that are used again and again stay while a long file is read once. What is not used any more goes in the end, and if all pages are in use, some go
 * all the same.
 */
KTEST(10, challenge_second_chance)
{
	enum { HOT = 100, COLD = 1000 };
	struct ramdisk *r = ramdisk_get();
	struct pagecache *pc;

	if (!r)
		return;
	pc = cache_of(r);
	while (replace_pages(~0ul, false))
		;
	for (u64 turn = 0; turn < 4; turn++) {
		read_pages(pc, 0, HOT);
		read_pages(pc, 200 + turn * 300, 300); /* read once, by the way */
		read_pages(pc, 0, HOT);
		KEXPECT_EQ(replace_pages(250, false), 250);
		if (!KEXPECT_EQ(in_memory(pc, 0, HOT), HOT))
			return;
	}
	while (in_memory(pc, 200, 1200) && replace_pages(50, false)) { /* down to those */
		read_pages(pc, 0, HOT);
		read_pages(pc, 0, HOT);
	}
	KEXPECT_EQ(in_memory(pc, 0, HOT), HOT);
	KEXPECT_EQ(replace_pages(10, false), 10);
	KEXPECT_EQ(in_memory(pc, 0, HOT), HOT - 10);
	/* Nobody wants them any more, and new ones come. */
	read_pages(pc, 300, COLD);
	for (int i = 0; i < 12; i++)
		replace_pages(100, false);
	KEXPECT_EQ(in_memory(pc, 0, HOT), 0);
}
