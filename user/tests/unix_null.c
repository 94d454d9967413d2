/* stage: 09; libc: musl; run: host+guest
 * Messages at no address at all, and at the end of user space: EFAULT, from a checking kernel too. */
#include "t.h"
#include <sys/socket.h>

int main(void)
{
	void *const places[] = { NULL, (void *)8, (void *)0x7fffffffeff0, (void *)0x800000000000, (void *)0xffffffff80000000 };
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0);
	NEED(send(s[1], "x", 1, 0) == 1);
	for (size_t i = 0; i < COUNT(places); i++) {
		say("place %zu\n", i);
		R(SYS(sendmmsg, s[0], places[i], 1, 0));
		R(SYS(recvmmsg, s[0], places[i], 1, 0, NULL));
		R(SYS(sendmsg, s[0], places[i], 0));
		R(SYS(recvmsg, s[0], places[i], 0));
	}
	return 0;
}
