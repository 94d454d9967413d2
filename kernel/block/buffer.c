/*
 * The cache of buffers: a hash table by (device, block), and one list of all for the reclaimer's clock.
 *
 * References are counted without the lock except from 0 to 1, which only a look-up does. A buffer of count 0 that is clean and not locked belongs to
 * whoever takes it out of the table under the lock.
 */
#include "block/buffer.h"

#include "core/err.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/slab.h"

#define BUCKETS 8192
#define WAITS 64

static struct spinlock buffers_lock = SPINLOCK_INIT("buffers", RANK_BUFFERS);
static struct hlist_head table[BUCKETS]; /* buffers_lock */
static struct list all = LIST_INIT(all); /* buffers_lock: keeps its order, for who walks it and lets the lock go in between */
static struct list *hand = &all;         /* buffers_lock: behind whom the reclaimer looks next */
static struct wait_queue waits[WAITS];
static struct slab_cache cache;

static struct hlist_head *bucket(const struct block_device *dev, u64 block)
{
	return &table[hash_u64(block ^ (u64)dev << 8) % BUCKETS];
}

static struct wait_queue *wait_of(const struct buffer *b)
{
	return &waits[hash_u64((u64)b >> 6) % WAITS];
}

/* --- locks ------------------------------------------------------------------------------------------------------------- */

bool buffer_trylock(struct buffer *b)
{
	return !(atomic_fetch_or(&b->flags, BUFFER_LOCKED) & BUFFER_LOCKED);
}

void buffer_lock(struct buffer *b)
{
	if (!buffer_trylock(b))
		wait_event(wait_of(b), buffer_trylock(b));
}

void buffer_unlock(struct buffer *b)
{
	struct wait_queue *q = wait_of(b);

	atomic_fetch_and(&b->flags, ~BUFFER_LOCKED);
	if (!list_empty(&q->entries))
		wait_wake_all(q);
}

void buffer_wait(struct buffer *b)
{
	if (b->flags & BUFFER_LOCKED)
		wait_event(wait_of(b), !(atomic_load(&b->flags) & BUFFER_LOCKED));
}

/* --- life --------------------------------------------------------------------------------------------------------------- */

/* buffers_lock held. */
static struct buffer *find(const struct block_device *dev, u64 block)
{
	hlist_for_each(p, bucket(dev, block)) {
		struct buffer *b = container_of(p, struct buffer, hash);
		if (b->block == block && b->dev == dev) {
			atomic_fetch_add(&b->refs, 1u);
			if (!(b->flags & BUFFER_USED))
				atomic_fetch_or(&b->flags, BUFFER_USED);
			return b;
		}
	}
	return NULL;
}

static void destroy(struct buffer *b)
{
	if (b->size == PAGE_SIZE)
		page_free(b->data);
	else
		kfree(b->data);
	slab_free(&cache, b);
}

static struct buffer *create(struct block_device *dev, u64 block, u32 size)
{
	struct buffer *b = slab_alloc(&cache, 0);
	struct frame *f;

	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	if (size == PAGE_SIZE) {
		f = frame_alloc(0, 0);
		b->data = f ? frame_to_virt(f) : NULL;
	} else {
		b->data = kmalloc(size, 0);
	}
	if (!b->data) {
		slab_free(&cache, b);
		return NULL;
	}
	b->dev = dev;
	b->block = block;
	b->size = size;
	b->refs = 1;
	b->flags = BUFFER_USED;
	list_init(&b->all);
	list_init(&b->running_link);
	list_init(&b->checkpoint_link);
	return b;
}

struct buffer *buffer_get(struct block_device *dev, u64 block, u32 size)
{
	struct buffer *b, *fresh;

	spin_lock(&buffers_lock);
	b = find(dev, block);
	spin_unlock(&buffers_lock);
	if (b)
		return b;
	fresh = create(dev, block, size);
	if (!fresh)
		return NULL;
	spin_lock(&buffers_lock);
	b = find(dev, block);
	if (!b) {
		hlist_add(bucket(dev, block), &fresh->hash);
		list_add_tail(&all, &fresh->all);
	}
	spin_unlock(&buffers_lock);
	if (!b)
		return fresh;
	destroy(fresh);
	return b;
}

