/*
 * e1000: Intel's gigabit cards of the 8254x family, first of all the 82540EM that QEMU has. Sections are those of their Software Developer's Manual.
 *
 *     receive   a ring of legacy descriptors (3.2.3), each with an empty packet of 2 KiB. The card fills them from its head on; what is full is taken out in a
 *               thread and replaced by a fresh packet. When memory is short the old one stays, and what was in it is dropped: the ring never runs dry.
 *
 *                   RDH: the card's ──►│ empty, the card's │◄── RDT: where we put the last one        rx_next: the oldest that may be full
 *
 *     transmit  a ring of extended descriptors (3.3): a packet is one data descriptor, and in front of it a context where checksums lie elsewhere than in the
 *               one before. Nothing is copied. What has gone is freed when the next packet goes out. While the ring is full, packets wait in a queue, and
 *               then alone the card is asked to interrupt. A packet of several TCP segments is cut by the card (3.5).
 *
 *     no way out  when descriptors stay undone for WATCH, the card is reset: what was in its ring goes to the front of the queue, so nothing is lost.
 *
 * One interrupt, by the line, which always comes to the same processor: so the receive ring belongs to that processor's worker. Reading ICR takes all causes
 * back, of those that are masked too (13.4.17): what it says is always acted on.
 *
 * Considered and not done: hearing frames larger than 1522 bytes (no device here has an MTU above 1500). The card never writes more than that into a buffer,
 * which is why a packet may lack the last bytes of the 2048 that the card is told of: so its block fits a size of the heap.
 *
 * What the card is told before it works, and to whom it listens, stands in e1000_card.c.
 *
 * Locks: `lock` guards the transmit ring, its queue, and the registers of both directions while they are set up.
 */
#include "e1000_priv.h"

#include "core/atomic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "net/ip.h"
#include "net/timer.h"
#include "pci/pci.h"
#include "sched/thread.h"

#define RECEIVE_ROOM (2048u - (u32)sizeof(struct packet_block))
#define FRAME_MAX 1522u
#define QUEUE_MAX 1000u
#define BUDGET 64u
#define PIECE 8192u          /* of one descriptor at most: the card's memory for what goes out holds it (3.3.4) */
#define PACKET_DESCS 6u      /* of one packet at most: a context, and 32 KiB */
#define WATCH (5 * NSEC_PER_SEC)
#define RX_CAUSES (INT_RXT0 | INT_RXDMT0 | INT_RXO)
#define TX_CAUSES (INT_TXDW | INT_TXQE)

/* --- receive -------------------------------------------------------------------------------------------------------- */

/* The transport's checksum was looked at, and is right (3.2.3.1, 3.2.3.2). */
static bool verified(u8 status, u8 errors)
{
	return !(status & RX_IXSM) && status & RX_TCPCS && !(errors & (RX_ERROR_TCPE | RX_ERROR_IPE));
}

/* One that is full. What the card says of it is not believed further than the buffer reaches. */
static void take_in(struct e1000 *e, u32 i)
{
	volatile struct e1000_rx_desc *d = &e->rx[i];
	struct packet *p = e->rx_packets[i], *fresh;
	u32 length = d->length;
	u8 status = d->status, errors = d->errors;

	bool whole = status & RX_EOP && !e->rx_skip;
	e->rx_skip = !(status & RX_EOP);
	if (!whole || errors & RX_ERROR_FRAME || length < sizeof(struct ether_header) || length > FRAME_MAX) {
		__atomic_fetch_add(&e->dev.stats.rx_errors, 1, __ATOMIC_RELAXED);
		return;
	}
	fresh = netdev_up(&e->dev) ? netdev_spare(RECEIVE_ROOM) : NULL;
	if (!fresh) {
		__atomic_fetch_add(&e->dev.stats.rx_dropped, 1, __ATOMIC_RELAXED);
		return;
	}
	e->rx_packets[i] = fresh;
	packet_append(p, length);
	p->dev = &e->dev;
	p->verified = verified(status, errors);
	ethernet_receive(p);
}

/* True: there may be more. */
static bool receive_some(struct e1000 *e)
{
	u32 n, last = 0;

	for (n = 0; n < BUDGET; n++) {
		u32 i = e->rx_next;
		volatile struct e1000_rx_desc *d = &e->rx[i];
		if (!(atomic_load_acquire(&d->status) & RX_DD))
			break;
		take_in(e, i);
		d->address = virt_to_phys(e->rx_packets[i]->data);
		d->status = 0;
		last = i;
		e->rx_next = (i + 1) % E1000_RING;
	}
	barrier(); /* the descriptors first */
	if (n)
		e1000_write(e, E1000_RDT, last);
	return n == BUDGET;
}

