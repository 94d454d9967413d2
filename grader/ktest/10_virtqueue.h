/*
 * A device that a test of the virtqueue plays: rings of its own, how far it has read in them, and chains of which it knows what they are to look like.
 * Each file that includes this has one.
 */
#ifndef KTEST_10_VIRTQUEUE_H
#define KTEST_10_VIRTQUEUE_H

#include "core/ktest.h"
#include "lib/string.h"
#include "virtio/virtqueue.h"

#define CHAIN_MAX 5u

static struct virtqueue q;
static u8 rings[16384] __aligned(4096);
static u16 seen, used; /* the device's: how far it has read, and what it has given back */

struct chain {
	struct virtq_buffer buffers[CHAIN_MAX];
	unsigned out, in;
	u16 head;
	bool in_flight;
};

static void make(u16 size, bool event_index)
{
	memset(&q, 0, sizeof(q));
	memset(rings, 0, sizeof(rings));
	q.event_index = event_index;
	virtqueue_setup(&q, size, rings);
	seen = used = 0;
}

static void draw(struct chain *c, unsigned most)
{
	unsigned n = 1 + ktest_random() % MIN(most, CHAIN_MAX);

	c->out = ktest_random() % (n + 1);
	c->in = n - c->out;
	for (unsigned i = 0; i < n; i++)
		c->buffers[i] = (struct virtq_buffer){ ktest_random() >> 12, 1 + (u32)(ktest_random() % 65536) };
}

static int add(struct chain *c)
{
	return virtqueue_add(&q, c->buffers, c->out, c->in, c);
}

/* The next head that the driver shows; false: none. */
static bool device_get(u16 *head)
{
	if (seen == q.avail->index)
		return false;
	*head = q.avail->ring[seen++ % q.size];
	return true;
}

/* What an honest device can have written, at most (2.6.8): what the buffers that it may write to take. */
static inline u32 writable(const struct chain *c)
{
	u32 sum = 0;

	for (unsigned i = c->out; i < c->out + c->in; i++)
		sum += c->buffers[i].length;
	return sum;
}

static void device_put(u32 head, u32 length)
{
	q.used->ring[used % q.size].id = head;
	q.used->ring[used % q.size].length = length;
	used++;
	q.used->index = used;
}

/* Is it the chain, as a device reads it? Nothing but the walk says so. */
static bool chain_is(u16 head, const struct chain *c)
{
	unsigned n = c->out + c->in;
	u16 at = head;

	for (unsigned i = 0; i < n; i++) {
		const struct virtq_desc *d = &q.desc[at];
		if (at >= q.size || d->address != c->buffers[i].address || d->length != c->buffers[i].length)
			return false;
		if (d->flags != ((i >= c->out ? VIRTQ_DESC_WRITE : 0) | (i + 1 < n ? VIRTQ_DESC_NEXT : 0)))
			return false;
		at = d->next;
	}
	return true;
}

/* Is `wanted` one of from … to - 1, as numbers of 16 bits go round? */
static bool among(u16 wanted, u16 from, u16 to)
{
	for (; from != to; from++)
		if (from == wanted)
			return true;
	return false;
}

#endif
