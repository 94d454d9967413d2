/*
 * AF_INET between its files: what UDP, TCP and raw sockets have in common.
 *
 *     struct socket ── proto ──► struct inet_sock (first member of struct tcp_sock …)
 *                                   │ port_link: in its protocol's table of ports
 *                                   └ receive: packets that the reader has still to take
 *
 * Invariants
 * 1. An inet_sock is memory for as long as anybody counts it: its socket, a table that it can be found in, timers that wait, packets charged to it.
 * 2. Its lock is never held when a packet comes in (net/netdev.h), so two sockets' locks are never held at once.
 * 3. Only the reader (mutex `reader` held) takes packets off `receive`; others add at its end. So the reader may look at those that are there without the lock.
 *
 * Locks: inet_sock.reader, .writer (sleeping: one call each at a time) -> inet_sock.lock -> the accept queue's -> tables of ports and connections ->
 * fragments -> net_config_lock -> neighbours, path MTUs -> timers -> a driver's.
 */
#ifndef NET_INET_PRIV_H
#define NET_INET_PRIV_H

#include "abi/inet.h"
#include "lib/list.h"
#include "net/ip.h"
#include "net/packet.h"
#include "sched/mutex.h"
#include "socket/socket.h"

struct port_table;
struct seq;

#define RECEIVE_SHUT 1
#define SEND_SHUT 2
#define BOTH_SHUT 3
#define MEMBERSHIPS_MAX 20 /* Linux's igmp_max_memberships */

struct membership {
	struct list link; /* multicast.c's lock */
	struct address group;
	int device;       /* index */
};

/* Options at SOL_IP and SOL_IPV6; plain words, each read and written whole. */
struct inet_options {
	s32 ttl;           /* -1: 64 */
	u8 tos;
	u8 multicast_ttl;
	bool multicast_loop, multicast_all, header_included, packet_info, receive_ttl, receive_tos, receive_error, free_bind, router_alert, bind_no_port, transparent;
	u8 mtu_discover;   /* IP_PMTUDISC_* */
	u32 multicast_source;
	int multicast_device;
	struct ip_options ip; /* lock */
	/* The same at SOL_IPV6 (ipv6(7)). */
	s16 unicast_hops, multicast_hops; /* -1: as it comes */
	u8 traffic_class, mtu_discover6;
	bool multicast_loop6, multicast_all6, receive_packet_info6, receive_hop_limit, receive_class, receive_error6, dont_fragment6, auto_flow, flow_info, send_flow,
		receive_packet_info_old, receive_hop_limit_old, /* by the numbers of RFC 2292 */
		receive_path_mtu, unheard[4]; /* the last: asked for extension headers to be shown, which are not kept */
	int multicast_device6, unicast_device6;
	s32 checksum_at;       /* raw: where it is in what is sent and comes; -1: nowhere */
	u32 icmp6_filter[8];   /* raw: types not wanted, a bit each */
	u32 preferences;
	u32 icmp_filter;   /* raw: types not wanted, a bit each */
};

struct inet_sock {
	struct refcount ref;
	struct spinlock lock;
	u8 type, protocol;
	u16 family;                /* AF_INET, AF_INET6: what the program speaks; a socket of the latter may talk to both */
	bool v6only;               /* … or not */
	struct socket *socket;     /* lock; NULL: closed, or not accepted yet */
	const struct socket_options *options; /* the socket's, or a copy that a connection brought up */
	/* Names. Changed under lock and the table's lock; either suffices to read. Ports in the machine's order. */
	struct address local, remote;
	u16 local_port, remote_port;
	int device;                /* SO_BINDTODEVICE: index; 0: any */
	bool user_address, user_port; /* bind(2) asked for them */
	struct port_table *ports;  /* the table it is in; NULL: none */
	struct list port_link;     /* the table's lock */
	u32 uid;                   /* who made it */
	u64 inode;                 /* number of its file's inode, for /proc; 0: it has none */
	u64 cookie;                /* socket_cookie */

	struct wait_queue wait;    /* something changed: data, room, state. poll too */
	struct async_list async;
	int error;                 /* atomic: positive; who reads it clears it */
	u8 shutdown;               /* lock */
	struct list receive;       /* lock */
	struct list errors;        /* lock: what MSG_ERRQUEUE reads (inet_errors.c) */
	u32 error_charge;          /* lock */
	u32 receive_charge;        /* lock */
	u32 send_charge;           /* atomic: memory of ours that is under way */
	u32 drops;                 /* atomic: came, but did not fit */
	u32 taken;                 /* atomic: of a packet socket, what was queued */
	struct socket_filter *filter; /* lock: SO_ATTACH_FILTER (filter.c); NULL: all is taken */
	bool filter_locked;        /* a word: the filter stays */
	struct mutex reader, writer;
	struct inet_options inet;
	struct list memberships;   /* multicast.c's lock */
	u32 membership_count;      /* the same */
	u64 stamp;                 /* when what was read last came in: SIOCGSTAMP */
	void (*destroy)(struct inet_sock *sk); /* the last count went: frees it */
};

