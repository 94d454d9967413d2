/* stage: 11; libc: musl; run: guest+golden
 * Options by their numbers: what getsockopt says at first, which values setsockopt takes, and what is said of them then; of a short value, and of none. */
#include "net.h"

static void level(const char *name, int family, int type, int level, const int *options)
{
	static const int values[] = { -2, -1, 0, 1, 2, 3, 87, 127, 128, 255, 256, 32768, 65536 };

	say("--- %s level %d\n", name, level);
	for (; *options; options++) {
		int o = *options, fd = socket(family, type, 0), v, err;
		char line[600], buf[300];
		socklen_t len = sizeof(buf);
		int n;

		NEED(fd >= 0);
		memset(buf, 0, sizeof(buf));
		err = getsockopt(fd, level, o, buf, &len) ? errno : 0;
		memcpy(&v, buf, 4);
		n = err ? snprintf(line, sizeof(line), "%d: %s;", o, errname(err)) : snprintf(line, sizeof(line), "%d: %d/%d;", o, v, (int)len);
		for (unsigned i = 0; i < COUNT(values); i++) {
			v = values[i];
			err = setsockopt(fd, level, o, &v, sizeof(v)) ? errno : 0;
			if (err) {
				n += snprintf(line + n, sizeof(line) - n, " %s", errname(err));
				continue;
			}
			len = sizeof(v), v = -77;
			err = getsockopt(fd, level, o, &v, &len) ? errno : 0;
			n += err ? snprintf(line + n, sizeof(line) - n, " (%s)", errname(err)) : snprintf(line + n, sizeof(line) - n, " %d", v);
		}
		v = 1;
		err = setsockopt(fd, level, o, &v, 1) ? errno : 0;
		n += snprintf(line + n, sizeof(line) - n, "; short %s", errname(err));
		err = setsockopt(fd, level, o, &v, 0) ? errno : 0;
		n += snprintf(line + n, sizeof(line) - n, " %s", errname(err));
		say("%s\n", line);
		close(fd);
	}
}

static void stamps(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	say("--- time stamps of one kind or the other\n");
	for (int i = 0; i < 6; i++) {
		static const int which[] = { SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP, SO_TIMESTAMP };
		set(fd, SOL_SOCKET, which[i], i != 4);
		say("%d %d\n", option(fd, SOL_SOCKET, SO_TIMESTAMP), option(fd, SOL_SOCKET, SO_TIMESTAMPNS));
	}
	close(fd);
}

static void peer_name(void)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int pair[2];

	say("--- SO_PEERNAME\n");
	tcp_pair(pair, NULL);
	memset(&a, 0, sizeof(a));
	R(getsockopt(pair[1], SOL_SOCKET, SO_PEERNAME, &a, &len));
	X((int)len);
	T(ntohs(a.sin_port) == port_of(pair[0]));
	len = 8;
	R(getsockopt(pair[1], SOL_SOCKET, SO_PEERNAME, &a, &len));
	len = 100;
	R(getsockopt(socket(AF_INET, SOCK_DGRAM, 0), SOL_SOCKET, SO_PEERNAME, &a, &len));
}

int main(void)
{
	static const int any[] = { 1, 2, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 29, 34, 35, 36, 62, 0 }, local[] = { 14, 15, 34, 35, 0 };
	static const int ip[] = { 1, 2, 4, 5, 15, 19, 33, 34, 49, 0 }, ip6[] = { 17, 29, 72, 76, 0 }, stream6[] = { 20, 21, 29, 72, 76, 0 };

	lo_up();
	level("TCP", AF_INET, SOCK_STREAM, SOL_SOCKET, any);
	level("UDP", AF_INET, SOCK_DGRAM, SOL_SOCKET, any);
	level("UNIX", AF_UNIX, SOCK_STREAM, SOL_SOCKET, local);
	level("UDP", AF_INET, SOCK_DGRAM, IPPROTO_IP, ip);
	level("TCP", AF_INET, SOCK_STREAM, IPPROTO_IP, ip);
	level("UDP6", AF_INET6, SOCK_DGRAM, IPPROTO_IPV6, ip6);
	level("TCP6", AF_INET6, SOCK_STREAM, IPPROTO_IPV6, stream6);
	stamps();
	peer_name();
	return 0;
}
