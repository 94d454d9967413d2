/* stage: 09; libc: musl; run: guest
 * row NAME@WORKERS NANOSECONDS: independent work by one worker and by as many as there are processors; the time that
 * passes for one operation of all. With two processors, half is perfect. */
#include "bench.h"
#include <pthread.h>

enum { PAGES = 2048, MOST = 8 };

static pthread_barrier_t gate;
static void *(*volatile work)(long count);

static void *null_calls(long count)
{
	while (count--)
		syscall(SYS_getpid);
	return NULL;
}

/* All in the one address space that the threads share. */
static void *faults(long count)
{
	for (long done = 0; done < count; done += PAGES) {
		volatile char *p = mmap(NULL, PAGES * 4096l, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(p != MAP_FAILED);
		for (long i = 0; i < PAGES; i++)
			p[i * 4096] = 1;
		munmap((void *)p, PAGES * 4096l);
	}
	return NULL;
}

static void *opens(long count)
{
	while (count--)
		NEED(close(open("/etc/passwd", O_RDONLY)) == 0);
	return NULL;
}

/* Each worker has a partner of its own. */
static void *pipes(long count)
{
	int there[2], back[2];
	char c = 0;
	pid_t pid;

	NEED(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		while (count--)
			if (read(there[0], &c, 1) != 1 || write(back[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	while (count--)
		NEED(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
	NEED(waitpid(pid, NULL, 0) == pid);
	close(there[0]), close(there[1]), close(back[0]), close(back[1]);
	return NULL;
}

static void *files(long count)
{
	char name[32];

	snprintf(name, sizeof(name), "/tmp/p%ld", (long)syscall(SYS_gettid));
	while (count--) {
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

		NEED(fd >= 0 && close(fd) == 0 && unlink(name) == 0);
	}
	return NULL;
}

static void *forks(long count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
	return NULL;
}

static void *worker(void *count)
{
	pthread_barrier_wait(&gate);
	return work((long)count);
}

static double timed(int workers, long count)
{
	pthread_t threads[MOST];
	double start;

	pthread_barrier_init(&gate, NULL, (unsigned)workers + 1);
	for (int i = 0; i < workers; i++)
		NEED(pthread_create(&threads[i], NULL, worker, (void *)(count / workers)) == 0);
	pthread_barrier_wait(&gate);
	start = now_ns();
	for (int i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	return (now_ns() - start) / (double)count;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void *(*work)(long count);
		long count;
	} rows[] = {
		{ "parallel-null", null_calls, 400000 }, { "parallel-fault", faults, 8 * PAGES }, { "parallel-open", opens, 40000 },
		{ "parallel-pipe", pipes, 8000 },        { "parallel-files", files, 8000 },       { "parallel-fork", forks, 400 },
	};
	int most = (int)sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < COUNT(rows); i++)
		for (int workers = 1; workers <= most && workers <= MOST; workers *= 2) {
			double best = 1e18;
			char name[64];

			if (!wanted(rows[i].name, argc, argv))
				continue;
			work = rows[i].work;
			for (int round = 0; round < 3; round++) {
				double took = timed(workers, rows[i].count);

				best = took < best ? took : best;
			}
			snprintf(name, sizeof(name), "%s@%d", rows[i].name, workers);
			print_row(name, best);
		}
	return 0;
}
