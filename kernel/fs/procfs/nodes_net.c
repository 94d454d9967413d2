/* /proc/net, what no family keeps a table of: the headers, so that programs that list connections find none. */
#include "core/node.h"

#define HEADER(ident, name, text) \
	static int show_##ident(struct seq *s) { seq_puts(s, text); return 0; } \
	NODE(net_##ident, .path = "net/" name, .show = show_##ident)

#define SOCKETS6 "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
HEADER(tcp6, "tcp6", SOCKETS6 "\n");
HEADER(udp6, "udp6", SOCKETS6 " ref pointer drops\n");
HEADER(raw6, "raw6", SOCKETS6 " ref pointer drops\n");
HEADER(if_inet6, "if_inet6", "");
HEADER(ipv6_route, "ipv6_route", "");
