/*
 * virtio-blk (virtio 1.1, 5.2): /dev/vda and its kin.
 *
 * A request is a chain: a header that the device reads, the data's segments, and a byte for the outcome that the device writes. Headers and outcomes lie in
 * one array per device, as many as requests can be under way.
 */
#include "block_priv.h"
#include "virtio/virtio.h"

#include "core/err.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"

#define VIRTIO_BLK_MAJOR 254
#define MINORS 16
#define SLOTS 64
#define SEGMENTS_MAX 126
#define REQUEST_SECTORS 2048u /* 1 MiB */

enum { F_SIZE_MAX = 1 << 1, F_SEG_MAX = 1 << 2, F_RO = 1 << 5, F_BLK_SIZE = 1 << 6, F_FLUSH = 1 << 9, F_TOPOLOGY = 1 << 10, F_CONFIG_WCE = 1 << 11, F_DISCARD = 1 << 13, F_WRITE_ZEROES = 1 << 14 };
/* Offsets in the device's configuration (5.2.4). */
enum { CONFIG_CAPACITY = 0, CONFIG_SIZE_MAX = 8, CONFIG_SEG_MAX = 12, CONFIG_BLK_SIZE = 20, CONFIG_PHYSICAL_EXP = 24, CONFIG_MAX_DISCARD = 36, CONFIG_MAX_ZEROES = 48 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPPORTED = 2 };

struct slot {
	struct {
		u32 type, reserved;
		u64 sector;
	} header;
	struct {
		u64 sector;
		u32 sectors, flags;
	} discard;
	u8 status;
	u8 next_free;
	struct block_io *io;
};

struct virtio_blk {
	struct disk disk;
	struct virtqueue *vq;  /* disk.lock */
	struct slot *slots;    /* disk.lock */
	u8 free;               /* disk.lock: first free slot, SLOTS: none */
	struct virtq_buffer buffers[SEGMENTS_MAX + 2]; /* disk.lock */
};

static int start(struct disk *d, struct block_io *io)
{
	static const u8 types[] = { [BLOCK_READ] = T_IN, [BLOCK_WRITE] = T_OUT, [BLOCK_FLUSH] = T_FLUSH, [BLOCK_DISCARD] = T_DISCARD, [BLOCK_ZERO] = T_WRITE_ZEROES };
	struct virtio_blk *v = d->private;
	struct virtq_buffer *b = v->buffers;
	struct slot *s;
	struct block_io *part = io;
	struct list *at = &io->merged;
	unsigned n = 0;
	bool in = io->op == BLOCK_READ;

	if (v->free == SLOTS)
		return -EBUSY;
	s = &v->slots[v->free];
	s->header.type = types[io->op];
	s->header.reserved = 0;
	s->header.sector = io->op <= BLOCK_WRITE ? io->disk_sector : 0;
	b[n++] = (struct virtq_buffer){ virt_to_phys(&s->header), sizeof(s->header) };
	if (io->op == BLOCK_DISCARD || io->op == BLOCK_ZERO) {
		s->discard.sector = io->disk_sector;
		s->discard.sectors = io->sectors;
		s->discard.flags = 0;
		b[n++] = (struct virtq_buffer){ virt_to_phys(&s->discard), sizeof(s->discard) };
	}
	while (io->op <= BLOCK_WRITE) {
		for (u32 i = 0; i < part->segment_count; i++)
			b[n++] = (struct virtq_buffer){ part->segments[i].address, part->segments[i].length };
		at = at->next;
		if (at == &io->merged)
			break;
		part = list_entry(at, struct block_io, link);
	}
	b[n++] = (struct virtq_buffer){ virt_to_phys(&s->status), 1 };
	s->status = S_IOERR;
	s->io = io;
	if (virtqueue_add(v->vq, b, in ? 1 : n - 1, in ? n - 1 : 1, s))
		return -EBUSY;
	v->free = s->next_free;
	return 0;
}

static void kick(struct disk *d)
{
	struct virtio_blk *v = d->private;

	virtio_notify(v->vq);
}

/* One that has ended: its request, *err; NULL: none. Asks for the next interrupt when there is none left. */
static struct block_io *take_done(struct virtio_blk *v, int *err)
{
	struct block_io *io = NULL;
	u64 flags = spin_lock_irqsave(&v->disk.lock);
	struct slot *s;
	u32 length;

