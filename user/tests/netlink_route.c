/* stage: 12; libc: musl; run: guest+golden
 * rtnetlink(7) on the loopback device: routes added, appended, changed, replaced, of other tables, that lead nowhere; what packets by them meet; addresses of one
 * net; the table of what is local; rules; what is no request; who hears of changes. */
#include "net.h"

#include <stdbool.h>

struct nlmsg {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};
struct rtmsg {
	uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
	uint32_t flags;
};
struct ifaddrmsg {
	uint8_t family, prefix_len, flags, scope;
	uint32_t index;
};
enum { CREATE = 0x400, EXCL = 0x200, REPLACE = 0x100, APPEND = 0x800, ACK = 4, DUMP = 0x300 };
static int nl, seq;
static struct {
	struct nlmsg h;
	char body[512];
} m;

static void begin(int type, int flags, const void *body, size_t len)
{
	memset(&m, 0, sizeof(m));
	m.h = (struct nlmsg){ .len = (uint32_t)(sizeof(m.h) + len), .type = (uint16_t)type, .flags = (uint16_t)(flags | 1), .seq = (uint32_t)++seq };
	memcpy(m.body, body, len);
}

static void attribute(int type, const void *data, size_t len)
{
	uint16_t header[2] = { (uint16_t)(4 + len), (uint16_t)type };

	memcpy((char *)&m + m.h.len, header, 4);
	memcpy((char *)&m + m.h.len + 4, data, len);
	m.h.len += (uint32_t)((4 + len + 3) & ~3u);
}

static void number(int type, uint32_t n)
{
	attribute(type, &n, 4);
}

static int send_it(void)
{
	static char buf[32768];
	struct nlmsg *h = (void *)buf;

	NEED(send(nl, &m, m.h.len, 0) == (ssize_t)m.h.len);
	NEED(recv(nl, buf, sizeof(buf), 0) > 0 && h->type == 2);
	return -*(int *)(h + 1);
}

/* "10.0.0.0/8" and how, in words for one line. */
static void route(const char *what, int type, int flags, const char *to, int bits, uint32_t metric, int kind, int table, uint32_t source)
{
	struct rtmsg r = { .family = AF_INET, .dst_len = (uint8_t)bits, .table = (uint8_t)(table ? table : 254), .protocol = 4, .scope = type == 25 ? 255 : kind == 1 ? 253 : 0, .type = (uint8_t)kind };

	begin(type, flags | ACK, &r, sizeof(r));
	number(1, inet_addr(to));
	if (kind == 1)
		number(4, 1);
	if (metric)
		number(6, metric);
	if (source)
		number(7, source);
	say("%s %s/%d metric %u kind %d table %d: %s\n", what, to, bits, metric, kind, table, errname(send_it()));
}

static void show(const unsigned char *body, int len, int type)
{
	const struct rtmsg *r = (const void *)body;
	char line[400];
	int n = sprintf(line, "  %d/%d table %d protocol %d scope %d type %d flags %x", r->family, r->dst_len, r->table, r->protocol, r->scope, r->type, r->flags);

	body += sizeof(*r);
	len -= (int)sizeof(*r);
	while (len >= 4) {
		int size = body[0] | body[1] << 8, what = body[2] | body[3] << 8;
		uint32_t v = 0;
		char text[40];
		NEED(size >= 4 && size <= len);
		memcpy(&v, body + 4, (size_t)size - 4 < 4 ? (size_t)size - 4 : 4);
		if (type == 24 && (what == 1 || what == 5 || what == 7) && size == 8)
			n += sprintf(line + n, ", %d: %s", what, inet_ntop(AF_INET, body + 4, text, sizeof(text)));
		else if (size <= 8 && !(type == 32 && what == 17))
			n += sprintf(line + n, ", %d: %u", what, v);
		else
			n += sprintf(line + n, ", %d(%d)", what, size - 4);
		size = (size + 3) & ~3;
		body += size;
		len -= size;
	}
	say("%s\n", line);
}

