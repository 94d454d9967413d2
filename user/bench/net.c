/* stage: 11; libc: musl; run: guest
 * Rows of IPv4 over the loopback: TCP and UDP, to and fro and in bulk; connections; and what a word costs while others are open. Words: =MOST for connections. */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { DATAGRAM = 8192 };

static struct sockaddr_in here = { .sin_family = AF_INET };

static int listening(void)
{
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	here.sin_port = 0;
	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(fd, 4096) == 0);
	NEED(getsockname(fd, (struct sockaddr *)&here, &len) == 0);
	return fd;
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	NEED(fd >= 0 && connect(fd, (struct sockaddr *)&here, sizeof(here)) == 0);
	NEED(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
	return fd;
}

static void tcp_pair(int fds[2])
{
	int fd = listening(), one = 1;

	fds[0] = connected();
	fds[1] = accept(fd, NULL, NULL);
	NEED(fds[1] >= 0 && setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
	close(fd);
}

static void udp_pair(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		NEED(fds[i] >= 0 && bind(fds[i], (struct sockaddr *)&any, sizeof(any)) == 0);
	}
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in name;
		socklen_t len = sizeof(name);

		NEED(getsockname(fds[!i], (struct sockaddr *)&name, &len) == 0 && connect(fds[i], (struct sockaddr *)&name, len) == 0);
	}
}

static void latency(long count, long stream)
{
	int fds[2];

	pause_start();
	if (stream)
		tcp_pair(fds);
	else
		udp_pair(fds);
	pause_end();
	words_there_and_back(fds, count);
}

static void tcp_bandwidth(long count, long argument UNUSED)
{
	int fds[2];

	tcp_pair(fds);
	stream_from_child(fds, count);
}

/* Per datagram, which is read before the next is sent: none is lost. */
static void udp_datagrams(long count, long size)
{
	static char piece[DATAGRAM];
	int fds[2];

	udp_pair(fds);
	while (count--)
		NEED(write(fds[0], piece, (size_t)size) == size && read(fds[1], piece, sizeof(piece)) == size);
	close(fds[0]), close(fds[1]);
}

static void connections(long count, long argument UNUSED)
{
	int fd = listening();

	while (count--) {
		int there = connected(), back = accept(fd, NULL, NULL);
		char c;

		NEED(back >= 0);
		close(there);
		NEED(read(back, &c, 1) == 0);
		close(back);
	}
	close(fd);
}

/* --- with others open ------------------------------------------------------------------------------------------------ */

static void with_others_open(long most)
{
	struct rlimit limit = { 30000, 30000 };
	int fd = listening(), mine[2];
	long open = 0;
	char c = 0;

	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	mine[0] = connected();
	mine[1] = accept(fd, NULL, NULL);
	NEED(mine[1] >= 0);
	for (long size = 10; size <= most; size *= 10) {
		double best = 1e18;
		char text[64];

		for (; open < size; open++)
			NEED(connected() >= 0 && accept(fd, NULL, NULL) >= 0);
		for (int round = 0; round < 5; round++) {
			double start = now_ns();

			for (int i = 0; i < 1000; i++)
				NEED(write(mine[0], &c, 1) == 1 && read(mine[1], &c, 1) == 1 && write(mine[1], &c, 1) == 1 && read(mine[0], &c, 1) == 1);
			start = (now_ns() - start) / 2000;
			best = start < best ? start : best;
		}
		snprintf(text, sizeof(text), "tcp-word@%ld", size);
		print_row(text, best);
	}
}

static const struct row rows[] = {
	{ "tcp-latency", latency, 2000, true }, { "udp-latency", latency, 2000, false }, { "tcp-bandwidth", tcp_bandwidth, 8192, 0 },
	{ "udp-1", udp_datagrams, 5000, 1 },    { "udp-8k", udp_datagrams, 3000, DATAGRAM }, { "tcp-connect", connections, 500, 0 },
};

int main(int argc, char **argv)
{
	if (argc == 2 && argv[1][0] == '=') {
		with_others_open(atol(argv[1] + 1));
		return 0;
	}
	return run_rows(rows, COUNT(rows), argc, argv);
}
