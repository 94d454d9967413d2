/*
 * The queue of a disk: merging, dispatch, completion.
 *
 * The pending list is in order of arrival, and never sorted: a virtual disk gains nothing from that, and no request can starve. A new io is
 * looked at against the last few that wait, and joins one that it continues at either end. What makes long requests of a file is the plug: ios are
 * gathered without the lock, merged among themselves, and handed over together.
 *
 * A flush is a request like others; whoever needs an order between writes waits for the first before he submits the next.
 *
 * When a merged request fails, its parts are tried again one by one, so that only those fail that the device cannot do.
 */
#include "block_priv.h"

#include "core/fault_inject.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "time/time.h"
#include "vm/aspace.h"

#define MERGE_LOOK 8 /* how many of the newest an io is compared with */

struct mutex disks_mutex;
struct list disks = LIST_INIT(disks);

/* --- merging ------------------------------------------------------------------------------------------------------------ */

static void io_prepare(struct block_io *io)
{
	list_init(&io->merged);
	io->all_sectors = io->sectors;
	io->all_segments = io->segment_count;
}

/* May the data of `then` follow that of the request `first` in one request? */
static bool data_fits(const struct disk *d, const struct block_io *first, const struct block_io *then)
{
	const struct block_io *last = list_empty(&first->merged) ? first : list_last(&first->merged, struct block_io, link);
	const struct block_segment *a = &last->segments[last->segment_count - 1], *b = &then->segments[0];
	u64 end = a->address + a->length;

	return !d->whole_pages || end == b->address || (end | b->address) % PAGE_SIZE == 0;
}

/* Joins io to the request that `to` leads, at its end or (to then hangs on io) before its start. The leader, or NULL. */
static struct block_io *try_merge(struct block_io *to, struct block_io *io)
{
	const struct disk *d = to->device->disk;

	if (to->op != io->op || to->fua != io->fua || io->op > BLOCK_WRITE || to->alone || io->alone || d != io->device->disk)
		return NULL;
	if (to->all_sectors + io->all_sectors > d->max_sectors || to->all_segments + io->all_segments > d->max_segments)
		return NULL;
	if (to->disk_sector + to->all_sectors == io->disk_sector && data_fits(d, to, io)) {
		list_add_tail(&to->merged, &io->link);
		list_splice_tail(&to->merged, &io->merged);
	} else if (io->disk_sector + io->all_sectors == to->disk_sector && data_fits(d, io, to)) {
		struct block_io *behind = to;

		/* io takes the place of `to` in its list. */
		list_add(&to->link, &io->link);
		list_del(&to->link);
		list_add_tail(&io->merged, &to->link);
		list_splice_tail(&io->merged, &to->merged);
		to = io;
		io = behind;
	} else {
		return NULL;
	}
	to->all_sectors += io->all_sectors;
	to->all_segments += io->all_segments;
	return to;
}

/* Adds io to a list of requests, merged if it can be. */
static bool list_merge(struct list *l, struct block_io *io)
{
	struct list *at = l->prev;

	for (int n = 0; at != l && n < MERGE_LOOK; n++, at = at->prev)
		if (try_merge(list_entry(at, struct block_io, link), io))
			return true;
	list_add_tail(l, &io->link);
	return false;
}

/* --- dispatch ------------------------------------------------------------------------------------------------------------ */

/* disk->lock held. */
static void dispatch(struct disk *d)
{
	bool started = false;

	while (!list_empty(&d->pending)) {
		struct block_io *io = list_first(&d->pending, struct block_io, link);

		list_del(&io->link);
		io->started_ns = time_ns();
		if (d->ops->start(d, io)) {
			list_add(&d->pending, &io->link);
			break;
		}
		d->in_flight++;
		started = true;
	}
	if (started)
		d->ops->kick(d);
}

/* Is it a thing that the device can do: 0 or -errno. Sets its place on the disk. */
static int io_check(struct block_io *io)
{
	struct block_device *dev = io->device;
	struct disk *d = dev->disk;

	if (io->op == BLOCK_FLUSH) {
		io->sectors = io->segment_count = 0;
		return 0;
	}
	if (!io->sectors || io->sector > dev->sectors || io->sectors > dev->sectors - io->sector)
		return -EIO;
	if (((dev->start + io->sector) | io->sectors) % (d->logical_size / SECTOR_SIZE))
		return -EIO;
	if (io->op != BLOCK_READ && d->read_only)
		return -EROFS;
	if (io->op == BLOCK_DISCARD && (!d->max_discard || io->sectors > d->max_discard))
		return -EOPNOTSUPP;
	if (io->op == BLOCK_ZERO && io->sectors > d->max_zero)
		return -EOPNOTSUPP;
	if (io->segment_count > d->max_segments || (io->op <= BLOCK_WRITE && io->sectors > d->max_sectors))
		return -EIO;
	if (fault_inject(io->op == BLOCK_READ ? FAULT_BREAD : FAULT_BWRITE))
		return -EIO;
	io->disk_sector = dev->start + io->sector;
	return 0;
}

