/*
 * Stage 11: frames at random for ARP, IPv4 and UDP, each beside a model that reads the same bytes by other rules: a table of neighbours, the fate of a datagram with
 * the counters and errors that go with it, and the sockets of one port.
 */
#include "11_wire.h"

#include "net/arp_priv.h"
#include "net/udp_priv.h"
#include "time/time.h"

static bool wrong;
#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u8 frame[WIRE_FRAME], data[1500];

static u32 dice(u32 n) { return ktest_random() % n; }

/* --- neighbours -------------------------------------------------------------------------------------------------------------- */

enum { HOSTS = 5, QUEUE = ARP_QUEUE_MAX };

static struct host {
	u32 ip;
	bool there, resolved;
	u8 mac[ETHER_ADDRESS];
	u64 asked, asked_by, used, confirmed; /* the earliest moment; when the question had gone out */
	u32 waiting, last;          /* so many wait; the number of the last one that was sent */
} hosts[HOSTS];
static u32 number;

static bool is_about(u64 got, u64 least) { return got >= least && got <= time_ns(); }

static void compare_neighbours(void)
{
	spin_lock(&neighbour_lock);
	for (struct host *h = hosts; h < hosts + HOSTS; h++) {
		const struct neighbour *n = neighbour_find(&wire.dev, address_v4(h->ip));
		CHECK_EQ(n != NULL, h->there);
		if (!n || wrong)
			continue;
		CHECK_EQ(n->resolved, h->resolved);
		CHECK(!h->resolved || !memcmp(n->address, h->mac, ETHER_ADDRESS));
		CHECK_EQ(n->queue_len, h->waiting);
		CHECK_EQ(n->tries, h->waiting ? 1 : 0);
		CHECK(h->waiting ? n->asked >= h->asked && n->asked <= h->asked_by : n->asked == 0);
		CHECK(!h->resolved || is_about(n->confirmed, h->confirmed));
		CHECK(is_about(n->used, h->used));
	}
	spin_unlock(&neighbour_lock);
}

/* A datagram with a number in it, as it is handed over by IP. */
static void send_to(struct host *h)
{
	struct packet *packet = packet_alloc(PACKET_HEADROOM, 21, 0);
	u64 now = time_ns();
	u32 len;

	if (!KEXPECT(packet))
		return;
	u32 n = wire_datagram(frame, &(struct wire_datagram){ .protocol = 253, .source = wire.us, .destination = h->ip, .data = (u8[]){ (u8)++number }, .len = 1 });
	memcpy(packet_append(packet, n), frame, n);
	packet->ether_type = ETHER_IP;
	packet->network = packet->data;
	packet->kind = PACKET_OUTGOING;
	net_begin();
	CHECK_EQ(neighbour_transmit(&wire.dev, address_v4(h->ip), packet), 0);
	net_end();
	if (h->resolved) {
		const u8 *out = wire_next(ETHER_IP, &len);
		CHECK(out && len == 21 && out[20] == (u8)number && !memcmp(wire_frame()->destination, h->mac, ETHER_ADDRESS) &&
		      !memcmp(wire_frame()->source, wire.dev.address, ETHER_ADDRESS));
	} else {
		if (!h->waiting) {
			const struct arp_header *a = (const void *)wire_next(ETHER_ARP, &len);
			CHECK(a && a->operation == be16(ARP_REQUEST) && a->target_ip == h->ip && a->sender_ip == wire.us);
			h->asked = now;
			h->asked_by = time_ns();
		}
		h->waiting = MIN(h->waiting + 1, (u32)QUEUE);
		h->last = number;
	}
	h->there = true;
	h->used = now;
}

/* What waited for him goes: the newest, in their order. Each has a number; those of one host need not follow upon one another. */
static void expect_the_waiting(struct host *h)
{
	u32 len, came = 0, before = 0, last = 0;
	const u8 *out;

	while ((out = wire_next(ETHER_IP, &len))) {
		const struct ip_header *ip = (const void *)out;
		CHECK(ip->destination == h->ip && !memcmp(wire_frame()->destination, h->mac, ETHER_ADDRESS));
		last = out[20];
		CHECK(!came || (u8)(last - before) < 200);
		before = last;
		came++;
	}
	CHECK_EQ(came, h->waiting);
	CHECK(!came || last == (u8)h->last);
	h->waiting = 0;
}

