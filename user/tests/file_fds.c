/* stage: 12; libc: musl; run: host+guest
 * Descriptors: lowest number always, dup and its kin, close-on-exec, fcntl, limits, close_range. */
#include "t.h"
#include <sys/ioctl.h>
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit;
	int fd, fds[2], value;

	t_dir();
	put_text("f", "content");

	/* Three thousand. */
	NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 4096;
	R(setrlimit(RLIMIT_NOFILE, &limit));
	for (value = 0; value < 3000; value++)
		if (open("f", O_RDONLY) < 0)
			break;
	V(value);
	R(close(1500));
	R(open("f", O_RDONLY));
	for (fd = 3; fd < 4000; fd++)
		close(fd);

	R(open("f", O_RDONLY));
	R(open("f", O_RDONLY));
	R(open("f", O_RDONLY));
	R(close(4));
	R(dup(3));
	R(close(3));
	R(open("f", O_RDONLY));
	R(dup(99));
	R(dup(-1));
	R(dup2(3, 10));
	R(dup2(3, 3));
	R(dup2(99, 3));
	R(dup2(3, -1));
	R(dup2(3, 1 << 20));
	R(dup3(3, 11, O_CLOEXEC));
	R(fcntl(11, F_GETFD));
	R(dup3(3, 3, 0));
	R(dup3(3, 12, O_APPEND));
	R(dup2(11, 12));
	R(fcntl(12, F_GETFD));
	R(fcntl(3, F_DUPFD, 10));
	R(fcntl(3, F_DUPFD_CLOEXEC, 10));
	R(fcntl(14, F_GETFD));
	R(fcntl(3, F_DUPFD, -1));
	R(fcntl(3, F_DUPFD, 1 << 30));
	R(fcntl(3, F_SETFD, FD_CLOEXEC));
	R(fcntl(3, F_GETFD));
	R(fcntl(3, F_SETFD, 0));
	R(fcntl(3, F_GETFD));
	R(fcntl(99, F_GETFD));
	R(fcntl(3, 9999));
	R(ioctl(3, FIOCLEX));
	R(fcntl(3, F_GETFD));
	R(ioctl(3, FIONCLEX));
	R(fcntl(3, F_GETFD));
	value = 1;
	R(ioctl(3, FIONBIO, &value));
	X(fcntl(3, F_GETFL) & O_NONBLOCK);
	R(ioctl(3, FIONREAD, &value));
	V(value);
	R(ioctl(3, 0x1234));
	R(ioctl(3, TIOCGWINSZ, &value));
	R(ioctl(99, FIONREAD, &value));
	/* A duplicate shares the flags of the open file. */
	R(fcntl(5, F_GETFL) & O_NONBLOCK);
	X(fcntl(10, F_GETFL) & O_NONBLOCK);

	/* Closing many at once. */
	R(SYS(close_range, 10, 12, 0));
	R(fcntl(10, F_GETFD));
	R(fcntl(13, F_GETFD));
	R(SYS(close_range, 13, ~0u, 4));
	R(fcntl(13, F_GETFD));
	R(SYS(close_range, 12, 10, 0));
	R(SYS(close_range, 13, ~0u, 0));
	R(SYS(close_range, 3, 3, 64));

	/* The limit. */
	R(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 8;
	R(setrlimit(RLIMIT_NOFILE, &limit));
	fd = 0;
	while (dup(3) >= 0)
		fd++;
	say("%d more, then %s\n", fd, errname(errno));
	R(pipe(fds));
	R(open("f", O_RDONLY));
	R(fcntl(3, F_DUPFD, 8));
	R(fcntl(3, F_DUPFD, 7));
	R(dup2(3, 8));
	R(close(7));
	R(open("f", O_RDONLY));
	R(pipe(fds));
	limit.rlim_cur = 1024;
	limit.rlim_max = 4096;
	R(setrlimit(RLIMIT_NOFILE, &limit));
	for (fd = 3; fd < 64; fd++)
		close(fd);

	return 0;
}
