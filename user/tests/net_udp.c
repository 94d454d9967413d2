/* stage: 11; libc: musl; run: guest+golden
 * UDP over loopback: names, ports, connected and not, what poll says, errors that come back, flags, options, control messages, bad input. */
#include "net.h"

static char big[70000];

static ssize_t send_at(int fd, const char *address, int port, const char *text)
{
	struct sockaddr_in a = at(address, port);

	return sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a));
}

static void from(int fd, int flags, size_t size)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char buf[100], text[32];
	ssize_t n;

	memset(&a, 0, sizeof(a));
	memset(buf, 0, sizeof(buf));
	errno = 0;
	n = recvfrom(fd, buf, size, flags | MSG_DONTWAIT, (struct sockaddr *)&a, &len);
	if (n < 0) {
		say("receive: %s\n", errname(errno));
		return;
	}
	inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text));
	say("receive: %d \"%.40s\" from %s, %s port, length %d\n", (int)n, buf, text, ntohs(a.sin_port) ? "a" : "no", (int)len);
}

static void names(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP), c;
	struct sockaddr_in x;

	say("--- names\n");
	X(ready(a));
	show_name("fresh", getsockname, a);
	show_name("fresh peer", getpeername, a);
	R(bind_at(a, "127.0.0.1", 5001));
	R(bind_at(a, "127.0.0.1", 5002));
	show_name("bound", getsockname, a);
	R(bind_at(b, "127.0.0.1", 5001));
	R(bind_at(b, "0.0.0.0", 5001));
	R(bind_at(b, "127.0.0.2", 5001));
	R(bind_at(socket(AF_INET, SOCK_DGRAM, 0), "10.1.2.3", 5001));
	x = at("127.0.0.1", 0);
	c = socket(AF_INET, SOCK_DGRAM, 0);
	R(bind(c, (struct sockaddr *)&x, 8));
	x.sin_family = AF_INET6;
	R(bind(c, (struct sockaddr *)&x, sizeof(x)));
	x.sin_family = AF_UNSPEC;
	R(bind(c, (struct sockaddr *)&x, sizeof(x)));
	x.sin_addr.s_addr = 0;
	R(bind(c, (struct sockaddr *)&x, sizeof(x)));
	show_name("by no family", getsockname, c);
	T(port_of(c) >= 32768);
	R(set(c, SOL_SOCKET, SO_REUSEADDR, 1));
	close(c);
	c = socket(AF_INET, SOCK_DGRAM, 0);
	R(set(c, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind_at(c, "127.0.0.1", 5001));
	R(set(a, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind_at(c, "127.0.0.1", 5001));
	close(c);
	R(listen(a, 1));
	R(accept(a, NULL, NULL));
	close(a);
	close(b);
}

static void talk(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0), n = 0;
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	say("--- talk\n");
	NEED(bind_at(a, "127.0.0.1", 5001) == 0);
	R(send_at(b, "127.0.0.1", 5001, "one"));
	show_name("sender", getsockname, b);
	X(ready(a));
	R(send_at(b, "127.0.0.1", 5001, ""));
	R(send_at(b, "127.0.0.1", 5001, "three"));
	R(ioctl(a, FIONREAD, &n));
	V(n);
	from(a, MSG_PEEK, 100);
	from(a, 0, 100);
	from(a, 0, 100);
	from(a, 0, 2);
	from(a, 0, 100);
	R(send_at(b, "127.0.0.1", 5001, "cut short"));
	from(a, MSG_TRUNC, 3);
	R(send(b, "x", 1, 0));
	R(write(b, "x", 1));
	R(send_at(b, "127.0.0.1", 0, "no port"));
	R(send_at(b, "255.255.255.255", 5001, "all"));
	R(connect_at(b, "127.0.0.1", 5001));
	show_name("connected", getsockname, b);
	show_name("connected peer", getpeername, b);
	R(write(b, "written", 7));
	from(a, 0, 100);
	R(write(b, "", 0));
	from(a, 0, 100);
	/* One that is connected hears its peer alone. */
	R(send_at(c, "127.0.0.1", port_of(b), "stranger") < 0 ? -1 : 0);
	from(b, 0, 100);
	NEED(connect_at(a, "127.0.0.1", port_of(b)) == 0);
	R(write(a, "back", 4));
	from(b, 0, 100);
	R(connect(b, &none, sizeof(none)));
	show_name("unconnected peer", getpeername, b);
	R(write(b, "x", 1));
	/* Nobody is there. */
	close(a);
	R(connect_at(c, "127.0.0.1", 5001));
	R(write(c, "lost", 4));
	X(wait_for(c, POLLIN));
	R(write(c, "told", 4));
	R(write(c, "lost", 4));
	from(c, 0, 100);
	R(write(c, "lost", 4));
	V(option(c, SOL_SOCKET, SO_ERROR));
	V(option(c, SOL_SOCKET, SO_ERROR));
	R(send_at(b, "127.0.0.1", 5001, "not told"));
	X(ready(b));
	R(shutdown(b, SHUT_RD));
	X(ready(b));
	from(b, 0, 100);
	R(shutdown(c, SHUT_WR));
	R(write(c, "x", 1));
	X(ready(c));
	R(shutdown(c, 7));
	close(b);
	close(c);
}

