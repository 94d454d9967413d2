/* stage: 09; libc: musl; run: host+guest
 * AF_UNIX datagrams and what goes along: names, connected and not, full queues, descriptors, identities, circles of sockets. */
#include "t.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[4096];

static socklen_t name_of(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
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

static ssize_t send_to(int fd, const char *path, const char *text)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, path);

	return sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&a, len);
}

static void receive(int fd, int flags, size_t size)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	ssize_t n;

	memset(&a, 0, sizeof(a));
	memset(buf, 0, sizeof(buf));
	errno = 0;
	n = recvfrom(fd, buf, size, flags | MSG_DONTWAIT, (struct sockaddr *)&a, &len);
	if (n < 0)
		say("receive: %s\n", errname(errno));
	else
		say("receive: %d \"%.20s\" from %d \"%s\"\n", (int)n, buf, (int)len, len > 2 ? a.sun_path : "");
}

static int ready(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	NEED(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void datagrams(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0), s, n = 0;

	say("--- datagrams\n");
	X(ready(a));
	R(send(a, "x", 1, MSG_NOSIGNAL));
	R(bind_to(a, "a"));
	R(send_to(b, "a", "one"));
	R(send_to(b, "none", "x"));
	R(bind_to(b, "b"));
	R(send_to(b, "a", "two"));
	R(send_to(b, "a", ""));
	R(send_to(b, "a", "four"));
	X(ready(a));
	R(ioctl(a, FIONREAD, &n));
	V(n);
	receive(a, MSG_PEEK, 100);
	receive(a, 0, 100);
	receive(a, MSG_TRUNC, 1);
	receive(a, 0, 100);
	receive(a, 0, 2);
	receive(a, 0, 100);
	R(listen(a, 1));
	R(accept(a, NULL, NULL));
	R(connect_to(c, "a"));
	R(send(c, "connected", 9, 0));
	receive(a, 0, 100);
	R(send_to(c, "b", "elsewhere"));
	receive(b, 0, 100);
	/* A connected socket hears its peer alone. */
	R(connect_to(a, "b"));
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(connect_to(c, "a"));
	R(send(b, "x", 1, MSG_NOSIGNAL));
	R(send_to(b, "a", "yes"));
	receive(a, 0, 100);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	R(connect(a, &none, sizeof(none)));
	R(send(a, "x", 1, MSG_NOSIGNAL));
	R(send(c, "again", 5, MSG_NOSIGNAL));
	receive(a, 0, 100);
	/* The destination goes. */
	close(a);
	X(ready(c));
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(send_to(c, "a", "x"));
	R(connect_to(c, "a"));
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	R(connect_to(s, "b"));
	close(s);
	memset(buf, 'x', sizeof(buf));
	s = 4608;
	NEED(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &s, sizeof(s)) == 0);
	R(connect_to(c, "b"));
	R(send(c, buf, 4096, MSG_DONTWAIT));
	receive(b, 0, 10);
	static char large[300000];
	R(send(c, large, sizeof(large), MSG_DONTWAIT));
	R(send(c, (void *)8, 5, MSG_DONTWAIT));
	R(shutdown(b, SHUT_RD));
	R(send(c, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	X(ready(b));
	receive(b, 0, 10);
	close(b), close(c);
}

static void queue(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), n = 0;
	pid_t pid;

	say("--- full queue\n");
	NEED(bind_to(a, "q") == 0 && connect_to(b, "q") == 0);
	while (send(b, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	say("%d datagrams, then %s\n", n, errname(errno));
	X(ready(b));
	receive(a, 0, 10);
	X(ready(b));
	NEED(send(b, "x", 1, MSG_DONTWAIT) == 1);
	pid = fork();
	if (pid == 0) {
		NEED(send(b, "waited", 6, 0) == 6);
		_exit(0);
	}
	nap(30);
	for (int i = 0; i < n; i++)
		NEED(recv(a, buf, 10, 0) == 1);
	R(recv(a, buf, 10, 0));
	reap("sender", pid);
	close(a), close(b);
}

/* --- what goes along ----------------------------------------------------------------------------------------------- */

static ssize_t send_files(int fd, const int *fds, int count, const char *text)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(300 * sizeof(int))];
	} control;
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };

	memset(&control, 0, sizeof(control));
	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	control.h.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(&control.h), fds, (size_t)count * sizeof(int));
	return SYS(sendmsg, fd, &m, MSG_NOSIGNAL); /* musl's own has a small buffer for control messages */
}

