/* Stage 10: the driver's side of a virtqueue, against a device that the test plays. */
#include "core/ktest.h"
#include "steps.h"

#include "core/cpu.h"
#include "core/err.h"
#include "irq/irq.h"
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

KTEST(10, a_chain_is_what_was_asked_for)
{
	static struct chain c;

	make(32, false);
	KEXPECT_EQ(q.avail->index, 0);
	KEXPECT_EQ(add(&c), -ENOSPC); /* nothing has no head */
	KEXPECT_EQ(q.avail->index, 0);
	for (int i = 0; i < 200; i++) {
		u16 head = 0xffff;
		u32 length;
		draw(&c, CHAIN_MAX);
		KEXPECT_EQ(add(&c), 0);
		KEXPECT_EQ(q.avail->index, i + 1);
		KREQUIRE(device_get(&head) && head < q.size);
		if (!KEXPECT(chain_is(head, &c)))
			return;
		KEXPECT(virtqueue_take(&q, &length) == NULL);
		device_put(head, c.buffers[0].length);
		KEXPECT(virtqueue_take(&q, &length) == &c);
		KEXPECT_EQ(length, c.buffers[0].length);
		KEXPECT(virtqueue_take(&q, &length) == NULL);
	}
}

/* The device ends what it likes first, and nothing gets lost: as many fit as there are descriptors, again and again. */
KTEST(10, every_descriptor_comes_back)
{
	static struct chain chains[16];
	unsigned in_flight = 0;

	make(16, true);
	for (int turn = 0; turn < 3000; turn++) {
		struct chain *c = &chains[ktest_random() % 16];
		u16 before = q.avail->index;
		u32 length;

		if (c->in_flight) {
			device_put(c->head, turn);
			if (!KEXPECT(virtqueue_take(&q, &length) == c) || !KEXPECT_EQ(length, turn))
				return;
			c->in_flight = false;
			in_flight -= c->out + c->in;
			continue;
		}
		draw(c, CHAIN_MAX);
		if (in_flight + c->out + c->in > 16) {
			if (!KEXPECT_EQ(add(c), -ENOSPC) || !KEXPECT_EQ(q.avail->index, before))
				return;
			continue;
		}
		if (!KEXPECT_EQ(add(c), 0) || !KEXPECT(device_get(&c->head) && chain_is(c->head, c)))
			return;
		c->in_flight = true;
		in_flight += c->out + c->in;
		for (unsigned i = 0; i < 16; i++) /* those under way are as they were */
			if (chains[i].in_flight && !KEXPECT(chain_is(chains[i].head, &chains[i])))
				return;
	}
	for (unsigned i = 0; i < 16; i++)
		if (chains[i].in_flight) {
			u32 length;
			device_put(chains[i].head, 0);
			KEXPECT(virtqueue_take(&q, &length) == &chains[i]);
			chains[i].in_flight = false;
		}
	for (unsigned i = 0; i < 16; i++) {
		chains[i].out = 1;
		chains[i].in = 0;
		KEXPECT_EQ(add(&chains[i]), 0);
	}
	KEXPECT_EQ(add(&chains[0]), -ENOSPC);
}

KTEST(10, indices_run_on_past_their_sixteen_bits)
{
	static struct chain c;
	u32 length;
	u16 head;

	make(8, true);
	for (u32 i = 0; i < 70000; i++) {
		c.out = 1 + i % 2;
		c.in = 1;
		c.buffers[0].address = i;
		if (add(&c) || q.avail->index != (u16)(i + 1) || !device_get(&head) || !chain_is(head, &c)) {
			KEXPECT_EQ(i, 70000);
			return;
		}
		device_put(head, i);
		if (virtqueue_take(&q, &length) != &c || length != i) {
			KEXPECT_EQ(i, 70000);
			return;
		}
	}
	KEXPECT(virtqueue_take(&q, &length) == NULL);
}

/* --- order -------------------------------------------------------------------------------------------------------------------- */