static void sizes(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), total = 0, i;
	struct sockaddr_in to = at("127.0.0.1", 5001);

	say("--- sizes\n");
	NEED(bind_at(a, "127.0.0.1", 5001) == 0);
	for (i = 0; i < (int)sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	R(sendto(b, big, 65507, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(b, big, 65508, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(b, big, 70000, 0, (struct sockaddr *)&to, sizeof(to)));
	static char back[70000];
	R(recv(a, back, sizeof(back), MSG_DONTWAIT));
	T(memcmp(big, back, 65507) == 0);
	/* More than the receiver keeps: the rest is lost, and the sender does not notice. */
	for (i = 0; i < 2000; i++)
		if (sendto(b, big, 1000, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) != 1000)
			break;
	V(i);
	while (recv(a, back, sizeof(back), MSG_DONTWAIT) == 1000)
		total++;
	T(total > 50 && total < 1000);
	struct iovec v[3] = { { "one ", 4 }, { "two ", 4 }, { "three", 5 } };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = v, .msg_iovlen = 3 };
	R(sendmsg(b, &m, 0));
	from(a, 0, 100);
	/* A datagram in pieces. */
	R(sendto(b, "first ", 6, MSG_MORE, (struct sockaddr *)&to, sizeof(to)));
	X(ready(a));
	R(sendto(b, "second", 6, 0, (struct sockaddr *)&to, sizeof(to)));
	from(a, 0, 100);
	struct mmsghdr many[3];
	memset(many, 0, sizeof(many));
	for (i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_iov = &v[i];
		many[i].msg_hdr.msg_iovlen = 1;
		many[i].msg_hdr.msg_name = &to;
		many[i].msg_hdr.msg_namelen = sizeof(to);
	}
	R(sendmmsg(b, many, 3, 0));
	V(many[2].msg_len);
	char got[3][16];
	struct iovec w[3];
	memset(many, 0, sizeof(many));
	memset(got, 0, sizeof(got));
	for (i = 0; i < 3; i++) {
		w[i].iov_base = got[i];
		w[i].iov_len = 16;
		many[i].msg_hdr.msg_iov = &w[i];
		many[i].msg_hdr.msg_iovlen = 1;
	}
	R(recvmmsg(a, many, 3, MSG_DONTWAIT, NULL));
	V(many[0].msg_len);
	S(got[1]);
	V(many[2].msg_len);
	R(recvmmsg(a, many, 3, MSG_DONTWAIT, NULL));
	close(a);
	close(b);
}

static void along(void)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), ttl = 9;
	struct sockaddr_in to = at("127.0.0.1", 5001), src;
	char buf[100], control[256];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &src, .msg_namelen = sizeof(src), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	say("--- along with the data\n");
	NEED(bind_at(a, "0.0.0.0", 5001) == 0);
	R(set(a, IPPROTO_IP, IP_PKTINFO, 1));
	R(set(a, IPPROTO_IP, IP_RECVTTL, 1));
	R(set(a, IPPROTO_IP, IP_RECVTOS, 1));
	R(set(a, SOL_SOCKET, SO_TIMESTAMP, 1));
	R(set(b, IPPROTO_IP, IP_TTL, 33));
	R(set(b, IPPROTO_IP, IP_TOS, 0x10));
	NEED(sendto(b, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1);
	R(recvmsg(a, &m, 0));
	X(m.msg_flags);
	V(m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		say("level %d type %d length %d", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len);
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
			say(" ttl %d", *(int *)CMSG_DATA(c));
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			say(" tos %d", *CMSG_DATA(c));
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo p;
			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say(" index %d address %#x %#x", p.ipi_ifindex, p.ipi_addr.s_addr, p.ipi_spec_dst.s_addr);
		}
		say("\n");
	}
	/* The sender's control messages. */
	struct msghdr out = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&out);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	v.iov_len = 3;
	R(sendmsg(b, &out, 0));
	ttl = 300;
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	R(sendmsg(b, &out, 0));
	c->cmsg_type = 99;
	R(sendmsg(b, &out, 0));
	m.msg_controllen = 20;
	R(recvmsg(a, &m, 0));
	X(m.msg_flags);
	close(a);
	close(b);
}