/* --- ports.c: who has which port ------------------------------------------------------------------------------------ */

#define PORT_BUCKETS 1024
struct port_table {
	struct spinlock lock;
	struct list buckets[PORT_BUCKETS]; /* lock: inet_sock by port_link; each counted */
	bool (*may_share)(const struct inet_sock *a, const struct inet_sock *b); /* the protocol's word: may a, which asks, have the name that b has? */
};
void port_table_init(struct port_table *t, const char *name, bool (*may_share)(const struct inet_sock *, const struct inet_sock *));
static inline struct list *port_bucket(struct port_table *t, u16 port) { return &t->buckets[port % PORT_BUCKETS]; }
/* Gives an unbound sk the name; port 0: a free one. 0, -EADDRINUSE. sk->lock held, or nobody else knows it. */
int port_bind(struct port_table *t, struct inet_sock *sk, struct address address, u16 port);
/* May both be bound to one port, their local addresses as far as they go? */
bool inet_names_overlap(const struct inet_sock *a, struct address a_local, const struct inet_sock *b, struct address b_local);
/* A connection that was made from a listener: shares its port. */
void port_inherit(struct port_table *t, struct inet_sock *sk, u16 port);
void port_release(struct inet_sock *sk); /* no effect on one that has none */
extern u16 port_range[2];

/* --- inet.c --------------------------------------------------------------------------------------------------------- */

void inet_init_sock(struct inet_sock *sk, u8 type, u8 protocol, struct socket *s);
static inline void inet_get(struct inet_sock *sk) { refcount_get(&sk->ref); }
void inet_put(struct inet_sock *sk);
void inet_wake(struct inet_sock *sk, u32 events); /* POLL* that came true; 0: look at everything */
/* Charges p to sk's send buffer until it is freed. */
void inet_charge_send(struct inet_sock *sk, struct packet *p);
void inet_uncharge_send(struct packet *p);
/* Queues a datagram, or drops it for want of room: takes it over. */
bool inet_queue(struct inet_sock *sk, struct packet *p);
/* What a struct sockaddr_in or sockaddr_in6 says. */
struct inet_name {
	struct address address;
	u16 port;
	int device; /* the zone of a link-local one; 0: none */
};
/* bind(2) but for the port: 0 or -errno. */
int inet_check_name(struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct inet_name *out);
/* A destination in a sendto or connect: 0 or -errno. */
int inet_check_destination(const struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct inet_name *out);
int inet_name(struct socket *s, struct abi_sockaddr *out, bool peer);
/* As sk's family writes it: its length. */
u32 inet_fill_name(const struct inet_sock *sk, struct abi_sockaddr *out, struct address address, u16 port, int device);
int inet_error(struct socket *s);
/* No address, of the family that sk speaks. */
static inline struct address inet_any(const struct inet_sock *sk) { return sk->family == AF_INET ? ADDRESS_ANY_V4 : ADDRESS_ANY; }
/* Is sk, by its own name, reached under this address? */
static inline bool inet_takes(const struct inet_sock *sk, struct address to)
{
	if (!address_is_any(sk->local))
		return address_equal(sk->local, to);
	return address_is_v4(to) ? address_is_v4(sk->local) || !sk->v6only : !address_is_v4(sk->local);
}
/* The path for what sk sends to `to`, its own address, device and multicast options heeded. */
int inet_route(struct inet_sock *sk, struct inet_path *path, struct address to, struct address source, bool dont_route);
u8 inet_ttl(const struct inet_sock *sk, const struct inet_path *path);
bool inet_dont_fragment(const struct inet_sock *sk, const struct inet_path *path); /* a datagram */
u8 inet_tos(const struct inet_sock *sk, const struct inet_path *path);
/* Waits until what is under way from sk fits its send buffer: 0 or -errno. */
int inet_wait_send(struct inet_sock *sk, struct socket *s, u32 flags);
/* recvmsg of UDP, raw and packet sockets: the next packet's bytes, as many as there is room for; `tell` adds who sent it and what else was asked for. */
ssize_t inet_receive(struct socket *s, struct socket_msg *m, void (*tell)(struct socket *s, struct packet *p, struct socket_msg *m));
u32 inet_poll(struct socket *s, struct file *f, struct poll_table *pt);
/* What the receiver asked for along with a datagram: IP_PKTINFO, IP_TTL, IP_TOS, SO_TIMESTAMP. */
void inet_control(struct inet_sock *sk, struct socket *s, struct packet *p, struct socket_msg *m);
/* IP_PKTINFO, IP_TTL and IP_TOS along with what is sent. */
struct send_control {
	struct address source;
	int device;
	s32 ttl, tos; /* -1: not given */
};
int inet_send_control(const struct inet_sock *sk, const struct socket_msg *m, struct send_control *c);
void inet_shutdown_datagrams(struct inet_sock *sk);
/* A datagram socket ends. */
void inet_release(struct inet_sock *sk);

