/* rtnetlink(7): links, addresses, routes and neighbours for `ip`, getifaddrs and their like. */
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "netlink_priv.h"
#include "proc/cred.h"

/* --- reading requests -------------------------------------------------------------------------------------------------- */

/* The attributes behind a body of so many bytes (1: a dump's, the family alone): 0, or -EINVAL. */
static int parse(struct request *r, const struct abi_nlmsghdr *h, u32 body)
{
	const u8 *p = (const u8 *)(h + 1);
	u32 len = h->len - (u32)sizeof(*h);

	*r = (struct request){ .h = h, .body = p };
	if (len < body)
		return -EINVAL;
	/* A dump may come with a body of any kind that begins with the family, and is not narrowed. */
	if (body == 1)
		return 0;
	return netlink_attributes(h, body, r->attributes, ATTRIBUTES);
}

u32 request_word(const struct request *r, u16 type, u32 def)
{
	const struct abi_rtattr *a = r->attributes[type];

	if (!a || a->len < sizeof(*a) + sizeof(u32))
		return def;
	memcpy(&def, a + 1, sizeof(def));
	return def;
}

bool request_address(const struct request *r, u16 type, u8 family, struct address *out)
{
	const struct abi_rtattr *a = r->attributes[type];
	u32 size = family == AF_INET6 ? 16 : 4;

	*out = family == AF_INET6 ? ADDRESS_ANY : ADDRESS_ANY_V4;
	if (!a || a->len < sizeof(*a) + size)
		return false;
	memcpy(out->bytes + 16 - size, a + 1, size);
	return true;
}

static u32 mask_of(u32 prefix)
{
	return prefix ? be32(~0u << (32 - prefix)) : 0;
}

static u8 prefix_of(u32 mask)
{
	return (u8)__builtin_popcount(mask);
}

struct netdev *device_after(int index)
{
	struct netdev *d, *found = NULL;

	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		if (d->index > index && (!found || d->index < found->index))
			found = d;
	read_unlock(&net_config_lock);
	return found;
}

/* --- links ------------------------------------------------------------------------------------------------------------- */

static void put_link(struct netlink_sock *n, const struct netdev *d, u32 seq, u16 flags)
{
	struct abi_ifinfomsg *i = netlink_begin(n, RTM_NEWLINK, flags, seq, sizeof(*i));
	const struct netdev_stats *st = &d->stats;
	u64 stats[24] = { st->rx_packets, st->tx_packets, st->rx_bytes, st->tx_bytes, st->rx_errors, st->tx_errors, st->rx_dropped, st->tx_dropped, st->multicast };
	u32 short_stats[24];
	u8 operstate = d == loopback ? 0 : d->flags & IFF_RUNNING ? 6 : 2, mode = 0;
	const char *qdisc = d == loopback ? "noqueue" : "pfifo_fast";

	if (!i)
		return;
	*i = (struct abi_ifinfomsg){ .type = d->type, .index = d->index, .flags = d->flags | (d->flags & IFF_RUNNING ? 0x10000 : 0) };
	netlink_attribute(n, IFLA_IFNAME, d->name, (u32)strlen(d->name) + 1);
	netlink_attribute_u32(n, IFLA_TXQLEN, d->queue_len);
	netlink_attribute(n, IFLA_OPERSTATE, &operstate, 1);
	netlink_attribute(n, IFLA_LINKMODE, &mode, 1);
	netlink_attribute_u32(n, IFLA_MTU, d->mtu);
	netlink_attribute_u32(n, IFLA_GROUP, 0);
	netlink_attribute(n, IFLA_QDISC, qdisc, (u32)strlen(qdisc) + 1);
	netlink_attribute(n, IFLA_ADDRESS, d->address, ETHER_ADDRESS);
	netlink_attribute(n, IFLA_BROADCAST, d->broadcast, ETHER_ADDRESS);
	netlink_attribute(n, IFLA_STATS64, stats, sizeof(stats));
	for (unsigned k = 0; k < ARRAY_SIZE(stats); k++)
		short_stats[k] = (u32)stats[k];
	netlink_attribute(n, IFLA_STATS, short_stats, sizeof(short_stats));
}

/* The device that a request names by index or by name. */
static struct netdev *link_of(const struct request *r, int index)
{
	const struct abi_rtattr *a = r->attributes[IFLA_IFNAME];
	char name[IFNAMSIZ] = "";

	if (index > 0)
		return netdev_by_index(index);
	if (!a)
		return NULL;
	memcpy(name, a + 1, MIN((size_t)a->len - sizeof(*a), sizeof(name) - 1));
	return netdev_by_name(name);
}