/* Receives, says what came; the descriptors into fds. */
static int receive_files(int fd, int *fds, size_t room, int flags)
{
	union {
		struct cmsghdr h;
		char room[2000];
	} control;
	struct iovec v = { buf, 100 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? &control : NULL, .msg_controllen = room };
	int count = 0;

	memset(&control, 0, sizeof(control));
	errno = 0;
	ssize_t n = SYS(recvmsg, fd, &m, flags | MSG_DONTWAIT);
	if (n < 0) {
		say("receive: %s\n", errname(errno));
		return 0;
	}
	say("receive: %d bytes, flags %#x, control %d:", (int)n, m.msg_flags, (int)m.msg_controllen);
	for (struct cmsghdr *c = room ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
			say(" %d descriptors", count);
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;
			memcpy(&u, CMSG_DATA(c), sizeof(u));
			say(" pid %s, uid %d, gid %d", u.pid == getpid() ? "ours" : u.pid == 0 ? "0" : "other", (int)u.uid, (int)u.gid);
		}
	}
	say("\n");
	return count;
}

static void descriptors(int type)
{
	int s[2], fds[300], got[300], file = open("passed", O_RDWR | O_CREAT | O_TRUNC, 0600), n;

	say("--- descriptors, type %d\n", type);
	NEED(file >= 0 && socketpair(AF_UNIX, type, 0, s) == 0);
	R(send_files(s[0], &file, 1, "with a file"));
	n = receive_files(s[1], got, 100, 0);
	NEED(n == 1);
	R(write(got[0], "through", 7));
	R(lseek(file, 0, SEEK_CUR));
	R(fcntl(got[0], F_GETFD));
	close(got[0]);
	send_files(s[0], &file, 1, "cloexec");
	n = receive_files(s[1], got, 100, MSG_CMSG_CLOEXEC);
	R(fcntl(got[0], F_GETFD));
	close(got[0]);
	for (int i = 0; i < 300; i++)
		fds[i] = file;
	R(send_files(s[0], fds, 253, "many"));
	n = receive_files(s[1], got, 2000, 0);
	for (int i = 0; i < n; i++)
		close(got[i]);
	R(send_files(s[0], fds, 254, "too many"));
	fds[1] = 999;
	R(send_files(s[0], fds, 2, "bad"));
	fds[1] = file;
	/* Too little room. */
	send_files(s[0], fds, 3, "cut");
	n = receive_files(s[1], got, CMSG_SPACE(0) + 4, 0);
	for (int i = 0; i < n; i++)
		close(got[i]);
	send_files(s[0], fds, 3, "no room");
	receive_files(s[1], got, 0, 0);
	send_files(s[0], fds, 3, "read");
	R(read(s[1], buf, 100));
	/* Peeked at, there are two of them. */
	send_files(s[0], fds, 1, "peek");
	n = receive_files(s[1], got, 100, MSG_PEEK);
	n += receive_files(s[1], got + 1, 100, 0);
	T(n == 2 && got[0] != got[1]);
	close(got[0]), close(got[1]);
	/* Of a stream, data before and behind does not run together with it. */
	R(write(s[0], "before", 6));
	send_files(s[0], fds, 1, "middle");
	R(write(s[0], "behind", 6));
	for (int i = 0; i < 3; i++)
		if (receive_files(s[1], got, 100, 0))
			close(got[0]);
	/* Nobody receives it any more. */
	int p[2];
	NEED(pipe(p) == 0);
	send_files(s[0], &p[1], 1, "gone");
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	R(read(p[0], buf, 1));
	close(s[0]), close(s[1]);
	R(read(p[0], buf, 1));
	close(p[0]);
	close(file);
}

