/* ARP messages that go out (RFC 826): questions, answers, and what is said to somebody else who uses our address. What comes in is arp.c's. */
#include "arp_priv.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

static const u8 everybody[ETHER_ADDRESS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void arp_send(struct netdev *d, u16 operation, const u8 *to, const u8 *target, u32 sender_ip, u32 target_ip)
{
	struct packet *p = packet_alloc(PACKET_HEADROOM, sizeof(struct arp_header), ALLOC_ATOMIC);

	if (!p)
		return;
	struct arp_header *a = packet_append(p, sizeof(*a));
	*a = (struct arp_header){
		.hardware = be16(1), .protocol = be16(ETHER_IP), .hardware_len = ETHER_ADDRESS, .protocol_len = 4, .operation = be16(operation),
		.sender_ip = sender_ip, .target_ip = target_ip,
	};
	memcpy(a->sender, d->address, ETHER_ADDRESS);
	memcpy(a->target, target, ETHER_ADDRESS);
	p->ether_type = ETHER_ARP;
	p->kind = PACKET_OUTGOING;
	if (ethernet_header(&p, d, to, ETHER_ARP))
		netdev_transmit(d, p);
}

void arp_request(struct netdev *d, u32 ip, const u8 *to)
{
	static const u8 unknown[ETHER_ADDRESS];
	struct ip_path path;

	/* RFC 1122 section 2.3.2.1: from the address that would talk to it. */
	if (ip_route(&path, ip, IP_ANY, d) == 0)
		arp_send(d, ARP_REQUEST, to ? to : everybody, unknown, path.source, ip);
}

/* RFC 5227 section 2.4: somebody else uses our address. We keep it, and say so, not too often. */
void arp_defend(struct netdev *d, u32 ip)
{
	static u64 last;
	u64 now = time_ns();

	if (last && now - READ_ONCE(last) < 10 * NSEC_PER_SEC)
		return;
	WRITE_ONCE(last, now);
	arp_send(d, ARP_REQUEST, everybody, everybody, ip, ip);
}
