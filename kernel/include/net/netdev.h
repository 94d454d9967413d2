/* Network devices: what a driver offers (struct netdev_ops), and how packets come in. */
#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include "core/spinlock.h"
#include "net/packet.h"
#include "net/wire.h"

struct netdev;

struct netdev_ops {
	int (*open)(struct netdev *d);  /* may sleep: 0 or -errno */
	void (*stop)(struct netdev *d);
	/* Takes p over. Inside net_begin. -ENOBUFS: dropped. */
	int (*transmit)(struct netdev *d, struct packet *p);
	/* What it should hear may have changed: netdev_hears_all, netdev_hears_groups, netdev_each_group. One call at a time. NULL: it lets everything through. */
	void (*filter)(struct netdev *d);
};

struct netdev_stats {
	u64 rx_packets, rx_bytes, rx_errors, rx_dropped, multicast, tx_packets, tx_bytes, tx_errors, tx_dropped; /* atomic */
};

#define NETDEV_ADDRESSES 8
/* An IPv6 address of a device (ipv6_address.c). */
struct ip6_address {
	struct address address;   /* any: unused */
	u8 prefix_len, flags;     /* IFA_F_* */
	bool from_prefix;         /* SLAAC: made from what a router advertised */
	u8 looks;                 /* of duplicate address detection, still to come */
	u64 valid_until, preferred_until; /* time_ns; TIME_NEVER: for ever */
};
struct ip_address {
	u32 address, mask, broadcast; /* address 0: unused */
};

struct netdev {
	char name[16];
	int index;
	u16 type;               /* NETDEV_TYPE_* */
	u32 flags;              /* IFF_*; net_config_lock */
	bool no_carrier;        /* the cable is out, as far as the driver knows; net_config_lock, or before netdev_register */
	u32 listeners, group_listeners; /* atomic: packet sockets that want all frames, those to all groups */
	u32 mtu;
	u32 queue_len;
	u8 address[ETHER_ADDRESS], broadcast[ETHER_ADDRESS];
	struct ip_address ip[NETDEV_ADDRESSES]; /* net_config_lock; the first is the device's own, the others are further ones */
	struct ip6_address ip6[NETDEV_ADDRESSES]; /* net_config_lock */
	u8 hop_limit;           /* IPv6: as routers say */
	u8 solicitations;       /* of routers, still to be sent */
	u64 older_routers[3];   /* until when IGMP 1, IGMP 2, MLD 1 are spoken to them (group_report.c) */
	u32 features;           /* NETDEV_* */
	const struct netdev_ops *ops;
	struct netdev_stats stats;
	void *driver;
	struct list link;       /* net_config_lock */
};
/* As ARPHRD_*. */
#define NETDEV_TYPE_ETHERNET 1
#define NETDEV_TYPE_LOOPBACK 772
#define NETDEV_CHECKSUM 1u /* completes transport checksums on the way out */
#define NETDEV_TSO4 2u     /* cuts packets that hold several TCP segments; then it has NETDEV_CHECKSUM too */
#define NETDEV_TSO6 4u

#define IFF_UP 0x1u
#define IFF_BROADCAST 0x2u
#define IFF_LOOPBACK 0x8u
#define IFF_POINTOPOINT 0x10u
#define IFF_RUNNING 0x40u
#define IFF_NOARP 0x80u
#define IFF_PROMISC 0x100u
#define IFF_ALLMULTI 0x200u
#define IFF_MULTICAST 0x1000u

extern struct rwspin net_config_lock; /* devices, their addresses and flags, routes */
extern struct list netdevs;           /* net_config_lock; never removed */
extern struct netdev *loopback;

/* Gives it a number, a name (ethN) if it has none, and makes it visible. Devices stay for ever. */
void netdev_register(struct netdev *d);
struct netdev *netdev_by_name(const char *name); /* NULL */
struct netdev *netdev_by_index(int index);
/* Another name for a device that is down: 0, -EBUSY, -EEXIST, -EINVAL. Not for loopback's, by which programs know it. */
int netdev_rename(struct netdev *d, const char *name);
int netdev_set_flags(struct netdev *d, u32 flags); /* IFF_UP goes through open and stop: may sleep */
static inline bool netdev_up(const struct netdev *d) { return READ_ONCE(d->flags) & IFF_UP; }
/* The link came or went: IFF_RUNNING follows, and nothing is sent without it. In a thread: may sleep. */
void netdev_carrier(struct netdev *d, bool there);

/* Which frames a card must let through beside those to its own address and to all. */
static inline bool netdev_hears_all(const struct netdev *d) { return READ_ONCE(d->flags) & IFF_PROMISC || READ_ONCE(d->listeners); }
static inline bool netdev_hears_groups(const struct netdev *d) { return READ_ONCE(d->flags) & IFF_ALLMULTI || READ_ONCE(d->group_listeners); }
/* Calls hear(arg, address) for the Ethernet address of each group that we are in, some more than once (multicast.c). */
void netdev_each_group(struct netdev *d, void (*hear)(void *arg, const u8 *address), void *arg);
/* Something of that has changed; no spinlock held. */
void netdev_filter_changed(struct netdev *d);
void netdev_filters_changed(void); /* of all devices */

/*
 * All protocol work is done in threads, between net_begin and net_end, which nest: no preemption inside. Packets that come in meanwhile (from the
 * loopback device) are queued, and the outermost net_end lets them in, when no lock is held. So a socket's lock is never held when a packet comes in.
 */
void net_begin(void);
void net_end(void);
/* A packet came in by p->dev, p->data at the network header, ether_type and kind set. Takes it over; inside net_begin. */
void netdev_receive(struct packet *p);
/* For drivers: an empty packet that takes the place of a full one, so that this one can go up. NULL: memory is short, and what came is lost. Any context. */
struct packet *netdev_spare(u32 room);
/* Hands p to the device, link-layer header and all; takes it over. 0 or -errno. Inside net_begin. */
int netdev_transmit(struct netdev *d, struct packet *p);

/* Where a card finds the checksum that it is to complete (offload.c): offsets from p->data. False: there is nothing to complete. */
struct checksum_place {
	u32 network, start, field; /* the IP header; from where to sum up, to the packet's end; where the sum goes */
	bool v4, tcp;              /* else IPv6, UDP */
};
bool packet_checksum_place(const struct packet *p, struct checksum_place *at);
/* p holds several segments (p->segment), link-layer header and all: hands them to the device one by one. Takes p over; 0 or the first -errno. */
int netdev_transmit_segments(struct netdev *d, struct packet *p);

/* Who sees every packet of a device (packet sockets): set once. Does not take p over. */
extern void (*netdev_tap)(struct packet *p, bool outgoing);

/* Ethernet (ethernet.c): a frame from the wire, data at its header. Takes it over; inside net_begin. */
void ethernet_receive(struct packet *p);

#endif
