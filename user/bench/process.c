/* stage: 09; libc: musl; run: guest
 * Rows of processes and threads: making them, and switching between them. */
#include "bench.h"
#include <pthread.h>
#include <spawn.h>

extern char **environ;
static const char *self;

static void fork_exit(long count, long argument UNUSED)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

static void reap(pid_t pid)
{
	int status;

	NEED(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void fork_exec(long count, long argument UNUSED)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0) {
			execl(self, self, "=exit", (char *)NULL);
			_exit(127);
		}
		reap(pid);
	}
}

static void spawn(long count, long argument UNUSED)
{
	char *words[] = { (char *)self, "=exit", NULL };
	pid_t pid;

	while (count--) {
		NEED(posix_spawn(&pid, self, NULL, NULL, words, environ) == 0);
		reap(pid);
	}
}

static void shell(long count, long argument UNUSED)
{
	char *words[] = { "sh", "-c", "exit 0", NULL };
	pid_t pid;

	while (count--) {
		NEED(posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ) == 0);
		reap(pid);
	}
}

static void *nothing(void *argument)
{
	return argument;
}

static void threads(long count, long argument UNUSED)
{
	while (count--) {
		pthread_t thread;

		NEED(pthread_create(&thread, NULL, nothing, NULL) == 0);
		NEED(pthread_join(thread, NULL) == 0);
	}
}

/* A token goes round a ring of n processes joined by pipes: one operation is one switch. */
static void switches(long count, long n)
{
	int first[2], in, out[2];
	char token = 't';

	pause_start();
	NEED(pipe(first) == 0);
	in = first[0];
	for (long i = 1; i < n; i++) {
		NEED(pipe(out) == 0);
		if (fork() == 0) {
			close(out[0]);
			close(first[1]);
			while (read(in, &token, 1) == 1)
				if (write(out[1], &token, 1) != 1)
					break;
			_exit(0);
		}
		close(in);
		close(out[1]);
		in = out[0];
	}
	/* One round outside the time, so that all of them have started. */
	NEED(write(first[1], &token, 1) == 1 && read(in, &token, 1) == 1);
	pause_end();
	for (long i = 0; i < count; i += n)
		NEED(write(first[1], &token, 1) == 1 && read(in, &token, 1) == 1);
	pause_start();
	close(first[1]);
	close(in);
	while (wait(NULL) > 0)
		;
	pause_end();
}

static void yields(long count, long argument UNUSED)
{
	while (count--)
		sched_yield();
}

static const struct row rows[] = {
	{ "fork-exit", fork_exit, 200, 0 },     { "fork-exec", fork_exec, 100, 0 },   { "posix-spawn", spawn, 100, 0 },
	{ "sh-c", shell, 20, 0 },               { "thread", threads, 500, 0 },        { "switch-2", switches, 4000, 2 },
	{ "switch-8", switches, 4000, 8 },      { "switch-64", switches, 6400, 64 },  { "yield", yields, 10000, 0 },
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "=exit"))
		return 0;
	self = argv[0][0] == '/' ? argv[0] : "/bench/process";
	return run_rows(rows, COUNT(rows), argc, argv);
}