static void say_something(void)
{
	struct host *from = &hosts[dice(HOSTS)], *about = &hosts[dice(HOSTS)];
	u8 kind = dice(6) ? dice(2) ? PACKET_HOST : PACKET_BROADCAST : PACKET_OTHERHOST, mac[ETHER_ADDRESS], faults = dice(3) ? 99 : dice(9);
	u32 target = dice(2) ? wire.us : dice(2) ? from->ip : about->ip, len = 46, n;
	u16 operation = dice(2) ? ARP_REQUEST : dice(4) ? ARP_REPLY : (u16)dice(20);
	bool probe = !dice(8);
	u64 now = time_ns();

	if (dice(3) && from->resolved)
		memcpy(mac, from->mac, ETHER_ADDRESS);
	else
		wire_random(mac, ETHER_ADDRESS);
	mac[0] = 0x06;
	struct arp_header a = { .hardware = be16(1), .protocol = be16(ETHER_IP), .hardware_len = 6, .protocol_len = 4, .operation = be16(operation),
				.sender_ip = probe ? 0 : from->ip, .target_ip = target };
	switch (faults) { /* one field that cannot be */
	case 0: a.hardware ^= (u16)(1u << dice(16)); break;
	case 1: a.protocol ^= (u16)(1u << dice(16)); break;
	case 2: a.hardware_len ^= (u8)(1u << dice(8)); break;
	case 3: a.protocol_len ^= (u8)(1u << dice(8)); break;
	case 4: mac[0] |= 1; break;
	case 5: len = dice(sizeof(a)); break;
	case 6: a.sender_ip = 127 | (u32)ktest_random() << 8; break;
	case 7: a.sender_ip = dice(2) ? IP_BROADCAST : (224 + dice(16)) | (u32)ktest_random() << 8; break;
	case 8: a.sender_ip = (wire.us & 0x00ffffff) | 0xff000000u; break;
	}
	memcpy(a.sender, mac, ETHER_ADDRESS);
	memset(frame, 0, 46);
	memcpy(frame, &a, sizeof(a));
	wire_put(ETHER_ARP, kind, frame, len);
	bool heard = faults > 8 && kind != PACKET_OTHERHOST;
	const struct arp_header *reply = (const void *)wire_next(ETHER_ARP, &n);
	CHECK_EQ(reply != NULL, heard && target == wire.us && operation == ARP_REQUEST);
	if (reply)
		CHECK(reply->operation == be16(ARP_REPLY) && reply->sender_ip == wire.us && reply->target_ip == a.sender_ip && !memcmp(reply->target, mac, ETHER_ADDRESS) &&
		      !memcmp(wire_frame()->destination, mac, ETHER_ADDRESS) && !memcmp(reply->sender, wire.dev.address, ETHER_ADDRESS));
	if (heard && !probe && (from->there || target == wire.us)) {
		if (!from->there)
			from->used = now;
		from->there = from->resolved = true;
		memcpy(from->mac, mac, ETHER_ADDRESS);
		from->confirmed = now;
		expect_the_waiting(from);
	}
	if (wrong) {
		ktest_note("fault", faults);
		ktest_note("operation", operation);
		ktest_note("kind", kind);
	}
}

/* Who takes a packet over gives it back, whatever becomes of it: so each path that lost one has lost many by now. */
static void nothing_is_left(u64 packets)
{
	wire_wait_ms(6000); /* answers to hosts that have no address are given up */
	CHECK(wire_packets() < packets + 8); /* somebody else may send now */
}

