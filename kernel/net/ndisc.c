/*
 * Neighbour discovery (RFC 4861): which link-layer address has the neighbour with this IPv6 address?
 *
 * As ARP (arp.c), over the same table: a packet for a neighbour that is not known waits while it is solicited. What is not confirmed for a while is asked
 * again, directly, while it is used (section 7.3), by the table's timer.
 */
#include "arp_priv.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

enum { OPTION_SOURCE = 1, OPTION_TARGET = 2 };
#define HOPS 255 /* no router has passed it on (section 6.1, 7.1) */
#define ADVERTISE_SOLICITED 0x40000000u
#define ADVERTISE_OVERRIDE 0x20000000u
#define ADVERTISE_ROUTER 0x80000000u

static const struct address all_nodes = { .bytes = { 0xff, 2, [15] = 1 } }, all_routers = { .bytes = { 0xff, 2, [15] = 2 } };

struct nd_message { /* solicitation, advertisement */
	struct icmp6_header icmp;
	struct address target;
} __packed;

/* --- out ----------------------------------------------------------------------------------------------------------- */

/* An ICMPv6 message with its checksum still to be made, to a link-layer address (NULL: the group's, or what the table knows). Takes p over. */
void nd_send(struct netdev *d, struct packet *p, struct address source, struct address destination, const u8 *to)
{
	struct icmp6_header *h = (void *)p->data;
	u8 group[ETHER_ADDRESS];

	h->checksum = checksum_fold(checksum_add(checksum_pseudo(source, destination, NEXT_ICMPV6, p->len), p->data, p->len));
	ip6_header_write(p, source, destination, NEXT_ICMPV6, HOPS, 0);
	p->ether_type = ETHER_IPV6;
	p->kind = PACKET_OUTGOING;
	SNMP(icmp6_OutMsgs);
	if (!to && !address_is_multicast(destination)) {
		neighbour_transmit(d, destination, p);
		return;
	}
	if (!to)
		ip6_multicast_address(group, destination);
	if (ethernet_header(&p, d, to ? to : group, ETHER_IPV6))
		netdev_transmit(d, p);
}

static void put_link_address(struct packet *p, const struct netdev *d, u8 type)
{
	u8 *o = packet_append(p, 8);

	o[0] = type;
	o[1] = 1;
	memcpy(o + 2, d->address, ETHER_ADDRESS);
}

static struct packet *message(u8 type, u32 rest, const struct address *target)
{
	struct packet *p = packet_alloc(PACKET_HEADROOM, sizeof(struct nd_message) + 8, ALLOC_ATOMIC);

	if (!p)
		return NULL;
	struct icmp6_header *h = packet_append(p, sizeof(*h));
	*h = (struct icmp6_header){ .type = type, .rest = be32(rest) };
	if (target)
		memcpy(packet_append(p, sizeof(*target)), target, sizeof(*target));
	return p;
}

void nd_solicit(struct netdev *d, struct address target, const u8 *to, bool detection)
{
	struct address group = { .bytes = { 0xff, 2, [11] = 1, [12] = 0xff, [13] = target.bytes[13], [14] = target.bytes[14], [15] = target.bytes[15] } };
	struct address source = detection ? ADDRESS_ANY : ip6_source_for(d, target);
	struct packet *p;

	/* Nothing of ours may be asked from yet: later. */
	if (!detection && address_is_any(source))
		return;
	p = message(ICMP6_NEIGHBOUR_SOLICITATION, 0, &target);
	if (!p)
		return;
	if (!detection)
		put_link_address(p, d, OPTION_SOURCE);
	nd_send(d, p, source, to ? target : group, to);
}

static void advertise(struct netdev *d, struct address target, struct address to, const u8 *link_address)
{
	bool known = !address_is_any(to);
	struct packet *p = message(ICMP6_NEIGHBOUR_ADVERTISEMENT, ADVERTISE_OVERRIDE | (known ? ADVERTISE_SOLICITED : 0), &target);

	if (!p)
		return;
	put_link_address(p, d, OPTION_TARGET);
	nd_send(d, p, target, known ? to : all_nodes, known ? link_address : NULL);
}

void nd_solicit_router(struct netdev *d)
{
	struct address source = ip6_link_local(d);
	struct packet *p = message(ICMP6_ROUTER_SOLICITATION, 0, NULL);

	if (!p)
		return;
	if (!address_is_any(source))
		put_link_address(p, d, OPTION_SOURCE);
	nd_send(d, p, source, all_routers, NULL);
}

/* --- in ------------------------------------------------------------------------------------------------------------ */

const struct nd_option *nd_next_option(const u8 *data, u32 len, u32 *at, bool *bad)
{
	if (*at >= len)
		return NULL;
	const struct nd_option *o = (const void *)(data + *at);
	*bad = len - *at < 8 || !o->len || o->len * 8u > len - *at;
	if (*bad)
		return NULL;
	*at += o->len * 8u;
	return o;
}