struct buffer *buffer_find(struct block_device *dev, u64 block)
{
	struct buffer *b;

	spin_lock(&buffers_lock);
	b = find(dev, block);
	spin_unlock(&buffers_lock);
	return b;
}

void buffer_put(struct buffer *b)
{
	if (b)
		atomic_fetch_sub(&b->refs, 1u);
}

/* --- transfers ------------------------------------------------------------------------------------------------------------- */

static void setup_io(struct buffer *b, enum block_op op, void (*done)(struct block_io *io, int err))
{
	b->segment = (struct block_segment){ virt_to_phys(b->data), b->size };
	b->io = (struct block_io){ .device = b->dev, .op = op, .sector = b->block * (b->size / SECTOR_SIZE), .sectors = (u32)(b->size / SECTOR_SIZE),
		.segment_count = 1, .segments = &b->segment, .done = done };
}

static void ahead_done(struct block_io *io, int err)
{
	struct buffer *b = container_of(io, struct buffer, io);

	if (!err)
		atomic_fetch_or(&b->flags, BUFFER_UPTODATE);
	buffer_unlock(b);
	buffer_put(b);
}

struct buffer *buffer_read(struct block_device *dev, u64 block, u32 size)
{
	struct buffer *b = buffer_get(dev, block, size);
	int err = 0;

	if (!b)
		return ERR_PTR(-ENOMEM);
	if (likely(atomic_load_acquire(&b->flags) & BUFFER_UPTODATE))
		return b;
	buffer_lock(b);
	if (!(b->flags & BUFFER_UPTODATE)) {
		err = block_rw(dev, BLOCK_READ, block * (size / SECTOR_SIZE), b->data, size);
		if (!err)
			atomic_fetch_or(&b->flags, BUFFER_UPTODATE);
	}
	buffer_unlock(b);
	if (!err)
		return b;
	buffer_put(b);
	return ERR_PTR(err);
}

struct buffer *buffer_new(struct block_device *dev, u64 block, u32 size)
{
	struct buffer *b = buffer_get(dev, block, size);

	if (!b)
		return NULL;
	buffer_lock(b);
	memset(b->data, 0, size);
	atomic_store(&b->checked, 0u);
	atomic_fetch_or(&b->flags, BUFFER_UPTODATE);
	buffer_unlock(b);
	return b;
}

void buffer_read_ahead(struct block_device *dev, u64 block, u32 count, u32 size)
{
	struct block_plug p;

	block_plug_init(&p);
	for (u32 i = 0; i < count; i++) {
		struct buffer *b = buffer_get(dev, block + i, size);

		if (!b)
			break;
		if (b->flags & BUFFER_UPTODATE || !buffer_trylock(b)) {
			buffer_put(b);
			continue;
		}
		if (b->flags & BUFFER_UPTODATE) {
			buffer_unlock(b);
			buffer_put(b);
			continue;
		}
		setup_io(b, BLOCK_READ, ahead_done);
		block_submit_plugged(&p, &b->io);
	}
	block_unplug(&p);
}

static void write_done(struct block_io *io, int err)
{
	struct buffer *b = container_of(io, struct buffer, io);

	if (err)
		atomic_fetch_or(&b->flags, BUFFER_ERROR);
	buffer_unlock(b);
	buffer_put(b);
}

void buffer_submit_write(struct block_plug *p, struct buffer *b)
{
	atomic_fetch_and(&b->flags, ~(BUFFER_DIRTY | BUFFER_ERROR));
	setup_io(b, BLOCK_WRITE, write_done);
	block_submit_plugged(p, &b->io);
}

int buffer_write_wait(struct buffer *b)
{
	struct block_plug p;

	block_plug_init(&p);
	buffer_lock(b);
	buffer_hold(b);
	buffer_submit_write(&p, b);
	block_unplug(&p);
	buffer_wait(b);
	return b->flags & BUFFER_ERROR ? -EIO : 0;
}

