/*
 * ARP (RFC 826): which Ethernet address has the neighbour with this IP address?
 *
 *     IP ── packet ──► neighbour_transmit ── known ──────────────────────────────► frame to the device
 *                            │ not known: it waits in the neighbour's queue ───────────────▲
 *                            └ the first of them: one question to everybody     the answer │ sends the queue on its way
 *                                                                              arp_receive ┘
 *
 * Asking again, giving up and forgetting is done by the table's timer (neighbour.c), which looks at `asked`, `tries`, `confirmed` and `used`. IPv6 finds its
 * neighbours in another way, but sends to them by the same neighbour_transmit.
 */
#include "arp_priv.h"

#include "core/todo.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "time/time.h"

int neighbour_transmit(struct netdev *d, struct address next_hop, struct packet *p)
{
#ifdef SOLUTION
	u16 type = p->ether_type;
	u8 to[ETHER_ADDRESS];
	bool first = false;

	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, next_hop);
	if (!n)
		n = neighbour_make(d, next_hop);
	if (!n) {
		spin_unlock(&neighbour_lock);
		packet_free(p);
		return -ENOBUFS;
	}
	u64 now = time_ns();
	n->used = now;
	bool known = n->resolved;
	if (known) {
		memcpy(to, n->address, ETHER_ADDRESS);
	} else {
		neighbour_enqueue(n, p);
		first = !n->asked;
		if (first) {
			n->asked = now;
			n->tries = 1;
		}
	}
	spin_unlock(&neighbour_lock);
	if (first)
		neighbour_ask(d, next_hop);
	if (!known)
		return 0;
	neighbours_watch();
	return ethernet_header(&p, d, to, type) ? netdev_transmit(d, p) : -ENOBUFS;
#else
	TODO("11-net");
#endif
}

#ifdef SOLUTION
/* RFC 826 "packet reception": an address that is in the table is brought up to date by whatever comes; one that is not, when the packet is for us. */
static void learn(struct netdev *d, const struct arp_header *a, bool for_us)
{
	struct list waiting;

	list_init(&waiting);
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, address_v4(a->sender_ip));
	if (!n && for_us)
		n = neighbour_make(d, address_v4(a->sender_ip));
	if (n) {
		memcpy(n->address, a->sender, ETHER_ADDRESS);
		n->resolved = true;
		n->confirmed = time_ns();
		neighbour_answered(n, &waiting);
	}
	spin_unlock(&neighbour_lock);
	neighbour_send(d, &waiting, a->sender);
}
#endif

void arp_receive(struct packet *p)
{
#ifdef SOLUTION
	struct netdev *d = p->dev;
	const struct arp_header *a = (const void *)p->data;

	if (p->len < sizeof(*a) || d->flags & (IFF_LOOPBACK | IFF_NOARP) || p->kind == PACKET_OTHERHOST)
		goto out;
	if (be16(a->hardware) != 1 || be16(a->protocol) != ETHER_IP || a->hardware_len != ETHER_ADDRESS || a->protocol_len != 4)
		goto out;
	if (a->sender[0] & 1 || ip_is_loopback(a->sender_ip) || ip_scope_of(a->sender_ip) > IP_LOCAL)
		goto out;
	bool for_us = address_of_device(d, a->target_ip);
	if (a->sender_ip && address_of_device(d, a->sender_ip)) {
		if (memcmp(a->sender, d->address, ETHER_ADDRESS))
			arp_defend(d, a->sender_ip);
		goto out;
	}
	/* A probe (RFC 5227) has no sender yet: it is answered, and nothing is learned from it. */
	if (a->sender_ip)
		learn(d, a, for_us);
	if (for_us && be16(a->operation) == ARP_REQUEST)
		arp_send(d, ARP_REPLY, a->sender, a->sender, a->target_ip, a->sender_ip);
out:
	packet_free(p);
#else
	TODO("11-net");
#endif
}
