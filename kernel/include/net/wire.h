/*
 * What is on the wire: Ethernet (IEEE 802.3), ARP (RFC 826), IPv4 (RFC 791), ICMP (RFC 792), UDP (RFC 768), TCP (RFC 9293).
 *
 * Fields of more than a byte are big-endian. Addresses stay so wherever the kernel keeps them (`u32 address`); ports, lengths and sequence numbers are
 * turned by be16 and be32 as they are read, and live in the machine's order.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "net/address.h"

static inline u16 be16(u16 v) { return __builtin_bswap16(v); }
static inline u32 be32(u32 v) { return __builtin_bswap32(v); }

/* --- Ethernet ------------------------------------------------------------------------------------------------------ */

#define ETHER_ADDRESS 6
#define ETHER_IP 0x0800
#define ETHER_ARP 0x0806
#define ETHER_IPV6 0x86dd
#define ETHER_ALL 0x0003 /* AF_PACKET: all of them */
struct ether_header {
	u8 destination[ETHER_ADDRESS], source[ETHER_ADDRESS];
	u16 type;
} __packed;
_Static_assert(sizeof(struct ether_header) == 14, "IEEE 802.3");

struct arp_header {
	u16 hardware, protocol;
	u8 hardware_len, protocol_len;
	u16 operation;
	u8 sender[ETHER_ADDRESS];
	u32 sender_ip;
	u8 target[ETHER_ADDRESS];
	u32 target_ip;
} __packed;
_Static_assert(sizeof(struct arp_header) == 28, "RFC 826");
#define ARP_REQUEST 1
#define ARP_REPLY 2

/* --- IPv4 ---------------------------------------------------------------------------------------------------------- */

struct ip_header {
	u8 version_ihl; /* 4 in the upper half, length in words in the lower */
	u8 tos;
	u16 total_len;
	u16 id;
	u16 fragment;   /* IP_* flags and the offset in units of 8 bytes */
	u8 ttl, protocol;
	u16 checksum;
	u32 source, destination;
} __packed;
_Static_assert(sizeof(struct ip_header) == 20, "RFC 791");
#define IP_HEADER_MAX 60u
#define IP_PACKET_MAX 65535u
#define IP_DONT_FRAGMENT 0x4000
#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET_MASK 0x1fff

#define PROTO_IP 0
#define PROTO_ICMP 1
#define PROTO_IGMP 2
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMPV6 58
#define PROTO_UDPLITE 136
#define PROTO_DCCP 33
#define PROTO_RAW 255

#define IP_ANY 0u
#define IP_LOOPBACK 0x0100007fu /* 127.0.0.1 */
#define IP_BROADCAST 0xffffffffu
static inline bool ip_is_loopback(u32 a) { return (a & 0xff) == 127; }
static inline bool ip_is_multicast(u32 a) { return (a & 0xf0) == 0xe0; }
static inline u32 ip_header_len(const struct ip_header *h) { return (h->version_ihl & 15u) * 4; }

struct icmp_header {
	u8 type, code;
	u16 checksum;
	union {
		struct {
			u16 id, sequence;
		};
		struct {
			u16 unused, mtu; /* RFC 1191 */
		};
		u32 rest;
	};
} __packed;
_Static_assert(sizeof(struct icmp_header) == 8, "RFC 792");
enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5, ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER_PROBLEM = 12,
       ICMP_TIMESTAMP = 13, ICMP_TIMESTAMP_REPLY = 14 };
enum { ICMP_NET_UNREACHABLE = 0, ICMP_HOST_UNREACHABLE = 1, ICMP_PROTOCOL_UNREACHABLE = 2, ICMP_PORT_UNREACHABLE = 3, ICMP_FRAGMENTATION_NEEDED = 4, ICMP_SOURCE_ROUTE_FAILED = 5 };

/* --- IPv6 ---------------------------------------------------------------------------------------------------------- */

struct ip6_header {
	u32 version_class_flow; /* 6, traffic class, flow label */
	u16 payload_len;
	u8 next_header, hop_limit;
	struct address source, destination;
} __packed;
_Static_assert(sizeof(struct ip6_header) == 40, "RFC 8200");

/* --- UDP, TCP ------------------------------------------------------------------------------------------------------ */

struct udp_header {
	u16 source, destination;
	u16 len, checksum;
} __packed;
_Static_assert(sizeof(struct udp_header) == 8, "RFC 768");

struct tcp_header {
	u16 source, destination;
	u32 seq, ack;
	u8 offset; /* length in words in the upper half */
	u8 flags;
	u16 window, checksum, urgent;
} __packed;
_Static_assert(sizeof(struct tcp_header) == 20, "RFC 9293 section 3.1");
#define TCP_HEADER_MAX 60u
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64, TCP_CWR = 128 };
enum { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2, TCP_OPTION_WINDOW_SCALE = 3, TCP_OPTION_SACK_PERMITTED = 4, TCP_OPTION_SACK = 5, TCP_OPTION_TIMESTAMPS = 8 };

/* --- checksums (RFC 1071) ------------------------------------------------------------------------------------------ */

/* The sum of n bytes on top of `sum`, as it lies in memory; pieces but the last must be even. */
u32 checksum_add(u32 sum, const void *data, size_t n);
/* The field's value for a sum: folded and complemented. 0 over a whole that holds a right checksum. */
u16 checksum_fold(u32 sum);
/* The sum of the pseudo-header of UDP, TCP and ICMPv6, of either family: the prefix of a mapped address adds all ones, which is nothing. */
u32 checksum_pseudo(struct address source, struct address destination, u8 protocol, u32 len);

#endif
