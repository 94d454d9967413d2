/* stage: 12; libc: musl; run: guest+golden
 * What is written to /proc/sys of pipes, epoll and datagrams is heeded. */
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

static void put_num(const char *path, const char *v)
{
	char text[64] = { 0 };
	int fd = open(path, O_RDWR);

	say("%s <- %s: %s\n", path, v, write(fd, v, strlen(v)) < 0 ? errname(errno) : "ok");
	pread(fd, text, sizeof(text) - 1, 0);
	say("%s", text);
	close(fd);
}

static void pipes(void)
{
	int pfd[2];

	pipe(pfd);
	put_num("/proc/sys/fs/pipe-max-size", "65536");
	put_num("/proc/sys/fs/pipe-max-size", "70000");
	put_num("/proc/sys/fs/pipe-max-size", "1");
	put_num("/proc/sys/fs/pipe-max-size", "0");
	put_num("/proc/sys/fs/pipe-max-size", "4000000000");
	put_num("/proc/sys/fs/pipe-max-size", "65536");
	R(fcntl(pfd[0], F_SETPIPE_SZ, 131072));
	IN_CHILD("user") {
		NEED(setuid(1000) == 0);
		R(fcntl(pfd[0], F_SETPIPE_SZ, 262144));
		R(fcntl(pfd[0], F_SETPIPE_SZ, 131072));
		R(fcntl(pfd[0], F_SETPIPE_SZ, 65536));
		R(fcntl(pfd[0], F_SETPIPE_SZ, 65537));
	}
	put_num("/proc/sys/fs/pipe-max-size", "1048576");
	put_num("/proc/sys/fs/pipe-user-pages-soft", "20");
	IN_CHILD("soft") {
		int a[2], b[2], c[2];

		NEED(setuid(1000) == 0);
		pipe(a);
		pipe(b);
		pipe(c);
		R(fcntl(a[0], F_GETPIPE_SZ));
		R(fcntl(b[0], F_GETPIPE_SZ));
		R(fcntl(c[0], F_GETPIPE_SZ));
		R(fcntl(c[0], F_SETPIPE_SZ, 65536));
		R(fcntl(a[0], F_SETPIPE_SZ, 4096));
		R(fcntl(c[0], F_SETPIPE_SZ, 16384));
	}
	put_num("/proc/sys/fs/pipe-user-pages-soft", "16384");
	put_num("/proc/sys/fs/pipe-user-pages-hard", "20");
	IN_CHILD("hard") {
		int a[2], b[2], c[2];

		NEED(setuid(1000) == 0);
		R(pipe(a));
		R(pipe(b));
		R(pipe(c));
		R(fcntl(a[0], F_GETPIPE_SZ));
		R(fcntl(a[0], F_SETPIPE_SZ, 1048576));
	}
	put_num("/proc/sys/fs/pipe-user-pages-hard", "0");
}

static void watches(void)
{
	int e = epoll_create1(0), fd;
	struct epoll_event event = { .events = EPOLLIN };

	put_num("/proc/sys/fs/epoll/max_user_watches", "3");
	for (int i = 0; i < 5; i++) {
		fd = eventfd(0, 0);
		R(epoll_ctl(e, EPOLL_CTL_ADD, fd, &event));
	}
	close(fd);
	put_num("/proc/sys/fs/epoll/max_user_watches", "200000");
	close(e);
}

/* How many wait at a receiver, which is made now. */
static void datagrams(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), from = socket(AF_UNIX, SOCK_DGRAM, 0), n = 0;

	strcpy(a.sun_path + 1, name);
	NEED(bind(to, (struct sockaddr *)&a, sizeof(a)) == 0 && connect(from, (struct sockaddr *)&a, sizeof(a)) == 0);
	while (n < 100 && send(from, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	say("%s: %d, then %s\n", name, n, errname(errno));
}

int main(void)
{
	pipes();
	watches();
	datagrams("before");
	put_num("/proc/sys/net/unix/max_dgram_qlen", "2");
	datagrams("few");
	put_num("/proc/sys/net/unix/max_dgram_qlen", "10");
	return 0;
}