/* --- transmit ------------------------------------------------------------------------------------------------------- */

/* lock held. */
static u32 tx_room(const struct e1000 *e)
{
	return (e->tx_done - e->tx_next - 1) % E1000_RING; /* one stays free: a full ring would look as an empty one does */
}

/* lock held. What has gone is freed: of each packet the last descriptor alone is reported, and those before it are done then too. */
static void reclaim(struct e1000 *e)
{
	for (u32 i = e->tx_done; i != e->tx_next; i = (i + 1) % E1000_RING) {
		if (!e->tx_packets[i])
			continue;
		if (!(atomic_load_acquire(&e->tx[i].data.status) & TX_DD))
			break;
		packet_free(e->tx_packets[i]);
		e->tx_packets[i] = NULL;
		e->finished++;
		e->tx_done = (i + 1) % E1000_RING;
	}
}

/* lock held: a descriptor's place; the card does not know of it yet. */
static volatile union e1000_tx_desc *next_desc(struct e1000 *e)
{
	volatile union e1000_tx_desc *d = &e->tx[e->tx_next];

	e->tx_next = (e->tx_next + 1) % E1000_RING;
	return d;
}

/* lock held. 3.3.6: says where the checksums are, unless the card knows. */
static void put_context(struct e1000 *e, const struct checksum_place *at)
{
	u64 context = 1ul << 63 | (u64)at->v4 << 33 | (u64)at->tcp << 32 | at->network << 16 | at->start << 8 | at->field;

	if (context == e->context)
		return;
	e->context = context;
	volatile union e1000_tx_desc *d = next_desc(e);
	d->context.ip_start = (u8)at->network;
	d->context.ip_field = (u8)(at->network + offsetof(struct ip_header, checksum));
	d->context.ip_end = (u16)(at->start - 1);
	d->context.start = (u8)at->start;
	d->context.field = (u8)at->field;
	d->context.end = 0;
	d->context.status = d->context.header_len = 0;
	d->context.mss = 0;
	d->context.command = TX_DEXT | TX_TYPE_CONTEXT | (at->tcp ? TX_CONTEXT_TCP : 0) | (at->v4 ? TX_CONTEXT_IP : 0);
}

/* lock held. 3.5: several segments, which the card cuts. It writes the lengths, numbers and checksums of each; the sum that it begins with has no length in it. */
static void put_cutting_context(struct e1000 *e, struct packet *p, const struct checksum_place *at)
{
	struct tcp_header *tcp = (void *)(p->data + at->start);
	u32 header = at->start + (tcp->offset >> 4) * 4u;

	if (at->v4) {
		struct ip_header *ip = (void *)p->network;
		ip->total_len = ip->checksum = 0;
	} else {
		((struct ip6_header *)p->network)->payload_len = 0;
	}
	tcp->checksum = (u16)~checksum_fold(checksum_pseudo(packet_source(p), packet_destination(p), PROTO_TCP, 0));
	e->context = 0;
	put_context(e, at);
	e->context = 0; /* for this packet alone */
	volatile union e1000_tx_desc *d = &e->tx[(e->tx_next - 1) % E1000_RING];
	d->context.header_len = (u8)header;
	d->context.mss = p->segment;
	d->context.command |= TX_TSE | (p->len - header);
}

/* lock held. False: there is no room. */
static bool put(struct e1000 *e, struct packet *p)
{
	struct checksum_place at;
	u32 from = 0, command = TX_DEXT | TX_TYPE_DATA | TX_IFCS | (p->segment ? TX_TSE : 0);
	u8 options = 0;

	if (tx_room(e) < PACKET_DESCS)
		return false;
	if (packet_checksum_place(p, &at)) {
		options = TX_OPTION_TXSM | (p->segment && at.v4 ? TX_OPTION_IXSM : 0);
		if (p->segment)
			put_cutting_context(e, p, &at);
		else
			put_context(e, &at);
	}
	for (;;) {
		u32 i = e->tx_next, part = MIN(p->len - from, PIECE);
		volatile union e1000_tx_desc *d = next_desc(e);
		d->data.address = virt_to_phys(p->data + from);
		d->data.status = 0;
		d->data.options = options;
		d->data.special = 0;
		from += part;
		d->data.command = command | part | (from == p->len ? TX_EOP | TX_RS : 0);
		if (from == p->len) {
			e->tx_packets[i] = p;
			return true;
		}
	}
}

