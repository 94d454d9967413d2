/*
 * Addresses of both families in one form: 16 bytes as IPv6 has them, an IPv4 address mapped to ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). So connections, ports
 * and sockets know one kind of name; which family carries a packet follows from the address that it goes to.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "core/compiler.h"

struct address {
	union {
		u8 bytes[16];
		u32 words[4]; /* as on the wire */
		u64 halves[2];
	};
};
_Static_assert(sizeof(struct address) == 16, "RFC 4291");

#define ADDRESS_MAPPED 0xffff0000u /* words[2] of a mapped one */
#define ADDRESS_ANY ((struct address){ .words = { 0, 0, 0, 0 } })
#define ADDRESS_ANY_V4 ((struct address){ .words = { 0, 0, ADDRESS_MAPPED, 0 } })

static inline struct address address_v4(u32 a) { return (struct address){ .words = { 0, 0, ADDRESS_MAPPED, a } }; }
static inline bool address_is_v4(struct address a) { return !a.halves[0] && a.words[2] == ADDRESS_MAPPED; }
static inline u32 address_to_v4(struct address a) { return a.words[3]; }
static inline bool address_equal(struct address a, struct address b) { return a.halves[0] == b.halves[0] && a.halves[1] == b.halves[1]; }
/* Of either family: no address at all. */
static inline bool address_is_any(struct address a) { return !a.halves[0] && !a.words[3] && (!a.words[2] || a.words[2] == ADDRESS_MAPPED); }
static inline bool address_is_multicast(struct address a) { return address_is_v4(a) ? (a.bytes[12] & 0xf0) == 0xe0 : a.bytes[0] == 0xff; }
static inline bool address_is_link_local(struct address a) { return a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80; }
/* ::1 */
static inline bool address_is_loopback_v6(struct address a) { return !a.halves[0] && !a.words[2] && a.words[3] == 0x01000000u; }
static inline u32 address_hash(struct address a)
{
	u64 h = (a.halves[0] ^ (a.halves[1] * 0x9e3779b97f4a7c15ul)) * 0x9e3779b97f4a7c15ul;
	return (u32)(h >> 32);
}

#endif
