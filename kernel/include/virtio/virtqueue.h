/*
 * The split virtqueue (virtio 1.1, 2.6): three rings in memory that driver and device share.
 *
 *   descriptors   table of buffers {address, length, flags, next}: a request is a chain of them, first what the device reads, then what it writes
 *   available     ring of heads of chains that the driver hands over; only the driver writes it
 *   used          ring of heads that the device is done with, each with the count of bytes it wrote; only the device writes it
 *
 * A queue has no lock of its own: all calls on one queue are serialised by its driver's lock.
 */
#ifndef VIRTIO_VIRTQUEUE_H
#define VIRTIO_VIRTQUEUE_H

#include "core/compiler.h"

struct virtq_desc {
	u64 address;
	u32 length;
	u16 flags;
	u16 next;
};
_Static_assert(sizeof(struct virtq_desc) == 16, "virtio 2.6.5");
enum { VIRTQ_DESC_NEXT = 1, VIRTQ_DESC_WRITE = 2 };
struct virtq_avail {
	u16 flags;
	u16 index;
	u16 ring[]; /* then u16 used_event */
};
enum { VIRTQ_AVAIL_NO_INTERRUPT = 1 };
struct virtq_used {
	u16 flags;
	u16 index;
	struct {
		u32 id, length;
	} ring[]; /* then u16 avail_event */
};
enum { VIRTQ_USED_NO_NOTIFY = 1 };

#define VIRTQ_MAX 256 /* descriptors of one queue */

struct virtio_device;
struct virtqueue {
	struct virtio_device *device;
	u16 index;           /* its number at the device */
	u16 size;            /* descriptors; a power of two */
	struct virtq_desc *desc;
	volatile struct virtq_avail *avail;
	volatile struct virtq_used *used;
	bool event_index;    /* VIRTIO_RING_F_EVENT_IDX was agreed on */
	u16 free_head;       /* chain of free descriptors by `next` */
	u16 free_count;
	u16 avail_index;     /* the driver's copy of avail->index */
	u16 kicked_index;    /* avail_index at the last look whether to notify */
	u16 used_index;      /* how far the used ring was read */
	void *tokens[VIRTQ_MAX]; /* by head: the driver's name for the chain; NULL: not in flight */
	u64 bad_used;        /* answers that made no sense, and were dropped */
	volatile u16 *notify;
	void (*callback)(struct virtqueue *vq); /* in interrupt context */
	void *private;       /* the driver's */
};

struct virtq_buffer {
	u64 address; /* physical */
	u32 length;
};

/* Lays the three rings out in zeroed memory of virtqueue_bytes(size), and frees all descriptors. */
size_t virtqueue_bytes(u16 size);
void virtqueue_setup(struct virtqueue *vq, u16 size, void *memory);
/* Queues a chain: `out` buffers that the device reads, then `in` that it writes. 0, or -ENOSPC when that many descriptors are not free, or none is asked for. The device may not know yet. */
int virtqueue_add(struct virtqueue *vq, const struct virtq_buffer *buffers, unsigned out, unsigned in, void *token);
/* Is the device to be told of what was added since the last call? */
bool virtqueue_must_notify(struct virtqueue *vq);
/* A chain that the device is done with: its token, *length bytes were written, as the device says; NULL if there is none. */
void *virtqueue_take(struct virtqueue *vq, u32 *length);
/* Asks for an interrupt at the next used chain; false if there is one already: take it. The wish stands either way. */
bool virtqueue_enable_interrupt(struct virtqueue *vq);
/* None for the time being. With event indices flags stays 0 (2.6.7.1): then an index is named that the device will not reach soon. */
void virtqueue_disable_interrupt(struct virtqueue *vq);

#endif
