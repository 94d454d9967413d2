/*
 * virtio-rng: the host's random numbers (virtio 1.1, 5.4), into the kernel's own generator at the start, and for programs as /dev/hwrng.
 *
 * The device has one queue: an empty buffer goes in, and comes back with bytes. One buffer, used in turn.
 */
#include "virtio/virtio.h"

#include "core/err.h"
#include "core/random.h"
#include "core/registry.h"
#include "lib/string.h"
#include "sched/mutex.h"
#include "vfs/vfs.h"

#define RNG_CHUNK 256

static struct {
	struct virtqueue *vq;
	struct spinlock lock;  /* vq, ready, length */
	struct mutex readers;  /* who asks */
	struct wait_queue wait;
	bool ready;
	u32 length;
	u8 *buffer;            /* the device's until ready */
} rng;

static void rng_interrupt(struct virtqueue *vq)
{
	u64 flags = spin_lock_irqsave(&rng.lock);
	u32 length;

	do {
		while (virtqueue_take(vq, &length)) {
			rng.length = MIN(length, (u32)RNG_CHUNK);
			rng.ready = true;
		}
	} while (!virtqueue_enable_interrupt(vq));
	spin_unlock_irqrestore(&rng.lock, flags);
	wait_wake_all(&rng.wait);
}

/* One buffer full; readers held. Bytes, -ERESTARTSYS, or -ETIMEDOUT at the deadline. */
static int rng_fill(u64 deadline)
{
	struct virtq_buffer b = { .address = virt_to_phys(rng.buffer), .length = RNG_CHUNK };
	u64 flags = spin_lock_irqsave(&rng.lock);
	long err;

	/* One that an interrupted reader gave up on is still under way. */
	if (rng.ready || rng.vq->free_count == rng.vq->size) {
		rng.ready = false;
		virtqueue_add(rng.vq, &b, 0, 1, &rng);
		virtio_notify(rng.vq);
	}
	spin_unlock_irqrestore(&rng.lock, flags);
	err = wait_event_interruptible_until(&rng.wait, READ_ONCE(rng.ready), deadline);
	return err ? (int)err : (int)rng.length;
}

static ssize_t rng_read(struct file *f __unused, struct uio *to, s64 *pos __unused)
{
	size_t done = 0;

	while (to->left) {
		u8 copy[RNG_CHUNK];
		size_t took;
		int n = mutex_lock_interruptible(&rng.readers);

		if (n)
			return done ? (ssize_t)done : n;
		n = rng_fill(TIME_NEVER);
		if (n > 0)
			memcpy(copy, rng.buffer, (size_t)n);
		mutex_unlock(&rng.readers);
		if (n <= 0)
			return done ? (ssize_t)done : n ? n : -EIO;
		took = uio_write(to, copy, MIN((size_t)n, to->left));
		done += took;
		if (!took)
			return done ? (ssize_t)done : -EFAULT;
	}
	return done;
}

static const struct file_ops rng_ops = { .name = "hwrng", .read = rng_read };

static int rng_open(struct inode *inode __unused, struct file *f)
{
	f->ops = &rng_ops;
	return 0;
}

static int rng_probe(struct virtio_device *d)
{
	static struct char_device device = { .major = 10, .minor = 183, .count = 1, .name = "hwrng", .mode = 0600, .open = rng_open };
	int err;

	if (rng.vq)
		return -EBUSY;
	err = virtio_negotiate(d, 0);
	if (err)
		return err;
	rng.buffer = page_alloc(0);
	if (!rng.buffer)
		return -ENOMEM;
	spin_init(&rng.lock, "virtio-rng", RANK_DEVICE);
	mutex_init(&rng.readers, "virtio-rng", RANK_SUBSYS_MUTEX);
	wait_queue_init(&rng.wait);
	rng.vq = virtio_queue(d, 0, 1, rng_interrupt, NULL);
	if (IS_ERR(rng.vq)) {
		err = (int)PTR_ERR(rng.vq);
		rng.vq = NULL;
		return err;
	}
	virtio_ready(d);
	if (rng_fill(time_ns() + NSEC_PER_SEC) > 0)
		for (u32 i = 0; i + 8 <= rng.length; i += 8) {
			u64 word;
			memcpy(&word, rng.buffer + i, 8);
			random_stir(word);
		}
	return char_device_register(&device);
}

static int rng_init(void)
{
	static const struct virtio_driver driver = { .name = "virtio-rng", .type = VIRTIO_ENTROPY, .probe = rng_probe };

	virtio_driver_register(&driver);
	return 0;
}
SUBSYSTEM(rng, .needs = "virtio devfs", .init = rng_init, .stage = "10-disk");