static int links(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	bool dump = h->type == RTM_GETLINK && (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err = parse(&r, h, dump ? 1 : sizeof(struct abi_ifinfomsg));

	if (err)
		return err;
	if (dump) {
		for (struct netdev *d = device_after(0); d; d = device_after(d->index))
			put_link(n, d, h->seq, NLM_F_MULTI);
		netlink_done(n, h->seq, 0);
		return 0;
	}
	const struct abi_ifinfomsg *i = r.body;
	struct netdev *d = link_of(&r, i->index);
	if (!d)
		return -ENODEV;
	if (h->type == RTM_GETLINK) {
		put_link(n, d, h->seq, 0);
		netlink_flush(n);
		return 0;
	}
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (r.attributes[IFLA_MTU]) {
		u32 mtu = request_word(&r, IFLA_MTU, 0);
		if (mtu < 68 || mtu > (d == loopback ? 65536u : 1500u))
			return -EINVAL;
		WRITE_ONCE(d->mtu, mtu);
	}
	WRITE_ONCE(d->queue_len, request_word(&r, IFLA_TXQLEN, d->queue_len));
	return i->change ? netdev_set_flags(d, (d->flags & ~i->change) | (i->flags & i->change)) : 0;
}

/* --- addresses --------------------------------------------------------------------------------------------------------- */

static void put_address(struct netlink_sock *n, const struct netdev *d, unsigned slot, u32 seq)
{
	const struct ip_address a = d->ip[slot];
	struct abi_ifaddrmsg *m = netlink_begin(n, RTM_NEWADDR, NLM_F_MULTI, seq, sizeof(*m));

	if (!m)
		return;
	*m = (struct abi_ifaddrmsg){ .family = AF_INET, .prefix_len = prefix_of(a.mask), .flags = IFA_F_PERMANENT, .scope = ip_is_loopback(a.address) ? RT_SCOPE_HOST : 0,
				     .index = (u32)d->index };
	netlink_attribute_u32(n, IFA_ADDRESS, a.address);
	netlink_attribute_u32(n, IFA_LOCAL, a.address);
	if (a.broadcast)
		netlink_attribute_u32(n, IFA_BROADCAST, a.broadcast);
	netlink_attribute(n, IFA_LABEL, d->name, (u32)strlen(d->name) + 1);
	netlink_attribute_u32(n, IFA_FLAGS, IFA_F_PERMANENT);
	u32 forever[4] = { ~0u, ~0u, 0, 0 };
	netlink_attribute(n, IFA_CACHEINFO, forever, sizeof(forever));
}

static int change_address(const struct request *r)
{
	const struct abi_ifaddrmsg *m = r->body;
	struct netdev *d = netdev_by_index((int)m->index);
	struct ip_address a = { 0 };
	unsigned slot = NETDEV_ADDRESSES;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (m->family == AF_INET6)
		return rtnetlink_change_address6(r);
	if (m->family != AF_INET)
		return -EOPNOTSUPP;
	if (!d)
		return -ENODEV;
	if (m->prefix_len > 32)
		return -EINVAL;
	a.address = request_word(r, IFA_LOCAL, request_word(r, IFA_ADDRESS, 0));
	a.mask = mask_of(m->prefix_len);
	a.broadcast = request_word(r, IFA_BROADCAST, 0);
	if (!a.address)
		return -EINVAL;
	for (unsigned i = NETDEV_ADDRESSES; i-- > 0;)
		if (d->ip[i].address == a.address && (r->h->type == RTM_DELADDR || d->ip[i].mask == a.mask))
			slot = i;
	if (r->h->type == RTM_DELADDR) {
		struct ip_address none = { 0 };
		return slot == NETDEV_ADDRESSES ? -EADDRNOTAVAIL : netdev_set_address(d, slot, &none);
	}
	if (slot != NETDEV_ADDRESSES)
		return r->h->flags & NLM_F_REPLACE ? netdev_set_address(d, slot, &a) : -EEXIST;
	for (slot = 0; slot < NETDEV_ADDRESSES && d->ip[slot].address; slot++)
		;
	return slot == NETDEV_ADDRESSES ? -ENOBUFS : netdev_set_address(d, slot, &a);
}

static int addresses(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	int err = parse(&r, h, h->type == RTM_GETADDR ? 1 : sizeof(struct abi_ifaddrmsg));

	if (err)
		return err;
	if (h->type != RTM_GETADDR)
		return change_address(&r);
	u8 family = *(const u8 *)r.body;
	for (struct netdev *d = device_after(0); d && (family == AF_UNSPEC || family == AF_INET); d = device_after(d->index))
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
			if (d->ip[i].address)
				put_address(n, d, i, h->seq);
	if (family == AF_UNSPEC || family == AF_INET6)
		rtnetlink_dump_addresses6(n, h->seq);
	netlink_done(n, h->seq, 0);
	return 0;
}

/* --- routes ------------------------------------------------------------------------------------------------------------ */

static void put_route(struct netlink_sock *n, const struct route *r, u32 seq)
{
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, NLM_F_MULTI, seq, sizeof(*m));

	if (!m)
		return;
	*m = (struct abi_rtmsg){ .family = AF_INET, .dst_len = prefix_of(r->mask), .table = RT_TABLE_MAIN, .protocol = r->protocol,
				 .scope = r->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK, .type = r->flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST };
	netlink_attribute_u32(n, RTA_TABLE, RT_TABLE_MAIN);
	if (r->mask)
		netlink_attribute_u32(n, RTA_DST, r->destination);
	if (r->metric)
		netlink_attribute_u32(n, RTA_PRIORITY, r->metric);
	if (r->source)
		netlink_attribute_u32(n, RTA_PREFSRC, r->source);
	if (r->gateway)
		netlink_attribute_u32(n, RTA_GATEWAY, r->gateway);
	netlink_attribute_u32(n, RTA_OIF, (u32)r->dev->index);
}

