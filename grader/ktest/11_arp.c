/* Stage 11: whose address it is. */
#include "11_wire.h"
#include "watch.h"

#include "core/err.h"
#include "irq/irq.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "net/arp_priv.h"
#include "sched/thread.h"

static struct arp_header message(u16 operation, u32 sender_ip, u32 target_ip)
{
	struct arp_header a = {
		.hardware = be16(1), .protocol = be16(ETHER_IP), .hardware_len = 6, .protocol_len = 4, .operation = be16(operation),
		.sender_ip = sender_ip, .target_ip = target_ip,
	};

	memcpy(a.sender, wire.mac, ETHER_ADDRESS);
	return a;
}

static void put(const struct arp_header *a, u8 kind)
{
	u8 frame[46] = { 0 }; /* short ones are padded */

	memcpy(frame, a, sizeof(*a));
	wire_put(ETHER_ARP, kind, frame, sizeof(frame));
}

/* Is the address of ip known, and is it this one? */
static bool known_as(u32 ip, const u8 *mac)
{
	u8 found[ETHER_ADDRESS];

	return neighbour_get(&wire.dev, address_v4(ip), found) && !memcmp(found, mac, ETHER_ADDRESS);
}

static bool known(u32 ip)
{
	u8 found[ETHER_ADDRESS];

	return neighbour_get(&wire.dev, address_v4(ip), found);
}

/* The next question that went out for ip, to everybody. */
static bool asked_for(u32 ip)
{
	u32 len;
	const struct arp_header *a = (const void *)wire_next(ETHER_ARP, &len);

	return a && len >= sizeof(*a) && a->operation == be16(ARP_REQUEST) && a->target_ip == ip && a->sender_ip == wire.us &&
	       !memcmp(a->sender, wire.dev.address, ETHER_ADDRESS) && !memcmp(wire_frame()->destination, wire.dev.broadcast, ETHER_ADDRESS);
}

static u32 allocations_left; /* the last of them fails; 0: there is enough */
static struct thread *starved;
static bool short_for_once(int kind __unused) { return current == starved && allocations_left && !--allocations_left; }

static struct neighbour *watched; /* whose address nobody looks at without the table's lock, while something is sent; NULL: none */
static u32 looks, unlocked_looks;

/* Comes right behind a look at the address. */
static bool looked_at(struct trapframe *f __unused)
{
	watch_touched();
	looks++;
	unlocked_looks += !spin_is_held(&neighbour_lock);
	return true;
}

/* A datagram of ours to ip, with a number in it. */
static int send_to(u32 ip, u8 number)
{
	struct ip_send how = { .source = wire.us, .destination = ip, .protocol = 253, .ttl = 64 };
	struct packet *p = packet_alloc(PACKET_HEADROOM, 1, 0);
	struct ip_path path;
	int err = -ENOMEM;

	net_begin();
	if (KEXPECT(p && !ip_route(&path, ip, wire.us, NULL))) {
		*(u8 *)packet_append(p, 1) = number;
		bool (*saved)(int kind) = alloc_fail_hook;
		starved = current;
		alloc_fail_hook = short_for_once;
		if (watched)
			watch_memory(0, watched->address, 1, WATCH_ACCESSES);
		err = ip_send(p, &how, &path);
		if (watched)
			watch_end();
		alloc_fail_hook = saved;
	}
	net_end();
	return err;
}

/* The number in the next datagram that went out, to this Ethernet address; -1: none. */
static int went_to(const u8 *mac)
{
	u32 len;
	const u8 *at = wire_next(ETHER_IP, &len);

	if (!at || len != 21 || memcmp(wire_frame()->destination, mac, ETHER_ADDRESS))
		return -1;
	return at[20];
}

