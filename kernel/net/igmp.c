/* IGMP, a host's side: reports of groups and what asks for them (RFC 3376; versions 1 and 2 as RFC 2236 has them). */
#include "group_report.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "net/ip.h"
#include "time/time.h"

#define ALL_ROUTERS 0x020000e0u    /* 224.0.0.2 */
#define ALL_V3_ROUTERS 0x160000e0u /* 224.0.0.22 */
enum { IGMP_QUERY = 0x11, IGMP_REPORT_V1 = 0x12, IGMP_REPORT_V2 = 0x16, IGMP_LEAVE = 0x17, IGMP_REPORT_V3 = 0x22 };
#define V1_DELAY (10 * NSEC_PER_SEC)

struct igmp_header {
	u8 type, code; /* code: the delay of a question in tenths of a second */
	u16 checksum;
	u32 group;     /* of a report of version 3: 0 and the number of records, 16 bits each */
} __packed;
struct igmp_record {
	u8 type, aux_words;
	u16 sources;
	u32 group;
} __packed;

/* Section 4: TTL 1, precedence of control, the router alert. */
static void send(struct netdev *d, struct packet *p, u32 to)
{
	static const struct ip_options alert = { 4, { 0x94, 4, 0, 0 } };
	struct igmp_header *h = (void *)p->data;

	read_lock(&net_config_lock);
	u32 source = d->ip[0].address; /* 0, as long as there is none */
	read_unlock(&net_config_lock);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(0, p->data, p->len));
	struct ip_send how = { .source = source, .destination = to, .protocol = PROTO_IGMP, .ttl = 1, .tos = 0xc0, .dont_fragment = true, .options = &alert };
	struct ip_path path = { .dev = d, .next_hop = to, .source = source, .scope = IP_MULTICASTS, .mtu = d->mtu };
	ip_send(p, &how, &path);
}

static void tell_older(struct netdev *d, const struct group_told *told, u8 version)
{
	u32 group = address_to_v4(told->group);
	bool left = told->what == GROUP_TO_INCLUDE;
	struct packet *p;

	if (left && version == 1)
		return; /* it knows no leaving */
	p = packet_alloc(PACKET_HEADROOM, sizeof(struct igmp_header), ALLOC_ATOMIC);
	if (!p)
		return;
	*(struct igmp_header *)packet_append(p, sizeof(struct igmp_header)) =
		(struct igmp_header){ .type = left ? IGMP_LEAVE : version == 1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2, .group = group };
	send(d, p, left ? ALL_ROUTERS : group);
}

void igmp_tell(struct netdev *d, const struct group_told *told, unsigned n)
{
	u8 version = group_report_version(d, false);
	struct packet *p;

	if (version < 3) {
		for (unsigned i = 0; i < n; i++)
			tell_older(d, &told[i], version);
		return;
	}
	p = packet_alloc(PACKET_HEADROOM, (u32)(sizeof(struct igmp_header) + n * sizeof(struct igmp_record)), ALLOC_ATOMIC);
	if (!p)
		return;
	*(struct igmp_header *)packet_append(p, sizeof(struct igmp_header)) = (struct igmp_header){ .type = IGMP_REPORT_V3, .group = be32(n) };
	for (unsigned i = 0; i < n; i++)
		*(struct igmp_record *)packet_append(p, sizeof(struct igmp_record)) =
			(struct igmp_record){ .type = (u8)told[i].what, .group = address_to_v4(told[i].group) };
	send(d, p, ALL_V3_ROUTERS);
}

static void queried(struct packet *p, const struct igmp_header *h)
{
	struct address group = h->group ? address_v4(h->group) : ADDRESS_ANY;
	u64 delay;

	/* Section 7.1: versions are told apart by length and code. */
	if (p->len == sizeof(*h)) {
		group_report_older(p->dev, false, h->code ? 2 : 1);
		delay = h->code ? h->code * (NSEC_PER_SEC / 10) : V1_DELAY;
	} else if (p->len >= sizeof(*h) + 4) {
		delay = MAX(group_query_delay(h->code, 4), 1u) * (NSEC_PER_SEC / 10);
	} else {
		return;
	}
	group_report_queried(p->dev, group, false, delay);
}

static void igmp_receive(struct packet *p)
{
	const struct igmp_header *h = (const void *)p->data;

	if (p->len >= sizeof(*h) && checksum_fold(checksum_add(0, p->data, p->len)) == 0 && h->type == IGMP_QUERY && (!h->group || ip_is_multicast(h->group)))
		queried(p, h);
	packet_free(p);
}
IP_PROTOCOL(igmp, .number = PROTO_IGMP, .families = CARRIED_BY_V4, .receive = igmp_receive);
