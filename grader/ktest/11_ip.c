/* Stage 11: what an IPv4 datagram goes through when it comes in. */
#include "11_wire.h"

#define PROTO_TEST 253 /* RFC 3692: for experiments */
#define PROTO_NOBODY 254
#define PROTO_SIX 251 /* carried by IPv6 alone */

static struct {
	u32 count, len;
	u8 data[4096];
	bool sound;      /* network and transport point where they should */
	u32 source;
} came;

static void take(struct packet *p)
{
	const struct ip_header *h = (const void *)p->network;

	came.count++;
	came.len = p->len;
	came.source = h->source;
	came.sound = p->transport == p->data && p->network + ip_header_len(h) == p->data && h->protocol == PROTO_TEST;
	memcpy(came.data, p->data, MIN(p->len, (u32)sizeof(came.data)));
	packet_free(p);
}
IP_PROTOCOL(ktest, .number = PROTO_TEST, .families = CARRIED_BY_V4, .receive = take);
IP_PROTOCOL(ktest6, .number = PROTO_SIX, .families = CARRIED_BY_V6, .receive = take);

static u8 data[2048], frame[2048];

/* Puts so much of `frame` on the wire: did the protocol get it? */
static bool arrives(u8 kind, u32 len)
{
	u32 before = came.count;

	wire_put(ETHER_IP, kind, frame, len);
	return came.count == before + 1;
}

static u32 make(u32 len)
{
	wire_random(data, len);
	return wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = len, .ttl = (u8)wire_between(1, 255), .id = (u16)ktest_random() });
}

static bool is_data(u32 len)
{
	return KEXPECT_EQ(came.len, len) && KEXPECT(!memcmp(came.data, data, len));
}

KTEST(11, a_datagram_reaches_its_protocol)
{
	static const u8 nops[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 100; turn++) {
		u32 len = turn < 10 ? (u32)turn : wire_between(0, 1400), options = wire_between(0, 10) * 4;

		wire_random(data, len);
		u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = len, .options = nops, .option_len = options });
		/* Ethernet pads short frames, with whatever it likes. */
		memset(frame + n, 0xee, 60);
		if (!KEXPECT(arrives(PACKET_HOST, MAX(n + wire_between(0, 9), 46u))) || !is_data(len) || !KEXPECT(came.sound && came.source == wire.them))
			return;
	}
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	/* One that must not be cut is no piece: there is nothing to put together. */
	u64 pieces = snmp.ip_ReasmReqds;
	u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = 30, .fragment = IP_DONT_FRAGMENT });
	KEXPECT(arrives(PACKET_HOST, n));
	KEXPECT_EQ(snmp.ip_ReasmReqds, pieces);
}

KTEST(11, headers_are_checked_field_by_field)
{
	struct ip_header *h = (struct ip_header *)frame;

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 20; turn++) {
		u32 n = make(wire_between(30, 900)), bit = wire_between(0, 159);

		KEXPECT(arrives(PACKET_HOST, n));
		frame[bit / 8] ^= (u8)(1u << bit % 8); /* one bit is another, the checksum is as it was */
		KEXPECT(!arrives(PACKET_HOST, n));
	}
	for (int fault = 0; fault < 8; fault++) {
		u32 n = make(100);

		switch (fault) {
		case 0: h->version_ihl = 0x65; break;
		case 1: h->version_ihl = 0x05; break;
		case 2: h->version_ihl = 0x44; break;             /* shorter than a header */
		case 3: h->total_len = be16(19); break;
		case 4: h->total_len = be16((u16)(n + 1)); break; /* more than there is */
		case 5: h->version_ihl = 0x4f, h->total_len = be16(59); break; /* the header is longer than the whole */
		case 6: n = 19; break;
		case 7: h->version_ihl = 0x4f, n = 40; break;
		}
		if (n >= 60)
			wire_header_sum(frame);
		if (!KEXPECT(!arrives(PACKET_HOST, n)))
			ktest_note("fault", (u64)fault);
	}
	/* The shortest that there can be, with options to the last byte. */
	memset(data, 1, 40);
	u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .options = data, .option_len = 40 });
	KEXPECT(arrives(PACKET_HOST, n));
	KEXPECT_EQ(came.len, 0);
	KEXPECT_EQ(wire_count(ETHER_IP), 0); /* whoever sent such a header may be anybody: nothing is said */
}

