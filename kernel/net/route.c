/*
 * Routes: which device and which neighbour lead to an address (RFC 1122 section 3.3.1).
 *
 * Our own addresses come first (all lead to the loopback device), then the routes in order of their masks' lengths, so that the first that fits is the most
 * exact. A host has few: a list will do.
 */
#include "abi/netlink.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/ip.h"

struct list routes = LIST_INIT(routes);

/* --- what addresses are -------------------------------------------------------------------------------------------- */

/* net_config_lock held. Of all devices that are up, or of one. */
static enum ip_scope scope_of(u32 address, struct netdev *only)
{
	struct netdev *d;

	if (address == IP_BROADCAST)
		return IP_BROADCASTS;
	if (ip_is_multicast(address))
		return IP_MULTICASTS;
	list_for_each(d, &netdevs, link) {
		if ((only && d != only) || !(d->flags & IFF_UP))
			continue;
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
			const struct ip_address *a = &d->ip[i];
			if (!a->address)
				continue;
			if (a->address == address || (d->flags & IFF_LOOPBACK && (address & a->mask) == (a->address & a->mask)))
				return d->flags & IFF_LOOPBACK && be32(~a->mask) > 1 && address == (a->address | ~a->mask) ? IP_BROADCASTS : IP_LOCAL;
			/* The last of a net of more than two, whatever else was said to be; the first is a host like others, as on Linux. */
			if (be32(~a->mask) > 1 && (address & a->mask) == (a->address & a->mask) && (address == a->broadcast || address == (a->address | ~a->mask)))
				return IP_BROADCASTS;
		}
	}
	return IP_UNICAST;
}

enum ip_scope ip_scope_of(u32 address)
{
	read_lock(&net_config_lock);
	enum ip_scope scope = scope_of(address, NULL);
	read_unlock(&net_config_lock);
	return scope;
}

bool ip_is_local(u32 address)
{
	return ip_scope_of(address) == IP_LOCAL;
}

/* --- looking one up ------------------------------------------------------------------------------------------------ */

/* The device's address for talking to next_hop: one of the same net if there is such. net_config_lock held. */
static u32 source_for(const struct netdev *d, u32 next_hop)
{
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (d->ip[i].address && (d->ip[i].address & d->ip[i].mask) == (next_hop & d->ip[i].mask))
			return d->ip[i].address;
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (d->ip[i].address)
			return d->ip[i].address;
	return IP_ANY;
}

/* net_config_lock held. */
static const struct route *find(u32 destination, const struct netdev *dev)
{
	struct route *r;

	list_for_each(r, &routes, link)
		if (!r->table && (destination & r->mask) == r->destination && (!dev || r->dev == dev) && r->dev->flags & IFF_UP)
			return r;
	return NULL;
}

/* The device with this address, or with one of the same net. net_config_lock held. */
static struct netdev *device_of(u32 address, bool same_net)
{
	struct netdev *d;

	list_for_each(d, &netdevs, link)
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
			u32 mask = same_net ? d->ip[i].mask : ~0u;
			if (d->flags & IFF_UP && d->ip[i].address && (d->ip[i].address & mask) == (address & mask))
				return d;
		}
	return NULL;
}

/* *mtu: what the route allows at most. */
static int lookup(struct ip_path *out, u32 destination, u32 source, struct netdev *dev, u32 *mtu)
{
	*out = (struct ip_path){ .next_hop = destination, .source = source };
	out->scope = scope_of(destination, NULL);
	/* What is for everybody goes out where the address is that it is said to come from. */
	if (!dev && source && (out->scope == IP_MULTICASTS || destination == IP_BROADCAST))
		dev = device_of(source, false);
	if (out->scope == IP_LOCAL && (!dev || dev == loopback)) {
		out->dev = loopback;
		if (!source)
			out->source = destination;
		return loopback->flags & IFF_UP ? 0 : -ENETUNREACH;
	}
	const struct route *r = find(destination, dev);
	if (r && r->flags & RTF_REJECT)
		return r->error ? r->error : -EHOSTUNREACH;
	if (r) {
		*mtu = r->mtu ? r->mtu : *mtu;
		out->dev = r->dev;
		if (r->gateway && out->scope == IP_UNICAST)
			out->next_hop = r->gateway;
		if (!source)
			out->source = r->source ? r->source : source_for(r->dev, out->next_hop);
		return 0;
	}
	/* A net's last address needs no route, and a device that was named none to its own link. */
	if (!dev && out->scope == IP_BROADCASTS)
		dev = device_of(destination, true);
	if (!dev)
		return -ENETUNREACH;
	if (!(dev->flags & IFF_UP))
		return -ENETDOWN;
	out->dev = dev;
	if (!source)
		out->source = source_for(dev, destination);
	return 0;
}

