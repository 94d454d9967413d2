/* Stage 10: the driver's side of a virtqueue, with everything at random, beside a model of it. */
#include "10_virtqueue.h"

#include "core/err.h"

enum { CALLS = 800, UNDER_WAY = VIRTQ_MAX };

static struct chain under_way[UNDER_WAY];
static struct chain *at_device[UNDER_WAY], *done[UNDER_WAY]; /* done: given back by the device, and not taken yet; NULL: an answer that makes no sense */
static u32 at_count, done_count, lies;
static u16 free_now;
static bool off; /* something is not as in the model */

#define CHECK(cond) do { if (!off && !KEXPECT(cond)) off = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!off && !KEXPECT_EQ(got, wanted)) off = true; } while (0)

static struct chain *unused_chain(void)
{
	for (u32 i = 0; i < q.size; i++) /* no more than there are descriptors */
		if (!under_way[i].in_flight)
			return &under_way[i];
	return NULL;
}

static void device_ends_one(void)
{
	u32 k = (u32)(ktest_random() % at_count);
	struct chain *c = at_device[k];

	memmove(at_device + k, at_device + k + 1, (--at_count - k) * sizeof(*at_device));
	done[done_count++] = c;
	device_put(c->head, writable(c));
}

static void take_one(void)
{
	struct chain *c = NULL;
	u32 length = 0, k = 0;

	while (k < done_count && !c) {
		c = done[k++];
		lies += !c;
	}
	memmove(done, done + k, (done_count -= k) * sizeof(*done));
	CHECK(virtqueue_take(&q, &length) == c);
	CHECK_EQ(q.bad_used, lies);
	if (!c)
		return;
	CHECK_EQ(length, writable(c));
	c->in_flight = false;
	free_now += c->out + c->in;
}

/* A head that is no head, or of nothing that is under way. */
static void device_lies(void)
{
	u32 head = ktest_random() % 2 ? q.size : (u32)(ktest_random() % 3 ? ktest_random() % (4u * q.size) : ktest_random());

	for (u32 i = 0; i < q.size; i++)
		if (under_way[i].in_flight && under_way[i].head == head)
			return;
	done[done_count++] = NULL;
	device_put(head, 0x1234567);
	while (head < q.size && done_count && !off) /* before it is a head after all */
		take_one();
}

static void add_one(void)
{
	struct chain *c = unused_chain();
	u16 before = q.avail->index;

	if (!c)
		return;
	draw(c, CHAIN_MAX);
	if (c->out + c->in > free_now) {
		CHECK_EQ(add(c), -ENOSPC);
		CHECK_EQ(q.avail->index, before);
		return;
	}
	CHECK_EQ(add(c), 0);
	CHECK(device_get(&c->head) && chain_is(c->head, c));
	c->in_flight = true;
	free_now -= c->out + c->in;
	at_device[at_count++] = c;
}

static void random_queue(bool event_index, u16 size, u16 from)
{
	u16 told = from; /* how far the driver had come at its last look whether to tell */

	make(size, event_index);
	/* As after a long time. */
	q.avail->index = q.avail_index = q.kicked_index = seen = from;
	q.used->index = q.used_index = used = from;
	memset(under_way, 0, sizeof(under_way));
	at_count = done_count = lies = 0;
	free_now = size;
	for (u32 i = 0; i < CALLS && !off; i++) {
		u16 place = used - (u16)done_count; /* how far it has read */

		switch (ktest_random() % 8) {
		case 0:
		case 1:
		case 2: add_one(); break;
		case 3:
			if (at_count && done_count < size)
				device_ends_one();
			break;
		case 4:
			if (done_count + at_count < size)
				device_lies();
			break;
		case 5: take_one(); break;
		case 6: {
			u16 wanted = q.avail->index + (u16)(ktest_random() % 16) - 12, now = q.avail->index;
			bool quiet = ktest_random() % 2;

			*(volatile u16 *)&q.used->ring[size] = wanted;
			q.used->flags = event_index || !quiet ? 0 : VIRTQ_USED_NO_NOTIFY;
			CHECK_EQ(virtqueue_must_notify(&q), event_index ? among(wanted, told, now) : told != now && !quiet);
			told = now;
			break;
		}
		default:
			if (ktest_random() % 2) {
				CHECK_EQ(virtqueue_enable_interrupt(&q), !done_count);
				CHECK(event_index ? q.avail->ring[size] == place : !(q.avail->flags & VIRTQ_AVAIL_NO_INTERRUPT));
			} else {
				virtqueue_disable_interrupt(&q);
				CHECK(event_index ? !among(q.avail->ring[size], used, used + size) : q.avail->flags & VIRTQ_AVAIL_NO_INTERRUPT);
			}
		}
	}
	while ((at_count || done_count) && !off) {
		if (at_count && done_count < size)
			device_ends_one();
		take_one();
	}
	CHECK_EQ(free_now, size);
	CHECK_EQ(q.free_count, size);
	if (off) {
		ktest_note("size", size);
		ktest_note("event indices", event_index);
	}
}

KTEST(10, queues_at_random)
{
	off = false;
	for (u32 turn = 0; turn < 10 && !off; turn++) /* from the smallest to the largest */
		random_queue(ktest_random() % 2, turn < 9 ? 1u << turn : VIRTQ_MAX, ktest_random() % 2 ? 0 : (u16)(65536 - ktest_random() % 100));
}
