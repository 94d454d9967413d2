/* UDP (RFC 768), what goes out, and what comes back about it. What comes in is udp.c's. */
#include "core/atomic.h"
#include "lib/string.h"
#include "udp_priv.h"

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
void udp_tell_error(struct inet_sock *sk, const struct inet_error *e, u16 port)
{
	bool connected = READ_ONCE(sk->remote_port);
	if (inet_wants_errors(sk, e->remote)) {
		inet_queue_error(sk, e, port, sizeof(struct udp_header));
	} else if (connected && (e->fatal || (e->err == EMSGSIZE && sk->inet.mtu_discover == IP_PMTUDISC_DO))) {
		atomic_store(&sk->error, e->err);
		inet_wake(sk, POLLERR);
	}
}

static void udp_error(const struct inet_error *e)
{
	const struct udp_header *h = (const void *)e->transport;
	struct inet_sock *sk = udp_find(e->remote, be16(h->destination), e->local, be16(h->source), NULL);

	if (!sk)
		return;
	udp_tell_error(sk, e, be16(h->destination));
	inet_put(sk);
}

IP_PROTOCOL(udp, .number = PROTO_UDP, .families = CARRIED_BY_BOTH, .receive = udp_receive, .error = udp_error);
