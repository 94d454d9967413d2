/* stage: 11; libc: musl; run: guest+golden
 * TCP_DEFER_ACCEPT; text for a socket that was shut both ways; SIOCOUTQNSD; what is for everybody, sent from an address of ours. */
#include "net.h"

#define OUTQNSD 0x894b

static void deferred(void)
{
	static const int seconds[] = { -1, 0, 1, 2, 3, 4, 5, 8, 60, 1000 };
	int l = socket(AF_INET, SOCK_STREAM, 0), fd[2], taken;

	say("--- TCP_DEFER_ACCEPT\n");
	for (unsigned i = 0; i < COUNT(seconds); i++) {
		NEED(set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds[i]) == 0);
		say("%d: %d\n", seconds[i], option(l, IPPROTO_TCP, TCP_DEFER_ACCEPT));
	}
	NEED(bind_at(l, "127.0.0.1", 6010) == 0 && listen(l, 3) == 0);
	set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0), fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(fd[0], "127.0.0.1", 6010));
	R(connect_at(fd[1], "127.0.0.1", 6010));
	V(state_of(fd[0]));
	nap(100);
	X(ready(l));
	fcntl(l, F_SETFL, O_NONBLOCK);
	R(accept(l, NULL, NULL));
	R(send(fd[1], "text", 4, 0));
	X(wait_for(l, POLLIN));
	taken = accept(l, NULL, NULL);
	T(taken >= 0);
	say_read("with the second's text", taken, 10, 0);
	R(send(taken, "back", 4, 0));
	say_read("the other way", fd[1], 10, 0);
	close(taken);
	/* What ends a connection that brought nothing brings it too. */
	shutdown(fd[0], SHUT_WR);
	X(wait_for(l, POLLIN));
	taken = accept(l, NULL, NULL);
	T(taken >= 0);
	say_read("the first: its end", taken, 10, 0);
	close(taken), close(fd[0]), close(fd[1]);
	/* For so long; then without. */
	set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(fd[0], "127.0.0.1", 6010));
	nap(200);
	X(ready(l));
	X(wait_for(l, POLLIN));
	taken = accept(l, NULL, NULL);
	T(taken >= 0);
	close(taken), close(fd[0]), close(l);
}

static void shut_both_ways(void)
{
	int fd[2];

	say("--- shut both ways\n");
	tcp_pair(fd, NULL);
	R(shutdown(fd[0], SHUT_RDWR));
	nap(50);
	X(ready(fd[0]));
	X(ready(fd[1]));
	R(send(fd[1], "late", 4, MSG_NOSIGNAL));
	nap(50);
	X(ready(fd[0]));
	V(state_of(fd[0]));
	V(option(fd[0], SOL_SOCKET, SO_ERROR));
	say_read("read", fd[0], 10, MSG_DONTWAIT);
	R(send(fd[1], "later", 5, MSG_NOSIGNAL));
	V(option(fd[1], SOL_SOCKET, SO_ERROR));
	close(fd[0]), close(fd[1]);
	/* The reading way alone does not refuse anything. */
	tcp_pair(fd, NULL);
	R(shutdown(fd[0], SHUT_RD));
	R(send(fd[1], "still", 5, MSG_NOSIGNAL));
	nap(50);
	say_read("read", fd[0], 10, MSG_DONTWAIT);
	R(send(fd[0], "back", 4, MSG_NOSIGNAL));
	say_read("read", fd[1], 10, 0);
	close(fd[0]), close(fd[1]);
}

static void not_sent(void)
{
	static char text[600000];
	int fd[2], outq = -1, never = -1;

	say("--- SIOCOUTQNSD\n");
	tcp_pair(fd, NULL);
	R(ioctl(fd[0], OUTQNSD, &never));
	V(never);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	while (send(fd[0], text, sizeof(text), 0) > 0)
		;
	nap(50);
	NEED(ioctl(fd[0], TIOCOUTQ, &outq) == 0 && ioctl(fd[0], OUTQNSD, &never) == 0);
	say("what waits: %s; of it never sent: %s\n", outq > 0 ? "some" : "none", never > 0 && never <= outq ? "some" : "none");
	int l = socket(AF_INET, SOCK_STREAM, 0);
	R(ioctl(l, OUTQNSD, &never));
	V(never);
	NEED(listen(l, 1) == 0);
	R(ioctl(l, OUTQNSD, &never));
	R(ioctl(socket(AF_INET, SOCK_DGRAM, 0), OUTQNSD, &never));
	close(l), close(fd[0]), close(fd[1]);
}

static void to(const char *from, const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = at(address, 9);

	if (from)
		NEED(bind_at(fd, from, 0) == 0);
	say("from %s to %s: %s,", from ? from : "any", address, errname(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0));
	set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	say(" with SO_BROADCAST %s\n", errname(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0));
	close(fd);
}

int main(void)
{
	lo_up();
	deferred();
	shut_both_ways();
	not_sent();
	say("--- names\n");
	for (unsigned i = 0; i < 5; i++) {
		static const char *const names[] = { "other", "lo", "", "a/b", "a b" };
		struct ifreq r;
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		memset(&r, 0, sizeof(r));
		strcpy(r.ifr_name, "lo");
		strcpy(r.ifr_newname, names[i]);
		say("\"%s\": %s\n", names[i], errname(ioctl(fd, SIOCSIFNAME, &r) ? errno : 0));
		close(fd);
	}
	say("--- to everybody\n");
	to("127.0.0.1", "255.255.255.255");
	to("127.0.0.1", "127.255.255.255");
	to("127.0.0.1", "224.0.0.1");
	to(NULL, "127.255.255.255");
	return 0;
}