KTEST(11, who_asks_for_us_is_answered)
{
	for (int turn = 0; turn < 20; turn++) {
		u32 len;

		if (!wire_begin(false))
			return;
		struct arp_header q = message(ARP_REQUEST, wire.them, wire.us);
		put(&q, turn % 2 ? PACKET_BROADCAST : PACKET_HOST);
		const struct arp_header *a = (const void *)wire_next(ETHER_ARP, &len);
		KREQUIRE(a && len >= sizeof(*a));
		KEXPECT_EQ(be16(a->operation), ARP_REPLY);
		KEXPECT(a->sender_ip == wire.us && a->target_ip == wire.them);
		KEXPECT(!memcmp(a->sender, wire.dev.address, ETHER_ADDRESS) && !memcmp(a->target, wire.mac, ETHER_ADDRESS));
		KEXPECT(!memcmp(wire_frame()->destination, wire.mac, ETHER_ADDRESS));
		/* He will want to be talked to. */
		KEXPECT(known_as(wire.them, wire.mac));
		/* Others' addresses are not ours to answer for, and an answer is no question. */
		q.target_ip ^= 0x80000000u;
		put(&q, PACKET_BROADCAST);
		q.target_ip = IP_LOOPBACK; /* ours, but on no wire */
		put(&q, PACKET_BROADCAST);
		q = message(ARP_REPLY, wire.them, wire.us);
		put(&q, PACKET_HOST);
		KEXPECT_EQ(wire_count(ETHER_ARP), 0);
	}
}

/* Who answers meanwhile, or has the entry thrown away, has the lock. */
static void packets_with_the_lock(void)
{
	spin_lock(&neighbour_lock);
	watched = neighbour_find(&wire.dev, address_v4(wire.them));
	spin_unlock(&neighbour_lock);
	looks = unlocked_looks = 0;
	trap_register(TRAP_DEBUG, looked_at);
	KEXPECT_EQ(send_to(wire.them, 97), 0);
	watched = NULL;
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT_EQ(went_to(wire.mac), 97);
	KEXPECT(looks && !unlocked_looks);
}

/* Memory is short for each request of a first packet in turn: nothing is left of what could not be kept. */
static void packets_without_memory(void)
{
	u32 ip = wire.them ^ be32(128);

	for (u32 n = 1, failed = 1; n < 20 && failed; n++) {
		u64 before = slab_all_in_use();
		failed = 0;
		for (int i = 0; i < 8; i++) {
			allocations_left = n;
			failed += send_to(ip, 1) != 0;
		}
		allocations_left = 0;
		KEXPECT(!failed || slab_all_in_use() < before + 8);
	}
	neighbour_delete(&wire.dev, address_v4(ip)); /* else he is asked for while the next test counts */
}

KTEST(11, a_packet_waits_until_the_address_is_known)
{
	u32 n = wire_between(3, 30);

	if (!wire_begin(false))
		return;
	for (u32 i = 0; i < n; i++)
		KEXPECT_EQ(send_to(wire.them, (u8)i), 0);
	KEXPECT(asked_for(wire.them));
	KEXPECT_EQ(wire_count(ETHER_ARP), 0); /* one question is enough */
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	struct arp_header a = message(ARP_REPLY, wire.them, wire.us);
	put(&a, PACKET_HOST);
	for (u32 i = 0; i < n; i++)
		if (!KEXPECT_EQ(went_to(wire.mac), i))
			break;
	KEXPECT_EQ(wire_count(ETHER_IP), 0);
	/* From now on at once. */
	KEXPECT_EQ(send_to(wire.them, 99), 0);
	KEXPECT_EQ(went_to(wire.mac), 99);
	wire.error = -ENOBUFS; /* who sends hears of it */
	KEXPECT_EQ(send_to(wire.them, 98), -ENOBUFS);
	wire.error = 0;
	packets_with_the_lock();
	put(&a, PACKET_HOST); /* said again: nothing waits any more */
	KEXPECT_EQ(wire_count(ETHER_IP) + wire_count(ETHER_ARP), 0);
	packets_without_memory();
}

