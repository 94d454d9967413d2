/* Stage 10, given: ios that are handed over together become requests of neighbours, whatever their order; a sync writes all buffers that are dirty. */
#include "core/ktest.h"

#include "10_journal.h"
#include "block/buffer.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "sched/thread.h"

#define MOST 48u  /* blocks of one round */
#define TURNS 60u

struct piece {
	struct block_io io;
	struct block_segment segment;
	u32 block;
};

static struct piece pieces[MOST];
static u32 order[MOST];
static u32 under_way, failed; /* atomic */

static void ended(struct block_io *io __unused, int err)
{
	if (err)
		atomic_fetch_add(&failed, 1u);
	atomic_fetch_sub(&under_way, 1u);
}

/* Some blocks of the disk, in runs of neighbours whose order is drawn: how many. */
static u32 draw(void)
{
	u32 starts[MOST + 1], runs = 0, n = 0, at = 0;

	for (u32 block = HOME, end = HOME + MOST; block < end; block++)
		if (ktest_random() % 8)
			pieces[n++].block = block;
	for (u32 i = 0; i < n; i += 1 + (u32)(ktest_random() % 5))
		starts[runs++] = i;
	for (u32 left = runs; left; left--) {
		u32 which = (u32)(ktest_random() % left), from = starts[which], to = n;

		for (u32 k = 0; k < runs; k++)
			if (starts[k] > from && starts[k] < to)
				to = starts[k];
		for (u32 i = from; i < to; i++)
			order[at++] = i;
		starts[which] = starts[left - 1];
		starts[left - 1] = from;
	}
	return n;
}

static bool transfer(struct ramdisk *r, u8 *memory, u32 n, enum block_op op)
{
	u64 end = time_ns() + 5 * NSEC_PER_SEC;
	struct block_plug plug;

	atomic_store(&under_way, n);
	atomic_store(&failed, 0u);
	block_plug_init(&plug);
	for (u32 k = 0; k < n; k++) {
		struct piece *p = &pieces[order[k]];

		p->segment = (struct block_segment){ virt_to_phys(memory + order[k] * RAM_BLOCK), RAM_BLOCK };
		p->io = (struct block_io){ .device = r->dev, .op = op, .sector = p->block * (u64)(RAM_BLOCK / SECTOR_SIZE), .sectors = RAM_BLOCK / SECTOR_SIZE, .segment_count = 1,
			.segments = &p->segment, .done = ended };
		block_submit_plugged(&plug, &p->io);
	}
	block_unplug(&plug);
	while (atomic_load(&under_way) && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC / 10);
	return KEXPECT_EQ(atomic_load(&under_way), 0) && KEXPECT_EQ(atomic_load(&failed), 0);
}

KTEST(10, neighbours_become_one_request)
{
	struct ramdisk *r = ramdisk_get();
	u8 *memory = kmap_alloc(MOST * RAM_BLOCK, 0);
	u32 wrong = 0;

	if (!r || !KEXPECT(memory))
		return;
	for (u32 turn = 0; turn < TURNS; turn++) {
		u32 n = draw();

		for (u32 i = 0; i < n; i++)
			block_fill(memory + i * RAM_BLOCK, pieces[i].block, turn);
		if (!transfer(r, memory, n, BLOCK_WRITE))
			return;
		for (u32 i = 0; i < n; i++)
			wrong += !block_is(ramdisk_block(r, pieces[i].block), pieces[i].block, turn);
		memset(memory, 0, n * RAM_BLOCK);
		if (!transfer(r, memory, n, BLOCK_READ))
			return;
		for (u32 i = 0; i < n; i++)
			wrong += !block_is(memory + i * RAM_BLOCK, pieces[i].block, turn);
	}
	KEXPECT_EQ(wrong, 0);
	KEXPECT_EQ(r->scattered, 0);
	kmap_free(memory);
}

/* --- buffers ----------------------------------------------------------------------------------------------------------------- */

#define BUFFERS 64u

static struct buffer *held;
static bool gone; /* atomic */

/* While a sync waits for a buffer in the middle, memory is short. */
static void reclaim_and_let_go(void *arg __unused)
{
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	for (u32 k = 0; k < 3; k++)
		buffers_reclaim(1);
	buffer_unlock(held);
	atomic_store(&gone, true);
}

KTEST(10, a_sync_passes_over_no_buffer)
{
	struct ramdisk *r = ramdisk_get();
	u32 missing = 0;

	if (!r)
		return;
	for (u32 k = 0; k < BUFFERS; k++) {
		struct buffer *b = buffer_new(r->dev, HOME + k, RAM_BLOCK);

		if (!KEXPECT(b))
			return;
		block_fill(b->data, HOME + k, 1);
		buffer_mark_dirty(b);
		buffer_put(b);
	}
	held = buffer_find(r->dev, HOME + BUFFERS / 4);
	if (!KEXPECT(held && buffer_trylock(held)) || !KEXPECT(kthread_run("ktest", reclaim_and_let_go, NULL)))
		return;
	KEXPECT_EQ(buffers_sync(r->dev), 0);
	for (u32 k = 0; k < BUFFERS; k++)
		missing += !block_is(ramdisk_block(r, HOME + k), HOME + k, 1);
	KEXPECT_EQ(missing, 0);
	while (!atomic_load(&gone))
		thread_sleep_ns(NSEC_PER_MSEC);
	buffer_put(held);
}
