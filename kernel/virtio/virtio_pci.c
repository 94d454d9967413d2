/*
 * The modern PCI transport (virtio 1.1, 4.1): vendor capabilities say where in which BAR the structures lie.
 *
 *   common config   status, features, and a window on one queue at a time
 *   notify          one register a queue: written with the queue's number when there is something new
 *   isr             why the line interrupt came; reading it takes the interrupt back
 *   device config   of the kind of device
 *
 * With MSI-X each queue has a vector of its own and changes of the configuration have entry 0; where vectors or entries run short, and without
 * MSI-X, all share.
 */
#include "virtio/virtio.h"

#include "core/atomic.h"
#include "core/err.h"
#include "core/printk.h"
#include "core/registry.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "time/time.h"

#define VENDOR_VIRTIO 0x1af4
#define NO_VECTOR 0xffff
#define RESET_PATIENCE_US 100000

/* Offsets in the common configuration (4.1.4.3). */
enum {
	COMMON_DEVICE_FEATURE_SELECT = 0, COMMON_DEVICE_FEATURE = 4, COMMON_DRIVER_FEATURE_SELECT = 8, COMMON_DRIVER_FEATURE = 12, COMMON_CONFIG_VECTOR = 16,
	COMMON_QUEUES = 18, COMMON_STATUS = 20, COMMON_GENERATION = 21, COMMON_QUEUE_SELECT = 22, COMMON_QUEUE_SIZE = 24, COMMON_QUEUE_VECTOR = 26,
	COMMON_QUEUE_ENABLE = 28, COMMON_QUEUE_NOTIFY_OFFSET = 30, COMMON_QUEUE_DESC = 32, COMMON_QUEUE_DRIVER = 40, COMMON_QUEUE_DEVICE = 48, COMMON_LENGTH = 56,
};
enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8, STATUS_FAILED = 128 };
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_ISR = 3, CFG_DEVICE = 4 };
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

static u8 read8(struct virtio_device *d, u32 at) { return d->common[at]; }
static u16 read16(struct virtio_device *d, u32 at) { return *(volatile u16 *)(d->common + at); }
static u32 read32(struct virtio_device *d, u32 at) { return *(volatile u32 *)(d->common + at); }
static void write8(struct virtio_device *d, u32 at, u8 v) { d->common[at] = v; }
static void write16(struct virtio_device *d, u32 at, u16 v) { *(volatile u16 *)(d->common + at) = v; }
static void write32(struct virtio_device *d, u32 at, u32 v) { *(volatile u32 *)(d->common + at) = v; }
static void write64(struct virtio_device *d, u32 at, u64 v)
{
	write32(d, at, (u32)v);
	write32(d, at + 4, (u32)(v >> 32));
}

/* --- interrupts --------------------------------------------------------------------------------------------------------- */

static void queue_interrupt(void *arg)
{
	struct virtqueue *vq = arg;

	if (vq->callback)
		vq->callback(vq);
}

static void config_interrupt(void *arg)
{
	struct virtio_device *d = arg;

	if (d->config_changed)
		d->config_changed(d);
}

static void all_queues(struct virtio_device *d)
{
	for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++) {
		struct virtqueue *vq = atomic_load_acquire(&d->queues[i]);
		if (vq)
			queue_interrupt(vq);
	}
}

static void shared_vector_interrupt(void *arg)
{
	all_queues(arg);
}

static void line_interrupt(void *arg)
{
	struct virtio_device *d = arg;
	u8 why = *d->isr;

	if (why & ISR_QUEUE)
		all_queues(d);
	if (why & ISR_CONFIG)
		config_interrupt(d);
}

/* Entry 0 for the configuration, entry 1 for queues that have none of their own. */
static int interrupts_init(struct virtio_device *d)
{
	d->msix = !pci_msix_enable(d->pci) && !pci_msix_request(d->pci, 0, config_interrupt, d, d->name) &&
		!pci_msix_request(d->pci, 1, shared_vector_interrupt, d, d->name);
	if (!d->msix)
		return pci_irq_request(d->pci, line_interrupt, d, d->name);
	write16(d, COMMON_CONFIG_VECTOR, 0);
	return 0;
}

/* --- structures ----------------------------------------------------------------------------------------------------------- */

