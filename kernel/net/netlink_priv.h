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
/* A word among them, or `def`. */
u32 request_word(const struct request *r, u16 type, u32 def);
/* An address of this family among them; false: there is none. */
bool request_address(const struct request *r, u16 type, u8 family, struct address *out);
/* Devices are never taken away: a list of them may be walked by index. NULL: there is none behind. */
struct netdev *device_after(int index);

/* rtnetlink_ipv6.c */
void rtnetlink_dump_addresses6(struct netlink_sock *n, u32 seq);
int rtnetlink_change_address6(const struct request *r);
int rtnetlink_dump_routes6(struct netlink_sock *n, u32 seq);
int rtnetlink_get_route6(struct netlink_sock *n, const struct request *r);
int rtnetlink_change_route6(const struct request *r);

/* NETLINK_ROUTE's handler. */
int rtnetlink_request(struct netlink_sock *n, const struct abi_nlmsghdr *h);

/* neighbour.c: calls fn for each; the table's lock is held. */
void neighbours_each(void (*fn)(struct netdev *d, struct address ip, const u8 *address, bool resolved, void *arg), void *arg);

#endif
