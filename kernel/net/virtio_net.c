/*
 * virtio-net (virtio 1.1, 5.1): one queue for what comes in, one for what goes out.
 *
 *     receive   empty packets wait in the ring; an interrupt has this CPU's worker take the full ones, hand them up, and put new ones in their place.
 *               While it works the device is told not to interrupt (event index).
 *               A frame that the device has put into several buffers is copied together.
 *     transmit  the device's header goes in front of the frame, into the packet's own headroom: one buffer, nothing is copied. Packets whose turn is over
 *               are freed when the next one goes out. When the ring is full packets wait in a queue, and then alone the device is asked to interrupt.
 *
 * Locks: `lock` guards the transmit ring and its queue. The receive ring belongs to the worker.
 */
#include "virtio/virtio.h"

#include "core/err.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/netdev.h"
#include "sched/thread.h"

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

#define CONFIG_STATUS 6 /* 5.1.4 */
#define STATUS_LINK_UP 1

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

struct virtio_net {
	struct netdev dev;
	struct virtio_device *device;
	struct virtqueue *rx, *tx;
	struct work rx_work, tx_work, link_work;
	struct spinlock lock;
	struct list waiting; /* lock: packets for which the ring has no room */
	u32 waiting_count;   /* lock */
};

/* --- receive -------------------------------------------------------------------------------------------------------- */

static void refill(struct virtio_net *n)
{
	bool added = false;

	while (n->rx->free_count) {
		struct packet *p = packet_alloc(0, RECEIVE_ROOM, ALLOC_ATOMIC);
		if (!p)
			break;
		struct virtq_buffer b = { virt_to_phys(p->data), RECEIVE_ROOM };
		if (virtqueue_add(n->rx, &b, 0, 1, p)) {
			packet_free(p);
			break;
		}
		added = true;
	}
	if (added)
		virtio_notify(n->rx);
}

static void refuse(struct packet *p, u64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	packet_free(p);
}

/* 5.1.6.4: a frame in `buffers` buffers, of which p, less its header, is the first: one packet that holds it all. NULL: it was none; all were put. */
static struct packet *gather(struct virtio_net *n, struct packet *p, u32 buffers)
{
	struct packet *whole = packet_alloc(0, MIN(buffers * RECEIVE_ROOM, LARGEST), ALLOC_ATOMIC), *part = p;
	bool fits = whole;
	u32 length;

