/* ICMPv6 (RFC 4443): answers echoes, tells senders what went wrong, and hands errors about our own packets to the protocols that sent them. */
#include "group_report.h"
#include "lib/string.h"
#include "mm/slab.h"

bool icmp6_checksum_ok(const struct packet *p)
{
	if (p->len < sizeof(struct icmp6_header))
		return false;
	return p->verified || checksum_fold(checksum_add(checksum_pseudo(packet_source(p), packet_destination(p), NEXT_ICMPV6, p->len), p->data, p->len)) == 0;
}

static void send(struct packet *p, struct address source, struct address destination, struct netdev *dev)
{
	struct icmp6_header *h = (void *)p->data;
	struct inet_path path;

	if (ip6_route(&path, destination, source, address_is_link_local(destination) ? dev : NULL)) {
		SNMP(icmp6_OutErrors);
		packet_free(p);
		return;
	}
	SNMP(icmp6_OutMsgs);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(checksum_pseudo(path.source, destination, NEXT_ICMPV6, p->len), p->data, p->len));
	struct inet_send how = { .source = path.source, .destination = destination, .protocol = NEXT_ICMPV6, .ttl = path.dev->hop_limit };
	ip6_send(p, &how, &path);
}

/* --- errors that we tell ------------------------------------------------------------------------------------------- */

void icmp6_error(struct packet *p, u8 type, u8 code, u32 rest)
{
	struct address source = packet_source(p), destination = packet_destination(p);
	/* The packet from its IP header on, as far as it lies in memory behind it. */
	u32 len = (u32)(p->data + p->len - p->network), at;
	u8 protocol;
	/* Section 2.4 (e): two kinds may be about a group. */
	bool about_group = type == ICMP6_TOO_BIG || (type == ICMP6_PARAMETER_PROBLEM && code == 2);

	if (address_is_multicast(source) || address_is_any(source))
		return;
	if (!about_group && (p->kind == PACKET_BROADCAST || p->kind == PACKET_MULTICAST || address_is_multicast(destination)))
		return;
	at = ip6_upper(p->network, len, &protocol);
	if (at && protocol == NEXT_ICMPV6 && (p->network[at] < 128 || p->network[at] == ICMP6_REDIRECT))
		return;
	if (!icmp_allowed())
		return;
	/* As much as fits into the least MTU. */
	len = MIN(len, IPV6_MTU_LEAST - (u32)sizeof(struct ip6_header) - (u32)sizeof(struct icmp6_header));
	struct packet *e = packet_alloc(PACKET_HEADROOM, (u32)sizeof(struct icmp6_header) + len, ALLOC_ATOMIC);
	if (!e)
		return;
	struct icmp6_header *h = packet_append(e, sizeof(*h));
	*h = (struct icmp6_header){ .type = type, .code = code, .rest = be32(rest) };
	memcpy(packet_append(e, len), p->network, len);
	send(e, ip6_scope_of(destination, p->dev) == IP_LOCAL ? destination : ADDRESS_ANY, source, p->dev);
}

/* --- what comes ---------------------------------------------------------------------------------------------------- */

/* As Linux. 0: nothing that a program hears of. */
static int errno_of(u8 type, u8 code, bool *fatal)
{
	static const u8 unreachable[] = { ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, EACCES, EACCES };

	*fatal = false;
	switch (type) {
	case ICMP6_UNREACHABLE:
		*fatal = code == 1 || code >= 4;
		return code < ARRAY_SIZE(unreachable) ? unreachable[code] : EPROTO;
	case ICMP6_TOO_BIG:
		return EMSGSIZE;
	case ICMP6_PARAMETER_PROBLEM:
		*fatal = true;
		return EPROTO;
	case ICMP6_TIME_EXCEEDED:
		return EHOSTUNREACH;
	}
	return EPROTO;
}

static void receive_error(struct packet *p, const struct icmp6_header *h)
{
	const u8 *inner = p->data + sizeof(*h);
	u32 len = p->len - (u32)sizeof(*h), at;
	u8 protocol;

	at = ip6_upper(inner, len, &protocol);
	if (!at)
		return;
	const struct ip6_header *ip = (const void *)inner;
	struct inet_error e = {
		.local = ip->source, .remote = ip->destination, .from = packet_source(p), .dev = p->dev, .transport = inner + at, .len = len - at,
		.origin = SO_EE_ORIGIN_ICMP6, .type = h->type, .code = h->code, .info = be32(h->rest),
	};
	if (address_is_v4(e.local) || address_is_v4(e.remote) || ip6_scope_of(e.local, p->dev) != IP_LOCAL)
		return;
	/* RFC 8201 section 4: less than every link takes is not believed. */
	if (h->type == ICMP6_TOO_BIG && be32(h->rest) >= IPV6_MTU_LEAST)
		path_mtu_learn(e.remote, be32(h->rest));
	e.err = errno_of(h->type, h->code, &e.fatal);
	inet_error_deliver(&e, protocol);
}

/* Section 4.2: to a group too; then the address that would talk to the asker answers. */
static void echo_reply(struct packet *p)
{
	struct packet *r = packet_alloc(PACKET_HEADROOM, p->len, ALLOC_ATOMIC);
	struct address to = packet_destination(p);

	if (!r)
		return;
	memcpy(packet_append(r, p->len), p->data, p->len);
	((struct icmp6_header *)r->data)->type = ICMP6_ECHO_REPLY;
	send(r, address_is_multicast(to) ? ADDRESS_ANY : to, packet_source(p), p->dev);
}

/* The checksum was checked (ipv6.c). */
static void icmp6_receive(struct packet *p)
{
	const struct icmp6_header *h = (const void *)p->data;

	SNMP(icmp6_InMsgs);
	switch (h->type) {
	case ICMP6_ECHO:
		if (!address_is_any(packet_source(p)))
			echo_reply(p);
		break;
	case ICMP6_UNREACHABLE:
	case ICMP6_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAMETER_PROBLEM:
		receive_error(p, h);
		break;
	case ICMP6_ROUTER_SOLICITATION:
	case ICMP6_ROUTER_ADVERTISEMENT:
	case ICMP6_NEIGHBOUR_SOLICITATION:
	case ICMP6_NEIGHBOUR_ADVERTISEMENT:
		nd_receive(p);
		break;
	case ICMP6_LISTENER_QUERY:
		mld_receive(p);
		break;
	}
	packet_free(p);
}
IP_PROTOCOL(icmp6, .number = PROTO_ICMPV6, .families = CARRIED_BY_V6, .receive = icmp6_receive);