static void dump(const char *what, int type, int family, int table)
{
	static char buf[65536];
	struct rtmsg r = { .family = (uint8_t)family };
	bool more = true;

	begin(type, DUMP, &r, sizeof(r));
	NEED(send(nl, &m, m.h.len, 0) == (ssize_t)m.h.len);
	say("%s:\n", what);
	while (more) {
		ssize_t got = recv(nl, buf, sizeof(buf), 0);
		NEED(got > 0);
		for (struct nlmsg *h = (void *)buf; (char *)h + sizeof(*h) <= buf + got; h = (void *)((char *)h + ((h->len + 3) & ~3u))) {
			const struct rtmsg *one = (const void *)(h + 1);
			more = h->type != 3 && h->type != 2;
			if (more && (!table || one->table == table))
				show((const void *)(h + 1), (int)(h->len - sizeof(*h)), h->type);
			if (h->type == 2)
				say("  %s\n", errname(-*(int *)(h + 1)));
		}
	}
}

static void address(const char *what, int type, int flags, const char *to, int bits)
{
	struct ifaddrmsg a = { .family = AF_INET, .prefix_len = (uint8_t)bits, .index = 1 };

	begin(type, flags | ACK, &a, sizeof(a));
	number(1, inet_addr(to));
	number(2, inet_addr(to));
	say("%s %s/%d: %s\n", what, to, bits, errname(send_it()));
}

static void addresses(void)
{
	static char buf[32768];
	struct ifaddrmsg a = { .family = AF_INET };
	bool more = true;

	begin(22, DUMP, &a, sizeof(a));
	NEED(send(nl, &m, m.h.len, 0) == (ssize_t)m.h.len);
	while (more) {
		ssize_t got = recv(nl, buf, sizeof(buf), 0);
		NEED(got > 0);
		for (struct nlmsg *h = (void *)buf; (char *)h + sizeof(*h) <= buf + got; h = (void *)((char *)h + ((h->len + 3) & ~3u))) {
			const struct ifaddrmsg *one = (const void *)(h + 1);
			more = h->type != 3;
			if (more)
				say("  address %s/%d flags %x scope %d\n", inet_ntoa(*(struct in_addr *)((char *)(one + 1) + 4)), one->prefix_len, one->flags, one->scope);
		}
	}
}

static void meets(const char *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	say("to %s: %s\n", to, errname(connect_at(fd, to, 9) ? errno : 0));
	close(fd);
}

static void one_way(const char *to)
{
	static char buf[8192];
	struct rtmsg r = { .family = AF_INET, .dst_len = 32 };
	struct nlmsg *h = (void *)buf;

	begin(26, 0, &r, sizeof(r));
	number(1, inet_addr(to));
	NEED(send(nl, &m, m.h.len, 0) == (ssize_t)m.h.len);
	NEED(recv(nl, buf, sizeof(buf), 0) > 0);
	say("the way to %s: type %d", to, h->type);
	if (h->type == 2) {
		say(" %s\n", errname(-*(int *)(h + 1)));
		return;
	}
	const struct rtmsg *one = (const void *)(h + 1);
	say(", %d flags %x\n", one->type, one->flags);
}

