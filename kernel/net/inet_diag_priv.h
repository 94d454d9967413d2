/* What sock_diag tells of Internet sockets, between its files: inet_diag.c, the filter of a request, and what TCP adds. */
#ifndef NET_INET_DIAG_PRIV_H
#define NET_INET_DIAG_PRIV_H

#include "abi/sock_diag.h"
#include "lib/string.h"
#include "socket/netlink.h"
#include "tcp_priv.h"

/* --- inet_diag_filter.c ------------------------------------------------------------------------------------------------ */

/* Can these steps be run, and do they come to an end? 0, -EINVAL, -EPERM (marks are for CAP_NET_ADMIN). */
int inet_diag_check(const u8 *filter, u32 len);
bool inet_diag_passes(const struct inet_sock *sk, const u8 *filter, u32 len);

/* --- tcp_diag.c; t locked ---------------------------------------------------------------------------------------------- */

void tcp_diag(struct tcp_sock *t, struct abi_inet_diag_msg *m); /* its timers and queues */
void tcp_diag_attributes(struct tcp_sock *t, struct netlink_sock *n, u8 extensions);
int tcp_destroy_connection(struct tcp_sock *t); /* no lock held. 0 or -errno */

/* raw.c: by protocol in place of a port. */
extern struct port_table raw_table;

#endif
