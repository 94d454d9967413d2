/* stage: 09; libc: musl; run: guest
 * Rows of single system calls: descriptors, files, readiness, signals. The null call has a program of its own, getpid.c. */
#include "bench.h"
#include <poll.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>

static char byte;

static void read_byte(long count, long zero)
{
	int fd = open(zero ? "/dev/zero" : "/dev/null", O_RDONLY);

	NEED(fd >= 0);
	while (count--)
		NEED(read(fd, &byte, 1) == zero);
	close(fd);
}

static void write_byte(long count, long zero)
{
	int fd = open(zero ? "/dev/zero" : "/dev/null", O_WRONLY);

	NEED(fd >= 0);
	while (count--)
		NEED(write(fd, &byte, 1) == 1);
	close(fd);
}

static void stats(long count, long argument UNUSED)
{
	struct stat st;

	while (count--)
		NEED(stat("/etc/passwd", &st) == 0);
}

static void deep_stats(long count, long argument UNUSED)
{
	struct stat st;

	mkdir("/tmp/b", 0755), mkdir("/tmp/b/c", 0755), mkdir("/tmp/b/c/d", 0755), mkdir("/tmp/b/c/d/e", 0755);
	while (count--)
		NEED(stat("/tmp/b/c/d/e", &st) == 0);
}

static void missing_stats(long count, long argument UNUSED)
{
	struct stat st;

	while (count--)
		NEED(stat("/etc/none", &st) < 0);
}

static void fstats(long count, long argument UNUSED)
{
	struct stat st;
	int fd = open("/etc/passwd", O_RDONLY);

	NEED(fd >= 0);
	while (count--)
		NEED(fstat(fd, &st) == 0);
	close(fd);
}

static void open_close(long count, long argument UNUSED)
{
	while (count--)
		NEED(close(open("/etc/passwd", O_RDONLY)) == 0);
}

/* --- readiness ----------------------------------------------------------------------------------------------------- */

enum { MOST = 500 };
static int pipes[MOST][2];

/* `n` pipes, of which the last has a byte. The descriptors stay below 1024, so that select can name them. */
static void open_pipes(long n)
{
	for (long i = 0; i < n; i++)
		NEED(pipe(pipes[i]) == 0);
	NEED(write(pipes[n - 1][1], "x", 1) == 1);
}

static void close_pipes(long n)
{
	for (long i = 0; i < n; i++)
		close(pipes[i][0]), close(pipes[i][1]);
}

static void selects(long count, long n)
{
	fd_set all, ready;
	int top = 0;

	pause_start();
	open_pipes(n);
	pause_end();
	FD_ZERO(&all);
	for (long i = 0; i < n; i++) {
		FD_SET(pipes[i][0], &all);
		top = pipes[i][0] > top ? pipes[i][0] : top;
	}
	while (count--) {
		ready = all;
		NEED(select(top + 1, &ready, NULL, NULL, NULL) == 1);
	}
	pause_start();
	close_pipes(n);
	pause_end();
}

static void polls(long count, long n)
{
	static struct pollfd fds[MOST];

	pause_start();
	open_pipes(n);
	pause_end();
	for (long i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = pipes[i][0], .events = POLLIN };
	while (count--)
		NEED(poll(fds, (nfds_t)n, -1) == 1);
	pause_start();
	close_pipes(n);
	pause_end();
}

/* n descriptors, one of them ready. */
static void epolls(long count, long n)
{
	struct epoll_event event = { .events = EPOLLIN }, out[16];
	struct rlimit room = { (rlim_t)n + 100, (rlim_t)n + 100 };
	static int fds[10000];
	int fd = epoll_create1(0);

	NEED(fd >= 0 && n <= (long)COUNT(fds));
	pause_start();
	NEED(n < 1000 || setrlimit(RLIMIT_NOFILE, &room) == 0);
	for (long i = 0; i < n; i++) {
		fds[i] = eventfd(i == n / 2, 0);
		NEED(fds[i] >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, fds[i], &event) == 0);
	}
	pause_end();
	while (count--)
		NEED(epoll_wait(fd, out, 16, -1) == 1);
	pause_start();
	close(fd);
	for (long i = 0; i < n; i++)
		close(fds[i]);
	pause_end();
}

/* --- signals ------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void count_signal(int sig UNUSED)
{
	caught++;
}

static void install(long count, long argument UNUSED)
{
	struct sigaction action = { .sa_handler = count_signal };

	while (count--)
		NEED(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void catches(long count, long argument UNUSED)
{
	struct sigaction action = { .sa_handler = count_signal };
	pid_t pid = getpid();

	NEED(sigaction(SIGUSR1, &action, NULL) == 0);
	caught = 0;
	for (long i = 0; i < count; i++)
		kill(pid, SIGUSR1);
	NEED(caught == count);
}

static sigjmp_buf back;
static char *guarded;

static void step_over(int sig UNUSED)
{
	siglongjmp(back, 1);
}

/* A write to a page that may only be read, and the handler's way out of it. */
static void protection(long count, long argument UNUSED)
{
	struct sigaction action = { .sa_handler = step_over, .sa_flags = SA_NODEFER };
	volatile long left = count;

	if (!guarded)
		guarded = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(guarded != MAP_FAILED && sigaction(SIGSEGV, &action, NULL) == 0);
	sigsetjmp(back, 0);
	if (left-- > 0)
		*(volatile char *)guarded = 1;
}

static const struct row rows[] = {
	{ "read-zero", read_byte, 20000, 1 },     { "read-null", read_byte, 20000, 0 },
	{ "write-zero", write_byte, 20000, 1 },   { "write-null", write_byte, 20000, 0 },
	{ "stat", stats, 10000, 0 },              { "stat-deep", deep_stats, 10000, 0 },
	{ "stat-missing", missing_stats, 10000, 0 },
	{ "fstat", fstats, 20000, 0 },            { "open-close", open_close, 10000, 0 },
	{ "select-10", selects, 5000, 10 },       { "select-500", selects, 200, 500 },
	{ "poll-10", polls, 5000, 10 },           { "poll-500", polls, 200, 500 },
	{ "epoll-10", epolls, 5000, 10 },         { "epoll-500", epolls, 5000, 500 },
	{ "epoll-1000", epolls, 5000, 1000 },     { "epoll-10000", epolls, 5000, 10000 },
	{ "signal-install", install, 20000, 0 },  { "signal-catch", catches, 5000, 0 },
	{ "protection-fault", protection, 5000, 0 },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