static int find_structures(struct virtio_device *d)
{
	for (unsigned cap = 0; (cap = pci_find_capability(d->pci, PCI_CAP_VENDOR, cap));) {
		u8 type = pci_read8(d->pci, cap + 3), bar = pci_read8(d->pci, cap + 4);
		u32 offset = pci_read32(d->pci, cap + 8), length = pci_read32(d->pci, cap + 12);
		volatile u8 *at;

		if (type < CFG_COMMON || type > CFG_DEVICE)
			continue;
		at = pci_map_bar(d->pci, bar, offset, length);
		if (!at)
			continue;
		if (type == CFG_COMMON && !d->common && length >= COMMON_LENGTH) {
			d->common = at;
		} else if (type == CFG_NOTIFY && !d->notify_base) {
			d->notify_base = at;
			d->notify_length = length;
			d->notify_multiplier = pci_read32(d->pci, cap + 16);
		} else if (type == CFG_ISR && !d->isr) {
			d->isr = at;
		} else if (type == CFG_DEVICE && !d->config) {
			d->config = at;
			d->config_length = length;
		}
	}
	return d->common && d->notify_base && d->isr ? 0 : -ENODEV;
}

void virtio_reset(struct virtio_device *d)
{
	write8(d, COMMON_STATUS, 0);
	for (u32 us = 0; read8(d, COMMON_STATUS) && us < RESET_PATIENCE_US; us += 10)
		time_delay_us(10);
}

u64 virtio_offered(struct virtio_device *d)
{
	u64 offered;

	write32(d, COMMON_DEVICE_FEATURE_SELECT, 0);
	offered = read32(d, COMMON_DEVICE_FEATURE);
	write32(d, COMMON_DEVICE_FEATURE_SELECT, 1);
	return offered | (u64)read32(d, COMMON_DEVICE_FEATURE) << 32;
}

int virtio_negotiate(struct virtio_device *d, u64 wanted)
{
	u64 offered = virtio_offered(d);

	if (!(offered & VIRTIO_F_VERSION_1))
		return -ENODEV;
	d->features = offered & (wanted | VIRTIO_F_VERSION_1 | VIRTIO_F_RING_EVENT_IDX);
	write32(d, COMMON_DRIVER_FEATURE_SELECT, 0);
	write32(d, COMMON_DRIVER_FEATURE, (u32)d->features);
	write32(d, COMMON_DRIVER_FEATURE_SELECT, 1);
	write32(d, COMMON_DRIVER_FEATURE, (u32)(d->features >> 32));
	write8(d, COMMON_STATUS, read8(d, COMMON_STATUS) | STATUS_FEATURES_OK);
	if (!(read8(d, COMMON_STATUS) & STATUS_FEATURES_OK))
		return -ENODEV;
	return interrupts_init(d);
}

/* The queue's vector at the device: its own entry, else the shared one. False: the device refused. */
static bool queue_vector(struct virtio_device *d, struct virtqueue *vq)
{
	u16 entry = 2 + vq->index;

	if (!d->msix)
		return true;
	if (pci_msix_request(d->pci, entry, queue_interrupt, vq, d->name))
		entry = 1;
	write16(d, COMMON_QUEUE_VECTOR, entry);
	return read16(d, COMMON_QUEUE_VECTOR) != NO_VECTOR;
}

struct virtqueue *virtio_queue(struct virtio_device *d, u16 index, u16 size, void (*callback)(struct virtqueue *vq), void *private)
{
	struct virtqueue *vq;
	unsigned order = 0;
	struct frame *f;
	u64 notify;
	u16 most;

	if (index >= VIRTIO_QUEUES_MAX || index >= read16(d, COMMON_QUEUES))
		return ERR_PTR(-ENOENT);
	write16(d, COMMON_QUEUE_SELECT, index);
	most = MIN(read16(d, COMMON_QUEUE_SIZE), (u16)VIRTQ_MAX);
	size = size ? MIN(size, most) : most;
	while (size & (size - 1))
		size &= size - 1;
	if (!size)
		return ERR_PTR(-ENOENT);
	notify = (u64)read16(d, COMMON_QUEUE_NOTIFY_OFFSET) * d->notify_multiplier;
	if (notify + 2 > d->notify_length)
		return ERR_PTR(-ENOENT);
	vq = kzalloc(sizeof(*vq), 0);
	while (PAGE_SIZE << order < virtqueue_bytes(size))
		order++;
	f = vq ? frame_alloc(order, ALLOC_ZERO) : NULL;
	if (!f) {
		kfree(vq);
		return ERR_PTR(-ENOMEM);
	}
	virtqueue_setup(vq, size, frame_to_virt(f));
	vq->device = d;
	vq->index = index;
	vq->event_index = virtio_has(d, VIRTIO_F_RING_EVENT_IDX);
	vq->notify = (volatile u16 *)(d->notify_base + notify);
	vq->callback = callback;
	vq->private = private;
	if (!queue_vector(d, vq)) {
		frame_free(f, order);
		kfree(vq);
		return ERR_PTR(-ENOSPC);
	}
	write16(d, COMMON_QUEUE_SIZE, size);
	write64(d, COMMON_QUEUE_DESC, virt_to_phys(vq->desc));
	write64(d, COMMON_QUEUE_DRIVER, virt_to_phys((void *)vq->avail));
	write64(d, COMMON_QUEUE_DEVICE, virt_to_phys((void *)vq->used));
	write16(d, COMMON_QUEUE_ENABLE, 1);
	if (!callback)
		virtqueue_disable_interrupt(vq);
	atomic_store_release(&d->queues[index], vq);
	return vq;
}

