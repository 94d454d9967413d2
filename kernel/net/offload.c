/*
 * What a card may do in our stead, and what is done for it where it cannot: checksums of transports, and cutting a large TCP packet into segments.
 *
 *     TCP ── one packet, k segments of text, one header ──► IP ──► link ──► netdev_transmit ─┬─ the card cuts (NETDEV_TSO4, 6) ────────────► wire
 *                                                                                             └─ netdev_transmit_segments: k packets ──► taps, card
 *
 * So the way through the layers is gone once for many segments. The text of such a packet lies in the memory that TCP keeps until it is acknowledged: headers
 * cannot be written between, so each segment is a copy.
 */
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/netdev.h"

bool packet_checksum_place(const struct packet *p, struct checksum_place *at)
{
	const u8 *ip = p->network;

	if (!p->partial)
		return false;
	at->v4 = ip[0] >> 4 == 4;
	at->tcp = (at->v4 ? ip[9] : ip[6]) == PROTO_TCP;
	at->network = (u32)(ip - p->data);
	at->start = at->network + (at->v4 ? (ip[0] & 15) * 4u : (u32)sizeof(struct ip6_header));
	at->field = at->start + (u32)(at->tcp ? offsetof(struct tcp_header, checksum) : offsetof(struct udp_header, checksum));
	return true;
}

/* The headers of the segment that begins `from` bytes into the text of p, and holds the rest of s: lengths, numbers, flags, checksums. */
static void write_headers(struct packet *s, const struct checksum_place *at, u32 from, u32 number, bool last, bool sum)
{
	struct tcp_header *t = (void *)(s->data + at->start);
	u32 len = s->len - at->start;

	if (at->v4) {
		struct ip_header *h = (void *)s->network;
		h->total_len = be16((u16)(s->len - at->network));
		h->id = be16((u16)(be16(h->id) + number));
		h->checksum = 0;
		h->checksum = checksum_fold(checksum_add(0, h, ip_header_len(h)));
	} else {
		((struct ip6_header *)s->network)->payload_len = be16((u16)len);
	}
	t->seq = be32(be32(t->seq) + from);
	if (!last)
		t->flags &= (u8)~(TCP_FIN | TCP_PSH);
	u32 pseudo = checksum_pseudo(packet_source(s), packet_destination(s), PROTO_TCP, len);
	t->checksum = 0;
	s->partial = !sum;
	t->checksum = sum ? checksum_fold(checksum_add(pseudo, t, len)) : (u16)~checksum_fold(pseudo);
}

int netdev_transmit_segments(struct netdev *d, struct packet *p)
{
	struct checksum_place at;
	int err = 0;

	if (!packet_checksum_place(p, &at)) {
		packet_free(p);
		return -EINVAL;
	}
	u32 header = at.start + (((const struct tcp_header *)(p->data + at.start))->offset >> 4) * 4u, text = p->len - header, number = 0;
	for (u32 from = 0; from < text && !err; from += p->segment, number++) {
		u32 part = MIN(text - from, (u32)p->segment);
		struct packet *s = packet_alloc(PACKET_HEADROOM, header + part, ALLOC_ATOMIC);
		if (!s) {
			err = -ENOBUFS;
			break;
		}
		memcpy(packet_append(s, header), p->data, header);
		memcpy(packet_append(s, part), p->data + header + from, part);
		s->network = s->data + at.network;
		s->mac = p->mac ? s->data + (p->mac - p->data) : NULL;
		s->ether_type = p->ether_type;
		s->kind = p->kind;
		write_headers(s, &at, from, number, from + part == text, !(d->features & NETDEV_CHECKSUM));
		err = netdev_transmit(d, s);
	}
	packet_free(p);
	return err;
}
