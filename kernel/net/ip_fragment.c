/*
 * Fragments of both families (RFC 791 sections 2.3 and 3.2, RFC 8200 section 4.5; limits and errors after RFC 1122 section 3.3.2).
 *
 * Pieces of a datagram wait in its queue, sorted by offset. Pieces that overlap kill the whole datagram (RFC 5722 for IPv6, and Linux for IPv4): no honest
 * sender makes them. One that brings nothing but what is there came twice, and is left out: wires double packets. Memory is limited twice: by the number of
 * queues, the oldest of which goes, and by the bytes of one datagram.
 *
 * Lock: fragment_lock guards all queues.
 */
#include "fragment_priv.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/ip.h"
#include "net/timer.h"
#include "setting_priv.h"

#define QUEUES_MAX 64
#define PIECES_MAX 128             /* of a datagram: 64 KiB in pieces of 576 and some */

struct queue {
	struct list link;   /* oldest first */
	struct fragment_key key;
	bool whole_known;   /* the last piece was seen */
	u32 total, have;    /* bytes of data */
	u32 pieces;
	struct list packets; /* by fragment.from; each begins with its data, network at its own header */
	u64 until;
};

/* Seconds that a queue waits for its last piece: IPv4 as Linux, though RFC 1122 section 3.3.2 asks for 60 to 120; IPv6 after RFC 8200 section 4.5. */
static u32 patience = 30, patience6 = 60;
NET_SETTING(patience, "ipv4/ipfrag_time", &patience, 1, 1, 3600);
NET_SETTING(patience6, "ipv6/ip6frag_time", &patience6, 1, 1, 3600);

static struct spinlock fragment_lock = SPINLOCK_INIT("IP fragments", RANK_NET_FRAGMENT);
static struct list queues = LIST_INIT(queues); /* fragment_lock */
static u32 queue_count;                        /* fragment_lock */
static void fragments_due(struct net_timer *t);
static struct net_timer timer = { .deadline = TIME_NEVER, .fn = fragments_due };

static void arm(void)
{
	if (net_timer_arm(&timer, time_ns() + NSEC_PER_SEC)) {
		/* Nobody counts it: it is static. */
	}
}

/* fragment_lock held. The packets go onto `dead`. */
static void queue_drop(struct queue *q, struct list *dead)
{
	list_del(&q->link);
	queue_count--;
	list_splice_tail(dead, &q->packets);
	kfree(q);
}

/* What has waited too long: its sender is told, if the first piece is there (RFC 792). */
static void fragments_due(struct net_timer *t __unused)
{
	struct list dead, told;
	struct packet *p, *next;
	struct queue *q, *after;

	list_init(&dead);
	list_init(&told);
	spin_lock(&fragment_lock);
	list_for_each_safe(q, after, &queues, link) {
		if (q->until > time_ns())
			continue;
		SNMP(ip_ReasmTimeout);
		SNMP(ip_ReasmFails);
		p = list_first(&q->packets, struct packet, link);
		if (q->pieces && !p->fragment.from) {
			list_del(&p->link);
			list_add_tail(&told, &p->link);
		}
		queue_drop(q, &dead);
	}
	bool more = !list_empty(&queues);
	spin_unlock(&fragment_lock);
	list_for_each_safe(p, next, &told, link) {
		if (*p->network >> 4 == 4)
			icmp_error(p, ICMP_TIME_EXCEEDED, 1, 0);
		else
			icmp6_error(p, ICMP6_TIME_EXCEEDED, 1, 0);
		list_del(&p->link);
		packet_free(p);
	}
	packet_list_free(&dead);
	if (more)
		arm();
}

static bool same(const struct fragment_key *a, const struct fragment_key *b)
{
	return a->id == b->id && a->protocol == b->protocol && address_equal(a->source, b->source) && address_equal(a->destination, b->destination);
}

/* fragment_lock held. NULL if memory is short. */
static struct queue *queue_of(const struct fragment_key *key, struct list *dead)
{
	struct queue *q;

	list_for_each(q, &queues, link)
		if (same(&q->key, key))
			return q;
	if (queue_count >= QUEUES_MAX) {
		SNMP(ip_ReasmFails);
		queue_drop(list_first(&queues, struct queue, link), dead);
	}
	q = kzalloc(sizeof(*q), ALLOC_ATOMIC);
	if (!q)
		return NULL;
	q->key = *key;
	q->until = time_ns() + (address_is_v4(key->destination) ? READ_ONCE(patience) : READ_ONCE(patience6)) * NSEC_PER_SEC;
	list_init(&q->packets);
	list_add_tail(&queues, &q->link);
	queue_count++;
	return q;
}

enum inserted { KEPT, CAME_TWICE, CONTRADICTS };

/* Puts p into its place. fragment_lock held. */
static enum inserted queue_insert(struct queue *q, struct packet *p, bool last)
{
	u32 from = p->fragment.from, to = p->fragment.to, there = 0;
	struct packet *at, *before = NULL;