/* --- inet_errors.c ---------------------------------------------------------------------------------------------------- */

/* Did the program ask for errors about what it sent to `remote` to be queued (IP_RECVERR, IPV6_RECVERR)? */
bool inet_wants_errors(const struct inet_sock *sk, struct address remote);
/* Queues e with what was sent, less `skip` bytes of its transport header; port: of the destination. */
void inet_queue_error(struct inet_sock *sk, const struct inet_error *e, u16 port, u32 skip);
/* What was sent to `to` is larger than the path's MTU. */
void inet_local_error(struct inet_sock *sk, struct address to, u16 port, u32 mtu);
ssize_t inet_receive_error(struct inet_sock *sk, struct socket_msg *m); /* MSG_ERRQUEUE */

/* --- inet_options.c, inet_ioctl.c, multicast.c ---------------------------------------------------------------------- */

int inet_set_option(struct socket *s, int level, int option, const void __user *value, u32 len);
int inet_get_option(struct socket *s, int level, int option, void __user *value, u32 *len);
/* At SOL_IPV6 (ipv6_options.c). */
int ipv6_set_option(struct inet_sock *sk, int option, const void __user *value, u32 len);
int ipv6_get_option(struct inet_sock *sk, int option, void __user *value, u32 *len);
long inet_ioctl(struct socket *s, u32 cmd, u64 arg); /* of routes and ARP; -ENOTTY for others */
long device_ioctl(u32 cmd, u64 arg);                 /* of interfaces, on any socket */
/* Copies an int option out, as Linux cuts it. */
int option_out(void __user *value, u32 *len, const void *data, u32 size);
int option_in(int *out, const void __user *value, u32 len);
int multicast_change(struct inet_sock *sk, struct address group, int device, bool join);
void multicast_leave_all(struct inet_sock *sk);
void ip_multicast_address(u8 *to, u32 group);    /* RFC 1112 section 6.4 */
bool multicast_joined(struct address group);      /* by any socket of ours */
void multicast_loop_back(struct packet *p);           /* a group's packet, that goes out, for our own sockets as well */
bool multicast_wanted(struct inet_sock *sk, struct address group, int device); /* by this one */

/* --- the stack's own ------------------------------------------------------------------------------------------------- */

void ip_protocols_init(void);
const struct ip_protocol *ip_protocol_of(u8 number); /* NULL */
/* e->transport and len set: hands it to the protocol. */
void inet_error_deliver(struct inet_error *e, u8 protocol);
u16 ip_next_id(u32 destination);       /* as on the wire */
void addresses_up(struct netdev *d);
bool address_of_device(struct netdev *d, u32 address);
bool ethernet_header(struct packet **p, struct netdev *d, const u8 *destination, u16 type);
void raw_error(const struct inet_error *e);
void neighbours_init(void);
/* By hand: permanent, it is kept until it is deleted. */
int neighbour_set(struct netdev *d, struct address ip, const u8 *address, bool permanent);
u16 neighbour_state(struct netdev *d, struct address ip); /* NUD_*; 0: not known */
int neighbour_delete(struct netdev *d, struct address ip);
bool neighbour_get(struct netdev *d, struct address ip, u8 *address);
void ip_text(char out[16], u32 address);
void ip6_text(char out[48], struct address a);
/* One address, in hexadecimal as /proc/net has it; 8 or 32 digits. */
void inet_show_address(struct seq *s, struct address a, u16 family);
void ip6_init(void);
void udp_init(void);
void raw_init(void);
void packet_socket_init(void);
int udp_create(struct socket *s, int protocol); /* UDP or UDP-Lite */
int raw_create(struct socket *s, int protocol);
/* Who is said to have it: nobody's are root's. */
static inline u32 inet_owner(const struct inet_sock *sk) { return READ_ONCE(sk->inode) ? sk->uid : 0; }
/* A line of /proc/net/{tcp,udp,raw}, or of the same with a 6, up to the inode. */
void inet_show(struct seq *s, struct inet_sock *sk, u32 number, u8 state, u32 sent, u32 received);

#endif
