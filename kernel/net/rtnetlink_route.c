/*
 * rtnetlink(7) about IPv4's routes: those that were made, what our own addresses come to (Linux's table "local"), the way to one destination; and the rules by
 * which tables are looked at, which are always the same three.
 */
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "netlink_priv.h"
#include "proc/cred.h"

/* --- telling ----------------------------------------------------------------------------------------------------------- */

static void put_route(struct netlink_sock *n, const struct route *r, u32 seq)
{
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, NLM_F_MULTI, seq, sizeof(*m));
	bool leads = !(r->flags & RTF_REJECT);
	u32 table = r->table ? r->table : RT_TABLE_MAIN;
	u8 type = r->type ? r->type : leads ? RTN_UNICAST : RTN_UNREACHABLE;
	u8 scope = type == RTN_LOCAL ? RT_SCOPE_HOST : !leads || r->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;

	if (!m)
		return;
	*m = (struct abi_rtmsg){ .family = AF_INET, .dst_len = rtnetlink_prefix(r->mask), .table = (u8)(table < 256 ? table : RT_TABLE_COMPAT), .protocol = r->protocol,
				 .scope = scope, .type = type, .flags = r->nexthop_flags };
	netlink_attribute_u32(n, RTA_TABLE, table);
	if (r->mask)
		netlink_attribute_u32(n, RTA_DST, r->destination);
	if (r->metric)
		netlink_attribute_u32(n, RTA_PRIORITY, r->metric);
	if (r->mtu) {
		struct {
			struct abi_rtattr header;
			u32 mtu;
		} metrics = { { sizeof(metrics), RTAX_MTU }, r->mtu };
		netlink_attribute(n, RTA_METRICS, &metrics, sizeof(metrics));
	}
	if (r->source)
		netlink_attribute_u32(n, RTA_PREFSRC, r->source);
	if (r->gateway)
		netlink_attribute_u32(n, RTA_GATEWAY, r->gateway);
	if (leads)
		netlink_attribute_u32(n, RTA_OIF, (u32)r->dev->index);
}

/* As Linux's trie has them: by destination, then the narrowest first. */
static bool comes_after(const struct route *a, const struct route *b)
{
	return a->destination != b->destination ? be32(a->destination) > be32(b->destination) : be32(a->mask) < be32(b->mask);
}

/* Routes in that order; there may be more by now than room was made for. */
struct copies {
	struct route *all;
	u32 room, count;
};

static void add_copy(struct copies *c, const struct route *r)
{
	u32 at = c->count;

	if (c->count == c->room)
		return;
	for (c->count++; at && comes_after(&c->all[at - 1], r); at--)
		c->all[at] = c->all[at - 1];
	c->all[at] = *r;
}

/* Our addresses, nets of the loopback device, and the last address of each net. */
static void add_own(struct copies *c)
{
	for (struct netdev *d = device_after(0); d; d = device_after(d->index))
		for (unsigned i = 0; i < NETDEV_ADDRESSES && netdev_up(d); i++) {
			const struct ip_address a = d->ip[i];
			unsigned first = rtnetlink_first_address(d, i);
			struct route r = { .table = RT_TABLE_LOCAL, .source = d->ip[first].address, .dev = d, .protocol = RTPROT_KERNEL, .type = RTN_LOCAL };
			if (!a.address)
				continue;
			r.destination = a.address;
			r.mask = ~0u;
			add_copy(c, &r);
			if (first != i)
				continue;
			if (d == loopback && a.mask != ~0u) {
				r.destination = a.address & a.mask;
				r.mask = a.mask;
				add_copy(c, &r);
				r.mask = ~0u;
			}
			if (rtnetlink_prefix(a.mask) >= 31)
				continue;
			r.type = RTN_BROADCAST;
			r.destination = a.address | ~a.mask;
			add_copy(c, &r);
		}
}

static int dump_routes(struct netlink_sock *n, u32 seq)
{
	struct copies made = { .room = 1 }, own = { .room = 1 };
	struct route *r;
	struct netdev *d;

	read_lock(&net_config_lock);
	list_for_each(r, &routes, link)
		made.room++;
	list_for_each(d, &netdevs, link)
		own.room += 3 * NETDEV_ADDRESSES;
	read_unlock(&net_config_lock);
	made.all = kmalloc(made.room * sizeof(*r), 0);
	own.all = kmalloc(own.room * sizeof(*r), 0);
	int err = made.all && own.all ? 0 : -ENOMEM;
	if (!err) {
		read_lock(&net_config_lock);
		list_for_each(r, &routes, link)
			add_copy(&made, r);
		read_unlock(&net_config_lock);
		add_own(&own);
	}
	for (u32 i = 0; i < made.count; i++)
		put_route(n, &made.all[i], seq);
	for (u32 i = 0; i < own.count; i++)
		put_route(n, &own.all[i], seq);
	kfree(made.all);
	kfree(own.all);
	return err;
}

