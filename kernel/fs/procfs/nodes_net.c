/* /proc/net before there is a network: the headers of its tables, so that programs that list connections find none. */
#include "core/node.h"

#define HEADER(ident, name, text) \
	static int show_##ident(struct seq *s) { seq_puts(s, text); return 0; } \
	NODE(net_##ident, .path = "net/" name, .show = show_##ident)

#define SOCKETS "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define SOCKETS6 "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
HEADER(dev, "dev",
       "Inter-|   Receive                                                |  Transmit\n"
       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
HEADER(tcp, "tcp", SOCKETS "                                                     \n");
HEADER(tcp6, "tcp6", SOCKETS6 "\n");
HEADER(udp, "udp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n");
HEADER(udp6, "udp6", SOCKETS6 " ref pointer drops\n");
HEADER(raw, "raw", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
HEADER(raw6, "raw6", SOCKETS6 " ref pointer drops\n");
HEADER(packet, "packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
HEADER(netlink, "netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
HEADER(arp, "arp", "IP address       HW type     Flags       HW address            Mask     Device\n");
HEADER(route, "route",
       "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n");
HEADER(if_inet6, "if_inet6", "");
HEADER(ipv6_route, "ipv6_route", "");
