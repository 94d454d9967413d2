/* The disk of stage 10's tests (10_ramdisk.h). */
#include "10_ramdisk.h"

#include "block/buffer.h"
#include "core/ktest.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "sched/thread.h"

static struct ramdisk ram;
static struct disk disk;
static struct list queue = LIST_INIT(queue); /* disk.lock: requests that were started */
static u32 length;                           /* disk.lock: of it */
static WAIT_QUEUE(work);

/* disk.lock held, or nobody else is at it. */
static struct ram_event *note(enum ram_what what)
{
	if (ram.count == RAM_EVENTS) {
		ram.overflow = true;
		return NULL;
	}
	ram.events[ram.count] = (struct ram_event){ .what = (u8)what };
	return &ram.events[ram.count++];
}

static void note_io(enum ram_what what, const struct block_io *io, bool failed)
{
	struct ram_event *e = note(what);

	if (!e)
		return;
	e->op = (u8)io->op;
	e->sector = io->disk_sector;
	e->sectors = io->sectors;
	e->failed = failed;
	if (io->op == BLOCK_WRITE && io->segment_count)
		memcpy(e->words, phys_to_virt(io->segments[0].address), sizeof(e->words));
}

static int start(struct disk *d __unused, struct block_io *io)
{
	u32 sectors = io->sectors, segments = io->segment_count;
	bool scattered = false;
	struct block_io *part;

	note_io(RAM_BEGIN, io, false);
	list_for_each(part, &io->merged, link) {
		note_io(RAM_BEGIN, part, false);
		/* A disk takes the whole as one piece, from the leader's sector on. */
		scattered |= part->disk_sector != io->disk_sector + sectors;
		sectors += part->sectors;
		segments += part->segment_count;
	}
	ram.scattered += scattered || sectors != io->all_sectors || segments != io->all_segments;
	list_add_tail(&queue, &io->link);
	length++;
	return 0;
}

static void kick(struct disk *d __unused)
{
	wait_wake_all(&work);
}

static bool is_bad(const struct block_io *io)
{
	if (io->op <= BLOCK_FLUSH && ram.fail[io->op] && !--ram.fail[io->op]) {
		ram.failures++;
		if (io->op == BLOCK_WRITE)
			ram.bad_sector = io->disk_sector; /* again and again: several that failed together are tried one by one */
		return true;
	}
	if (io->op == BLOCK_WRITE && ram.bad_words[0] && !memcmp(phys_to_virt(io->segments[0].address), ram.bad_words, sizeof(ram.bad_words)))
		return true;
	return io->op == BLOCK_FLUSH ? ram.bad_flush : io->op == BLOCK_WRITE && ram.bad_sector >= io->disk_sector && ram.bad_sector < io->disk_sector + io->sectors;
}

static void transfer(struct block_io *io)
{
	u8 *at = ram.memory + io->disk_sector * SECTOR_SIZE;

	if (io->op == BLOCK_WRITE && ram.torn[0] && !memcmp(phys_to_virt(io->segments[0].address), ram.torn, sizeof(ram.torn))) {
		memcpy(at, phys_to_virt(io->segments[0].address), SECTOR_SIZE);
		return;
	}
	for (u32 i = 0; io->op <= BLOCK_WRITE && i < io->segment_count; i++) {
		void *data = phys_to_virt(io->segments[i].address);
		memcpy(io->op == BLOCK_READ ? data : at, io->op == BLOCK_READ ? at : data, io->segments[i].length);
		at += io->segments[i].length;
	}
}

/* Any of those that wait, but for a flush, which ends when all before it have. NULL: none. */
static struct block_io *take(void)
{
	struct block_io *io = NULL, *at;
	u64 flags = spin_lock_irqsave(&disk.lock), chosen = length ? ktest_random() % length : 0;

	list_for_each(at, &queue, link) {
		if (at->op == BLOCK_FLUSH && io)
			break;
		io = at;
		if (at->op == BLOCK_FLUSH || !chosen--)
			break;
	}
	if (io) {
		list_del(&io->link);
		length--;
	}
	spin_unlock_irqrestore(&disk.lock, flags);
	return io;
}

static void device(void *arg __unused)
{
	for (;;) {
		struct block_io *io, *part;
		bool failed;

		wait_event(&work, atomic_load(&length));
		thread_sleep_ns(NSEC_PER_MSEC / 10); /* meanwhile others do what they should have waited for */
		io = take();
		failed = is_bad(io);
		list_for_each(part, &io->merged, link)
			failed |= is_bad(part);
		u64 flags = spin_lock_irqsave(&disk.lock);
		if (!failed)
			transfer(io);
		note_io(RAM_END, io, failed);
		list_for_each(part, &io->merged, link) {
			if (!failed)
				transfer(part);
			note_io(RAM_END, part, failed);
		}
		spin_unlock_irqrestore(&disk.lock, flags);
		disk_complete(&disk, io, failed ? -EIO : 0);
	}
}

static const struct block_ops ops = { .start = start, .kick = kick };

static bool make(void)
{
	memcpy(disk.name, "ram0", 5);
	disk.major = 240;
	disk.minors = 1;
	disk.sectors = RAM_SECTORS;
	disk.logical_size = disk.physical_size = 512;
	disk.max_segments = 64;
	disk.max_sectors = 1024;
	disk.can_flush = true;
	disk.ops = &ops;
	spin_init(&disk.lock, "disk", RANK_DEVICE);
	ram.memory = kmap_alloc(RAM_SECTORS * SECTOR_SIZE, ALLOC_ZERO);
	ram.events = kmap_alloc(RAM_EVENTS * sizeof(*ram.events), 0);
	if (!KEXPECT(ram.memory && ram.events && kthread_run("ramdisk", device, NULL) && !disk_add(&disk)))
		return false;
	ram.dev = disk.whole;
	return true;
}

/* By words: an emulated machine stores strings byte by byte. */
static void clear(void)
{
	u64 *words = (u64 *)ram.memory;

	for (u64 i = 0; i < RAM_SECTORS * SECTOR_SIZE / 8; i++)
		words[i] = 0;
}

struct ramdisk *ramdisk_get(void)
{
	if (!ram.dev && !make())
		return NULL;
	block_device_flush_cache(ram.dev);
	buffers_forget(ram.dev);
	clear();
	ram.bad_sector = 0;
	ram.bad_flush = false;
	memset(ram.fail, 0, sizeof(ram.fail));
	ram.failures = 0;
	ram.bad_words[0] = 0;
	ram.scattered = 0;
	ram.torn[0] = 0;
	ramdisk_forget(&ram);
	return &ram;
}

void ramdisk_forget(struct ramdisk *r)
{
	u64 flags = spin_lock_irqsave(&disk.lock);

	r->count = 0;
	r->overflow = false;
	spin_unlock_irqrestore(&disk.lock, flags);
}

void ramdisk_mark(struct ramdisk *r, u64 what)
{
	u64 flags = spin_lock_irqsave(&disk.lock);
	struct ram_event *e = note(RAM_MARK);

	if (e)
		e->sector = what;
	spin_unlock_irqrestore(&disk.lock, flags);
	(void)r;
}
