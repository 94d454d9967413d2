/* UDP (RFC 768): ports and a checksum on top of IP. */
#include "core/atomic.h"
#include "lib/string.h"
#include "udp_priv.h"

/* RFC 1122 section 4.1.3.4: a checksum that is there must be right; 0 means that the sender made none, which IPv6 does not allow (RFC 8200 section 8.1). */
static bool checksum_ok(const struct packet *p, struct address source, struct address destination, const struct udp_header *h)
{
	if (p->verified)
		return true;
	if (!h->checksum)
		return address_is_v4(source);
	return checksum_fold(checksum_add(checksum_pseudo(source, destination, PROTO_UDP, p->len), p->data, p->len)) == 0;
}

static void udp_receive(struct packet *p)
{
	struct address source = packet_source(p), destination = packet_destination(p);
	const struct udp_header *h = (const void *)p->data;
	const struct inet_family *family = family_of(destination);

	if (p->len < sizeof(*h) || be16(h->len) < sizeof(*h) || be16(h->len) > p->len) {
		SNMP(udp_InErrors);
		goto drop;
	}
	packet_trim(p, be16(h->len));
	if (!checksum_ok(p, source, destination, h)) {
		SNMP(udp_InCsumErrors);
		SNMP(udp_InErrors);
		goto drop;
	}
	p->port.source = be16(h->source);
	p->port.destination = be16(h->destination);
	if (p->kind == PACKET_BROADCAST || family->scope_of(destination, p->dev) > IP_LOCAL) {
		packet_pull(p, sizeof(*h));
		udp_deliver_group(p);
		return;
	}
	struct inet_sock *sk = udp_find(source, be16(h->source), destination, be16(h->destination), p->dev);
	if (!sk) {
		/* RFC 1122 section 4.1.3.1. */
		SNMP(udp_NoPorts);
		family->port_unreachable(p);
		goto drop;
	}
	packet_pull(p, sizeof(*h));
	if (inet_queue(sk, p)) {
		SNMP(udp_InDatagrams);
	} else {
		SNMP(udp_RcvbufErrors);
		SNMP(udp_InErrors);
	}
	inet_put(sk);
	return;
drop:
	packet_free(p);
}

int udp_send(struct packet *p, const struct inet_send *how, const struct inet_path *path, u16 source_port, u16 port, bool no_checksum)
{
	struct udp_header *h = packet_push(p, sizeof(*h));

	*h = (struct udp_header){ .source = be16(source_port), .destination = be16(port), .len = be16((u16)p->len) };
	u32 pseudo = checksum_pseudo(how->source, how->destination, PROTO_UDP, p->len);
	if (path->dev->features & NETDEV_CHECKSUM && p->len + IP_HEADER_MAX <= path->mtu) {
		/* The device completes it. */
		h->checksum = (u16)~checksum_fold(pseudo);
		p->partial = true;
	} else if (!no_checksum || path->family != &ipv4_family) {
		h->checksum = checksum_fold(checksum_add(pseudo, p->data, p->len));
		/* 0 is "none"; all ones is the same number. */
		if (!h->checksum)
			h->checksum = 0xffff;
	}
	SNMP(udp_OutDatagrams);
	return path->family->send(p, how, path);
}

/* An error came about a datagram of ours. RFC 1122 section 4.1.3.3: whoever sent it hears of it, if it told us whom it talks to. */
static void udp_error(const struct inet_error *e)
{
	const struct udp_header *h = (const void *)e->transport;
	struct inet_sock *sk = udp_find(e->remote, be16(h->destination), e->local, be16(h->source), NULL);

	if (!sk)
		return;
	bool connected = READ_ONCE(sk->remote_port);
	if (inet_wants_errors(sk, e->remote)) {
		inet_queue_error(sk, e, be16(h->destination), sizeof(*h));
	} else if (connected && (e->fatal || (e->err == EMSGSIZE && sk->inet.mtu_discover == IP_PMTUDISC_DO))) {
		atomic_store(&sk->error, e->err);
		inet_wake(sk, POLLERR);
	}
	inet_put(sk);
}

IP_PROTOCOL(udp, .number = PROTO_UDP, .families = CARRIED_BY_BOTH, .receive = udp_receive, .error = udp_error);