static void options(void)
{
	static const struct { int level, option; const char *name; } list[] = {
		{ SOL_SOCKET, SO_TYPE, "SO_TYPE" }, { SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN" }, { SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL" }, { SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF" },
		{ SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF" }, { SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST" }, { SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN" },
		{ IPPROTO_IP, IP_TTL, "IP_TTL" }, { IPPROTO_IP, IP_TOS, "IP_TOS" }, { IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL" },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP" }, { IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER" }, { IPPROTO_IP, IP_RECVERR, "IP_RECVERR" },
		{ IPPROTO_IP, IP_HDRINCL, "IP_HDRINCL" }, { IPPROTO_IP, IP_MTU, "IP_MTU" }, { IPPROTO_IP, 1234, "no such" }, { IPPROTO_UDP, 1, "UDP_CORK" }, { IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY" },
		{ 77, 1, "no such level" },
	};
	int a = socket(AF_INET, SOCK_DGRAM, 0);

	say("--- options\n");
	for (size_t i = 0; i < COUNT(list); i++)
		say("%s = %d\n", list[i].name, option(a, list[i].level, list[i].option));
	R(set(a, IPPROTO_IP, IP_TTL, 0));
	R(set(a, IPPROTO_IP, IP_TTL, 256));
	R(set(a, IPPROTO_IP, IP_TTL, -1));
	V(option(a, IPPROTO_IP, IP_TTL));
	R(set(a, IPPROTO_IP, IP_TTL, 7));
	V(option(a, IPPROTO_IP, IP_TTL));
	R(set(a, IPPROTO_IP, IP_MULTICAST_TTL, 5));
	R(set(a, IPPROTO_IP, IP_MULTICAST_TTL, 500));
	R(set(a, IPPROTO_IP, IP_HDRINCL, 1));
	R(set(a, IPPROTO_IP, IP_MTU_DISCOVER, 9));
	R(set(a, 77, 1, 1));
	unsigned char byte = 3;
	socklen_t len = 1;
	R(setsockopt(a, IPPROTO_IP, IP_TOS, &byte, 1));
	R(getsockopt(a, IPPROTO_IP, IP_TOS, &byte, &len));
	V(byte);
	V(len);
	R(setsockopt(a, IPPROTO_IP, IP_TOS, &byte, 0));
	NEED(connect_at(a, "127.0.0.1", 5001) == 0);
	T(option(a, IPPROTO_IP, IP_MTU) > 60000);
	struct ip_mreqn group;
	memset(&group, 0, sizeof(group));
	group.imr_multiaddr.s_addr = inet_addr("239.1.2.3");
	group.imr_address.s_addr = inet_addr("127.0.0.1");
	R(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	R(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	R(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	R(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	group.imr_multiaddr.s_addr = inet_addr("10.1.2.3");
	R(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	close(a);
}

static void kinds(void)
{
	say("--- kinds\n");
	R(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
	R(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	R(socket(AF_INET, SOCK_SEQPACKET, 0));
	R(socket(AF_INET, SOCK_RAW, 0));
	R(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	R(socket(AF_INET, SOCK_DGRAM, 300));
	R(socket(AF_INET, SOCK_DGRAM, -1));
	R(socketpair(AF_INET, SOCK_DGRAM, 0, (int[2]){ 0, 0 }));
	int a = socket(AF_INET, SOCK_DGRAM, 0);
	R(sendto(a, (void *)8, 10, 0, NULL, 0));
	NEED(connect_at(a, "127.0.0.1", 5001) == 0);
	R(sendto(a, (void *)8, 10, 0, NULL, 0));
	R(send(a, "x", 1, MSG_OOB | MSG_DONTWAIT));
	R(recv(a, (char[1]){ 0 }, 1, MSG_OOB | MSG_DONTWAIT));
	R(recv(a, (char[1]){ 0 }, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
	close(a);
}

int main(void)
{
	lo_up();
	names();
	talk();
	sizes();
	along();
	options();
	kinds();
	return 0;
}
