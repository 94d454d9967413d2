/* rtnetlink(7) for IPv6: addresses and routes. */
#include "core/err.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "netlink_priv.h"
#include "proc/cred.h"
#include "time/time.h"

static void put(struct netlink_sock *n, u16 type, struct address a)
{
	netlink_attribute(n, type, &a, sizeof(a));
}

/* Seconds from now, as lifetimes are told. */
static u32 seconds_to(u64 until)
{
	u64 now = time_ns();

	return until == TIME_NEVER ? ~0u : until > now ? (u32)((until - now) / NSEC_PER_SEC) : 0;
}

/* --- addresses --------------------------------------------------------------------------------------------------------- */

static u8 scope_of(struct address a)
{
	return address_is_loopback_v6(a) ? RT_SCOPE_HOST : address_is_link_local(a) ? RT_SCOPE_LINK : a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0xc0 ? 200 : RT_SCOPE_UNIVERSE;
}

void rtnetlink_dump_addresses6(struct netlink_sock *n, u32 seq)
{
	for (struct netdev *d = device_after(0); d; d = device_after(d->index))
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
			read_lock(&net_config_lock);
			struct ip6_address a = d->ip6[i];
			read_unlock(&net_config_lock);
			if (address_is_any(a.address))
				continue;
			struct abi_ifaddrmsg *m = netlink_begin(n, RTM_NEWADDR, NLM_F_MULTI, seq, sizeof(*m));
			if (!m)
				return;
			*m = (struct abi_ifaddrmsg){ .family = AF_INET6, .prefix_len = a.prefix_len, .flags = a.flags, .scope = scope_of(a.address), .index = (u32)d->index };
			put(n, IFA_ADDRESS, a.address);
			u32 info[4] = { seconds_to(a.preferred_until), seconds_to(a.valid_until), 0, 0 };
			netlink_attribute(n, IFA_CACHEINFO, info, sizeof(info));
			netlink_attribute_u32(n, IFA_FLAGS, a.flags);
		}
}

int rtnetlink_change_address6(const struct request *r)
{
	const struct abi_ifaddrmsg *m = r->body;
	struct netdev *d = netdev_by_index((int)m->index);
	const struct abi_rtattr *info = r->attributes[IFA_CACHEINFO];
	struct ip6_address a = { .prefix_len = m->prefix_len, .valid_until = TIME_NEVER, .preferred_until = TIME_NEVER };

	if (!d)
		return -ENODEV;
	if (m->prefix_len > 128 || (!request_address(r, IFA_LOCAL, AF_INET6, &a.address) && !request_address(r, IFA_ADDRESS, AF_INET6, &a.address)))
		return -EINVAL;
	if (r->h->type == RTM_DELADDR)
		return ip6_address_delete(d, a.address, m->prefix_len);
	if (address_is_any(a.address) || address_is_multicast(a.address) || address_is_v4(a.address))
		return -EADDRNOTAVAIL;
	a.flags = (u8)((request_word(r, IFA_FLAGS, m->flags) & IFA_F_NODAD) | IFA_F_PERMANENT);
	if (info && info->len >= sizeof(*info) + 8) {
		u32 life[2];
		memcpy(life, info + 1, sizeof(life));
		if (!life[1] || life[0] > life[1])
			return -EINVAL;
		if (life[1] != ~0u) {
			a.valid_until = time_ns() + life[1] * NSEC_PER_SEC;
			a.flags &= (u8)~IFA_F_PERMANENT;
		}
		if (life[0] != ~0u)
			a.preferred_until = time_ns() + life[0] * NSEC_PER_SEC;
	}
	int err = ip6_address_add(d, &a);
	return err == -EEXIST && r->h->flags & NLM_F_REPLACE ? 0 : err;
}

/* --- routes ------------------------------------------------------------------------------------------------------------ */

static void put_route(struct netlink_sock *n, const struct route6 *r, u32 seq)
{
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, NLM_F_MULTI, seq, sizeof(*m));

	if (!m)
		return;
	*m = (struct abi_rtmsg){ .family = AF_INET6, .dst_len = r->prefix_len, .table = RT_TABLE_MAIN, .protocol = r->protocol,
				 .type = r->flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST };
	netlink_attribute_u32(n, RTA_TABLE, RT_TABLE_MAIN);
	if (r->prefix_len)
		put(n, RTA_DST, r->destination);
	netlink_attribute_u32(n, RTA_PRIORITY, r->metric);
	if (!address_is_any(r->gateway))
		put(n, RTA_GATEWAY, r->gateway);
	netlink_attribute_u32(n, RTA_OIF, (u32)r->dev->index);
	if (r->until != TIME_NEVER) {
		u32 info[8] = { 0, 0, seconds_to(r->until) * 100 }; /* in ticks of user space */
		netlink_attribute(n, RTA_CACHEINFO, info, sizeof(info));
	}
	u8 preference = 0;
	netlink_attribute(n, RTA_PREF, &preference, 1);
}

