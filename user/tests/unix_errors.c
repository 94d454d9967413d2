/* stage: 09; libc: musl; run: guest+golden
 * AF_UNIX: which error goes first, which is kept for the next call, and what a lost destination takes along. */
#include "t.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[1000];

static int named(int type, int n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path + 1, 20, "errors%d", n);
	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static int connect_to(int fd, int n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, 20, "errors%d", n);
	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int events(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	poll(&p, 1, 0);
	return p.revents;
}

/* The peer goes with something unread. */
static void reset(int type)
{
	int fd[2];

	say("type %d\n", type);
	NEED(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fd) == 0);
	R(write(fd[1], "answer", 6));
	R(write(fd[0], "unread", 6));
	close(fd[1]);
	X(events(fd[0]));
	R(recv(fd[0], buf, sizeof(buf), 0));
	X(events(fd[0]));
	R(recv(fd[0], buf, sizeof(buf), 0));
	R(recv(fd[0], buf, sizeof(buf), 0));
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
}

static void order(void)
{
	int listener = named(SOCK_STREAM, 1), a, b, fd[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	/* The listener's state is looked at before one's own. */
	R(connect_to(fd[0], 1));
	R(listen(listener, 0));
	R(connect_to(fd[0], 1));
	a = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	R(connect_to(a, 1));
	R(connect_to(a, 1));
	R(shutdown(listener, SHUT_RD));
	R(connect_to(a, 1));
	R(accept(listener, NULL, NULL) >= 0);
	R(accept(listener, NULL, NULL));
	R(fcntl(listener, F_SETFL, 0));
	R(accept(listener, NULL, NULL));
	/* Records: not connected, before no such thing as an urgent byte. */
	b = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	R(send(b, "x", 1, MSG_OOB));
	R(recv(b, buf, 1, MSG_OOB));
	close(b);
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
	R(send(fd[0], "x", 1, MSG_OOB));
	R(recv(fd[0], buf, 1, MSG_OOB));
	b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	R(send(b, "x", 1, MSG_OOB));
	R(recv(b, buf, 1, MSG_OOB));
}

/* Another destination: what came goes, and the old one hears of it if something was lost. */
static void lost(int unread)
{
	int a, b, c = named(SOCK_DGRAM, 4);

	say("%d unread\n", unread);
	a = named(SOCK_DGRAM, 2);
	b = named(SOCK_DGRAM, 3);
	R(connect_to(a, 3));
	R(connect_to(b, 2));
	for (int i = 0; i < unread; i++)
		R(send(b, "x", 1, 0));
	R(connect_to(a, 4));
	X(events(a));
	X(events(b));
	R(recv(b, buf, 1, 0));
	/* It went away: found out by sending. */
	close(c);
	R(connect_to(b, 2));
	X(events(a));
	R(send(a, "x", 1, 0));
	R(recv(a, buf, 1, 0));
	close(a);
	close(b);
}

static void destination_gone(void)
{
	int fd[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd) == 0);
	R(send(fd[1], "last words", 10, 0));
	close(fd[1]);
	X(events(fd[0]));
	R(send(fd[0], "x", 1, 0));
	X(events(fd[0]));
	R(recv(fd[0], buf, sizeof(buf), 0));
	R(send(fd[0], "x", 1, 0));
	close(fd[0]);
}

int main(void)
{
	reset(SOCK_STREAM);
	reset(SOCK_SEQPACKET);
	order();
	lost(0);
	lost(2);
	destination_gone();
	return 0;
}
