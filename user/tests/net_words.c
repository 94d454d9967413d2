/* stage: 11; libc: musl; run: guest+golden
 * A byte to another process and back over TCP, many times: whoever waits for it is woken, whenever it comes. */
#include "net.h"
#include <netinet/tcp.h>

enum { WORDS = 20000 };

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(here);
	int listening = socket(AF_INET, SOCK_STREAM, 0), a = socket(AF_INET, SOCK_STREAM, 0), b, one = 1, status, wrong = 0;
	char c;

	lo_up();

	R(bind(listening, (struct sockaddr *)&here, sizeof(here)));
	R(listen(listening, 1));
	R(getsockname(listening, (struct sockaddr *)&here, &len));
	R(connect(a, (struct sockaddr *)&here, sizeof(here)));
	b = accept(listening, NULL, NULL);
	setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!fork()) {
		for (int i = 0; i < WORDS; i++)
			if (read(b, &c, 1) != 1 || write(b, &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < WORDS; i++) {
		char sent = (char)i;

		if (write(a, &sent, 1) != 1 || read(a, &c, 1) != 1 || c != sent)
			wrong++;
	}
	wait(&status);
	V(wrong);
	V(status);
	return 0;
}
