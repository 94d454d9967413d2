/* Control messages of datagram sockets: what came along with a packet, and what a program sends along (ip(7), ipv6(7), RFC 3542). */
#include "inet_priv.h"
#include "lib/string.h"
#include "time/time.h"

static void put_extra(struct socket_msg *m, int level, int type, const void *data, u32 len)
{
	if (m->extra_count == SOCKET_EXTRA_MAX)
		return;
	struct socket_extra *e = &m->extra[m->extra_count++];
	*e = (struct socket_extra){ .level = level, .type = type, .len = len };
	memcpy(e->data, data, len);
}

static void control_v4(struct inet_sock *sk, struct packet *p, struct socket_msg *m)
{
	const struct ip_header *ip = (const void *)p->network;

	if (sk->inet.packet_info) {
		struct abi_in_pktinfo info = { .index = p->dev->index, .spec_dst = ip->destination, .address = ip->destination };
		put_extra(m, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (sk->inet.receive_ttl) {
		int ttl = ip->ttl;
		put_extra(m, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	}
	if (sk->inet.receive_tos)
		put_extra(m, SOL_IP, IP_TOS, &ip->tos, sizeof(ip->tos));
}

/* On a socket of AF_INET6, of packets of both families. */
static void control_v6(struct inet_sock *sk, struct packet *p, struct socket_msg *m)
{
	const struct ip6_header *ip6 = (const void *)p->network;

	if (sk->inet.receive_packet_info6 || sk->inet.receive_packet_info_old) {
		struct address to = packet_destination(p);
		struct abi_in6_pktinfo info = { .index = p->dev->index };
		memcpy(info.address, &to, sizeof(to));
		put_extra(m, SOL_IPV6, sk->inet.receive_packet_info6 ? IPV6_PKTINFO : IPV6_2292PKTINFO, &info, sizeof(info));
	}
	if (*p->network >> 4 == 4)
		return;
	if (sk->inet.receive_hop_limit || sk->inet.receive_hop_limit_old) {
		int hops = ip6->hop_limit;
		put_extra(m, SOL_IPV6, sk->inet.receive_hop_limit ? IPV6_HOPLIMIT : IPV6_2292HOPLIMIT, &hops, sizeof(hops));
	}
	if (sk->inet.receive_class) {
		int class = be32(ip6->version_class_flow) >> 20 & 0xff;
		put_extra(m, SOL_IPV6, IPV6_TCLASS, &class, sizeof(class));
	}
}

void inet_control(struct inet_sock *sk, struct socket *s, struct packet *p, struct socket_msg *m)
{
	if (s->options.timestamp || s->options.timestamp_ns) {
		u64 unit = s->options.timestamp_ns ? 1 : 1000;
		u64 pair[2] = { p->stamp / NSEC_PER_SEC, p->stamp % NSEC_PER_SEC / unit };
		put_extra(m, SOL_SOCKET, s->options.timestamp_ns ? SO_TIMESTAMPNS_OLD : SO_TIMESTAMP_OLD, pair, sizeof(pair));
	}
	if (sk->family == AF_INET6)
		control_v6(sk, p, m);
	if (*p->network >> 4 == 4)
		control_v4(sk, p, m);
}

/* --- along with what is sent ---------------------------------------------------------------------------------------- */

static int send_v4(const struct socket_extra *e, struct send_control *c)
{
	struct abi_in_pktinfo info;
	int value;

	switch (e->type) {
	case IP_PKTINFO:
		if (e->len != sizeof(info))
			return -EINVAL;
		memcpy(&info, e->data, sizeof(info));
		c->device = info.index;
		c->source = address_v4(info.spec_dst);
		return 0;
	case IP_TTL:
	case IP_TOS:
		if (e->len != sizeof(value) && !(e->type == IP_TOS && e->len == 1))
			return -EINVAL;
		value = e->data[0];
		if (e->len == sizeof(value))
			memcpy(&value, e->data, sizeof(value));
		if (value < (e->type == IP_TTL) || value > 255)
			return -EINVAL;
		*(e->type == IP_TTL ? &c->ttl : &c->tos) = value;
		return 0;
	}
	return -EINVAL;
}

static int send_v6(const struct socket_extra *e, struct send_control *c)
{
	struct abi_in6_pktinfo info;
	int value;

	switch (e->type) {
	case IPV6_PKTINFO:
	case IPV6_2292PKTINFO:
		if (e->len < sizeof(info))
			return -EINVAL;
		memcpy(&info, e->data, sizeof(info));
		c->device = info.index;
		memcpy(&c->source, info.address, sizeof(c->source));
		if (!address_is_any(c->source) && !address_is_multicast(c->source) &&
		    family_of(c->source)->scope_of(c->source, info.index ? netdev_by_index(info.index) : NULL) != IP_LOCAL)
			return -EINVAL;
		return info.index && !netdev_by_index(info.index) ? -ENODEV : 0;
	case IPV6_HOPLIMIT:
	case IPV6_2292HOPLIMIT:
	case IPV6_TCLASS:
		if (e->len != sizeof(value))
			return -EINVAL;
		memcpy(&value, e->data, sizeof(value));
		if (value < -1 || value > 255)
			return -EINVAL;
		*(e->type == IPV6_TCLASS ? &c->tos : &c->ttl) = value;
		return 0;
	case IPV6_DONTFRAG:
		return e->len == sizeof(value) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int inet_send_control(const struct inet_sock *sk, const struct socket_msg *m, struct send_control *c)
{
	*c = (struct send_control){ .ttl = -1, .tos = -1 };
	for (u32 i = 0; i < m->extra_count; i++) {
		const struct socket_extra *e = &m->extra[i];
		int err = 0;
		if (e->level == SOL_IPV6 && sk->family == AF_INET6)
			err = send_v6(e, c);
		else if (e->level == SOL_IP)
			err = send_v4(e, c);
		if (err)
			return err;
	}
	return 0;
}
