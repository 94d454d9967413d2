/* ICMP (RFC 792): answers echoes, tells senders what went wrong, and hands errors about our own packets to the protocols that sent them. */
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/ip.h"
#include "time/time.h"

#define QUOTED 548u /* RFC 1812 section 4.3.2.3: as much as fits into 576 bytes */

/* RFC 1812 section 4.3.2.8: a bucket of 50 that a thousand a second fill. */
bool icmp_allowed(void)
{
	static struct spinlock lock = SPINLOCK_INIT("ICMP rate", RANK_NET_NEIGHBOUR);
	static u64 full_at; /* lock */
	u64 now = time_ns();

	spin_lock(&lock);
	bool ok = full_at <= now + 50 * NSEC_PER_MSEC;
	if (ok)
		full_at = MAX(full_at, now) + NSEC_PER_MSEC;
	spin_unlock(&lock);
	return ok;
}

static int send(struct packet *p, u32 source, u32 destination)
{
	struct ip_path path;
	struct icmp_header *h = (void *)p->data;
	int err = ip_route(&path, destination, source, NULL);

	if (err) {
		packet_free(p);
		return err;
	}
	SNMP(icmp_OutMsgs);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(0, p->data, p->len));
	struct ip_send how = { .source = path.source, .destination = destination, .protocol = PROTO_ICMP, .ttl = 64 };
	return ip_send(p, &how, &path);
}

/* --- errors that we tell ------------------------------------------------------------------------------------------- */

void icmp_error(struct packet *p, u8 type, u8 code, u32 rest)
{
	const struct ip_header *h = (const void *)p->network;
	u32 header = ip_header_len(h);
	/* The packet from its IP header on, as far as it lies in memory behind it. */
	u32 len = (u32)(p->data + p->len - p->network);

	/* RFC 1122 section 3.2.2: never about an ICMP error, a broadcast, a piece that is not the first, a source that is no host. */
	if (p->kind == PACKET_BROADCAST || p->kind == PACKET_MULTICAST || ip_scope_of(h->destination) > IP_LOCAL || be16(h->fragment) & IP_OFFSET_MASK)
		return;
	if (h->source == IP_ANY || ip_scope_of(h->source) > IP_LOCAL)
		return;
	if (h->protocol == PROTO_ICMP && len > header) {
		u8 about = p->network[header];
		if (about != ICMP_ECHO && about != ICMP_ECHO_REPLY && about != ICMP_TIMESTAMP && about != ICMP_TIMESTAMP_REPLY)
			return;
	}
	if (!icmp_allowed())
		return;
	len = MIN(len, QUOTED);
	struct packet *e = packet_alloc(PACKET_HEADROOM, (u32)sizeof(struct icmp_header) + len, ALLOC_ATOMIC);
	if (!e)
		return;
	struct icmp_header *icmp = packet_append(e, sizeof(*icmp));
	*icmp = (struct icmp_header){ .type = type, .code = code };
	icmp->rest = type == ICMP_PARAMETER_PROBLEM ? rest & 0xff : be32(rest);
	memcpy(packet_append(e, len), p->network, len);
	if (type == ICMP_UNREACHABLE)
		SNMP(icmp_OutDestUnreachs);
	else if (type == ICMP_TIME_EXCEEDED)
		SNMP(icmp_OutTimeExcds);
	else if (type == ICMP_PARAMETER_PROBLEM)
		SNMP(icmp_OutParmProbs);
	send(e, h->destination, h->source);
}

/* --- what comes ---------------------------------------------------------------------------------------------------- */