int buffer_write_through(struct buffer *b)
{
	int err;

	buffer_lock(b);
	atomic_fetch_and(&b->flags, ~(BUFFER_DIRTY | BUFFER_ERROR));
	err = block_write_through(b->dev, b->block * (b->size / SECTOR_SIZE), b->data, b->size);
	if (err)
		atomic_fetch_or(&b->flags, BUFFER_ERROR);
	buffer_unlock(b);
	return err ? -EIO : 0;
}

void buffer_mark_dirty(struct buffer *b)
{
	if (!(b->flags & BUFFER_DIRTY))
		atomic_fetch_or(&b->flags, BUFFER_DIRTY);
}

/* The next buffer of dev in the list after `last`, counted; last is put. NULL at the end. */
static struct buffer *next_of(struct block_device *dev, struct buffer *last)
{
	struct buffer *b;
	struct list *at;

	spin_lock(&buffers_lock);
	at = last ? last->all.next : all.next;
	for (; at != &all; at = at->next) {
		b = list_entry(at, struct buffer, all);
		if (b->dev == dev)
			break;
	}
	b = at == &all ? NULL : list_entry(at, struct buffer, all);
	if (b)
		atomic_fetch_add(&b->refs, 1u);
	spin_unlock(&buffers_lock);
	buffer_put(last);
	return b;
}

int buffers_sync(struct block_device *dev)
{
	struct buffer *b = NULL;
	struct block_plug p;
	int err = 0;

	block_plug_init(&p);
	while ((b = next_of(dev, b))) {
		if (!(b->flags & BUFFER_DIRTY))
			continue;
		if (!buffer_trylock(b)) {
			block_unplug(&p);
			buffer_lock(b);
		}
		if (!(b->flags & BUFFER_DIRTY)) {
			buffer_unlock(b);
			continue;
		}
		buffer_hold(b);
		buffer_submit_write(&p, b);
	}
	block_unplug(&p);
	while ((b = next_of(dev, b))) {
		buffer_wait(b);
		if (atomic_fetch_and(&b->flags, ~BUFFER_ERROR) & BUFFER_ERROR)
			err = -EIO;
	}
	return err;
}

/* --- going away --------------------------------------------------------------------------------------------------------------- */

/* Takes an unused, clean buffer out of the table; buffers_lock held. */
static bool take_out(struct buffer *b)
{
	if (b->refs || b->flags & (BUFFER_DIRTY | BUFFER_LOCKED))
		return false;
	hlist_del(&b->hash);
	if (hand == &b->all)
		hand = hand->prev;
	list_del(&b->all);
	return true;
}

void buffers_forget(struct block_device *dev)
{
	struct list doomed = LIST_INIT(doomed);
	struct buffer *b, *next;

	spin_lock(&buffers_lock);
	list_for_each_safe(b, next, &all, all) {
		if (b->dev != dev)
			continue;
		atomic_fetch_and(&b->flags, ~BUFFER_DIRTY);
		if (take_out(b))
			list_add(&doomed, &b->all);
	}
	spin_unlock(&buffers_lock);
	while (!list_empty(&doomed)) {
		b = list_first(&doomed, struct buffer, all);
		list_del(&b->all);
		destroy(b);
	}
}

size_t buffers_reclaim(size_t want)
{
	struct list doomed = LIST_INIT(doomed);
	size_t bytes = 0, looked = 0;
	struct buffer *b;

	spin_lock(&buffers_lock);
	while (bytes < want * PAGE_SIZE && looked++ < 16 * want && !list_empty(&all)) {
		struct list *next = hand->next == &all ? all.next : hand->next;

		b = list_entry(next, struct buffer, all);
		if (b->flags & BUFFER_USED || !take_out(b)) {
			atomic_fetch_and(&b->flags, ~BUFFER_USED);
			hand = next;
			continue;
		}
		list_add(&doomed, &b->all);
		bytes += b->size;
	}
	spin_unlock(&buffers_lock);
	while (!list_empty(&doomed)) {
		b = list_first(&doomed, struct buffer, all);
		list_del(&b->all);
		destroy(b);
	}
	return bytes / PAGE_SIZE;
}

void buffers_init(void)
{
	for (int i = 0; i < WAITS; i++)
		wait_queue_init(&waits[i]);
	slab_cache_init(&cache, "buffer", sizeof(struct buffer), 8);
}
