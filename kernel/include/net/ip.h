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
	u32 mtu;            /* not 0: of paths by it, at most */
	u32 table;          /* 0: the one that is looked at; the others are only told of, as long as there are no rules */
	u8 protocol, scope, type; /* for rtnetlink; type 0: one that leads somewhere */
	u8 nexthop_flags;   /* RTNH_F_* */
	s16 error;          /* of RTF_REJECT: what a packet by it meets; 0: -EHOSTUNREACH */
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
/* The same with a program's wishes, NLM_F_*: CREATE (else -ENOENT if none is like it), EXCL, REPLACE, APPEND (else it comes before those like it). */
int route_insert(const struct route *r, u32 how);
int route_delete(const struct route *r); /* the first that agrees in all that is given: 0 or -ESRCH */
void routes_forget(struct netdev *d, u32 source); /* all of a device; only those of a source address if that is not 0 */

/* What an address is to us. */
enum ip_scope ip_scope_of(u32 address);
bool ip_is_local(u32 address);

/* --- addresses of devices (address.c) ------------------------------------------------------------------------------ */

int netdev_set_address(struct netdev *d, unsigned slot, const struct ip_address *a); /* with the routes that follow from it */

/* Path MTU of both families, learned from ICMP (path_mtu.c). */
void path_mtu_learn(struct address destination, u32 mtu);
u32 path_mtu_known(struct address destination, u32 device_mtu);

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
/*
 * ipv4.c (lab 11). From the device, inside net_begin: p->data at the IP header, p->kind set; takes p over. Dropped are: what was for another Ethernet address;
 * a header that cannot be (version, lengths, checksum); a source that is no single host, or, unless p came by `loopback`, one that is our own or of the net
 * 127, which cannot be a destination then either; a destination that is not ours; options that ip_options_ok refuses, which the sender hears of (a parameter
 * problem that points at the bad one, counted from the start of the header). Pieces go to ip_reassemble. A whole datagram goes to raw sockets (raw_deliver)
 * and, if IPv4 carries it, to its protocol with p->network at IP's header, p->data and p->transport behind it, and not a byte more than the header says;
 * if there is neither, the sender hears of it. Counters: ip_In*. Every frame that holds IPv4 is one of
 * InReceives, also one that is another host's; bad options are InHdrErrors; what a protocol or, alone, a raw socket takes is one of InDelivers.
 */
void ip_receive(struct packet *p);
/* Given (ip_output.c), inside net_begin. Puts a header before p, and sends it along the path, in fragments if it must be; takes p over. 0 or -errno. */
int ip_send(struct packet *p, const struct ip_send *how, const struct ip_path *path);
/* Given (ip_fragment.c). */
struct packet *ip_reassemble(struct packet *p); /* the whole datagram when p was its last piece; else NULL, p was taken over */
int ip_fragment(struct packet *p, const struct ip_path *path);
/* Given (ip_output.c): p with its IP header, at most an MTU long, to the neighbour. */
int ip_transmit(struct packet *p, const struct ip_path *path);
/* Given (ip_options.c): are the options well-formed? Source routes are refused. */
bool ip_options_ok(const u8 *options, u32 len, u32 *bad_at);

/* --- both families -------------------------------------------------------------------------------------------------- */

/* Where a packet goes, of either family: what struct ip_path is to IPv4. */
struct inet_path {
	const struct inet_family *family;
	struct netdev *dev;
	struct address next_hop, source;
	enum ip_scope scope;
	u32 mtu;
};
static inline struct ip_path ip_path_of(const struct inet_path *p)
{
	return (struct ip_path){ .dev = p->dev, .next_hop = address_to_v4(p->next_hop), .source = address_to_v4(p->source), .scope = p->scope, .mtu = p->mtu };
}
struct inet_send {
	struct address source, destination;
	u8 protocol, ttl, tos;
	bool dont_fragment;
	const struct ip_options *options; /* IPv4's; NULL: none */
};
/*
 * A family as transports see it. Which one carries a packet, its destination's address says: family_of (inet_family.c). Each inside net_begin but scope_of
 * and route.
 */
struct inet_family {
	u16 family;     /* AF_* */
	u32 header_len; /* without options */
	/* source any: chosen; dev NULL: any. 0 or -errno. */
	int (*route)(struct inet_path *out, struct address to, struct address source, struct netdev *dev);
	int (*send)(struct packet *p, const struct inet_send *how, const struct inet_path *path); /* as ip_send */
	enum ip_scope (*scope_of)(struct address a, const struct netdev *dev); /* dev: where it was met; NULL: anywhere */
	void (*port_unreachable)(struct packet *p); /* tells its sender; p stays the caller's */
};
extern const struct inet_family ipv4_family, ipv6_family;
static inline const struct inet_family *family_of(struct address a) { return address_is_v4(a) ? &ipv4_family : &ipv6_family; }

/* The addresses of a packet whose network header was checked or written. */
static inline struct address packet_source(const struct packet *p)
{
	if (*p->network >> 4 == 4)
		return address_v4(((const struct ip_header *)p->network)->source);
	return ((const struct ip6_header *)p->network)->source;
}
static inline struct address packet_destination(const struct packet *p)
{
	if (*p->network >> 4 == 4)
		return address_v4(((const struct ip_header *)p->network)->destination);
	return ((const struct ip6_header *)p->network)->destination;
}

