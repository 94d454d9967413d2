/*
 * virtio-net (virtio 1.1, 5.1): pairs of queues, one for what comes in, one for what goes out. Where the device has several, each processor sends by one of its
 * own as far as they go; by which a packet comes in is the device's to say (5.1.6.5.5).
 *
 *     receive   empty packets wait in the ring; an interrupt has this CPU's worker take the full ones, hand them up, and put new ones in their place.
 *               While it works the device is told not to interrupt (event index).
 *               A packet leaves the ring only for another that takes its place, so that memory that is short costs frames, never the ring.
 *               A frame that the device has put into several buffers is copied together, and they stay.
 *     transmit  the device's header goes in front of the frame, into the packet's own headroom: one buffer, nothing is copied. Packets whose turn is over
 *               are freed when the next one goes out. When the ring is full packets wait in a queue, and then alone the device is asked to interrupt.
 *
 * Locks: `lock` of a pair guards its transmit ring and its queue. The receive ring belongs to the worker of the processor that its interrupt comes to.
 */
#include "virtio/virtio.h"

#include "core/err.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/netdev.h"
#include "sched/thread.h"
#include "time/time.h"

#define NET_F_CSUM (1ul << 0)       /* completes checksums for us */
#define NET_F_GUEST_CSUM (1ul << 1) /* may hand us packets without one */
#define NET_F_MAC (1ul << 5)
#define NET_F_GUEST_TSO4 (1ul << 7) /* may hand us several TCP segments as one packet */
#define NET_F_GUEST_TSO6 (1ul << 8)
#define NET_F_HOST_TSO4 (1ul << 11) /* takes such packets from us */
#define NET_F_HOST_TSO6 (1ul << 12)
#define NET_F_MRG_RXBUF (1ul << 15) /* puts a large packet into several buffers */
#define NET_F_GUEST_TSO (NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)
#define NET_F_STATUS (1ul << 16)
#define NET_F_CTRL_VQ (1ul << 17)
#define NET_F_MQ (1ul << 22)        /* several pairs of queues */

#define CONFIG_STATUS 6 /* 5.1.4 */
#define STATUS_LINK_UP 1
#define CONFIG_PAIRS 8
/* 5.1.6.5: what is said by the control queue. */
#define CONTROL_MQ 4
#define CONTROL_MQ_PAIRS_SET 0
#define CONTROL_OK 0
#define CONTROL_PATIENCE_US 1000000u

struct net_header { /* 5.1.6 */
	u8 flags, gso_type;
	u16 header_len, gso_size, checksum_start, checksum_offset, buffers;
};
_Static_assert(sizeof(struct net_header) == 12, "virtio 1.1, 5.1.6");
#define HEADER_NEEDS_CHECKSUM 1
#define HEADER_CHECKSUM_VALID 2
enum { GSO_NONE = 0, GSO_TCPV4 = 1, GSO_TCPV6 = 4, GSO_ECN = 0x80 };

#define FRAME_MAX 1518u
#define RECEIVE_ROOM ((u32)sizeof(struct net_header) + FRAME_MAX + 4)
#define LARGEST (65535u + (u32)sizeof(struct ether_header)) /* an IP packet */
#define BUDGET 64
#define QUEUE_MAX 1000u

#define PAIRS_MAX 4u

struct virtio_net;
struct net_pair {
	struct virtio_net *net;
	struct virtqueue *rx, *tx;
	struct work rx_work, tx_work;
	struct spinlock lock;
	struct list waiting; /* lock: packets for which the ring has no room */
	u32 waiting_count;   /* lock */
};
struct virtio_net {
	struct netdev dev;
	struct virtio_device *device;
	struct work link_work;
	u32 pair_count;
	struct net_pair pairs[PAIRS_MAX];
};

/* --- receive -------------------------------------------------------------------------------------------------------- */

/* An empty packet is the device's to fill. Without room in the ring it is freed. */
static void offer(struct net_pair *q, struct packet *p)
{
	struct virtq_buffer b = { virt_to_phys(p->data), RECEIVE_ROOM };

	if (virtqueue_add(q->rx, &b, 0, 1, p))
		packet_free(p);
}

/* A packet of the ring whose text is not wanted, or copied: the device may fill it again. */
static void offer_again(struct net_pair *q, struct packet *p)
{
	p->data = p->block->bytes;
	p->len = 0;
	offer(q, p);
}

/* As many empty packets as the ring holds, or memory allows. */
static void fill(struct net_pair *q)
{
	struct packet *p;

	while (q->rx->free_count && (p = packet_alloc(0, RECEIVE_ROOM, ALLOC_ATOMIC)))
		offer(q, p);
	virtio_notify(q->rx);
}

