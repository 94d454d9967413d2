/* stage: 12; libc: musl; run: guest+golden
 * Ten thousand open files in one process, and in the system: the numbers that they get, polling all of them, and what is
 * told at the limit of the process (EMFILE) and of the system (ENFILE, which holds nobody who may administer it). */
#include "t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { MANY = 10000, FIRST = 3 };

static struct pollfd polled[MANY];

/* Opens until it fails: how many. */
static int open_all(const char *path)
{
	int n = 0;

	while (open(path, O_RDONLY) >= 0)
		n++;
	return n;
}

static void write_number(const char *path, long value)
{
	char text[32];
	int fd = open(path, O_WRONLY), n = snprintf(text, sizeof(text), "%ld\n", value);

	NEED(fd >= 0 && write(fd, text, (size_t)n) == n);
	close(fd);
}

static long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtol(text, NULL, 10);
}

static long in_folder(const char *path)
{
	char buffer[4096];
	long count = 0, got;
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	while ((got = SYS(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < got; at += *(uint16_t *)(buffer + at + 16))
			count++;
	close(fd);
	return count;
}

static void raise_limit(long files)
{
	struct rlimit l = { (rlim_t)files, (rlim_t)files };

	R(setrlimit(RLIMIT_NOFILE, &l));
}

static void one_process(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fds[2], ep, wrong = 0;

	V(open_all("f"));
	R(open("f", O_RDONLY));
	R(open("nothing", O_RDONLY));
	R(dup(0));
	R(pipe(fds));
	R(fcntl(0, F_DUPFD, MANY + FIRST - 1));
	R(dup2(0, MANY + FIRST));
	R(dup2(0, MANY + FIRST - 1));
	R(SYS(epoll_create1, 0));
	R(SYS(eventfd2, 0, 0));
	IN_CHILD("a child has them too") {
		R(dup(0));
		R(close(5000));
		R(dup(0));
	}
	R(close(9999));
	V(in_folder("/proc/self/fd"));
	/* A name that is not there is told only where there is a number to give. */
	R(open("nothing", O_RDONLY));
	R(open("f", O_RDONLY));
	for (int i = 0; i < MANY; i++)
		polled[i] = (struct pollfd){ .fd = FIRST + i, .events = POLLIN };
	R(poll(polled, MANY, 0));
	R(close(7777));
	R(close(FIRST));
	R(poll(polled, MANY, 0));
	for (int i = 0; i < MANY; i++)
		wrong += polled[i].revents != (i == 0 || FIRST + i == 7777 ? POLLNVAL : POLLIN);
	V(wrong);
	R(poll(polled, MANY + FIRST + 1, 0));
	R(ep = SYS(epoll_create1, 0));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, 5000, &event));
	R(pipe(fds));
	R(dup2(4, 6000));
	R(close(7777));
	R(pipe(fds));
	R(dup(4));
	R(SYS(close_range, 100, ~0u, 0));
	R(open("f", O_RDONLY));
	R(open("f", O_RDONLY));
	V(in_folder("/proc/self/fd"));
}

static void another(int report)
{
	int fds[2];

	NEED(SYS(setresuid, 1000, 1000, 1000) == 0);
	R(open("f", O_RDONLY));
	R(open("nothing", O_RDONLY));
	R(open("f", O_PATH));
	R(pipe(fds));
	R(memfd_create("m", 0));
	R(SYS(epoll_create1, 0));
	/* What makes no new open file goes on. */
	R(dup(report));
	R(fork() ? wait(NULL) > 0 : (_exit(0), 0));
	R(execl("/tests/file_many", "file_many", NULL));
}

static void whole_system(void)
{
	long before = read_number("/proc/sys/fs/file-max");

	for (int i = 0; i < MANY / 2; i++)
		NEED(open("f", O_RDONLY) >= 0);
	/* Linux adds up what its CPUs counted only now and then. */
	T(read_number("/proc/sys/fs/file-nr") >= MANY / 2 - 64);
	write_number("/proc/sys/fs/file-max", MANY / 4);
	V(read_number("/proc/sys/fs/file-max"));
	IN_CHILD("another user, the system is full")
		another(1);
	/* Root may go on. */
	R(open("f", O_RDONLY));
	R(open("nothing", O_RDONLY));
	write_number("/proc/sys/fs/file-max", before);
	IN_CHILD("another user, there is room again") {
		NEED(SYS(setresuid, 1000, 1000, 1000) == 0);
		R(open("f", O_RDONLY));
		R(open("nothing", O_RDONLY));
	}
	SYS(close_range, FIRST, ~0u, 0);
	T(read_number("/proc/sys/fs/file-nr") < MANY / 2);
}

int main(void)
{
	struct rlimit l;

	t_dir();
	put_text("f", "content");
	NEED(chmod("f", 0644) == 0);
	raise_limit(MANY + FIRST);
	IN_CHILD("one process")
		one_process();
	whole_system();
	/* The limit is about new numbers: those above it stay open. */
	R(dup2(0, 9000));
	l = (struct rlimit){ 16, MANY + FIRST };
	R(setrlimit(RLIMIT_NOFILE, &l));
	R(fcntl(9000, F_GETFD));
	R(dup2(0, 9000));
	R(dup2(0, 16));
	R(open("f", O_RDONLY));
	V(open_all("f"));
	polled[0].fd = 9000;
	R(poll(polled, 16, 0) >= 0);
	R(poll(polled, 17, 0));
	return 0;
}
