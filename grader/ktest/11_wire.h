/*
 * The wire of stage 11's tests: an Ethernet device of ours whose other end the test plays. Frames that the kernel sends lie here until the test looks at them;
 * what the test puts on the wire is taken in before wire_put comes back. Checksums are made here, by other code than the student's.
 */
#ifndef KTEST_11_WIRE_H
#define KTEST_11_WIRE_H

#include "core/ktest.h"
#include "lib/string.h"
#include "net/inet_priv.h"
#include "socket/socket.h"

#define WIRE_FRAME 1600u

struct wire {
	struct netdev dev;
	u32 us, them;             /* addresses as on the wire, drawn anew for each test */
	u8 mac[ETHER_ADDRESS];    /* the peer's */
	int error;                /* not 0: what the device answers to every frame, which is lost */
};
extern struct wire wire;

/* A device with a fresh address, a peer that the kernel knows if that is asked for, and nothing on the wire. False: a check has failed. */
bool wire_begin(bool known);
/* The next frame of this type that went out, data behind the Ethernet header; NULL: none. It stays until the next call. */
const u8 *wire_next(u16 type, u32 *len);
/* The Ethernet header of what wire_next found last. */
const struct ether_header *wire_frame(void);
u32 wire_count(u16 type);         /* frames of this type that lie here */
void wire_forget(void);
/* A frame from the peer to the kernel's card, to everybody, or to somebody else's (PACKET_HOST, PACKET_BROADCAST, PACKET_OTHERHOST). */
void wire_put(u16 type, u8 kind, const void *data, u32 len);
/* Sleeps so long, in the machine's time, with the kernel's threads at work. */
void wire_wait_ms(u64 ms);

/* The Internet checksum as RFC 1071 defines it, word by word; start: a sum to go on from, not folded. */
u16 wire_checksum(u64 start, const void *data, u32 len);

struct wire_datagram {
	u32 source, destination;  /* 0: the peer, us */
	u8 protocol, ttl;
	u16 fragment, id;         /* in the machine's order */
	const void *options, *data;
	u32 option_len, len;
};
/* Writes it with its header to `to`: its length. */
u32 wire_datagram(u8 *to, const struct wire_datagram *d);
void wire_header_sum(u8 *datagram); /* makes the header's checksum right again */
/* Puts it on the wire. */
void wire_send(const struct wire_datagram *d);
/* The next IPv4 datagram of this protocol that went out, behind its header; header and Ethernet's addresses were checked. NULL: none. */
const u8 *wire_next_ip(u8 protocol, u32 *len);
/* UDP or TCP (its checksum field zero at `at`) from source to destination: the checksum. */
u16 wire_transport_sum(u32 source, u32 destination, u8 protocol, const void *data, u32 len);
/* Is a transport checksum right? */
bool wire_transport_ok(u32 source, u32 destination, u8 protocol, const void *data, u32 len);

/* Sockets without a file. */
bool wire_socket(struct socket *s, int type);
void wire_close(struct socket *s);
struct abi_sockaddr wire_name(u32 address, u16 port);
int wire_bind(struct socket *s, u32 address, u16 port);
/* recv(2), never waiting: bytes or -errno; *from: who sent it (NULL: no matter). */
ssize_t wire_receive(struct socket *s, void *to, u32 len, u32 flags, struct abi_sockaddr_in *from);
ssize_t wire_write(struct socket *s, const void *data, u32 len);
ssize_t wire_write_urgent(struct socket *s, const void *data, u32 len); /* MSG_OOB */

void wire_random(void *to, u32 len);
u64 wire_packets(void);           /* how many packets there are, wherever they lie */
static inline u32 wire_between(u32 least, u32 most) { return least + (u32)(ktest_random() % (most - least + 1)); }

#endif
