/* Internet sockets, Linux x86-64: addresses, options, ioctls and their structures: ip(7), udp(7), tcp(7), raw(7), netdevice(7), rtentry. */
#ifndef ABI_INET_H
#define ABI_INET_H

#include <stdint.h>

struct abi_sockaddr_in {
	uint16_t family, port; /* port and address big-endian */
	uint32_t address;
	uint8_t zero[8];
};
_Static_assert(sizeof(struct abi_sockaddr_in) == 16, "Linux x86-64");
#define SOCKADDR_IN_LEN 16u

struct abi_sockaddr_in6 {
	uint16_t family, port;
	uint32_t flow_info;
	uint8_t address[16];
	uint32_t scope_id;
};
_Static_assert(sizeof(struct abi_sockaddr_in6) == 28, "Linux x86-64");
#define SOCKADDR_IN6_LEN 28u
#define SOCKADDR_IN6_LEAST 24u /* RFC 2133: without the scope */

#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_UDPLITE 136
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11
#define SOL_IPV6 41
#define SOL_ICMPV6 58
#define SOL_RAW 255

#define IP_TOS 1
#define IP_TTL 2
#define IP_HDRINCL 3
#define IP_OPTIONS 4
#define IP_ROUTER_ALERT 5
#define IP_RECVOPTS 6
#define IP_RETOPTS 7
#define IP_PKTINFO 8
#define IP_MTU_DISCOVER 10
#define IP_RECVERR 11
#define IP_RECVTTL 12
#define IP_RECVTOS 13
#define IP_MTU 14
#define IP_FREEBIND 15
#define IP_TRANSPARENT 19
#define IP_BIND_ADDRESS_NO_PORT 24
#define IP_MULTICAST_IF 32
#define IP_MULTICAST_TTL 33
#define IP_MULTICAST_LOOP 34
#define IP_ADD_MEMBERSHIP 35
#define IP_DROP_MEMBERSHIP 36
#define IP_MULTICAST_ALL 49
#define MCAST_JOIN_GROUP 42 /* of both families */
#define MCAST_LEAVE_GROUP 45

#define IP_PMTUDISC_DONT 0
#define IP_PMTUDISC_WANT 1
#define IP_PMTUDISC_DO 2
#define IP_PMTUDISC_PROBE 3
#define IP_PMTUDISC_INTERFACE 4
#define IP_PMTUDISC_OMIT 5

#define IPV6_ADDRFORM 1
#define IPV6_2292PKTINFO 2
#define IPV6_CHECKSUM 7
#define IPV6_2292HOPLIMIT 8
#define IPV6_FLOWINFO 11
#define IPV6_UNICAST_HOPS 16
#define IPV6_MULTICAST_IF 17
#define IPV6_MULTICAST_HOPS 18
#define IPV6_MULTICAST_LOOP 19
#define IPV6_ADD_MEMBERSHIP 20
#define IPV6_DROP_MEMBERSHIP 21
#define IPV6_MTU_DISCOVER 23
#define IPV6_MTU 24
#define IPV6_RECVERR 25
#define IPV6_V6ONLY 26
#define IPV6_MULTICAST_ALL 29
#define IPV6_FLOWINFO_SEND 33
#define IPV6_RECVPKTINFO 49
#define IPV6_PKTINFO 50
#define IPV6_RECVHOPLIMIT 51
#define IPV6_HOPLIMIT 52
#define IPV6_RECVHOPOPTS 53
#define IPV6_RECVRTHDR 56
#define IPV6_RECVDSTOPTS 58
#define IPV6_RECVPATHMTU 60
#define IPV6_DONTFRAG 62
#define IPV6_RECVTCLASS 66
#define IPV6_TCLASS 67
#define IPV6_AUTOFLOWLABEL 70
#define IPV6_ADDR_PREFERENCES 72
#define IPV6_TRANSPARENT 75
#define IPV6_UNICAST_IF 76
#define IPV6_RECVFRAGSIZE 77
#define IPV6_FREEBIND 78
#define ICMPV6_FILTER 1

#define TCP_NODELAY 1
#define TCP_MAXSEG 2
#define TCP_CORK 3
#define TCP_KEEPIDLE 4
#define TCP_KEEPINTVL 5
#define TCP_KEEPCNT 6
#define TCP_SYNCNT 7
#define TCP_LINGER2 8
#define TCP_DEFER_ACCEPT 9
#define TCP_WINDOW_CLAMP 10
#define TCP_INFO 11
#define TCP_QUICKACK 12
#define TCP_CONGESTION 13
#define TCP_USER_TIMEOUT 18
#define TCP_FASTOPEN 23
#define TCP_TIMESTAMP 24
#define TCP_NOTSENT_LOWAT 25
#define TCP_INQ 36

