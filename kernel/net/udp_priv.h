/* UDP between the protocol (udp.c) and the socket calls on it (udp_socket.c). */
#ifndef NET_UDP_PRIV_H
#define NET_UDP_PRIV_H

#include "inet_priv.h"

#define UDP_DATA_MAX_V4 (IP_PACKET_MAX - 20 - 8)
#define UDP_DATA_MAX (IP_PACKET_MAX - 8) /* IPv6 does not count its own header */

struct udp_sock {
	struct inet_sock sk;    /* first */
	bool cork;              /* UDP_CORK */
	struct packet *pending; /* writer: a datagram that grows (MSG_MORE); NULL: none */
};
static inline struct udp_sock *udp_of(struct inet_sock *sk) { return (struct udp_sock *)sk; }

extern struct port_table udp_ports;

/* Lab 11a (udp.c). */
/* The socket that a datagram from source:source_port to destination:port is for, counted; NULL. Given (udp_socket.c). */
struct inet_sock *udp_find(struct address source, u16 source_port, struct address destination, u16 port, const struct netdev *dev);
/* One datagram for every member: takes p over. Given (udp_socket.c). */
void udp_deliver_group(struct packet *p);
/* Sends p, which holds the data, with UDP's and IP's headers along the path; takes it over. 0 or -errno. Inside net_begin. */
int udp_send(struct packet *p, const struct inet_send *how, const struct inet_path *path, u16 source_port, u16 port, bool no_checksum);

#endif
