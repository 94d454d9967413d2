/* stage: 13; libc: glibc; run: debug
 * Calls of sockets while each thing in them that can fail does, in turn (fault.h): between processes, over loopback, and those that set up the network. */
#include "fault.h"
#include "net.h"
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/if_ether.h>
#include <net/route.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/un.h>

static int s = -1, pair[2], listener = -1, file;

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
static void drop_s(long r) { (void)r; drop(&s); }
static void drop_pair(long r) { (void)r; drop(&pair[0]); drop(&pair[1]); }
static void drop_both(long fd) { shut(fd); drop(&s); drop_pair(0); }

/* --- making them */

static long do_unix(void) { return SYS(socket, AF_UNIX, SOCK_STREAM, 0); }
static long do_unix_pair(void) { return SYS(socketpair, AF_UNIX, SOCK_SEQPACKET, 0, pair); }
static long do_tcp(void) { return SYS(socket, AF_INET, SOCK_STREAM, 0); }
static long do_tcp6(void) { return SYS(socket, AF_INET6, SOCK_STREAM, 0); }
static long do_udp(void) { return SYS(socket, AF_INET, SOCK_DGRAM, 0); }
static long do_udp6(void) { return SYS(socket, AF_INET6, SOCK_DGRAM, 0); }
static long do_raw(void) { return SYS(socket, AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long do_packet(void) { return SYS(socket, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); }
static long do_netlink(void) { return SYS(socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }

/* --- between processes */

static struct sockaddr_un un = { AF_UNIX, "listens" };
static void a_stream(void) { drop(&s); NEED((s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0); }
static long do_bind_path(void) { return SYS(bind, s, &un, sizeof(un)); }
static void undo_bind_path(long r) { drop_s(r); unlink(un.sun_path); }
static long do_bind_abstract(void) { struct sockaddr_un a = { AF_UNIX, "\0nowhere" }; return SYS(bind, s, &a, 10); }
static void a_listener(void)
{
	NEED((listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && bind(listener, (struct sockaddr *)&un, sizeof(un)) == 0);
	NEED(listen(listener, 5) == 0);
	a_stream();
}
static void no_listener(long r) { drop_s(r); drop(&listener); unlink(un.sun_path); }
static long do_connect_unix(void) { return SYS(connect, s, &un, sizeof(un)); }
static void a_caller(void) { a_listener(); NEED(connect(s, (struct sockaddr *)&un, sizeof(un)) == 0); }
static long do_accept(void) { return SYS(accept4, listener, NULL, NULL, 0); }
static void undo_accept(long fd) { shut(fd); no_listener(0); }
static void a_pair(void) { NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0); }
static void a_pair_of_words(void) { NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0); }
static long do_write(void) { return SYS(write, pair[0], buffer, 8000); }
static void words_to_read(void) { a_pair(); NEED(write(pair[0], buffer, 8000) == 8000); }
static long do_read(void) { return SYS(read, pair[1], buffer, 8000); }
static long do_sendmmsg(void)
{
	struct iovec v[2] = { { buffer, 100 }, { buffer + 100, 100 } };
	struct mmsghdr m[3];

	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++)
		m[i].msg_hdr.msg_iov = v, m[i].msg_hdr.msg_iovlen = 2;
	return SYS(sendmmsg, pair[0], m, 3, 0);
}

/* Three descriptors go along. */
static union { struct cmsghdr h; char space[CMSG_SPACE(3 * sizeof(int))]; } sent, came;
static struct iovec one_word = { buffer, 100 };
static long do_send_rights(void)
{
	struct msghdr m = { .msg_iov = &one_word, .msg_iovlen = 1, .msg_control = &sent, .msg_controllen = sizeof(sent) };

	sent.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(3 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&sent.h), (int[]){ file, file, pair[1] }, 3 * sizeof(int));
	return SYS(sendmsg, pair[0], &m, 0);
}
/* A socket that lies in its own queue goes when the next one is closed. */
static void drop_circle(long r) { drop_pair(r); a_pair(); drop_pair(r); }
static void rights_to_take(void) { a_pair_of_words(); NEED(do_send_rights() == 100); }
/* Where the message cannot be taken whole, what came of it is closed, and it is sent again for the next try. */
static long do_take_rights(void)
{
	struct msghdr m = { .msg_iov = &one_word, .msg_iovlen = 1, .msg_control = &came, .msg_controllen = sizeof(came) };
	long r = SYS(recvmsg, pair[1], &m, 0);
	int error = errno, fds[3];

	if (r >= 0 && m.msg_controllen >= sizeof(struct cmsghdr)) {
		size_t n = (came.h.cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(&came.h), n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
	if (r < 0) {
		arm(0);
		do_send_rights();
		errno = error;
	}
	return r;
}

/* --- over loopback */

static void a_tcp(void) { drop(&s); NEED((s = socket(AF_INET, SOCK_STREAM, 0)) >= 0); }
static void a_udp(void) { drop(&s); NEED((s = socket(AF_INET, SOCK_DGRAM, 0)) >= 0); }
static void a_udp6(void) { drop(&s); NEED((s = socket(AF_INET6, SOCK_DGRAM, 0)) >= 0); }
static long do_bind_tcp(void) { struct sockaddr_in a = at("127.0.0.1", 0); return SYS(bind, s, &a, sizeof(a)); }
static void a_bound(void) { a_tcp(); NEED(bind_at(s, "127.0.0.1", 0) == 0); }
static long do_listen(void) { return SYS(listen, s, 20); }
static struct sockaddr_in there;
static void a_tcp_listener(void)
{
	NEED((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && bind_at(listener, "127.0.0.1", 0) == 0 && listen(listener, 8) == 0);
	there = at("127.0.0.1", port_of(listener));
	a_tcp();
}
static long do_connect(void) { return SYS(connect, s, &there, sizeof(there)); }
static void undo_connect(long r)
{
	int fd = r == 0 ? accept(listener, NULL, NULL) : -1;

	if (fd >= 0)
		close(fd);
	drop_s(r);
	drop(&listener);
}
static void a_tcp_caller(void) { a_tcp_listener(); NEED(connect(s, (struct sockaddr *)&there, sizeof(there)) == 0); }
static void undo_tcp_accept(long fd) { shut(fd); drop_s(0); drop(&listener); }
static void a_connection(void) { tcp_pair(pair, NULL); }
static void a_full_connection(void) { a_connection(); NEED(write(pair[0], buffer, 8000) == 8000 && wait_for(pair[1], POLLIN)); }
static long do_sendfile(void) { off_t from = 0; return SYS(sendfile, pair[0], file, &from, 8192); }
static long do_shutdown(void) { return SYS(shutdown, pair[0], SHUT_WR); }
static long do_congestion(void) { return SYS(setsockopt, s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); }
static long do_info(void) { socklen_t len = 100; return SYS(getsockopt, pair[0], IPPROTO_TCP, TCP_INFO, buffer, &len); }
static long do_peer(void) { socklen_t len = 16; return SYS(getpeername, pair[0], buffer, &len); }

static void udp_pair(void)
{
	a_udp();
	NEED(bind_at(s, "127.0.0.1", 0) == 0);
	there = at("127.0.0.1", port_of(s));
}
static long do_sendto(void) { return SYS(sendto, s, buffer, 3000, 0, &there, sizeof(there)); }
static void a_datagram(void) { udp_pair(); NEED(do_sendto() == 3000 && wait_for(s, POLLIN)); }
static long do_recvfrom(void) { socklen_t len = 16; struct sockaddr_in a; return SYS(recvfrom, s, buffer, 3000, MSG_PEEK, &a, &len); }
static long do_sendto6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	return SYS(sendto, s, buffer, 500, 0, &a, sizeof(a));
}
static long do_join(void)
{
	struct ip_mreq m = { .imr_multiaddr.s_addr = inet_addr("224.1.2.3"), .imr_interface.s_addr = inet_addr("127.0.0.1") };

	return SYS(setsockopt, s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
}
static long do_join6(void)
{
	struct ipv6_mreq m = { .ipv6mr_interface = 1 };

	inet_pton(AF_INET6, "ff02::1:3", &m.ipv6mr_multiaddr);
	return SYS(setsockopt, s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m));
}
static long do_ip_options(void) { return SYS(setsockopt, s, IPPROTO_IP, IP_OPTIONS, "\1\1\1\1", 4); }
static void a_raw(void) { drop(&s); NEED((s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)) >= 0); there = at("127.0.0.1", 0); }
static long do_send_raw(void)
{
	static unsigned char head[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 253, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1 };

	return SYS(sendto, s, head, sizeof(head), 0, &there, sizeof(there));
}
static void a_packet(void) { drop(&s); NEED((s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP))) >= 0); }
static long do_bind_packet(void) { struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(ETH_P_ALL) }; return SYS(bind, s, &a, sizeof(a)); }
static long do_send_packet(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(0x88b5), .sll_halen = 6 };

	return SYS(sendto, s, buffer, 400, 0, &a, sizeof(a));
}
static int watcher = -1;
static void a_watcher(void) { a_pair(); NEED((watcher = epoll_create1(0)) >= 0); }
static long do_watch(void) { struct epoll_event e = { EPOLLIN, { .u64 = 7 } }; return SYS(epoll_ctl, watcher, EPOLL_CTL_ADD, pair[0], &e); }
static void no_watcher(long r) { drop(&watcher); drop_pair(r); }
static long do_poll(void)
{
	struct pollfd p[40];

	for (int i = 0; i < 40; i++)
		p[i] = (struct pollfd){ pair[i % 2], POLLIN, 0 };
	return SYS(poll, p, 40, 5);
}