static int dump_routes(struct netlink_sock *n, u32 seq)
{
	struct route *copy, *r;
	u32 room = 1, count = 0;

	read_lock(&net_config_lock);
	list_for_each(r, &routes, link)
		room++;
	read_unlock(&net_config_lock);
	copy = kmalloc(room * sizeof(*copy), 0);
	if (!copy)
		return -ENOMEM;
	read_lock(&net_config_lock);
	list_for_each(r, &routes, link)
		if (count < room) /* there may be more by now */
			copy[count++] = *r;
	read_unlock(&net_config_lock);
	for (u32 i = 0; i < count; i++)
		put_route(n, &copy[i], seq);
	kfree(copy);
	return 0;
}

/* RTM_GETROUTE for one destination: by which way. */
static int get_route(struct netlink_sock *n, const struct request *r)
{
	u32 to = request_word(r, RTA_DST, 0);
	struct ip_path path;
	int err = ip_route(&path, to, request_word(r, RTA_SRC, 0), r->attributes[RTA_OIF] ? netdev_by_index((int)request_word(r, RTA_OIF, 0)) : NULL);

	if (err)
		return err;
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, 0, r->h->seq, sizeof(*m));
	if (!m)
		return -ENOBUFS;
	*m = (struct abi_rtmsg){ .family = AF_INET, .dst_len = 32, .table = RT_TABLE_MAIN, .type = path.scope == IP_LOCAL ? RTN_LOCAL : path.scope == IP_UNICAST ? RTN_UNICAST : RTN_BROADCAST,
				 .flags = 0x200 };
	netlink_attribute_u32(n, RTA_DST, to);
	netlink_attribute_u32(n, RTA_OIF, (u32)path.dev->index);
	netlink_attribute_u32(n, RTA_PREFSRC, path.source);
	if (path.next_hop != to && path.scope == IP_UNICAST)
		netlink_attribute_u32(n, RTA_GATEWAY, path.next_hop);
	netlink_flush(n);
	return 0;
}

static int change_route(const struct request *r)
{
	const struct abi_rtmsg *m = r->body;
	struct route new = { .protocol = m->protocol, .scope = m->scope };
	struct ip_path path;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (m->family != AF_INET)
		return -EAFNOSUPPORT;
	if (m->dst_len > 32)
		return -EINVAL;
	new.mask = mask_of(m->dst_len);
	new.destination = request_word(r, RTA_DST, 0);
	new.gateway = request_word(r, RTA_GATEWAY, 0);
	new.metric = request_word(r, RTA_PRIORITY, 0);
	new.source = request_word(r, RTA_PREFSRC, 0);
	if (new.destination & ~new.mask)
		return -EINVAL;
	if (r->attributes[RTA_OIF]) {
		new.dev = netdev_by_index((int)request_word(r, RTA_OIF, 0));
		if (!new.dev)
			return -ENODEV;
	}
	if (r->h->type == RTM_DELROUTE)
		return route_delete(&new);
	if (new.source && !ip_is_local(new.source))
		return -EINVAL;
	if (new.gateway) {
		if (ip_route(&path, new.gateway, IP_ANY, new.dev) || path.next_hop != new.gateway || path.scope != IP_UNICAST)
			return -ENETUNREACH;
		new.dev = path.dev;
		new.flags |= RTF_GATEWAY;
	}
	if (m->type == RTN_UNREACHABLE) {
		new.flags |= RTF_REJECT;
		new.dev = loopback;
	}
	if (!new.dev)
		return -ENODEV;
	if (!netdev_up(new.dev))
		return -ENETDOWN;
	if (new.mask == 0xffffffff)
		new.flags |= RTF_HOST;
	if (r->h->flags & NLM_F_REPLACE) {
		struct route like = { .destination = new.destination, .mask = new.mask, .metric = new.metric };
		route_delete(&like);
	}
	return route_add(&new);
}

