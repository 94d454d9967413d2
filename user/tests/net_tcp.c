/* stage: 11; libc: musl; run: guest+golden
 * TCP over loopback: opening, text, closing, resets, what poll says at each step, peeks and waits, urgent data, options, bad input. */
#include "net.h"
#include <signal.h>
#include <sys/sendfile.h>

static char big[300000], back[300000];

static void opening(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s, d;

	say("--- opening\n");
	X(ready(c));
	V(state_of(c));
	show_name("fresh", getsockname, c);
	show_name("fresh peer", getpeername, c);
	say_read("fresh read", c, 10, MSG_DONTWAIT);
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(shutdown(c, SHUT_RDWR));
	R(accept(c, NULL, NULL));
	R(connect_at(c, "127.0.0.1", 5001));
	V(option(c, SOL_SOCKET, SO_ERROR));
	X(ready(c));
	R(bind_at(l, "127.0.0.1", 5001));
	R(bind_at(l, "127.0.0.1", 5001));
	R(listen(l, 2));
	X(ready(l));
	V(option(l, SOL_SOCKET, SO_ACCEPTCONN));
	V(state_of(l));
	show_name("listener", getsockname, l);
	show_name("listener peer", getpeername, l);
	say_read("listener read", l, 10, MSG_DONTWAIT);
	R(send(l, "x", 1, MSG_NOSIGNAL));
	R(connect_at(l, "127.0.0.1", 5001));
	R(fcntl(l, F_SETFL, O_NONBLOCK));
	R(accept(l, NULL, NULL));
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(c, "127.0.0.1", 5001));
	X(ready(c));
	X(ready(l));
	show_name("client", getsockname, c);
	show_name("client peer", getpeername, c);
	R(connect_at(c, "127.0.0.1", 5001));
	R(listen(c, 1));
	R(bind_at(c, "127.0.0.1", 5009));
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	s = accept4(l, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	T(s >= 0);
	V(len);
	T(ntohs(a.sin_port) == port_of(c));
	R(fcntl(s, F_GETFD));
	X(fcntl(s, F_GETFL) & O_NONBLOCK);
	show_name("server", getsockname, s);
	X(ready(s));
	V(state_of(s));
	V(state_of(c));
	/* One that does not wait. */
	d = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	R(connect_at(d, "127.0.0.1", 5001));
	X(wait_for(d, POLLOUT));
	V(option(d, SOL_SOCKET, SO_ERROR));
	R(connect_at(d, "127.0.0.1", 5001));
	R(connect_at(d, "127.0.0.1", 5001));
	close(d);
	d = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	R(connect_at(d, "127.0.0.1", 5099));
	X(wait_for(d, POLLOUT));
	V(option(d, SOL_SOCKET, SO_ERROR));
	V(option(d, SOL_SOCKET, SO_ERROR));
	X(ready(d));
	R(connect_at(d, "127.0.0.1", 5098));
	X(wait_for(d, POLLOUT));
	R(connect_at(d, "127.0.0.1", 5098));
	say_read("read", d, 10, 0);
	close(d);
	d = socket(AF_INET, SOCK_STREAM, 0);
	a = at("127.0.0.1", 5001);
	R(connect(d, (struct sockaddr *)&a, 6));
	a.sin_family = AF_INET6;
	R(connect(d, (struct sockaddr *)&a, sizeof(a)));
	R(connect(d, (void *)8, sizeof(a)));
	R(connect_at(d, "255.255.255.255", 5001));
	close(d);
	close(c);
	close(s);
	close(l);
	l = socket(AF_INET, SOCK_STREAM, 0);
	R(listen(l, 1));
	show_name("unbound listener", getsockname, l);
	close(l);
}

static void text(void)
{
	int fd[2], n = 0;

	say("--- text\n");
	tcp_pair(fd, NULL);
	R(write(fd[0], "hello", 5));
	X(wait_for(fd[1], POLLIN));
	R(ioctl(fd[1], FIONREAD, &n));
	V(n);
	say_read("peek", fd[1], 3, MSG_PEEK);
	say_read("read", fd[1], 3, 0);
	say_read("read", fd[1], 30, 0);
	say_read("nothing", fd[1], 30, MSG_DONTWAIT);
	R(write(fd[0], "", 0));
	say_read("nothing", fd[1], 30, MSG_DONTWAIT);
	R(send(fd[0], "one ", 4, MSG_MORE));
	R(send(fd[0], "two ", 4, 0));
	R(send(fd[0], "three", 5, 0));
	say_read("wait for all", fd[1], 13, MSG_WAITALL);
	R(send(fd[0], "discarded kept", 14, 0));
	R(recv(fd[1], NULL, 10, MSG_TRUNC | MSG_WAITALL));
	say_read("kept", fd[1], 4, MSG_WAITALL);
	struct iovec v[2] = { { "ab", 2 }, { "cde", 3 } };
	R(writev(fd[1], v, 2));
	say_read("other way", fd[0], 5, MSG_WAITALL);
	close(fd[0]);
	close(fd[1]);
}

