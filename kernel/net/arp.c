/*
 * ARP (RFC 826): which Ethernet address has the neighbour with this IP address?
 *
 * A packet for a neighbour that is not known waits in the neighbour's queue while the question is asked; the answer sends the queue on its way. Asking again,
 * giving up and forgetting is done by the table's timer (neighbour.c).
 */
#include "arp_priv.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

static const u8 everybody[ETHER_ADDRESS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void send(struct netdev *d, u16 operation, const u8 *to, const u8 *target, u32 sender_ip, u32 target_ip)
{
	struct packet *p = packet_alloc(PACKET_HEADROOM, sizeof(struct arp_header), ALLOC_ATOMIC);

	if (!p)
		return;
	struct arp_header *a = packet_append(p, sizeof(*a));
	*a = (struct arp_header){
		.hardware = be16(1), .protocol = be16(ETHER_IP), .hardware_len = ETHER_ADDRESS, .protocol_len = 4, .operation = be16(operation),
		.sender_ip = sender_ip, .target_ip = target_ip,
	};
	memcpy(a->sender, d->address, ETHER_ADDRESS);
	memcpy(a->target, target, ETHER_ADDRESS);
	p->ether_type = ETHER_ARP;
	p->kind = PACKET_OUTGOING;
	if (ethernet_header(&p, d, to, ETHER_ARP))
		netdev_transmit(d, p);
}

void arp_request(struct netdev *d, u32 ip, const u8 *to)
{
	static const u8 unknown[ETHER_ADDRESS];
	struct ip_path path;

	/* RFC 1122 section 2.3.2.1: from the address that would talk to it. */
	if (ip_route(&path, ip, IP_ANY, d) == 0)
		send(d, ARP_REQUEST, to ? to : everybody, unknown, path.source, ip);
}

/* RFC 826 "packet reception": an address that is in the table is brought up to date by whatever comes; one that is not, when the packet is for us. */
static void learn(struct netdev *d, const struct arp_header *a, bool for_us)
{
	struct list waiting;
	struct packet *p, *next;

	list_init(&waiting);
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, address_v4(a->sender_ip));
	if (!n && for_us)
		n = neighbour_make(d, address_v4(a->sender_ip));
	if (n) {
		memcpy(n->address, a->sender, ETHER_ADDRESS);
		n->resolved = true;
		n->confirmed = time_ns();
		n->asked = 0;
		n->tries = 0;
		list_splice_tail(&waiting, &n->queue);
		n->queue_len = 0;
	}
	spin_unlock(&neighbour_lock);
	list_for_each_safe(p, next, &waiting, link) {
		list_del(&p->link);
		if (ethernet_header(&p, d, a->sender, ETHER_IP))
			netdev_transmit(d, p);
	}
}

/* RFC 5227 section 2.4: somebody else uses our address. We keep it, and say so, not too often. */
static void defend(struct netdev *d, u32 ip)
{
	static u64 last;
	u64 now = time_ns();

	if (last && now - READ_ONCE(last) < 10 * NSEC_PER_SEC)
		return;
	WRITE_ONCE(last, now);
	send(d, ARP_REQUEST, everybody, everybody, ip, ip);
}

void arp_receive(struct packet *p)
{
	struct netdev *d = p->dev;
	const struct arp_header *a = (const void *)p->data;

	if (p->len < sizeof(*a) || d->flags & (IFF_LOOPBACK | IFF_NOARP) || p->kind == PACKET_OTHERHOST)
		goto out;
	if (be16(a->hardware) != 1 || be16(a->protocol) != ETHER_IP || a->hardware_len != ETHER_ADDRESS || a->protocol_len != 4)
		goto out;
	if (a->sender[0] & 1 || ip_is_multicast(a->sender_ip) || ip_is_loopback(a->sender_ip) || a->sender_ip == IP_BROADCAST)
		goto out;
	bool for_us = address_of_device(d, a->target_ip);
	if (a->sender_ip && address_of_device(d, a->sender_ip)) {
		if (memcmp(a->sender, d->address, ETHER_ADDRESS))
			defend(d, a->sender_ip);
		goto out;
	}
	/* A probe (RFC 5227) has no sender yet: it is answered, and nothing is learned from it. */
	if (a->sender_ip)
		learn(d, a, for_us);
	if (for_us && be16(a->operation) == ARP_REQUEST)
		send(d, ARP_REPLY, a->sender, a->sender, a->target_ip, a->sender_ip);
out:
	packet_free(p);
}