/* lock held. Those that wait, as far as there is room, and a word to the card. */
static void send_waiting(struct e1000 *e)
{
	reclaim(e);
	while (!list_empty(&e->waiting)) {
		struct packet *p = list_first(&e->waiting, struct packet, link);
		if (!put(e, p))
			break;
		list_del(&p->link);
		e->waiting_count--;
	}
}

/* lock held. */
static void tell_card(struct e1000 *e)
{
	barrier(); /* the descriptors first */
	e1000_write(e, E1000_TDT, e->tx_next);
}

/* What was given to the card is looked after. lock not held: the timers' own comes before it. */
static void keep_watch(struct e1000 *e)
{
	if (!READ_ONCE(e->watch.queued))
		(void)!net_timer_arm(&e->watch, time_ns() + WATCH);
}

/* lock held: when there is room for those that wait. What has become free meanwhile may have told so already: then by a cause of our own (13.4.19). */
static void ask_for_interrupt(struct e1000 *e)
{
	WRITE_ONCE(e->tx_wanted, true);
	e1000_write(e, E1000_IMS, TX_CAUSES);
	reclaim(e);
	if (tx_room(e) >= PACKET_DESCS)
		e1000_write(e, E1000_ICS, INT_TXDW);
}

static int e1000_transmit(struct netdev *dev, struct packet *p)
{
	struct e1000 *e = dev->driver;
	int err = 0;

	packet_orphan(p);
	u64 irq = spin_lock_irqsave(&e->lock);
	send_waiting(e);
	if (!list_empty(&e->waiting) || !put(e, p)) {
		if (e->waiting_count >= QUEUE_MAX) {
			err = -ENOBUFS;
		} else {
			list_add_tail(&e->waiting, &p->link);
			e->waiting_count++;
			ask_for_interrupt(e);
		}
	}
	tell_card(e);
	spin_unlock_irqrestore(&e->lock, irq);
	keep_watch(e);
	if (err)
		packet_free(p);
	return err;
}

/* --- when it is stuck ------------------------------------------------------------------------------------------------- */

/* In the worker: nobody else looks at the receive ring. What was to be sent stays so. */
static void revive(struct e1000 *e)
{
	struct list again;

	e1000_reset(e);
	list_init(&again);
	u64 irq = spin_lock_irqsave(&e->lock);
	reclaim(e);
	for (u32 i = e->tx_done; i != e->tx_next; i = (i + 1) % E1000_RING) {
		if (!e->tx_packets[i])
			continue;
		list_add_tail(&again, &e->tx_packets[i]->link);
		e->waiting_count++;
		e->tx_packets[i] = NULL;
	}
	list_splice_tail(&again, &e->waiting);
	list_splice_tail(&e->waiting, &again);
	e->stuck = false;
	e->watched = e->finished;
	e1000_start(e);
	send_waiting(e);
	tell_card(e);
	spin_unlock_irqrestore(&e->lock, irq);
	keep_watch(e);
	__atomic_fetch_add(&e->dev.stats.tx_errors, 1, __ATOMIC_RELAXED);
	netdev_filter_changed(&e->dev);
	e1000_write(e, E1000_IMS, INT_LSC);
	pr_warn("%s: nothing went out for %lu s: the card was reset\n", e->dev.name, WATCH / NSEC_PER_SEC);
}

/* Do descriptors get done? If not, the interrupt's processor is called, by a cause that the card is told (13.4.19). */
static void watch_due(struct net_timer *timer)
{
	struct e1000 *e = container_of(timer, struct e1000, watch);
	u64 irq = spin_lock_irqsave(&e->lock);

	send_waiting(e);
	bool busy = e->tx_done != e->tx_next;
	e->stuck = busy && e->finished == e->watched && !READ_ONCE(e->dev.no_carrier);
	e->watched = e->finished;
	if (e->stuck)
		e1000_write(e, E1000_ICS, INT_RXT0);
	if (busy)
		tell_card(e);
	spin_unlock_irqrestore(&e->lock, irq);
	if (busy)
		keep_watch(e);
}