/* RTM_GETROUTE for one destination: by which way. */
static int get_route(struct netlink_sock *n, const struct request *r)
{
	static const struct {
		u8 type;
		u32 flags;
	} kinds[] = { [IP_UNICAST] = { RTN_UNICAST, 0 }, [IP_LOCAL] = { RTN_LOCAL, RTCF_LOCAL }, [IP_BROADCASTS] = { RTN_BROADCAST, RTCF_LOCAL | RTCF_BROADCAST },
		      [IP_MULTICASTS] = { RTN_MULTICAST, RTCF_MULTICAST } };
	u32 to = request_word(r, RTA_DST, 0), from = request_word(r, RTA_SRC, 0);
	struct ip_path path;
	int err = ip_route(&path, to, from, r->attributes[RTA_OIF] ? netdev_by_index((int)request_word(r, RTA_OIF, 0)) : NULL);

	if (err)
		return err;
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, 0, r->h->seq, sizeof(*m));
	if (!m)
		return -ENOBUFS;
	*m = (struct abi_rtmsg){ .family = AF_INET, .dst_len = 32, .src_len = from ? 32 : 0, .table = RT_TABLE_MAIN, .type = kinds[path.scope].type,
				 .flags = RTM_F_CLONED | kinds[path.scope].flags };
	netlink_attribute_u32(n, RTA_TABLE, RT_TABLE_MAIN);
	netlink_attribute_u32(n, RTA_DST, to);
	if (from)
		netlink_attribute_u32(n, RTA_SRC, from);
	netlink_attribute_u32(n, RTA_OIF, (u32)path.dev->index);
	if (!from)
		netlink_attribute_u32(n, RTA_PREFSRC, path.source);
	if (path.next_hop != to && path.scope == IP_UNICAST)
		netlink_attribute_u32(n, RTA_GATEWAY, path.next_hop);
	if (r->attributes[RTA_MARK])
		netlink_attribute_u32(n, RTA_MARK, request_word(r, RTA_MARK, 0));
	netlink_attribute_u32(n, RTA_UID, cred_current()->euid);
	netlink_flush(n);
	return 0;
}

/* --- changing ---------------------------------------------------------------------------------------------------------- */

/* What a packet by a route of this type meets; 0: it is sent on. */
static int error_of(u8 type)
{
	switch (type) {
	case RTN_UNREACHABLE: return -EHOSTUNREACH;
	case RTN_BLACKHOLE: return -EINVAL;
	case RTN_PROHIBIT: return -EACCES;
	case RTN_THROW: return -ENETUNREACH; /* the next table is looked at; there is none that says anything */
	}
	return 0;
}

static u32 mtu_of(const struct request *r)
{
	const struct abi_rtattr *a = r->attributes[RTA_METRICS];
	u32 mtu = 0;

	for (u32 at = sizeof(*a); a && at + sizeof(*a) + sizeof(u32) <= a->len;) {
		const struct abi_rtattr *one = (const void *)((const u8 *)a + at);
		if (one->len < sizeof(*one) + sizeof(u32))
			break;
		if (one->type == RTAX_MTU)
			memcpy(&mtu, one + 1, sizeof(mtu));
		at += NL_ALIGN(one->len);
	}
	return mtu;
}

/* Where a route leads: over the gateway that it names, or onto the link. 0 or -errno. */
static int find_device(const struct abi_rtmsg *m, struct route *new)
{
	struct ip_path path;

	if (new->error) {
		new->flags |= RTF_REJECT;
		new->dev = loopback;
		return netdev_up(loopback) ? 0 : -ENETDOWN;
	}
	if (new->gateway && m->flags & RTNH_F_ONLINK) {
		if (!new->dev || ip_scope_of(new->gateway) != IP_UNICAST)
			return -EINVAL;
		new->nexthop_flags = RTNH_F_ONLINK;
		new->flags |= RTF_GATEWAY;
	} else if (new->gateway) {
		if (ip_route(&path, new->gateway, IP_ANY, new->dev) || path.next_hop != new->gateway || path.scope != IP_UNICAST)
			return -ENETUNREACH;
		new->dev = path.dev;
		new->flags |= RTF_GATEWAY;
	}
	if (!new->dev)
		return -ENODEV;
	return netdev_up(new->dev) ? 0 : -ENETDOWN;
}

