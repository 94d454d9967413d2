/*
 * virtio devices on PCI (virtio 1.1, 4.1): finding them, agreeing on features, their queues and their configuration.
 *
 * A driver calls virtio_driver_register() from its subsystem's start; its probe is called for each device of its kind that nobody has claimed.
 * In probe, in this order: virtio_negotiate, virtio_queue for each queue, virtio_ready. After that the device may call back.
 */
#ifndef VIRTIO_VIRTIO_H
#define VIRTIO_VIRTIO_H

#include "pci/pci.h"
#include "virtio/virtqueue.h"

enum { VIRTIO_NET = 1, VIRTIO_BLOCK = 2, VIRTIO_ENTROPY = 4 };
/* Features that are the transport's affair; it adds those that it knows. */
#define VIRTIO_F_RING_EVENT_IDX (1ul << 29)
#define VIRTIO_F_VERSION_1 (1ul << 32)

#define VIRTIO_QUEUES_MAX 33 /* sixteen pairs of a network card, and its control queue */

struct virtio_device {
	struct pci_device *pci;
	u16 type;             /* VIRTIO_* */
	u64 features;         /* agreed on */
	volatile u8 *common;  /* structures of the device (4.1.4) */
	volatile u8 *isr;
	volatile u8 *config;  /* of its kind; NULL: none */
	u32 config_length;
	volatile u8 *notify_base;
	u32 notify_length, notify_multiplier;
	bool msix;
	struct virtqueue *queues[VIRTIO_QUEUES_MAX];
	/* The device changed its configuration; interrupt context. NULL: nobody cares. Set before virtio_ready. */
	void (*config_changed)(struct virtio_device *d);
	void *private;        /* the driver's */
	const char *name;     /* of the driver, for /proc/interrupts */
};

struct virtio_driver {
	const char *name;
	u16 type;
	/* 0: it is this driver's now. -errno: the device was left, and is reset. */
	int (*probe)(struct virtio_device *d);
};

/* Probes the devices that are there: how many it took. */
int virtio_driver_register(const struct virtio_driver *driver);

/* What the device could do. */
u64 virtio_offered(struct virtio_device *d);
/* Accepts of `wanted` what the device offers: 0, or -ENODEV if it does not agree or is no virtio 1 device. d->features tells. */
int virtio_negotiate(struct virtio_device *d, u64 wanted);
static inline bool virtio_has(const struct virtio_device *d, u64 feature) { return d->features & feature; }
/* Queue `index` with at most `size` descriptors (0: as many as it can); callback in interrupt context, or NULL. ERR_PTR(-ENOENT: the device has no such queue, -ENOMEM, -ENOSPC). */
struct virtqueue *virtio_queue(struct virtio_device *d, u16 index, u16 size, void (*callback)(struct virtqueue *vq), void *private);
/* From here on the device works. */
void virtio_ready(struct virtio_device *d);
/* Stops it: nothing is read or written any more, and no callback comes after those that run now. */
void virtio_reset(struct virtio_device *d);
/* Tells the device of what was added, if it wants to know: what virtqueue_must_notify says. */
void virtio_notify(struct virtqueue *vq);
/* The same in two steps, so that the ring's lock need not be held while the device's register is written (which is slow in a virtual machine). */
static inline void virtio_notify_now(struct virtqueue *vq) { *vq->notify = vq->index; }

/* Configuration fields by offset; zeroes past its end. Fields of 8 bytes are read until they hold still. */
u8 virtio_config8(struct virtio_device *d, u32 offset);
u16 virtio_config16(struct virtio_device *d, u32 offset);
u32 virtio_config32(struct virtio_device *d, u32 offset);
u64 virtio_config64(struct virtio_device *d, u32 offset);
void virtio_config_write8(struct virtio_device *d, u32 offset, u8 v);

#endif
