/* stage: 11; libc: musl; run: scenario
 * Whatever comes to port 7 goes back, a datagram or a connection's text, until a connection has ended. */
#include "net.h"

#include <stdint.h>

static int bound(int type)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(7) };
	int fd = socket(AF_INET, type, 0);

	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
	return fd;
}

static void answer_datagrams(int fd)
{
	static char buf[2048];

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		NEED(n >= 0);
		sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static int ended(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	return info.tcpi_state == TCP_CLOSE;
}

int main(void)
{
	static char buf[8192];
	int datagrams = bound(SOCK_DGRAM), listener = bound(SOCK_STREAM);
	long total = 0;

	NEED(listen(listener, 4) == 0);
	pid_t child = fork();
	if (!child)
		answer_datagrams(datagrams);
	int fd = accept(listener, NULL, NULL);
	NEED(fd >= 0);
	for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0; total += n)
		for (ssize_t done = 0, w; done < n; done += w)
			NEED((w = write(fd, buf + done, (size_t)(n - done))) > 0);
	NEED(shutdown(fd, SHUT_WR) == 0);
	while (!ended(fd)) /* the machine goes with us: the other side must have our end first */
		usleep(10000);
	printf("bytes: %ld\n", total);
	kill(child, SIGKILL);
	return 0;
}