static int icmp_errno(const struct icmp_header *h, bool *fatal)
{
	/* As Linux: by the code of an unreachable. */
	static const struct {
		u8 err;
		bool fatal;
	} unreachable[] = {
		{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true }, { ECONNREFUSED, true }, { EMSGSIZE, false }, { EOPNOTSUPP, false },
		{ ENETUNREACH, true }, { EHOSTDOWN, true }, { ENONET, true }, { ENETUNREACH, true }, { EHOSTUNREACH, true }, { ENETUNREACH, false },
		{ EHOSTUNREACH, false }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true },
	};

	*fatal = false;
	switch (h->type) {
	case ICMP_UNREACHABLE:
		if (h->code >= ARRAY_SIZE(unreachable))
			return 0;
		*fatal = unreachable[h->code].fatal;
		return unreachable[h->code].err;
	case ICMP_PARAMETER_PROBLEM:
		*fatal = true;
		return EPROTO;
	case ICMP_TIME_EXCEEDED:
		return EHOSTUNREACH;
	}
	return 0;
}

static void receive_error(struct packet *p, const struct icmp_header *h, u32 from)
{
	const struct ip_header *inner = (const void *)(p->data + sizeof(*h));
	u32 len = p->len - (u32)sizeof(*h);

	if (len < sizeof(*inner) || inner->version_ihl >> 4 != 4 || ip_header_len(inner) < sizeof(*inner) || ip_header_len(inner) + 8 > len)
		return;
	if (h->type == ICMP_UNREACHABLE && h->code == ICMP_FRAGMENTATION_NEEDED && be16(h->mtu) >= 68)
		path_mtu_learn(address_v4(inner->destination), be16(h->mtu));
	u32 header = ip_header_len(inner);
	struct inet_error e = {
		.local = address_v4(inner->source), .remote = address_v4(inner->destination), .from = address_v4(from), .dev = p->dev,
		.transport = (const u8 *)inner + header, .len = len - header, .origin = SO_EE_ORIGIN_ICMP, .type = h->type, .code = h->code,
	};
	e.err = icmp_errno(h, &e.fatal);
	if (e.err == EMSGSIZE)
		e.info = be16(h->mtu);
	inet_error_deliver(&e, inner->protocol);
}

/* RFC 1122 section 3.2.2.6: back with the same data, from the address that was asked. */
static void echo_reply(struct packet *p, const struct ip_header *ip)
{
	struct packet *r;
	u32 source = p->kind == PACKET_HOST && ip_is_local(ip->destination) ? ip->destination : IP_ANY, destination = ip->source;

	SNMP(icmp_InEchos);
	if (p->kind != PACKET_HOST)
		return;
	r = packet_alloc(PACKET_HEADROOM, p->len, ALLOC_ATOMIC);
	if (!r)
		return;
	memcpy(packet_append(r, p->len), p->data, p->len);
	((struct icmp_header *)r->data)->type = ICMP_ECHO_REPLY;
	SNMP(icmp_OutEchoReps);
	send(r, source, destination);
}

static void icmp_receive(struct packet *p)
{
	const struct ip_header *ip = (const void *)p->network;
	const struct icmp_header *h = (const void *)p->data;

	SNMP(icmp_InMsgs);
	if (p->len < sizeof(*h)) {
		SNMP(icmp_InErrors);
	} else if (checksum_fold(checksum_add(0, p->data, p->len)) != 0) {
		SNMP(icmp_InCsumErrors);
		SNMP(icmp_InErrors);
	} else {
		switch (h->type) {
		case ICMP_ECHO:
			echo_reply(p, ip);
			break;
		case ICMP_ECHO_REPLY:
			SNMP(icmp_InEchoReps);
			break;
		case ICMP_UNREACHABLE:
			SNMP(icmp_InDestUnreachs);
			receive_error(p, h, ip->source);
			break;
		case ICMP_TIME_EXCEEDED:
			SNMP(icmp_InTimeExcds);
			receive_error(p, h, ip->source);
			break;
		case ICMP_PARAMETER_PROBLEM:
			SNMP(icmp_InParmProbs);
			receive_error(p, h, ip->source);
			break;
		}
	}
	packet_free(p);
}
IP_PROTOCOL(icmp, .number = PROTO_ICMP, .families = CARRIED_BY_V4, .receive = icmp_receive);
