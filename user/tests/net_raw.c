/* stage: 11; libc: musl; run: guest+golden
 * Below the transports: raw and packet sockets, ICMP both ways, the loopback device's ioctls, datagrams in fragments and TCP in small segments. */
#include "net.h"
#include <netpacket/packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

static unsigned char buf[70000], big[70000];

static uint16_t sum(const void *data, size_t n)
{
	const uint16_t *p = data;
	uint32_t total = 0;

	for (; n > 1; n -= 2)
		total += *p++;
	if (n)
		total += *(const uint8_t *)p;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* Of the loopback device, by RTM_DELADDR: what comes after this test finds it as it was. */
static void delete_address(const char *address)
{
	struct {
		uint32_t size;
		uint16_t type, flags;
		uint32_t number, port;
		uint8_t family, prefix, address_flags, scope;
		uint32_t device;
		uint16_t attribute_size, attribute;
		in_addr_t address;
	} m = { sizeof(m), 21, 1 | 4, 1, 0, AF_INET, 32, 0, 0, 1, 8, 2, inet_addr(address) };
	int32_t answer[16] = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW, 0);

	R((int)send(fd, &m, sizeof(m), 0));
	NEED(recv(fd, answer, sizeof(answer), 0) > 16);
	V(answer[4]);
	close(fd);
}

