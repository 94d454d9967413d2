/* stage: 11; libc: musl; run: guest+golden
 * Groups joined and left by struct group_req, in both families: what is refused, and that a datagram to the group comes. */
#include "net.h"

#include <net/if.h>

static struct group_req request(int family, const char *group, unsigned device)
{
	struct group_req r = { .gr_interface = device };

	r.gr_group.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		NEED(inet_pton(family, group, &((struct sockaddr_in *)&r.gr_group)->sin_addr) == 1);
	else
		NEED(inet_pton(AF_INET6, group, &((struct sockaddr_in6 *)&r.gr_group)->sin6_addr) == 1);
	return r;
}

static void refused(int level, int fd, int family, const char *group, const char *none)
{
	unsigned lo = if_nametoindex("lo");
	struct group_req r = request(family, group, lo), none_such = request(family, group, 99), single = request(family, none, lo), other = r;

	say("level %d\n", level);
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &r, sizeof(r) - 1));
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, NULL, sizeof(r)));
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &none_such, sizeof(r)));
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &single, sizeof(r)));
	other.gr_group.ss_family = AF_UNIX;
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &other, sizeof(r)));
	R(setsockopt(fd, level, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &r, sizeof(r)));
	R(setsockopt(fd, level, MCAST_JOIN_GROUP, &r, sizeof(r)));
	R(setsockopt(fd, level, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	R(setsockopt(fd, level, MCAST_LEAVE_GROUP, &r, sizeof(r)));
}

static void comes(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(3333) };
	struct group_req r = request(AF_INET, "239.1.2.3", if_nametoindex("lo"));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), from = socket(AF_INET, SOCK_DGRAM, 0), no = 0;
	struct ip_mreqn way = { .imr_ifindex = (int)r.gr_interface };
	char c;

	NEED(fd >= 0 && from >= 0);
	NEED(inet_pton(AF_INET, "239.1.2.3", &name.sin_addr) == 1 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
	R(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof(way)));
	R(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof(no)));
	R(sendto(from, "1", 1, 0, (struct sockaddr *)&name, sizeof(name)));
	R(recv(fd, &c, 1, 0));
	R(setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	R(sendto(from, "2", 1, 0, (struct sockaddr *)&name, sizeof(name)));
	R(recv(fd, &c, 1, 0));
	R(setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, &r, sizeof(r)));
	R(sendto(from, "3", 1, 0, (struct sockaddr *)&name, sizeof(name)));
	R(recv(fd, &c, 1, 0));
}

/* All that are in a group on one port get what comes, however many. */
static void many(void)
{
	enum { MEMBERS = 100 };
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(3334) };
	struct group_req r = request(AF_INET, "239.1.2.3", if_nametoindex("lo"));
	struct ip_mreqn way = { .imr_ifindex = (int)r.gr_interface };
	int fd[MEMBERS], from = socket(AF_INET, SOCK_DGRAM, 0), yes = 1, got = 0;
	char c;

	NEED(inet_pton(AF_INET, "239.1.2.3", &name.sin_addr) == 1);
	for (int i = 0; i < MEMBERS; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		NEED(fd[i] >= 0 && setsockopt(fd[i], SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0);
		NEED(bind(fd[i], (struct sockaddr *)&name, sizeof(name)) == 0 && setsockopt(fd[i], IPPROTO_IP, MCAST_JOIN_GROUP, &r, sizeof(r)) == 0);
	}
	NEED(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof(way)) == 0);
	R(sendto(from, "1", 1, 0, (struct sockaddr *)&name, sizeof(name)));
	for (int i = 0; i < MEMBERS; i++)
		got += recv(fd[i], &c, 1, 0) == 1;
	V(got);
	for (int i = 0; i < MEMBERS; i++)
		close(fd[i]);
	close(from);
}

/* Several at once join and leave what the others do. */
static void storm(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			int fd = socket(AF_INET, SOCK_DGRAM, 0), bad = 0;

			for (int k = 0; k < 2000; k++) {
				struct group_req r = request(AF_INET, k & 1 ? "239.1.2.3" : "239.1.2.4", if_nametoindex("lo"));

				bad += setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &r, sizeof(r)) != 0;
				bad += k % 3 && setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, &r, sizeof(r)) != 0;
				if (k % 3 == 0) {
					close(fd);
					fd = socket(AF_INET, SOCK_DGRAM, 0);
				}
			}
			_exit(bad != 0);
		}
	for (int i = 0, status; i < 3; i++) {
		wait(&status);
		say_status("storm", status);
	}
}

int main(void)
{
	int four = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0), stream = socket(AF_INET, SOCK_STREAM, 0);
	struct group_req r;

	lo_up();
	refused(IPPROTO_IP, four, AF_INET, "239.1.2.3", "127.0.0.1");
	refused(IPPROTO_IPV6, six, AF_INET6, "ff05::1:3", "::1");
	r = request(AF_INET, "239.1.2.3", if_nametoindex("lo"));
	R(setsockopt(stream, IPPROTO_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	R(setsockopt(six, IPPROTO_IP, MCAST_JOIN_GROUP, &r, sizeof(r)));
	comes();
	many();
	storm();
	return 0;
}
