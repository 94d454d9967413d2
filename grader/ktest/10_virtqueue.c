/* Stage 10: the driver's side of a virtqueue, against a device that the test plays. */
#include "steps.h"
#include "10_virtqueue.h"
#include "watch.h"

#include "core/cpu.h"
#include "core/err.h"
#include "irq/irq.h"

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
		u32 written = writable(&c) - (u32)(ktest_random() % (writable(&c) + 1));
		device_put(head, written);
		KEXPECT(virtqueue_take(&q, &length) == &c);
		KEXPECT_EQ(length, written);
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
			u32 written = MIN((u32)turn, writable(c));
			device_put(c->head, written);
			if (!KEXPECT(virtqueue_take(&q, &length) == c) || !KEXPECT_EQ(length, written))
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
		c.buffers[c.out].length = 70000;
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
	watch_touched();
	return true;
}

/* Three are always under way, so that heads differ and what is left from earlier in the rings tells nothing. */
KTEST(10, the_index_is_stored_last)
{
	static struct chain chains[3];
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
		watch_memory(0, &q.avail->index, 2, WATCH_WRITES);
		int err = add(c);
		watch_end();
		irq_restore(flags);
		if (!KEXPECT_EQ(err, 0) || !KEXPECT(device_get(&c->head)))
			break;
	}
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT_EQ(shown, 60);
	KEXPECT_EQ(too_early, 0);
}

/* --- who wants to be told ------------------------------------------------------------------------------------------------------ */

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
	static struct chain a = { .buffers[2].length = 16, .out = 2, .in = 1 }, b = { .buffers[0].length = 16, .in = 1 };
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

/* --- who asks first ----------------------------------------------------------------------------------------------------------------- */

static u32 touched;
static bool to_end; /* the device ends a request when the driver says that it wants to hear of it */
static u16 ending;

static bool was_touched(struct trapframe *f __unused)
{
	watch_end();
	watch_touched();
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
		watch_memory(0, at, 2, WATCH_WRITES);
		bool nothing = virtqueue_enable_interrupt(&q);
		watch_end();
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
		watch_memory(0, id, 4, WATCH_ACCESSES);
		watch_memory(1, bytes, 4, WATCH_ACCESSES);
		void *token = virtqueue_take(&q, &length);
		watch_end();
		irq_restore(flags);
		KEXPECT(token == NULL);
		if (!KEXPECT_EQ(touched, 0))
			break;
		add(&c);
		finish_all();
	}
	trap_register(TRAP_DEBUG, NULL);
}