static void refuse(struct packet *p, u64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	packet_free(p);
}

/* The full packet p leaves the ring if another can take its place. Otherwise it stays there itself, and the frame is lost: NULL. */
static struct packet *exchange(struct net_pair *q, struct packet *p)
{
	struct packet *fresh = netdev_spare(RECEIVE_ROOM);

	offer_again(q, fresh ? fresh : p);
	return fresh ? p : NULL;
}

/* 5.1.6.4: a frame in `buffers` buffers, of which p, less its header, is the first: one packet that holds it all. NULL: it was none, or memory is short. */
static struct packet *gather(struct net_pair *q, struct packet *p, u32 buffers)
{
	struct packet *whole = netdev_spare(MIN(buffers * RECEIVE_ROOM, LARGEST)), *part = p;
	bool fits = whole;
	u32 length;

	for (;;) {
		fits = fits && part->len <= packet_tailroom(whole);
		if (fits)
			memcpy(packet_append(whole, part->len), part->data, part->len);
		offer_again(q, part);
		if (!--buffers)
			break;
		part = virtqueue_take(q->rx, &length);
		if (!part || length > RECEIVE_ROOM) {
			fits = false;
			if (!part)
				break;
			length = 0;
		}
		packet_append(part, length);
	}
	if (fits)
		return whole;
	packet_free(whole);
	return NULL;
}

/* A full packet, as the device gave it: what it says is not believed further than the buffer reaches. */
static void take_in(struct net_pair *q, struct packet *p, u32 length)
{
	struct virtio_net *n = q->net;
	struct net_header h;

	if (length < sizeof(h) + sizeof(struct ether_header) || length > RECEIVE_ROOM) {
		offer_again(q, p);
		__atomic_fetch_add(&n->dev.stats.rx_errors, 1, __ATOMIC_RELAXED);
		return;
	}
	packet_append(p, length);
	memcpy(&h, p->data, sizeof(h));
	packet_pull(p, sizeof(h));
	p = virtio_has(n->device, NET_F_MRG_RXBUF) && h.buffers > 1 ? gather(q, p, h.buffers) : exchange(q, p);
	if (!p || !netdev_up(&n->dev)) {
		refuse(p, &n->dev.stats.rx_dropped);
		return;
	}
	if (h.gso_type != GSO_NONE && (!virtio_has(n->device, NET_F_GUEST_TSO) || !h.gso_size)) {
		refuse(p, &n->dev.stats.rx_errors);
		return;
	}
	p->dev = &n->dev;
	p->segment = h.gso_type == GSO_NONE ? 0 : h.gso_size;
	p->verified = h.flags & (HEADER_NEEDS_CHECKSUM | HEADER_CHECKSUM_VALID);
	ethernet_receive(p);
}

static void rx_run(struct work *w)
{
	struct net_pair *q = container_of(w, struct net_pair, rx_work);
	struct packet *p;
	u32 length;

	do {
		u32 done;
		do {
			net_begin();
			for (done = 0; done < BUDGET && (p = virtqueue_take(q->rx, &length)); done++)
				take_in(q, p, length);
			fill(q);
			net_end();
		} while (done == BUDGET);
	} while (!virtqueue_enable_interrupt(q->rx));
}

static void rx_interrupt(struct virtqueue *vq)
{
	struct net_pair *q = vq->private;

	virtqueue_disable_interrupt(vq);
	work_queue(&q->rx_work);
}

/* --- transmit ------------------------------------------------------------------------------------------------------- */

/* lock held. */
static void reclaim(struct net_pair *q)
{
	struct packet *p;
	u32 length;

	while ((p = virtqueue_take(q->tx, &length)))
		packet_free(p);
}

static void fill_header(struct virtio_net *n, struct packet *p)
{
	struct checksum_place at;
	bool sum = virtio_has(n->device, NET_F_CSUM) && packet_checksum_place(p, &at);
	struct net_header *h = packet_push(p, sizeof(*h));

	*h = (struct net_header){ .buffers = 0 };
	if (!sum)
		return;
	h->flags = HEADER_NEEDS_CHECKSUM;
	h->checksum_start = (u16)at.start;
	h->checksum_offset = (u16)(at.field - at.start);
	if (!p->segment)
		return;
	h->gso_type = at.v4 ? GSO_TCPV4 : GSO_TCPV6;
	h->gso_size = p->segment;
	h->header_len = (u16)(at.start + (((const struct tcp_header *)(p->data + sizeof(*h) + at.start))->offset >> 4) * 4u);
}