	for (;;) {
		fits = fits && part->len <= packet_tailroom(whole);
		if (fits)
			memcpy(packet_append(whole, part->len), part->data, part->len);
		packet_free(part);
		if (!--buffers)
			break;
		part = virtqueue_take(n->rx, &length);
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
static void take_in(struct virtio_net *n, struct packet *p, u32 length)
{
	struct net_header h;

	if (length < sizeof(h) + sizeof(struct ether_header) || length > RECEIVE_ROOM) {
		refuse(p, &n->dev.stats.rx_errors);
		return;
	}
	packet_append(p, length);
	memcpy(&h, p->data, sizeof(h));
	packet_pull(p, sizeof(h));
	if (virtio_has(n->device, NET_F_MRG_RXBUF) && h.buffers > 1)
		p = gather(n, p, h.buffers);
	if (!p || (h.gso_type != GSO_NONE && (!virtio_has(n->device, NET_F_GUEST_TSO) || !h.gso_size))) {
		refuse(p, &n->dev.stats.rx_errors);
		return;
	}
	if (!netdev_up(&n->dev)) {
		refuse(p, &n->dev.stats.rx_dropped);
		return;
	}
	p->dev = &n->dev;
	p->segment = h.gso_type == GSO_NONE ? 0 : h.gso_size;
	p->verified = h.flags & (HEADER_NEEDS_CHECKSUM | HEADER_CHECKSUM_VALID);
	ethernet_receive(p);
}

static void rx_run(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, rx_work);
	struct packet *p;
	u32 length;

	do {
		u32 done;
		do {
			net_begin();
			for (done = 0; done < BUDGET && (p = virtqueue_take(n->rx, &length)); done++) {
				take_in(n, p, length);
				if (n->rx->free_count > n->rx->size / 2)
					refill(n);
			}
			refill(n);
			net_end();
		} while (done == BUDGET);
	} while (!virtqueue_enable_interrupt(n->rx));
}

static void rx_interrupt(struct virtqueue *vq)
{
	struct virtio_net *n = vq->private;

	virtqueue_disable_interrupt(vq);
	work_queue(&n->rx_work);
}

/* --- transmit ------------------------------------------------------------------------------------------------------- */

/* lock held. */
static void reclaim(struct virtio_net *n)
{
	struct packet *p;
	u32 length;

	while ((p = virtqueue_take(n->tx, &length)))
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
static bool put(struct virtio_net *n, struct packet *p)
{
	struct virtq_buffer b = { virt_to_phys(p->data), p->len };

	return virtqueue_add(n->tx, &b, 1, 0, p) == 0;
}

/* lock held. */
static void send_waiting(struct virtio_net *n)
{
	while (!list_empty(&n->waiting)) {
		struct packet *p = list_first(&n->waiting, struct packet, link);
		if (!put(n, p))
			break;
		list_del(&p->link);
		n->waiting_count--;
	}
}

static int net_transmit(struct netdev *d, struct packet *p)
{
	struct virtio_net *n = d->driver;
	int err = 0;

	if (packet_headroom(p) < sizeof(struct net_header)) {
		packet_free(p);
		return -ENOBUFS;
	}
	packet_orphan(p);
	fill_header(n, p);
	u64 irq = spin_lock_irqsave(&n->lock);
	reclaim(n);
	send_waiting(n);
	if (!list_empty(&n->waiting) || !put(n, p)) {
		if (n->waiting_count >= QUEUE_MAX) {
			err = -ENOBUFS;
		} else {
			list_add_tail(&n->waiting, &p->link);
			n->waiting_count++;
			/* Some may have become free meanwhile: then the interrupt would not come. */
			if (!virtqueue_enable_interrupt(n->tx))
				work_queue(&n->tx_work);
		}
	}
	bool notify = virtqueue_must_notify(n->tx);
	spin_unlock_irqrestore(&n->lock, irq);
	if (notify)
		virtio_notify_now(n->tx);
	if (err)
		packet_free(p);
	return err;
}

static void tx_run(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, tx_work);

	net_begin();
	u64 irq = spin_lock_irqsave(&n->lock);
	do {
		reclaim(n);
		send_waiting(n);
	} while (!list_empty(&n->waiting) && !virtqueue_enable_interrupt(n->tx));
	bool notify = virtqueue_must_notify(n->tx);
	spin_unlock_irqrestore(&n->lock, irq);
	if (notify)
		virtio_notify_now(n->tx);
	net_end();
}

static void tx_interrupt(struct virtqueue *vq)
{
	struct virtio_net *n = vq->private;

	virtqueue_disable_interrupt(vq);
	work_queue(&n->tx_work);
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

static int net_probe(struct virtio_device *d)
{
	struct virtio_net *n = kzalloc(sizeof(*n), 0);
	int err;

	if (!n)
		return -ENOMEM;
	n->device = d;
	d->private = n;
	u64 wanted = NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS;
	/* Large packets only in several buffers: single ones would have to be of 64 KiB each. */
	if (virtio_offered(d) & NET_F_MRG_RXBUF)
		wanted |= NET_F_GUEST_TSO;
	err = virtio_negotiate(d, wanted);
	if (err)
		goto free;
	spin_init(&n->lock, "virtio-net", RANK_DEVICE);
	list_init(&n->waiting);
	work_init(&n->rx_work, rx_run);
	work_init(&n->tx_work, tx_run);
	work_init(&n->link_work, link_run);
	d->config_changed = config_changed;
	n->rx = virtio_queue(d, 0, 256, rx_interrupt, n);
	n->tx = virtio_queue(d, 1, 256, tx_interrupt, n);
	err = IS_ERR(n->rx) ? (int)PTR_ERR(n->rx) : IS_ERR(n->tx) ? (int)PTR_ERR(n->tx) : 0;
	if (err)
		goto free;
	n->dev.type = NETDEV_TYPE_ETHERNET;
	n->dev.flags = IFF_BROADCAST | IFF_MULTICAST;
	n->dev.mtu = 1500;
	n->dev.queue_len = QUEUE_MAX;
	n->dev.features = features_of(d);
	n->dev.ops = &net_ops;
	n->dev.driver = n;
	set_address(n);
	virtqueue_disable_interrupt(n->tx);
	virtio_ready(d);
	refill(n);
	virtqueue_enable_interrupt(n->rx);
	n->dev.no_carrier = !link_is_up(n);
	netdev_register(&n->dev);
	const u8 *a = n->dev.address;
	printk("%s: virtio-net, %02x:%02x:%02x:%02x:%02x:%02x\n", n->dev.name, a[0], a[1], a[2], a[3], a[4], a[5]);
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
