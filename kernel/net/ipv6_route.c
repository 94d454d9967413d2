/*
 * IPv6's routes, what an address is to us, and which of ours talks to whom (RFC 6724). As IPv4's (route.c): our own addresses come first, then a list in
 * order of the prefixes' lengths.
 */
#include "core/err.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

struct list routes6 = LIST_INIT(routes6);

struct address prefix_of_address(struct address a, u32 bits)
{
	for (u32 i = 0; i < 16; i++) {
		u32 keep = bits > i * 8 ? MIN(bits - i * 8, 8u) : 0;
		a.bytes[i] &= (u8)(0xff00 >> keep);
	}
	return a;
}

bool prefix_equal(struct address a, struct address b, u32 bits)
{
	return address_equal(prefix_of_address(a, bits), prefix_of_address(b, bits));
}

/* --- what addresses are -------------------------------------------------------------------------------------------- */

/* net_config_lock held. */
static bool has(const struct netdev *d, struct address a)
{
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (address_equal(d->ip6[i].address, a) && !(d->ip6[i].flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
			return true;
	return false;
}

/* The same; a link-local address is one of its own link only. */
static enum ip_scope scope_of(struct address a, const struct netdev *dev)
{
	struct netdev *d;

	if (address_is_multicast(a))
		return IP_MULTICASTS;
	if (address_is_any(a))
		return IP_UNICAST;
	list_for_each(d, &netdevs, link)
		if (d->flags & IFF_UP && (!dev || !address_is_link_local(a) || d == dev) && has(d, a))
			return IP_LOCAL;
	return IP_UNICAST;
}

enum ip_scope ip6_scope_of(struct address a, const struct netdev *dev)
{
	/* What the loopback device brings, we sent to ourselves: of which link an address was, is not said any more. */
	read_lock(&net_config_lock);
	enum ip_scope scope = scope_of(a, dev == loopback ? NULL : dev);
	read_unlock(&net_config_lock);
	return scope;
}

/* --- source addresses ---------------------------------------------------------------------------------------------- */

/* RFC 6724 section 3.1, as multicast's scopes are numbered. */
static u32 scope_number(struct address a)
{
	if (a.bytes[0] == 0xff)
		return a.bytes[1] & 15;
	if (address_is_link_local(a) || address_is_loopback_v6(a))
		return 2;
	return a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0xc0 ? 5 : 14;
}

static u32 common_bits(struct address a, struct address b)
{
	for (u32 i = 0; i < 128; i++)
		if ((a.bytes[i / 8] ^ b.bytes[i / 8]) & 0x80 >> i % 8)
			return i;
	return 128;
}

/* Section 5: is a better than b for talking to `to`? Rules 1, 2, 3 and 8; all candidates are the device's own (rule 5). */
static bool better(const struct ip6_address *a, const struct ip6_address *b, struct address to)
{
	u32 sa = scope_number(a->address), sb = scope_number(b->address), st = scope_number(to);

	if (address_equal(a->address, to) != address_equal(b->address, to))
		return address_equal(a->address, to);
	if (sa != sb)
		return sa < sb ? sa >= st : sb < st;
	if ((a->flags ^ b->flags) & IFA_F_DEPRECATED)
		return !(a->flags & IFA_F_DEPRECATED);
	return common_bits(a->address, to) > common_bits(b->address, to);
}

/* net_config_lock held. */
static struct address source_for(const struct netdev *d, struct address to)
{
	const struct ip6_address *best = NULL;

	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
		const struct ip6_address *a = &d->ip6[i];
		if (address_is_any(a->address) || a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
			continue;
		if (!best || better(a, best, to))
			best = a;
	}
	return best ? best->address : ADDRESS_ANY;
}

struct address ip6_source_for(const struct netdev *d, struct address to)
{
	read_lock(&net_config_lock);
	struct address a = source_for(d, to);
	read_unlock(&net_config_lock);
	return a;
}

/* --- looking one up ------------------------------------------------------------------------------------------------ */

/* net_config_lock held. */
static const struct route6 *find(struct address to, const struct netdev *dev)
{
	struct route6 *r;

	list_for_each(r, &routes6, link)
		if ((!dev || r->dev == dev) && r->dev->flags & IFF_UP && prefix_equal(to, r->destination, r->prefix_len))
			return r;
	return NULL;
}

/* A group's packets go by the device that leads out, if none was named. net_config_lock held. */
static struct netdev *device_for_group(void)
{
	const struct route6 *r = find(ADDRESS_ANY, NULL);
	struct netdev *d, *any = NULL;

	if (r)
		return r->dev;
	list_for_each(d, &netdevs, link)
		if (d->flags & IFF_UP && d->flags & IFF_MULTICAST && !any)
			any = d;
	return any;
}

static int lookup(struct inet_path *out, struct address to, struct address source, struct netdev *dev)
{
	*out = (struct inet_path){ .family = &ipv6_family, .next_hop = to, .source = source, .scope = scope_of(to, dev == loopback ? NULL : dev) };
	if (out->scope == IP_LOCAL) {
		out->dev = loopback;
		if (address_is_any(source))
			out->source = to;
		return loopback->flags & IFF_UP ? 0 : -ENETUNREACH;
	}
	if (out->scope == IP_MULTICASTS) {
		out->dev = dev ? dev : device_for_group();
		if (out->dev && !(out->dev->flags & IFF_MULTICAST))
			return -ENETUNREACH;
	} else {
		const struct route6 *r = find(to, dev);
		if (r && r->flags & RTF_REJECT)
			return -EHOSTUNREACH;
		if (r && !address_is_any(r->gateway))
			out->next_hop = r->gateway;
		out->dev = r ? r->dev : NULL;
	}
	if (!out->dev)
		return -ENETUNREACH;
	if (!(out->dev->flags & IFF_UP))
		return -ENETDOWN;
	if (!address_is_any(source))
		return 0;
	out->source = source_for(out->dev, to);
	return address_is_any(out->source) ? -EADDRNOTAVAIL : 0;
}

int ip6_route(struct inet_path *out, struct address to, struct address source, struct netdev *dev)
{
	if (address_is_v4(source)) {
		if (!address_is_any(source))
			return -EAFNOSUPPORT;
		source = ADDRESS_ANY;
	}
	if (address_is_any(to))
		to = address_is_any(source) ? (struct address){ .bytes = { [15] = 1 } } : source;
	read_lock(&net_config_lock);
	int err = lookup(out, to, source, dev);
	read_unlock(&net_config_lock);
	if (!err)
		out->mtu = out->dev == loopback ? out->dev->mtu : path_mtu_known(to, out->dev->mtu);
	else if (err == -ENETUNREACH)
		SNMP(ip6_OutNoRoutes);
	return err;
}

/* --- changing them ------------------------------------------------------------------------------------------------- */

static bool same_way(const struct route6 *a, const struct route6 *b)
{
	return a->prefix_len == b->prefix_len && address_equal(a->destination, b->destination) && a->dev == b->dev && address_equal(a->gateway, b->gateway);
}

/* Does a come before b? */
static bool before(const struct route6 *a, const struct route6 *b)
{
	return a->prefix_len != b->prefix_len ? a->prefix_len > b->prefix_len : a->metric < b->metric;
}

static int add(const struct route6 *new, bool replace)
{
	struct route6 *r = kmemdup(new, sizeof(*new), ALLOC_ATOMIC), *at, *old = NULL; /* routers speak inside net_begin */

	if (!r)
		return -ENOMEM;
	r->flags |= RTF_UP;
	write_lock(&net_config_lock);
	list_for_each(at, &routes6, link)
		if (same_way(at, r) && at->metric == r->metric)
			old = at;
	if (old && !replace) {
		write_unlock(&net_config_lock);
		kfree(r);
		return -EEXIST;
	}
	if (old)
		list_del(&old->link);
	list_for_each(at, &routes6, link)
		if (before(r, at))
			break;
	list_add_tail(&at->link, &r->link); /* before `at`, or at the end */
	write_unlock(&net_config_lock);
	kfree(old);
	return 0;
}

int route6_add(const struct route6 *r)
{
	return add(r, false);
}

int route6_replace(const struct route6 *r)
{
	return add(r, true);
}

int route6_delete(const struct route6 *like)
{
	struct route6 *r, *found = NULL;

	write_lock(&net_config_lock);
	list_for_each(r, &routes6, link)
		if (!found && r->prefix_len == like->prefix_len && address_equal(r->destination, like->destination) && (!like->dev || r->dev == like->dev) &&
		    (address_is_any(like->gateway) || address_equal(r->gateway, like->gateway)) && (!like->metric || r->metric == like->metric))
			found = r;
	if (found)
		list_del(&found->link);
	write_unlock(&net_config_lock);
	kfree(found);
	return found ? 0 : -ESRCH;
}

/* Those of a device, or (d NULL) those whose time is up. */
static void forget(const struct netdev *d, u64 now)
{
	struct list gone;
	struct route6 *r, *next;

	list_init(&gone);
	write_lock(&net_config_lock);
	list_for_each_safe(r, next, &routes6, link)
		if (d ? r->dev == d : r->until <= now) {
			list_del(&r->link);
			list_add(&gone, &r->link);
		}
	write_unlock(&net_config_lock);
	list_for_each_safe(r, next, &gone, link)
		kfree(r);
}

void routes6_forget(struct netdev *d)
{
	forget(d, 0);
}

void routes6_expire(u64 now)
{
	forget(NULL, now);
}