static void run(struct work *w)
{
	struct e1000 *e = container_of(w, struct e1000, work);
	bool more;

	net_begin();
	if (READ_ONCE(e->stuck))
		revive(e);
	net_end();
	do {
		net_begin();
		more = receive_some(e);
		u64 irq = spin_lock_irqsave(&e->lock);
		if (e->tx_wanted) {
			send_waiting(e);
			tell_card(e);
			WRITE_ONCE(e->tx_wanted, false);
			if (!list_empty(&e->waiting))
				ask_for_interrupt(e);
			else
				e1000_write(e, E1000_IMC, TX_CAUSES);
		}
		spin_unlock_irqrestore(&e->lock, irq);
		net_end();
	} while (more);
	e1000_write(e, E1000_IMS, RX_CAUSES);
}

static void link_run(struct work *w)
{
	struct e1000 *e = container_of(w, struct e1000, link_work);

	netdev_carrier(&e->dev, e1000_read(e, E1000_STATUS) & STATUS_LU);
}

static void interrupt(void *arg)
{
	struct e1000 *e = arg;
	u32 causes = e1000_read(e, E1000_ICR);

	if (causes & INT_LSC)
		work_queue(&e->link_work);
	if (causes & RX_CAUSES || (causes & TX_CAUSES && READ_ONCE(e->tx_wanted))) {
		e1000_write(e, E1000_IMC, RX_CAUSES | TX_CAUSES);
		work_queue(&e->work);
	}
}

static const struct netdev_ops e1000_ops = { .transmit = e1000_transmit, .filter = e1000_filter };

/* --- finding it ------------------------------------------------------------------------------------------------------- */

static void free_all(struct e1000 *e)
{
	for (u32 i = 0; i < E1000_RING; i++)
		packet_free(e->rx_packets[i]);
	if (e->rx)
		page_free((void *)e->rx);
	if (e->tx)
		page_free((void *)e->tx);
	kfree(e);
}

static int probe(struct pci_device *p)
{
	struct e1000 *e = kzalloc(sizeof(*e), 0);
	int err = -ENOMEM;

	if (!e)
		return -ENOMEM;
	_Static_assert(E1000_RING * sizeof(struct e1000_rx_desc) <= PAGE_SIZE, "a frame a ring");
	e->rx = page_alloc(ALLOC_ZERO);
	e->tx = page_alloc(ALLOC_ZERO);
	if (!e->rx || !e->tx)
		goto fail;
	for (u32 i = 0; i < E1000_RING; i++) {
		e->rx_packets[i] = packet_alloc(0, RECEIVE_ROOM, 0);
		if (!e->rx_packets[i])
			goto fail;
	}
	pci_enable(p);
	err = -ENODEV;
	e->registers = pci_map_bar(p, 0, 0, E1000_REGISTERS);
	if (!e->registers)
		goto fail;
	spin_init(&e->lock, "e1000", RANK_DEVICE);
	list_init(&e->waiting);
	work_init(&e->work, run);
	work_init(&e->link_work, link_run);
	net_timer_init(&e->watch, watch_due);
	e->dev.type = NETDEV_TYPE_ETHERNET;
	e->dev.flags = IFF_BROADCAST | IFF_MULTICAST;
	e->dev.mtu = 1500;
	e->dev.queue_len = QUEUE_MAX;
	e->dev.features = NETDEV_CHECKSUM | NETDEV_TSO4 | NETDEV_TSO6;
	e->dev.ops = &e1000_ops;
	e->dev.driver = e;
	e1000_reset(e);
	e1000_find_address(e);
	e1000_start(e);
	err = pci_irq_request(p, interrupt, e, "e1000");
	if (err) {
		e1000_reset(e);
		goto fail;
	}
	e->dev.no_carrier = !(e1000_read(e, E1000_STATUS) & STATUS_LU);
	netdev_register(&e->dev);
	netdev_filter_changed(&e->dev);
	e1000_write(e, E1000_IMS, RX_CAUSES | INT_LSC);
	const u8 *a = e->dev.address;
	printk("%s: e1000, %02x:%02x:%02x:%02x:%02x:%02x\n", e->dev.name, a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
fail:
	free_all(e);
	return err;
}

static int e1000_init(void)
{
	static const u16 devices[] = { 0x100e /* 82540EM */, 0x100f /* 82545EM */ };
	struct pci_device *p;

	list_for_each(p, &pci_devices, link)
		for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
			if (p->vendor != 0x8086 || p->device != devices[i] || p->driver)
				continue;
			p->driver = "e1000";
			int err = probe(p);
			if (err)
				pr_err("e1000: device %02x:%02x.%x cannot be used: error %d\n", p->bus, p->slot, p->function, err);
		}
	return 0;
}
SUBSYSTEM(e1000, .needs = "net pci", .init = e1000_init, .stage = "11-net");
