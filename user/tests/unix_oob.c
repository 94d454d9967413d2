/* stage: 09; libc: musl; run: guest+golden
 * The urgent byte of UNIX streams: sent, taken by itself, in the stream or beside it; the mark where a read stops; SIGURG, poll, and errors. */
#include "t.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif

static int a, b;
static volatile sig_atomic_t urgent;

static void on_urgent(int sig)
{
	(void)sig;
	urgent++;
}

static void make(void)
{
	int pair[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	a = pair[0];
	b = pair[1];
}

static void drop(void)
{
	close(a);
	close(b);
}

static void take(const char *what, size_t size, int flags)
{
	char text[64] = "";
	struct iovec v = { text, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n = recvmsg(b, &m, flags);

	if (n < 0)
		say("\t%s: %s\n", what, errname(errno));
	else
		say("\t%s: %zd \"%.*s\"%s\n", what, n, (int)n, text, m.msg_flags & MSG_OOB ? " urgent" : "");
}

static void state(void)
{
	struct pollfd p = { b, POLLIN | POLLPRI, 0 };
	int mark = -1, there = -1;

	NEED(ioctl(b, SIOCATMARK, &mark) == 0 && ioctl(b, FIONREAD, &there) == 0 && poll(&p, 1, 0) >= 0);
	say("\tat mark %d, %d there,%s%s\n", mark, there, p.revents & POLLIN ? " in" : "", p.revents & POLLPRI ? " urgent" : "");
}
/*
 * Where an urgent byte was taken off the very front, Linux 6.1 says EAGAIN once though there is data, and shows a second one to who peeks: what is not
 * meant is not asked for. Who waits gets the data.
 */
#define WAIT_READ(size) take("read " #size, size, 0)
#define READ(size) take("read " #size, size, MSG_DONTWAIT)
#define PEEK(size) take("peek " #size, size, MSG_PEEK | MSG_DONTWAIT)
#define URGENT() take("urgent", 10, MSG_OOB)
#define SEND(text, flags) do { ssize_t n_ = send(a, text, strlen(text), flags); say("send \"%s\"%s = %s%zd\n", text, (flags) & MSG_OOB ? " urgent" : "", \
	n_ < 0 ? errname(errno) : "", n_); } while (0)

static void both(const char *title, void (*test)(void))
{
	for (int inlined = 0; inlined < 2; inlined++) {
		make();
		say("--- %s%s\n", title, inlined ? ", in line" : "");
		NEED(setsockopt(b, SOL_SOCKET, SO_OOBINLINE, &inlined, sizeof(inlined)) == 0);
		test();
		drop();
	}
}

static void basic(void)
{
	state();
	URGENT();
	SEND("hello", 0);
	SEND("wor!", MSG_OOB);
	state();
	SEND("after", 0);
	state();
	READ(3);
	state();
	READ(50);
	state();
	URGENT();
	state();
	URGENT();
	WAIT_READ(50);
	state();
	READ(50);
}

static void taken_first(void)
{
	SEND("one", 0);
	SEND("!", MSG_OOB);
	SEND("two", 0);
	URGENT();
	state();
	READ(50);
	state();
	READ(50);
	state();
}

static void skipped(void)
{
	SEND("!", MSG_OOB);
	state();
	SEND("rest", 0);
	PEEK(50);
	READ(50);
	state();
	URGENT();
}

static void twice(void)
{
	SEND("ab", MSG_OOB);
	state();
	SEND("cd", MSG_OOB);
	state();
	PEEK(50);
	READ(50);
	state();
	READ(50);
	state();
	URGENT();
}

static void twice_taken(void)
{
	SEND("x", MSG_OOB);
	URGENT();
	SEND("y", MSG_OOB);
	state();
	URGENT();
	state();
	SEND("z", 0);
	WAIT_READ(50);
	state();
}

static void peeked(void)
{
	SEND("head", 0);
	SEND("!", MSG_OOB);
	SEND("tail", 0);
	PEEK(2);
	PEEK(50);
	take("peek urgent", 10, MSG_PEEK | MSG_OOB);
	state();
	take("urgent, no room", 0, MSG_OOB | MSG_PEEK);
	READ(4);
	PEEK(50);
	state();
	URGENT();
	PEEK(50);
	WAIT_READ(50);
}

static void only(void)
{
	SEND("!", MSG_OOB);
	URGENT();
	state();
	READ(50);
	SEND("more", 0);
	state();
	READ(50);
	state();
}

