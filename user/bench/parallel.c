/* stage: 09; libc: musl; run: guest
 * row NAME@WORKERS NANOSECONDS: the same work by one worker and by as many as there are processors; the time that passes for
 * one operation of all. With two processors, half is perfect. Workers are processes, and nothing but the kernel is common to
 * them; in the rows called shared- they are threads of one process (one memory, one table of descriptors), or open one
 * file, or make their files in one folder. */
#include "bench.h"
#include <pthread.h>
#include <stdbool.h>
#include <sys/utsname.h>

enum { PAGES = 2048, MOST = 8 };

static pthread_barrier_t *gate; /* in memory that the workers share */
static void (*volatile work)(long count);
static bool one_folder;

static void null_calls(long count)
{
	while (count--)
		syscall(SYS_getpid);
}

/* Linux's door has numbers of its own. QEMU holds a lock of its own for each exception: no kernel can make this row scale there. */
static void int80_calls(long count)
{
	static struct utsname about;
	long number, result;

	NEED(uname(&about) == 0);
	number = strstr(about.version, "Debian") ? 20 : SYS_getpid;
	while (count--)
		__asm__ volatile("int $0x80" : "=a"(result) : "0"(number) : "memory");
}

static void faults(long count)
{
	for (long done = 0; done < count; done += PAGES) {
		volatile char *p = mmap(NULL, PAGES * 4096l, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(p != MAP_FAILED);
		for (long i = 0; i < PAGES; i++)
			p[i * 4096] = 1;
		munmap((void *)p, PAGES * 4096l);
	}
}

static void open_again(const char *name, long count)
{
	while (count--)
		NEED(close(open(name, O_RDONLY)) == 0);
}

static void opens(long count)
{
	char name[32];

	snprintf(name, sizeof(name), "/tmp/o%ld", (long)syscall(SYS_gettid));
	NEED(close(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600)) == 0);
	open_again(name, count);
	NEED(unlink(name) == 0);
}

static void opens_of_one(long count)
{
	open_again("/etc/passwd", count);
}

/* Each worker has a partner of its own. */
static void pipes(long count)
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
}

static void files(long count)
{
	long me = syscall(SYS_gettid);
	char folder[32], name[64];

	snprintf(folder, sizeof(folder), one_folder ? "/tmp" : "/tmp/p%ld", me);
	snprintf(name, sizeof(name), "%s/f%ld", folder, me);
	NEED(one_folder || mkdir(folder, 0700) == 0);
	while (count--) {
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

		NEED(fd >= 0 && close(fd) == 0 && unlink(name) == 0);
	}
	NEED(one_folder || rmdir(folder) == 0);
}

static void forks(long count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

static void *worker(void *count)
{
	work((long)count / 16); /* what is needed for the first time is not measured: the emulator's own memory for ours, above all */
	pthread_barrier_wait(gate);
	work((long)count);
	return NULL;
}

static double timed(bool threads, int workers, long count)
{
	pthread_t thread[MOST];
	pid_t pid[MOST];
	pthread_barrierattr_t everybody;
	double start;

	pthread_barrierattr_init(&everybody);
	pthread_barrierattr_setpshared(&everybody, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(gate, &everybody, (unsigned)workers + 1);
	for (int i = 0; i < workers; i++) {
		if (threads) {
			NEED(pthread_create(&thread[i], NULL, worker, (void *)(count / workers)) == 0);
		} else if ((pid[i] = fork()) == 0) {
			worker((void *)(count / workers));
			_exit(0);
		}
	}
	pthread_barrier_wait(gate);
	start = now_ns();
	for (int i = 0; i < workers; i++) {
		int status = 0;

		if (threads)
			pthread_join(thread[i], NULL);
		else
			NEED(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
	}
	return (now_ns() - start) / (double)count;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(long count);
		long count;
		bool threads, one_folder;
	} rows[] = {
		{ "emulator-int80", int80_calls, 200000, false, false },
		{ "parallel-null", null_calls, 400000, false, false }, { "parallel-fault", faults, 32 * PAGES, false, false },
		{ "parallel-open", opens, 40000, false, false },       { "parallel-pipe", pipes, 8000, false, false },
		{ "parallel-files", files, 8000, false, false },       { "parallel-fork", forks, 1600, false, false },
		{ "shared-fault", faults, 32 * PAGES, true, false },   { "shared-open", opens, 40000, true, false },
		{ "shared-file", opens_of_one, 40000, false, false },  { "shared-files", files, 8000, false, true },
		{ "shared-fork", forks, 1600, true, false },
	};
	int most = (int)sysconf(_SC_NPROCESSORS_ONLN);

	gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(gate != MAP_FAILED);
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int workers = 1; workers <= most && workers <= MOST; workers *= 2) {
			double best = 1e18;
			char name[64];

			if (!wanted(rows[i].name, argc, argv))
				continue;
			work = rows[i].work;
			one_folder = rows[i].one_folder;
			for (int round = 0; round < 3; round++) {
				double took = timed(rows[i].threads, workers, rows[i].count);

				best = took < best ? took : best;
			}
			snprintf(name, sizeof(name), "%s@%d", rows[i].name, workers);
			print_row(name, best);
		}
	return 0;
}
