/* Shared by the tests of AF_INET: the loopback device brought up, addresses, what poll says. */
#ifndef SWITCHBACK_TESTS_NET_H
#define SWITCHBACK_TESTS_NET_H

#include "t.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

UNUSED static void lo_up(void)
{
	struct ifreq r;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	NEED(fd >= 0);
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "lo");
	NEED(ioctl(fd, SIOCGIFFLAGS, &r) == 0);
	if (!(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		NEED(ioctl(fd, SIOCSIFFLAGS, &r) == 0);
	}
	close(fd);
}

UNUSED static struct sockaddr_in at(const char *address, int port)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = inet_addr(address);
	return a;
}

UNUSED static int bind_at(int fd, const char *address, int port)
{
	struct sockaddr_in a = at(address, port);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

UNUSED static int connect_at(int fd, const char *address, int port)
{
	struct sockaddr_in a = at(address, port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

UNUSED static int port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	NEED(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	return ntohs(a.sin_port);
}

/* The name without a port that changes from run to run: "dynamic" for one that nobody asked for. */
UNUSED static void show_name(const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char text[32];

	memset(&a, 0x55, sizeof(a));
	errno = 0;
	if (get(fd, (struct sockaddr *)&a, &len) < 0) {
		say("%s: %s\n", what, errname(errno));
		return;
	}
	inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text));
	if (ntohs(a.sin_port) >= 32768)
		say("%s: length %d, %d, %s:dynamic\n", what, (int)len, a.sin_family, text);
	else
		say("%s: length %d, %d, %s:%d\n", what, (int)len, a.sin_family, text, ntohs(a.sin_port));
}

UNUSED static int ready(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };

	NEED(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* Waits until one of these comes true: all of them then. */
UNUSED static int wait_for(int fd, int events)
{
	struct pollfd p = { fd, (short)events, 0 };

	NEED(poll(&p, 1, 20000) >= 0);
	return ready(fd);
}

UNUSED static int option(int fd, int level, int which)
{
	int value = -77;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, which, &value, &len) < 0 ? -errno : value;
}

UNUSED static int set(int fd, int level, int which, int value)
{
	return setsockopt(fd, level, which, &value, sizeof(value));
}

UNUSED static int state_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? -errno : info.tcpi_state;
}

/* A connected pair over loopback; the listener is closed unless asked for. */
UNUSED static void tcp_pair(int fd[2], int *listener)
{
	int l = socket(AF_INET, SOCK_STREAM, 0);

	NEED(l >= 0 && bind_at(l, "127.0.0.1", 0) == 0 && listen(l, 8) == 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect_at(fd[0], "127.0.0.1", port_of(l)) == 0);
	fd[1] = accept(l, NULL, NULL);
	NEED(fd[1] >= 0);
	if (listener)
		*listener = l;
	else
		close(l);
}

/* What a read gives, as text. */
UNUSED static void say_read(const char *what, int fd, size_t size, int flags)
{
	char buf[256];
	ssize_t n;

	memset(buf, 0, sizeof(buf));
	errno = 0;
	n = recv(fd, buf, size, flags);
	if (n < 0)
		say("%s: %s\n", what, errname(errno));
	else
		say("%s: %d \"%.60s\"\n", what, (int)n, buf);
}

#endif
