/* stage: 11; libc: musl; run: guest+golden
 * UDP-Lite: its options, ports apart from UDP's, datagrams of which not all is covered by the checksum, and who refuses those. */
#include "net.h"

#define LITE 136
#define SEND 10
#define RECV 11

static int bound_lite(int family, int type, int protocol, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, type | SOCK_NONBLOCK, protocol);

	NEED(fd >= 0);
	if (family == AF_INET)
		R(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	else
		R(bind(fd, (struct sockaddr *)&in6, sizeof(in6)));
	return fd;
}

static void options(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, LITE), plain = socket(AF_INET, SOCK_DGRAM, 0);
	static const int values[] = { 0, 1, 8, 100, 65535, 65536, -1 };

	R(option(fd, SOL_SOCKET, SO_PROTOCOL));
	R(option(fd, SOL_SOCKET, SO_TYPE));
	for (int which = SEND; which <= RECV; which++)
		for (size_t i = 0; i < COUNT(values); i++) {
			say("%d to %d\n", which, values[i]);
			R(setsockopt(fd, LITE, which, &values[i], sizeof(int)));
			R(option(fd, LITE, which));
		}
	R(setsockopt(fd, LITE, 12, &values[0], sizeof(int)));
	R(setsockopt(fd, LITE, SEND, &values[0], 1));
	R(setsockopt(plain, LITE, SEND, &values[0], sizeof(int)));
	R(setsockopt(plain, IPPROTO_UDP, SEND, &values[0], sizeof(int)));
	R(socket(AF_INET, SOCK_STREAM, LITE));
	close(fd);
	close(plain);
}

static void datagrams(int family, int port)
{
	int lite = bound_lite(family, SOCK_DGRAM, LITE, port), plain = bound_lite(family, SOCK_DGRAM, 0, port), from = socket(family, SOCK_DGRAM, LITE);
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	static const struct { int send, recv; } cases[] = { { 8, -1 }, { 20, 0 }, { 20, 20 }, { 20, 21 }, { 0, 50 }, { 28, 50 }, { 200, 50 } };
	char text[20] = "nineteen characters", in[64];

	NEED(getsockname(lite, (struct sockaddr *)&name, &len) == 0);
	R(sendto(from, text, sizeof(text), 0, (struct sockaddr *)&name, len));
	R(recv(plain, in, sizeof(in), 0));
	R(recv(lite, in, sizeof(in), 0));
	T(!memcmp(in, text, sizeof(text)));
	for (size_t i = 0; i < COUNT(cases); i++) {
		say("%d covered, %d wanted\n", cases[i].send, cases[i].recv);
		NEED(setsockopt(from, LITE, SEND, &cases[i].send, sizeof(int)) == 0);
		if (cases[i].recv >= 0)
			NEED(setsockopt(lite, LITE, RECV, &cases[i].recv, sizeof(int)) == 0);
		R(sendto(from, text, sizeof(text), 0, (struct sockaddr *)&name, len));
		R(recv(lite, in, sizeof(in), 0));
	}
	/* Nobody there. */
	R(connect(from, (struct sockaddr *)&name, len));
	close(lite);
	R(send(from, text, sizeof(text), 0));
	R(send(from, text, sizeof(text), 0));
	close(plain);
	close(from);
}

int main(void)
{
	lo_up();
	options();
	datagrams(AF_INET, 4000);
	datagrams(AF_INET6, 4001);
	return 0;
}
