/* The table of neighbours, between ARP (arp.c, lab 11), its like of IPv6 (ndisc.c) and what is given around them (neighbour.c, arp_send.c). net/ip.h has the contracts. */
#ifndef NET_ARP_PRIV_H
#define NET_ARP_PRIV_H

#include "net/ip.h"

struct neighbour {
	struct list link;      /* of its hash chain */
	struct address ip;
	struct netdev *dev;
	bool resolved;
	bool permanent;        /* set by hand: keeps its address, and is never asked for or forgotten */
	u8 fixed[ETHER_ADDRESS]; /* … which is this */
	u8 address[ETHER_ADDRESS];
	u8 tries;              /* requests without an answer */
	u64 confirmed, used, asked; /* time_ns: last sound message of his, last packet sent, last request */
	struct list queue;     /* packets that wait for the address */
	u32 queue_len;
};

#define ARP_QUEUE_MAX 64                  /* RFC 1122 section 2.3.2.2 asks for at least one */
#define ARP_FRESH (60 * NSEC_PER_SEC)     /* RFC 1122 section 2.3.2.1: about a minute, then it is asked for again */
#define ARP_RETRY NSEC_PER_SEC            /* section 2.3.2.1: at most one request a second */
#define ARP_TRIES 3

extern struct spinlock neighbour_lock; /* all neighbours */
/* neighbour_lock held. */
struct neighbour *neighbour_find(struct netdev *d, struct address ip);
struct neighbour *neighbour_make(struct netdev *d, struct address ip); /* with the oldest one gone if there are too many; NULL if memory is short */
void neighbour_enqueue(struct neighbour *n, struct packet *p); /* waits for n's address: takes p over. There is an end to the queue: the oldest goes */
/* neighbour_lock held. n's address is known now: nothing is asked any more, and what waited for it goes onto `waiting`, for neighbour_send. */
void neighbour_answered(struct neighbour *n, struct list *waiting);
/* No lock held. Sends what waited for the address `to`, which is known now. */
void neighbour_send(struct netdev *d, struct list *waiting, const u8 *to);
/* neighbour_lock not held. One question for ip to everybody on d, and the table is looked through until somebody has answered. */
void neighbour_ask(struct netdev *d, struct address ip);
/* A neighbour is in use, or waits: has the table looked through again. */
void neighbours_watch(void);

/* arp_send.c: a message with our Ethernet address as the sender's; operation ARP_REQUEST or ARP_REPLY, addresses as they lie in the message. */
void arp_send(struct netdev *d, u16 operation, const u8 *to, const u8 *target, u32 sender_ip, u32 target_ip);
/* A request for ip from d; `to` NULL: to everybody. */
void arp_request(struct netdev *d, u32 ip, const u8 *to);
/* RFC 5227 section 2.4: somebody else says that ip, which is ours, is his: says that it is not, not too often. */
void arp_defend(struct netdev *d, u32 ip);

#endif
