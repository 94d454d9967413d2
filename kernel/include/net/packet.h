/*
 * Packets: a view (struct packet) of bytes in a block that may be shared by several.
 *
 *     block->bytes                data            data + len          end of the block
 *         │◄──────── headroom ─────►│◄──── len ─────►│◄──── tailroom ─────►│
 *
 * Each layer takes its header off the front (packet_pull) on the way up, or puts it there (packet_push) on the way down. A clone shares the bytes: what TCP
 * keeps until it is acknowledged and what is under way are the same memory. A header is written in front of one's own data only, where no other view reaches.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "core/atomic.h"
#include "lib/list.h"

struct netdev;
struct inet_sock;

struct packet_block {
	struct refcount ref;
	u32 size; /* of bytes */
	u8 bytes[];
};

enum packet_kind { PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING }; /* as in struct sockaddr_ll */

struct packet {
	struct list link;
	struct packet_block *block;
	u8 *data;
	u32 len;
	u32 charge;             /* memory, bookkeeping included */
	struct netdev *dev;     /* came in by, or goes out by */
	struct inet_sock *owner; /* counted: whose send buffer it is charged to; NULL: nobody's */
	u8 *network;            /* the IP header, once it was checked or written */
	u8 *transport;          /* what IP carries, once it was delivered */
	u8 *mac;                /* the Ethernet header; NULL: none */
	u16 ether_type;
	u8 kind;                /* enum packet_kind */
	bool verified;          /* the checksum of the transport layer is known to be right */
	bool partial;           /* the transport checksum holds the pseudo-header's sum only: the device completes it */
	u16 segment;            /* not 0: several TCP segments in one packet, of so much text each but the last (offload.c) */
	u64 stamp;              /* time_realtime_ns when it came in; 0: not taken */
	union {
		struct {
			u16 source, destination; /* in the machine's order */
		} port;
		struct {
			u32 seq, end_seq, ack, window;
			u32 ts_value, ts_echo;
			u16 urgent;
			u8 flags;
			bool has_ts, sacked, lost, retransmitted;
			u8 sack_count; /* blocks of a SACK option, at sack_at in `block` */
			u16 sack_at;
			u64 sent_ns;
		} tcp;
		struct {
			u32 from, to; /* bytes of the datagram */
			u16 next_at;  /* IPv6: where the fragment header was named */
		} fragment;
	};
};

#define PACKET_HEADROOM 160u /* for every header below a transport's data: 12 of the driver's and 16 of Ethernet, 60 + 60 of IP and TCP */
#define PACKET_ROOM_MAX 0x18000u

/* Room for `size` bytes behind `headroom`: empty, at the end of the headroom. flags: ALLOC_*; NULL if memory is short. */
struct packet *packet_alloc(u32 headroom, u32 size, unsigned flags);
struct packet *packet_clone(struct packet *p, unsigned flags); /* shares the bytes; belongs to nobody */
void packet_free(struct packet *p); /* any context; NULL is fine */
void packet_orphan(struct packet *p); /* no longer charged to its sender */
void packet_list_free(struct list *packets);

static inline u32 packet_headroom(const struct packet *p) { return (u32)(p->data - p->block->bytes); }
static inline u32 packet_tailroom(const struct packet *p) { return p->block->size - packet_headroom(p) - p->len; }
static inline bool packet_shared(const struct packet *p) { return refcount_read(&p->block->ref) != 1; }
void *packet_push(struct packet *p, u32 n);   /* n bytes more at the front: their start */
void *packet_append(struct packet *p, u32 n); /* n bytes more at the end: their start */
/* n bytes off the front, or the end: n must be at most len. */
static inline void packet_pull(struct packet *p, u32 n)
{
	p->data += n;
	p->len -= n;
}
static inline void packet_trim(struct packet *p, u32 len) { p->len = len; }

/* Memory in packets, all sockets and queues together, and the limit for what comes from outside. */
u64 packet_memory(void);
bool packet_memory_short(void);

void packet_init(void);

#endif
