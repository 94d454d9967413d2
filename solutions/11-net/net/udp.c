/*
 * UDP, what comes in (RFC 768): length and checksum, and whose datagram it is.
 *
 *     10.9.0.1:4000 → 10.9.0.2:53     sockets on port 53 that fit:   any address                          at least it is the port
 *                                                                    bound to 10.9.0.2                    nearer
 *                                                                    connected to 10.9.0.1:4000           nearer still: it is one conversation
 */
#include "udp_priv.h"

#include "core/todo.h"

int udp_score(const struct inet_sock *sk, struct address source, u16 source_port, struct address destination, const struct netdev *dev)
{
#ifdef SOLUTION
	/* "Any" of the datagram's own family is nearer than "any" of both. */
	int n = address_is_v4(destination) == (sk->family == AF_INET);

	if (!inet_takes(sk, destination))
		return -1;
	if (!address_is_any(sk->local))
		n += 4;
	if (sk->remote_port) {
		if (sk->remote_port != source_port || !address_equal(sk->remote, source))
			return -1;
		n += 8;
	}
	if (sk->device && dev) {
		if (sk->device != dev->index)
			return -1;
		n += 2;
	}
	return n;
#else
	TODO("11-net");
#endif
}

#ifdef SOLUTION
/* RFC 1122 section 4.1.3.4: a checksum that is there must be right; 0 means that the sender made none, which IPv6 does not allow (RFC 8200 section 8.1). */
static bool checksum_ok(const struct packet *p, struct address source, struct address destination, const struct udp_header *h)
{
	if (p->verified)
		return true;
	if (!h->checksum)
		return address_is_v4(source);
	return checksum_fold(checksum_add(checksum_pseudo(source, destination, PROTO_UDP, p->len), p->data, p->len)) == 0;
}
#endif

void udp_receive(struct packet *p)
{
#ifdef SOLUTION
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
#else
	TODO("11-net");
#endif
}