static bool arrives_from(u32 source, u32 destination, u8 kind)
{
	wire_random(data, 20);
	return arrives(kind, wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = 20, .source = source, .destination = destination }));
}

/* The same inside the machine, where our own names and the net 127 may be a source. */
static bool arrives_within(u32 source, u32 destination)
{
	u32 len = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = 20, .source = source, .destination = destination }), before = came.count;
	struct packet *p = packet_alloc(PACKET_HEADROOM, len, 0);

	if (!KEXPECT(p))
		return false;
	memcpy(packet_append(p, len), frame, len);
	p->dev = loopback;
	p->ether_type = ETHER_IP;
	p->kind = PACKET_HOST;
	net_begin();
	ip_receive(p);
	net_end();
	return came.count == before + 1;
}

KTEST(11, addresses_that_cannot_be_are_dropped)
{
	if (!wire_begin(true))
		return;
	u32 net = wire.us & 0x00ffffff, stranger = (u32)(ktest_random() & 0xffffff00) | 9;
	KEXPECT(arrives_from(wire.them, wire.us, PACKET_HOST));
	KEXPECT(arrives_from(stranger, wire.us, PACKET_HOST));
	KEXPECT(arrives_from(wire.them, net | 0xff000000u, PACKET_BROADCAST));
	KEXPECT(arrives_from(wire.them, IP_BROADCAST, PACKET_BROADCAST));
	/* Not for us. */
	KEXPECT(!arrives_from(wire.them, wire.us, PACKET_OTHERHOST));
	KEXPECT(!arrives_from(wire.them, wire.us ^ 0x01000000u, PACKET_HOST));
	KEXPECT(!arrives_from(wire.them, stranger, PACKET_HOST));
	/* Sources that are no single host, or that cannot come by a wire. */
	KEXPECT(!arrives_from(IP_BROADCAST, wire.us, PACKET_HOST));
	KEXPECT(!arrives_from(net | 0xff000000u, wire.us, PACKET_HOST));
	KEXPECT(!arrives_from(224 | (u32)ktest_random() << 8, wire.us, PACKET_HOST));
	KEXPECT(!arrives_from(239 | (u32)ktest_random() << 8, wire.us, PACKET_HOST));
	KEXPECT(!arrives_from(127 | (u32)ktest_random() << 8, wire.us, PACKET_HOST));
	KEXPECT(!arrives_from(wire.us, wire.us, PACKET_HOST)); /* "Land" */
	KEXPECT(!arrives_from(wire.them, IP_LOOPBACK, PACKET_HOST));
	KEXPECT(arrives_within(IP_LOOPBACK, IP_LOOPBACK) && arrives_within(wire.us, wire.us));
	KEXPECT(!arrives_within(IP_BROADCAST, wire.us) && !arrives_within(net | 0xff000000u, IP_LOOPBACK) && !arrives_within(239 | (u32)ktest_random() << 8, wire.us));
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
}

/* The ICMP error that went out about what lies in `frame`. */
static bool complained(u8 type, u8 code, u8 pointer)
{
	u32 len;
	const struct icmp_header *e = (const void *)wire_next_ip(PROTO_ICMP, &len);

	if (!KEXPECT(e && len >= sizeof(*e) + 20 && !wire_checksum(0, e, len)))
		return false;
	KEXPECT_EQ(*((const u8 *)e + 4), pointer);
	KEXPECT(!memcmp(e + 1, frame, 20)); /* as it came */
	return KEXPECT_EQ(e->type, type) && KEXPECT_EQ(e->code, code);
}