/* lock held. False: there is no room. */
static bool put(struct net_pair *q, struct packet *p)
{
	struct virtq_buffer b = { virt_to_phys(p->data), p->len };

	return virtqueue_add(q->tx, &b, 1, 0, p) == 0;
}

/* lock held. */
static void send_waiting(struct net_pair *q)
{
	while (!list_empty(&q->waiting)) {
		struct packet *p = list_first(&q->waiting, struct packet, link);
		if (!put(q, p))
			break;
		list_del(&p->link);
		q->waiting_count--;
	}
}

static int net_transmit(struct netdev *d, struct packet *p)
{
	struct virtio_net *n = d->driver;
	struct net_pair *q = &n->pairs[this_cpu()->id % n->pair_count]; /* inside net_begin: it stays this one */
	int err = 0;

	if (packet_headroom(p) < sizeof(struct net_header)) {
		packet_free(p);
		return -ENOBUFS;
	}
	packet_orphan(p);
	fill_header(n, p);
	u64 irq = spin_lock_irqsave(&q->lock);
	reclaim(q);
	send_waiting(q);
	if (!list_empty(&q->waiting) || !put(q, p)) {
		if (q->waiting_count >= QUEUE_MAX) {
			err = -ENOBUFS;
		} else {
			list_add_tail(&q->waiting, &p->link);
			q->waiting_count++;
			/* Some may have become free meanwhile: then the interrupt would not come. */
			if (!virtqueue_enable_interrupt(q->tx))
				work_queue(&q->tx_work);
		}
	}
	bool notify = virtqueue_must_notify(q->tx);
	spin_unlock_irqrestore(&q->lock, irq);
	if (notify)
		virtio_notify_now(q->tx);
	if (err)
		packet_free(p);
	return err;
}

static void tx_run(struct work *w)
{
	struct net_pair *q = container_of(w, struct net_pair, tx_work);

	net_begin();
	u64 irq = spin_lock_irqsave(&q->lock);
	do {
		reclaim(q);
		send_waiting(q);
	} while (!list_empty(&q->waiting) && !virtqueue_enable_interrupt(q->tx));
	bool notify = virtqueue_must_notify(q->tx);
	spin_unlock_irqrestore(&q->lock, irq);
	if (notify)
		virtio_notify_now(q->tx);
	net_end();
}

static void tx_interrupt(struct virtqueue *vq)
{
	struct net_pair *q = vq->private;

	virtqueue_disable_interrupt(vq);
	work_queue(&q->tx_work);
}

/* --- the device ----------------------------------------------------------------------------------------------------- */

static const struct netdev_ops net_ops = { .transmit = net_transmit };

static void set_address(struct virtio_net *n)
{
	if (virtio_has(n->device, NET_F_MAC)) {
		for (u32 i = 0; i < ETHER_ADDRESS; i++)
			n->dev.address[i] = virtio_config8(n->device, i);
	} else {
		random_bytes(n->dev.address, ETHER_ADDRESS);
		n->dev.address[0] = (u8)((n->dev.address[0] & 0xfe) | 2); /* one host, locally administered */
	}
	memset(n->dev.broadcast, 0xff, ETHER_ADDRESS);
}

static bool link_is_up(struct virtio_net *n)
{
	return !virtio_has(n->device, NET_F_STATUS) || virtio_config16(n->device, CONFIG_STATUS) & STATUS_LINK_UP;
}

static void link_run(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, link_work);

	netdev_carrier(&n->dev, link_is_up(n));
}

static void config_changed(struct virtio_device *d)
{
	struct virtio_net *n = d->private;

	work_queue(&n->link_work);
}

static u32 features_of(const struct virtio_device *d)
{
	if (!virtio_has(d, NET_F_CSUM))
		return 0;
	return NETDEV_CHECKSUM | (virtio_has(d, NET_F_HOST_TSO4) ? NETDEV_TSO4 : 0) | (virtio_has(d, NET_F_HOST_TSO6) ? NETDEV_TSO6 : 0);
}

/* A pair's two queues: 0 or -errno. */
static int pair_init(struct virtio_net *n, u32 i)
{
	struct net_pair *q = &n->pairs[i];

	q->net = n;
	spin_init(&q->lock, "virtio-net", RANK_DEVICE);
	list_init(&q->waiting);
	work_init(&q->rx_work, rx_run);
	work_init(&q->tx_work, tx_run);
	q->rx = virtio_queue(n->device, (u16)(2 * i), 256, rx_interrupt, q);
	q->tx = virtio_queue(n->device, (u16)(2 * i + 1), 256, tx_interrupt, q);
	if (IS_ERR(q->rx))
		return (int)PTR_ERR(q->rx);
	if (IS_ERR(q->tx))
		return (int)PTR_ERR(q->tx);
	virtqueue_disable_interrupt(q->tx);
	return 0;
}

