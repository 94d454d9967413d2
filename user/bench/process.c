/* stage: 09; libc: musl; run: guest
 * row NAME MICROSECONDS: fork and exit, fork and exec, a page fault, a pipe's round trip, a file's open. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void fork_exit(int count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static const char *self;

static void fork_exec(int count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0) {
			execl(self, self, "exit", (char *)NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
	}
}

static void faults(int count)
{
	char *p = mmap(NULL, (size_t)count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	for (int i = 0; i < count; i++)
		p[(size_t)i * 4096] = 1;
	munmap(p, (size_t)count * 4096);
}

static void round_trips(int count)
{
	int there[2], back[2];
	char c = 0;
	pid_t pid;

	if (pipe(there) < 0 || pipe(back) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &c, 1) == 1)
			if (write(back[1], &c, 1) != 1)
				break;
		_exit(0);
	}
	close(there[0]);
	while (count--)
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			break;
	close(there[1]);
	close(back[0]);
	close(back[1]);
	waitpid(pid, NULL, 0);
}

static void opens(int count)
{
	while (count--) {
		int fd = open("/dev/null", O_RDONLY);

		close(fd);
	}
}

static void writes(int count)
{
	static char page[4096];
	int fd = open("/tmp/bench", O_RDWR | O_CREAT | O_TRUNC, 0600);

	while (count--)
		if (write(fd, page, sizeof(page)) < 0)
			break;
	close(fd);
	unlink("/tmp/bench");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int);
		int count;
	} rows[] = {
		{ "fork-exit-us", fork_exit, 200 }, { "fork-exec-us", fork_exec, 100 }, { "page-fault-us", faults, 4096 },
		{ "pipe-round-trip-us", round_trips, 2000 }, { "open-close-us", opens, 10000 },
		{ "write-4k-us", writes, 2000 },
	};

	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	self = argv[0];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double best = 1e18;

		for (int round = 0; round < 3; round++) {
			double start = now();

			rows[i].run(rows[i].count);
			start = (now() - start) / rows[i].count;
			best = start < best ? start : best;
		}
		printf("row %s %.3f\n", rows[i].name, best);
	}
	return 0;
}
