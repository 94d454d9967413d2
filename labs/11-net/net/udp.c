/*
 * UDP, what comes in (RFC 768): length and checksum, and whose datagram it is.
 *
 *     10.9.0.1:4000 → 10.9.0.2:53     sockets on port 53 that fit:   any address                          at least it is the port
 *                                                                    bound to 10.9.0.2                    nearer
 *                                                                    connected to 10.9.0.1:4000           nearer still: it is one conversation
 */
#include "udp_priv.h"

#include "core/todo.h"

int udp_score(const struct inet_sock *sk, struct address source, u16 source_port, struct address destination, const struct netdev *dev)
{
	TODO("11-net");
}


void udp_receive(struct packet *p)
{
	TODO("11-net");
}