#define UDP_CORK 1
#define ICMP_FILTER 1

#define SO_BINDTODEVICE 25
#define SO_BINDTOIFINDEX 62
#define SO_TIMESTAMPNS_OLD 35
#define SO_INCOMING_CPU 49

#define SO_EE_ORIGIN_LOCAL 1
#define SO_EE_ORIGIN_ICMP 2
#define SO_EE_ORIGIN_ICMP6 3

#define MSG_DONTROUTE 0x4u
#define MSG_CONFIRM 0x800u
#define MSG_ERRQUEUE 0x2000u
#define MSG_MORE 0x8000u
#define MSG_FASTOPEN 0x20000000u

struct abi_in6_pktinfo {
	uint8_t address[16];
	int32_t index;
};
struct abi_group_req {
	uint32_t index;
	uint32_t pad;
	uint16_t family;
	uint8_t name[126]; /* the rest of a struct sockaddr_in or sockaddr_in6 */
};
struct abi_ipv6_mreq {
	uint8_t group[16];
	int32_t index;
};
struct abi_in_pktinfo {
	int32_t index;
	uint32_t spec_dst, address;
};
/* MSG_ERRQUEUE: followed by a struct sockaddr_in or sockaddr_in6 of who says so. */
struct abi_extended_error {
	uint32_t error;
	uint8_t origin, type, code, pad;
	uint32_t info, data;
};
_Static_assert(sizeof(struct abi_extended_error) == 16, "Linux x86-64");
struct abi_ip_mreqn {
	uint32_t group, address;
	int32_t index;
};

#define SIOCINQ 0x541b
#define SIOCATMARK 0x8905
#define SIOCGSTAMP 0x8906
#define SIOCADDRT 0x890b
#define SIOCDELRT 0x890c
#define SIOCGIFNAME 0x8910
#define SIOCGIFCONF 0x8912
#define SIOCGIFFLAGS 0x8913
#define SIOCSIFFLAGS 0x8914
#define SIOCGIFADDR 0x8915
#define SIOCSIFADDR 0x8916
#define SIOCGIFDSTADDR 0x8917
#define SIOCSIFDSTADDR 0x8918
#define SIOCGIFBRDADDR 0x8919
#define SIOCSIFBRDADDR 0x891a
#define SIOCGIFNETMASK 0x891b
#define SIOCSIFNETMASK 0x891c
#define SIOCGIFMETRIC 0x891d
#define SIOCSIFMETRIC 0x891e
#define SIOCGIFMTU 0x8921
#define SIOCSIFMTU 0x8922
#define SIOCSIFNAME 0x8923
#define SIOCSIFHWADDR 0x8924
#define SIOCADDMULTI 0x8931
#define SIOCDELMULTI 0x8932
#define SIOCGIFHWADDR 0x8927
#define SIOCGIFINDEX 0x8933
#define SIOCGIFTXQLEN 0x8942
#define SIOCSIFTXQLEN 0x8943
#define SIOCETHTOOL 0x8946
#define SIOCGIFMAP 0x8970
#define SIOCDARP 0x8953
#define SIOCGARP 0x8954
#define SIOCSARP 0x8955

#define IFNAMSIZ 16
struct abi_ifreq {
	char name[IFNAMSIZ];
	union {
		struct abi_sockaddr_in address;
		struct {
			uint16_t family;
			uint8_t data[14];
		} hardware;
		int16_t flags;
		int32_t value;
		char new_name[IFNAMSIZ];
		uint8_t map[24];
	};
};
_Static_assert(sizeof(struct abi_ifreq) == 40, "Linux x86-64");
struct abi_ifconf {
	int32_t len;
	int32_t pad;
	uint64_t buffer;
};
struct abi_rtentry {
	uint64_t pad1;
	struct abi_sockaddr_in destination, gateway, mask;
	uint16_t flags;
	int16_t pad2;
	uint64_t pad3;
	uint64_t pad4; /* tos, class, alignment */
	int16_t metric;
	uint64_t device; /* name */
	uint64_t mtu, window;
	uint16_t irtt;
};
_Static_assert(sizeof(struct abi_rtentry) == 120, "Linux x86-64");
#define ATF_COM 2 /* of an arpreq: complete */
#define ATF_PERM 4
struct abi_arpreq {
	struct abi_sockaddr_in address;
	struct {
		uint16_t family;
		uint8_t data[14];
	} hardware;
	int32_t flags;
	struct abi_sockaddr_in mask;
	char device[16];
};

struct abi_tcp_info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, flags;
	uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets, last_data_sent, last_ack_sent, last_data_recv, last_ack_recv, pmtu,
		rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};
_Static_assert(sizeof(struct abi_tcp_info) == 232, "Linux x86-64");

#endif