KTEST(11, neighbours_at_random)
{
	u64 packets = wire_packets();

	wrong = false;
	for (u32 turn = 0; turn < 12 && !wrong; turn++) {
		if (!wire_begin(false))
			return;
		memset(hosts, 0, sizeof(hosts));
		for (u32 i = 0; i < HOSTS; i++)
			hosts[i].ip = (wire.us & 0x00ffffff) | (230 + i) << 24;
		for (u32 i = 0; i < 60 && !wrong; i++) {
			if (dice(2))
				say_something();
			else
				for (u32 n = dice(12) ? 1 : 70; n; n--)
					send_to(&hosts[dice(2) * dice(HOSTS)]);
			CHECK_EQ(wire_count(ETHER_IP) + wire_count(ETHER_ARP), 0);
			compare_neighbours();
			if (!dice(4))
				wire_wait_ms(1); /* long before the table's timer is due, but another moment */
		}
		for (u32 i = 0; i < HOSTS; i++)
			neighbour_delete(&wire.dev, address_v4(hosts[i].ip));
	}
	nothing_is_left(packets);
}

/* Who made itself known by asking us is forgotten a minute later if nobody talks to it, and asked for again, directly, if somebody does. */
KTEST(11, a_neighbour_in_use_is_asked_for_again)
{
	u32 len;

	if (!wire_begin(false))
		return;
	wire_wait_ms(200000); /* all of before are forgotten, and nothing looks through an empty table */
	struct arp_header a = { .hardware = be16(1), .protocol = be16(ETHER_IP), .hardware_len = 6, .protocol_len = 4, .operation = be16(ARP_REQUEST),
				.sender_ip = wire.them, .target_ip = wire.us };
	memcpy(a.sender, wire.mac, ETHER_ADDRESS);
	wire_put(ETHER_ARP, PACKET_BROADCAST, &a, sizeof(a));
	wire_forget();
	memset(hosts, 0, sizeof(hosts));
	hosts[0] = (struct host){ .ip = wire.them, .there = true, .resolved = true };
	memcpy(hosts[0].mac, wire.mac, ETHER_ADDRESS);
	wrong = false;
	for (u32 i = 0; i < 63 && !wire_count(ETHER_ARP); i++) {
		send_to(&hosts[0]);
		wire_wait_ms(1000);
	}
	const struct arp_header *q = (const void *)wire_next(ETHER_ARP, &len);
	if (KEXPECT(q != NULL))
		KEXPECT(q->operation == be16(ARP_REQUEST) && q->target_ip == wire.them && !memcmp(wire_frame()->destination, wire.mac, ETHER_ADDRESS));
	wire_forget();
}

/* --- datagrams ---------------------------------------------------------------------------------------------------------------- */

#define PROTO_MODEL 252
#define PROTO_NOBODY 251

static struct {
	u32 count, len;
	u8 bytes[1500];
	bool sound;
} taken;

static void take(struct packet *p)
{
	const struct ip_header *h = (const void *)p->network;

	taken.count++;
	taken.len = p->len;
	taken.sound = p->transport == p->data && p->network + ip_header_len(h) == p->data;
	memcpy(taken.bytes, p->data, MIN(p->len, (u32)sizeof(taken.bytes)));
	packet_free(p);
}
IP_PROTOCOL(kmodel, .number = PROTO_MODEL, .families = CARRIED_BY_V4, .receive = take);

/* What must become of one. */
enum fate { TAKEN, NOT_OURS, BAD_HEADER, BAD_ADDRESS, BAD_OPTIONS, NO_PROTOCOL };

static bool is_net_of(u32 address, u32 first) { return (address & 0xff) == first; }

/* By RFC 1122, from the bytes; *bad: where an option is wrong. */
static enum fate fate_of(u32 len, u8 kind, u32 *bad)
{
	u32 header = (frame[0] & 15u) * 4, total = (u32)frame[2] << 8 | frame[3], source, destination, subnet_all = (wire.us & 0x00ffffff) | 0xff000000u;

