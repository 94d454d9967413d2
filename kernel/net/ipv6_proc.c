/* /proc/net of IPv6: if_inet6, ipv6_route, snmp6; and an address as text (RFC 5952). */
#include "core/node.h"
#include "ipv6_priv.h"
#include "lib/format.h"
#include "lib/string.h"

void ip6_text(char out[48], struct address a)
{
	u32 best = 8, length = 1, at = 0;

	/* The longest run of zeros, of two groups at least. */
	for (u32 i = 0; i < 8; i++) {
		u32 n = 0;
		while (i + n < 8 && !a.bytes[(i + n) * 2] && !a.bytes[(i + n) * 2 + 1])
			n++;
		if (n > length) {
			best = i;
			length = n;
		}
	}
	for (u32 i = 0; i < 8;) {
		if (i == best) {
			at += (u32)ksnprintf(out + at, 48 - at, i ? ":" : "::");
			i += length;
			continue;
		}
		at += (u32)ksnprintf(out + at, 48 - at, i < 7 ? "%x:" : "%x", a.bytes[i * 2] << 8 | a.bytes[i * 2 + 1]);
		i++;
	}
}

static void put_hex(struct seq *s, struct address a)
{
	for (u32 i = 0; i < 16; i++)
		seq_printf(s, "%02x", a.bytes[i]);
}

/* As Linux writes it: 0x10 of the node, 0x20 of the link, 0 of the world. */
static u32 scope_of(struct address a)
{
	return address_is_loopback_v6(a) ? 0x10 : address_is_link_local(a) ? 0x20 : a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0xc0 ? 0x40 : 0;
}

static int show_addresses(struct seq *s)
{
	struct netdev *d;

	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
			const struct ip6_address *a = &d->ip6[i];
			if (address_is_any(a->address))
				continue;
			put_hex(s, a->address);
			seq_printf(s, " %02x %02x %02x %02x %8s\n", d->index, a->prefix_len, scope_of(a->address), a->flags, d->name);
		}
	read_unlock(&net_config_lock);
	return 0;
}
NODE(net_if_inet6, .path = "net/if_inet6", .show = show_addresses);

static void put_route(struct seq *s, struct address to, u32 bits, struct address gateway, u32 metric, u32 flags, const char *name)
{
	put_hex(s, to);
	seq_printf(s, " %02x ", bits);
	put_hex(s, ADDRESS_ANY);
	seq_puts(s, " 00 ");
	put_hex(s, gateway);
	seq_printf(s, " %08x %08x %08x %08x %8s\n", metric, 1, 0, flags, name);
}

#define RTF_LOCAL 0x80000000u

static int show_routes(struct seq *s)
{
	struct route6 *r;
	struct netdev *d;

	read_lock(&net_config_lock);
	list_for_each(r, &routes6, link)
		put_route(s, r->destination, r->prefix_len, r->gateway, r->metric, r->flags, r->dev->name);
	list_for_each(d, &netdevs, link)
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
			if (!address_is_any(d->ip6[i].address) && !(d->ip6[i].flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
				put_route(s, d->ip6[i].address, 128, ADDRESS_ANY, 0, RTF_LOCAL | RTF_UP, d->name);
	read_unlock(&net_config_lock);
	return 0;
}
NODE(net_ipv6_route, .path = "net/ipv6_route", .show = show_routes);

#define GET(field) atomic_load_relaxed(&snmp.field)

static int show_snmp6(struct seq *s)
{
	const struct {
		const char *name;
		u64 value;
	} rows[] = {
		{ "Ip6InReceives", GET(ip6_InReceives) }, { "Ip6InHdrErrors", GET(ip6_InHdrErrors) }, { "Ip6InNoRoutes", GET(ip6_InNoRoutes) },
		{ "Ip6InAddrErrors", GET(ip6_InAddrErrors) }, { "Ip6InUnknownProtos", GET(ip6_InUnknownProtos) }, { "Ip6InDelivers", GET(ip6_InDelivers) },
		{ "Ip6OutRequests", GET(ip6_OutRequests) }, { "Ip6OutNoRoutes", GET(ip6_OutNoRoutes) }, { "Ip6FragOKs", GET(ip6_FragOKs) },
		{ "Ip6FragFails", GET(ip6_FragFails) }, { "Ip6FragCreates", GET(ip6_FragCreates) }, { "Icmp6InMsgs", GET(icmp6_InMsgs) },
		{ "Icmp6InErrors", GET(icmp6_InErrors) }, { "Icmp6OutMsgs", GET(icmp6_OutMsgs) }, { "Icmp6OutErrors", GET(icmp6_OutErrors) },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		seq_printf(s, "%-32s\t%lu\n", rows[i].name, rows[i].value);
	return 0;
}
NODE(net_snmp6, .path = "net/snmp6", .show = show_snmp6);