	if (q->whole_known && (last ? to != q->total : to > q->total))
		return CONTRADICTS;
	list_for_each(at, &q->packets, link) {
		if (last && at->fragment.to > to)
			return CONTRADICTS;
		if (from < at->fragment.to && to > at->fragment.from)
			there += MIN(to, at->fragment.to) - MAX(from, at->fragment.from);
		else if (!before && at->fragment.from >= to)
			before = at;
	}
	if (there)
		return there == to - from ? CAME_TWICE : CONTRADICTS;
	if (q->pieces >= PIECES_MAX)
		return CONTRADICTS;
	if (last) {
		q->whole_known = true;
		q->total = to;
	}
	list_add_tail(before ? &before->link : &q->packets, &p->link);
	q->pieces++;
	q->have += to - from;
	return KEPT;
}

/* All pieces as one packet with the first one's header; NULL if memory is short. */
static struct packet *join(struct list *pieces, u32 total)
{
	struct packet *first = list_first(pieces, struct packet, link), *p;
	const struct ip_header *old = (const void *)first->network;
	u32 header = ip_header_len(old);
	struct packet *whole = NULL;

	if (header + total <= IP_PACKET_MAX)
		whole = packet_alloc(PACKET_HEADROOM, header + total, ALLOC_ATOMIC);
	if (!whole)
		return NULL;
	struct ip_header *h = packet_append(whole, header);
	memcpy(h, old, header);
	list_for_each(p, pieces, link)
		memcpy(packet_append(whole, p->len), p->data, p->len);
	h->fragment = 0;
	h->total_len = be16((u16)whole->len);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(0, h, header));
	whole->network = whole->data;
	whole->dev = first->dev;
	whole->ether_type = ETHER_IP;
	whole->kind = first->kind;
	whole->stamp = first->stamp;
	whole->verified = first->dev == loopback;
	return whole;
}

struct packet *ip_reassemble(struct packet *p)
{
	const struct ip_header *h = (const void *)p->network;
	u16 word = be16(h->fragment);
	u32 from = (word & IP_OFFSET_MASK) * 8u, len = p->len - ip_header_len(h);
	bool last = !(word & IP_MORE_FRAGMENTS);

	SNMP(ip_ReasmReqds);
	/* All but the last are multiples of 8; none reaches past what a datagram may be. */
	if (!len || (!last && len % 8) || from + len > IP_PACKET_MAX - sizeof(*h)) {
		fragment_refuse(p);
		return NULL;
	}
	struct fragment_key key = { .source = address_v4(h->source), .destination = address_v4(h->destination), .id = h->id, .protocol = h->protocol };
	packet_pull(p, ip_header_len(h));
	p->fragment.from = from;
	p->fragment.to = from + len;
	return fragment_add(&key, p, last, join);
}

void fragment_refuse(struct packet *p)
{
	SNMP(ip_ReasmFails);
	packet_free(p);
}

struct packet *fragment_add(const struct fragment_key *key, struct packet *p, bool last, struct packet *(*join_all)(struct list *pieces, u32 total))
{
	enum inserted how = CONTRADICTS;
	struct packet *whole = NULL;
	struct list dead;

	list_init(&dead);
	spin_lock(&fragment_lock);
	struct queue *q = packet_memory_short() ? NULL : queue_of(key, &dead);
	if (q)
		how = queue_insert(q, p, last);
	if (how != KEPT)
		list_add(&dead, &p->link);
	if (how == CONTRADICTS) {
		if (q)
			queue_drop(q, &dead);
		SNMP(ip_ReasmFails);
	} else if (q->whole_known && q->have == q->total) {
		whole = join_all(&q->packets, q->total);
		if (whole)
			SNMP(ip_ReasmOKs);
		else
			SNMP(ip_ReasmFails);
		queue_drop(q, &dead);
	}
	bool waiting = queue_count;
	spin_unlock(&fragment_lock);
	packet_list_free(&dead);
	if (waiting && !READ_ONCE(timer.queued))
		arm();
	return whole;
}

int ip_fragment(struct packet *p, const struct ip_path *path)
{
	const struct ip_header *h = (const void *)p->data;
	u32 header = ip_header_len(h), room = ALIGN_DOWN(path->mtu - header, 8u);
	int err = 0;

	for (u32 at = 0; !err && at < p->len - header; at += room) {
		u32 len = MIN(room, p->len - header - at);
		bool more = at + len < p->len - header;
		struct packet *piece = packet_alloc(PACKET_HEADROOM, header + len, ALLOC_ATOMIC);
		if (!piece) {
			err = -ENOBUFS;
			break;
		}
		struct ip_header *new = packet_append(piece, header);
		memcpy(new, h, header);
		memcpy(packet_append(piece, len), p->data + header + at, len);
		new->total_len = be16((u16)(header + len));
		new->fragment = be16((u16)(at / 8 | (more ? IP_MORE_FRAGMENTS : 0)));
		new->checksum = 0;
		new->checksum = checksum_fold(checksum_add(0, new, header));
		piece->network = piece->data;
		SNMP(ip_FragCreates);
		err = ip_transmit(piece, path);
	}
	if (err)
		SNMP(ip_FragFails);
	else
		SNMP(ip_FragOKs);
	packet_free(p);
	return err;
}
