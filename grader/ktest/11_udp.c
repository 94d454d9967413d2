/* Stage 11: UDP datagrams find their sockets. */
#include "11_wire.h"

#include "net/udp_priv.h"

static u8 datagram[1480], got[1480];

/* A UDP datagram of n random bytes: its length. */
static u32 make(u32 source, u32 destination, u16 from, u16 to, u32 n)
{
	struct udp_header *h = (struct udp_header *)datagram;

	wire_random(datagram + sizeof(*h), n);
	n += (u32)sizeof(*h);
	*h = (struct udp_header){ .source = be16(from), .destination = be16(to), .len = be16((u16)n) };
	h->checksum = wire_transport_sum(source, destination, PROTO_UDP, datagram, n);
	if (!h->checksum)
		h->checksum = 0xffff;
	return n;
}

static void put(u32 source, u32 destination, u32 n)
{
	wire_send(&(struct wire_datagram){ .protocol = PROTO_UDP, .source = source, .destination = destination, .data = datagram, .len = n });
}

/* From the peer's port to ours. */
static void send_text(u16 from, u16 to, u32 n)
{
	put(wire.them, wire.us, make(wire.them, wire.us, from, to, n));
}

/* Is what was made last the next that s reads? */
static bool reads(struct socket *s, u32 n, u16 from)
{
	struct abi_sockaddr_in name = { 0 };
	ssize_t r = wire_receive(s, got, sizeof(got), 0, &name);

	return KEXPECT_EQ(r, n) && KEXPECT(!memcmp(got, datagram + 8, n)) && KEXPECT(name.family == AF_INET && name.port == be16(from) && name.address == wire.them);
}

static bool reads_nothing(struct socket *s)
{
	return wire_receive(s, got, sizeof(got), 0, NULL) == -EAGAIN;
}

static u16 draw_port(void) { return (u16)wire_between(2000, 30000); }

KTEST(11, a_datagram_reaches_its_socket)
{
	struct socket s, other;
	u16 port = draw_port();

	if (!wire_begin(true) || !wire_socket(&s, SOCK_DGRAM) || !wire_socket(&other, SOCK_DGRAM))
		return;
	KEXPECT_EQ(wire_bind(&s, IP_ANY, port), 0);
	KEXPECT_EQ(wire_bind(&other, IP_ANY, port + 1), 0);
	u32 held = refcount_read(&((struct inet_sock *)s.proto)->ref);
	for (int turn = 0; turn < 100; turn++) {
		u32 n = turn < 8 ? (u32)turn : wire_between(0, 1400);
		u16 from = draw_port();

		send_text(from, port, n);
		if (!reads(&s, n, from) || !KEXPECT(reads_nothing(&s)))
			break;
	}
	/* UDP's own length decides: what IP carries beyond it is nobody's. */
	u32 n = make(wire.them, wire.us, 77, port, 10);
	memset(datagram + n, 0xdd, 20);
	put(wire.them, wire.us, n + 20);
	reads(&s, 10, 77);
	KEXPECT(reads_nothing(&other));
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	/* Whoever was found is let go, else he never ends. */
	KEXPECT_EQ(refcount_read(&((struct inet_sock *)s.proto)->ref), held);
	wire_close(&s);
	wire_close(&other);
}

/* What was made last as IPv6 would hand it on, from a host to itself. */
static void put_ipv6(u32 n)
{
	struct packet *p = packet_alloc(PACKET_HEADROOM, (u32)sizeof(struct ip6_header) + n, 0);

	KREQUIRE(p != NULL);
	struct ip6_header *h = packet_append(p, sizeof(*h));
	*h = (struct ip6_header){ .version_class_flow = be32(6u << 28), .payload_len = be16((u16)n), .next_header = PROTO_UDP, .hop_limit = 64 };
	h->source.bytes[15] = h->destination.bytes[15] = 1;
	memcpy(packet_append(p, n), datagram, n);
	p->dev = &wire.dev;
	p->kind = PACKET_HOST;
	p->ether_type = ETHER_IPV6;
	p->network = p->data;
	packet_pull(p, sizeof(*h));
	p->transport = p->data;
	net_begin();
	udp_receive(p);
	net_end();
}

/* The same as by put, with a checksum that nobody need look at. */
static void put_verified(u32 n)
{
	static u8 bytes[WIRE_FRAME];
	u32 len = wire_datagram(bytes, &(struct wire_datagram){ .protocol = PROTO_UDP, .data = datagram, .len = n });
	struct packet *p = packet_alloc(PACKET_HEADROOM, len, 0);

	if (!KEXPECT(p))
		return;
	memcpy(packet_append(p, len), bytes, len);
	p->dev = &wire.dev;
	p->ether_type = ETHER_IP;
	p->kind = PACKET_HOST;
	p->verified = true;
	net_begin();
	ip_receive(p);
	net_end();
}