	if (kind == PACKET_OTHERHOST)
		return NOT_OURS;
	if (len < 20 || frame[0] >> 4 != 4 || header < 20 || header > len || total < header || total > len || wire_checksum(0, frame, header))
		return BAD_HEADER;
	memcpy(&source, frame + 12, 4);
	memcpy(&destination, frame + 16, 4);
	if (source == IP_BROADCAST || source == subnet_all || (source & 0xf0) == 224 || is_net_of(source, 127) || is_net_of(destination, 127) || source == wire.us)
		return BAD_ADDRESS;
	if (destination != wire.us && destination != IP_BROADCAST && destination != subnet_all && (destination & 0xf0) != 224)
		return BAD_ADDRESS;
	for (u32 at = 20; at < header && frame[at];) {
		*bad = at;
		if (frame[at] == 1) {
			at++;
			continue;
		}
		if (at + 1 >= header || frame[at + 1] < 2 || at + frame[at + 1] > header || frame[at] == 131 || frame[at] == 137)
			return BAD_OPTIONS;
		at += frame[at + 1];
	}
	return frame[9] == PROTO_NOBODY ? NO_PROTOCOL : TAKEN;
}

/* Options of some kinds that are known; not record route and timestamp, which have rules of their own. */
static u32 some_options(u8 *to)
{
	static const u8 kinds[] = { 1, 1, 130, 148, 94, 131, 137, 0 };
	u32 len = dice(3) ? 0 : 4 * dice(11);

	memset(to, 1, 40);
	for (u32 at = 0; at + 1 < len; at++)
		if (!dice(5)) {
			to[at] = kinds[dice(dice(3) ? 5 : ARRAY_SIZE(kinds))];
			to[at + 1] = to[at] > 1 ? (u8)(dice(8) ? MIN(2 + dice(6), len - at) : dice(50)) : 1;
			at += to[at] > 1 ? to[at + 1] : 0;
		}
	return len;
}

static u32 some_datagram(void)
{
	struct ip_header *h = (struct ip_header *)frame;
	u32 net = wire.us & 0x00ffffff, len = dice(6) ? dice(200) : dice(1300);
	u32 sources[] = { wire.them, (u32)ktest_random() | 9, IP_BROADCAST, net | 0xff000000u, 127 | (u32)ktest_random() << 8, wire.us, (224 + dice(16)) | (u32)ktest_random() << 8 };
	u32 destinations[] = { wire.us, wire.us ^ 0x01000000u, IP_BROADCAST, net | 0xff000000u, 127 | (u32)ktest_random() << 8, (u32)ktest_random() | 9 };
	u8 options[40];

	sources[1] = (sources[1] & 0xffffff00u) | (11 + dice(90));
	destinations[5] = (destinations[5] & 0xffffff00u) | (11 + dice(90));
	wire_random(data, len);
	struct wire_datagram d = { .protocol = dice(5) ? PROTO_MODEL : PROTO_NOBODY, .data = data, .len = len, .options = options, .option_len = some_options(options),
				   .ttl = (u8)wire_between(1, 255), .id = (u16)ktest_random(), .fragment = dice(4) ? 0 : IP_DONT_FRAGMENT };
	d.source = sources[dice(4) ? dice(2) : dice(ARRAY_SIZE(sources))];
	d.destination = destinations[dice(3) ? 0 : dice(ARRAY_SIZE(destinations))];
	u32 n = wire_datagram(frame, &d);
	switch (dice(12)) { /* one field of the header is another, with a sum that fits it, or without */
	case 0: h->version_ihl = (u8)(h->version_ihl ^ 1u << dice(4)); break;
	case 1: h->version_ihl = (u8)(h->version_ihl ^ 16u << dice(4)); break;
	case 2: h->total_len = be16((u16)(n + dice(60) - 30)); break;
	case 3: h->total_len = be16((u16)dice(24)); break;
	case 4: n = dice(n + 1); return n;
	case 5: frame[dice(20)] ^= (u8)(1u << dice(8)); if (!(be16(h->fragment) & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK))) return n; h->fragment = 0; return n;
	default: return n;
	}
	if (dice(4) && ip_header_len(h) <= n)
		wire_header_sum(frame);
	return n;
}

static u64 counters(u32 which)
{
	const u64 all[] = { snmp.ip_InReceives, snmp.ip_InHdrErrors, snmp.ip_InAddrErrors, snmp.ip_InDelivers, snmp.ip_InUnknownProtos };
	return all[which];
}

