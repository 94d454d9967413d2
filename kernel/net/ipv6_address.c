/*
 * IPv6 addresses of devices: how they come (::1, link-local, SLAAC, by hand), the detection of duplicates (RFC 4862 section 5.4) and how they end.
 *
 * One timer looks after all of them while there is something to do: solicitations for tentative addresses and of routers, and what has a time limit.
 */
#include "core/err.h"
#include "core/printk.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "net/timer.h"

#define DETECTION_LOOKS 2          /* one solicitation (RFC 4862 section 5.1: DupAddrDetectTransmits) at the first look, and a whole interval without an answer */
#define SOLICITATIONS 3            /* RFC 4861 section 10: of routers, four seconds apart */
#define LOOK_EVERY NSEC_PER_SEC    /* RetransTimer */

static void addresses_due(struct net_timer *t);
static struct net_timer timer = { .deadline = TIME_NEVER, .fn = addresses_due };

void ip6_watch(void)
{
	if (!READ_ONCE(timer.queued))
		(void)!net_timer_arm(&timer, time_ns() + LOOK_EVERY);
}

void ip6_interface_id(const struct netdev *d, struct address *a)
{
	const u8 *m = d->address;
	u8 id[8] = { (u8)(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] };

	memcpy(a->bytes + 8, id, sizeof(id));
}

/* --- looking at them ------------------------------------------------------------------------------------------------ */

/* net_config_lock held. */
static struct ip6_address *slot_of(struct netdev *d, struct address a)
{
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (address_equal(d->ip6[i].address, a))
			return &d->ip6[i];
	return NULL;
}

bool ip6_is_tentative(const struct netdev *d, struct address a)
{
	bool yes = false;

	read_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		yes |= d->ip6[i].flags & IFA_F_TENTATIVE && address_equal(d->ip6[i].address, a);
	read_unlock(&net_config_lock);
	return yes;
}

bool ip6_group_of_ours(const struct netdev *d, struct address group)
{
	static const u8 solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	bool yes = false;

	/* ff01::1, ff02::1 */
	if (group.bytes[0] == 0xff && (group.bytes[1] == 1 || group.bytes[1] == 2) && !(group.halves[0] & ~0xfffful) && group.halves[1] == 1ul << 56)
		return true;
	if (memcmp(group.bytes, solicited, sizeof(solicited)))
		return false;
	read_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		yes |= !address_is_any(d->ip6[i].address) && !memcmp(d->ip6[i].address.bytes + 13, group.bytes + 13, 3);
	read_unlock(&net_config_lock);
	return yes;
}

struct address ip6_link_local(const struct netdev *d)
{
	struct address a = ADDRESS_ANY;

