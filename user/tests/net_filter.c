/* stage: 11; libc: musl; run: guest+golden
 * SO_ATTACH_FILTER: what programs let through of UDP, raw and packet sockets, and how much; those that are refused; filters that are read, taken away, locked;
 * PACKET_STATISTICS. */
#include "net.h"

struct step {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
struct program {
	uint16_t len;
	struct step *steps;
};
enum { ATTACH = 26, DETACH = 27, LOCK = 44 };
enum { LD_W = 0x20, LD_H = 0x28, LD_B = 0x30, LD_IND_B = 0x50, LD_LEN = 0x80, LD_IMM = 0, LD_MEM = 0x60, LDX_IMM = 1, LDX_MEM = 0x61, LDX_MSH = 0xb1, ST = 2, STX = 3, ADD_K = 4,
       ADD_X = 0xc, DIV_K = 0x34, DIV_X = 0x3c, MOD_K = 0x94, LSH_K = 0x64, NEG = 0x84, AND_K = 0x54, XOR_X = 0xac, JA = 5, JEQ_K = 0x15, JGT_K = 0x25, JSET_K = 0x45, JEQ_X = 0x1d, RET_K = 6,
       RET_A = 0x16, TAX = 7, TXA = 0x87 };

static int attach(int fd, struct step *steps, int len)
{
	struct program p = { (uint16_t)len, steps };

	return setsockopt(fd, SOL_SOCKET, ATTACH, &p, sizeof(p)) ? errno : 0;
}
#define ATTACH_TO(fd, ...) ({ struct step s_[] = { __VA_ARGS__ }; attach(fd, s_, COUNT(s_)); })

static int in, out;

/* Which of a few datagrams come through, and how much of each. */
static void through(const char *what)
{
	static const char *const texts[] = { "", "a", "ab", "b0123456789", "a0123456789" };
	char buf[64];

	say("%s:", what);
	for (unsigned i = 0; i < COUNT(texts); i++) {
		ssize_t n;
		NEED(send(out, texts[i], strlen(texts[i]), 0) == (ssize_t)strlen(texts[i]));
		n = recv(in, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		say(n < 0 ? " -" : " %d", (int)n);
	}
	say("\n");
}

#define UDP(name, ...) do { int e_ = ATTACH_TO(in, __VA_ARGS__); if (e_) say("%s: %s\n", name, errname(e_)); else through(name); } while (0)

static void udp(void)
{
	in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(bind_at(in, "127.0.0.1", 5001) == 0 && connect_at(out, "127.0.0.1", 5001) == 0);
	through("no filter");
	UDP("nothing", { RET_K, 0, 0, 0 });
	UDP("everything", { RET_K, 0, 0, 0xffffffff });
	UDP("one byte", { RET_K, 0, 0, 1 });
	UDP("ten bytes of the packet", { RET_K, 0, 0, 10 });
	UDP("begins with a", { LD_B, 0, 0, 8 }, { JEQ_K, 0, 1, 'a' }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("its length", { LD_LEN, 0, 0, 0 }, { JGT_K, 0, 1, 9 }, { RET_A, 0, 0, 0 }, { RET_K, 0, 0, 0 });
	UDP("the port", { LD_H, 0, 0, 2 }, { JEQ_K, 0, 1, 5001 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("by the IP header", { LD_B, 0, 0, (uint32_t)(-0x100000 + 9) }, { JEQ_K, 0, 1, 17 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("beyond the headers", { LD_B, 0, 0, (uint32_t)-0x200001 }, { RET_K, 0, 0, 100 });
	UDP("beyond the end", { LD_W, 0, 0, 12 }, { RET_K, 0, 0, 100 });
	UDP("words", { LD_IMM, 0, 0, 11 }, { ST, 0, 0, 3 }, { LDX_IMM, 0, 0, 7 }, { LD_MEM, 0, 0, 3 }, { ADD_X, 0, 0, 0 }, { RET_A, 0, 0, 0 });
	UDP("arithmetic", { LD_IMM, 0, 0, 100 }, { DIV_K, 0, 0, 7 }, { MOD_K, 0, 0, 10 }, { LSH_K, 0, 0, 2 }, { NEG, 0, 0, 0 }, { TAX, 0, 0, 0 }, { TXA, 0, 0, 0 }, { AND_K, 0, 0, 15 }, { XOR_X, 0, 0, 0 }, { RET_A, 0, 0, 0 });
	UDP("divided by nothing", { LDX_IMM, 0, 0, 0 }, { LD_IMM, 0, 0, 100 }, { DIV_X, 0, 0, 0 }, { RET_K, 0, 0, 100 });
	UDP("by an index", { LDX_IMM, 0, 0, 3 }, { LD_IND_B, 0, 0, 5 }, { JSET_K, 1, 0, 1 }, { RET_K, 0, 0, 0 }, { RET_K, 0, 0, 100 });
	UDP("over steps", { JA, 0, 0, 1 }, { RET_K, 0, 0, 0 }, { RET_K, 0, 0, 9 });
	UDP("the protocol", { LD_H, 0, 0, (uint32_t)-0x1000 }, { JEQ_K, 0, 1, 0x800 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("the device", { LD_W, 0, 0, (uint32_t)(-0x1000 + 8) }, { JEQ_K, 0, 1, 1 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("the kind of device", { LD_W, 0, 0, (uint32_t)(-0x1000 + 28) }, { JEQ_K, 0, 1, 772 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	UDP("for whom", { LD_W, 0, 0, (uint32_t)(-0x1000 + 4) }, { JEQ_K, 0, 1, 0 }, { RET_K, 0, 0, 100 }, { RET_K, 0, 0, 0 });
	say("--- refused\n");
	UDP("unknown", { 0xffff, 0, 0, 0 }, { RET_K, 0, 0, 1 });
	UDP("no end", { LD_IMM, 0, 0, 1 });
	UDP("a jump too far", { JEQ_K, 0, 1, 0 }, { RET_K, 0, 0, 1 });
	UDP("a long jump too far", { JA, 0, 0, 1 }, { RET_K, 0, 0, 1 });
	UDP("back", { JA, 0, 0, 0xffffffff }, { RET_K, 0, 0, 1 });
	UDP("word 16", { ST, 0, 0, 16 }, { RET_K, 0, 0, 1 });
	UDP("a word that was not stored", { LD_MEM, 0, 0, 3 }, { RET_A, 0, 0, 0 });
	UDP("… on one way", { JEQ_K, 0, 1, 0 }, { ST, 0, 0, 3 }, { LDX_MEM, 0, 0, 3 }, { RET_K, 0, 0, 1 });
	UDP("division by 0", { DIV_K, 0, 0, 0 }, { RET_K, 0, 0, 1 });
	UDP("a shift by 32", { LSH_K, 0, 0, 32 }, { RET_K, 0, 0, 1 });
	UDP("beside the packet, unknown", { LD_W, 0, 0, (uint32_t)(-0x1000 + 64) }, { RET_K, 0, 0, 1 });
	UDP("MSH as a load of the accumulator", { 0xb0, 0, 0, 0 }, { RET_K, 0, 0, 1 });
	through("the one before stayed");
	say("none: %s, %s\n", errname(attach(in, NULL, 1)), errname(attach(in, (struct step *)16, 1)));
	say("empty, too long: %s, %s\n", errname(attach(in, (struct step[]){ { RET_K, 0, 0, 1 } }, 0)), errname(attach(in, (struct step[]){ { RET_K, 0, 0, 1 } }, 4097)));
	R(setsockopt(in, SOL_SOCKET, ATTACH, &out, 4));
}

static void options(void)
{
	struct step back[4];
	socklen_t len = 0;
	int one = 1;

	say("--- options\n");
	V(ATTACH_TO(in, { LD_LEN, 0, 0, 0 }, { RET_A, 0, 0, 0 }));
	R(getsockopt(in, SOL_SOCKET, ATTACH, back, &len));
	V(len);
	len = 1;
	R(getsockopt(in, SOL_SOCKET, ATTACH, back, &len));
	len = 4;
	R(getsockopt(in, SOL_SOCKET, ATTACH, back, &len));
	say("%d: %x %x\n", (int)len, back[0].code, back[1].code);
	V(option(in, SOL_SOCKET, LOCK));
	R(setsockopt(in, SOL_SOCKET, DETACH, &one, sizeof(one)));
	R(setsockopt(in, SOL_SOCKET, DETACH, &one, sizeof(one)));
	R(setsockopt(in, SOL_SOCKET, DETACH, &one, 3));
	through("none");
	V(ATTACH_TO(in, { RET_K, 0, 0, 9 }));
	R(set(in, SOL_SOCKET, LOCK, 1));
	V(option(in, SOL_SOCKET, LOCK));
	V(ATTACH_TO(in, { RET_K, 0, 0, 0 }));
	R(setsockopt(in, SOL_SOCKET, DETACH, &one, sizeof(one)));
	R(set(in, SOL_SOCKET, LOCK, 0));
	R(set(in, SOL_SOCKET, LOCK, 1));
	through("locked");
	V(option(in, SOL_SOCKET, DETACH));
}

static struct sockaddr_in to(int port)
{
	return at("127.0.0.1", port);
}

/* Loopback shows what goes out and what comes in. */
static void frames(int type, const char *name)
{
	int fd = socket(AF_PACKET, type, htons(3));
	uint32_t at = type == SOCK_RAW ? 14 : 0, statistics[2];
	char buf[200];
	socklen_t len;

	NEED(fd >= 0);
	/* UDP of IPv4 to port 5002: as tcpdump's programs go about it. */
	V(ATTACH_TO(fd, { LD_H, 0, 0, (uint32_t)-0x1000 }, { JEQ_K, 0, 6, 0x800 }, { LD_B, 0, 0, at + 9 }, { JEQ_K, 0, 4, 17 }, { LDX_MSH, 0, 0, at }, { 0x48, 0, 0, at + 2 },
		    { JEQ_K, 0, 1, 5002 }, { RET_K, 0, 0, at + 30 }, { RET_K, 0, 0, 0 }));
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	len = sizeof(statistics);
	NEED(getsockopt(fd, 263, 6, statistics, &len) == 0);
	int other = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a;
	for (int port = 5001; port < 5004; port++) {
		a = to(port);
		sendto(other, "0123456789", 10, 0, (struct sockaddr *)&a, sizeof(a));
	}
	nap(50);
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0)
			break;
		say("%s: %d bytes, to port %d\n", name, (int)n, (uint8_t)buf[at + 22] << 8 | (uint8_t)buf[at + 23]);
	}
	len = sizeof(statistics);
	R(getsockopt(fd, 263, 6, statistics, &len));
	say("statistics: %d: %u %u\n", (int)len, statistics[0], statistics[1]);
	R(getsockopt(fd, 263, 6, statistics, &len));
	say("again: %u %u\n", statistics[0], statistics[1]);
	close(fd), close(other);
}

static void raw(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP), other = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[100];

	V(ATTACH_TO(fd, { LD_B, 0, 0, 28 }, { JEQ_K, 0, 1, 'x' }, { RET_K, 0, 0, 31 }, { RET_K, 0, 0, 0 }));
	NEED(connect_at(other, "127.0.0.1", 5001) == 0);
	send(other, "no", 2, 0);
	send(other, "xyz4567", 7, 0);
	say_read("raw", fd, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
	say_read("raw", fd, sizeof(buf), MSG_DONTWAIT);
	close(fd), close(other);
}

int main(void)
{
	lo_up();
	udp();
	options();
	frames(SOCK_RAW, "whole frames");
	frames(SOCK_DGRAM, "without their headers");
	raw();
	return 0;
}
