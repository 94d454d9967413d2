/* rtnetlink between its files, and what it asks of the others. */
#ifndef NET_NETLINK_PRIV_H
#define NET_NETLINK_PRIV_H

#include "inet_priv.h"
#include "socket/netlink.h"

/* --- requests of rtnetlink (rtnetlink.c) ------------------------------------------------------------------------------- */

#define ATTRIBUTES 32
struct request {
	const struct abi_nlmsghdr *h;
	const void *body;
	const struct abi_rtattr *attributes[ATTRIBUTES]; /* by type; NULL: not there */
};
/* The attributes behind a body of so many bytes (1: a dump's, the family alone): 0, or -EINVAL. */
int request_parse(struct request *r, const struct abi_nlmsghdr *h, u32 body);
/* A word among them, or `def`. */
u32 request_word(const struct request *r, u16 type, u32 def);
/* An address of this family among them; false: there is none. */
bool request_address(const struct request *r, u16 type, u8 family, struct address *out);
/* Devices are never taken away: a list of them may be walked by index. NULL: there is none behind. */
struct netdev *device_after(int index);

/* A mask as so many bits, and back. */
static inline u32 rtnetlink_mask(u32 prefix) { return prefix ? be32(~0u << (32 - prefix)) : 0; }
static inline u8 rtnetlink_prefix(u32 mask) { return (u8)__builtin_popcount(mask); }

/* Which of d's addresses is the first of the net that the one in this slot is of: the others are secondary. */
unsigned rtnetlink_first_address(const struct netdev *d, unsigned slot);

/* rtnetlink_route.c: RTM_*ROUTE of both families, RTM_GETRULE. */
int rtnetlink_routes(struct netlink_sock *n, const struct abi_nlmsghdr *h);
int rtnetlink_rules(struct netlink_sock *n, const struct abi_nlmsghdr *h);

/* rtnetlink_ipv6.c */
void rtnetlink_dump_addresses6(struct netlink_sock *n, u32 seq);
int rtnetlink_change_address6(const struct request *r);
int rtnetlink_dump_routes6(struct netlink_sock *n, u32 seq);
int rtnetlink_get_route6(struct netlink_sock *n, const struct request *r);
int rtnetlink_change_route6(const struct request *r);

/* NETLINK_ROUTE's handler. */
int rtnetlink_request(struct netlink_sock *n, const struct abi_nlmsghdr *h);

/* neighbour.c: calls fn for each; the table's lock is held. state: NUD_*. */
void neighbours_each(void (*fn)(struct netdev *d, struct address ip, const u8 *address, u16 state, void *arg), void *arg);

#endif