int rtnetlink_dump_routes6(struct netlink_sock *n, u32 seq)
{
	struct route6 *copy, *r;
	u32 room = 1, count = 0;

	read_lock(&net_config_lock);
	list_for_each(r, &routes6, link)
		room++;
	read_unlock(&net_config_lock);
	copy = kmalloc(room * sizeof(*copy), 0);
	if (!copy)
		return -ENOMEM;
	read_lock(&net_config_lock);
	list_for_each(r, &routes6, link)
		if (count < room) /* there may be more by now */
			copy[count++] = *r;
	read_unlock(&net_config_lock);
	for (u32 i = 0; i < count; i++)
		put_route(n, &copy[i], seq);
	kfree(copy);
	return 0;
}

/* RTM_GETROUTE for one destination: by which way. */
int rtnetlink_get_route6(struct netlink_sock *n, const struct request *r)
{
	struct address to, source;
	struct inet_path path;

	request_address(r, RTA_DST, AF_INET6, &to);
	request_address(r, RTA_SRC, AF_INET6, &source);
	struct netdev *dev = r->attributes[RTA_OIF] ? netdev_by_index((int)request_word(r, RTA_OIF, 0)) : NULL;
	int err = ip6_route(&path, to, source, dev);
	if (err)
		return err;
	struct abi_rtmsg *m = netlink_begin(n, RTM_NEWROUTE, 0, r->h->seq, sizeof(*m));
	if (!m)
		return -ENOBUFS;
	*m = (struct abi_rtmsg){ .family = AF_INET6, .dst_len = 128, .table = RT_TABLE_MAIN, .protocol = 2, .flags = 0x200,
				 .type = path.scope == IP_LOCAL ? RTN_LOCAL : path.scope == IP_MULTICASTS ? RTN_MULTICAST : RTN_UNICAST };
	put(n, RTA_DST, to);
	netlink_attribute_u32(n, RTA_OIF, (u32)path.dev->index);
	put(n, RTA_PREFSRC, path.source);
	if (path.scope == IP_UNICAST && !address_equal(path.next_hop, to))
		put(n, RTA_GATEWAY, path.next_hop);
	netlink_flush(n);
	return 0;
}

int rtnetlink_change_route6(const struct request *r)
{
	const struct abi_rtmsg *m = r->body;
	struct route6 new = { .prefix_len = m->dst_len, .protocol = m->protocol, .until = TIME_NEVER };
	struct inet_path path;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (m->dst_len > 128)
		return -EINVAL;
	request_address(r, RTA_DST, AF_INET6, &new.destination);
	if (!prefix_equal(new.destination, prefix_of_address(new.destination, m->dst_len), 128))
		return -EINVAL;
	u32 table = request_word(r, RTA_TABLE, m->table);
	if (table && table != RT_TABLE_MAIN)
		return r->h->type == RTM_DELROUTE ? -ESRCH : -EOPNOTSUPP;
	request_address(r, RTA_GATEWAY, AF_INET6, &new.gateway);
	new.metric = request_word(r, RTA_PRIORITY, 0);
	if (r->attributes[RTA_OIF]) {
		new.dev = netdev_by_index((int)request_word(r, RTA_OIF, 0));
		if (!new.dev)
			return -ENODEV;
	}
	if (r->h->type == RTM_DELROUTE)
		return route6_delete(&new);
	if (!new.metric)
		new.metric = 1024;
	if (!address_is_any(new.gateway)) {
		/* A gateway must be on a link of ours; one that is link-local, on the one that is named. */
		if (address_is_link_local(new.gateway) && !new.dev)
			return -EINVAL;
		int err = ip6_route(&path, new.gateway, ADDRESS_ANY, new.dev);
		if (err || path.scope != IP_UNICAST || !address_equal(path.next_hop, new.gateway))
			return -EHOSTUNREACH;
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
	if (new.prefix_len == 128)
		new.flags |= RTF_HOST;
	return r->h->flags & NLM_F_REPLACE ? route6_replace(&new) : route6_add(&new);
}