static void identities(void)
{
	int s[2], on = 1, got[4];
	struct ucred u = { getpid(), 0, 0 };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .h = { .cmsg_len = CMSG_LEN(sizeof(u)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS } };
	struct iovec v = { "id", 2 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	say("--- identities\n");
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	R(write(s[0], "unasked", 7));
	receive_files(s[1], got, 100, 0);
	R(write(s[0], "before", 6));
	NEED(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	R(write(s[0], "asked", 5));
	receive_files(s[1], got, 100, 0);
	receive_files(s[1], got, 100, 0);
	R(write(s[0], "no room", 7));
	receive_files(s[1], got, 0, 0);
	memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
	R(SYS(sendmsg, s[0], &m, 0));
	receive_files(s[1], got, 100, 0);
	u.uid = 4711;
	memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
	R(SYS(sendmsg, s[0], &m, 0));
	receive_files(s[1], got, 100, 0);
	for (int i = 0; i < 3; i++) {
		u.pid = (int[]){ 0, -1, 1 << 22 }[i];
		memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
		R(SYS(sendmsg, s[0], &m, 0));
	}
	IN_CHILD("an ordinary user") {
		NEED(setgid(1000) == 0 && setuid(1000) == 0);
		R(write(s[0], "child", 5));
		u = (struct ucred){ getpid(), 1000, 1000 };
		memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
		R(SYS(sendmsg, s[0], &m, 0));
		u.uid = 0;
		memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
		R(SYS(sendmsg, s[0], &m, 0));
		u = (struct ucred){ 1, 1000, 1000 };
		memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
		R(SYS(sendmsg, s[0], &m, 0));
	}
	receive_files(s[1], got, 100, 0);
	receive_files(s[1], got, 100, 0);
	/* Bad control messages. */
	control.h.cmsg_len = 3;
	R(SYS(sendmsg, s[0], &m, 0));
	control.h.cmsg_len = 1000;
	R(SYS(sendmsg, s[0], &m, 0));
	control.h.cmsg_len = CMSG_LEN(sizeof(u));
	control.h.cmsg_type = 99;
	R(SYS(sendmsg, s[0], &m, 0));
	m.msg_control = (void *)8;
	R(SYS(sendmsg, s[0], &m, 0));
	m.msg_control = NULL;
	m.msg_iov = (void *)8;
	R(SYS(sendmsg, s[0], &m, 0));
	m.msg_iovlen = 2000;
	R(SYS(sendmsg, s[0], &m, 0));
	R(SYS(sendmsg, s[0], (void *)8, 0));
	R(SYS(recvmsg, s[0], (void *)8, 0));
	close(s[0]), close(s[1]);
}

/* What reading p gives once the collector, which may run a little later, has been there. */
static const char *ended(int p)
{
	fcntl(p, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 200; i++, nap(10))
		if (read(p, buf, 1) == 0)
			return "ended";
	return errname(errno);
}

/* Sockets that hold only each other are given back: else a pipe's end that travels with them would stay open. */
static void circles(void)
{
	int s[2], t[2], p[2], set[2];

	say("--- circles\n");
	for (int round = 0; round < 3; round++) {
		NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, t) == 0);
		set[0] = s[1];
		set[1] = p[1];
		NEED(send_files(s[0], set, 2, "itself") > 0);
		if (round > 0) {
			set[0] = t[0];
			NEED(send_files(s[0], set, 1, "another") > 0);
			set[0] = s[0];
			NEED(send_files(t[1], set, 1, "back") > 0);
		}
		close(p[1]), close(s[0]), close(s[1]);
		if (round == 2)
			say("held from outside: %s\n", (fcntl(p[0], F_SETFL, O_NONBLOCK), read(p[0], buf, 1) == 0) ? "ended" : errname(errno));
		close(t[0]), close(t[1]);
		S(ended(p[0]));
		close(p[0]);
	}
	/* A long chain of sockets, each in the queue of the next. */
	NEED(pipe(p) == 0);
	int last = p[1];
	for (int i = 0; i < 500; i++) {
		NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
		if (send_files(s[0], &last, 1, "x") <= 0)
			break;
		close(last);
		close(s[0]);
		last = s[1];
	}
	close(last);
	S(ended(p[0]));
	close(p[0]);
}

static void batches(void)
{
	struct mmsghdr m[4];
	struct iovec v[4];
	char texts[4][16] = { "first", "second", "third", "" };
	int s[2];
	struct timespec none = { 0, 0 };

	say("--- batches\n");
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 4; i++) {
		v[i] = (struct iovec){ texts[i], strlen(texts[i]) };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	R(SYS(sendmmsg, s[0], m, 4, 0));
	V(m[1].msg_len);
	for (int i = 0; i < 4; i++)
		v[i].iov_len = 16;
	R(SYS(recvmmsg, s[1], m, 2, 0, NULL));
	V(m[0].msg_len);
	R(SYS(recvmmsg, s[1], m, 4, MSG_WAITFORONE, NULL));
	R(SYS(recvmmsg, s[1], m, 4, MSG_DONTWAIT, NULL));
	none.tv_nsec = -1;
	R(SYS(recvmmsg, s[1], m, 4, MSG_DONTWAIT, &none));
	R(SYS(sendmmsg, s[0], (void *)8, 1, 0));
	R(SYS(sendmmsg, s[0], m, 0, 0));
	close(s[0]), close(s[1]);
}

int main(void)
{
	t_dir();
	datagrams();
	queue();
	descriptors(SOCK_STREAM);
	descriptors(SOCK_DGRAM);
	identities();
	circles();
	batches();
	return 0;
}