static void much(void)
{
	int fd[2];
	size_t got = 0;
	ssize_t n;
	pid_t p;
	int same = 1;

	say("--- much\n");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 13 + i / 255);
	tcp_pair(fd, NULL);
	p = fork();
	if (!p) {
		close(fd[1]);
		for (int i = 0; i < 20; i++)
			NEED(send(fd[0], big, sizeof(big), 0) == sizeof(big));
		_exit(0);
	}
	close(fd[0]);
	while ((n = recv(fd[1], back, 77777, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			same = same && back[i] == big[(got + (size_t)i) % sizeof(big)];
		got += (size_t)n;
	}
	V(got);
	T(same);
	V(n);
	reap("writer", p);
	close(fd[1]);
	/* Until it is full, then on as it is read. */
	tcp_pair(fd, NULL);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	got = 0;
	while ((n = send(fd[0], big, 50000, 0)) > 0)
		got += (size_t)n;
	say("full: %s\n", errname(errno));
	T(got > 100000);
	X(ready(fd[0]) & POLLOUT);
	X(ready(fd[1]));
	size_t read_back = 0;
	while (read_back < got && (n = recv(fd[1], back, sizeof(back), 0)) > 0)
		read_back += (size_t)n;
	T(read_back == got);
	X(wait_for(fd[0], POLLOUT) & POLLOUT);
	close(fd[0]);
	close(fd[1]);
}

static void closing(void)
{
	int fd[2], l, on = 1;
	struct linger linger = { 1, 0 };

	say("--- closing\n");
	tcp_pair(fd, NULL);
	R(shutdown(fd[0], SHUT_WR));
	X(wait_for(fd[1], POLLIN));
	X(ready(fd[0]));
	/* Its FIN may not be acknowledged yet. */
	while (state_of(fd[0]) == 4)
		nap(1);
	V(state_of(fd[0]));
	V(state_of(fd[1]));
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	say_read("end", fd[1], 10, 0);
	R(write(fd[1], "still", 5));
	say_read("half open", fd[0], 10, 0);
	show_name("peer", getpeername, fd[0]);
	R(close(fd[1]));
	X(wait_for(fd[0], POLLRDHUP));
	say_read("end", fd[0], 10, 0);
	V(state_of(fd[0]));
	show_name("peer", getpeername, fd[0]);
	R(shutdown(fd[0], SHUT_RDWR));
	close(fd[0]);

	say("both ends\n");
	tcp_pair(fd, NULL);
	R(shutdown(fd[0], SHUT_RDWR));
	X(ready(fd[0]));
	say_read("read", fd[0], 10, 0);
	R(shutdown(fd[1], SHUT_RD));
	X(ready(fd[1]));
	close(fd[0]);
	X(ready(fd[1]));
	close(fd[1]);

	say("peer closes\n");
	tcp_pair(fd, NULL);
	R(write(fd[1], "last", 4));
	close(fd[1]);
	X(wait_for(fd[0], POLLRDHUP));
	R(send(fd[0], "first", 5, MSG_NOSIGNAL));
	X(wait_for(fd[0], 0) & (POLLERR | POLLHUP));
	say_read("read", fd[0], 10, 0);
	say_read("read", fd[0], 10, 0);
	R(send(fd[0], "second", 6, MSG_NOSIGNAL));
	close(fd[0]);

	say("unread text\n");
	tcp_pair(fd, NULL);
	R(write(fd[0], "unread", 6));
	NEED(wait_for(fd[1], POLLIN));
	close(fd[1]);
	X(wait_for(fd[0], POLLIN));
	V(option(fd[0], SOL_SOCKET, SO_ERROR));
	say_read("read", fd[0], 10, 0);
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	X(ready(fd[0]));
	V(state_of(fd[0]));
	close(fd[0]);

	say("linger 0\n");
	tcp_pair(fd, NULL);
	R(write(fd[1], "there", 5));
	R(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(fd[1]);
	X(wait_for(fd[0], POLLIN));
	say_read("read", fd[0], 10, 0);
	say_read("read", fd[0], 10, 0);
	R(write(fd[0], "x", 0));
	IN_CHILD("a broken pipe")
	{
		signal(SIGPIPE, SIG_DFL);
		write(fd[0], "x", 1);
	}
	close(fd[0]);
	linger.l_linger = 5;
	tcp_pair(fd, NULL);
	R(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	R(close(fd[1]));
	say_read("read", fd[0], 10, 0);
	close(fd[0]);

	say("disconnect\n");
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	tcp_pair(fd, &l);
	R(connect(fd[0], &none, sizeof(none)));
	show_name("name", getsockname, fd[0]);
	X(ready(fd[0]));
	X(wait_for(fd[1], POLLIN));
	say_read("read", fd[1], 10, 0);
	R(connect_at(fd[0], "127.0.0.1", port_of(l)));
	close(fd[1]);
	R((fd[1] = accept(l, NULL, NULL)) < 0 ? -1 : 0);
	R(write(fd[0], "again", 5));
	say_read("read", fd[1], 10, 0);
	close(fd[0]);
	close(fd[1]);

	say("a listener ends\n");
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(fd[0], "127.0.0.1", port_of(l)));
	R(shutdown(l, SHUT_RD));
	R(accept(l, NULL, NULL));
	X(ready(l));
	X(wait_for(fd[0], POLLIN));
	say_read("read", fd[0], 10, 0);
	close(fd[0]);
	close(l);

	say("the port again\n");
	l = socket(AF_INET, SOCK_STREAM, 0);
	R(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	R(bind_at(l, "127.0.0.1", 5003));
	R(listen(l, 1));
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	R(connect_at(fd[0], "127.0.0.1", 5003));
	fd[1] = accept(l, NULL, NULL);
	close(fd[1]);
	say_read("end", fd[0], 10, 0);
	close(fd[0]);
	close(l);
	nap(50);
	l = socket(AF_INET, SOCK_STREAM, 0);
	R(bind_at(l, "127.0.0.1", 5003));
	R(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	R(bind_at(l, "127.0.0.1", 5003));
	R(listen(l, 1));
	int m = socket(AF_INET, SOCK_STREAM, 0);
	R(setsockopt(m, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	R(bind_at(m, "127.0.0.1", 5003));
	R(bind_at(m, "0.0.0.0", 5003));
	close(m);
	m = socket(AF_INET, SOCK_STREAM, 0);
	R(setsockopt(m, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	R(bind_at(m, "127.0.0.1", 5003));
	close(l);
	close(m);
	l = socket(AF_INET, SOCK_STREAM, 0);
	m = socket(AF_INET, SOCK_STREAM, 0);
	R(set(l, SOL_SOCKET, SO_REUSEPORT, 1) | set(m, SOL_SOCKET, SO_REUSEPORT, 1));
	R(bind_at(l, "127.0.0.1", 5004));
	R(bind_at(m, "127.0.0.1", 5004));
	R(listen(l, 1));
	R(listen(m, 1));
	close(l);
	close(m);
}

static void itself(void)
{
	int c = socket(AF_INET, SOCK_STREAM, 0);

	say("--- a call to itself\n");
	R(bind_at(c, "127.0.0.1", 5010));
	R(connect_at(c, "127.0.0.1", 5010));
	R(write(c, "mirror", 6));
	say_read("read", c, 10, 0);
	V(state_of(c));
	R(shutdown(c, SHUT_WR));
	say_read("end", c, 10, 0);
	close(c);
}

static void urgent(void)
{
	int fd[2], n = -1;

	say("--- urgent\n");
	tcp_pair(fd, NULL);
	say_read("none", fd[1], 1, MSG_OOB);
	R(send(fd[0], "abc", 3, MSG_OOB));
	X(wait_for(fd[1], POLLPRI));
	R(ioctl(fd[1], SIOCATMARK, &n));
	V(n);
	say_read("before the mark", fd[1], 10, 0);
	R(ioctl(fd[1], SIOCATMARK, &n));
	V(n);
	X(ready(fd[1]));
	say_read("peek", fd[1], 1, MSG_OOB | MSG_PEEK);
	say_read("urgent", fd[1], 1, MSG_OOB);
	say_read("urgent again", fd[1], 1, MSG_OOB);
	say_read("nothing more", fd[1], 10, MSG_DONTWAIT);
	R(send(fd[0], "def", 3, 0));
	say_read("after", fd[1], 10, 0);
	R(set(fd[1], SOL_SOCKET, SO_OOBINLINE, 1));
	R(send(fd[0], "xyz", 3, MSG_OOB));
	NEED(wait_for(fd[1], POLLIN));
	say_read("inline", fd[1], 10, 0);
	R(ioctl(fd[1], SIOCATMARK, &n));
	V(n);
	say_read("at the mark", fd[1], 10, 0);
	say_read("urgent", fd[1], 1, MSG_OOB);
	close(fd[0]);
	close(fd[1]);
}

static void options(void)
{
	static const struct { int level, option; const char *name; } list[] = {
		{ SOL_SOCKET, SO_TYPE, "SO_TYPE" }, { SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL" }, { SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF" }, { SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF" },
		{ SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE" }, { SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR" }, { SOL_SOCKET, SO_OOBINLINE, "SO_OOBINLINE" },
		{ IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY" }, { IPPROTO_TCP, TCP_CORK, "TCP_CORK" }, { IPPROTO_TCP, TCP_MAXSEG, "TCP_MAXSEG" },
		{ IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE" }, { IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL" }, { IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT" },
		{ IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT" }, { IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2" }, { IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT" },
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP" }, { IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT" }, { IPPROTO_TCP, 999, "no such" },
		{ IPPROTO_IP, IP_TTL, "IP_TTL" }, { IPPROTO_IP, IP_TOS, "IP_TOS" }, { IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL" },
	};
	int c = socket(AF_INET, SOCK_STREAM, 0), fd[2];

	say("--- options\n");
	for (size_t i = 0; i < COUNT(list); i++)
		say("%s = %d\n", list[i].name, option(c, list[i].level, list[i].option));
	R(set(c, IPPROTO_TCP, TCP_NODELAY, 5));
	V(option(c, IPPROTO_TCP, TCP_NODELAY));
	R(set(c, IPPROTO_TCP, TCP_KEEPIDLE, 0));
	R(set(c, IPPROTO_TCP, TCP_KEEPIDLE, 40000));
	R(set(c, IPPROTO_TCP, TCP_KEEPIDLE, 30));
	V(option(c, IPPROTO_TCP, TCP_KEEPIDLE));
	R(set(c, IPPROTO_TCP, TCP_KEEPCNT, 200));
	R(set(c, IPPROTO_TCP, TCP_MAXSEG, 10));
	R(set(c, IPPROTO_TCP, TCP_MAXSEG, 1000));
	R(set(c, IPPROTO_TCP, TCP_USER_TIMEOUT, -1));
	R(set(c, IPPROTO_TCP, 999, 1));
	R(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &(char){ 1 }, 1));
	R(set(c, SOL_SOCKET, SO_RCVBUF, 50000));
	V(option(c, SOL_SOCKET, SO_RCVBUF));
	R(set(c, IPPROTO_IP, IP_MULTICAST_TTL, 1));
	R(set(c, IPPROTO_IP, IP_TOS, 0xff));
	V(option(c, IPPROTO_IP, IP_TOS));
	close(c);
	int l;
	tcp_pair(fd, &l);
	close(fd[0]);
	close(fd[1]);
	R(set(l, IPPROTO_TCP, TCP_NODELAY, 1));
	R(set(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	R(set(l, IPPROTO_TCP, TCP_KEEPIDLE, 77));
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(connect_at(fd[0], "127.0.0.1", port_of(l)) == 0);
	fd[1] = accept(l, NULL, NULL);
	V(option(fd[1], IPPROTO_TCP, TCP_NODELAY));
	V(option(fd[1], SOL_SOCKET, SO_KEEPALIVE));
	V(option(fd[1], IPPROTO_TCP, TCP_KEEPIDLE));
	V(option(fd[1], SOL_SOCKET, SO_ACCEPTCONN));
	T(option(fd[0], IPPROTO_TCP, TCP_MAXSEG) > 30000);
	R(send(fd[0], (void *)8, 10, MSG_NOSIGNAL));
	R(send(fd[0], "ok", 2, MSG_NOSIGNAL));
	R(recv(fd[1], (void *)8, 2, 0));
	say_read("still there", fd[1], 10, MSG_DONTWAIT);
	struct timeval tv = { 0, 50000 };
	R(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	say_read("in vain", fd[1], 10, 0);
	R(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	R(accept(l, NULL, NULL));
	struct sockaddr_in a = at("127.0.0.1", 1);
	R(sendto(fd[0], "named", 5, 0, (struct sockaddr *)&a, sizeof(a)));
	say_read("named", fd[1], 10, 0);
	socklen_t len = 99;
	memset(&a, 0, sizeof(a));
	R(write(fd[0], "x", 1));
	R(recvfrom(fd[1], big, 10, 0, (struct sockaddr *)&a, &len));
	V(len);
	t_dir();
	put_text("file", "?ELF?");
	int file = open("file", O_RDONLY);
	off_t off = 1;
	R(sendfile(fd[0], file, &off, 3));
	say_read("sent file", fd[1], 3, MSG_WAITALL);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

int main(void)
{
	lo_up();
	signal(SIGPIPE, SIG_IGN);
	opening();
	text();
	much();
	closing();
	itself();
	urgent();
	options();
	return 0;
}