static void device(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct ifreq r;
	struct ifconf c;
	char list[1000];

	say("--- device\n");
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "lo");
	R(ioctl(fd, SIOCGIFFLAGS, &r));
	X(r.ifr_flags);
	R(ioctl(fd, SIOCGIFMTU, &r));
	V(r.ifr_mtu);
	R(ioctl(fd, SIOCGIFADDR, &r));
	S(inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	R(ioctl(fd, SIOCGIFNETMASK, &r));
	S(inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	R(ioctl(fd, SIOCGIFHWADDR, &r));
	V(r.ifr_hwaddr.sa_family);
	R(ioctl(local, SIOCGIFINDEX, &r));
	V(r.ifr_ifindex);
	R(ioctl(fd, SIOCGIFNAME, &r));
	S(r.ifr_name);
	c.ifc_len = sizeof(list);
	c.ifc_buf = list;
	R(ioctl(fd, SIOCGIFCONF, &c));
	V(c.ifc_len);
	S(c.ifc_req->ifr_name);
	strcpy(r.ifr_name, "none9");
	R(ioctl(fd, SIOCGIFFLAGS, &r));
	R(ioctl(fd, SIOCGIFFLAGS, (void *)8));
	strcpy(r.ifr_name, "lo:1");
	((struct sockaddr_in *)&r.ifr_addr)->sin_family = AF_INET;
	((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr = inet_addr("10.77.0.1");
	R(ioctl(fd, SIOCSIFADDR, &r));
	((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr = inet_addr("255.255.255.255");
	R(ioctl(fd, SIOCSIFNETMASK, &r));
	R(bind_at(fd, "10.77.0.1", 5050));
	delete_address("10.77.0.1");
	close(fd);
	close(local);
}

static void echo(int raw, unsigned short sequence, size_t size)
{
	struct icmphdr h = { .type = ICMP_ECHO, .un.echo = { htons(77), htons(sequence) } };
	struct sockaddr_in to = at("127.0.0.1", 0);

	memcpy(buf, &h, sizeof(h));
	memset(buf + sizeof(h), 'e', size);
	((struct icmphdr *)buf)->checksum = sum(buf, sizeof(h) + size);
	if (sendto(raw, buf, sizeof(h) + size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		say("send: %s\n", errname(errno));
}

/* What comes on a raw socket of ICMP. */
static void icmp(int raw)
{
	ssize_t n = recv(raw, buf, sizeof(buf), MSG_DONTWAIT);
	struct iphdr *ip = (void *)buf;

	if (n < 0) {
		say("icmp: %s\n", errname(errno));
		return;
	}
	struct icmphdr *h = (void *)(buf + ip->ihl * 4);
	say("icmp: %d bytes, header %d, ttl %d, type %d code %d, sums %s\n", (int)n, ip->ihl * 4, ip->ttl, h->type, h->code,
	    sum(ip, (size_t)ip->ihl * 4) == 0 && sum(h, (size_t)n - (size_t)ip->ihl * 4) == 0 ? "right" : "wrong");
}

static void raw(void)
{
	int r = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), u = socket(AF_INET, SOCK_DGRAM, 0), filter = ~(1 << ICMP_ECHOREPLY);

	say("--- raw\n");
	T(r >= 0);
	show_name("raw", getsockname, r);
	echo(r, 1, 20);
	icmp(r);
	icmp(r);
	icmp(r);
	R(setsockopt(r, SOL_RAW, 1, &filter, sizeof(filter)));
	echo(r, 2, 30000);
	icmp(r);
	icmp(r);
	filter = 0;
	R(setsockopt(r, SOL_RAW, 1, &filter, sizeof(filter)));
	/* Nobody listens: the error quotes the datagram. */
	struct sockaddr_in to = at("127.0.0.1", 5999);
	R(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
	icmp(r);
	/* A protocol that nobody knows. */
	int odd = socket(AF_INET, SOCK_RAW, 200);
	close(socket(AF_INET, SOCK_RAW, 201));
	R(sendto(odd, "odd", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	V(recv(odd, buf, sizeof(buf), MSG_DONTWAIT));
	/* With a header of our own. */
	int own = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	V(option(own, IPPROTO_IP, IP_HDRINCL));
	struct iphdr *ip = (void *)buf;
	memset(buf, 0, 100);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 9;
	ip->protocol = IPPROTO_ICMP;
	ip->daddr = inet_addr("127.0.0.1");
	struct icmphdr *h = (void *)(ip + 1);
	h->type = ICMP_ECHO;
	h->checksum = sum(h, 16);
	to.sin_port = 0;
	R(sendto(own, buf, 36, 0, (struct sockaddr *)&to, sizeof(to)));
	icmp(r);
	V(recv(r, buf, sizeof(buf), MSG_DONTWAIT));
	R(sendto(own, buf, 10, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(own, buf, 28, 0, NULL, 0));
	R(connect_at(r, "127.0.0.1", 0));
	R(send(r, "short", 5, 0));
	R(shutdown(r, SHUT_RD));
	close(r);
	close(u);
	close(odd);
	close(own);
}

static void packet(void)
{
	int p = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)), u = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1 };
	struct sockaddr_in to = at("127.0.0.1", 5050);
	socklen_t len = sizeof(ll);

	say("--- packet\n");
	T(p >= 0);
	R(bind(p, (struct sockaddr *)&ll, sizeof(ll)));
	R(bind(p, (struct sockaddr *)&ll, 8));
	ll.sll_ifindex = 99;
	R(bind(p, (struct sockaddr *)&ll, sizeof(ll)));
	NEED(sendto(u, "seen", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4);
	ssize_t n = recvfrom(p, buf, sizeof(buf), 0, (struct sockaddr *)&ll, &len);
	V(n);
	V(len);
	V(ntohs(ll.sll_protocol));
	V(ll.sll_ifindex);
	V(ll.sll_pkttype);
	T(memcmp(buf + 28, "seen", 4) == 0);
	R(listen(p, 1));
	R(socket(AF_PACKET, SOCK_STREAM, 0));
	close(p);
	close(u);
}

static void small_mtu(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
	struct ifreq r;
	size_t got = 0;
	ssize_t n;

	say("--- small pieces\n");
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "lo");
	r.ifr_mtu = 1000;
	R(ioctl(fd, SIOCSIFMTU, &r));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)(i * 31 + i / 257);
	NEED(bind_at(u, "127.0.0.1", 5060) == 0);
	struct sockaddr_in to = at("127.0.0.1", 5060);
	R(sendto(fd, big, 60000, 0, (struct sockaddr *)&to, sizeof(to)));
	R(recv(u, buf, sizeof(buf), MSG_DONTWAIT));
	T(memcmp(buf, big, 60000) == 0);
	R(set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	R(sendto(fd, big, 60000, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(fd, big, 972, 0, (struct sockaddr *)&to, sizeof(to)));
	R(sendto(fd, big, 973, 0, (struct sockaddr *)&to, sizeof(to)));
	tcp_pair(pair, NULL);
	V(option(pair[0], IPPROTO_TCP, TCP_MAXSEG));
	R(send(pair[0], big, sizeof(big), 0));
	shutdown(pair[0], SHUT_WR);
	while ((n = recv(pair[1], buf + got, sizeof(buf) - got, 0)) > 0)
		got += (size_t)n;
	V(got);
	T(memcmp(buf, big, sizeof(big)) == 0);
	close(pair[0]);
	close(pair[1]);
	r.ifr_mtu = 65536;
	R(ioctl(fd, SIOCSIFMTU, &r));
	close(fd);
	close(u);
}

static void lo_is(const char *address, const char *mask)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct sockaddr_in a = at(address, 0), m = at(mask, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&r.ifr_addr, &a, sizeof(a));
	NEED(ioctl(fd, SIOCSIFADDR, &r) == 0);
	memcpy(&r.ifr_addr, &m, sizeof(m));
	NEED(ioctl(fd, SIOCSIFNETMASK, &r) == 0);
	close(fd);
}

/* A net of one address is that address, and no broadcast, by which nobody could be named. */
static void one_alone(void)
{
	struct sockaddr_in to = at("10.77.7.7", 7777);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char got[8] = "";

	lo_is("10.77.7.7", "255.255.255.255");
	R(bind_at(fd, "10.77.7.7", 7777));
	R(sendto(fd, "alone", 5, 0, (void *)&to, sizeof(to)));
	R(recv(fd, got, sizeof(got), MSG_DONTWAIT));
	S(got);
	lo_is("127.0.0.1", "255.0.0.0");
	close(fd);
}

int main(void)
{
	lo_up();
	device();
	raw();
	packet();
	small_mtu();
	one_alone();
	return 0;
}
