/* stage: 12; libc: musl; run: guest+golden
 * sock_diag(7): TCP, UDP, raw and UNIX sockets by name and all, their attributes, filters, requests that are wrong, and the end of sockets by order. */
#include "net.h"

#include <stdbool.h>
#include <sys/un.h>

/* musl has no headers for these. */
struct nlmsg {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};
struct id {
	uint16_t sport, dport;
	uint32_t src[4], dst[4], device, cookie[2];
};
struct inet_req {
	uint8_t family, protocol, ext, pad;
	uint32_t states;
	struct id id;
};
struct inet_msg {
	uint8_t family, state, timer, retrans;
	struct id id;
	uint32_t expires, rqueue, wqueue, uid, inode;
};
struct unix_req {
	uint8_t family, protocol;
	uint16_t pad;
	uint32_t states, inode, show, cookie[2];
};
struct unix_msg {
	uint8_t family, type, state, pad;
	uint32_t inode, cookie[2];
};
struct op {
	uint8_t code, yes;
	uint16_t no;
};
enum { NOP, JMP, S_GE, S_LE, D_GE, D_LE, AUTO, S_COND, D_COND, DEV_COND, MARK_COND, S_EQ, D_EQ };
#define DUMP 0x300
#define ALL_EXT 0xff

static int nl, seq;
static int ours[32]; /* descriptors whose inodes are ours */
static unsigned our_count;

/* Which of our sockets that is: its place, or -1. */
static int whose(uint32_t inode)
{
	struct stat st;

	for (unsigned i = 0; i < our_count; i++)
		if (fstat(ours[i], &st) == 0 && st.st_ino == inode)
			return (int)i;
	return -1;
}

static int add(int fd)
{
	NEED(fd >= 0 && our_count < COUNT(ours));
	return ours[our_count++] = fd;
}

static void ask(int type, int flags, const void *body, size_t len, const void *extra, size_t extra_len)
{
	struct {
		struct nlmsg h;
		char body[1024];
	} m = { .h = { .len = (uint32_t)(sizeof(m.h) + len + extra_len), .type = (uint16_t)type, .flags = (uint16_t)(1 | flags), .seq = (uint32_t)++seq } };

	memcpy(m.body, body, len);
	memcpy(m.body + len, extra, extra_len);
	NEED(send(nl, &m, m.h.len, 0) == (ssize_t)m.h.len);
}

