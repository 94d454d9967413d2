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

#ifdef SOLUTION
/* Where the two sides say from which index on they want to be told: behind each other's ring. */
static volatile u16 *used_event(struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static u16 avail_event(struct virtqueue *vq)
{
	return *(volatile u16 *)&vq->used->ring[vq->size];
}
#endif

size_t virtqueue_bytes(u16 size)
{
	return ALIGN_UP(16ul * size + 6 + 2ul * size, 4096ul) + ALIGN_UP(6 + 8ul * size, 4096ul);
}

void virtqueue_setup(struct virtqueue *vq, u16 size, void *memory)
{
#ifdef SOLUTION
	vq->size = size;
	vq->desc = memory;
	vq->avail = (void *)((char *)memory + 16ul * size);
	vq->used = (void *)((char *)memory + ALIGN_UP(16ul * size + 6 + 2ul * size, 4096ul));
	for (u16 i = 0; i < size; i++)
		vq->desc[i].next = i + 1;
	vq->free_head = 0;
	vq->free_count = size;
	vq->avail_index = vq->kicked_index = vq->used_index = 0;
#else
	TODO("10-disk");
#endif
}

int virtqueue_add(struct virtqueue *vq, const struct virtq_buffer *buffers, unsigned out, unsigned in, void *token)
{
#ifdef SOLUTION
	unsigned n = out + in;
	u16 head = vq->free_head, at = head;

	if (!n || n > vq->free_count)
		return -ENOSPC;
	for (unsigned i = 0; i < n; i++) {
		struct virtq_desc *d = &vq->desc[at];
		d->address = buffers[i].address;
		d->length = buffers[i].length;
		d->flags = (i >= out ? VIRTQ_DESC_WRITE : 0) | (i + 1 < n ? VIRTQ_DESC_NEXT : 0);
		at = d->next;
	}
	vq->free_head = at;
	vq->free_count -= n;
	vq->tokens[head] = token;
	vq->avail->ring[vq->avail_index % vq->size] = head;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	vq->avail->index = ++vq->avail_index;
	return 0;
#else
	TODO("10-disk");
#endif
}

bool virtqueue_must_notify(struct virtqueue *vq)
{
#ifdef SOLUTION
	u16 old = vq->kicked_index, new = vq->avail_index;

	device_mb();
	vq->kicked_index = new;
	if (old == new)
		return false;
	/* Is the index that the device waits for among old … new - 1? */
	if (vq->event_index)
		return (u16)(new - avail_event(vq) - 1) < (u16)(new - old);
	return !(vq->used->flags & VIRTQ_USED_NO_NOTIFY);
#else
	TODO("10-disk");
#endif
}

#ifdef SOLUTION
/* The chain's descriptors are free again. */
static void chain_free(struct virtqueue *vq, u16 head)
{
	u16 at = head, n = 1;

	while (vq->desc[at].flags & VIRTQ_DESC_NEXT) {
		at = vq->desc[at].next;
		n++;
	}
	vq->desc[at].next = vq->free_head;
	vq->free_head = head;
	vq->free_count += n;
}
#endif

void *virtqueue_take(struct virtqueue *vq, u32 *length)
{
#ifdef SOLUTION
	while (vq->used_index != vq->used->index) {
		void *token;
		u32 head;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		head = vq->used->ring[vq->used_index % vq->size].id;
		*length = vq->used->ring[vq->used_index % vq->size].length;
		vq->used_index++;
		token = head < vq->size ? vq->tokens[head] : NULL;
		if (!token) {
			vq->bad_used++;
			continue;
		}
		vq->tokens[head] = NULL;
		chain_free(vq, (u16)head);
		return token;
	}
	return NULL;
#else
	TODO("10-disk");
#endif
}

bool virtqueue_enable_interrupt(struct virtqueue *vq)
{
#ifdef SOLUTION
	if (vq->event_index)
		*used_event(vq) = vq->used_index;
	else
		vq->avail->flags = 0;
	device_mb();
	return vq->used_index == vq->used->index;
#else
	TODO("10-disk");
#endif
}

void virtqueue_disable_interrupt(struct virtqueue *vq)
{
#ifdef SOLUTION
	/* With event indices: one that the device will not reach soon. */
	if (vq->event_index)
		*used_event(vq) = vq->used_index - 1;
	else
		vq->avail->flags = VIRTQ_AVAIL_NO_INTERRUPT;
#else
	TODO("10-disk");
#endif
}