KTEST(11, lengths_and_checksums_are_checked)
{
	struct udp_header *h = (struct udp_header *)datagram;
	u16 port = draw_port();
	struct socket s;

	if (!wire_begin(true) || !wire_socket(&s, SOCK_DGRAM))
		return;
	KEXPECT_EQ(wire_bind(&s, IP_ANY, port), 0);
	for (int turn = 0; turn < 30; turn++) {
		u32 n = make(wire.them, wire.us, 9, port, wire_between(1, 500)), bit = wire_between(48, n * 8 - 1);
		datagram[bit / 8] ^= (u8)(1u << bit % 8);
		if (h->checksum)
			put(wire.them, wire.us, n);
		KEXPECT(reads_nothing(&s));
	}
	/* The addresses are part of the sum: it does not get to somebody whom it was not meant for. */
	put(wire.them ^ 0x40000000u, wire.us, make(wire.them, wire.us, 9, port, 30));
	KEXPECT(reads_nothing(&s));
	/* None was made. */
	u32 n = make(wire.them, wire.us, 9, port, 40);
	h->checksum = 0;
	put(wire.them, wire.us, n);
	reads(&s, 40, 9);
	for (int fault = 0; fault < 4; fault++) {
		n = make(wire.them, wire.us, 9, port, 40);
		h->checksum = 0;
		switch (fault) {
		case 0: h->len = be16((u16)(n + 1)); break;
		case 1: h->len = be16(7); break;
		case 2: h->len = 0; break;
		case 3: n = 7; break;
		}
		put(wire.them, wire.us, n);
		KEXPECT(reads_nothing(&s));
	}
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	/* One that has not left memory is known to be right, and its checksum was not completed. */
	n = make(wire.them, wire.us, 9, port, 40);
	h->checksum ^= 0x55;
	put_verified(n);
	reads(&s, 40, 9);
	/* In IPv6, whose header has no checksum, there must be one (RFC 8200 section 8.1): nobody is even looked for. */
	u64 before = snmp.udp_NoPorts;
	n = make(wire.them, wire.us, 9, port + 1, 40);
	h->checksum = 0;
	put_ipv6(n);
	KEXPECT_EQ(snmp.udp_NoPorts, before);
	wire_close(&s);
}

/* Sockets on one port, of which some are bound to an address, and some connected: in each order, with each sender, the nearest one gets it. */
KTEST(11, the_nearest_socket_gets_it)
{
	enum { ANY, BOUND, CONNECTED, ELSEWHERE, OTHER_PEER, KINDS };
	struct socket s[KINDS];
	u16 port = draw_port(), from = draw_port();

	if (!wire_begin(true))
		return;
	u32 second = (wire.us & 0x00ffffff) | 252u << 24, stranger = (wire.us & 0x00ffffff) | 251u << 24;
	struct ip_address further = { .address = second, .mask = 0x00ffffff };
	netdev_set_address(&wire.dev, 1, &further);
	for (int turn = 0; turn < 12; turn++) {
		u32 there = turn ? (u32)ktest_random() % (1 << KINDS) : (1 << KINDS) - 1, first = (u32)ktest_random() % KINDS;
		for (u32 i = 0; i < KINDS; i++) {
			u32 k = (first + i) % KINDS;
			if (!wire_socket(&s[k], SOCK_DGRAM))
				return;
			s[k].options.reuse_address = true;
			if (!(there & 1u << k))
				continue;
			KEXPECT_EQ(wire_bind(&s[k], k == BOUND ? wire.us : k == ELSEWHERE ? second : IP_ANY, port), 0);
			struct abi_sockaddr peer = wire_name(k == CONNECTED ? wire.them : stranger, from);
			if (k == CONNECTED || k == OTHER_PEER)
				KEXPECT_EQ(s[k].ops->connect(&s[k], &peer, SOCKADDR_IN_LEN, false), 0);
		}
		send_text(from, port, 16);
		u32 taker = there & 1 << CONNECTED ? CONNECTED : there & 1 << BOUND ? BOUND : there & 1 << ANY ? ANY : KINDS;
		if (taker < KINDS)
			reads(&s[taker], 16, from);
		/* From another port of the same host it is no part of that conversation. */
		send_text(from + 1, port, 16);
		taker = there & 1 << BOUND ? BOUND : there & 1 << ANY ? ANY : KINDS;
		if (taker < KINDS)
			reads(&s[taker], 16, from + 1);
		put(wire.them, second, make(wire.them, second, from + 1, port, 16));
		taker = there & 1 << ELSEWHERE ? ELSEWHERE : there & 1 << ANY ? ANY : KINDS;
		if (taker < KINDS)
			reads(&s[taker], 16, from + 1);
		for (u32 k = 0; k < KINDS; k++) {
			KEXPECT(!(there & 1u << k) || reads_nothing(&s[k]));
			wire_close(&s[k]);
		}
		wire_wait_ms(1000); /* errors to those who find nobody are few a second */
	}
	further.address = 0;
	netdev_set_address(&wire.dev, 1, &further);
}

