/* stage: 09; libc: musl; run: host+guest
 * AF_UNIX streams and records: pairs, listen and connect, names, shutdown, buffers, what poll says, bad input. */
#include "t.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[65536];

static socklen_t name_of(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (path[0] == '@') {
		memcpy(a->sun_path + 1, path + 1, strlen(path) - 1);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	strcpy(a->sun_path, path);
	return sizeof(*a);
}

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, path);

	return bind(fd, (struct sockaddr *)&a, len);
}

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, path);

	return connect(fd, (struct sockaddr *)&a, len);
}

static void show_name(const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	memset(&a, 0x55, sizeof(a));
	errno = 0;
	if (get(fd, (struct sockaddr *)&a, &len) < 0) {
		say("%s: %s\n", what, errname(errno));
		return;
	}
	say("%s: length %d, family %d", what, (int)len, a.sun_family);
	if (len > 2)
		say(", %c%.*s", a.sun_path[0] ? a.sun_path[0] : '@', (int)(len - 4), a.sun_path + 1);
	say("\n");
}

static int ready(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };

	NEED(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static int option(int fd, int which)
{
	int value = -77;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, which, &value, &len) < 0 ? -errno : value;
}

static void pairs(int type)
{
	int fd[2];
	struct stat st;

	say("--- pair of type %d\n", type);
	R(socketpair(AF_UNIX, type, 0, fd));
	show_name("name", getsockname, fd[0]);
	show_name("peer", getpeername, fd[0]);
	R(write(fd[0], "hello", 5));
	R(write(fd[0], "world", 5));
	X(ready(fd[1]));
	int n = 0;
	R(ioctl(fd[1], FIONREAD, &n));
	V(n);
	R(recv(fd[1], buf, 3, MSG_PEEK));
	R(recv(fd[1], buf, sizeof(buf), MSG_PEEK));
	R(read(fd[1], buf, 7));
	R(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	R(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	R(write(fd[0], "", 0));
	R(recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	R(recv(fd[1], buf, 0, MSG_DONTWAIT));
	NEED(fstat(fd[0], &st) == 0);
	T(S_ISSOCK(st.st_mode));
	R(lseek(fd[0], 0, SEEK_SET));
	R(pread(fd[0], buf, 1, 0));
	R(shutdown(fd[0], SHUT_WR));
	X(ready(fd[0]));
	X(ready(fd[1]));
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	R(read(fd[1], buf, 10));
	R(write(fd[1], "back", 4));
	R(shutdown(fd[1], SHUT_RD));
	R(read(fd[0], buf, 10));
	R(shutdown(fd[0], 3));
	R(shutdown(fd[0], -1));
	R(close(fd[1]));
	X(ready(fd[0]));
	R(send(fd[0], "x", 1, MSG_NOSIGNAL));
	R(read(fd[0], buf, 10));
	R(close(fd[0]));

	/* The peer goes while there is something to read. */
	NEED(socketpair(AF_UNIX, type, 0, fd) == 0);
	NEED(write(fd[0], "left", 4) == 4 && write(fd[1], "unread", 6) == 6);
	close(fd[1]);
	X(ready(fd[0]));
	V(option(fd[0], SO_ERROR));
	V(option(fd[0], SO_ERROR));
	R(read(fd[0], buf, 100));
	R(read(fd[0], buf, 100));
	close(fd[0]);
	IN_CHILD("write to a closed pair") {
		NEED(socketpair(AF_UNIX, type, 0, fd) == 0);
		close(fd[1]);
		R(write(fd[0], "x", 1));
		R(write(fd[0], "x", 1));
	}
}

static void connections(int type, const char *path)
{
	int server = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), a, b, c;

	say("--- connections of type %d at %s\n", type, path);
	NEED(server >= 0);
	X(ready(server));
	R(listen(server, 1));
	R(accept(server, NULL, NULL));
	R(connect_to(server, path));
	R(bind_to(server, path));
	R(bind_to(server, "other"));
	show_name("name", getsockname, server);
	a = socket(AF_UNIX, type, 0);
	R(connect_to(a, path));
	R(bind_to(a, path));
	R(listen(server, 1));
	V(option(server, SO_ACCEPTCONN));
	R(connect_to(server, path));
	X(ready(server));
	R(connect_to(a, path));
	R(connect_to(a, path));
	X(ready(server));
	show_name("client's name", getsockname, a);
	show_name("client's peer", getpeername, a);
	R(write(a, "early", 5));
	b = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	R(connect_to(b, path));
	c = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	R(connect_to(c, path));
	close(c);
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	int s = accept4(server, (struct sockaddr *)&from, &len, SOCK_NONBLOCK);
	T(s >= 0);
	V(len);
	show_name("server's name", getsockname, s);
	show_name("server's peer", getpeername, s);
	R(read(s, buf, 100));
	R(read(s, buf, 100));
	R(write(s, "answer", 6));
	R(read(a, buf, 100));
	struct ucred cred;
	len = sizeof(cred);
	R(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	T(cred.pid == getpid() && cred.uid == geteuid() && cred.gid == getegid());
	V(len);
	int t = accept(server, NULL, NULL);
	T(t >= 0);
	close(t);
	X(ready(b));
	close(server);
	X(ready(a));
	R(write(a, "still", 5));
	R(read(s, buf, 100));
	close(s);
	R(read(a, buf, 100));
	close(a), close(b);
	c = socket(AF_UNIX, type, 0);
	R(connect_to(c, path));
	if (path[0] != '@')
		R(unlink(path));
	R(connect_to(c, path));
	close(c);

	/* A connection that nobody accepted. */
	server = socket(AF_UNIX, type, 0);
	NEED(bind_to(server, path) == 0 && listen(server, 5) == 0);
	a = socket(AF_UNIX, type, 0);
	NEED(connect_to(a, path) == 0);
	NEED(write(a, "lost", 4) == 4);
	close(server);
	X(ready(a));
	R(read(a, buf, 10));
	R(read(a, buf, 10));
	R(send(a, "x", 1, MSG_NOSIGNAL));
	close(a);
	if (path[0] != '@')
		unlink(path);
}

static void names(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_DGRAM, 0);

	say("--- names\n");
	R(bind(fd, (struct sockaddr *)&a, 0));
	R(bind(fd, (struct sockaddr *)&a, 1));
	R(bind(fd, (struct sockaddr *)&a, 111));
	R(bind(fd, (struct sockaddr *)&a, 1000));
	R(bind(fd, (struct sockaddr *)8, 20));
	R(bind(fd, (struct sockaddr *)&a, -1));
	a.sun_family = AF_INET;
	R(bind(fd, (struct sockaddr *)&a, 20));
	R(connect(fd, (struct sockaddr *)&a, 20));
	R(connect(fd, (struct sockaddr *)8, 20));
	R(connect(fd, (struct sockaddr *)&a, 1));
	R(bind_to(fd, "missing/folder"));
	put_text("file", "");
	R(bind_to(fd, "file"));
	R(bind_to(fd, "file/x"));
	R(connect_to(fd, "file"));
	R(connect_to(fd, "nothing"));
	R(connect_to(fd, "@nothing"));
	R(bind_to(fd, "@abstract"));
	R(bind_to(other, "@abstract"));
	R(connect_to(other, "@abstract"));
	R(close(fd));
	R(bind_to(other, "@abstract"));
	close(other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	R(bind_to(fd, "socket"));
	R(open("socket", O_RDWR));
	R(open("socket", O_PATH));
	struct stat st;
	R(stat("socket", &st));
	say("mode %o\n", st.st_mode);
	R(rename("socket", "renamed"));
	show_name("name after rename", getsockname, fd);
	R(listen(fd, 0));
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	R(connect_to(other, "renamed"));
	show_name("peer", getpeername, other);
	close(other);
	R(chmod("renamed", 0));
	IN_CHILD("without permission") {
		NEED(setuid(1000) == 0);
		other = socket(AF_UNIX, SOCK_STREAM, 0);
		R(connect_to(other, "renamed"));
	}
	close(fd);
	/* The full length of a path, without a NUL. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	a.sun_family = AF_UNIX;
	memset(a.sun_path, 'n', sizeof(a.sun_path));
	R(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	socklen_t len = sizeof(a);
	char room[200];
	len = sizeof(room);
	R(getsockname(fd, (struct sockaddr *)room, &len));
	V(len);
	len = 5;
	R(getsockname(fd, (struct sockaddr *)room, &len));
	V(len);
	len = 0;
	R(getsockname(fd, (struct sockaddr *)room, &len));
	V(len);
	len = (socklen_t)-1;
	R(getsockname(fd, (struct sockaddr *)room, &len));
	R(getsockname(fd, (struct sockaddr *)room, (socklen_t *)8));
	close(fd);
	/* A name from the kernel. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	a.sun_family = AF_UNIX;
	R(bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)));
	len = sizeof(a);
	R(getsockname(fd, (struct sockaddr *)&a, &len));
	V(len);
	T(a.sun_path[0] == 0);
	close(fd);
}

static void bad_calls(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), file = open("f", O_RDWR | O_CREAT, 0600), fds[2];
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	say("--- bad calls\n");
	R(socket(AF_UNIX, SOCK_STREAM, 1) >= 0);
	R(socket(AF_UNIX, SOCK_STREAM, 5));
	R(socket(AF_UNIX, SOCK_RAW, 0) >= 0);
	R(socket(AF_UNIX, 4, 0));
	R(socket(AF_UNIX, 15, 0));
	R(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	R(socket(-1, SOCK_STREAM, 0));
	R(socket(46, SOCK_STREAM, 0));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
	R(socketpair(AF_UNIX, 15, 0, fds));
	R(listen(file, 1));
	R(listen(-1, 1));
	R(accept(file, NULL, NULL));
	R(bind(file, (struct sockaddr *)&a, 10));
	R(getpeername(fd, (struct sockaddr *)&a, &len));
	R(getpeername(file, (struct sockaddr *)&a, &len));
	R(shutdown(fd, SHUT_WR));
	R(send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	R(send(fd, "x", 1, MSG_NOSIGNAL));
	R(recv(fd, buf, 1, MSG_DONTWAIT));
	R(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
	R(send(file, "x", 1, 0));
	R(accept4(fd, NULL, NULL, 1));
	R(listen(fd, 1));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	R(send(fds[0], (void *)8, 10, 0));
	R(recv(fds[0], (void *)8, 10, MSG_DONTWAIT));
	R(send(fds[1], "abc", 3, 0));
	R(recv(fds[0], (void *)8, 10, 0));
	R(recv(fds[0], buf, 10, MSG_DONTWAIT));
	name_of(&a, "@abstract");
	R(sendto(fds[0], "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
	R(connect_to(fds[0], "@x"));
	R(listen(fds[0], 1));
	int value = 1;
	R(setsockopt(fds[0], SOL_SOCKET, 9999, &value, sizeof(value)));
	R(setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &value, 1));
	R(setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, (void *)8, 4));
	R(setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &value, (socklen_t)-1));
	R(setsockopt(fds[0], 6, 1, &value, sizeof(value)));
	R(setsockopt(file, SOL_SOCKET, SO_PASSCRED, &value, sizeof(value)));
	len = sizeof(value);
	R(getsockopt(fds[0], SOL_SOCKET, 9999, &value, &len));
	R(getsockopt(fds[0], 6, 1, &value, &len));
	R(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, (void *)8, &len));
	R(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &value, (socklen_t *)8));
	len = 2;
	R(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &value, &len));
	V(len);
}

static void options(void)
{
	static const int which[] = { SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN, SO_SNDBUF, SO_RCVBUF, SO_REUSEADDR, SO_KEEPALIVE,
				     SO_BROADCAST, SO_PASSCRED, SO_RCVLOWAT, SO_SNDLOWAT, SO_PRIORITY, SO_DEBUG, SO_OOBINLINE };
	int fds[2];
	struct timeval tv = { 0, 50000 };
	socklen_t len;

	say("--- options\n");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	for (size_t i = 0; i < COUNT(which); i++)
		say("option %d: %d\n", which[i], option(fds[0], which[i]));
	for (int size = 1; size < 200000; size *= 10) {
		R(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
		V(option(fds[0], SO_SNDBUF));
		R(setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
		V(option(fds[0], SO_RCVBUF));
	}
	R(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	long start = now_ms();
	R(read(fds[0], buf, 1));
	T(now_ms() - start >= 45);
	memset(&tv, 0, sizeof(tv));
	len = sizeof(tv);
	R(getsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	T(tv.tv_sec == 0 && tv.tv_usec >= 50000 && tv.tv_usec < 60000);
	tv.tv_usec = 2000000;
	R(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	struct linger l = { 5, 7 };
	R(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	len = sizeof(l);
	R(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &l, &len));
	V(l.l_onoff);
	V(l.l_linger);
	close(fds[0]), close(fds[1]);
}

/* How much goes in before the sender would have to wait, and that all of it comes out again. */
static void full(int type, size_t piece)
{
	int fds[2], n = 0, m = 0;
	ssize_t got;
	long in = 0, out = 0;

	NEED(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds) == 0);
	memset(buf, 'd', piece);
	while ((got = write(fds[0], buf, piece)) > 0)
		n++, in += got;
	say("type %d, pieces of %d: then %s", type, (int)piece, errname(errno));
	say(", %s\n", ready(fds[0]) & POLLOUT ? "yet writable" : "not writable");
	T(n > 2);
	while ((got = read(fds[1], buf, sizeof(buf))) > 0)
		m++, out += got;
	T(in == out);
	T(type == SOCK_STREAM || n == m);
	X(ready(fds[0]));
	close(fds[0]), close(fds[1]);
}

/* A large transfer between two processes, blocking, in odd pieces. */
static void transfer(void)
{
	enum { TOTAL = 3000000 };
	int fds[2];
	unsigned sum = 0, want = 0;
	long left = TOTAL;
	pid_t pid;

	say("--- transfer\n");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	pid = fork();
	if (pid == 0) {
		unsigned at = 0;
		close(fds[0]);
		for (long sent = 0; sent < TOTAL;) {
			size_t n = 1 + (size_t)(sent * 7 % 50000);
			if (n > (size_t)(TOTAL - sent))
				n = (size_t)(TOTAL - sent);
			for (size_t i = 0; i < n; i++)
				buf[i] = (char)(at++ * 31 >> 3);
			if (write(fds[1], buf, n) != (ssize_t)n)
				_exit(1);
			sent += (long)n;
		}
		_exit(0);
	}
	close(fds[1]);
	for (unsigned i = 0; i < TOTAL; i++)
		want = want * 33 + (unsigned char)(i * 31 >> 3);
	for (ssize_t n; (n = recv(fds[0], buf, 1 + (size_t)(left % 60000), left & 1 ? 0 : MSG_WAITALL)) > 0; left -= n)
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 33 + (unsigned char)buf[i];
	V(left);
	T(sum == want);
	reap("sender", pid);
	close(fds[0]);
}

int main(void)
{
	t_dir();
	signal(SIGPIPE, SIG_DFL);
	pairs(SOCK_STREAM);
	pairs(SOCK_SEQPACKET);
	connections(SOCK_STREAM, "server");
	connections(SOCK_SEQPACKET, "@server");
	names();
	bad_calls();
	options();
	say("--- full\n");
	full(SOCK_STREAM, 1);
	full(SOCK_STREAM, 1000);
	full(SOCK_SEQPACKET, 5000);
	transfer();
	return 0;
}
