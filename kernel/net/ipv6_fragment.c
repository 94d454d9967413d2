/* IPv6's fragments (RFC 8200 section 4.5): only a sender makes them. The pieces wait in the queues of ip_fragment.c, which drops what overlaps (RFC 5722). */
#include "core/random.h"
#include "fragment_priv.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

/* All pieces behind the first one's headers, less the fragment header. */
static struct packet *join(struct list *pieces, u32 total)
{
	struct packet *first = list_first(pieces, struct packet, link), *p;
	u32 header = (u32)(first->data - first->network) - (u32)sizeof(struct ip6_fragment_header);

	if (header - sizeof(struct ip6_header) + total > 65535)
		return NULL;
	struct packet *whole = packet_alloc(PACKET_HEADROOM, header + total, ALLOC_ATOMIC);
	if (!whole)
		return NULL;
	memcpy(packet_append(whole, header), first->network, header);
	list_for_each(p, pieces, link)
		memcpy(packet_append(whole, p->len), p->data, p->len);
	whole->data[first->fragment.next_at] = first->network[header]; /* what the fragment header named */
	((struct ip6_header *)whole->data)->payload_len = be16((u16)(whole->len - sizeof(struct ip6_header)));
	whole->network = whole->data;
	whole->dev = first->dev;
	whole->ether_type = ETHER_IPV6;
	whole->kind = first->kind;
	whole->stamp = first->stamp;
	whole->verified = first->dev == loopback;
	return whole;
}

/* RFC 7112: the first piece holds the whole chain of headers. */
static bool chain_complete(const struct packet *p)
{
	u8 protocol;

	return ip6_upper(p->data, p->len, &protocol) || protocol == NEXT_NONE;
}

struct packet *ip6_reassemble(struct packet *p, u32 at, u32 next_at, u8 *next)
{
	struct ip6_fragment_header f;

	memcpy(&f, p->data + at, sizeof(f));
	u32 from = be16(f.offset_more) & 0xfff8u, len = p->len - at - (u32)sizeof(f);
	bool more = be16(f.offset_more) & 1;
	*next = f.next_header;
	SNMP(ip_ReasmReqds);
	if (more && len % 8) {
		icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 0, 4);
		fragment_refuse(p);
		return NULL;
	}
	if (from + len > 65535) {
		icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 0, at + 2);
		fragment_refuse(p);
		return NULL;
	}
	if (!len) {
		fragment_refuse(p);
		return NULL;
	}
	if (!from && !chain_complete(p)) {
		icmp6_error(p, ICMP6_PARAMETER_PROBLEM, 3, 0);
		fragment_refuse(p);
		return NULL;
	}
	const struct ip6_header *h = (const void *)p->network;
	struct fragment_key key = { .source = h->source, .destination = h->destination, .id = f.id };
	packet_pull(p, at + (u32)sizeof(f));
	p->fragment.from = from;
	p->fragment.to = from + len;
	p->fragment.next_at = (u16)next_at;
	if (from || more)
		return fragment_add(&key, p, !more, join);
	/* RFC 6946: one that is whole by itself has nothing to do with others of its number. */
	struct list alone;
	list_init(&alone);
	list_add(&alone, &p->link);
	struct packet *whole = join(&alone, len);
	packet_list_free(&alone);
	return whole;
}

/* RFC 7739: numbers that cannot be guessed. */
static u32 next_id(void)
{
	return (u32)random_u64();
}

int ip6_fragment(struct packet *p, const struct inet_path *path)
{
	const struct ip6_header *h = (const void *)p->data;
	u32 header = sizeof(*h), whole = p->len - header, id = next_id();
	u32 room = ALIGN_DOWN(path->mtu - header - (u32)sizeof(struct ip6_fragment_header), 8u);
	int err = 0;

	for (u32 at = 0; !err && at < whole; at += room) {
		u32 len = MIN(room, whole - at);
		struct packet *piece = packet_alloc(PACKET_HEADROOM, header + (u32)sizeof(struct ip6_fragment_header) + len, ALLOC_ATOMIC);
		if (!piece) {
			err = -ENOBUFS;
			break;
		}
		struct ip6_header *new = packet_append(piece, header);
		*new = *h;
		new->next_header = NEXT_FRAGMENT;
		new->payload_len = be16((u16)(len + sizeof(struct ip6_fragment_header)));
		struct ip6_fragment_header *f = packet_append(piece, sizeof(*f));
		*f = (struct ip6_fragment_header){ .next_header = h->next_header, .offset_more = be16((u16)(at | (at + len < whole ? 1 : 0))), .id = id };
		memcpy(packet_append(piece, len), p->data + header + at, len);
		piece->network = piece->data;
		SNMP(ip6_FragCreates);
		err = ip6_transmit(piece, path);
	}
	if (err)
		SNMP(ip6_FragFails);
	else
		SNMP(ip6_FragOKs);
	packet_free(p);
	return err;
}
