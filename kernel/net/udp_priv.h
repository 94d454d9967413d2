/* UDP between the protocol (udp.c) and the socket calls on it (udp_socket.c). */
#ifndef NET_UDP_PRIV_H
#define NET_UDP_PRIV_H

#include "inet_priv.h"

#define UDP_DATA_MAX_V4 (IP_PACKET_MAX - 20 - 8)
#define UDP_DATA_MAX (IP_PACKET_MAX - 8) /* IPv6 does not count its own header */

/* Where a datagram goes, how, and by which path. */
struct udp_way {
	struct inet_send how;
	struct inet_path path;
	u16 port;
};

struct udp_sock {
	struct inet_sock sk;    /* first */
	bool cork;              /* UDP_CORK */
	struct packet *pending; /* writer: a datagram that grows (MSG_MORE); NULL: none */
	struct udp_way way;     /* writer: where pending goes; its first part said */
	/* UDP-Lite: how many bytes, with the header, the checksum covers of what is sent (0: all); and must cover of what comes, if that was asked for. */
	u16 send_coverage, receive_coverage;
	bool wants_coverage;
};
static inline struct udp_sock *udp_of(struct inet_sock *sk) { return (struct udp_sock *)sk; }

extern struct port_table udp_ports, udplite_ports;
static inline bool is_udplite(const struct inet_sock *sk) { return sk->protocol == PROTO_UDPLITE; }
/* A counter of sk's protocol. */
#define UDP_COUNT(sk, field) do { if (is_udplite(sk)) SNMP(udplite_##field); else SNMP(udp_##field); } while (0)
static inline struct port_table *udp_ports_of(const struct inet_sock *sk) { return is_udplite(sk) ? &udplite_ports : &udp_ports; }

/* --- udp.c (lab 11) -------------------------------------------------------------------------------------------------- */

/*
 * How well a datagram from source:source_port to destination, that came in by dev (NULL: nobody knows), fits sk, which is bound to its port: -1: not at all
 * (inet_takes: whether sk's own name does).
 * Of two sockets whose "local" differ in how much they say, or of which only one is connected, the one that says more fits better; being connected says more
 * than a local address, that more than a device (sk->device), that more than being of the datagram's own family. udp_ports.lock held.
 */
int udp_score(const struct inet_sock *sk, struct address source, u16 source_port, struct address destination, const struct netdev *dev);
/*
 * A datagram for us, p->data at UDP's header, p->network at IP's. Takes it over. Lengths that cannot be, and a wrong checksum, are dropped, and in IPv6 one
 * without; p->verified says that the checksum is known to be right. What goes to the socket (inet_queue) or, if it is for a broadcast address or a group, to all
 * that want it (udp_deliver_group) holds the data alone, and p->port both ports. No socket: the family's port_unreachable, with p as IP delivered it. Counters: udp_*;
 * a wrong checksum counts in InErrors and InCsumErrors, a full buffer in InErrors and RcvbufErrors.
 */
void udp_receive(struct packet *p);

/* --- given ----------------------------------------------------------------------------------------------------------- */

/* The socket that a datagram from source:source_port to destination:port is for, counted; NULL (udp_socket.c). */
struct inet_sock *udp_find(struct address source, u16 source_port, struct address destination, u16 port, const struct netdev *dev);
void udp_abort(struct inet_sock *sk); /* as by an error, ECONNABORTED: it is connected to nobody any more */
/* One datagram for every member: takes p over (udp_socket.c). */
void udp_deliver_group(struct packet *p);
/* The same of either protocol's sockets. */
struct inet_sock *udp_find_in(struct port_table *t, struct address source, u16 source_port, struct address destination, u16 port, const struct netdev *dev);
void udp_deliver_group_in(struct port_table *t, struct packet *p);
/* Tells sk of an error about a datagram of its own, which went to `port` (udp_output.c). */
void udp_tell_error(struct inet_sock *sk, const struct inet_error *e, u16 port);
/* Sends p, which holds the data, with UDP's and IP's headers along the path; takes it over. 0 or -errno. Inside net_begin (udp_output.c). */
int udp_send(struct packet *p, const struct inet_send *how, const struct inet_path *path, u16 source_port, u16 port, bool no_checksum);

/* --- udplite.c: UDP-Lite (RFC 3828) ------------------------------------------------------------------------------------ */

int udplite_send(struct packet *p, const struct inet_send *how, const struct inet_path *path, u16 source_port, u16 port, u16 coverage); /* as udp_send */
int udplite_set_option(struct udp_sock *u, int option, int n);
int udplite_get_option(const struct udp_sock *u, int option, int *n);

#endif