void block_submit(struct block_io *io)
{
	struct block_plug p;

	block_plug_init(&p);
	block_submit_plugged(&p, io);
	block_unplug(&p);
}

void block_submit_plugged(struct block_plug *p, struct block_io *io)
{
	int err = io_check(io);

	io->alone = false;
	io->tries = 0;
	if (err || (io->op == BLOCK_FLUSH && !io->device->disk->can_flush)) {
		io->done(io, err);
		return;
	}
	io_prepare(io);
	if (list_empty(&p->ios) || !try_merge(list_last(&p->ios, struct block_io, link), io))
		list_add_tail(&p->ios, &io->link);
}

void block_unplug(struct block_plug *p)
{
	while (!list_empty(&p->ios)) {
		struct disk *d = list_first(&p->ios, struct block_io, link)->device->disk;
		struct block_io *io, *next;
		u64 flags = spin_lock_irqsave(&d->lock);

		list_for_each_safe(io, next, &p->ios, link) {
			if (io->device->disk != d)
				continue;
			list_del(&io->link);
			if (list_merge(&d->pending, io))
				d->merges[io->op]++;
		}
		dispatch(d);
		spin_unlock_irqrestore(&d->lock, flags);
	}
}

/* --- completion ------------------------------------------------------------------------------------------------------------ */

/* The parts of a failed request go back to the queue, one by one; disk->lock held. */
static void split(struct disk *d, struct block_io *io)
{
	struct list parts = LIST_INIT(parts);

	list_splice_tail(&parts, &io->merged);
	list_add(&parts, &io->link);
	while (!list_empty(&parts)) {
		struct block_io *part = list_last(&parts, struct block_io, link);
		list_del(&part->link);
		io_prepare(part);
		part->alone = true;
		list_add(&d->pending, &part->link);
	}
}

void disk_complete(struct disk *d, struct block_io *io, int err)
{
	struct list parts = LIST_INIT(parts);
	u64 flags = spin_lock_irqsave(&d->lock);

	d->in_flight--;
	d->ios[io->op]++;
	d->sectors_done[io->op] += io->all_sectors;
	d->ns[io->op] += time_ns() - io->started_ns;
	if (err && !list_empty(&io->merged)) {
		split(d, io);
		io = NULL;
	} else {
		list_splice_tail(&parts, &io->merged);
	}
	dispatch(d);
	spin_unlock_irqrestore(&d->lock, flags);
	if (!io)
		return;
	if (err)
		pr_err("I/O error, dev %s, sector %lu op %u: %d\n", d->name, io->disk_sector, io->op, err);
	io->done(io, err);
	while (!list_empty(&parts)) {
		io = list_first(&parts, struct block_io, link);
		list_del(&io->link);
		io->done(io, err);
	}
}