static struct chain *watched;
static u32 shown, too_early;

/* Comes right behind the store to the available index: what would a device find that looks at this moment? */
static bool index_was_stored(struct trapframe *f __unused)
{
	u16 head = q.avail->ring[(u16)(q.avail->index - 1) % q.size];

	shown++;
	if (head >= q.size || !chain_is(head, watched))
		too_early++;
	__asm__ volatile("mov %0, %%dr6" : : "r"(0ul));
	return true;
}

/* Three are always under way, so that heads differ and what is left from earlier in the rings tells nothing. */
KTEST(10, the_index_is_stored_last)
{
	static struct chain chains[3];
	u64 watch_write_of_two_bytes = 1 | 1 << 16 | 1 << 18;
	u32 length;

	make(16, false);
	shown = too_early = 0;
	trap_register(TRAP_DEBUG, index_was_stored);
	for (int i = 0; i < 60; i++) {
		struct chain *c = watched = &chains[i % 3];
		if (i >= 3) {
			device_put(c->head, 0);
			KEXPECT(virtqueue_take(&q, &length) == c);
		}
		draw(c, CHAIN_MAX);
		u64 flags = irq_save(); /* the registers are this CPU's */
		__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(&q.avail->index), "r"(watch_write_of_two_bytes) : "memory");
		int err = add(c);
		__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul) : "memory");
		irq_restore(flags);
		if (!KEXPECT_EQ(err, 0) || !KEXPECT(device_get(&c->head)))
			break;
	}
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT_EQ(shown, 60);
	KEXPECT_EQ(too_early, 0);
}

/* --- who wants to be told ------------------------------------------------------------------------------------------------------ */

static bool among(u16 wanted, u16 from, u16 to)
{
	for (; from != to; from++)
		if (from == wanted)
			return true;
	return false;
}

static void finish_all(void)
{
	u32 length;
	u16 head;

	while (device_get(&head))
		device_put(head, 0);
	while (virtqueue_take(&q, &length))
		;
}

/*
 * A full barrier: a locked instruction or an exchange with memory, MFENCE, or INVLPG (SDM volume 3, 9.2 and 9.3). Until there is one the CPU may keep back what it
 * has written while it reads what comes behind; so a device that looks just behind it sees all that was written before, and what it writes then is still found.
 */
static bool is_barrier(const u8 *at)
{
	while (*at == 0x66 || *at == 0x67 || *at == 0xf2 || *at == 0xf3 || *at == 0x2e || *at == 0x3e || *at == 0x64 || *at == 0x65)
		at++;
	if (*at == 0xf0)
		return true;
	at += (*at & 0xf0) == 0x40;
	if (at[0] == 0x0f)
		return (at[1] == 0xae && at[2] == 0xf0) || (at[1] == 0x01 && (at[2] & 0x38) == 0x38 && at[2] >> 6 != 3);
	return (at[0] & 0xfe) == 0x86 && at[1] >> 6 != 3;
}

static struct chain stepped = { .out = 1 };
static bool barrier_next, barrier_was, answered; /* the device's turn has come; what the call said */
static u16 stepped_from;

static void adds_and_asks(void *arg __unused)
{
	add(&stepped);
	answered = virtqueue_must_notify(&q);
}

/* The device found nothing and wants to be told, as soon as it must have seen the new index. */
static void device_falls_asleep(u32 n __unused)
{
	if (barrier_next && !barrier_was && q.avail->index != stepped_from) {
		barrier_was = true;
		*(volatile u16 *)&q.used->ring[q.size] = stepped_from;
		q.used->flags = 0;
	}
	barrier_next = is_barrier(ktest_step_next);
}

static void wishes(void *arg __unused)
{
	answered = virtqueue_enable_interrupt(&q);
}