/* The numbers themselves: what says more is worth more, in this order. */
KTEST(11, what_says_more_fits_better)
{
	static struct inet_sock sk;

	if (!wire_begin(true))
		return;
	struct address us = address_v4(wire.us), them = address_v4(wire.them);
	int last = -1;

	memset(&sk, 0, sizeof(sk));
	for (u32 says = 0; says < 16; says++) {
		bool family = says & 1, device = says & 2, local = says & 4, peer = says & 8;

		sk.family = family ? AF_INET : AF_INET6;
		sk.local = local ? us : family ? ADDRESS_ANY_V4 : ADDRESS_ANY;
		sk.device = device ? 5 : 0;
		sk.remote = peer ? them : ADDRESS_ANY;
		sk.remote_port = peer ? 99 : 0;
		struct netdev here = { .index = 5 }, there = { .index = 6 };
		int n = udp_score(&sk, them, 99, us, &here);
		KEXPECT(n > last);
		last = n;
		KEXPECT(udp_score(&sk, them, 99, us, NULL) >= 0);
		KEXPECT_EQ(udp_score(&sk, them, 99, us, &there) < 0, device);
		KEXPECT_EQ(udp_score(&sk, them, 98, us, &here) < 0, peer);
		KEXPECT_EQ(udp_score(&sk, us, 99, us, &here) < 0, peer);
		KEXPECT_EQ(udp_score(&sk, them, 99, them, &here) < 0, local);
		/* Of one that is for IPv6 alone "any" means none of IPv4's. */
		sk.v6only = !family && !local;
		KEXPECT_EQ(udp_score(&sk, them, 99, us, &here) < 0, sk.v6only);
		sk.v6only = false;
	}
}

KTEST(11, who_finds_no_socket_is_told)
{
	u32 len;

	if (!wire_begin(true))
		return;
	wire_wait_ms(2000);
	u32 n = make(wire.them, wire.us, 4000, 1999, 30);
	put(wire.them, wire.us, n);
	const struct icmp_header *e = (const void *)wire_next_ip(PROTO_ICMP, &len);
	if (KEXPECT(e && len >= sizeof(*e) + 20 + n)) {
		KEXPECT(e->type == ICMP_UNREACHABLE && e->code == ICMP_PORT_UNREACHABLE);
		/* It quotes the datagram from its IP header on: by the ports its sender knows whom it is about. */
		KEXPECT(!memcmp((const u8 *)(e + 1) + 20, datagram, n));
	}
	/* Not to him whose datagram was damaged. */
	n = make(wire.them, wire.us, 4000, 1999, 30);
	datagram[12] ^= 1;
	put(wire.them, wire.us, n);
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
}

KTEST(11, a_group_gets_a_copy_each)
{
	struct socket s[3];
	u16 port = draw_port();
	static u8 bytes[600];

	if (!wire_begin(true))
		return;
	u32 everybody = (wire.us & 0x00ffffff) | 0xff000000u;
	for (int i = 0; i < 3; i++) {
		if (!wire_socket(&s[i], SOCK_DGRAM))
			return;
		s[i].options.reuse_address = true;
		KEXPECT_EQ(wire_bind(&s[i], i == 2 ? wire.us : IP_ANY, port), 0);
	}
	u32 n = make(wire.them, everybody, 50, port, 100);
	n = wire_datagram(bytes, &(struct wire_datagram){ .protocol = PROTO_UDP, .destination = everybody, .data = datagram, .len = n });
	wire_put(ETHER_IP, PACKET_BROADCAST, bytes, n);
	reads(&s[0], 100, 50);
	reads(&s[1], 100, 50);
	KEXPECT(reads_nothing(&s[2])); /* it wants only what is for its own address */
	/* To a port without a socket: that is no error, since others may have one. */
	n = make(wire.them, everybody, 50, port + 1, 100);
	n = wire_datagram(bytes, &(struct wire_datagram){ .protocol = PROTO_UDP, .destination = everybody, .data = datagram, .len = n });
	wire_put(ETHER_IP, PACKET_BROADCAST, bytes, n);
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	for (int i = 0; i < 3; i++)
		wire_close(&s[i]);
}
