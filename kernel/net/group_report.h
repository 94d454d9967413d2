/*
 * What routers and switches are told of the groups that we are in: IGMP (RFC 3376, RFC 2236) for IPv4, MLD (RFC 3810, RFC 2710) for IPv6.
 *
 *   multicast.c ── joined, left ──► group_report.c ── what is due ──► igmp.c, mld.c ──► the wire
 *                                        ▲                                 │
 *                                        └────────── queried ──────────────┘
 *
 * A change is told at once and a second time, since a report may be lost; a question is answered after a random delay, for all groups or for one.
 */
#ifndef NET_GROUP_REPORT_H
#define NET_GROUP_REPORT_H

#include "ipv6_priv.h"

/* A record of a report; the numbers are those of both protocols (RFC 3376 section 4.2.12). We ask for all senders: a filter with nothing excluded. */
enum group_record { GROUP_IS_EXCLUDE = 2, GROUP_TO_INCLUDE = 3 /* left */, GROUP_TO_EXCLUDE = 4 /* joined */ };
struct group_told {
	struct address group;
	enum group_record what;
};
#define GROUP_RECORDS_MAX 32u /* in one report */

/* A socket joined a group on a device, or left it. Of groups that are not told (the loopback, all hosts, of the node alone) nothing is kept. Any context. */
void group_report_joined(struct address group, int device);
void group_report_left(struct address group, int device);
/* A router asks for one group of d, or (any) for all of a family; it wants to know within `delay` ns. Inside net_begin. */
void group_report_queried(struct netdev *d, struct address group, bool ip6, u64 delay);
/* A router of an older version asked: the next minutes its language is spoken. */
void group_report_older(struct netdev *d, bool ip6, u8 version);
/* The version to speak to d's routers: IGMP 1 to 3, MLD 1 or 2. */
u8 group_report_version(const struct netdev *d, bool ip6);

/* igmp.c, mld.c: tells n groups, one datagram or (older versions) one for each. Inside net_begin. */
void igmp_tell(struct netdev *d, const struct group_told *told, unsigned n);
void mld_tell(struct netdev *d, const struct group_told *told, unsigned n);
void mld_receive(struct packet *p); /* a question; p->data at ICMPv6's header, whose checksum is right; p stays the caller's */
void group_reports_init(void);

/* The delay of a question, in units of its code: a number, or mantissa and exponent (RFC 3376 section 4.1.1: 4 and 3 bits; RFC 3810 section 5.1.3: 12 and 3). */
static inline u32 group_query_delay(u32 code, u32 mantissa_bits)
{
	u32 exponent = code >> mantissa_bits & 7, mantissa = code & ((1u << mantissa_bits) - 1);

	return code >> (mantissa_bits + 3) ? (mantissa | 1u << mantissa_bits) << (exponent + 3) : code;
}

#endif
