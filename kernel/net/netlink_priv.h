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

void netlink_init(void);
void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len);
void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len); /* to the message begun last */
static inline void netlink_attribute_u32(struct netlink_sock *n, u16 type, u32 v) { netlink_attribute(n, type, &v, sizeof(v)); }
void netlink_flush(struct netlink_sock *n);
void netlink_done(struct netlink_sock *n, u32 seq); /* ends a dump */
/* Answers h, which holds h->len bytes: 0 or -errno. */
int rtnetlink_request(struct netlink_sock *n, const struct abi_nlmsghdr *h);

/* neighbour.c: calls fn for each; the table's lock is held. */
void neighbours_each(void (*fn)(struct netdev *d, u32 ip, const u8 *address, bool resolved, void *arg), void *arg);

#endif
