/*
 * The driver's side of the split virtqueue.
 *
 *        add                                     device                                   take
 *   free descriptors --> chain --> avail.ring ----------> used.ring --> token, descriptors free again
 *                                  avail.index++          used.index++
 *
 * Order is all there is to it: a chain is written before its head stands in the ring, and the ring before the index that shows it; the used index is
 * read before the entries below it. And each side first says from where on it wants to be told, then looks again, so that nothing is missed:
 *
 *   driver:  used_event = n; barrier; is used.index still n?          device: the same with avail_event
 *
 * The device is not trusted: a head that is out of range, or not in flight, is dropped and counted.
 */
#include "virtio/virtqueue.h"
#include "core/atomic.h"
#include "core/err.h"
#include "core/todo.h"


size_t virtqueue_bytes(u16 size)
{
	return ALIGN_UP(16ul * size + 6 + 2ul * size, 4096ul) + ALIGN_UP(6 + 8ul * size, 4096ul);
}

void virtqueue_setup(struct virtqueue *vq, u16 size, void *memory)
{
	TODO("10-disk");
}

int virtqueue_add(struct virtqueue *vq, const struct virtq_buffer *buffers, unsigned out, unsigned in, void *token)
{
	TODO("10-disk");
}

bool virtqueue_must_notify(struct virtqueue *vq)
{
	TODO("10-disk");
}


void *virtqueue_take(struct virtqueue *vq, u32 *length)
{
	TODO("10-disk");
}

bool virtqueue_enable_interrupt(struct virtqueue *vq)
{
	TODO("10-disk");
}

void virtqueue_disable_interrupt(struct virtqueue *vq)
{
	TODO("10-disk");
}
