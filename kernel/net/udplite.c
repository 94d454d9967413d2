/*
 * UDP-Lite (RFC 3828): UDP whose checksum covers the first bytes alone, for data that is of use with an error in it. The header is UDP's, with the number
 * of bytes that are covered where UDP has the length; 0 is all, and the header is always covered. Ports are its own. Sockets are UDP's (udp_socket.c).
 */
#include "lib/string.h"
#include "udp_priv.h"

#define COVERED_LEAST ((u32)sizeof(struct udp_header))

static u16 checksum(const struct packet *p, struct address source, struct address destination, u32 covered)
{
	return checksum_fold(checksum_add(checksum_pseudo(source, destination, PROTO_UDPLITE, p->len), p->data, covered));
}

int udplite_send(struct packet *p, const struct inet_send *how, const struct inet_path *path, u16 source_port, u16 port, u16 coverage)
{
	struct udp_header *h = packet_push(p, sizeof(*h));
	u32 covered = coverage ? MIN((u32)coverage, p->len) : p->len;

	*h = (struct udp_header){ .source = be16(source_port), .destination = be16(port), .len = be16((u16)covered) };
	h->checksum = checksum(p, how->source, how->destination, covered);
	if (!h->checksum)
		h->checksum = 0xffff;
	SNMP(udplite_OutDatagrams);
	return path->family->send(p, how, path);
}

/* Is so little covered that sk does not want it? */
static bool refuses(const struct inet_sock *sk, u32 covered, u32 len)
{
	const struct udp_sock *u = (const struct udp_sock *)sk;

	return u->wants_coverage && covered < len && (!u->receive_coverage || covered < u->receive_coverage);
}

static void udplite_receive(struct packet *p)
{
	struct address source = packet_source(p), destination = packet_destination(p);
	const struct udp_header *h = (const void *)p->data;
	const struct inet_family *family = family_of(destination);
	u32 covered;

	if (p->len < sizeof(*h))
		goto bad;
	covered = h->len ? be16(h->len) : p->len;
	/* Section 3.1: a checksum is never left out. */
	if (covered < COVERED_LEAST || covered > p->len || !h->checksum)
		goto bad;
	if (!p->verified && checksum(p, source, destination, covered) != 0) {
		SNMP(udplite_InCsumErrors);
		goto bad;
	}
	p->port.source = be16(h->source);
	p->port.destination = be16(h->destination);
	if (p->kind == PACKET_BROADCAST || family->scope_of(destination, p->dev) > IP_LOCAL) {
		packet_pull(p, sizeof(*h));
		udp_deliver_group_in(&udplite_ports, p);
		return;
	}
	struct inet_sock *sk = udp_find_in(&udplite_ports, source, be16(h->source), destination, be16(h->destination), p->dev);
	if (!sk) {
		SNMP(udplite_NoPorts);
		family->port_unreachable(p);
		packet_free(p);
		return;
	}
	if (refuses(sk, covered, p->len)) {
		inet_put(sk);
		goto bad;
	}
	packet_pull(p, sizeof(*h));
	if (inet_queue(sk, p)) {
		SNMP(udplite_InDatagrams);
	} else {
		SNMP(udplite_RcvbufErrors);
		SNMP(udplite_InErrors);
	}
	inet_put(sk);
	return;
bad:
	SNMP(udplite_InErrors);
	packet_free(p);
}

static void udplite_error(const struct inet_error *e)
{
	const struct udp_header *h = (const void *)e->transport;
	struct inet_sock *sk = udp_find_in(&udplite_ports, e->remote, be16(h->destination), e->local, be16(h->source), NULL);

	if (!sk)
		return;
	udp_tell_error(sk, e, be16(h->destination));
	inet_put(sk);
}
IP_PROTOCOL(udplite, .number = PROTO_UDPLITE, .families = CARRIED_BY_BOTH, .receive = udplite_receive, .error = udplite_error);

int udplite_set_option(struct udp_sock *u, int option, int n)
{
	/* What is less than the header is the header; what the field cannot say is the most that it can. */
	u16 covered = n && n < (int)COVERED_LEAST ? (u16)COVERED_LEAST : (u16)MIN(n, (int)UINT16_MAX);

	if (option == UDPLITE_SEND_CSCOV) {
		u->send_coverage = covered;
	} else if (option == UDPLITE_RECV_CSCOV) {
		u->receive_coverage = covered;
		u->wants_coverage = true;
	} else {
		return -ENOPROTOOPT;
	}
	return 0;
}

int udplite_get_option(const struct udp_sock *u, int option, int *n)
{
	if (option != UDPLITE_SEND_CSCOV && option != UDPLITE_RECV_CSCOV)
		return -ENOPROTOOPT;
	*n = option == UDPLITE_SEND_CSCOV ? u->send_coverage : u->receive_coverage;
	return 0;
}