/* An ICMP error about a packet of ours. */
struct inet_error {
	struct address local, remote; /* the packet's source and destination */
	const u8 *transport;          /* its transport header, at least 8 bytes of it, and what came along behind */
	u32 len;
	struct netdev *dev;           /* where the error came in */
	int err;                      /* what it means to a program (RFC 1122 section 4.2.3.9): errno; 0: nothing */
	bool fatal;                   /* … and whether it ends a connection at once */
	u8 protocol, origin, type, code; /* SO_EE_ORIGIN_*, and as the error has them */
	u32 info;                     /* the MTU of one about that */
	struct address from;          /* who says so */
};

/* Protocols above: IP_PROTOCOL(udp, .number = PROTO_UDP, .families = CARRIED_BY_BOTH, …) */
#define CARRIED_BY_V4 1
#define CARRIED_BY_V6 2
#define CARRIED_BY_BOTH 3
struct ip_protocol {
	u8 number, families;
	void (*receive)(struct packet *p); /* p->data at the transport header, p->network at IP's; takes it over */
	void (*error)(const struct inet_error *e);
};
#define IP_PROTOCOL(ident, ...) \
	static const struct ip_protocol ip_protocol_##ident = { __VA_ARGS__ }; \
	LINKER_SET(ip_protocols, ip_protocol_##ident)
LINKER_SET_DECLARE(ip_protocols, const struct ip_protocol);
/* Copies for raw sockets (raw.c): true if any took one. */
bool raw_deliver(struct packet *p, u8 protocol);

/* --- ICMP (icmp.c) ------------------------------------------------------------------------------------------------- */

/* Tells the sender of p, whose IP header is at p->network, about an error, within RFC 1122's rules and a rate. p stays the caller's. */
void icmp_error(struct packet *p, u8 type, u8 code, u32 rest);

bool icmp_allowed(void); /* may one more error be sent now? */

/* --- neighbours (arp.c, lab 11) ------------------------------------------------------------------------------------ */

/*
 * An ARP message from p->dev, p->data at its header; takes it over. Nothing is learned from, or said to, one that is not ours to hear (PACKET_OTHERHOST, a
 * device without ARP), is none of IPv4 on Ethernet, or has a sender that cannot be a host. What a sound one says of its sender is kept if the sender is in the
 * table or the message is for an address of ours (of that device: address_of_device): then all packets that waited for him go out, in their order. A question for an address of ours is answered
 * to him who asked. From a sender without an IP address (0, RFC 5227) nothing is learned; one with ours is told (arp_defend), and hears nothing else, unless it was our own message.
 */
void arp_receive(struct packet *p);
/*
 * Sends p, whose ether_type is set, to a neighbour on an Ethernet; takes it over: 0 or -errno, the device's too. Inside net_begin. One whose address is
 * not known yet is made, p waits, and the first time he is asked for: n->asked says when the last question went out, n->tries how many did. n->used is
 * kept for him who ages.
 */
int neighbour_transmit(struct netdev *d, struct address next_hop, struct packet *p);

/* --- counters (snmp.c) --------------------------------------------------------------------------------------------- */

/* As /proc/net/snmp has them (RFC 1213). Atomic adds. */
#define SNMP_FIELDS(F) \
	F(ip, InReceives) F(ip, InHdrErrors) F(ip, InAddrErrors) F(ip, ForwDatagrams) F(ip, InUnknownProtos) F(ip, InDiscards) F(ip, InDelivers) F(ip, OutRequests) \
	F(ip, OutDiscards) F(ip, OutNoRoutes) F(ip, ReasmTimeout) F(ip, ReasmReqds) F(ip, ReasmOKs) F(ip, ReasmFails) F(ip, FragOKs) F(ip, FragFails) F(ip, FragCreates) \
	F(icmp, InMsgs) F(icmp, InErrors) F(icmp, InCsumErrors) F(icmp, InDestUnreachs) F(icmp, InTimeExcds) F(icmp, InParmProbs) F(icmp, InEchos) F(icmp, InEchoReps) \
	F(icmp, OutMsgs) F(icmp, OutErrors) F(icmp, OutDestUnreachs) F(icmp, OutTimeExcds) F(icmp, OutParmProbs) F(icmp, OutEchos) F(icmp, OutEchoReps) \
	F(ip6, InReceives) F(ip6, InHdrErrors) F(ip6, InNoRoutes) F(ip6, InAddrErrors) F(ip6, InUnknownProtos) F(ip6, InDelivers) F(ip6, OutRequests) F(ip6, OutNoRoutes) \
	F(ip6, FragOKs) F(ip6, FragFails) F(ip6, FragCreates) F(icmp6, InMsgs) F(icmp6, InErrors) F(icmp6, OutMsgs) F(icmp6, OutErrors) \
	F(tcp, ActiveOpens) F(tcp, PassiveOpens) F(tcp, AttemptFails) F(tcp, EstabResets) F(tcp, InSegs) F(tcp, OutSegs) F(tcp, RetransSegs) F(tcp, InErrs) \
	F(tcp, OutRsts) F(tcp, InCsumErrors) \
	F(udp, InDatagrams) F(udp, NoPorts) F(udp, InErrors) F(udp, OutDatagrams) F(udp, RcvbufErrors) F(udp, SndbufErrors) F(udp, InCsumErrors) \
	F(udplite, InDatagrams) F(udplite, NoPorts) F(udplite, InErrors) F(udplite, OutDatagrams) F(udplite, RcvbufErrors) F(udplite, SndbufErrors) F(udplite, InCsumErrors)
#define SNMP_MEMBER(group, name) u64 group##_##name;
struct snmp {
	SNMP_FIELDS(SNMP_MEMBER)
};
extern struct snmp snmp;
#define SNMP(field) ((void)__atomic_fetch_add(&snmp.field, 1, __ATOMIC_RELAXED))

#endif