/* --- setting up */

static long do_ifconf(void) { struct ifconf c = { .ifc_len = 400, .ifc_buf = buffer }; return SYS(ioctl, s, SIOCGIFCONF, &c); }
static long set_address(const char *address)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct sockaddr_in a = at(address, 0);

	memcpy(&r.ifr_addr, &a, sizeof(a));
	return SYS(ioctl, s, SIOCSIFADDR, &r);
}
static long do_address(void) { return set_address("127.7.7.7"); }
static void undo_address(long r) { NEED(set_address("127.0.0.1") == 0); drop_s(r); }
static struct rtentry way(void)
{
	struct rtentry r = { .rt_flags = RTF_UP, .rt_dev = "lo" };
	struct sockaddr_in to = at("10.77.0.0", 0), mask = at("255.255.0.0", 0);

	memcpy(&r.rt_dst, &to, sizeof(to));
	memcpy(&r.rt_genmask, &mask, sizeof(mask));
	return r;
}
static long do_route(void) { struct rtentry r = way(); return SYS(ioctl, s, SIOCADDRT, &r); }
static void undo_route(long r) { struct rtentry w = way(); ioctl(s, SIOCDELRT, &w); drop_s(r); }

static void a_netlink(void) { drop(&s); NEED((s = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE)) >= 0); }
static long do_bind_netlink(void) { struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK }; return SYS(bind, s, &a, sizeof(a)); }
static struct { struct nlmsghdr h; union { struct rtgenmsg g; struct ifaddrmsg a; }; char attributes[64]; } ask;
static long tell(int type, int flags, size_t body)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	ask.h = (struct nlmsghdr){ .nlmsg_len = (unsigned)(NLMSG_HDRLEN + body), .nlmsg_type = (unsigned short)type, .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags), .nlmsg_seq = 1 };
	return SYS(sendto, s, &ask, ask.h.nlmsg_len, 0, &kernel, sizeof(kernel));
}
/* All that comes is read without a fault: the last of it must say how it went, or the socket that something is lost. */
static long answer(long r)
{
	static struct { struct nlmsghdr h; int error; char more[8000]; } got;
	struct nlmsghdr *h;
	unsigned n;

	if (r < 0)
		return r;
	long left = disarm();
	for (int end = 0; !end && (r = recv(s, &got, sizeof(got), 0)) >= 0;) {
		n = (unsigned)r;
		for (h = &got.h; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			end |= h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
		if (got.h.nlmsg_type == NLMSG_ERROR && got.error)
			errno = -got.error, r = -1;
	}
	int error = errno;
	arm((int)left);
	errno = error;
	return r;
}
static long do_dump(void)
{
	memset(&ask, 0, sizeof(ask));
	ask.g.rtgen_family = AF_UNSPEC;
	return answer(tell(RTM_GETLINK, NLM_F_DUMP, sizeof(ask.g)));
}
static long change_address(int type)
{
	struct rtattr head = { RTA_LENGTH(4), IFA_LOCAL };
	uint32_t address = inet_addr("127.8.8.8");

	memset(&ask, 0, sizeof(ask));
	ask.a = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_index = 1 };
	memcpy((char *)&ask.a + sizeof(ask.a), &head, sizeof(head));
	memcpy((char *)&ask.a + sizeof(ask.a) + sizeof(head), &address, 4);
	return answer(tell(type, NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0), sizeof(ask.a) + RTA_LENGTH(4)));
}
static long do_new_address(void) { return change_address(RTM_NEWADDR); }
static void undo_new_address(long r) { change_address(RTM_DELADDR); drop_s(r); }

