/* netlink(7) and rtnetlink(7), Linux x86-64: what `ip`, getifaddrs and if_nameindex speak. */
#ifndef ABI_NETLINK_H
#define ABI_NETLINK_H

#include <stdint.h>

#define NETLINK_ROUTE 0
#define NETLINK_SOCK_DIAG 4
#define SOL_NETLINK 270
enum { NETLINK_ADD_MEMBERSHIP = 1, NETLINK_DROP_MEMBERSHIP, NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS, NETLINK_LISTEN_ALL_NSID = 8, NETLINK_LIST_MEMBERSHIPS,
       NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK };

struct abi_sockaddr_nl {
	uint16_t family, pad;
	uint32_t port, groups;
};
_Static_assert(sizeof(struct abi_sockaddr_nl) == 12, "Linux x86-64");
struct abi_nlmsghdr {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};
_Static_assert(sizeof(struct abi_nlmsghdr) == 16, "Linux x86-64");
#define NLMSG_MIN_TYPE 16 /* below it are messages of netlink itself */
#define NLMSG_ERROR 2
#define NLMSG_DONE 3
#define NLM_F_REQUEST 1
#define NLM_F_MULTI 2
#define NLM_F_ACK 4
#define NLM_F_DUMP 0x300
#define NLM_F_CAPPED 0x100 /* of NLMSG_ERROR: the request's header alone came back */
#define NLM_F_REPLACE 0x100
#define NLM_F_EXCL 0x200
#define NLM_F_CREATE 0x400
#define NLM_F_APPEND 0x800
#define NL_ALIGN(n) (((n) + 3u) & ~3u)

enum { RTM_NEWLINK = 16, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR = 20, RTM_DELADDR, RTM_GETADDR, RTM_NEWROUTE = 24, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH = 28,
       RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWRULE = 32, RTM_DELRULE, RTM_GETRULE };

struct abi_rtattr {
	uint16_t len, type;
};
#define NLA_TYPE_MASK 0x3fff /* of type; above it are flags */
struct abi_ifinfomsg {
	uint8_t family, pad;
	uint16_t type;
	int32_t index;
	uint32_t flags, change;
};
enum { IFLA_ADDRESS = 1, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_QDISC, IFLA_STATS, IFLA_TXQLEN = 13, IFLA_OPERSTATE = 16, IFLA_LINKMODE = 17, IFLA_IFALIAS = 20, IFLA_STATS64 = 23, IFLA_GROUP = 27 };
struct abi_ifaddrmsg {
	uint8_t family, prefix_len, flags, scope;
	uint32_t index;
};
enum { IFA_ADDRESS = 1, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO = 6, IFA_FLAGS = 8 };
#define IFA_F_SECONDARY 0x01 /* of IPv4 */
#define IFA_F_NODAD 0x02
#define IFA_F_DADFAILED 0x08
#define IFA_F_DEPRECATED 0x20
#define IFA_F_TENTATIVE 0x40
#define IFA_F_PERMANENT 0x80

struct abi_rtmsg {
	uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
	uint32_t flags;
};
enum { RTA_DST = 1, RTA_SRC, RTA_IIF, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS, RTA_MULTIPATH, RTA_CACHEINFO = 12, RTA_TABLE = 15, RTA_MARK = 16, RTA_UID = 25, RTA_PREF = 20 };
enum { RTAX_MTU = 2 }; /* of RTA_METRICS */
enum { RTN_UNICAST = 1, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST = 5, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW };
#define RT_TABLE_COMPAT 252 /* in the header, of a table that its byte cannot hold */
#define RT_TABLE_DEFAULT 253
#define RT_TABLE_LOCAL 255
#define RTNH_F_ONLINK 4
#define RTM_F_CLONED 0x200
#define RTCF_LOCAL 0x80000000u /* what a packet by it is, in answers about one destination */
#define RTCF_BROADCAST 0x10000000u
#define RTCF_MULTICAST 0x20000000u
#define RTPROT_KERNEL 2
/* Of rules the header is a struct abi_rtmsg too: its type is what is done. */
enum { FRA_PRIORITY = 6, FRA_SUPPRESS_PREFIXLEN = 14, FRA_TABLE, FRA_PROTOCOL = 21 };
#define FR_ACT_TO_TBL 1
#define RT_TABLE_MAIN 254
#define RT_SCOPE_UNIVERSE 0
#define RT_SCOPE_LINK 253
#define RT_SCOPE_HOST 254
struct abi_ndmsg {
	uint8_t family, pad1;
	uint16_t pad2;
	int32_t index;
	uint16_t state;
	uint8_t flags, type;
};
enum { NDA_DST = 1, NDA_LLADDR = 2 };
#define NUD_INCOMPLETE 1
#define NUD_REACHABLE 2
#define NUD_PERMANENT 0x80

#endif