static int route_request(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	bool dump = h->type == RTM_GETROUTE && (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err = parse(&r, h, dump ? 1 : sizeof(struct abi_rtmsg));

	if (err)
		return err;
	if (!dump && ((const struct abi_rtmsg *)r.body)->family == AF_INET6)
		return h->type == RTM_GETROUTE ? rtnetlink_get_route6(n, &r) : rtnetlink_change_route6(&r);
	if (!dump)
		return h->type == RTM_GETROUTE ? get_route(n, &r) : change_route(&r);
	u8 family = *(const u8 *)r.body;
	if (family == AF_UNSPEC || family == AF_INET)
		err = dump_routes(n, h->seq);
	if (!err && (family == AF_UNSPEC || family == AF_INET6))
		err = rtnetlink_dump_routes6(n, h->seq);
	if (!err)
		netlink_done(n, h->seq, 0);
	return err;
}

/* --- neighbours -------------------------------------------------------------------------------------------------------- */

struct neighbour_copy {
	u32 count;
	struct {
		int index;
		struct address ip;
		u8 address[ETHER_ADDRESS];
		bool resolved;
	} one[128];
};

static void copy_neighbour(struct netdev *d, struct address ip, const u8 *address, bool resolved, void *arg)
{
	struct neighbour_copy *c = arg;

	if (c->count == ARRAY_SIZE(c->one))
		return;
	c->one[c->count].index = d->index;
	c->one[c->count].ip = ip;
	c->one[c->count].resolved = resolved;
	memcpy(c->one[c->count++].address, address, ETHER_ADDRESS);
}

static int neighbour_request(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	int err = parse(&r, h, h->type == RTM_GETNEIGH ? 1 : sizeof(struct abi_ndmsg));

	if (err)
		return err;
	if (h->type != RTM_GETNEIGH) {
		const struct abi_ndmsg *m = r.body;
		const struct abi_rtattr *a = r.attributes[NDA_LLADDR];
		struct netdev *d = netdev_by_index(m->index);
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		if (!d || d->type != NETDEV_TYPE_ETHERNET)
			return -ENODEV;
		struct address to;
		if ((m->family != AF_INET && m->family != AF_INET6) || !request_address(&r, NDA_DST, m->family, &to))
			return -EINVAL;
		if (h->type == RTM_DELNEIGH)
			return neighbour_delete(d, to) ? -ENOENT : 0;
		return a && a->len == sizeof(*a) + ETHER_ADDRESS ? neighbour_set(d, to, (const u8 *)(a + 1)) : -EINVAL;
	}
	struct neighbour_copy *c = kzalloc(sizeof(*c), 0);
	if (!c)
		return -ENOMEM;
	neighbours_each(copy_neighbour, c);
	u8 family = *(const u8 *)r.body;
	for (u32 i = 0; i < c->count; i++) {
		bool v4 = address_is_v4(c->one[i].ip);
		if (family != AF_UNSPEC && (family == AF_INET) != v4)
			continue;
		struct abi_ndmsg *m = netlink_begin(n, RTM_NEWNEIGH, NLM_F_MULTI, h->seq, sizeof(*m));
		if (!m)
			break;
		*m = (struct abi_ndmsg){ .family = v4 ? AF_INET : AF_INET6, .index = c->one[i].index, .state = c->one[i].resolved ? NUD_REACHABLE : NUD_INCOMPLETE, .type = RTN_UNICAST };
		netlink_attribute(n, NDA_DST, c->one[i].ip.bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
		if (c->one[i].resolved)
			netlink_attribute(n, NDA_LLADDR, c->one[i].address, ETHER_ADDRESS);
	}
	kfree(c);
	netlink_done(n, h->seq, 0);
	return 0;
}

static int answer(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	switch (h->type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_GETLINK:
		return links(n, h);
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_GETADDR:
		return addresses(n, h);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_GETROUTE:
		return route_request(n, h);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
	case RTM_GETNEIGH:
		return neighbour_request(n, h);
	}
	return -EOPNOTSUPP;
}

int rtnetlink_request(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	int err = answer(n, h);

	/* A dump's end says that all went well. */
	return !err && (h->flags & NLM_F_DUMP) == NLM_F_DUMP && h->type % 4 == 2 ? NETLINK_ANSWERED : err;
}
