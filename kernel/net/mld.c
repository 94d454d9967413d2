/* MLD, a host's side: reports of IPv6 groups and what asks for them (RFC 3810; version 1 as RFC 2710 has it). Messages are ICMPv6's. */
#include "group_report.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

enum { MLD_REPORT_V1 = 131, MLD_DONE, MLD_REPORT_V2 = 143 };

static const struct address ALL_ROUTERS = { .bytes = { 0xff, 2, [15] = 2 } }, ALL_V2_ROUTERS = { .bytes = { 0xff, 2, [15] = 0x16 } };

/* Version 1, and the head of a question of version 2. */
struct mld_message {
	struct icmp6_header icmp; /* rest: the delay in milliseconds, upper half; of a report of version 2: the number of records */
	struct address group;
} __packed;
struct mld_record {
	u8 type, aux_words;
	u16 sources;
	struct address group;
} __packed;

/* Section 5: from a link-local address (or none), hop limit 1, the router alert in a hop-by-hop header. */
static void send(struct netdev *d, struct packet *p, struct address to)
{
	static const u8 alert[] = { NEXT_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct icmp6_header *h = (void *)p->data;
	struct address source = ip6_link_local(d);
	struct inet_path path = { .dev = d, .next_hop = to, .source = source, .scope = IP_MULTICASTS, .mtu = d->mtu };

	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(checksum_pseudo(source, to, NEXT_ICMPV6, p->len), p->data, p->len));
	memcpy(packet_push(p, sizeof(alert)), alert, sizeof(alert));
	SNMP(icmp6_OutMsgs);
	ip6_header_write(p, source, to, NEXT_HOP_BY_HOP, 1, 0);
	ip6_transmit(p, &path);
}

static void tell_older(struct netdev *d, const struct group_told *told)
{
	bool left = told->what == GROUP_TO_INCLUDE;
	struct packet *p = packet_alloc(PACKET_HEADROOM, sizeof(struct mld_message), ALLOC_ATOMIC);

	if (!p)
		return;
	*(struct mld_message *)packet_append(p, sizeof(struct mld_message)) =
		(struct mld_message){ .icmp.type = left ? MLD_DONE : MLD_REPORT_V1, .group = told->group };
	send(d, p, left ? ALL_ROUTERS : told->group);
}

void mld_tell(struct netdev *d, const struct group_told *told, unsigned n)
{
	struct packet *p;

	if (group_report_version(d, true) < 2) {
		for (unsigned i = 0; i < n; i++)
			tell_older(d, &told[i]);
		return;
	}
	p = packet_alloc(PACKET_HEADROOM, (u32)(sizeof(struct icmp6_header) + n * sizeof(struct mld_record)), ALLOC_ATOMIC);
	if (!p)
		return;
	*(struct icmp6_header *)packet_append(p, sizeof(struct icmp6_header)) = (struct icmp6_header){ .type = MLD_REPORT_V2, .rest = be32(n) };
	for (unsigned i = 0; i < n; i++)
		*(struct mld_record *)packet_append(p, sizeof(struct mld_record)) = (struct mld_record){ .type = (u8)told[i].what, .group = told[i].group };
	send(d, p, ALL_V2_ROUTERS);
}

void mld_receive(struct packet *p)
{
	const struct mld_message *m = (const void *)p->data;
	u32 code;

	/* Section 6.2: from a neighbour, and about a group or all. */
	if (p->len < sizeof(*m) || !address_is_link_local(packet_source(p)) || !(address_is_any(m->group) || m->group.bytes[0] == 0xff))
		return;
	code = be32(m->icmp.rest) >> 16;
	if (p->len == sizeof(*m))
		group_report_older(p->dev, true, 1);
	else if (p->len < sizeof(*m) + 4)
		return;
	else
		code = group_query_delay(code, 12);
	group_report_queried(p->dev, m->group, true, MAX(code, 1u) * NSEC_PER_MSEC);
}
