/* Filters of sockets (filter.c). */
#ifndef NET_FILTER_PRIV_H
#define NET_FILTER_PRIV_H

#include "core/types.h"

struct inet_sock;
struct packet;
struct socket_filter;

/* Does the filter let p, as it would be queued, through to sk? It may cut it. sk locked. */
bool filter_takes(const struct socket_filter *f, const struct inet_sock *sk, struct packet *p);
void filter_free(struct inet_sock *sk); /* the socket ends */
/* SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER, SO_GET_FILTER. */
int filter_set_option(struct inet_sock *sk, int option, const void __user *value, u32 len);
int filter_get_option(struct inet_sock *sk, int option, void __user *value, u32 *len);

#endif