static void judge_datagram(enum fate fate, u32 bad, u8 kind, const u64 *before)
{
	const struct ip_header *h = (const void *)frame;
	u32 len, total = be16(h->total_len), header = ip_header_len(h);
	u64 wanted[5] = { 1, fate == BAD_HEADER || fate == BAD_OPTIONS, fate == BAD_ADDRESS, fate == TAKEN, fate == NO_PROTOCOL };
	bool told = (fate == BAD_OPTIONS || fate == NO_PROTOCOL) && kind == PACKET_HOST && h->destination == wire.us && h->source == wire.them;

	for (u32 i = 0; i < 5; i++)
		CHECK_EQ(counters(i) - before[i], wanted[i]);
	CHECK_EQ(taken.count, fate == TAKEN);
	if (fate == TAKEN && !wrong)
		CHECK(taken.sound && taken.len == total - header && !memcmp(taken.bytes, frame + header, taken.len));
	if (h->source != wire.them)
		return; /* an answer to somebody far away has no route */
	const struct icmp_header *e = (const void *)wire_next_ip(PROTO_ICMP, &len);
	CHECK_EQ(e != NULL, told);
	if (e && !wrong) {
		CHECK_EQ(e->type, fate == BAD_OPTIONS ? ICMP_PARAMETER_PROBLEM : ICMP_UNREACHABLE);
		CHECK_EQ(e->code, fate == BAD_OPTIONS ? 0 : ICMP_PROTOCOL_UNREACHABLE);
		CHECK_EQ(*((const u8 *)e + 4), fate == BAD_OPTIONS ? bad : 0);
		CHECK(len >= sizeof(*e) + MIN(total, 60u) && !memcmp(e + 1, frame, MIN(total, 60u)));
	}
}

