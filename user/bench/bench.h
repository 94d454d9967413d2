/*
 * What the benchmark programs share: a table of rows, each a function that does an operation `count` times.
 *
 *	row NAME NANOSECONDS		one operation; the least of three rounds
 *
 * Under -icount one instruction is one nanosecond of guest time, so the same number is then a count of instructions.
 * The programs take the names of the rows that are wanted; without any they run all.
 */
#ifndef SWITCHBACK_BENCH_H
#define SWITCHBACK_BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
	const char *name;
	void (*run)(long count, long argument);
	long count;
	long argument;
};

/* A benchmark whose operation fails measures nothing: it says so and ends. */
#define NEED(condition) \
	do { \
		if (!(condition)) { \
			printf("failed %s:%d %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			fflush(stdout); \
			_exit(1); \
		} \
	} while (0)

UNUSED static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

UNUSED static void print_row(const char *name, double ns)
{
	printf("row %s %.2f\n", name, ns);
	fflush(stdout);
}

UNUSED static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc <= 1;
}

/* Runs the rows that argv names. A program that measures a setup besides its operation takes it out by `pause_start` and `pause_end`. */
static double paused, pause_from;

UNUSED static void pause_start(void) { pause_from = now_ns(); }
UNUSED static void pause_end(void) { paused += now_ns() - pause_from; }

UNUSED static int run_rows(const struct row *rows, size_t rows_count, int argc, char **argv)
{
	for (size_t i = 0; i < rows_count; i++) {
		double best = 1e18;

		if (!wanted(rows[i].name, argc, argv))
			continue;
		for (int round = 0; round < 3; round++) {
			double start = now_ns(), took;

			paused = 0;
			rows[i].run(rows[i].count, rows[i].argument);
			took = (now_ns() - start - paused) / (double)rows[i].count;
			best = took < best ? took : best;
		}
		print_row(rows[i].name, best);
	}
	return 0;
}

/* A byte to a child and back, `count` times, over a pair of sockets, which are closed then. */
UNUSED static void words_there_and_back(int fds[2], long count)
{
	char c = 0;
	pid_t pid = fork();

	if (pid == 0) {
		for (long i = 0; i < count; i++)
			NEED(read(fds[1], &c, 1) == 1 && write(fds[1], &c, 1) == 1);
		_exit(0);
	}
	while (count--)
		NEED(write(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 1);
	close(fds[0]), close(fds[1]);
	waitpid(pid, NULL, 0);
}

/* `count` times 4 KiB from a child, in writes and reads of 64 KiB; the pair is closed then. */
UNUSED static void stream_from_child(int fds[2], long count)
{
	static char piece[65536];
	long left = count * 4096;
	pid_t pid = fork();

	if (pid == 0) {
		for (long sent = 0; sent < count * 4096; sent += (long)sizeof(piece))
			NEED(write(fds[1], piece, sizeof(piece)) == (ssize_t)sizeof(piece));
		_exit(0);
	}
	while (left > 0) {
		ssize_t got = read(fds[0], piece, sizeof(piece));

		NEED(got > 0);
		left -= got;
	}
	close(fds[0]), close(fds[1]);
	waitpid(pid, NULL, 0);
}

#endif