int ip_route(struct ip_path *out, u32 destination, u32 source, struct netdev *dev)
{
	u32 mtu = IP_PACKET_MAX;

	if (destination == IP_ANY)
		destination = source ? source : IP_LOOPBACK;
	read_lock(&net_config_lock);
	int err = lookup(out, destination, source, dev, &mtu);
	read_unlock(&net_config_lock);
	if (!err)
		out->mtu = out->dev == loopback ? MIN(out->dev->mtu, mtu) : path_mtu_known(address_v4(destination), MIN(out->dev->mtu, mtu));
	return err;
}

/* --- changing them ------------------------------------------------------------------------------------------------- */

/* Does a come before b? */
static bool before(const struct route *a, const struct route *b)
{
	return be32(a->mask) != be32(b->mask) ? be32(a->mask) > be32(b->mask) : a->metric < b->metric;
}

static bool is_like(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->destination == b->destination && a->mask == b->mask && a->metric == b->metric;
}

static bool is_same(const struct route *a, const struct route *b)
{
	return a->gateway == b->gateway && a->dev == b->dev && a->source == b->source && a->type == b->type && a->scope == b->scope;
}

int route_insert(const struct route *new, u32 how)
{
	struct route *r = kmemdup(new, sizeof(*new), 0), *at, *old = NULL;
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->flags |= RTF_UP;
	write_lock(&net_config_lock);
	list_for_each(at, &routes, link) {
		if (!is_like(at, r))
			continue;
		if (!old)
			old = at;
		if (how & NLM_F_EXCL || (!(how & NLM_F_REPLACE) && is_same(at, r)))
			err = -EEXIST;
	}
	if (!old && !(how & NLM_F_CREATE))
		err = -ENOENT;
	if (!err) {
		bool first = !(how & (NLM_F_APPEND | NLM_F_REPLACE));
		list_for_each(at, &routes, link)
			if (before(r, at) || (first && is_like(at, r)) || (how & NLM_F_REPLACE && at == old))
				break;
		list_add_tail(&at->link, &r->link); /* before `at`, or at the end */
		if (old && how & NLM_F_REPLACE)
			list_del(&old->link);
		else
			old = NULL;
	}
	write_unlock(&net_config_lock);
	kfree(err ? r : old);
	return err;
}

int route_add(const struct route *new)
{
	return route_insert(new, NLM_F_CREATE | NLM_F_EXCL);
}

int route_delete(const struct route *like)
{
	struct route *r, *found = NULL;

	write_lock(&net_config_lock);
	list_for_each(r, &routes, link)
		if (!found && r->table == like->table && r->destination == like->destination && r->mask == like->mask && (!like->dev || r->dev == like->dev) &&
		    (!like->gateway || r->gateway == like->gateway) && (!like->metric || r->metric == like->metric))
			found = r;
	if (found)
		list_del(&found->link);
	write_unlock(&net_config_lock);
	kfree(found);
	return found ? 0 : -ESRCH;
}

void routes_forget(struct netdev *d, u32 source)
{
	struct list gone;
	struct route *r, *next;

	list_init(&gone);
	write_lock(&net_config_lock);
	list_for_each_safe(r, next, &routes, link)
		if (r->dev == d && (!source || r->source == source)) {
			list_del(&r->link);
			list_add(&gone, &r->link);
		}
	write_unlock(&net_config_lock);
	list_for_each_safe(r, next, &gone, link)
		kfree(r);
}
