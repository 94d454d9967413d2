/*
 * IPv6 (RFC 8200): what comes in is checked, its chain of extension headers walked, and the rest handed to the protocol that it is for; what goes out gets a
 * header.
 *
 * The chain is bounded: so many headers, so many options, no padding beyond what alignment needs. Whoever sends more is not served.
 */
#include "ipv6_priv.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"

#define HEADERS_MAX 8u
#define OPTIONS_MAX 8u /* of one header: as Linux's max_hbh_opts_number */

/* --- in ------------------------------------------------------------------------------------------------------------ */

/* RFC 8200 section 3; RFC 4291 sections 2.5.3, 2.5.5, 2.7. On success p holds the datagram and nothing else. */
static bool header_ok(struct packet *p)
{
	const struct ip6_header *h = (const void *)p->data;

	if (p->len < sizeof(*h) || p->data[0] >> 4 != 6 || be16(h->payload_len) > p->len - sizeof(*h))
		return false;
	packet_trim(p, (u32)sizeof(*h) + be16(h->payload_len));
	/* Mapped addresses are a matter of sockets: from the wire they would pass for IPv4. */
	if (address_is_multicast(h->source) || address_is_v4(h->source) || address_is_v4(h->destination) || address_is_any(h->destination))
		return false;
	/* Groups of the scope 0, and those of the node from elsewhere. */
	if (h->destination.bytes[0] == 0xff && ((h->destination.bytes[1] & 15) == 0 || ((h->destination.bytes[1] & 15) == 1 && p->dev != loopback)))
		return false;
	return p->dev == loopback || !(address_is_loopback_v6(h->source) || address_is_loopback_v6(h->destination));
}

static bool is_ours(const struct packet *p)
{
	const struct ip6_header *h = (const void *)p->data;

	if (address_is_multicast(h->destination))
		return ip6_group_of_ours(p->dev, h->destination) || multicast_joined(h->destination);
	return ip6_scope_of(h->destination, p->dev) == IP_LOCAL;
}

/* Section 4.2: an option that is not known says itself what becomes of the packet. True: go on. */
static bool unknown_option(struct packet *p, u8 type, u32 at)
{
	switch (type >> 6) {
	case 0:
		return true;
	case 3:
		if (address_is_multicast(packet_destination(p)))
			return false;
		/* fall through */
	case 2:
		icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 2, at);
		return false;
	}
	return false;
}

/* The options of a hop-by-hop or destination header of so many bytes at `at`. */
static bool options_ok(struct packet *p, u32 at, u32 len)
{
	u32 padding = 0, count = 0;

	for (u32 i = 2; i < len;) {
		const u8 *o = p->data + at + i;
		if (o[0] == 0) { /* Pad1 */
			if (++padding > 7)
				return false;
			i++;
			continue;
		}
		if (i + 2 > len || i + 2u + o[1] > len)
			return false;
		if (o[0] == 1) { /* PadN */
			padding += 2u + o[1];
			if (padding > 7)
				return false;
			for (u32 k = 0; k < o[1]; k++)
				if (o[2 + k])
					return false;
		} else {
			padding = 0;
			if (++count > OPTIONS_MAX)
				return false;
			/* The router alert is for routers; nothing else is known here. */
			if (o[0] != 5 && !unknown_option(p, o[0], at + i))
				return false;
		}
		i += 2u + o[1];
	}
	return true;
}

/* Section 4.4: with segments left it would ask us to forward, which a host does not; type 0 is refused by RFC 5095. */
static bool routing_ok(struct packet *p, u32 at)
{
	if (!p->data[at + 3])
		return true;
	icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 0, at + 2);
	return false;
}

/* The chain is at its end: `next`, named by the byte at next_at, begins at `at`. */
static void deliver(struct packet *p, u32 at, u8 next, u32 next_at)
{
	const struct ip_protocol *protocol = ip_protocol_of(next);

	packet_pull(p, at);
	p->transport = p->data;
	if (next == NEXT_ICMPV6 && !icmp6_checksum_ok(p)) {
		SNMP(icmp6_InErrors);
		packet_free(p);
		return;
	}
	bool raw = raw_deliver(p, next);
	if (protocol && protocol->families & CARRIED_BY_V6) {
		SNMP(ip6_InDelivers);
		protocol->receive(p);
		return;
	}
	if (!raw) {
		SNMP(ip6_InUnknownProtos);
		icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 1, next_at);
	}
	packet_free(p);
}

