/* stage: 09; libc: musl; run: guest
 * Rows of memory: page faults, mapping and unmapping, a cached file by read and by mmap. */
#include "bench.h"

enum { PAGE = 4096, FILE_SIZE = 4 << 20 };

static void anonymous_faults(long count, long argument UNUSED)
{
	volatile char *p = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	for (long i = 0; i < count; i++)
		p[i * PAGE] = 1;
	munmap((void *)p, (size_t)count * PAGE);
}

/* A file in the page cache; random enough that nothing may share its pages. */
static int cached_file(void)
{
	static unsigned data[PAGE / sizeof(unsigned)];
	int fd = open("/tmp/bench-cached", O_RDWR | O_CREAT, 0600);
	struct stat st;

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	for (long at = st.st_size; at < FILE_SIZE; at += PAGE) {
		for (size_t i = 0; i < COUNT(data); i++)
			data[i] = (unsigned)(at + (long)i) * 2654435761u;
		NEED(write(fd, data, PAGE) == PAGE);
	}
	return fd;
}

static void file_faults(long count, long argument UNUSED)
{
	volatile char *p;
	int fd;

	pause_start();
	fd = cached_file();
	pause_end();
	p = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED && count == FILE_SIZE / PAGE);
	for (long i = 0; i < count; i++)
		(void)p[i * PAGE];
	munmap((void *)p, FILE_SIZE);
	close(fd);
}

static void copy_on_write(long count, long argument UNUSED)
{
	char *p = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	NEED(p != MAP_FAILED);
	pause_start();
	memset(p, 1, (size_t)count * PAGE);
	pause_end();
	pid = fork();
	if (pid == 0) {
		for (long i = 0; i < count; i++)
			p[i * PAGE] = 2;
		_exit(0);
	}
	NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	munmap(p, (size_t)count * PAGE);
}

/* Map, touch one page in sixteen, unmap: what a large allocation of malloc costs. */
static void map_unmap(long count, long size)
{
	while (count--) {
		volatile char *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(p != MAP_FAILED);
		for (long at = 0; at < size; at += 16 * PAGE)
			p[at] = 1;
		munmap((void *)p, (size_t)size);
	}
}

static void protect(long count, long argument UNUSED)
{
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	memset(p, 1, 16 * PAGE);
	for (long i = 0; i < count; i++)
		NEED(mprotect(p + 4 * PAGE, 4 * PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ) == 0);
	munmap(p, 16 * PAGE);
}

static void grow_heap(long count, long argument UNUSED)
{
	char *start = sbrk(0);

	for (long i = 0; i < count; i++)
		NEED(syscall(SYS_brk, start + (i & 1 ? 0 : 16 * PAGE)) > 0);
}

/* Per page, in pieces of 64 KiB. */
static void read_cached(long count, long argument UNUSED)
{
	static char piece[65536];
	int fd;

	pause_start();
	fd = cached_file();
	pause_end();
	for (long at = 0; at < count * PAGE; at += (long)sizeof(piece))
		NEED(pread(fd, piece, sizeof(piece), at % FILE_SIZE) == (ssize_t)sizeof(piece));
	close(fd);
}

/* Per page: map the file, add up its words, unmap. */
static void map_cached(long count, long argument UNUSED)
{
	int fd;
	long sum = 0;

	pause_start();
	fd = cached_file();
	pause_end();
	for (long at = 0; at < count * PAGE; at += FILE_SIZE) {
		const long *p = mmap(NULL, FILE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

		NEED(p != MAP_FAILED);
		for (size_t i = 0; i < FILE_SIZE / sizeof(long); i += 8)
			sum += p[i];
		munmap((void *)p, FILE_SIZE);
	}
	NEED(sum != 1);
	close(fd);
}

static const struct row rows[] = {
	{ "fault-anonymous", anonymous_faults, 4096, 0 }, { "fault-file", file_faults, FILE_SIZE / PAGE, 0 },
	{ "fault-copy", copy_on_write, 1024, 0 },
	{ "mmap-4k", map_unmap, 5000, 4 << 10 },          { "mmap-64k", map_unmap, 5000, 64 << 10 },
	{ "mmap-1m", map_unmap, 500, 1 << 20 },           { "mmap-8m", map_unmap, 50, 8 << 20 },
	{ "mmap-64m", map_unmap, 10, 64 << 20 },          { "mprotect", protect, 5000, 0 },
	{ "brk", grow_heap, 5000, 0 },
	{ "read-cached-4k", read_cached, 2048, 0 },       { "mmap-cached-4k", map_cached, 2048, 0 },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
