/* stage: 11; libc: musl; run: scenario
 * Joins and leaves groups as the other end of the wire says: datagrams to port 7 are + or -, then the group; the answer is its result. */
#include "net.h"

#include <net/if.h>

static int change(int four, int six, const char *order)
{
	struct group_req r = { .gr_interface = if_nametoindex("eth0") };
	struct sockaddr_in *in = (void *)&r.gr_group;
	struct sockaddr_in6 *in6 = (void *)&r.gr_group;
	int option = *order == '+' ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;

	if (inet_pton(AF_INET, order + 1, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return setsockopt(four, IPPROTO_IP, option, &r, sizeof(r));
	}
	NEED(inet_pton(AF_INET6, order + 1, &in6->sin6_addr) == 1);
	in6->sin6_family = AF_INET6;
	return setsockopt(six, IPPROTO_IPV6, option, &r, sizeof(r));
}

int main(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(7) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
	char order[100], answer[16];

	NEED(fd >= 0 && six >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
	for (;;) {
		socklen_t len = sizeof(name);
		ssize_t n = recvfrom(fd, order, sizeof(order) - 1, 0, (struct sockaddr *)&name, &len);

		NEED(n > 0);
		order[n] = '\0';
		if (*order == '.')
			return 0;
		n = snprintf(answer, sizeof(answer), "%s", change(fd, six, order) ? errname(errno) : "done");
		sendto(fd, answer, (size_t)n, 0, (struct sockaddr *)&name, len);
	}
}