/* It is done with a chain just when it must have seen that an interrupt is wanted: it may have looked just before. */
static void device_ends_one_now(u32 n __unused)
{
	if (barrier_next && !barrier_was && (q.event_index ? q.avail->ring[q.size] == used : !(q.avail->flags & VIRTQ_AVAIL_NO_INTERRUPT))) {
		u16 head;
		barrier_was = true;
		if (device_get(&head))
			device_put(head, 0);
	}
	barrier_next = is_barrier(ktest_step_next);
}

KTEST(10, the_device_is_told_when_it_wants_to_be)
{
	static struct chain c = { .out = 1 };

	for (int event_index = 0; event_index < 2; event_index++) {
		make(16, event_index);
		KEXPECT(!virtqueue_must_notify(&q));
		for (int i = 0; i < 40000; i++) { /* some times round all the numbers that an index has */
			u16 before = q.avail->index, wanted = before + (u16)(ktest_random() % 24) - 8;
			unsigned n = ktest_random() % 16;
			bool quiet = ktest_random() % 2;

			*(volatile u16 *)&q.used->ring[q.size] = wanted;
			q.used->flags = event_index || !quiet ? 0 : VIRTQ_USED_NO_NOTIFY;
			for (unsigned k = 0; k < n; k++)
				add(&c);
			bool told = virtqueue_must_notify(&q), right = event_index ? among(wanted, before, before + (u16)n) : n && !quiet;
			if (!KEXPECT_EQ(told, right) || !KEXPECT(!virtqueue_must_notify(&q)))
				return;
			finish_all();
		}
		/* It begins to want it between the index and the look. */
		stepped_from = q.avail->index;
		*(volatile u16 *)&q.used->ring[q.size] = stepped_from - 1;
		q.used->flags = event_index ? 0 : VIRTQ_USED_NO_NOTIFY;
		barrier_next = barrier_was = false;
		ktest_step(adds_and_asks, NULL, device_falls_asleep);
		KEXPECT(barrier_was && answered);
	}
}

/* Would the device interrupt, having moved its index from `before` to `used`? */
static bool interrupts(u16 before)
{
	if (q.event_index)
		return among(q.avail->ring[q.size], before, used);
	return !(q.avail->flags & VIRTQ_AVAIL_NO_INTERRUPT);
}

KTEST(10, an_interrupt_is_asked_for_and_none_is_missed)
{
	static struct chain c = { .in = 1 };
	u32 length;
	u16 head = 0;

	for (int event_index = 0; event_index < 2; event_index++) {
		make(8, event_index);
		for (int i = 0; i < 66000; i += 1 + 300 * (i > 900 && i < 64000)) {
			u16 before;

			while (used != (u16)i) { /* on to where it is to be tried */
				add(&c);
				finish_all();
			}
			add(&c);
			add(&c);
			bool first = virtqueue_enable_interrupt(&q);
			before = used;
			KREQUIRE(device_get(&head));
			device_put(head, 0);
			bool comes = interrupts(before), second = virtqueue_enable_interrupt(&q);
			KEXPECT(virtqueue_take(&q, &length) == &c);
			virtqueue_disable_interrupt(&q);
			if (event_index)
				KEXPECT_EQ(q.avail->flags, 0); /* 2.6.7.1 */
			before = used;
			KREQUIRE(device_get(&head));
			device_put(head, 0);
			bool quiet = !interrupts(before);
			KEXPECT(virtqueue_take(&q, &length) == &c);
			if (!KEXPECT(first) || !KEXPECT(comes) || !KEXPECT(!second) || !KEXPECT(quiet))
				return;
			i++;
		}
		/* It ends one between the wish and the look. */
		finish_all();
		add(&c);
		virtqueue_disable_interrupt(&q);
		barrier_next = barrier_was = false;
		ktest_step(wishes, NULL, device_ends_one_now);
		KEXPECT(barrier_was && !answered);
	}
}

