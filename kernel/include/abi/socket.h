/* Sockets, Linux x86-64: families, types, flags, options, and the structures of socket(7), unix(7) and cmsg(3). */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include <stdint.h>

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_MAX 46

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_MAX 11
#define SOCK_TYPE_MASK 15

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

#define MSG_OOB 0x1u
#define MSG_PEEK 0x2u
#define MSG_CTRUNC 0x8u
#define MSG_TRUNC 0x20u
#define MSG_DONTWAIT 0x40u
#define MSG_EOR 0x80u
#define MSG_WAITALL 0x100u
#define MSG_NOSIGNAL 0x4000u
#define MSG_WAITFORONE 0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#define MSG_CMSG_COMPAT 0x80000000u

#define SOL_SOCKET 1
#define SO_DEBUG 1
#define SO_REUSEADDR 2
#define SO_TYPE 3
#define SO_ERROR 4
#define SO_DONTROUTE 5
#define SO_BROADCAST 6
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_OOBINLINE 10
#define SO_NO_CHECK 11
#define SO_PRIORITY 12
#define SO_LINGER 13
#define SO_REUSEPORT 15
#define SO_PASSCRED 16
#define SO_PEERCRED 17
#define SO_RCVLOWAT 18
#define SO_SNDLOWAT 19
#define SO_RCVTIMEO_OLD 20
#define SO_SNDTIMEO_OLD 21
#define SO_ATTACH_FILTER 26 /* read: SO_GET_FILTER */
#define SO_DETACH_FILTER 27
#define SO_LOCK_FILTER 44
#define SO_PEERNAME 28
#define SO_TIMESTAMP_OLD 29
#define SO_ACCEPTCONN 30
#define SO_PEERSEC 31
#define SO_SNDBUFFORCE 32
#define SO_RCVBUFFORCE 33
#define SO_BSDCOMPAT 14
#define SO_PEERNAME 28
#define SO_PASSSEC 34
#define SO_MARK 36
#define SO_PROTOCOL 38
#define SO_DOMAIN 39
#define SO_COOKIE 57
#define SO_PEERGROUPS 59
#define SO_RCVTIMEO_NEW 66
#define SO_SNDTIMEO_NEW 67

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD 253

#define FIONREAD 0x541b
#define SIOCOUTQ 0x5411
#define SIOCOUTQNSD 0x894b /* of TCP: what was never sent */
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define FIOGETOWN 0x8903
#define SIOCGPGRP 0x8904
#define SIOCATMARK 0x8905
#define SIOCUNIXFILE 0x89e0

#define UNIX_PATH_MAX 108

struct abi_sockaddr {
	uint16_t family;
	uint8_t data[126]; /* as struct sockaddr_storage */
};
_Static_assert(sizeof(struct abi_sockaddr) == 128, "Linux x86-64");

struct abi_sockaddr_un {
	uint16_t family;
	char path[UNIX_PATH_MAX];
};

struct abi_msghdr {
	uint64_t name;
	int32_t name_len;
	uint32_t pad1;
	uint64_t iov, iov_len;
	uint64_t control, control_len;
	uint32_t flags;
	uint32_t pad2;
};
_Static_assert(sizeof(struct abi_msghdr) == 56, "Linux x86-64");
struct abi_mmsghdr {
	struct abi_msghdr header;
	uint32_t len;
	uint32_t pad;
};
_Static_assert(sizeof(struct abi_mmsghdr) == 64, "Linux x86-64");

/* Before each control message; the next one starts at the next multiple of 8. */
struct abi_cmsghdr {
	uint64_t len; /* with this header */
	int32_t level, type;
};
#define CMSG_ALIGN(n) (((n) + 7ul) & ~7ul)

struct abi_ucred {
	int32_t pid;
	uint32_t uid, gid;
};
struct abi_linger {
	int32_t onoff, linger;
};

#endif
