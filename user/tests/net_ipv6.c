/* stage: 11; libc: musl; run: guest+golden
 * IPv6 over loopback: names and zones, sockets of both families and of one, who shares a port with whom, TCP, UDP with control messages, the queue of
 * errors, raw ICMPv6, fragments, options, bad input. */
#define _GNU_SOURCE
#include "net.h"
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

struct sock_extended_err { /* linux/errqueue.h */
	uint32_t ee_errno;
	uint8_t ee_origin, ee_type, ee_code, ee_pad;
	uint32_t ee_info, ee_data;
};

static struct sockaddr_in6 at6(const char *address, int port)
{
	struct sockaddr_in6 a;

	memset(&a, 0, sizeof(a));
	a.sin6_family = AF_INET6;
	a.sin6_port = htons((uint16_t)port);
	NEED(inet_pton(AF_INET6, address, &a.sin6_addr) == 1);
	return a;
}

static int bind6(int fd, const char *address, int port)
{
	struct sockaddr_in6 a = at6(address, port);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int connect6(int fd, const char *address, int port)
{
	struct sockaddr_in6 a = at6(address, port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static void show6(const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);
	char text[64];

	memset(&a, 0x55, sizeof(a));
	errno = 0;
	if (get(fd, (struct sockaddr *)&a, &len) < 0) {
		say("%s: %s\n", what, errname(errno));
		return;
	}
	inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
	say("%s: length %d, %d, [%s]:%d, zone %u\n", what, (int)len, a.sin6_family, text, ntohs(a.sin6_port) >= 32768 ? -1 : ntohs(a.sin6_port), a.sin6_scope_id);
}

static int make(int type) { return socket(AF_INET6, type, 0); }

static void names(void)
{
	int fd = make(SOCK_DGRAM);
	struct sockaddr_in6 a;
	struct sockaddr_in v4 = at("127.0.0.1", 0);

	say("--- names\n");
	show6("fresh", getsockname, fd);
	show6("fresh peer", getpeername, fd);
	R(bind6(fd, "2001:db8::1", 0));
	R(bind6(fd, "fe80::1", 0));
	R(bind(fd, (struct sockaddr *)&v4, sizeof(v4)));
	a = at6("::1", 6000);
	R(bind(fd, (struct sockaddr *)&a, 23));
	R(bind(fd, (struct sockaddr *)&a, 24));
	show6("bound", getsockname, fd);
	R(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	R(connect6(fd, "::ffff:127.0.0.1", 6001));
	R(connect6(fd, "::", 6001));
	show6("to nobody", getpeername, fd);
	a.sin6_family = AF_UNSPEC;
	R(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	show6("again", getsockname, fd);
	show6("no peer", getpeername, fd);
	R(connect6(fd, "fe80::1", 6001));
	R(connect6(fd, "2001:db8::1", 6001));
	close(fd);
	fd = make(SOCK_STREAM);
	R(bind6(fd, "ff02::1", 6000));
	R(bind6(fd, "::ffff:127.0.0.1", 6000));
	show6("mapped", getsockname, fd);
	R(connect6(fd, "::1", 6000));
	close(fd);
	R(socket(AF_INET6, SOCK_STREAM, IPPROTO_UDP));
	R(socket(AF_INET6, SOCK_RAW, 0));
	R(socket(AF_INET6, SOCK_SEQPACKET, 0));
	R(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));
}

/* May b have port 6100 at `second` beside a's at `first`? */
static void beside(int type, int family_a, const char *first, int only_a, int family_b, const char *second, int only_b)
{
	int a = socket(family_a, type, 0), b = socket(family_b, type, 0);

	if (family_a == AF_INET6)
		NEED(set(a, IPPROTO_IPV6, IPV6_V6ONLY, only_a) == 0);
	if (family_b == AF_INET6)
		NEED(set(b, IPPROTO_IPV6, IPV6_V6ONLY, only_b) == 0);
	NEED((family_a == AF_INET ? bind_at(a, first, 6100) : bind6(a, first, 6100)) == 0);
	errno = 0;
	int r = family_b == AF_INET ? bind_at(b, second, 6100) : bind6(b, second, 6100);
	say("%s%s, %s%s: %s\n", first, only_a ? " only" : "", second, only_b ? " only" : "", r ? errname(errno) : "both");
	close(a);
	close(b);
}

static void ports(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };

	for (int i = 0; i < 2; i++) {
		say("--- ports of %s\n", i ? "TCP" : "UDP");
		beside(types[i], AF_INET6, "::", 0, AF_INET, "0.0.0.0", 0);
		beside(types[i], AF_INET6, "::", 1, AF_INET, "0.0.0.0", 0);
		beside(types[i], AF_INET6, "::", 0, AF_INET, "127.0.0.1", 0);
		beside(types[i], AF_INET6, "::1", 0, AF_INET, "0.0.0.0", 0);
		beside(types[i], AF_INET6, "::1", 0, AF_INET6, "::", 0);
		beside(types[i], AF_INET6, "::", 0, AF_INET6, "::", 1);
		beside(types[i], AF_INET, "127.0.0.1", 0, AF_INET6, "::ffff:127.0.0.1", 0);
		beside(types[i], AF_INET, "127.0.0.1", 0, AF_INET6, "::ffff:127.0.0.2", 0);
		beside(types[i], AF_INET, "0.0.0.0", 0, AF_INET6, "::1", 0);
		beside(types[i], AF_INET, "0.0.0.0", 0, AF_INET6, "::", 1);
		beside(types[i], AF_INET, "127.0.0.1", 0, AF_INET6, "::", 0);
	}
}

static void talk(const char *listen_at, int listen_family, const char *to, int family, int port)
{
	int l = socket(listen_family, SOCK_STREAM, 0), c = socket(family, SOCK_STREAM, 0), s;

	say("--- TCP to %s at %s\n", listen_at, to);
	NEED((listen_family == AF_INET ? bind_at(l, listen_at, port) : bind6(l, listen_at, port)) == 0 && listen(l, 4) == 0);
	R(family == AF_INET ? connect_at(c, to, port) : connect6(c, to, port));
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	if (s < 0) {
		say("nobody\n");
	} else {
		if (listen_family == AF_INET6)
			show6("server", getsockname, s), show6("its peer", getpeername, s);
		if (family == AF_INET6)
			show6("client", getsockname, c), show6("its peer", getpeername, c);
		V(option(s, SOL_SOCKET, SO_DOMAIN));
		NEED(fcntl(s, F_SETFL, 0) == 0);
		R(write(c, "hello", 5));
		say_read("server", s, 10, 0);
		R(write(s, "back", 4));
		say_read("client", c, 10, 0);
		V(option(c, IPPROTO_TCP, TCP_MAXSEG) > 1000);
		close(s);
	}
	close(c);
	close(l);
}

static void refused(void)
{
	int c = make(SOCK_STREAM), l = make(SOCK_STREAM);

	say("--- nobody listens\n");
	R(connect6(c, "::1", 6999));
	R(connect6(c, "::ffff:127.0.0.1", 6999));
	R(connect6(c, "2001:db8::1", 6999));
	close(c);
	R(set(l, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	NEED(bind6(l, "::", 6300) == 0 && listen(l, 4) == 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(c, "127.0.0.1", 6300));
	close(c);
	R(bind6(make(SOCK_STREAM), "::ffff:127.0.0.1", 6300));
	close(l);
}

/* What comes with a datagram. */
static void take(int fd)
{
	char data[64], control[512], text[64];
	struct sockaddr_in6 from;
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		say("take: %s\n", errname(errno));
		return;
	}
	inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text));
	say("take: %d \"%.*s\" from [%s], length %d, flags %#x\n", (int)n, (int)n, data, text, (int)m.msg_namelen, m.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *i = (void *)CMSG_DATA(c);
			inet_ntop(AF_INET6, &i->ipi6_addr, text, sizeof(text));
			say("  to [%s], device %d, length %d\n", text, i->ipi6_ifindex, (int)c->cmsg_len);
		} else {
			int value;
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			say("  level %d, type %d, length %d, %d\n", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len, value);
		}
	}
}