	do
		s = virtqueue_take(v->vq, &length);
	while (!s && !virtqueue_enable_interrupt(v->vq));
	if (s) {
		*err = s->status == S_OK ? 0 : s->status == S_UNSUPPORTED ? -EOPNOTSUPP : -EIO;
		io = s->io;
		s->next_free = v->free;
		v->free = (u8)(s - v->slots);
	}
	spin_unlock_irqrestore(&v->disk.lock, flags);
	return io;
}

static void interrupt(struct virtqueue *vq)
{
	struct virtio_blk *v = vq->private;
	struct block_io *io;
	int err;

	while ((io = take_done(v, &err)))
		disk_complete(&v->disk, io, err);
}

static const struct block_ops ops = { .start = start, .kick = kick };

static void read_limits(struct virtio_device *d, struct disk *disk)
{
	u32 segments = virtio_has(d, F_SEG_MAX) ? virtio_config32(d, CONFIG_SEG_MAX) : 1;

	disk->sectors = virtio_config64(d, CONFIG_CAPACITY);
	disk->logical_size = virtio_has(d, F_BLK_SIZE) ? virtio_config32(d, CONFIG_BLK_SIZE) : 512;
	if (disk->logical_size < 512 || disk->logical_size > PAGE_SIZE || disk->logical_size & (disk->logical_size - 1))
		disk->logical_size = 512;
	disk->physical_size = disk->logical_size << (virtio_has(d, F_TOPOLOGY) ? d->config[CONFIG_PHYSICAL_EXP] & 7 : 0);
	disk->max_segments = MAX(MIN(segments, (u32)SEGMENTS_MAX), 1u);
	disk->max_sectors = MIN(REQUEST_SECTORS, disk->max_segments * (u32)(PAGE_SIZE / SECTOR_SIZE));
	disk->read_only = virtio_has(d, F_RO);
	disk->can_flush = virtio_has(d, F_FLUSH);
	disk->max_discard = virtio_has(d, F_DISCARD) ? MIN(virtio_config32(d, CONFIG_MAX_DISCARD), 1u << 22) : 0;
	disk->max_zero = virtio_has(d, F_WRITE_ZEROES) ? MIN(virtio_config32(d, CONFIG_MAX_ZEROES), 1u << 22) : 0;
}

static int probe(struct virtio_device *d)
{
	static u32 count;
	struct virtio_blk *v;
	int err = virtio_negotiate(d, F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY | F_DISCARD | F_WRITE_ZEROES);

	if (err)
		return err;
	if (count == 26)
		return -ENOSPC;
	v = kzalloc(sizeof(*v), 0);
	if (!v)
		return -ENOMEM;
	v->slots = kzalloc(SLOTS * sizeof(struct slot), 0);
	if (!v->slots) {
		kfree(v);
		return -ENOMEM;
	}
	for (u8 i = 0; i < SLOTS; i++)
		v->slots[i].next_free = i + 1;
	read_limits(d, &v->disk);
	memcpy(v->disk.name, "vd?", 4);
	v->disk.name[2] = (char)('a' + count);
	v->disk.major = VIRTIO_BLK_MAJOR;
	v->disk.first_minor = count * MINORS;
	v->disk.minors = MINORS;
	v->disk.ops = &ops;
	v->disk.private = v;
	v->vq = virtio_queue(d, 0, 0, interrupt, v);
	if (IS_ERR(v->vq))
		return (int)PTR_ERR(v->vq);
	/* A request with header and outcome must fit into the queue. */
	if (v->vq->size < 4)
		return -ENOSPC;
	v->disk.max_segments = MIN(v->disk.max_segments, v->vq->size - 2u);
	spin_init(&v->disk.lock, "disk", RANK_DEVICE);
	virtio_ready(d);
	err = disk_add(&v->disk);
	if (!err)
		count++;
	return err;
}

static int virtio_blk_init(void)
{
	static const struct virtio_driver driver = { .name = "virtio-blk", .type = VIRTIO_BLOCK, .probe = probe };

	virtio_driver_register(&driver);
	return 0;
}
SUBSYSTEM(virtio_blk, .needs = "virtio block", .init = virtio_blk_init, .stage = "10-disk");
