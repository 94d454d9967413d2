/* Netlink between what takes requests (netlink.c) and what answers them (rtnetlink.c). */
#ifndef NET_NETLINK_PRIV_H
#define NET_NETLINK_PRIV_H

#include "abi/netlink.h"
#include "inet_priv.h"

#define NETLINK_ANSWER 7800u     /* bytes of one answer: programs read into 8 KiB */
#define NETLINK_ATTRIBUTES 512u  /* of one message at most */

/* One send's requests while they are answered. */
struct netlink_sock {
	struct socket *socket;
	u32 pid;                      /* its number */
	struct packet *answer;        /* grows; NULL: none */
	struct abi_nlmsghdr *message; /* the last one in it */
};

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

void netlink_init(void);
void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len);
void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len); /* to the message begun last */
static inline void netlink_attribute_u32(struct netlink_sock *n, u16 type, u32 v) { netlink_attribute(n, type, &v, sizeof(v)); }
void netlink_flush(struct netlink_sock *n);
void netlink_done(struct netlink_sock *n, u32 seq); /* ends a dump */
/* Answers h, which holds h->len bytes: 0 or -errno. */
int rtnetlink_request(struct netlink_sock *n, const struct abi_nlmsghdr *h);

/* neighbour.c: calls fn for each; the table's lock is held. */
void neighbours_each(void (*fn)(struct netdev *d, struct address ip, const u8 *address, bool resolved, void *arg), void *arg);

#endif
