/* UDP (RFC 768): ports and a checksum on top of IP. */
#include "core/atomic.h"
#include "lib/string.h"
#include "udp_priv.h"

/* RFC 1122 section 4.1.3.4: a checksum that is there must be right; 0 means that the sender made none. */
static bool checksum_ok(const struct packet *p, const struct ip_header *ip, const struct udp_header *h)
{
	if (!h->checksum || p->verified)
		return true;
	return checksum_fold(checksum_add(checksum_pseudo(ip->source, ip->destination, PROTO_UDP, p->len), p->data, p->len)) == 0;
}

static void udp_receive(struct packet *p)
{
	const struct ip_header *ip = (const void *)p->network;
	const struct udp_header *h = (const void *)p->data;

	if (p->len < sizeof(*h) || be16(h->len) < sizeof(*h) || be16(h->len) > p->len) {
		SNMP(udp_InErrors);
		goto drop;
	}
	packet_trim(p, be16(h->len));
	if (!checksum_ok(p, ip, h)) {
		SNMP(udp_InCsumErrors);
		SNMP(udp_InErrors);
		goto drop;
	}
	p->ip.source = ip->source;
	p->ip.destination = ip->destination;
	p->ip.source_port = be16(h->source);
	p->ip.destination_port = be16(h->destination);
	if (p->kind == PACKET_BROADCAST || ip_scope_of(ip->destination) > IP_LOCAL) {
		packet_pull(p, sizeof(*h));
		udp_deliver_group(p);
		return;
	}
	struct inet_sock *sk = udp_find(ip->source, be16(h->source), ip->destination, be16(h->destination), p->dev);
	if (!sk) {
		/* RFC 1122 section 4.1.3.1. */
		SNMP(udp_NoPorts);
		icmp_error(p, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0);
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

int udp_send(struct packet *p, const struct ip_send *how, const struct ip_path *path, u16 source_port, u16 port, bool no_checksum)
{
	struct udp_header *h = packet_push(p, sizeof(*h));

	*h = (struct udp_header){ .source = be16(source_port), .destination = be16(port), .len = be16((u16)p->len) };
	u32 pseudo = checksum_pseudo(how->source, how->destination, PROTO_UDP, p->len);
	if (path->dev->features & NETDEV_CHECKSUM && p->len + IP_HEADER_MAX <= path->mtu) {
		/* The device completes it. */
		h->checksum = (u16)~checksum_fold(pseudo);
		p->partial = true;
	} else if (!no_checksum) {
		h->checksum = checksum_fold(checksum_add(pseudo, p->data, p->len));
		/* 0 is "none"; all ones is the same number. */
		if (!h->checksum)
			h->checksum = 0xffff;
	}
	SNMP(udp_OutDatagrams);
	return ip_send(p, how, path);
}

/* An error came about a datagram of ours. RFC 1122 section 4.1.3.3: whoever sent it hears of it, if it told us whom it talks to. */
static void udp_error(const struct ip_header *inner, u32 len, const struct icmp_header *icmp, u32 from __unused)
{
	const struct udp_header *h = (const void *)((const u8 *)inner + ip_header_len(inner));
	bool fatal;
	int err = icmp_errno(icmp, &fatal);

	if (!err || len < ip_header_len(inner) + sizeof(*h))
		return;
	struct inet_sock *sk = udp_find(inner->destination, be16(h->destination), inner->source, be16(h->source), NULL);
	if (!sk)
		return;
	bool asked = sk->inet.receive_error, connected = READ_ONCE(sk->remote_port);
	if (asked || (connected && (fatal || (err == EMSGSIZE && sk->inet.mtu_discover == IP_PMTUDISC_DO)))) {
		atomic_store(&sk->error, err);
		inet_wake(sk, POLLERR);
	}
	inet_put(sk);
}

IP_PROTOCOL(udp, .number = PROTO_UDP, .receive = udp_receive, .error = udp_error);