static const struct one cases[] = {
	{ "socket AF_UNIX", nothing, do_unix, shut, 0 }, { "socketpair", nothing, do_unix_pair, drop_pair, 0 }, { "socket TCP", nothing, do_tcp, shut, 0 },
	{ "socket TCP over IPv6", nothing, do_tcp6, shut, 0 }, { "socket UDP", nothing, do_udp, shut, 0 }, { "socket UDP over IPv6", nothing, do_udp6, shut, 0 },
	{ "socket raw", nothing, do_raw, shut, 0 }, { "socket AF_PACKET", nothing, do_packet, shut, 0 }, { "socket AF_NETLINK", nothing, do_netlink, shut, 0 },
	{ "bind to a path", a_stream, do_bind_path, undo_bind_path, 0 }, { "bind to an abstract name", a_stream, do_bind_abstract, drop_s, 0 },
	{ "connect AF_UNIX", a_listener, do_connect_unix, no_listener, 0 }, { "accept AF_UNIX", a_caller, do_accept, undo_accept, 0 },
	{ "write AF_UNIX", a_pair, do_write, drop_pair, 0 }, { "read AF_UNIX", words_to_read, do_read, drop_pair, 0 },
	{ "sendmmsg", a_pair_of_words, do_sendmmsg, drop_pair, 0 }, { "sendmsg SCM_RIGHTS", a_pair_of_words, do_send_rights, drop_circle, 0 },
	{ "recvmsg SCM_RIGHTS", rights_to_take, do_take_rights, drop_circle, 0 }, { "bind TCP", a_tcp, do_bind_tcp, drop_s, 0 }, { "listen", a_bound, do_listen, drop_s, 0 },
	{ "connect TCP", a_tcp_listener, do_connect, undo_connect, 0 }, { "accept TCP", a_tcp_caller, do_accept, undo_tcp_accept, 0 },
	{ "write TCP", a_connection, do_write, drop_pair, 0 }, { "read TCP", a_full_connection, do_read, drop_pair, 0 }, { "sendfile TCP", a_connection, do_sendfile, drop_pair, 0 },
	{ "shutdown", a_connection, do_shutdown, drop_pair, 0 }, { "TCP_CONGESTION", a_tcp, do_congestion, drop_s, 0 }, { "TCP_INFO", a_connection, do_info, drop_pair, 0 },
	{ "getpeername", a_connection, do_peer, drop_pair, 0 }, { "sendto UDP", udp_pair, do_sendto, drop_s, 0 }, { "recvfrom UDP", a_datagram, do_recvfrom, drop_s, 0 },
	{ "sendto UDP over IPv6", a_udp6, do_sendto6, drop_s, 0 }, { "IP_ADD_MEMBERSHIP", a_udp, do_join, drop_s, 0 }, { "IPV6_JOIN_GROUP", a_udp6, do_join6, drop_s, 0 },
	{ "IP_OPTIONS", a_udp, do_ip_options, drop_s, 0 }, { "sendto raw", a_raw, do_send_raw, drop_s, 0 }, { "bind AF_PACKET", a_packet, do_bind_packet, drop_s, 0 },
	{ "sendto AF_PACKET", a_packet, do_send_packet, drop_s, 0 }, { "epoll_ctl of a socket", a_watcher, do_watch, no_watcher, 0 }, { "poll of sockets", a_pair, do_poll, drop_both, 0 },
	{ "SIOCGIFCONF", a_udp, do_ifconf, drop_s, 0 }, { "SIOCSIFADDR", a_udp, do_address, undo_address, 0 }, { "SIOCADDRT", a_udp, do_route, undo_route, 0 },
	{ "bind AF_NETLINK", a_netlink, do_bind_netlink, drop_s, 0 }, { "RTM_GETLINK", a_netlink, do_dump, drop_s, 0 }, { "RTM_NEWADDR", a_netlink, do_new_address, undo_new_address, 0 },
};

static void prepare(void)
{
	pair[0] = pair[1] = -1;
	memset(buffer, 'x', sizeof(buffer));
	NEED((file = open("data", O_RDWR | O_CREAT, 0600)) >= 0 && write(file, buffer, 8192) == 8192);
	/* What the program writes itself is its own by then. */
	memset(&sent, 0, sizeof(sent));
	memset(&came, 0, sizeof(came));
	memset(&ask, 0, sizeof(ask));
}

static void mend(void) {}
static int allowed(const struct one *c, int error)
{
	return error == ENOMEM || error == EFAULT || error == ENOBUFS || (error == ENFILE && (strncmp(c->name, "socket", 6) == 0 || strncmp(c->name, "accept", 6) == 0));
}

int main(void)
{
	lo_up();
	signal(SIGPIPE, SIG_IGN);
	return try_all(cases, COUNT(cases));
}
