/* What routers advertise (RFC 4861 section 6.3): the way out, nets on the link, and prefixes from which a host makes its addresses (SLAAC, RFC 4862 section 5.5). */
#include "ipv6_priv.h"
#include "lib/string.h"
#include "time/time.h"

#define OPTION_PREFIX 3
#define FOREVER 0xffffffffu
#define TWO_HOURS 7200u

struct advertisement {
	struct icmp6_header icmp; /* rest: hop limit, flags, lifetime of the router */
	u32 reachable, retransmit;
} __packed;
struct prefix_option {
	struct nd_option o;
	u8 prefix_len, flags;
	u32 valid, preferred, reserved;
	struct address prefix;
} __packed;
_Static_assert(sizeof(struct prefix_option) == 32, "RFC 4861 section 4.6.2");

static u64 until(u32 seconds)
{
	return seconds == FOREVER ? TIME_NEVER : time_ns() + seconds * NSEC_PER_SEC;
}

static void default_route(struct netdev *d, struct address router, u16 lifetime)
{
	struct route6 r = { .gateway = router, .dev = d, .metric = 1024, .flags = RTF_GATEWAY, .protocol = 9, .until = until(lifetime) };

	if (lifetime)
		route6_replace(&r);
	else
		route6_delete(&r);
}

static void on_link(struct netdev *d, const struct prefix_option *o)
{
	struct route6 r = { .destination = prefix_of_address(o->prefix, o->prefix_len), .prefix_len = o->prefix_len, .dev = d, .metric = 256, .protocol = 2,
			    .until = until(be32(o->valid)) };

	if (o->valid)
		route6_replace(&r);
	else
		route6_delete(&r);
}

/* RFC 4862 section 5.5.3 (e): nobody shortens what is left below two hours but by what is left. net_config_lock written. */
static void renew(struct ip6_address *a, u32 valid, u32 preferred)
{
	u64 now = time_ns(), left = a->valid_until == TIME_NEVER ? TIME_NEVER : a->valid_until - MIN(now, a->valid_until);

	if (valid > TWO_HOURS || until(valid) - now > left)
		a->valid_until = until(valid);
	else if (left > TWO_HOURS * NSEC_PER_SEC)
		a->valid_until = until(TWO_HOURS);
	a->preferred_until = until(preferred);
	if (preferred)
		a->flags &= (u8)~IFA_F_DEPRECATED;
}

static void make_address(struct netdev *d, const struct prefix_option *o)
{
	u32 valid = be32(o->valid), preferred = be32(o->preferred);
	struct ip6_address a = { .address = o->prefix, .prefix_len = 64, .from_prefix = true, .valid_until = until(valid), .preferred_until = until(preferred) };
	bool found = false;

	if (o->prefix_len != 64 || preferred > valid)
		return;
	ip6_interface_id(d, &a.address);
	write_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (address_equal(d->ip6[i].address, a.address)) {
			found = true;
			if (d->ip6[i].from_prefix)
				renew(&d->ip6[i], valid, preferred);
		}
	write_unlock(&net_config_lock);
	if (!found && valid)
		ip6_address_add(d, &a);
}

void nd_router_advertised(struct packet *p, const u8 *link_address)
{
	const struct advertisement *a = (const void *)p->data;
	u32 rest = be32(a->icmp.rest), at = sizeof(*a);
	struct netdev *d = p->dev;
	const struct nd_option *o;
	bool bad = false;

	WRITE_ONCE(d->solicitations, 0);
	if (rest >> 24)
		WRITE_ONCE(d->hop_limit, (u8)(rest >> 24));
	if (link_address)
		nd_learn(d, packet_source(p), link_address, true);
	default_route(d, packet_source(p), (u16)rest);
	while ((o = nd_next_option(p->data, p->len, &at, &bad))) {
		const struct prefix_option *prefix = (const void *)o;
		if (o->type != OPTION_PREFIX || o->len != 4 || prefix->prefix_len > 128 || address_is_multicast(prefix->prefix) || address_is_link_local(prefix->prefix) ||
		    address_is_v4(prefix->prefix))
			continue;
		if (prefix->flags & 0x80)
			on_link(d, prefix);
		if (prefix->flags & 0x40)
			make_address(d, prefix);
	}
	ip6_watch();
}
