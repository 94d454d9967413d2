/* stage: 11; libc: musl; run: guest+golden
 * UDP datagrams in parts (MSG_MORE, UDP_CORK) without connect; a part that is too long; what disconnecting forgets; options that a raw IPv6 socket has not; an MTU that
 * TCP's and IP's headers fill. */
#include "net.h"
#include <netinet/udp.h>

static char big[70000];

static ssize_t to(int fd, int port, const char *text, int flags)
{
	struct sockaddr_in a = at("127.0.0.1", port);

	return sendto(fd, text, strlen(text), flags, (struct sockaddr *)&a, sizeof(a));
}

/* The headers and options of a segment fill the whole MTU. */
static void small_mtu(void)
{
	struct ifreq r;
	char nops[16];
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), before;

	say("--- no room for text\n");
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "lo");
	NEED(ioctl(l, SIOCGIFMTU, &r) == 0);
	before = r.ifr_mtu;
	r.ifr_mtu = 68;
	R(ioctl(l, SIOCSIFMTU, &r));
	NEED(set(c, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT) == 0);
	memset(nops, 1, sizeof(nops));
	R(setsockopt(c, IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops)));
	NEED(bind_at(l, "127.0.0.1", 0) == 0 && listen(l, 4) == 0);
	R(connect_at(c, "127.0.0.1", port_of(l)));
	R(send(c, big, 100, 0));
	close(c);
	close(l);
	r.ifr_mtu = before;
	R(ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFMTU, &r));
}

int main(void)
{
	int s, a, b, raw;
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	char name[IFNAMSIZ] = "lo";
	socklen_t len = sizeof(name);

	lo_up();
	s = socket(AF_INET, SOCK_DGRAM, 0);
	a = socket(AF_INET, SOCK_DGRAM, 0);
	b = socket(AF_INET, SOCK_DGRAM, 0);
	R(bind_at(a, "127.0.0.1", 5101));
	R(bind_at(b, "127.0.0.1", 5102));
	say("--- the first part's destination holds\n");
	R(to(s, 5101, "one ", MSG_MORE));
	R(to(s, 5102, "two ", MSG_MORE));
	R(send(s, "three", 5, 0));
	say_read("a", a, 100, MSG_DONTWAIT);
	say_read("b", b, 100, MSG_DONTWAIT);
	R(send(s, "four", 4, 0));
	say("--- UDP_CORK\n");
	R(set(s, IPPROTO_UDP, UDP_CORK, 1));
	R(to(s, 5102, "five ", 0));
	R(send(s, "six", 3, 0));
	say_read("b", b, 100, MSG_DONTWAIT);
	R(set(s, IPPROTO_UDP, UDP_CORK, 0));
	say_read("b", b, 100, MSG_DONTWAIT);
	say("--- too long\n");
	R(to(s, 5101, "lost", MSG_MORE));
	R(send(s, big, 65507, 0));
	R(send(s, "alone", 5, 0));
	R(to(s, 5101, "alone", 0));
	say_read("a", a, 100, MSG_DONTWAIT);
	say("--- disconnecting\n");
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	R(connect_at(s, "127.0.0.1", 5101));
	R(connect(s, &nobody, sizeof(nobody)));
	R(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	X((int)len);
	say("--- raw IPv6\n");
	raw = socket(AF_INET6, SOCK_RAW, 200);
	R(set(raw, IPPROTO_IP, IP_HDRINCL, 1));
	R(set(raw, IPPROTO_IP, IP_TTL, 9));
	X(option(raw, IPPROTO_IP, IP_TTL));
	small_mtu();
	return 0;
}