void virtio_ready(struct virtio_device *d)
{
	write8(d, COMMON_STATUS, read8(d, COMMON_STATUS) | STATUS_DRIVER_OK);
}

void virtio_notify(struct virtqueue *vq)
{
	if (virtqueue_must_notify(vq))
		virtio_notify_now(vq);
}

/* --- configuration of the kind ----------------------------------------------------------------------------------------------- */

static bool config_has(const struct virtio_device *d, u32 offset, u32 size)
{
	return d->config && d->config_length >= size && offset <= d->config_length - size;
}

u8 virtio_config8(struct virtio_device *d, u32 offset)
{
	return config_has(d, offset, 1) ? d->config[offset] : 0;
}

u16 virtio_config16(struct virtio_device *d, u32 offset)
{
	return config_has(d, offset, 2) ? *(volatile u16 *)(d->config + offset) : 0;
}

u32 virtio_config32(struct virtio_device *d, u32 offset)
{
	return config_has(d, offset, 4) ? *(volatile u32 *)(d->config + offset) : 0;
}

u64 virtio_config64(struct virtio_device *d, u32 offset)
{
	u64 v;
	u8 before;

	do {
		before = read8(d, COMMON_GENERATION);
		v = virtio_config32(d, offset) | (u64)virtio_config32(d, offset + 4) << 32;
	} while (read8(d, COMMON_GENERATION) != before);
	return v;
}

void virtio_config_write8(struct virtio_device *d, u32 offset, u8 v)
{
	if (config_has(d, offset, 1))
		d->config[offset] = v;
}

/* --- devices ------------------------------------------------------------------------------------------------------------------ */

/* The kind of a device: from its number, or for one that can do the old interface too, from the subsystem's. 0: none. */
static u16 type_of(const struct pci_device *p)
{
	if (p->vendor != VENDOR_VIRTIO)
		return 0;
	if (p->device >= 0x1040 && p->device < 0x1080)
		return p->device - 0x1040;
	return p->device >= 0x1000 && p->device < 0x1040 ? p->subsystem : 0;
}

static int probe(const struct virtio_driver *driver, struct pci_device *p)
{
	struct virtio_device *d = kzalloc(sizeof(*d), 0);
	int err;

	if (!d)
		return -ENOMEM;
	d->pci = p;
	d->type = driver->type;
	d->name = driver->name;
	pci_enable(p);
	err = find_structures(d);
	if (err) {
		kfree(d);
		goto out;
	}
	virtio_reset(d);
	write8(d, COMMON_STATUS, STATUS_ACKNOWLEDGE);
	write8(d, COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	err = driver->probe(d);
	/* What was set up for it stays: an interrupt may still be on its way. It is reset and will not be touched again. */
	if (err) {
		virtio_reset(d);
		write8(d, COMMON_STATUS, STATUS_FAILED);
	}
out:
	if (err)
		pr_err("%s: device %02x:%02x.%x cannot be used: error %d\n", driver->name, p->bus, p->slot, p->function, err);
	return err;
}

int virtio_driver_register(const struct virtio_driver *driver)
{
	struct pci_device *p;
	int n = 0;

	list_for_each(p, &pci_devices, link) {
		if (p->driver || type_of(p) != driver->type)
			continue;
		p->driver = driver->name;
		if (!probe(driver, p))
			n++;
	}
	return n;
}

SUBSYSTEM(virtio, .needs = "pci", .init = NULL, .stage = "10-disk");