void disk_resume(struct disk *d)
{
	u64 flags = spin_lock_irqsave(&d->lock);

	dispatch(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

/* --- waiting ---------------------------------------------------------------------------------------------------------------- */

/* One who waits sleeps on a queue that he shares with others: his own memory is gone as soon as he sees `done`. */
static struct wait_queue waits[16];

struct waiter {
	bool done;
	int err;
};

static struct wait_queue *wait_of(const struct waiter *w)
{
	return &waits[hash_u64((u64)w) % ARRAY_SIZE(waits)];
}

static void wake_waiter(struct block_io *io, int err)
{
	struct waiter *w = io->private;
	struct wait_queue *q = wait_of(w);

	w->err = err;
	atomic_store_release(&w->done, true);
	wait_wake_all(q);
}

int block_submit_wait(struct block_io *io)
{
	struct waiter w = { .done = false };

	io->private = &w;
	io->done = wake_waiter;
	block_submit(io);
	wait_event(wait_of(&w), atomic_load_acquire(&w.done));
	return w.err;
}

static int transfer(struct block_device *dev, enum block_op op, u64 sector, void *buf, u32 length, bool fua)
{
	u32 step = dev->disk->max_sectors * SECTOR_SIZE;
	int err = 0;

	for (u32 at = 0; at < length && !err; at += step) {
		u32 n = MIN(step, length - at);
		struct block_segment segment = { virt_to_phys((char *)buf + at), n };
		struct block_io io = { .device = dev, .op = op, .sector = sector + at / SECTOR_SIZE, .sectors = n / SECTOR_SIZE, .fua = fua,
			.segment_count = 1, .segments = &segment };
		err = block_submit_wait(&io);
	}
	return err;
}

int block_rw(struct block_device *dev, enum block_op op, u64 sector, void *buf, u32 length)
{
	return transfer(dev, op, sector, buf, length, false);
}

int block_write_through(struct block_device *dev, u64 sector, void *buf, u32 length)
{
	bool fua = dev->disk->can_flush && dev->disk->can_fua;
	int err = transfer(dev, BLOCK_WRITE, sector, buf, length, fua);

	return err || fua ? err : block_flush(dev);
}

int block_flush(struct block_device *dev)
{
	struct block_io io = { .device = dev, .op = BLOCK_FLUSH };

	return block_submit_wait(&io);
}

int block_discard(struct block_device *dev, u64 sector, u64 sectors)
{
	u32 most = dev->disk->max_discard;
	int err = most ? 0 : -EOPNOTSUPP;

	while (sectors && !err) {
		struct block_io io = { .device = dev, .op = BLOCK_DISCARD, .sector = sector, .sectors = (u32)MIN(sectors, (u64)most) };
		sector += io.sectors;
		sectors -= io.sectors;
		err = block_submit_wait(&io);
	}
	return err;
}

/* Zeroes from memory. */
static int write_zeroes(struct block_device *dev, u64 sector, u64 sectors)
{
	u64 step = PAGE_SIZE / SECTOR_SIZE;
	int err = 0;

	for (u64 n; sectors && !err; sector += n, sectors -= n) {
		n = MIN(sectors, step);
		err = block_rw(dev, BLOCK_WRITE, sector, frame_to_virt(zero_frame), (u32)(n * SECTOR_SIZE));
	}
	return err;
}

int block_zero(struct block_device *dev, u64 sector, u64 sectors)
{
	u32 most = dev->disk->max_zero;

	while (most && sectors) {
		struct block_io io = { .device = dev, .op = BLOCK_ZERO, .sector = sector, .sectors = (u32)MIN(sectors, (u64)most) };
		int err = block_submit_wait(&io);

		if (err == -EOPNOTSUPP)
			break;
		if (err)
			return err;
		sector += io.sectors;
		sectors -= io.sectors;
	}
	return write_zeroes(dev, sector, sectors);
}

/* --- disks -------------------------------------------------------------------------------------------------------------------- */

int disk_add(struct disk *d)
{
	static u64 sequence;
	int err;

	d->sequence = atomic_add_return(&sequence, 1ul);
	list_init(&d->pending);
	list_init(&d->parts);
	list_init(&d->link);
	d->whole = block_device_new(d, 0, 0, d->sectors);
	if (!d->whole)
		return -ENOMEM;
	mutex_lock(&disks_mutex);
	list_add_tail(&disks, &d->link);
	mutex_unlock(&disks_mutex);
	/* One that has no medium yet is no news. */
	if (!d->sectors)
		return 0;
	printk("%s: %lu sectors of 512 bytes (%lu MiB)%s\n", d->name, d->sectors, d->sectors >> 11, d->read_only ? ", read-only" : "");
	err = partitions_read(d);
	if (err)
		pr_warn("%s: the partition table cannot be read: error %d\n", d->name, err);
	return 0;
}

void disk_set_sectors(struct disk *d, u64 sectors)
{
	d->sectors = d->whole->sectors = sectors;
	WRITE_ONCE(d->whole->inode->size, sectors * SECTOR_SIZE);
}

void disk_for_each(void (*fn)(struct disk *d, void *arg), void *arg)
{
	struct disk *d;

	mutex_lock(&disks_mutex);
	list_for_each(d, &disks, link)
		fn(d, arg);
	mutex_unlock(&disks_mutex);
}

static int block_init(void)
{
	mutex_init(&disks_mutex, "disks", RANK_SUBSYS_MUTEX);
	partitions_init();
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		wait_queue_init(&waits[i]);
	return block_device_setup();
}
SUBSYSTEM(block, .needs = "devfs", .init = block_init, .stage = "10-disk");
