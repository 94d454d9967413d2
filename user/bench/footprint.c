/* stage: 09; libc: musl; run: guest
 * row memory-WHAT KIBIBYTES: what the system holds when it is idle, and what one more process, thread or open file takes. */
#include "bench.h"
#include <pthread.h>
#include <sys/resource.h>

enum { PROCESSES = 400, THREADS = 200, FILES = 20000 /* many, since files that were closed before left room */ };

static double meminfo(const char *what)
{
	static char text[8192];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);
	char *line;

	NEED(fd >= 0 && got > 0);
	close(fd);
	text[got] = '\0';
	line = strstr(text, what);
	NEED(line);
	return atof(line + strlen(what));
}

/* Caches that can be given back are not what a thing takes. */
static double free_kib(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "3", 1);
		close(fd);
	}
	usleep(100000);
	return meminfo("MemFree:");
}

static int gate[2];

static void *sleeper(void *argument)
{
	char c;

	(void)!read(gate[0], &c, 1);
	return argument;
}

int main(int argc, char **argv)
{
	struct rlimit limit = { FILES + 100, FILES + 100 };
	pthread_t threads[THREADS];
	double before, total = argc > 1 ? atof(argv[1]) * 1024 : meminfo("MemTotal:");

	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0 && pipe(gate) == 0);
	/* Of all the memory that the machine was given: what the kernel keeps for itself before it counts is held too. */
	print_row("memory-idle", total - free_kib());

	before = free_kib();
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		NEED(pid >= 0);
		if (pid == 0) {
			close(gate[1]);
			sleeper(NULL);
			_exit(0);
		}
	}
	print_row("memory-process", (before - free_kib()) / PROCESSES);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	close(gate[0]);

	NEED(pipe(gate) == 0);
	before = free_kib();
	for (int i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, sleeper, NULL) == 0);
	print_row("memory-thread", (before - free_kib()) / THREADS);
	close(gate[1]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);

	before = free_kib();
	for (int i = 0; i < FILES; i++)
		NEED(open("/etc/passwd", O_RDONLY) >= 0);
	print_row("memory-file", (before - free_kib()) / FILES);
	(void)argv;
	return 0;
}
