/* Ethernet frames from the wire: whom they are for, and what is in them. */
#include "core/atomic.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "net/netdev.h"

static u8 kind_of(const struct netdev *d, const u8 *to)
{
	if (!memcmp(to, d->address, ETHER_ADDRESS))
		return PACKET_HOST;
	if (!memcmp(to, d->broadcast, ETHER_ADDRESS))
		return PACKET_BROADCAST;
	return to[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

void ethernet_receive(struct packet *p)
{
	const struct ether_header *h = (const void *)p->data;

	if (p->len < sizeof(*h)) {
		__atomic_fetch_add(&p->dev->stats.rx_errors, 1, __ATOMIC_RELAXED);
		packet_free(p);
		return;
	}
	p->mac = p->data;
	p->ether_type = be16(h->type);
	p->kind = kind_of(p->dev, h->destination);
	if (p->kind == PACKET_MULTICAST)
		__atomic_fetch_add(&p->dev->stats.multicast, 1, __ATOMIC_RELAXED);
	packet_pull(p, sizeof(*h));
	netdev_receive(p);
}
