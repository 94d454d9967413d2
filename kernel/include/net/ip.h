/* IPv4: routes, output, and what protocols above it register. */
#ifndef NET_IP_H
#define NET_IP_H

#include "net/netdev.h"

/* --- routes (route.c) ---------------------------------------------------------------------------------------------- */

struct route {
	struct list link;   /* net_config_lock: longest masks first, then by metric */
	u32 destination, mask, gateway; /* gateway 0: on the link */
	u32 source;         /* preferred source address; 0: the device's */
	struct netdev *dev;
	u32 metric, flags;  /* RTF_* */
	u8 protocol, scope; /* for rtnetlink */
};
#define RTF_UP 1u
#define RTF_GATEWAY 2u
#define RTF_HOST 4u
#define RTF_REJECT 0x200u

enum ip_scope { IP_UNICAST, IP_LOCAL, IP_BROADCASTS, IP_MULTICASTS };
/* Where a packet goes. */
struct ip_path {
	struct netdev *dev;
	u32 next_hop;     /* the address that ARP is asked for */
	u32 source;       /* what we would call ourselves */
	enum ip_scope scope;
	u32 mtu;          /* of the path as far as it is known */
};
/* source 0: chosen; dev NULL: any. 0, -ENETUNREACH, -EHOSTUNREACH, -EINVAL (source is not ours). */
int ip_route(struct ip_path *out, u32 destination, u32 source, struct netdev *dev);
extern struct list routes; /* net_config_lock */
int route_add(const struct route *r);    /* copies it: 0, -EEXIST, -ENOMEM; net_config_lock not held */
int route_delete(const struct route *r); /* the first that agrees in all that is given: 0 or -ESRCH */
void routes_forget(struct netdev *d, u32 source); /* all of a device; only those of a source address if that is not 0 */

/* What an address is to us. */
enum ip_scope ip_scope_of(u32 address);
bool ip_is_local(u32 address);

/* --- addresses of devices (address.c) ------------------------------------------------------------------------------ */

int netdev_set_address(struct netdev *d, unsigned slot, const struct ip_address *a); /* with the routes that follow from it */

/* Path MTU (RFC 1191), learned from ICMP. */
void ip_learn_mtu(u32 destination, u32 mtu);
u32 ip_known_mtu(u32 destination, u32 device_mtu);

/* --- in and out ---------------------------------------------------------------------------------------------------- */

struct ip_options {
	u8 len; /* multiple of 4, at most 40 */
	u8 data[40];
};
struct ip_send {
	u32 source, destination;
	u8 protocol, ttl, tos;
	bool dont_fragment;
	const struct ip_options *options; /* NULL: none */
};
/* Lab 11a (ipv4.c). Each inside net_begin. */
void ip_receive(struct packet *p);  /* from the device: p->data at the IP header; takes it over */
/* Puts a header before p, and sends it along the path, in fragments if it must be; takes p over. 0 or -errno. */
int ip_send(struct packet *p, const struct ip_send *how, const struct ip_path *path);
/* Given (ip_fragment.c). */
struct packet *ip_reassemble(struct packet *p); /* the whole datagram when p was its last piece; else NULL, p was taken over */
int ip_fragment(struct packet *p, const struct ip_path *path);
/* Given (ip_output.c): p with its IP header, at most an MTU long, to the neighbour. */
int ip_transmit(struct packet *p, const struct ip_path *path);
/* Given (ip_options.c): are the options well-formed? Source routes are refused. */
bool ip_options_ok(const u8 *options, u32 len, u32 *bad_at);

/* Protocols above: IP_PROTOCOL(udp, .number = PROTO_UDP, …) */
struct ip_protocol {
	u8 number;
	void (*receive)(struct packet *p); /* p->data at the transport header, p->network at IP's; takes it over */
	/* An ICMP error about a packet of ours came: inner is its IP header, followed by at least 8 bytes. */
	void (*error)(const struct ip_header *inner, u32 inner_len, const struct icmp_header *icmp, u32 from);
};
#define IP_PROTOCOL(ident, ...) \
	static const struct ip_protocol ip_protocol_##ident = { __VA_ARGS__ }; \
	LINKER_SET(ip_protocols, ip_protocol_##ident)
LINKER_SET_DECLARE(ip_protocols, const struct ip_protocol);
/* Copies for raw sockets (raw.c): true if any took one. */
bool raw_deliver(struct packet *p, const struct ip_header *ip);

/* --- ICMP (icmp.c) ------------------------------------------------------------------------------------------------- */

/* Tells the sender of p, whose IP header is at p->network, about an error, within RFC 1122's rules and a rate. p stays the caller's. */
void icmp_error(struct packet *p, u8 type, u8 code, u32 rest);
/* What an ICMP error means to a program (RFC 1122 section 4.2.3.9): errno, and whether it ends a connection at once. 0: nothing. */
int icmp_errno(const struct icmp_header *h, bool *fatal);

/* --- ARP (Lab 11a, arp.c) ------------------------------------------------------------------------------------------ */

void arp_receive(struct packet *p); /* takes it over */
/* Sends p to a neighbour on an Ethernet, after asking for its address if that is not known; takes p over. */
int arp_transmit(struct netdev *d, u32 next_hop, struct packet *p);

/* --- counters (snmp.c) --------------------------------------------------------------------------------------------- */

/* As /proc/net/snmp has them (RFC 1213). Atomic adds. */
#define SNMP_FIELDS(F) \
	F(ip, InReceives) F(ip, InHdrErrors) F(ip, InAddrErrors) F(ip, ForwDatagrams) F(ip, InUnknownProtos) F(ip, InDiscards) F(ip, InDelivers) F(ip, OutRequests) \
	F(ip, OutDiscards) F(ip, OutNoRoutes) F(ip, ReasmTimeout) F(ip, ReasmReqds) F(ip, ReasmOKs) F(ip, ReasmFails) F(ip, FragOKs) F(ip, FragFails) F(ip, FragCreates) \
	F(icmp, InMsgs) F(icmp, InErrors) F(icmp, InCsumErrors) F(icmp, InDestUnreachs) F(icmp, InTimeExcds) F(icmp, InParmProbs) F(icmp, InEchos) F(icmp, InEchoReps) \
	F(icmp, OutMsgs) F(icmp, OutErrors) F(icmp, OutDestUnreachs) F(icmp, OutTimeExcds) F(icmp, OutParmProbs) F(icmp, OutEchos) F(icmp, OutEchoReps) \
	F(tcp, ActiveOpens) F(tcp, PassiveOpens) F(tcp, AttemptFails) F(tcp, EstabResets) F(tcp, InSegs) F(tcp, OutSegs) F(tcp, RetransSegs) F(tcp, InErrs) \
	F(tcp, OutRsts) F(tcp, InCsumErrors) \
	F(udp, InDatagrams) F(udp, NoPorts) F(udp, InErrors) F(udp, OutDatagrams) F(udp, RcvbufErrors) F(udp, SndbufErrors) F(udp, InCsumErrors)
#define SNMP_MEMBER(group, name) u64 group##_##name;
struct snmp {
	SNMP_FIELDS(SNMP_MEMBER)
};
extern struct snmp snmp;
#define SNMP(field) ((void)__atomic_fetch_add(&snmp.field, 1, __ATOMIC_RELAXED))

#endif