/* The link-layer address among the options from `at` on; NULL: none. */
static const u8 *link_address_of(const u8 *data, u32 len, u32 at, u8 type, bool *bad)
{
	const struct nd_option *o;
	const u8 *found = NULL;

	*bad = false;
	while ((o = nd_next_option(data, len, &at, bad)))
		if (o->type == type && o->len == 1)
			found = (const u8 *)(o + 1);
	return *bad ? NULL : found;
}

/* Sections 6.2.6, 7.2.3: it spoke to us, which proves its address but not that it hears us: stale. */
void nd_learn(struct netdev *d, struct address a, const u8 *link_address, bool make)
{
	struct list waiting;

	list_init(&waiting);
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, a);
	if (!n && make)
		n = neighbour_make(d, a);
	if (n) {
		if (!n->resolved || memcmp(n->address, link_address, ETHER_ADDRESS)) {
			memcpy(n->address, link_address, ETHER_ADDRESS);
			n->confirmed = time_ns() - MIN(time_ns(), ARP_FRESH);
			n->asked = 0;
			n->tries = 0;
		}
		n->resolved = true;
		list_splice_tail(&waiting, &n->queue);
		n->queue_len = 0;
	}
	spin_unlock(&neighbour_lock);
	neighbour_send(d, &waiting, link_address);
}

/* Section 7.2.3. */
static void solicited(struct packet *p)
{
	const struct nd_message *m = (const void *)p->data;
	struct address source = packet_source(p), destination = packet_destination(p), target = m->target;
	struct netdev *d = p->dev;
	bool bad;
	const u8 *from = link_address_of(p->data, p->len, sizeof(*m), OPTION_SOURCE, &bad);
	bool probe = address_is_any(source);

	if (bad || address_is_multicast(target) || (probe && (from || !address_is_multicast(destination))))
		return;
	if (ip6_is_tentative(d, target)) {
		/* RFC 4862 section 5.4.3: somebody asks the same. */
		if (probe)
			ip6_address_conflict(d, target);
		return;
	}
	if (ip6_scope_of(target, d) != IP_LOCAL)
		return;
	if (from && !probe)
		nd_learn(d, source, from, true);
	advertise(d, target, source, from ? from : p->mac ? p->mac + ETHER_ADDRESS : NULL);
}

/* Section 7.2.5. */
static void advertised(struct packet *p)
{
	const struct nd_message *m = (const void *)p->data;
	struct address target = m->target;
	u32 flags = be32(m->icmp.rest);
	struct netdev *d = p->dev;
	struct list waiting;
	bool bad;
	const u8 *link = link_address_of(p->data, p->len, sizeof(*m), OPTION_TARGET, &bad);
	u8 to[ETHER_ADDRESS];

	if (bad || address_is_multicast(target) || (flags & ADVERTISE_SOLICITED && address_is_multicast(packet_destination(p))))
		return;
	if (ip6_is_tentative(d, target)) {
		ip6_address_conflict(d, target);
		return;
	}
	list_init(&waiting);
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, target);
	/* Nothing is made of an advertisement that nobody asked for; without an address it only confirms. */
	if (n && (n->resolved || link)) {
		bool other = link && n->resolved && memcmp(n->address, link, ETHER_ADDRESS);
		if (link && (!n->resolved || !other || flags & ADVERTISE_OVERRIDE)) {
			memcpy(n->address, link, ETHER_ADDRESS);
			n->resolved = true;
			n->asked = 0;
			n->tries = 0;
			if (other && !(flags & ADVERTISE_SOLICITED))
				n->confirmed = time_ns() - MIN(time_ns(), ARP_FRESH);
		}
		if (flags & ADVERTISE_SOLICITED && (!other || flags & ADVERTISE_OVERRIDE)) {
			n->confirmed = time_ns();
			n->asked = 0;
			n->tries = 0;
		}
		memcpy(to, n->address, ETHER_ADDRESS);
		list_splice_tail(&waiting, &n->queue);
		n->queue_len = 0;
	}
	spin_unlock(&neighbour_lock);
	neighbour_send(d, &waiting, to);
}

void nd_receive(struct packet *p)
{
	const struct icmp6_header *h = (const void *)p->data;
	const struct ip6_header *ip = (const void *)p->network;
	bool bad;

	/* One that came in pieces, and so has no frame of its own, is not believed (RFC 6980). */
	if (ip->hop_limit != HOPS || h->code || !p->mac || p->dev->flags & (IFF_LOOPBACK | IFF_NOARP))
		return;
	switch (h->type) {
	case ICMP6_NEIGHBOUR_SOLICITATION:
		if (p->len >= sizeof(struct nd_message))
			solicited(p);
		break;
	case ICMP6_NEIGHBOUR_ADVERTISEMENT:
		if (p->len >= sizeof(struct nd_message))
			advertised(p);
		break;
	case ICMP6_ROUTER_ADVERTISEMENT:
		if (p->len >= 16 && address_is_link_local(ip->source)) {
			const u8 *from = link_address_of(p->data, p->len, 16, OPTION_SOURCE, &bad);
			if (!bad)
				nd_router_advertised(p, from);
		}
		break;
	}
}