/* 5.1.6.5.5: the device uses so many pairs from now on. It answers in a moment, or never. */
static bool set_pairs(struct virtqueue *control, u32 count)
{
	struct command {
		u8 class, command;
		u16 pairs;
		u8 answer;
	} *c = kzalloc(sizeof(*c), 0);
	bool done = false;
	u32 length;

	if (!c)
		return false;
	*c = (struct command){ .class = CONTROL_MQ, .command = CONTROL_MQ_PAIRS_SET, .pairs = (u16)count, .answer = 0xff };
	struct virtq_buffer b[] = { { virt_to_phys(c), 2 }, { virt_to_phys(&c->pairs), 2 }, { virt_to_phys(&c->answer), 1 } };
	if (virtqueue_add(control, b, 2, 1, c)) {
		kfree(c);
		return false;
	}
	virtio_notify(control);
	for (u32 us = 0; !done && us < CONTROL_PATIENCE_US; us += 10) {
		time_delay_us(10);
		done = virtqueue_take(control, &length);
	}
	if (!done)
		return false; /* it may still write there */
	done = READ_ONCE(c->answer) == CONTROL_OK;
	kfree(c);
	return done;
}

/* As many pairs as there are processors, if device and memory allow it; the first is there already. They are used when it has been told of them. */
static struct virtqueue *more_pairs(struct virtio_net *n, u32 *count)
{
	struct virtio_device *d = n->device;
	struct virtqueue *control;
	u32 most = virtio_has(d, NET_F_MQ) && virtio_has(d, NET_F_CTRL_VQ) ? virtio_config16(d, CONFIG_PAIRS) : 1;

	*count = 1;
	if (most < 2)
		return NULL;
	control = virtio_queue(d, (u16)(2 * most), 16, NULL, n);
	if (IS_ERR(control))
		return NULL;
	while (*count < MIN(MIN(most, PAIRS_MAX), cpu_count) && !pair_init(n, *count))
		++*count;
	return control;
}

static int net_probe(struct virtio_device *d)
{
	struct virtio_net *n = kzalloc(sizeof(*n), 0);
	int err;

	if (!n)
		return -ENOMEM;
	n->device = d;
	d->private = n;
	u64 wanted = NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS | NET_F_CTRL_VQ | NET_F_MQ;
	/* Large packets only in several buffers: single ones would have to be of 64 KiB each. */
	if (virtio_offered(d) & NET_F_MRG_RXBUF)
		wanted |= NET_F_GUEST_TSO;
	err = virtio_negotiate(d, wanted);
	if (err)
		goto free;
	work_init(&n->link_work, link_run);
	d->config_changed = config_changed;
	n->pair_count = 1;
	err = pair_init(n, 0);
	if (err)
		goto free;
	u32 pairs;
	struct virtqueue *control = more_pairs(n, &pairs);
	n->dev.type = NETDEV_TYPE_ETHERNET;
	n->dev.flags = IFF_BROADCAST | IFF_MULTICAST;
	n->dev.mtu = 1500;
	n->dev.queue_len = QUEUE_MAX;
	n->dev.features = features_of(d);
	n->dev.ops = &net_ops;
	n->dev.driver = n;
	set_address(n);
	virtio_ready(d);
	for (u32 i = 0; i < pairs; i++) {
		fill(&n->pairs[i]);
		virtqueue_enable_interrupt(n->pairs[i].rx);
	}
	if (pairs > 1 && set_pairs(control, pairs))
		n->pair_count = pairs;
	n->dev.no_carrier = !link_is_up(n);
	netdev_register(&n->dev);
	const u8 *a = n->dev.address;
	printk("%s: virtio-net, %02x:%02x:%02x:%02x:%02x:%02x, queues %u\n", n->dev.name, a[0], a[1], a[2], a[3], a[4], a[5], n->pair_count);
	return 0;
free:
	kfree(n);
	return err;
}

static int virtio_net_init(void)
{
	static const struct virtio_driver driver = { .name = "virtio-net", .type = VIRTIO_NET, .probe = net_probe };

	virtio_driver_register(&driver);
	return 0;
}
SUBSYSTEM(virtio_net, .needs = "net virtio", .init = virtio_net_init, .stage = "11-net");
