/* Addresses of devices, and the routes that follow from them: the net on the link. */
#include "inet_priv.h"
#include "net/ip.h"

static void link_route(struct netdev *d, const struct ip_address *a)
{
	struct route r = { .destination = a->address & a->mask, .mask = a->mask, .source = a->address, .dev = d, .protocol = 2, .scope = 253 };

	if (a->address && a->mask != 0xffffffff && d != loopback && netdev_up(d))
		route_add(&r);
}

/* net_config_lock held. */
static bool has_address(const struct netdev *d)
{
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (d->ip[i].address)
			return true;
	return false;
}

int netdev_set_address(struct netdev *d, unsigned slot, const struct ip_address *a)
{
	write_lock(&net_config_lock);
	struct ip_address old = d->ip[slot];
	d->ip[slot] = *a;
	bool last = !has_address(d);
	write_unlock(&net_config_lock);
	/* With a device's last address all its routes go, as on Linux: those through a gateway, too. */
	if (old.address)
		routes_forget(d, last ? 0 : old.address);
	link_route(d, a);
	return 0;
}

void addresses_up(struct netdev *d)
{
	/* 127.0.0.1 comes with the loopback device, as on Linux. */
	if (d == loopback && !d->ip[0].address) {
		struct ip_address own = { .address = IP_LOOPBACK, .mask = 0x000000ff };
		netdev_set_address(d, 0, &own);
	}
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		link_route(d, &d->ip[i]);
}