/* Section 4.1: p->data at the IPv6 header. Takes p over. */
static void walk(struct packet *p)
{
	u32 at = sizeof(struct ip6_header), next_at = 6;
	u8 next = p->data[next_at];
	bool whole = false;

	for (u32 n = 0; n < HEADERS_MAX; n++) {
		if (next != NEXT_HOP_BY_HOP && next != NEXT_ROUTING && next != NEXT_FRAGMENT && next != NEXT_DESTINATION) {
			if (next == NEXT_NONE)
				break;
			deliver(p, at, next, next_at);
			return;
		}
		/* Section 4.3: hop-by-hop options come first or not at all. */
		if (next == NEXT_HOP_BY_HOP && n) {
			icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 1, next_at);
			break;
		}
		if (p->len < at + 8)
			goto bad;
		if (next == NEXT_FRAGMENT) {
			if (whole)
				goto bad;
			p = ip6_reassemble(p, at, next_at, &next);
			if (!p)
				return;
			whole = true;
			continue;
		}
		u32 len = (p->data[at + 1] + 1u) * 8;
		if (p->len < at + len || !(next == NEXT_ROUTING ? routing_ok(p, at) : options_ok(p, at, len)))
			goto bad;
		next = p->data[at];
		next_at = at;
		at += len;
	}
	packet_free(p);
	return;
bad:
	SNMP(ip6_InHdrErrors);
	packet_free(p);
}

void ip6_receive(struct packet *p)
{
	SNMP(ip6_InReceives);
	if (p->kind == PACKET_OTHERHOST)
		goto drop;
	if (!header_ok(p)) {
		SNMP(ip6_InHdrErrors);
		goto drop;
	}
	p->network = p->data;
	if (!is_ours(p)) {
		SNMP(ip6_InAddrErrors);
		goto drop;
	}
	walk(p);
	return;
drop:
	packet_free(p);
}

u32 ip6_upper(const u8 *packet, u32 len, u8 *protocol)
{
	u32 at = sizeof(struct ip6_header);

	if (len < at || packet[0] >> 4 != 6)
		return 0;
	*protocol = packet[6];
	for (u32 n = 0; n < HEADERS_MAX; n++) {
		if (*protocol != NEXT_HOP_BY_HOP && *protocol != NEXT_ROUTING && *protocol != NEXT_FRAGMENT && *protocol != NEXT_DESTINATION)
			return at + 8 <= len ? at : 0;
		if (at + 8 > len)
			return 0;
		u32 size = (packet[at + 1] + 1u) * 8;
		if (*protocol == NEXT_FRAGMENT) {
			if (packet[at + 2] || packet[at + 3] & 0xf8)
				return 0;
			size = 8;
		}
		*protocol = packet[at];
		at += size;
	}
	return 0;
}

/* --- out ----------------------------------------------------------------------------------------------------------- */

void ip6_header_write(struct packet *p, struct address source, struct address destination, u8 next, u8 hops, u8 class)
{
	u32 len = p->len;
	struct ip6_header *h = packet_push(p, sizeof(*h));

	*h = (struct ip6_header){
		.version_class_flow = be32(6u << 28 | (u32)class << 20), .payload_len = be16((u16)len), .next_header = next, .hop_limit = hops,
		.source = source, .destination = destination,
	};
	p->transport = p->data + sizeof(*h);
	p->network = p->data;
}

void ip6_multicast_address(u8 *to, struct address group)
{
	to[0] = to[1] = 0x33;
	memcpy(to + 2, group.bytes + 12, 4);
}

int ip6_transmit(struct packet *p, const struct inet_path *path)
{
	struct netdev *d = path->dev;

	p->ether_type = ETHER_IPV6;
	p->kind = PACKET_OUTGOING;
	if (d->flags & IFF_LOOPBACK)
		return netdev_transmit(d, p);
	if (path->scope != IP_MULTICASTS)
		return neighbour_transmit(d, path->next_hop, p);
	struct address group = packet_destination(p);
	u8 to[ETHER_ADDRESS];
	if ((!p->owner || p->owner->inet.multicast_loop6) && (multicast_joined(group) || ip6_group_of_ours(d, group)))
		multicast_loop_back(p);
	ip6_multicast_address(to, group);
	return ethernet_header(&p, d, to, ETHER_IPV6) ? netdev_transmit(d, p) : -ENOBUFS;
}

int ip6_send(struct packet *p, const struct inet_send *how, const struct inet_path *path)
{
	if (p->len > 65535u) {
		packet_free(p);
		return -EMSGSIZE;
	}
	SNMP(ip6_OutRequests);
	ip6_header_write(p, how->source, how->destination, how->protocol, how->ttl, how->tos);
	if (p->len <= path->mtu || p->segment)
		return ip6_transmit(p, path);
	if (!how->dont_fragment)
		return ip6_fragment(p, path);
	SNMP(ip6_FragFails);
	packet_free(p);
	return -EMSGSIZE;
}

static void port_unreachable(struct packet *p)
{
	icmp6_error(p, ICMP6_UNREACHABLE, 4, 0);
}

const struct inet_family ipv6_family = {
	.family = AF_INET6,
	.header_len = sizeof(struct ip6_header),
	.route = ip6_route,
	.send = ip6_send,
	.scope_of = ip6_scope_of,
	.port_unreachable = port_unreachable,
};
