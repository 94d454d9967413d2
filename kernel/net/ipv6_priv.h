/*
 * IPv6 (RFC 8200) between its files.
 *
 *     ipv6.c          in: the header, the chain of extension headers; out       icmpv6.c       echoes, errors both ways (RFC 4443)
 *     ipv6_fragment.c pieces, by ip_fragment.c's queues                          ndisc.c        neighbours (RFC 4861): who has this address
 *     ipv6_route.c    routes, our addresses by scope, choice of a source         ndisc_router.c what routers advertise, SLAAC (RFC 4862)
 *     ipv6_address.c  addresses of devices: their life, duplicate detection      ipv6_options.c SOL_IPV6; ipv6_proc.c /proc/net, rtnetlink_ipv6.c
 *
 * An address is tentative until nobody answered for it (RFC 4862 section 5.4): until then it is not ours. Locks are IPv4's: net_config_lock guards
 * addresses and routes, neighbour_lock the neighbours of both families.
 */
#ifndef NET_IPV6_PRIV_H
#define NET_IPV6_PRIV_H

#include "abi/netlink.h"
#include "inet_priv.h"

#define IPV6_MTU_LEAST 1280u /* RFC 8200 section 5 */
enum { NEXT_HOP_BY_HOP = 0, NEXT_ROUTING = 43, NEXT_FRAGMENT = 44, NEXT_ICMPV6 = 58, NEXT_NONE = 59, NEXT_DESTINATION = 60 };

struct ip6_fragment_header {
	u8 next_header, reserved;
	u16 offset_more; /* offset in units of 8 bytes in the upper 13 bits, bit 0: more */
	u32 id;
} __packed;
_Static_assert(sizeof(struct ip6_fragment_header) == 8, "RFC 8200 section 4.5");

enum { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAMETER_PROBLEM, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY, ICMP6_LISTENER_QUERY, ICMP6_ROUTER_SOLICITATION = 133,
       ICMP6_ROUTER_ADVERTISEMENT, ICMP6_NEIGHBOUR_SOLICITATION, ICMP6_NEIGHBOUR_ADVERTISEMENT, ICMP6_REDIRECT };
struct icmp6_header {
	u8 type, code;
	u16 checksum;
	u32 rest;
} __packed;

struct route6 {
	struct list link;    /* net_config_lock: longest prefixes first, then by metric */
	struct address destination, gateway; /* gateway any: on the link */
	u8 prefix_len, protocol;
	struct netdev *dev;
	u32 metric, flags;   /* RTF_* */
	u64 until;           /* time_ns; TIME_NEVER: for ever */
};
extern struct list routes6; /* net_config_lock */

/* ipv6_route.c */
int ip6_route(struct inet_path *out, struct address to, struct address source, struct netdev *dev);
enum ip_scope ip6_scope_of(struct address a, const struct netdev *dev);
struct address ip6_source_for(const struct netdev *d, struct address to); /* any: there is none. net_config_lock not held */
int route6_add(const struct route6 *r);    /* copies it: 0, -EEXIST, -ENOMEM */
int route6_replace(const struct route6 *r); /* the one to the same destination by the same way, or a new one */
int route6_delete(const struct route6 *like);
void routes6_forget(struct netdev *d);
void routes6_expire(u64 now);
bool prefix_equal(struct address a, struct address b, u32 bits);
struct address prefix_of_address(struct address a, u32 bits);

/* ipv6_address.c */
int ip6_address_add(struct netdev *d, const struct ip6_address *a); /* 0, -EEXIST, -ENOBUFS; begins duplicate address detection */
int ip6_address_delete(struct netdev *d, struct address a, u8 prefix_len);
void ip6_address_conflict(struct netdev *d, struct address a);      /* somebody else has it */
bool ip6_is_tentative(const struct netdev *d, struct address a);
/* Does d hear what goes to this group: for every node, or for an address of ours? */
bool ip6_group_of_ours(const struct netdev *d, struct address group);
struct address ip6_link_local(const struct netdev *d);              /* any: there is none yet */
void ip6_interface_id(const struct netdev *d, struct address *a);   /* the lower half, from the link-layer address (RFC 4291 appendix A) */
void ip6_watch(void);                                               /* something is to be done in time */

/* ipv6.c */
void ip6_receive(struct packet *p);
int ip6_send(struct packet *p, const struct inet_send *how, const struct inet_path *path);
int ip6_transmit(struct packet *p, const struct inet_path *path);   /* with its header, at most an MTU long */
void ip6_multicast_address(u8 *to, struct address group);           /* RFC 2464 section 7 */
void ip6_header_write(struct packet *p, struct address source, struct address destination, u8 next, u8 hops, u8 class);
/* The chain of headers of a packet that was quoted: where the transport header begins, 0 if it is not there or not the first piece's. */
u32 ip6_upper(const u8 *packet, u32 len, u8 *protocol);

/* ipv6_fragment.c */
/* p->data at the IPv6 header, its fragment header at `at`, named by the byte at next_at: the whole, or NULL. Takes p over. */
struct packet *ip6_reassemble(struct packet *p, u32 at, u32 next_at, u8 *next);
int ip6_fragment(struct packet *p, const struct inet_path *path);

/* icmpv6.c */
void icmp6_error(struct packet *p, u8 type, u8 code, u32 rest);
bool icmp6_checksum_ok(const struct packet *p); /* p->data at ICMPv6's header */

/* ndisc.c, ndisc_router.c */
void nd_receive(struct packet *p);                          /* p->data at ICMPv6's header, which is right; p stays the caller's */
void nd_solicit(struct netdev *d, struct address target, const u8 *to, bool detection); /* to NULL: the target's group */
void nd_solicit_router(struct netdev *d);
void nd_router_advertised(struct packet *p, const u8 *link_address);
void nd_learn(struct netdev *d, struct address a, const u8 *link_address, bool make); /* of one that spoke to us */
void nd_send(struct netdev *d, struct packet *p, struct address source, struct address destination, const u8 *to);
struct nd_option {
	u8 type, len; /* in units of 8 bytes */
};
/* The next option of a message, or NULL at the end. *bad: malformed. */
const struct nd_option *nd_next_option(const u8 *data, u32 len, u32 *at, bool *bad);

void ip6_device_up(struct netdev *d);
void ip6_device_down(struct netdev *d);

#endif
