/*
 * IPv4, what comes in (RFC 791, with the demands of RFC 1122 on hosts): a datagram is checked field by field, and handed to the protocol that it is for.
 *
 *     for somebody else's Ethernet address? → the header → the addresses → ours? → options → a piece? put together → raw sockets → TCP, UDP, ICMP …
 *
 * Nobody believes a field before it was checked. What is dropped is counted (SNMP), and most of it is dropped in silence: only a sender whose datagram was
 * sound as far as it was read hears why it did not get through.
 */
#include "net/ip.h"

#include "core/todo.h"
#include "inet_priv.h"

#ifdef SOLUTION
/* RFC 1122 section 3.2.1: the checks that every datagram must pass. On success p holds the datagram and nothing else. */
static bool header_ok(struct packet *p)
{
	const struct ip_header *h = (const void *)p->data;

	if (p->len < sizeof(*h) || h->version_ihl >> 4 != 4)
		return false;
	u32 header = ip_header_len(h), total = be16(h->total_len);
	if (header < sizeof(*h) || header > p->len || total < header || total > p->len)
		return false;
	if (checksum_fold(checksum_add(0, h, header)) != 0)
		return false;
	packet_trim(p, total); /* short frames are padded */
	return true;
}

/* RFC 1122 section 3.2.1.3: a source is one host, the loopback net stays inside, and nobody else has our address: one that comes with it is forged ("Land"). */
static bool addresses_ok(const struct packet *p, const struct ip_header *h)
{
	enum ip_scope from = ip_scope_of(h->source);

	if (from > IP_LOCAL) /* the broadcast of a net of ours too: an answer to it would be heard by all */
		return false;
	return p->dev == loopback || !(ip_is_loopback(h->source) || ip_is_loopback(h->destination) || from == IP_LOCAL);
}

/* The datagram is whole and ours. */
static void deliver(struct packet *p)
{
	const struct ip_header *h = (const void *)p->network;
	const struct ip_protocol *protocol = ip_protocol_of(h->protocol);

	packet_pull(p, ip_header_len(h));
	p->transport = p->data;
	bool raw = raw_deliver(p, h->protocol);
	if (protocol && protocol->families & CARRIED_BY_V4) {
		SNMP(ip_InDelivers);
		protocol->receive(p);
		return;
	}
	if (raw) {
		SNMP(ip_InDelivers);
	} else {
		SNMP(ip_InUnknownProtos);
		icmp_error(p, ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, 0);
	}
	packet_free(p);
}
#endif

void ip_receive(struct packet *p)
{
#ifdef SOLUTION
	u32 bad;

	SNMP(ip_InReceives);
	if (p->kind == PACKET_OTHERHOST)
		goto drop;
	if (!header_ok(p)) {
		SNMP(ip_InHdrErrors);
		goto drop;
	}
	const struct ip_header *h = (const void *)p->data;
	p->network = p->data;
	if (!addresses_ok(p, h)) {
		SNMP(ip_InAddrErrors);
		goto drop;
	}
	/* A host forwards nothing (RFC 1122 section 3.3.4.2), and says nothing of what is not for it: it has no name of its own to say it by (3.2.1.3). */
	if (ip_scope_of(h->destination) == IP_UNICAST) {
		SNMP(ip_InAddrErrors);
		goto drop;
	}
	if (!ip_options_ok((const u8 *)(h + 1), ip_header_len(h) - sizeof(*h), &bad)) {
		SNMP(ip_InHdrErrors);
		icmp_error(p, ICMP_PARAMETER_PROBLEM, 0, (u32)sizeof(*h) + bad);
		goto drop;
	}
	if (be16(h->fragment) & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK)) {
		p = ip_reassemble(p);
		if (!p)
			return;
	}
	deliver(p);
	return;
drop:
	packet_free(p);
#else
	TODO("11-net");
#endif
}