/* Each of several that are asked for gets his own, whoever answers first; far more than can wait do not. */
KTEST(11, those_who_wait_are_kept_apart)
{
	u8 macs[4][ETHER_ADDRESS];
	u32 ips[4];

	if (!wire_begin(false))
		return;
	for (u32 i = 0; i < 4; i++) {
		ips[i] = (wire.us & 0x00ffffff) | (228 + i) << 24;
		wire_random(macs[i], ETHER_ADDRESS);
		macs[i][0] = 0x06;
	}
	for (u32 turn = 0; turn < 12; turn++)
		KEXPECT_EQ(send_to(ips[turn % 4], (u8)turn), 0);
	for (u32 i = 0; i < 300; i++)
		KEXPECT_EQ(send_to(ips[3], (u8)(i % 200)), 0);
	for (u32 i = 0; i < 4; i++)
		KEXPECT(asked_for(ips[i]));
	for (u32 i = 3; i < 4; i--) {
		memcpy(wire.mac, macs[i], ETHER_ADDRESS);
		struct arp_header a = message(ARP_REPLY, ips[i], wire.us);
		put(&a, PACKET_HOST);
		u32 came = wire_count(ETHER_IP);
		if (i < 3) {
			KEXPECT_EQ(came, 3);
			for (u32 turn = i; turn < 12; turn += 4)
				KEXPECT_EQ(went_to(macs[i]), turn);
		} else {
			KEXPECT(came >= 1 && came <= ARP_QUEUE_MAX);
			while (came--)
				KEXPECT(went_to(macs[i]) >= 0);
		}
	}
}

/* The table's timer repeats the question, three times in all, about a second apart, and then gives up: for that it must know when which went out. */
KTEST(11, a_question_is_not_repeated_too_soon_or_too_often)
{
	if (!wire_begin(false))
		return;
	KEXPECT_EQ(send_to(wire.them, 1), 0);
	KEXPECT(asked_for(wire.them));
	for (u32 i = 0; i < 8; i++) {
		KEXPECT_EQ(send_to(wire.them, 2), 0);
		wire_wait_ms(90);
	}
	KEXPECT_EQ(wire_count(ETHER_ARP), 0);
	wire_wait_ms(6000);
	KEXPECT_EQ(wire_count(ETHER_ARP), ARP_TRIES - 1);
	wire_forget();
	/* He is forgotten: the next packet asks anew. */
	KEXPECT_EQ(send_to(wire.them, 3), 0);
	KEXPECT(asked_for(wire.them));
}

KTEST(11, what_others_say_of_themselves_is_kept)
{
	u8 first[ETHER_ADDRESS];

	if (!wire_begin(false))
		return;
	u32 third = (wire.us & 0x00ffffff) | 250u << 24;
	struct arp_header a = message(ARP_REQUEST, wire.them, third);
	/* A question of one stranger for another: no business of ours. */
	put(&a, PACKET_BROADCAST);
	KEXPECT(!known(wire.them));
	/* He answers us; then he gets another card, and says so to everybody. */
	a = message(ARP_REPLY, wire.them, wire.us);
	put(&a, PACKET_HOST);
	KEXPECT(known_as(wire.them, wire.mac));
	memcpy(first, wire.mac, ETHER_ADDRESS);
	wire.mac[5] ^= 0x55;
	a = message(ARP_REQUEST, wire.them, wire.them);
	put(&a, PACKET_BROADCAST);
	KEXPECT(known_as(wire.them, wire.mac) && !known_as(wire.them, first));
	KEXPECT_EQ(wire_count(ETHER_ARP), 0);
	KEXPECT_EQ(send_to(wire.them, 7), 0);
	KEXPECT_EQ(went_to(wire.mac), 7);
}