KTEST(10, a_device_that_lies_does_no_harm)
{
	static struct chain a = { .out = 2, .in = 1 }, b = { .in = 1 };
	u16 first = 0, second = 0;
	u32 length;

	make(8, true);
	KREQUIRE(!add(&a) && !add(&b) && device_get(&first) && device_get(&second));
	u16 inside = q.desc[first].next;
	device_put(8, 0);
	device_put(0xffff, 0);
	device_put(0x10000u + first, 0); /* the upper half counts too */
	device_put(inside, 0);           /* in use, but no head */
	device_put(second, 7);
	KEXPECT(virtqueue_take(&q, &length) == &b);
	KEXPECT_EQ(length, 7);
	KEXPECT_EQ(q.bad_used, 4);
	device_put(second, 7);           /* once more: it is free by now */
	KEXPECT(virtqueue_take(&q, &length) == NULL);
	KEXPECT_EQ(q.bad_used, 5);
	device_put(first, 9);
	KEXPECT(virtqueue_take(&q, &length) == &a);
	for (int i = 0; i < 8; i++)
		KEXPECT_EQ(add(&b), 0);
	KEXPECT_EQ(add(&b), -ENOSPC);
}

/* --- everything at random -------------------------------------------------------------------------------------------------------- */

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
	device_put(c->head, c->buffers[0].length);
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
	CHECK_EQ(length, c->buffers[0].length);
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

/* --- who asks first ----------------------------------------------------------------------------------------------------------------- */

static u32 touched;
static bool to_end; /* the device ends a request when the driver says that it wants to hear of it */
static u16 ending;

static bool was_touched(struct trapframe *f __unused)
{
	__asm__ volatile("mov %0, %%dr7; mov %1, %%dr6" : : "r"(0x400ul), "r"(0ul)); /* what is done here is not watched */
	touched++;
	if (to_end)
		device_put(ending, 0);
	to_end = false;
	return true;
}

/* The device ends a request right behind the store that asks for an interrupt, and sends none if it had looked before. So who asks looks afterwards. */
KTEST(10, who_asks_looks_afterwards)
{
	static struct chain c = { .in = 1 };
	u32 length;

	trap_register(TRAP_DEBUG, was_touched);
	for (int turn = 0; turn < 8; turn++) {
		bool event_index = turn % 2;

		make(8, event_index);
		for (int i = 0; i < turn; i++) {
			add(&c);
			finish_all();
		}
		virtqueue_disable_interrupt(&q);
		KREQUIRE(!add(&c) && device_get(&ending));
		touched = 0;
		to_end = true;
		u64 flags = irq_save(); /* the registers are this CPU's */
		const volatile void *at = event_index ? &q.avail->ring[q.size] : &q.avail->flags;
		__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(at), "r"(1ul | 1 << 16 | 1 << 18) : "memory"); /* writes of two bytes */
		bool nothing = virtqueue_enable_interrupt(&q);
		__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul) : "memory");
		irq_restore(flags);
		KEXPECT_EQ(touched, 1);
		KEXPECT(!nothing);
		KEXPECT(virtqueue_take(&q, &length) == &c);
	}
	trap_register(TRAP_DEBUG, NULL);
}

/* What stands in the used ring beyond the index is the device's to write at any moment: it is not looked at. */
KTEST(10, nothing_beyond_the_index_is_looked_at)
{
	static struct chain c = { .in = 1 };
	u32 length = 0;

	trap_register(TRAP_DEBUG, was_touched);
	make(8, false);
	to_end = false;
	for (u32 i = 0; i < 20; i++) {
		const volatile void *id = &q.used->ring[used % q.size].id, *bytes = &q.used->ring[used % q.size].length;
		u64 flags = irq_save();

		touched = 0;
		__asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr7" : : "r"(id), "r"(bytes), "r"(1ul | 4 | 0xful << 16 | 0xful << 20) : "memory"); /* four bytes each, read or written */
		void *token = virtqueue_take(&q, &length);
		__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul) : "memory");
		irq_restore(flags);
		KEXPECT(token == NULL);
		if (!KEXPECT_EQ(touched, 0))
			break;
		add(&c);
		finish_all();
	}
	trap_register(TRAP_DEBUG, NULL);
}
