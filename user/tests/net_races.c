/* stage: 11; libc: musl; run: guest+golden
 * Several threads at one socket: peeking while another reads, joining and leaving a group, a listener that is disconnected and used anew, UDP names. */
#include "net.h"
#include <pthread.h>

static int fd, running;

static void *start(pthread_t *t, void *(*f)(void *))
{
	NEED(pthread_create(t, NULL, f, NULL) == 0);
	return NULL;
}

static void *peeker(void *arg)
{
	char buf[256];

	ssize_t n;

	do {
		memset(buf, 0, sizeof(buf));
		n = recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_WAITALL);
		for (ssize_t i = 0; i < n; i++)
			if (!buf[i] || !strchr("0123456789abcdef", buf[i])) {
				say("a byte that nobody sent\n");
				break;
			}
	} while (n > 0);
	if (n < 0)
		say("peek: %s\n", errname(errno));
	return arg;
}

static void *reader(void *arg)
{
	char buf[64];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
	return arg;
}

/* What was looked at is read by another before the look goes on. */
static void peek(void)
{
	static const char text[16] = "0123456789abcdef";
	pthread_t t[3];
	int pair[2];

	say("--- peek\n");
	tcp_pair(pair, NULL);
	set(pair[1], IPPROTO_TCP, TCP_NODELAY, 1);
	fd = pair[0];
	start(&t[0], peeker);
	start(&t[1], reader);
	start(&t[2], peeker);
	for (int i = 0; i < 3000; i++) {
		NEED(send(pair[1], text, (size_t)(1 + i % 16), 0) == 1 + i % 16);
		if (i % 8 == 7)
			usleep(100);
	}
	close(pair[1]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	close(fd);
	say("all ended\n");
}

static int group(int what)
{
	struct ip_mreq r = { .imr_multiaddr.s_addr = inet_addr("239.1.2.3"), .imr_interface.s_addr = inet_addr("127.0.0.1") };

	return setsockopt(fd, IPPROTO_IP, what, &r, sizeof(r)) ? errno : 0;
}

static void *leaver(void *arg)
{
	while (__atomic_load_n(&running, __ATOMIC_RELAXED)) {
		int err = group(IP_DROP_MEMBERSHIP);
		if (err && err != EADDRNOTAVAIL)
			say("leave: %s\n", errname(err));
	}
	return arg;
}

static void groups(void)
{
	pthread_t t;

	say("--- groups\n");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	running = 1;
	start(&t, leaver);
	for (int i = 0; i < 30000; i++) {
		int err = group(IP_ADD_MEMBERSHIP);
		if (err && err != EADDRINUSE)
			say("join: %s\n", errname(err));
	}
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	group(IP_DROP_MEMBERSHIP);
	X(group(IP_DROP_MEMBERSHIP));
	close(fd);
}

static void *disconnecter(void *arg)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	while (__atomic_load_n(&running, __ATOMIC_RELAXED))
		connect(fd, &nobody, sizeof(nobody));
	return arg;
}

static void names(int type)
{
	pthread_t t;
	int peer = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	say("--- %s\n", type == SOCK_STREAM ? "a listener" : "UDP names");
	NEED(bind_at(peer, "127.0.0.1", 0) == 0);
	if (type == SOCK_STREAM)
		NEED(listen(peer, 4) == 0);
	fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	running = 1;
	start(&t, disconnecter);
	for (int i = 0; i < 3000; i++) {
		if (type == SOCK_STREAM && i % 2)
			listen(fd, 4);
		connect_at(fd, "127.0.0.1", port_of(peer));
		if (type == SOCK_STREAM && i % 16 == 0) {
			int got;
			while ((got = accept(peer, NULL, NULL)) >= 0)
				close(got);
		}
	}
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	close(peer);
	R(bind_at(fd, "127.0.0.1", 5999));
	close(fd);
	fd = socket(AF_INET, type, 0);
	R(bind_at(fd, "127.0.0.1", 5999));
	close(fd);
}

int main(void)
{
	lo_up();
	peek();
	groups();
	names(SOCK_DGRAM);
	names(SOCK_STREAM);
	return 0;
}
