/*
 * Writing blocks to the log, one after the other, around its end; many under way at a time.
 *
 * A cut of the power may leave some sectors of a block new and some old. To blocks before the commit block that does not matter: without it they do not count.
 * Of the commit block only the first sector says anything, but its checksum is of all of it, and old sectors behind a new first one look like a damaged log:
 * e2fsck gives it up, and Linux 6.1 does not mount. So its place is filled with zeroes before the flush that comes before it, and whichever of its sectors
 * get through, it is there or it is not.
 */
#include "jbd2_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "vm/aspace.h"

struct log_io {
	struct block_io io;
	struct block_segment segment;
	struct log_writer *writer;
};
struct log_page {
	struct list link;
	void *data;
};

void log_begin(struct log_writer *w, struct journal *j, u32 position)
{
	*w = (struct log_writer){ .journal = j, .position = position };
	list_init(&w->pages);
	block_plug_init(&w->plug);
}

void *log_new_block(struct log_writer *w, u32 type, u32 tid)
{
	struct log_page *p = kmalloc(sizeof(*p), 0);
	struct jbd2_header *h;

	if (!p)
		return NULL;
	p->data = h = kzalloc(w->journal->block_size, 0);
	if (!h) {
		kfree(p);
		return NULL;
	}
	list_add(&w->pages, &p->link);
	h->magic = be32(JBD2_MAGIC);
	h->type = be32(type);
	h->sequence = be32(tid);
	return h;
}

static void log_written(struct block_io *io, int err)
{
	struct log_io *l = container_of(io, struct log_io, io);
	struct log_writer *w = l->writer;
	struct journal *j = w->journal;

	if (err)
		atomic_cas(&w->error, 0, err);
	kfree(l);
	/* The writer may be gone as soon as nothing is pending; the journal stays. */
	atomic_fetch_sub(&w->pending, 1u);
	wait_wake_all(&j->drained);
}

/* Starts to write the block where the writer stands, and does not wait. */
static void put(struct log_writer *w, const void *data)
{
	struct journal *j = w->journal;
	struct log_io *l = kmalloc(sizeof(*l), 0);
	u64 sector = j->blocks[w->position] * (j->block_size / SECTOR_SIZE);

	if (!l) {
		int err = block_rw(j->dev, BLOCK_WRITE, sector, (void *)data, j->block_size);
		if (err)
			atomic_cas(&w->error, 0, err);
		return;
	}
	atomic_fetch_add(&w->pending, 1u);
	l->writer = w;
	l->segment = (struct block_segment){ virt_to_phys(data), j->block_size };
	l->io = (struct block_io){ .device = j->dev, .op = BLOCK_WRITE, .sector = sector, .sectors = (u32)(j->block_size / SECTOR_SIZE), .segment_count = 1,
		.segments = &l->segment, .done = log_written };
	block_submit_plugged(&w->plug, &l->io);
}

void log_write(struct log_writer *w, const void *data)
{
	const struct jbd2_header *h = data;

	put(w, data);
	w->position = journal_next_block(w->journal, w->position);
	w->used++;
	w->whole = be32(h->magic) == JBD2_MAGIC && be32(h->type) == JBD2_COMMIT;
}

static int drain(struct log_writer *w)
{
	block_unplug(&w->plug);
	wait_event(&w->journal->drained, !atomic_load(&w->pending));
	return atomic_load(&w->error);
}

int log_wait(struct log_writer *w)
{
	if (journal_has_checksums(w->journal) && !w->whole && w->cleared != w->position) {
		put(w, frame_to_virt(zero_frame));
		w->cleared = w->position;
	}
	return drain(w);
}

void log_end(struct log_writer *w)
{
	drain(w);
	while (!list_empty(&w->pages)) {
		struct log_page *p = list_first(&w->pages, struct log_page, link);
		list_del(&p->link);
		kfree(p->data);
		kfree(p);
	}
}
