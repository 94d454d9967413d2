/* Netlink between its sockets (netlink.c) and its messages (netlink_message.c). */
#ifndef SOCKET_NETLINK_PRIV_H
#define SOCKET_NETLINK_PRIV_H

#include "socket/netlink.h"
#include "socket_priv.h"

/* Has every request of one send answered: 0 or -errno. netlink_handlers has one of s's protocol. */
int netlink_take(struct socket *s, u32 port, struct socket_msg *m);
/* NETLINK_CAP_ACK: does s want no more than the header of a request that failed? */
bool netlink_caps_ack(const struct socket *s);

#endif