int main(void)
{
	uint32_t own = inet_addr("127.0.0.1");

	lo_up();
	nl = socket(AF_NETLINK, SOCK_RAW, 0);
	NEED(nl >= 0);
	route("add", 24, CREATE | EXCL, "10.1.0.0", 16, 0, 1, 0, own);
	route("add", 24, CREATE | EXCL, "10.1.0.0", 16, 0, 1, 0, own);
	route("add", 24, CREATE | EXCL, "10.1.0.0", 16, 7, 1, 0, own);
	route("append", 24, CREATE | APPEND, "10.1.0.0", 16, 0, 1, 0, 0);
	route("append the same", 24, CREATE | APPEND, "10.1.0.0", 16, 0, 1, 0, 0);
	route("prepend", 24, CREATE, "10.1.0.0", 16, 0, 7, 0, 0);
	route("change", 24, REPLACE, "10.2.0.0", 16, 0, 1, 0, 0);
	route("replace", 24, CREATE | REPLACE, "10.2.0.0", 16, 0, 1, 0, 0);
	route("change", 24, REPLACE, "10.2.0.0", 16, 0, 1, 0, own);
	route("change", 24, REPLACE, "10.2.0.0", 16, 9, 1, 0, own);
	route("neither", 24, 0, "10.99.0.0", 16, 0, 1, 0, own);
	route("add", 24, CREATE | EXCL, "10.3.0.0", 24, 0, 7, 0, 0);
	route("add", 24, CREATE | EXCL, "10.4.0.0", 24, 0, 6, 0, 0);
	route("add", 24, CREATE | EXCL, "10.5.0.0", 24, 0, 8, 0, 0);
	route("add", 24, CREATE | EXCL, "10.6.0.0", 24, 0, 9, 0, 0);
	route("add", 24, CREATE | EXCL, "10.7.0.0", 24, 0, 1, 100, 0);
	route("add", 24, CREATE | EXCL, "0.0.0.0", 0, 0, 1, 0, 0);
	route("add", 24, CREATE | EXCL, "10.3.0.128", 25, 0, 1, 0, 0);
	route("add", 24, CREATE | EXCL, "10.8.0.1", 24, 0, 1, 0, 0);
	route("add", 24, CREATE | EXCL, "10.8.0.0", 33, 0, 1, 0, 0);
	route("add", 24, CREATE | EXCL, "10.8.0.0", 24, 0, 77, 0, 0);
	dump("main", 26, AF_INET, 254);
	dump("table 100", 26, AF_INET, 100);
	dump("local", 26, AF_INET, 255);
	one_way("10.1.0.1"), one_way("10.3.0.1"), one_way("10.4.0.1"), one_way("10.5.0.1"), one_way("10.6.0.1"), one_way("127.0.0.1"), one_way("127.255.255.255");
	meets("10.3.0.1"), meets("10.4.0.1"), meets("10.5.0.1"), meets("10.6.0.1"), meets("10.7.0.1"), meets("127.255.255.255");
	route("delete", 25, 0, "10.7.0.0", 24, 0, 1, 0, 0);
	route("delete", 25, 0, "10.7.0.0", 24, 0, 1, 100, 0);
	route("delete", 25, 0, "10.1.0.0", 16, 7, 1, 0, 0);
	route("delete", 25, 0, "0.0.0.0", 0, 0, 1, 0, 0);
	meets("10.6.0.1");
	dump("main", 26, AF_INET, 254);
	dump("rules", 34, AF_INET, 0);
	dump("rules of IPv6", 34, AF_INET6, 0);

	say("--- addresses\n");
	address("add", 20, CREATE | EXCL, "10.20.0.1", 24);
	address("add", 20, CREATE | EXCL, "10.20.0.2", 24);
	address("add", 20, CREATE | EXCL, "10.20.0.2", 24);
	address("add", 20, CREATE | EXCL, "10.20.0.3", 32);
	addresses();
	dump("local", 26, AF_INET, 255);
	meets("10.20.0.255"), meets("10.20.0.0"), meets("10.20.0.77");
	address("delete", 21, 0, "10.20.0.9", 24);
	address("delete", 21, 0, "10.20.0.1", 24);
	addresses();
	address("delete", 21, 0, "10.20.0.3", 32);
	for (int i = 0; i < 3; i++)
		route("delete", 25, 0, "10.1.0.0", 16, 0, i ? 1 : 7, 0, 0);
	route("delete", 25, 0, "10.2.0.0", 16, 0, 1, 0, 0);
	route("delete", 25, 0, "10.3.0.0", 24, 0, 7, 0, 0);
	route("delete", 25, 0, "10.4.0.0", 24, 0, 6, 0, 0);
	route("delete", 25, 0, "10.5.0.0", 24, 0, 8, 0, 0);
	route("delete", 25, 0, "10.6.0.0", 24, 0, 9, 0, 0);
	route("delete", 25, 0, "10.3.0.128", 25, 0, 1, 0, 0);
	dump("main", 26, AF_INET, 254);
	say("--- the last address goes, and the routes with it\n");
	route("add", 24, CREATE | EXCL, "10.1.0.0", 16, 0, 1, 0, 0);
	dump("main", 26, AF_INET, 254);
	address("delete", 21, 0, "127.0.0.1", 8);
	dump("main", 26, AF_INET, 254);
	address("add", 20, CREATE | EXCL, "127.0.0.1", 8);
	return 0;
}