static void all(void)
{
	char text[10] = "";

	SEND("abc", 0);
	SEND("!", MSG_OOB);
	SEND("def", 0);
	R(recv(b, text, 7, MSG_WAITALL));
	S(text);
	memset(text, 0, sizeof(text));
	R(recv(b, text, 3, MSG_WAITALL));
	S(text);
	state();
}

static void ends(void)
{
	SEND("!", MSG_OOB);
	close(a);
	state();
	READ(50);
	READ(50);
	close(b);
	make();
	SEND("!", MSG_OOB);
	URGENT();
	close(a);
	READ(50);
	close(b);
	make();
	SEND("!", MSG_OOB);
	URGENT();
	close(b);
	R(send(a, "x", 1, MSG_NOSIGNAL));
	R(recv(a, &(char){ 0 }, 1, MSG_DONTWAIT));
	close(a);
	make();
	SEND("!", MSG_OOB);
	close(b);
	R(recv(a, &(char){ 0 }, 1, MSG_DONTWAIT));
	b = dup(a);
}

static void errors(void)
{
	int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0), mark;
	struct sockaddr_un name = { AF_UNIX, "" };
	char c;

	say("--- errors\n");
	make();
	R(send(a, "", 0, MSG_OOB));
	R(send(a, NULL, 1, MSG_OOB));
	R(recv(b, &c, 1, MSG_OOB));
	R(recv(b, &c, 1, MSG_OOB | MSG_DONTWAIT));
	NEED(shutdown(b, SHUT_RD) == 0);
	R(send(a, "x", 1, MSG_OOB | MSG_NOSIGNAL));
	drop();
	make();
	close(b);
	b = -1;
	R(send(a, "x", 1, MSG_OOB | MSG_NOSIGNAL));
	R(recv(a, &c, 1, MSG_OOB));
	drop();
	R(send(listener, "x", 1, MSG_OOB | MSG_NOSIGNAL));
	R(recv(listener, &c, 1, MSG_OOB));
	R(ioctl(listener, SIOCATMARK, &mark));
	R(ioctl(listener, SIOCATMARK, 8));
	NEED(bind(listener, (void *)&name, sizeof(sa_family_t)) == 0 && listen(listener, 1) == 0);
	R(recv(listener, &c, 1, MSG_OOB));
	close(listener);
	for (int type = SOCK_DGRAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_DGRAM) {
		NEED(socketpair(AF_UNIX, type, 0, pair) == 0);
		R(send(pair[0], "x", 1, MSG_OOB));
		R(recv(pair[1], &c, 1, MSG_OOB));
		R(ioctl(pair[1], SIOCATMARK, &mark));
		close(pair[0]);
		close(pair[1]);
	}
}

static void signals(void)
{
	say("--- SIGURG\n");
	make();
	NEED(signal(SIGURG, on_urgent) != SIG_ERR);
	SEND("!", MSG_OOB);
	V(urgent);
	R(fcntl(b, F_SETOWN, getpid()));
	SEND("!", MSG_OOB);
	V(urgent);
	R(fcntl(b, F_SETOWN, -getpgrp()));
	SEND("!", MSG_OOB);
	V(urgent);
	R(fcntl(b, F_SETOWN, 0));
	SEND("!", MSG_OOB);
	V(urgent);
	R(ioctl(b, 0x8901, &(int){ getpid() })); /* FIOSETOWN */
	IN_CHILD("sent by a child")
		SEND("!", MSG_OOB);
	V(urgent);
	READ(50);
	drop();
}

/* Reads that sleep wake for it, and files go along. */
static void sleeping(void)
{
	char text[10] = "";
	struct pollfd p;

	say("--- sleepers\n");
	make();
	IN_CHILD("a reader of all") {
		R(recv(b, text, 5, MSG_WAITALL));
		S(text);
	} else {
		NEED(send(a, "ab", 2, 0) == 2 && send(a, "!", 1, MSG_OOB) == 1);
		shutdown(a, SHUT_WR);
	}
	drop();
	make();
	IN_CHILD("a poll") {
		p = (struct pollfd){ b, POLLPRI, 0 };
		R(poll(&p, 1, -1));
		X(p.revents);
		URGENT();
	} else {
		NEED(send(a, "x", 1, 0) == 1 && send(a, "!", 1, MSG_OOB) == 1);
	}
	drop();
}

int main(void)
{
	setpgid(0, 0);
	both("basic", basic);
	both("taken first", taken_first);
	both("skipped", skipped);
	both("twice", twice);
	both("twice, taken", twice_taken);
	both("peeked", peeked);
	both("only the byte", only);
	both("all", all);
	both("ends", ends);
	errors();
	signals();
	sleeping();
	return 0;
}