KTEST(11, datagrams_at_random)
{
	u64 before[5], packets = wire_packets();

	wrong = false;
	if (!wire_begin(true))
		return;
	for (u32 turn = 0; turn < 700 && !wrong; turn++) {
		u32 len = some_datagram(), bad = 0, padded = dice(3) ? len : MIN(len + dice(30), 1500u);
		u8 kind = dice(8) ? PACKET_HOST : dice(2) ? PACKET_BROADCAST : PACKET_OTHERHOST;

		memset(frame + len, 0xee, padded - len);
		enum fate fate = fate_of(padded, kind, &bad);
		if (be16(((struct ip_header *)frame)->fragment) & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
			continue;
		if (fate == BAD_OPTIONS || fate == NO_PROTOCOL)
			wire_wait_ms(2); /* errors are a thousand a second, at most */
		for (u32 i = 0; i < 5; i++)
			before[i] = counters(i);
		taken.count = 0;
		wire_put(ETHER_IP, kind, frame, padded);
		judge_datagram(fate, bad, kind, before);
		wire_forget();
		if (wrong) {
			ktest_note("should be", fate);
			ktest_note("its first eight bytes", (u64)frame[0] << 56 | (u64)frame[1] << 48 | (u64)frame[2] << 40 | (u64)frame[3] << 32 | frame[6] << 8 | frame[7]);
			ktest_note("in a frame of", padded);
			ktest_note("kind", kind);
		}
	}
	nothing_is_left(packets);
}

/* --- sockets ------------------------------------------------------------------------------------------------------------------ */

enum { SOCKETS = 7 };

static struct socket sockets[SOCKETS];
static struct wish {
	bool there, local, peer;
	u32 index;              /* of the device that it wants; 0: any */
	u32 held;               /* counts of it while nobody sends */
	u32 address, peer_ip;
	u16 peer_port;
} wishes[SOCKETS];

/* RFC 1122 section 4.1.3.5, and what is nearer: -1: not for this one. */
static int fits(const struct wish *w, u32 source, u16 port, u32 destination)
{
	if (!w->there || (w->local && w->address != destination) || (w->peer && (w->peer_ip != source || w->peer_port != port)) || (w->index && w->index != (u32)wire.dev.index))
		return -1;
	return w->peer * 4 + w->local * 2 + !!w->index;
}

static void open_sockets(u16 port, u32 second, u32 other)
{
	for (u32 i = 0; i < SOCKETS; i++) {
		struct wish *w = &wishes[i];

		memset(w, 0, sizeof(*w));
		if (!wire_socket(&sockets[i], SOCK_DGRAM))
			return;
		sockets[i].options.reuse_address = true;
		if (!dice(3))
			continue;
		w->there = true;
		w->local = dice(2);
		w->address = w->local ? dice(2) ? wire.us : second : IP_ANY;
		CHECK_EQ(wire_bind(&sockets[i], w->address, port), 0);
		if (!dice(3)) {
			w->index = dice(2) ? (u32)wire.dev.index : (u32)wire.dev.index + 7;
			((struct inet_sock *)sockets[i].proto)->device = (int)w->index;
		}
		if (dice(2))
			continue;
		w->peer = true;
		w->peer_ip = dice(2) ? wire.them : other;
		w->peer_port = (u16)(700 + dice(2));
		((struct inet_sock *)sockets[i].proto)->remote = address_v4(w->peer_ip);
		((struct inet_sock *)sockets[i].proto)->remote_port = w->peer_port;
		/* Two of one wish: which of them gets it is not said. */
		for (u32 j = 0; j < i; j++)
			if (wishes[j].there && !memcmp(&wishes[j], w, sizeof(*w)))
				w->there = false;
		if (!w->there)
			wire_close(&sockets[i]);
	}
	/* The same for those that are connected to nobody. */
	for (u32 i = 0; i < SOCKETS; i++)
		for (u32 j = 0; j < i; j++)
			if (wishes[i].there && wishes[j].there && !memcmp(&wishes[j], &wishes[i], sizeof(wishes[0]))) {
				wishes[i].there = false;
				wire_close(&sockets[i]);
			}
	for (u32 i = 0; i < SOCKETS; i++)
		if (wishes[i].there)
			wishes[i].held = refcount_read(&((struct inet_sock *)sockets[i].proto)->ref);
}

static void one_datagram(u16 port, u32 second, u32 other)
{
	u32 source = dice(3) ? wire.them : other, destination = dice(3) ? wire.us : dice(2) ? second : (wire.us & 0x00ffffff) | 0xff000000u;
	u32 len = dice(300), n = len + 8, fault = dice(4) ? 99 : dice(6), best = SOCKETS, takers = 0;
	u16 from = (u16)(700 + dice(3)), to = dice(10) ? port : (u16)(port + 1);
	bool group = destination >> 24 == 0xff, bad_sum = false, bad = false;
	int best_fits = -1;
	struct udp_header *h = (struct udp_header *)data;
	static u8 got[400];

	wire_random(data + 8, len + 8);
	*h = (struct udp_header){ .source = be16(from), .destination = be16(to), .len = be16((u16)n) };
	h->checksum = wire_transport_sum(source, destination, PROTO_UDP, data, n);
	h->checksum = h->checksum ? h->checksum : 0xffff;
	u32 carried = n;
	switch (fault) {
	case 0: h->checksum = 0; break; /* none was made: that is none */
	case 1: carried += dice(8); break;
	case 2: h->len = be16((u16)dice(8)); bad = true; break;
	case 3: h->len = be16((u16)(n + 1 + dice(50))); bad = true; break;
	case 4: data[8 + dice(len + 1)] ^= (u8)(1u << dice(8)); bad = bad_sum = wire_transport_sum(source, destination, PROTO_UDP, data, n); break;
	case 5: carried = dice(8); bad = true; break;
	}
	for (u32 i = 0; i < SOCKETS; i++) {
		int f = to == port ? fits(&wishes[i], source, from, destination) : -1;
		takers += f >= 0;
		if (f > best_fits)
			best = i, best_fits = f;
	}
	u64 ins = snmp.udp_InDatagrams, errors = snmp.udp_InErrors, sums = snmp.udp_InCsumErrors, none = snmp.udp_NoPorts;
	u32 total = wire_datagram(frame, &(struct wire_datagram){ .protocol = PROTO_UDP, .source = source, .destination = destination, .data = data, .len = carried });
	wire_put(ETHER_IP, group ? PACKET_BROADCAST : PACKET_HOST, frame, total);
	CHECK_EQ(snmp.udp_InErrors - errors, bad);
	CHECK_EQ(snmp.udp_InCsumErrors - sums, bad_sum);
	CHECK_EQ(snmp.udp_NoPorts - none, !bad && !group && !takers);
	CHECK_EQ(snmp.udp_InDatagrams - ins, bad ? 0 : group ? takers : !!takers);
	for (u32 i = 0; i < SOCKETS && !wrong; i++) {
		struct abi_sockaddr_in name = { 0 };
		bool gets = !bad && to == port && wishes[i].there && (group ? fits(&wishes[i], source, from, destination) >= 0 : i == best);
		if (!wishes[i].there)
			continue;
		ssize_t r = wire_receive(&sockets[i], got, sizeof(got), 0, &name);
		CHECK_EQ(r, gets ? (ssize_t)len : -EAGAIN);
		if (r >= 0 && !wrong)
			CHECK(!memcmp(got, data + 8, len) && name.port == be16(from) && name.address == source);
		CHECK_EQ(refcount_read(&((struct inet_sock *)sockets[i].proto)->ref), wishes[i].held);
	}
	if (wrong) {
		ktest_note("fault", fault);
		ktest_note("length", len);
		ktest_note("sockets that fit", takers);
		ktest_note("to everybody", group);
	}
}

KTEST(11, sockets_of_a_port_at_random)
{
	u64 packets = wire_packets();

	wrong = false;
	for (u32 turn = 0; turn < 25 && !wrong; turn++) {
		if (!wire_begin(true))
			return;
		u32 second = (wire.us & 0x00ffffff) | 253u << 24;
		struct ip_address further = { .address = second, .mask = 0x00ffffff };
		u16 port = (u16)wire_between(2000, 30000);

		netdev_set_address(&wire.dev, 1, &further);
		open_sockets(port, second, second ^ 0x03000000u);
		for (u32 i = 0; i < 12 && !wrong; i++) {
			one_datagram(port, second, second ^ 0x03000000u);
			wire_forget();
		}
		for (u32 i = 0; i < SOCKETS; i++)
			wire_close(&sockets[i]);
		further.address = 0;
		netdev_set_address(&wire.dev, 1, &further);
	}
	nothing_is_left(packets);
}

/* A socket whose buffer is full: what does not fit is counted, and the socket is let go all the same. */
KTEST(11, a_full_buffer_takes_no_more)
{
	struct udp_header *h = (struct udp_header *)data;
	u16 port = (u16)wire_between(2000, 30000);
	u32 sent = 0, read = 0;
	struct socket s;

	if (!wire_begin(true) || !wire_socket(&s, SOCK_DGRAM))
		return;
	s.options.receive_buffer = 4096;
	KEXPECT_EQ(wire_bind(&s, IP_ANY, port), 0);
	u32 held = refcount_read(&((struct inet_sock *)s.proto)->ref);
	u64 ins = snmp.udp_InDatagrams, errors = snmp.udp_InErrors, full = snmp.udp_RcvbufErrors;
	for (; sent < 40; sent++) {
		wire_random(data + 8, 400);
		*h = (struct udp_header){ .source = be16(9), .destination = be16(port), .len = be16(408) };
		h->checksum = 0;
		wire_send(&(struct wire_datagram){ .protocol = PROTO_UDP, .data = data, .len = 408 });
	}
	while (wire_receive(&s, data, sizeof(data), 0, NULL) == 400)
		read++;
	KEXPECT(read && read < sent);
	KEXPECT_EQ(snmp.udp_InDatagrams - ins, read);
	KEXPECT_EQ(snmp.udp_RcvbufErrors - full, sent - read);
	KEXPECT_EQ(snmp.udp_InErrors - errors, sent - read);
	KEXPECT_EQ(refcount_read(&((struct inet_sock *)s.proto)->ref), held);
	wire_close(&s);
}