static uint32_t word(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Attributes by their types, with what is in those that do not depend on the machine. */
static int attributes(char *line, int n, const unsigned char *p, int len, bool inet)
{
	while (len >= 4) {
		int size = p[0] | p[1] << 8, type = p[2] | p[3] << 8;

		if (size < 4 || size > len)
			return n + sprintf(line + n, " bad");
		if (inet && type == 21)
			; /* control groups */
		else if (inet && (type == 1 || type == 2 || type == 7))
			n += sprintf(line + n, " %d(%d)", type, size - 4);
		else if (inet && type == 4)
			n += sprintf(line + n, " cong=%s", p + 4);
		else if (!inet && type == 0)
			n += sprintf(line + n, " name=%s%.*s(%d)", p[4] ? "" : "@", p[4] ? (size - 4) : (size - 5), p[4] ? p + 4 : p + 5, size - 4);
		else if (!inet && type == 1) {
			struct stat st;
			char path[] = "/tmp/diag";
			n += sprintf(line + n, " vfs=%s", stat(path, &st) == 0 && st.st_ino == word(p + 4) && st.st_dev == word(p + 8) ? "ours" : "other");
		} else if (!inet && type == 2)
			n += sprintf(line + n, " peer=%d", whose(word(p + 4)));
		else if (!inet && type == 3) {
			n += sprintf(line + n, " waiting");
			for (int i = 4; i < size; i += 4)
				n += sprintf(line + n, ":%d", whose(word(p + i)));
		} else if (!inet && type == 4)
			n += sprintf(line + n, " queues=%u,%s", word(p + 4), word(p + 8) > 300 ? "some" : word(p + 8) ? "few" : "none");
		else if (!inet && type == 5)
			n += sprintf(line + n, " memory(%d)", size - 4);
		else {
			n += sprintf(line + n, " %d:", type);
			for (int i = 4; i < size; i++)
				n += sprintf(line + n, "%02x", p[i]);
		}
		size = (size + 3) & ~3;
		p += size;
		len -= size;
	}
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *port(char *out, uint16_t p)
{
	p = ntohs(p);
	sprintf(out, p >= 32768 ? "dynamic" : "%d", p);
	return out;
}

static int one(char *line, const struct nlmsg *h)
{
	const unsigned char *body = (const unsigned char *)(h + 1);
	int n = sprintf(line, "type %d flags %x", h->type, h->flags), left = (int)(h->len - sizeof(*h));

	if (h->type == 2)
		return n + sprintf(line + n, " error %s, echo of %d", errname(-(int)word(body)), left - 4);
	if (h->type == 3)
		return n + sprintf(line + n, " done %d", (int)word(body));
	if (body[0] == AF_UNIX) {
		const struct unix_msg *u = (const void *)body;
		n += sprintf(line + n, " unix socket %d, type %d state %d", whose(u->inode), u->type, u->state);
		return attributes(line, n, body + sizeof(*u), left - (int)sizeof(*u), false);
	}
	const struct inet_msg *m = (const void *)body;
	char a[64], b[64], p[8], q[8];
	inet_ntop(m->family, m->id.src, a, sizeof(a));
	inet_ntop(m->family, m->id.dst, b, sizeof(b));
	n += sprintf(line + n, " socket %2d, family %d state %d, %s:%s %s:%s if %d, timer %d retrans %d%s, queues %u %u, uid %u", whose(m->inode), m->family, m->state, a, port(p, m->id.sport), b,
		     port(q, m->id.dport), m->id.device, m->timer, m->retrans, m->expires ? " expires" : "", m->rqueue, m->wqueue, m->uid);
	return attributes(line, n, body + sizeof(*m), left - (int)sizeof(*m), true);
}

/* The answers to what was asked last, in an order of their own; only those of our sockets, of many. The cookie of the last is kept. */
static uint32_t cookie[2];
static void answers(const char *what, bool many)
{
	static char buf[65536], text[64][1024];
	char *lines[64];
	unsigned count = 0;
	bool more = true;

	say("%s:\n", what);
	while (more) {
		ssize_t got = recv(nl, buf, sizeof(buf), 0);
		NEED(got > 0);
		for (struct nlmsg *h = (void *)buf; (char *)h + sizeof(*h) <= buf + got; h = (void *)((char *)h + ((h->len + 3) & ~3u))) {
			more = h->flags & 2 && h->type != 3;
			const struct inet_msg *m = (const void *)(h + 1);
			const struct unix_msg *u = (const void *)(h + 1);
			NEED(h->seq == (uint32_t)seq || h->type == 2);
			if (h->type == 20 || h->type == 18)
				memcpy(cookie, m->family == AF_UNIX ? u->cookie : m->id.cookie, sizeof(cookie));
			if ((h->type == 20 || h->type == 18) && many && whose(m->family == AF_UNIX ? u->inode : m->inode) < 0 && !(m->family != AF_UNIX && ntohs(m->id.sport) < 32768 && m->state != 7 && m->state != 6))
				continue;
			NEED(count < COUNT(text));
			lines[count] = text[count];
			one(text[count++], h);
		}
	}
	qsort(lines, count, sizeof(lines[0]), by_text);
	for (unsigned i = 0; i < count; i++)
		say("  %s\n", lines[i]);
}

static void dump(const char *what, int family, int protocol, int ext, uint32_t states, const void *filter, size_t filter_len)
{
	struct inet_req r = { .family = (uint8_t)family, .protocol = (uint8_t)protocol, .ext = (uint8_t)ext, .states = states };
	struct {
		uint16_t len, type;
		char data[256];
	} a = { .len = (uint16_t)(4 + filter_len), .type = 1 };

	memcpy(a.data, filter, filter_len);
	ask(20, DUMP, &r, sizeof(r), &a, filter ? 4 + filter_len : 0);
	answers(what, true);
}

static void tcp(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), on = 1, c[2], l6 = socket(AF_INET6, SOCK_STREAM, 0), d;
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(2002), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct inet_req r;

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	NEED(bind_at(l, "127.0.0.1", 2001) == 0 && listen(l, 5) == 0);
	add(l);
	for (int i = 0; i < 2; i++) {
		c[i] = add(socket(AF_INET, SOCK_STREAM, 0));
		NEED(connect_at(c[i], "127.0.0.1", 2001) == 0);
	}
	NEED(send(c[0], "1234567", 7, 0) == 7);
	int s = add(accept(l, NULL, NULL));
	NEED(s >= 0);
	set(l6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	NEED(bind(l6, (struct sockaddr *)&a6, sizeof(a6)) == 0 && listen(l6, 7) == 0);
	add(l6);
	d = add(socket(AF_INET6, SOCK_STREAM, 0));
	NEED(connect(d, (struct sockaddr *)&a6, sizeof(a6)) == 0);
	set(s, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(s, IPPROTO_IP, IP_TOS, 0x10);
	set(s, SOL_SOCKET, SO_MARK, 99);
	set(l, SOL_SOCKET, SO_PRIORITY, 3);
	shutdown(c[1], SHUT_WR);
	nap(300); /* delayed acknowledgements are gone */
	dump("TCP", AF_INET, IPPROTO_TCP, ALL_EXT, ~0u, NULL, 0);
	dump("TCP without extensions", AF_INET, IPPROTO_TCP, 0, ~0u, NULL, 0);
	dump("TCP of IPv6", AF_INET6, IPPROTO_TCP, ALL_EXT, ~0u, NULL, 0);
	dump("listeners", AF_INET, IPPROTO_TCP, 0, 1 << 10, NULL, 0);
	dump("established", AF_INET, IPPROTO_TCP, 0, 1 << 1, NULL, 0);

	/* One by its name. */
	r = (struct inet_req){ .family = AF_INET, .protocol = IPPROTO_TCP, .ext = 2, .states = ~0u };
	r.id.sport = htons(2001), r.id.src[0] = inet_addr("127.0.0.1"), r.id.cookie[0] = r.id.cookie[1] = ~0u;
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("one listener", false);
	r.id.cookie[0] = cookie[0], r.id.cookie[1] = cookie[1];
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("the same by its cookie", false);
	uint64_t mine = 0;
	socklen_t len = sizeof(mine);
	R(getsockopt(l, SOL_SOCKET, SO_COOKIE, &mine, &len));
	T(len == 8 && (uint32_t)mine == cookie[0] && mine >> 32 == cookie[1]);
	len = 4;
	R(getsockopt(l, SOL_SOCKET, SO_COOKIE, &mine, &len));
	R(setsockopt(l, SOL_SOCKET, SO_COOKIE, &mine, 8));
	r.id.cookie[0] ^= 1;
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("another's cookie", false);
	r.id.sport = htons(2009);
	ask(20, 4, &r, sizeof(r), NULL, 0);
	answers("nobody", false);
	r.id.cookie[0] = r.id.cookie[1] = ~0u;
	r.id.sport = htons(2001), r.id.dport = htons((uint16_t)port_of(c[0])), r.id.dst[0] = r.id.src[0];
	ask(20, 4, &r, sizeof(r), NULL, 0);
	answers("a connection, with an acknowledgement", false);
	answers("… which comes", false);

	/* The end by order. */
	ask(21, 4, &r, sizeof(r), NULL, 0);
	answers("destroyed", false);
	say_read("the end that was", s, 10, 0);
	say_read("then", s, 10, 0);
	say_read("the other end", c[0], 10, 0);
	X(ready(s));
	ask(21, 4, &r, sizeof(r), NULL, 0);
	answers("once more: the listener is found", false);
	X(ready(l));
	R(accept(l, NULL, NULL));
	V(option(l, SOL_SOCKET, SO_ERROR));
	close(d), close(s), close(c[0]), close(c[1]), close(l), close(l6);
	our_count = 0;
}

/* The requests of old (TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK), which `ss` falls back to. */
static void old(void)
{
	struct {
		uint8_t family, src_len, dst_len, ext;
		struct id id;
		uint32_t states, dbs;
	} r = { .family = AF_INET, .states = 1 << 10 };
	int l = add(socket(AF_INET, SOCK_STREAM, 0));

	NEED(bind_at(l, "127.0.0.1", 2001) == 0 && listen(l, 5) == 0);
	ask(18, DUMP, &r, sizeof(r), NULL, 0);
	answers("of old", true);
	r.id.sport = htons(2001), r.id.src[0] = inet_addr("127.0.0.1"), r.id.cookie[0] = r.id.cookie[1] = ~0u;
	ask(18, 0, &r, sizeof(r), NULL, 0);
	answers("one", false);
	ask(19, DUMP, &r, sizeof(r), NULL, 0);
	answers("DCCP", false);
	ask(18, 0, &r, sizeof(r) - 4, NULL, 0);
	answers("short", false);
	close(l);
	our_count = 0;
}

static void waits(void)
{
	int fd[2];

	tcp_pair(fd, NULL);
	shutdown(fd[0], SHUT_WR);
	nap(50);
	add(fd[0]), add(fd[1]);
	dump("one half is shut", AF_INET, IPPROTO_TCP, 0, ~0u, NULL, 0);
	close(fd[0]);
	nap(50);
	dump("and closed", AF_INET, IPPROTO_TCP, 0, ~0u, NULL, 0);
	close(fd[1]);
	our_count = 0;
}

static void filters(void)
{
	int low = add(socket(AF_INET, SOCK_STREAM, 0)), high = add(socket(AF_INET, SOCK_STREAM, 0)), any = add(socket(AF_INET6, SOCK_STREAM, 0));
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(2030) };

	NEED(bind_at(low, "127.0.0.1", 2010) == 0 && listen(low, 5) == 0 && bind_at(high, "127.0.1.2", 2020) == 0 && listen(high, 5) == 0);
	NEED(bind(any, (struct sockaddr *)&a6, sizeof(a6)) == 0 && listen(any, 1) == 0);
#define FILTER(name, family, ...) do { struct op f[] = { __VA_ARGS__ }; dump(name, family, IPPROTO_TCP, 0, ~0u, f, sizeof(f)); } while (0)
	FILTER("port = 2010", AF_INET, { S_EQ, 8, 12 }, { 0, 0, 2010 });
	FILTER("port >= 2011", AF_INET, { S_GE, 8, 12 }, { 0, 0, 2011 });
	FILTER("port <= 2011", AF_INET, { S_LE, 8, 12 }, { 0, 0, 2011 });
	FILTER("destination >= 1", AF_INET, { D_GE, 8, 12 }, { 0, 0, 1 });
	FILTER("2010 or 2020", AF_INET, { S_EQ, 8, 12 }, { 0, 0, 2010 }, { JMP, 4, 12 }, { S_EQ, 8, 12 }, { 0, 0, 2020 });
	FILTER("2010 and 2020", AF_INET, { S_EQ, 8, 20 }, { 0, 0, 2010 }, { S_EQ, 8, 12 }, { 0, 0, 2020 });
	FILTER("chosen by itself", AF_INET, { AUTO, 4, 8 });
	FILTER("nothing", AF_INET, { NOP, 4, 0 });
	FILTER("127.0.1.0/24", AF_INET, { S_COND, 16, 20 }, { AF_INET, 24, 0 }, { 0xff, 0xff, 0xffff }, { 127, 0, 1 });
	FILTER("127.0.1.0/31", AF_INET, { S_COND, 16, 20 }, { AF_INET, 31, 0 }, { 0xff, 0xff, 0xffff }, { 127, 0, 1 });
	FILTER("any host, port 2020", AF_INET, { S_COND, 12, 16 }, { 0, 0, 0 }, { 2020 & 255, 2020 >> 8, 0 });
	FILTER("of IPv4, asked of IPv6", AF_INET6, { S_COND, 16, 20 }, { AF_INET, 0, 0 }, { 0xff, 0xff, 0xffff }, { 0, 0, 0 });
	FILTER("device 0", AF_INET6, { DEV_COND, 8, 12 }, { 0, 0, 0 });
	FILTER("mark 1", AF_INET, { MARK_COND, 12, 16 }, { 1, 0, 0 }, { 0xff, 0xff, 0xffff });
	say("--- wrong ones\n");
	FILTER("cut off", AF_INET, { S_EQ, 4, 8 });
	FILTER("beyond the end", AF_INET, { S_EQ, 8, 16 }, { 0, 0, 2010 });
	FILTER("back", AF_INET, { AUTO, 4, 0 });
	FILTER("no step", AF_INET, { AUTO, 0, 4 });
	FILTER("into the middle", AF_INET, { JMP, 4, 8 }, { S_EQ, 8, 12 }, { 0, 0, 1 }, { NOP, 4, 0 });
	FILTER("unknown", AF_INET, { 77, 4, 4 });
	FILTER("odd", AF_INET, { JMP, 4, 6 });
	FILTER("too many bits", AF_INET, { S_COND, 16, 20 }, { AF_INET, 33, 0 }, { 0xff, 0xff, 0xffff }, { 127, 0, 1 });
	FILTER("a family without hosts", AF_INET, { S_COND, 12, 16 }, { AF_UNIX, 0, 0 }, { 0xff, 0xff, 0xffff });
	dump("empty", AF_INET, IPPROTO_TCP, 0, ~0u, "", 0);
	dump("short", AF_INET, IPPROTO_TCP, 0, ~0u, "ab", 2);
	close(low), close(high), close(any);
	our_count = 0;
}

static void datagrams(void)
{
	int a = add(socket(AF_INET, SOCK_DGRAM, 0)), b = add(socket(AF_INET, SOCK_DGRAM, 0)), c = add(socket(AF_INET6, SOCK_DGRAM, 0)), raw = add(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	struct inet_req r = { .family = AF_INET, .protocol = IPPROTO_UDP, .states = ~0u };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(3003) };

	NEED(bind_at(a, "127.0.0.1", 3001) == 0 && bind(c, (struct sockaddr *)&a6, sizeof(a6)) == 0);
	NEED(connect_at(b, "127.0.0.1", 3001) == 0);
	set(a, IPPROTO_IP, IP_RECVERR, 1);
	set(a, IPPROTO_IP, IP_FREEBIND, 1);
	dump("UDP", AF_INET, IPPROTO_UDP, ALL_EXT, ~0u, NULL, 0);
	dump("UDP, connected", AF_INET, IPPROTO_UDP, 0, 1 << 1, NULL, 0);
	dump("UDP of IPv6", AF_INET6, IPPROTO_UDP, ALL_EXT, ~0u, NULL, 0);
	dump("raw", AF_INET, IPPROTO_RAW, ALL_EXT, ~0u, NULL, 0);
	dump("ICMP", AF_INET, IPPROTO_ICMP, ALL_EXT, ~0u, NULL, 0);
	r.id.cookie[0] = r.id.cookie[1] = ~0u;
	r.id.dport = htons(3001), r.id.src[0] = r.id.dst[0] = inet_addr("127.0.0.1");
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("who gets it", false);
	ask(21, 4, &r, sizeof(r), NULL, 0);
	answers("destroyed", false);
	V(option(a, SOL_SOCKET, SO_ERROR));
	close(a), close(b), close(c), close(raw);
	our_count = 0;
}

static void local_all(const char *what, uint32_t states, uint32_t show)
{
	struct unix_req r = { .family = AF_UNIX, .states = states, .show = show };

	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	answers(what, true);
}

static void local(void)
{
	int pair[2], l = add(socket(AF_UNIX, SOCK_STREAM, 0)), c = add(socket(AF_UNIX, SOCK_STREAM, 0)), c2 = add(socket(AF_UNIX, SOCK_STREAM, 0)), d = add(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/diag" }, b = { .sun_family = AF_UNIX, .sun_path = "\0abstract" };
	struct unix_req r = { .family = AF_UNIX, .states = ~0u, .show = ~0u };
	struct stat st;

	unlink(a.sun_path);
	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(l, 9) == 0 && connect(c, (struct sockaddr *)&a, sizeof(a)) == 0 && connect(c2, (struct sockaddr *)&a, sizeof(a)) == 0);
	NEED(bind(d, (struct sockaddr *)&b, 2 + 9) == 0);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	add(pair[0]), add(pair[1]);
	int e = add(socket(AF_UNIX, SOCK_DGRAM, 0)), s = add(accept(l, NULL, NULL));
	NEED(connect(e, (struct sockaddr *)&b, 2 + 9) == 0);
	NEED(send(c, "12345", 5, 0) == 5 && send(e, "abc", 3, 0) == 3);
	shutdown(s, SHUT_WR);
	local_all("UNIX", ~0u, 0x7f);
	local_all("UNIX, nothing shown", ~0u, 0);
	local_all("UNIX listeners", 1 << 10, 1);
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("no number", false);
	fstat(l, &st);
	r.inode = (uint32_t)st.st_ino;
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("another's cookie", false);
	r.cookie[0] = r.cookie[1] = ~0u;
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("one", false);
	r.inode = 0x7ffffff0;
	ask(20, 0, &r, sizeof(r), NULL, 0);
	answers("nobody's", false);
	ask(21, 0, &r, sizeof(r), NULL, 0);
	answers("destroyed", false);
	unlink(a.sun_path);
	for (unsigned i = 0; i < our_count; i++)
		close(ours[i]);
	our_count = 0;
}

static void wrong(void)
{
	struct inet_req r = { .family = AF_INET, .protocol = IPPROTO_TCP };

	ask(20, DUMP, &r, 1, NULL, 0);
	answers("one byte", false);
	ask(20, DUMP, &r, 2, NULL, 0);
	answers("two bytes", false);
	r.family = AF_X25;
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	answers("a family without", false);
	r.family = 200;
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	answers("no family", false);
	r.family = AF_INET, r.protocol = 99;
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	answers("a protocol without", false);
	ask(22, 0, &r, sizeof(r), NULL, 0);
	answers("no such request", false);
	ask(3, 4, &r, sizeof(r), NULL, 0);
	answers("of netlink itself", false);
	int one = 1;
	R(setsockopt(nl, 270, 10, &one, sizeof(one)));
	ask(22, 0, &r, sizeof(r), NULL, 0);
	answers("no such request, without an echo", false);
	R(setsockopt(nl, 270, 77, &one, sizeof(one)));
	V(option(nl, 270, 10));
	V(option(nl, 270, 12));
	socklen_t len = 2;
	R(getsockopt(nl, 270, 10, &one, &len));
}

/* More than one answer holds, while some come and go. */
static void many(void)
{
	enum { COUNT_OF = 300 };
	static int fd[COUNT_OF];
	static bool seen[COUNT_OF];
	static char buf[32768];
	struct inet_req r = { .family = AF_INET, .protocol = IPPROTO_TCP, .ext = 0xff, .states = 1 << 10 };
	int count = 0, messages = 0, other = 0;
	bool more = true;

	for (int i = 0; i < COUNT_OF; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		NEED(bind_at(fd[i], "127.0.0.1", 4000 + i) == 0 && listen(fd[i], 1) == 0);
	}
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	while (more) {
		ssize_t got = recv(nl, buf, sizeof(buf), 0);
		NEED(got > 0);
		messages++;
		for (struct nlmsg *h = (void *)buf; (char *)h + sizeof(*h) <= buf + got; h = (void *)((char *)h + ((h->len + 3) & ~3u))) {
			const struct inet_msg *m = (const void *)(h + 1);
			int at = h->type == 20 ? ntohs(m->id.sport) - 4000 : -1;
			if (h->type == 2) {
				say("two at once: %s\n", errname(-*(int *)(h + 1)));
				continue;
			}
			more = h->type != 3;
			if (!more)
				break;
			if (at >= 0 && at < COUNT_OF)
				count += !seen[at], other += seen[at], seen[at] = true;
		}
	}
	say("of %d: %d, twice %d, %s\n", COUNT_OF, count, other, messages > 3 ? "in pieces" : "at once");
	ask(20, DUMP, &r, sizeof(r), NULL, 0);
	close(nl); /* before the end */
	for (int i = 0; i < COUNT_OF; i++)
		close(fd[i]);
}

int main(void)
{
	lo_up();
	nl = socket(AF_NETLINK, SOCK_RAW, 4);
	NEED(nl >= 0);
	R(socket(AF_NETLINK, SOCK_RAW, 22));
	R(socket(AF_NETLINK, SOCK_RAW, 77));
	R(socket(AF_NETLINK, SOCK_RAW, -1));
	tcp();
	old();
	waits();
	filters();
	datagrams();
	local();
	wrong();
	many();
	return 0;
}