static void datagrams(void)
{
	int a = make(SOCK_DGRAM), b = make(SOCK_DGRAM), c = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in6 to = at6("::1", 6400);
	struct sockaddr_in to4 = at("127.0.0.1", 6400);
	static char big[70000];

	say("--- UDP\n");
	NEED(bind6(a, "::", 6400) == 0);
	R(set(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	R(set(a, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
	R(set(a, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
	R(sendto(b, "six", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	take(a);
	R(set(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7));
	R(set(b, IPPROTO_IPV6, IPV6_TCLASS, 0x48));
	R(sendto(b, "hops", 4, 0, (struct sockaddr *)&to, sizeof(to)));
	take(a);
	R(sendto(c, "four", 4, 0, (struct sockaddr *)&to4, sizeof(to4)));
	take(a);
	R(sendto(b, "by a v4 name", 12, 0, (struct sockaddr *)&to4, sizeof(to4)));
	take(a);
	to = at6("::ffff:127.0.0.1", 6400);
	b = make(SOCK_DGRAM);
	R(sendto(b, "mapped", 6, 0, (struct sockaddr *)&to, sizeof(to)));
	take(a);
	R(sendto(c, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(b, "x", 1, 0, (struct sockaddr *)&to, 20));
	to = at6("::1", 0);
	R(sendto(b, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
	to = at6("::1", 6400);
	b = make(SOCK_DGRAM);
	R(sendto(b, big, 65527, 0, (struct sockaddr *)&to, sizeof(to)));
	R(recv(a, big, sizeof(big), 0));
	R(sendto(b, big, 65528, 0, (struct sockaddr *)&to, sizeof(to)));
	R(connect6(b, "::1", 6401));
	R(send(b, "x", 1, 0));
	V(wait_for(b, POLLIN));
	R(send(b, "x", 1, 0));
	close(a);
	close(b);
	close(c);
}

static void errors(void)
{
	int b = make(SOCK_DGRAM);
	struct sockaddr_in6 to = at6("::1", 6500), name;
	char data[64], control[512], text[64];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	say("--- errors\n");
	R(set(b, IPPROTO_IPV6, IPV6_RECVERR, 1));
	R(recvmsg(b, &m, MSG_ERRQUEUE));
	R(sendto(b, "lost", 4, 0, (struct sockaddr *)&to, sizeof(to)));
	V(wait_for(b, POLLIN));
	m.msg_controllen = sizeof(control);
	R(recvmsg(b, &m, MSG_ERRQUEUE));
	say("flags %#x, %.4s, port %d\n", m.msg_flags, data, ntohs(name.sin6_port));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;
		struct sockaddr_in6 from;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memcpy(&from, CMSG_DATA(c) + sizeof(e), sizeof(from));
		inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text));
		say("level %d, type %d, length %d: %s, origin %d, type %d, code %d, info %u, from [%s]\n", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len, errname((int)e.ee_errno), e.ee_origin,
		    e.ee_type, e.ee_code, e.ee_info, text);
	}
	V(ready(b));
	V(option(b, SOL_SOCKET, SO_ERROR));
	close(b);
}

static void errors4(void)
{
	int b = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = at("127.0.0.1", 6500), name;
	char data[64], control[512];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	say("--- errors of IPv4\n");
	R(set(b, IPPROTO_IP, IP_RECVERR, 1));
	R(sendto(b, "lost", 4, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(b, "lost too", 8, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(b, "lost too", 8, 0, (struct sockaddr *)&to, sizeof(to)));
	for (int i = 0; i < 3; i++) {
		m.msg_controllen = sizeof(control);
		m.msg_namelen = sizeof(name);
		ssize_t n = recvmsg(b, &m, MSG_ERRQUEUE);
		if (n < 0) {
			say("%s\n", errname(errno));
			continue;
		}
		say("%d, flags %#x, %.*s, port %d\n", (int)n, m.msg_flags, (int)n, data, ntohs(name.sin_port));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		struct sock_extended_err e;
		struct sockaddr_in from;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memcpy(&from, CMSG_DATA(c) + sizeof(e), sizeof(from));
		say("level %d, type %d, length %d: %s, origin %d, type %d, code %d, from %s\n", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len, errname((int)e.ee_errno), e.ee_origin, e.ee_type,
		    e.ee_code, inet_ntoa(from.sin_addr));
	}
	V(ready(b));
	close(b);
}

static void raw(void)
{
	int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), other = socket(AF_INET6, SOCK_RAW, 200);
	struct icmp6_hdr echo = { .icmp6_type = ICMP6_ECHO_REQUEST, .icmp6_id = htons(77), .icmp6_seq = htons(3) }, back;
	struct icmp6_filter f;
	struct sockaddr_in6 to = at6("::1", 0);
	char packet[4000];

	say("--- raw\n");
	ICMP6_FILTER_SETBLOCKALL(&f);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f);
	R(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f)));
	V(option(fd, SOL_RAW, IPV6_CHECKSUM));
	R(set(fd, SOL_RAW, IPV6_CHECKSUM, 2));
	R(set(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 2));
	R(set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
	R(set(other, IPPROTO_IPV6, IPV6_CHECKSUM, 3));
	R(set(other, IPPROTO_IPV6, IPV6_CHECKSUM, 4));
	V(option(other, IPPROTO_IPV6, IPV6_CHECKSUM));
	R(sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)));
	V(wait_for(fd, POLLIN) & POLLIN);
	R(recv(fd, &back, sizeof(back), MSG_PEEK));
	say("type %d, id %d, sequence %d\n", back.icmp6_type, ntohs(back.icmp6_id), ntohs(back.icmp6_seq));
	take(fd);
	memset(packet, 'x', sizeof(packet));
	memcpy(packet, &echo, sizeof(echo));
	R(sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)));
	V(wait_for(fd, POLLIN) & POLLIN);
	R(recv(fd, packet, sizeof(packet), 0));
	R(sendto(other, "12345678", 8, 0, (struct sockaddr *)&to, sizeof(to)));
	V(wait_for(other, POLLIN) & POLLIN);
	R(recv(other, packet, sizeof(packet), MSG_DONTWAIT));
	close(fd);
	close(other);
}

static void options(void)
{
	static const struct {
		const char *name;
		int which;
	} rows[] = {
		{ "V6ONLY", IPV6_V6ONLY }, { "UNICAST_HOPS", IPV6_UNICAST_HOPS }, { "MULTICAST_HOPS", IPV6_MULTICAST_HOPS }, { "MULTICAST_LOOP", IPV6_MULTICAST_LOOP },
		{ "MULTICAST_IF", IPV6_MULTICAST_IF }, { "MTU_DISCOVER", IPV6_MTU_DISCOVER }, { "MTU", IPV6_MTU }, { "RECVERR", IPV6_RECVERR }, { "TCLASS", IPV6_TCLASS },
		{ "RECVTCLASS", IPV6_RECVTCLASS }, { "DONTFRAG", IPV6_DONTFRAG }, { "RECVPKTINFO", IPV6_RECVPKTINFO }, { "nothing", 250 },
	};

	say("--- options\n");
	for (int type = 0; type < 2; type++) {
		int fd = make(type ? SOCK_STREAM : SOCK_DGRAM);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			say("%s: %d", rows[i].name, option(fd, IPPROTO_IPV6, rows[i].which));
			errno = 0;
			say(", 300: %s", set(fd, IPPROTO_IPV6, rows[i].which, 300) ? errname(errno) : "good");
			errno = 0;
			say(", 1: %s", set(fd, IPPROTO_IPV6, rows[i].which, 1) ? errname(errno) : "good");
			say(", then %d\n", option(fd, IPPROTO_IPV6, rows[i].which));
		}
		V(option(fd, IPPROTO_IP, IP_TTL));
		R(set(fd, IPPROTO_IP, IP_TTL, 9));
		R(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, "", 1));
		close(fd);
	}
	int v4 = socket(AF_INET, SOCK_DGRAM, 0);
	R(set(v4, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	V(option(v4, IPPROTO_IPV6, IPV6_V6ONLY));
	close(v4);
}

static void groups(void)
{
	int a = make(SOCK_DGRAM), b = make(SOCK_DGRAM);
	struct sockaddr_in6 to = at6("ff02::77", 6600);
	struct ipv6_mreq r = { .ipv6mr_multiaddr = to.sin6_addr, .ipv6mr_interface = 1 };

	say("--- groups\n");
	NEED(bind6(a, "::", 6600) == 0);
	to.sin6_scope_id = 1;
	R(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &r, sizeof(r)));
	R(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &r, sizeof(r)));
	R(sendto(b, "all", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	take(a);
	R(setsockopt(a, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &r, sizeof(r)));
	R(setsockopt(a, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &r, sizeof(r)));
	R(sendto(b, "none", 4, 0, (struct sockaddr *)&to, sizeof(to)));
	take(a);
	r.ipv6mr_interface = 99;
	R(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &r, sizeof(r)));
	r.ipv6mr_multiaddr = at6("::1", 0).sin6_addr;
	R(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &r, sizeof(r)));
	close(a);
	close(b);
}

int main(void)
{
	lo_up();
	signal(SIGPIPE, SIG_IGN);
	names();
	ports();
	talk("::1", AF_INET6, "::1", AF_INET6, 6200);
	talk("::", AF_INET6, "::1", AF_INET6, 6201);
	talk("::", AF_INET6, "127.0.0.1", AF_INET, 6202);
	talk("::", AF_INET6, "::ffff:127.0.0.1", AF_INET6, 6203);
	talk("0.0.0.0", AF_INET, "::ffff:127.0.0.1", AF_INET6, 6204);
	talk("::ffff:127.0.0.1", AF_INET6, "127.0.0.1", AF_INET, 6205);
	refused();
	datagrams();
	errors();
	errors4();
	raw();
	options();
	groups();
	return 0;
}