static int change_route(const struct request *r)
{
	const struct abi_rtmsg *m = r->body;
	struct route new = { .protocol = m->protocol, .scope = m->scope };

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (m->family != AF_INET)
		return -EAFNOSUPPORT;
	if (m->dst_len > 32 || m->type > RTN_THROW)
		return -EINVAL;
	new.mask = rtnetlink_mask(m->dst_len);
	new.destination = request_word(r, RTA_DST, 0);
	new.gateway = request_word(r, RTA_GATEWAY, 0);
	new.metric = request_word(r, RTA_PRIORITY, 0);
	new.source = request_word(r, RTA_PREFSRC, 0);
	new.mtu = mtu_of(r);
	new.table = request_word(r, RTA_TABLE, m->table);
	new.error = (s16)error_of(m->type);
	new.type = new.error ? m->type : 0;
	if (new.table == RT_TABLE_MAIN)
		new.table = 0;
	if (new.destination & ~new.mask)
		return -EINVAL;
	if (r->attributes[RTA_OIF]) {
		new.dev = netdev_by_index((int)request_word(r, RTA_OIF, 0));
		if (!new.dev)
			return -ENODEV;
	}
	if (r->h->type == RTM_DELROUTE)
		return route_delete(&new);
	if (r->attributes[RTA_MULTIPATH] || (m->type && m->type != RTN_UNICAST && !new.error))
		return -EOPNOTSUPP;
	if (new.source && !ip_is_local(new.source))
		return -EINVAL;
	int err = find_device(m, &new);
	if (err)
		return err;
	if (new.mask == 0xffffffff)
		new.flags |= RTF_HOST;
	return route_insert(&new, r->h->flags);
}

int rtnetlink_routes(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	bool dump = h->type == RTM_GETROUTE && (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err = request_parse(&r, h, dump ? 1 : sizeof(struct abi_rtmsg));

	if (err)
		return err;
	const struct abi_rtmsg *m = r.body;
	if (!dump && m->family == AF_INET6)
		return h->type == RTM_GETROUTE ? rtnetlink_get_route6(n, &r) : rtnetlink_change_route6(&r);
	if (!dump)
		return h->type == RTM_GETROUTE ? get_route(n, &r) : change_route(&r);
	/* There is no cache of routes to tell of. */
	bool cache = h->len >= sizeof(*h) + sizeof(*m) && m->flags & RTM_F_CLONED;
	if (!cache && (m->family == AF_UNSPEC || m->family == AF_INET))
		err = dump_routes(n, h->seq);
	if (!cache && !err && (m->family == AF_UNSPEC || m->family == AF_INET6))
		err = rtnetlink_dump_routes6(n, h->seq);
	if (!err)
		netlink_done(n, h->seq, 0);
	return err;
}

/* --- rules ------------------------------------------------------------------------------------------------------------- */

static void put_rule(struct netlink_sock *n, u8 family, u32 priority, u32 table, u32 seq)
{
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWRULE, NLM_F_MULTI, seq, sizeof(*m));

	if (!m)
		return;
	*m = (struct abi_rtmsg){ .family = family, .table = (u8)table, .type = FR_ACT_TO_TBL };
	netlink_attribute_u32(n, FRA_TABLE, table);
	netlink_attribute_u32(n, FRA_SUPPRESS_PREFIXLEN, ~0u);
	netlink_attribute_u8(n, FRA_PROTOCOL, RTPROT_KERNEL);
	if (priority)
		netlink_attribute_u32(n, FRA_PRIORITY, priority);
}

int rtnetlink_rules(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	static const struct {
		u8 family;
		u32 priority, table;
	} rules[] = { { AF_INET, 0, RT_TABLE_LOCAL }, { AF_INET, 32766, RT_TABLE_MAIN }, { AF_INET, 32767, RT_TABLE_DEFAULT },
		      { AF_INET6, 0, RT_TABLE_LOCAL }, { AF_INET6, 32766, RT_TABLE_MAIN } };
	struct request r;
	int err = request_parse(&r, h, 1);

	if (err)
		return err;
	if ((h->flags & NLM_F_DUMP) != NLM_F_DUMP)
		return -EOPNOTSUPP;
	u8 family = *(const u8 *)r.body;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++)
		if (family == AF_UNSPEC || family == rules[i].family)
			put_rule(n, rules[i].family, rules[i].priority, rules[i].table, h->seq);
	netlink_done(n, h->seq, 0);
	return 0;
}