/* A raw socket takes whole datagrams with their headers, beside the protocol; if it takes one that nobody else does, nobody complains. */
static void raw_socket_hears(u8 protocol)
{
	static struct socket s;
	u64 delivered = snmp.ip_InDelivers, unknown = snmp.ip_InUnknownProtos;
	u32 taken = came.count;

	s = (struct socket){ .family = AF_INET, .type = SOCK_RAW, .options = { .send_buffer = SOCKET_BUFFER_DEFAULT, .receive_buffer = SOCKET_BUFFER_DEFAULT } };
	if (!KEXPECT(!raw_create(&s, protocol)))
		return;
	struct inet_sock *sk = s.proto;
	u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = protocol, .data = data, .len = 64 });
	wire_put(ETHER_IP, PACKET_HOST, frame, n);
	if (KEXPECT(!list_empty(&sk->receive))) {
		const struct packet *p = list_first(&sk->receive, struct packet, link);
		KEXPECT_EQ(p->len, n);
		KEXPECT(!memcmp(p->data, frame, 20) && !memcmp(p->data + 20, data, 64));
	}
	KEXPECT_EQ(came.count - taken, protocol == PROTO_TEST);
	KEXPECT_EQ(snmp.ip_InDelivers - delivered, 1);
	KEXPECT_EQ(snmp.ip_InUnknownProtos, unknown);
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	wire_close(&s);
}

KTEST(11, a_sender_hears_why)
{
	if (!wire_begin(true))
		return;
	wire_random(data, 64);
	u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_NOBODY, .data = data, .len = 64 });
	wire_put(ETHER_IP, PACKET_HOST, frame, n);
	complained(ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, 0);
	wire_wait_ms(2);
	/* One that IPv6 alone carries is nobody's here. */
	n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_SIX, .data = data, .len = 64 });
	KEXPECT(!arrives(PACKET_HOST, n));
	complained(ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, 0);
	wire_wait_ms(2); /* errors are a thousand a second, at most: one more would go out */
	u64 packets = wire_packets();
	for (int turn = 0; turn < 12; turn++) {
		raw_socket_hears(PROTO_NOBODY);
		raw_socket_hears(PROTO_TEST);
	}
	KEXPECT(wire_packets() < packets + 8); /* each was given back; somebody else may send now */
	/* Options: some that do nothing, then a source route, or one that is longer than the rest. */
	for (int kind = 0; kind < 2; kind++) {
		u32 before = wire_between(0, 8);
		u8 options[20];

		memset(options, 1, sizeof(options));
		options[before] = kind ? 131 : 7;
		options[before + 1] = kind ? 7 : 200;
		options[before + 2] = 4;
		n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = 64, .options = options, .option_len = 20 });
		KEXPECT(!arrives(PACKET_HOST, n));
		complained(ICMP_PARAMETER_PROBLEM, 0, (u8)(20 + before));
	}
	/* A piece has options of its own. */
	n = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_TEST, .data = data, .len = 64, .fragment = IP_MORE_FRAGMENTS, .options = (u8[]){ 1, 7, 200, 1 }, .option_len = 4 });
	u64 pieces = snmp.ip_ReasmReqds;
	wire_wait_ms(2);
	wire_put(ETHER_IP, PACKET_HOST, frame, n);
	complained(ICMP_PARAMETER_PROBLEM, 0, 21);
	KEXPECT_EQ(snmp.ip_ReasmReqds, pieces);
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
}

KTEST(11, pieces_become_one_datagram)
{
	static u8 whole[3000];

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 20; turn++) {
		u32 len = wire_between(1500, 2700), cut = wire_between((len - 1400 + 7) / 8, 1400 / 8) * 8, before = came.count;
		u16 id = (u16)(ktest_random() | 1);

		wire_random(whole, len);
		struct wire_datagram first = { .protocol = PROTO_TEST, .id = id, .fragment = IP_MORE_FRAGMENTS, .data = whole, .len = cut };
		struct wire_datagram last = { .protocol = PROTO_TEST, .id = id, .fragment = (u16)(cut / 8), .data = whole + cut, .len = len - cut };
		wire_send(turn % 2 ? &first : &last);
		KEXPECT_EQ(came.count, before);
		wire_send(turn % 2 ? &last : &first);
		if (!KEXPECT_EQ(came.count, before + 1) || !KEXPECT_EQ(came.len, len) || !KEXPECT(!memcmp(came.data, whole, len) && came.sound))
			return;
	}
}