	read_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		if (address_is_link_local(d->ip6[i].address) && !(d->ip6[i].flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
			a = d->ip6[i].address;
	read_unlock(&net_config_lock);
	return a;
}

/* --- their life ----------------------------------------------------------------------------------------------------- */

/* The net on the link comes with an address; not with one that was made from a prefix: the router says whether that is on the link. */
static void link_route(struct netdev *d, const struct ip6_address *a)
{
	struct route6 r = { .destination = prefix_of_address(a->address, a->prefix_len), .prefix_len = a->prefix_len, .dev = d, .metric = 256, .protocol = 2,
			    .until = TIME_NEVER };

	if (d != loopback && netdev_up(d) && !address_is_any(a->address) && !a->from_prefix)
		route6_replace(&r);
}

int ip6_address_add(struct netdev *d, const struct ip6_address *new)
{
	struct ip6_address a = *new;
	int err = 0;

	if (!(d->flags & (IFF_LOOPBACK | IFF_NOARP)) && !(a.flags & IFA_F_NODAD)) {
		a.flags |= IFA_F_TENTATIVE;
		a.looks = DETECTION_LOOKS;
	}
	write_lock(&net_config_lock);
	struct ip6_address *slot = slot_of(d, a.address);
	if (slot)
		err = -EEXIST;
	else if (!(slot = slot_of(d, ADDRESS_ANY)))
		err = -ENOBUFS;
	else
		*slot = a;
	write_unlock(&net_config_lock);
	if (err)
		return err;
	netdev_filter_changed(d);
	link_route(d, &a);
	ip6_watch();
	return 0;
}

int ip6_address_delete(struct netdev *d, struct address a, u8 prefix_len)
{
	bool shared = false;

	write_lock(&net_config_lock);
	struct ip6_address *slot = slot_of(d, a);
	if (slot)
		*slot = (struct ip6_address){ .prefix_len = 0 };
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		shared |= !address_is_any(d->ip6[i].address) && d->ip6[i].prefix_len == prefix_len && prefix_equal(d->ip6[i].address, a, prefix_len);
	write_unlock(&net_config_lock);
	if (!slot)
		return -EADDRNOTAVAIL;
	netdev_filter_changed(d);
	struct route6 r = { .destination = prefix_of_address(a, prefix_len), .prefix_len = prefix_len, .dev = d, .metric = 256 };
	if (!shared)
		route6_delete(&r);
	return 0;
}

/* RFC 4862 section 5.4.5. */
void ip6_address_conflict(struct netdev *d, struct address a)
{
	char text[48];
	bool was = false;

	write_lock(&net_config_lock);
	struct ip6_address *slot = slot_of(d, a);
	if (slot && slot->flags & IFA_F_TENTATIVE) {
		slot->flags = (u8)((slot->flags & ~IFA_F_TENTATIVE) | IFA_F_DADFAILED);
		was = true;
	}
	write_unlock(&net_config_lock);
	if (!was)
		return;
	ip6_text(text, a);
	pr_warn("%s: IPv6 duplicate address %s detected\n", d->name, text);
}

/* What is to be done for one device; net_config_lock written. */
struct todo {
	struct address ask[NETDEV_ADDRESSES];
	u32 asked;
	bool router, more;
};

static void look_after(struct netdev *d, u64 now, struct todo *t)
{
	bool link_local = false;

	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
		struct ip6_address *a = &d->ip6[i];
		if (address_is_any(a->address))
			continue;
		if (a->valid_until <= now) {
			*a = (struct ip6_address){ .prefix_len = 0 };
			continue;
		}
		if (a->preferred_until <= now)
			a->flags |= IFA_F_DEPRECATED;
		t->more |= a->valid_until != TIME_NEVER;
		if (a->flags & IFA_F_TENTATIVE) {
			a->looks--;
			if (a->looks)
				t->ask[t->asked++] = a->address;
			else
				a->flags &= (u8)~IFA_F_TENTATIVE;
			t->more |= a->looks;
		}
		link_local |= address_is_link_local(a->address) && !(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
	}
	if (link_local && d->solicitations) {
		/* Every fourth look. */
		t->router = d->solicitations % 4 == 0;
		d->solicitations--;
	}
	t->more |= d->solicitations;
}

static void addresses_due(struct net_timer *timer_due __unused)
{
	u64 now = time_ns();
	struct netdev *d;
	bool more = false;

	routes6_expire(now);
	/* Devices stay for ever: the list may be walked without its lock, which is let go to send. */
	list_for_each(d, &netdevs, link) {
		struct todo t = { .asked = 0 };
		write_lock(&net_config_lock);
		if (d->flags & IFF_UP)
			look_after(d, now, &t);
		write_unlock(&net_config_lock);
		for (u32 i = 0; i < t.asked; i++)
			nd_solicit(d, t.ask[i], NULL, true);
		if (t.router)
			nd_solicit_router(d);
		more |= t.more;
	}
	if (more)
		ip6_watch();
}

/* --- devices -------------------------------------------------------------------------------------------------------- */

void ip6_device_up(struct netdev *d)
{
	struct ip6_address a = { .flags = IFA_F_PERMANENT, .valid_until = TIME_NEVER, .preferred_until = TIME_NEVER };

	if (d == loopback) {
		a.address.bytes[15] = 1;
		a.prefix_len = 128;
		ip6_address_add(d, &a);
		return;
	}
	if (d->mtu < IPV6_MTU_LEAST || d->type != NETDEV_TYPE_ETHERNET)
		return;
	WRITE_ONCE(d->solicitations, (SOLICITATIONS * 4));
	a.address.bytes[0] = 0xfe;
	a.address.bytes[1] = 0x80;
	ip6_interface_id(d, &a.address);
	a.prefix_len = 64;
	ip6_address_add(d, &a);
	/* Those that were given to it while it was down. */
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		link_route(d, &d->ip6[i]);
}

/* As Linux without keep_addr_on_down: all of them go. */
void ip6_device_down(struct netdev *d)
{
	routes6_forget(d);
	write_lock(&net_config_lock);
	memset(d->ip6, 0, sizeof(d->ip6));
	d->solicitations = 0;
	write_unlock(&net_config_lock);
}

void ip6_init(void)
{
	net_timer_init(&timer, addresses_due);
}