KTEST(11, nothing_is_learned_from_nonsense)
{
	struct arp_header a, good;

	if (!wire_begin(false))
		return;
	good = message(ARP_REQUEST, wire.them, wire.us);
	u32 bad_senders[] = { IP_BROADCAST, IP_LOOPBACK, 0x010000e0u, (wire.us & 0x00ffffff) | 0xff000000u };
	for (int fault = 0; fault < 5; fault++) {
		a = good;
		switch (fault) {
		case 0: a.hardware = be16(6); break;
		case 1: a.protocol = be16(ETHER_IPV6); break;
		case 2: a.hardware_len = 8; break;
		case 3: a.protocol_len = 16; break;
		case 4: a.sender[0] |= 1; break;
		}
		put(&a, PACKET_BROADCAST);
		KEXPECT(!known(wire.them));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_senders); i++) {
		a = good;
		a.sender_ip = bad_senders[i];
		put(&a, PACKET_BROADCAST);
		KEXPECT(!known(bad_senders[i]));
	}
	put(&good, PACKET_OTHERHOST);
	wire_put(ETHER_ARP, PACKET_BROADCAST, &good, sizeof(good) - 1);
	/* A device that speaks no ARP hears none. */
	KEXPECT_EQ(netdev_set_flags(&wire.dev, wire.dev.flags | IFF_NOARP), 0);
	put(&good, PACKET_BROADCAST);
	KEXPECT_EQ(netdev_set_flags(&wire.dev, wire.dev.flags & ~IFF_NOARP), 0);
	KEXPECT(!known(wire.them));
	KEXPECT_EQ(wire_count(ETHER_ARP), 0);
	put(&good, PACKET_BROADCAST); /* that it was not the peer's fault */
	KEXPECT(known(wire.them));
}

KTEST(11, a_probe_is_answered_and_our_address_is_ours)
{
	u32 len;

	if (!wire_begin(false))
		return;
	/* RFC 5227: "is this address free?", from somebody who has none yet. */
	struct arp_header a = message(ARP_REQUEST, 0, wire.us);
	put(&a, PACKET_BROADCAST);
	const struct arp_header *r = (const void *)wire_next(ETHER_ARP, &len);
	KEXPECT(r && r->operation == be16(ARP_REPLY) && r->sender_ip == wire.us && !memcmp(r->target, wire.mac, ETHER_ADDRESS));
	KEXPECT(!known(0));
	/* Somebody says that he is us. He is not believed, and told, but only once in ten seconds. */
	wire_wait_ms(11000);
	wire_forget();
	a = message(ARP_REQUEST, wire.us, wire.us);
	put(&a, PACKET_BROADCAST);
	put(&a, PACKET_BROADCAST);
	KEXPECT(!known(wire.us));
	KEXPECT_EQ(wire_count(ETHER_ARP), 1);
	r = (const void *)wire_next(ETHER_ARP, &len);
	KEXPECT(r && r->sender_ip == wire.us && !memcmp(r->sender, wire.dev.address, ETHER_ADDRESS));
	/* An address that another device of ours has is not this one's to defend. */
	struct ip_address elsewhere = { .address = wire.them ^ be32(64), .mask = 0xffffffff };
	wire_wait_ms(11000);
	wire_forget();
	netdev_set_address(loopback, NETDEV_ADDRESSES - 1, &elsewhere);
	a = message(ARP_REQUEST, elsewhere.address, elsewhere.address);
	put(&a, PACKET_BROADCAST);
	KEXPECT_EQ(wire_count(ETHER_ARP), 0);
	elsewhere.address = 0;
	netdev_set_address(loopback, NETDEV_ADDRESSES - 1, &elsewhere);
	a = message(ARP_REQUEST, wire.us, wire.us);
	/* Our own message, that came back to us, is no quarrel. */
	wire_wait_ms(11000);
	wire_forget();
	memcpy(a.sender, wire.dev.address, ETHER_ADDRESS);
	put(&a, PACKET_BROADCAST);
	KEXPECT_EQ(wire_count(ETHER_ARP), 0);
}
