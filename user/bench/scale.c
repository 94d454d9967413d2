/* stage: 09; libc: musl; run: guest
 * Rows at growing size: row NAME@SIZE NANOSECONDS. What an operation costs should not depend on how many processes,
 * files, descriptors or mapped pages it has nothing to do with. Words: =MOST, then processes, files, descriptors, mapped. */
#include "bench.h"
#include <dirent.h>
#include <sys/resource.h>

static void sized_row(const char *name, long size, double ns)
{
	char text[64];

	snprintf(text, sizeof(text), "%s@%ld", name, size);
	print_row(text, ns);
}

/* The least of five rounds of `count` operations each. */
static double measure(void (*run)(long count), long count)
{
	double best = 1e18;

	for (int round = 0; round < 5; round++) {
		double start = now_ns();

		run(count);
		start = (now_ns() - start) / (double)count;
		best = start < best ? start : best;
	}
	return best;
}

static void fork_exit(long count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

/* --- processes ------------------------------------------------------------------------------------------------------ */

static int there[2], back[2];

static void wake_up(long count)
{
	char c = 0;

	while (count--)
		NEED(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
}

/* What ps does: every process' stat file. One operation is one process. */
static void list_processes(long count)
{
	long seen = 0;

	while (seen < count) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;
		char path[300], text[512];

		NEED(dir);
		while ((entry = readdir(dir)) != NULL) {
			int fd;

			if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
				continue;
			snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
			fd = open(path, O_RDONLY);
			if (fd >= 0 && read(fd, text, sizeof(text)) > 0)
				seen++;
			close(fd);
		}
		closedir(dir);
	}
}

static void processes(long most)
{
	int gate[2];
	long made = 0;
	char c;

	NEED(pipe(gate) == 0 && pipe(there) == 0 && pipe(back) == 0);
	if (fork() == 0) {
		close(there[1]);
		while (read(there[0], &c, 1) == 1)
			if (write(back[1], &c, 1) != 1)
				break;
		_exit(0);
	}
	for (long size = 10; size <= most; size *= 10) {
		for (; made < size; made++) {
			pid_t pid = fork();

			NEED(pid >= 0);
			if (pid == 0) {
				close(gate[1]);
				close(there[1]);
				_exit(read(gate[0], &c, 1) != 0);
			}
		}
		wake_up(10);
		sized_row("fork-exit", size, measure(fork_exit, 100));
		sized_row("wake-up", size, measure(wake_up, 500));
		sized_row("ps", size, measure(list_processes, size < 1000 ? 1000 : size));
	}
	close(gate[1]);
	close(there[1]);
	while (wait(NULL) > 0)
		;
}

/* --- files in a folder ---------------------------------------------------------------------------------------------- */

static void one_file(long count)
{
	struct stat st;

	while (count--) {
		int fd = open("x", O_WRONLY | O_CREAT | O_EXCL, 0600);

		NEED(fd >= 0 && close(fd) == 0);
		NEED(stat("x", &st) == 0 && stat("f5", &st) == 0 && unlink("x") == 0);
	}
}

static void files(long most)
{
	char name[32];
	long made = 0;

	NEED(mkdir("/tmp/many", 0700) == 0 && chdir("/tmp/many") == 0);
	for (long size = 10; size <= most; size *= 10) {
		for (; made < size; made++) {
			int fd;

			snprintf(name, sizeof(name), "f%ld", made);
			fd = open(name, O_WRONLY | O_CREAT, 0600);
			NEED(fd >= 0 && close(fd) == 0);
		}
		sized_row("folder", size, measure(one_file, 1000));
	}
	while (made-- > 0) {
		snprintf(name, sizeof(name), "f%ld", made);
		unlink(name);
	}
	NEED(chdir("/") == 0 && rmdir("/tmp/many") == 0);
}

/* --- descriptors ---------------------------------------------------------------------------------------------------- */

static void one_descriptor(long count)
{
	while (count--) {
		int fd = open("/dev/null", O_RDONLY);

		NEED(fd >= 0 && close(fd) == 0);
	}
}

static void descriptors(long most)
{
	struct rlimit limit = { 20000, 20000 };
	long made = 0;

	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (long size = 1; size <= most; size *= 10) {
		for (; made < size; made++)
			NEED(open("/dev/null", O_RDONLY) >= 0);
		sized_row("descriptor", size, measure(one_descriptor, 2000));
	}
	for (long fd = 3; fd < made + 16; fd++)
		close((int)fd);
}

/* --- mapped memory -------------------------------------------------------------------------------------------------- */

static void one_page(long count)
{
	while (count--) {
		volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(p != MAP_FAILED);
		*p = 1;
		munmap((void *)p, 4096);
	}
}

static void mapped(long most)
{
	for (long size = 1 << 20; size <= most; size *= 16) {
		volatile char *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		NEED(p != MAP_FAILED);
		for (int i = 0; i < 64; i++)
			p[size / 64 * i] = 1;
		sized_row("mapped-page", size >> 20, measure(one_page, 1000));
		sized_row("mapped-fork", size >> 20, measure(fork_exit, 50));
		munmap((void *)p, (size_t)size);
	}
}

int main(int argc, char **argv)
{
	long most = 10000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && argv[1][0] == '=') {
		most = atol(argv[1] + 1);
		argc--, argv++;
	}
	if (wanted("processes", argc, argv))
		processes(most);
	if (wanted("files", argc, argv))
		files(most * 10);
	if (wanted("descriptors", argc, argv))
		descriptors(most);
	if (wanted("mapped", argc, argv))
		mapped(4l << 30);
	return 0;
}
