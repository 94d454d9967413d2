/* rtnetlink(7): links, addresses, routes and neighbours for `ip`, getifaddrs and their like. */
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "netlink_priv.h"
#include "proc/cred.h"

/* --- reading requests -------------------------------------------------------------------------------------------------- */

int request_parse(struct request *r, const struct abi_nlmsghdr *h, u32 body)
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

/* Renamed, or its Ethernet address changed: NULL: as it is. */
static int change_names(struct netdev *d, const struct abi_rtattr *name, const struct abi_rtattr *address)
{
	char text[IFNAMSIZ] = "";

	if (address && (address->len != sizeof(*address) + ETHER_ADDRESS || memcmp(address + 1, d->address, ETHER_ADDRESS)))
		return -EOPNOTSUPP; /* cards keep the address that they have */
	if (!name)
		return 0;
	if (name->len - sizeof(*name) > sizeof(text))
		return -ERANGE;
	memcpy(text, name + 1, name->len - sizeof(*name));
	text[sizeof(text) - 1] = '\0';
	return netdev_rename(d, text);
}

static int links(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	bool dump = h->type == RTM_GETLINK && (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err = request_parse(&r, h, dump ? 1 : sizeof(struct abi_ifinfomsg));

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
	if (h->type == RTM_DELLINK || r.attributes[IFLA_IFALIAS])
		return -EOPNOTSUPP; /* devices come and go with the hardware, and have no second names */
	err = change_names(d, i->index > 0 ? r.attributes[IFLA_IFNAME] : NULL, r.attributes[IFLA_ADDRESS]);
	if (err)
		return err;
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

unsigned rtnetlink_first_address(const struct netdev *d, unsigned slot)
{
	for (unsigned i = 0; i < slot; i++)
		if (d->ip[i].address && d->ip[i].mask == d->ip[slot].mask && !((d->ip[i].address ^ d->ip[slot].address) & d->ip[i].mask))
			return i;
	return slot;
}

/* With a net's first address go the others of it, as on Linux. */
static int delete_address(struct netdev *d, unsigned slot)
{
	const struct ip_address none = { 0 }, first = d->ip[slot];
	bool secondary = rtnetlink_first_address(d, slot) != slot;

	for (unsigned i = slot + 1; i < NETDEV_ADDRESSES && !secondary; i++)
		if (d->ip[i].address && d->ip[i].mask == first.mask && !((d->ip[i].address ^ first.address) & first.mask))
			netdev_set_address(d, i, &none);
	return netdev_set_address(d, slot, &none);
}

static void put_address(struct netlink_sock *n, const struct netdev *d, unsigned slot, u32 seq)
{
	const struct ip_address a = d->ip[slot];
	struct abi_ifaddrmsg *m = netlink_begin(n, RTM_NEWADDR, NLM_F_MULTI, seq, sizeof(*m));

	if (!m)
		return;
	u8 flags = (u8)(IFA_F_PERMANENT | (rtnetlink_first_address(d, slot) != slot ? IFA_F_SECONDARY : 0));
	*m = (struct abi_ifaddrmsg){ .family = AF_INET, .prefix_len = rtnetlink_prefix(a.mask), .flags = flags, .scope = ip_is_loopback(a.address) ? RT_SCOPE_HOST : 0,
				     .index = (u32)d->index };
	netlink_attribute_u32(n, IFA_ADDRESS, a.address);
	netlink_attribute_u32(n, IFA_LOCAL, a.address);
	if (a.broadcast)
		netlink_attribute_u32(n, IFA_BROADCAST, a.broadcast);
	netlink_attribute(n, IFA_LABEL, d->name, (u32)strlen(d->name) + 1);
	netlink_attribute_u32(n, IFA_FLAGS, flags);
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
	a.mask = rtnetlink_mask(m->prefix_len);
	a.broadcast = request_word(r, IFA_BROADCAST, 0);
	if (!a.address)
		return -EINVAL;
	for (unsigned i = NETDEV_ADDRESSES; i-- > 0;)
		if (d->ip[i].address == a.address && (r->h->type == RTM_DELADDR || d->ip[i].mask == a.mask))
			slot = i;
	if (r->h->type == RTM_DELADDR)
		return slot == NETDEV_ADDRESSES ? -EADDRNOTAVAIL : delete_address(d, slot);
	if (slot != NETDEV_ADDRESSES)
		return r->h->flags & NLM_F_REPLACE ? netdev_set_address(d, slot, &a) : -EEXIST;
	for (slot = 0; slot < NETDEV_ADDRESSES && d->ip[slot].address; slot++)
		;
	return slot == NETDEV_ADDRESSES ? -ENOBUFS : netdev_set_address(d, slot, &a);
}

static int addresses(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	int err = request_parse(&r, h, h->type == RTM_GETADDR ? 1 : sizeof(struct abi_ifaddrmsg));

	if (err)
		return err;
	if (h->type != RTM_GETADDR)
		return change_address(&r);
	if ((h->flags & NLM_F_DUMP) != NLM_F_DUMP)
		return -EOPNOTSUPP;
	u8 family = *(const u8 *)r.body;
	for (struct netdev *d = device_after(0); d && (family == AF_UNSPEC || family == AF_INET); d = device_after(d->index))
		for (unsigned i = 0; i < 2 * NETDEV_ADDRESSES; i++) {
			/* The secondary ones come behind the others. */
			unsigned slot = i % NETDEV_ADDRESSES;
			if (d->ip[slot].address && (rtnetlink_first_address(d, slot) != slot) == (i >= NETDEV_ADDRESSES))
				put_address(n, d, slot, h->seq);
		}
	if (family == AF_UNSPEC || family == AF_INET6)
		rtnetlink_dump_addresses6(n, h->seq);
	netlink_done(n, h->seq, 0);
	return 0;
}

/* --- neighbours -------------------------------------------------------------------------------------------------------- */

struct neighbour_copy {
	u32 count;
	struct {
		int index;
		struct address ip;
		u8 address[ETHER_ADDRESS];
		u16 state;
	} one[128];
};

static void copy_neighbour(struct netdev *d, struct address ip, const u8 *address, u16 state, void *arg)
{
	struct neighbour_copy *c = arg;

	if (c->count == ARRAY_SIZE(c->one))
		return;
	c->one[c->count].index = d->index;
	c->one[c->count].ip = ip;
	c->one[c->count].state = state;
	memcpy(c->one[c->count++].address, address, ETHER_ADDRESS);
}

static void put_neighbour(struct netlink_sock *n, int index, struct address ip, const u8 *address, u16 state, u16 flags, u32 seq)
{
	bool v4 = address_is_v4(ip);
	struct abi_ndmsg *m = netlink_begin(n, RTM_NEWNEIGH, flags, seq, sizeof(*m));

	if (!m)
		return;
	*m = (struct abi_ndmsg){ .family = v4 ? AF_INET : AF_INET6, .index = index, .state = state, .type = RTN_UNICAST };
	netlink_attribute(n, NDA_DST, ip.bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
	if (state != NUD_INCOMPLETE)
		netlink_attribute(n, NDA_LLADDR, address, ETHER_ADDRESS);
}

static int dump_neighbours(struct netlink_sock *n, const struct abi_nlmsghdr *h, u8 family)
{
	struct neighbour_copy *c = kzalloc(sizeof(*c), 0);

	if (!c)
		return -ENOMEM;
	neighbours_each(copy_neighbour, c);
	for (u32 i = 0; i < c->count; i++)
		if (family == AF_UNSPEC || (family == AF_INET) == address_is_v4(c->one[i].ip))
			put_neighbour(n, c->one[i].index, c->one[i].ip, c->one[i].address, c->one[i].state, NLM_F_MULTI, h->seq);
	kfree(c);
	netlink_done(n, h->seq, 0);
	return 0;
}

static int change_neighbour(const struct request *r, struct netdev *d, struct address to)
{
	const struct abi_nlmsghdr *h = r->h;
	const struct abi_ndmsg *m = r->body;
	const struct abi_rtattr *a = r->attributes[NDA_LLADDR];

	if (h->type == RTM_DELNEIGH)
		return neighbour_delete(d, to) ? -ENOENT : 0;
	if (!a || a->len != sizeof(*a) + ETHER_ADDRESS)
		return -EINVAL;
	bool known = neighbour_state(d, to);
	if (known && h->flags & NLM_F_EXCL)
		return -EEXIST;
	if (!known && !(h->flags & NLM_F_CREATE))
		return -ENOENT;
	return neighbour_set(d, to, (const u8 *)(a + 1), m->state & NUD_PERMANENT);
}

static int neighbour_request(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct request r;
	bool dump = h->type == RTM_GETNEIGH && (h->flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err = request_parse(&r, h, dump ? 1 : sizeof(struct abi_ndmsg));
	struct address to;
	u8 address[ETHER_ADDRESS];

	if (err)
		return err;
	if (dump)
		return dump_neighbours(n, h, *(const u8 *)r.body);
	const struct abi_ndmsg *m = r.body;
	struct netdev *d = netdev_by_index(m->index);
	if (h->type != RTM_GETNEIGH && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!d || (h->type != RTM_GETNEIGH && d->type != NETDEV_TYPE_ETHERNET))
		return -ENODEV;
	if ((m->family != AF_INET && m->family != AF_INET6) || !request_address(&r, NDA_DST, m->family, &to))
		return -EINVAL;
	if (h->type != RTM_GETNEIGH)
		return change_neighbour(&r, d, to);
	u16 state = neighbour_state(d, to);
	if (!state)
		return -ENOENT;
	if (!neighbour_get(d, to, address))
		state = NUD_INCOMPLETE;
	put_neighbour(n, d->index, to, address, state, 0, h->seq);
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
		return rtnetlink_routes(n, h);
	case RTM_GETRULE:
		return rtnetlink_rules(n, h);
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
