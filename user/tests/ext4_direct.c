/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * O_DIRECT: what it wants of places, lengths and memory; ends of files, holes, new blocks; and that it and the page cache show each other's writes. */
#include "ext4.h"
#include <sys/uio.h>

static char *page;

static void fill(char byte, size_t n)
{
	memset(page, byte, n);
}

/* What the bytes are, in runs. */
static void show(const char *what, const char *data, ssize_t n)
{
	say("%s: %ld bytes", what, (long)n);
	for (ssize_t i = 0; i < n;) {
		ssize_t from = i;

		while (i < n && data[i] == data[from])
			i++;
		say(" %ldx%02x", (long)(i - from), (unsigned char)data[from]);
	}
	say("\n");
}

static void show_file(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | flags);
	ssize_t n;

	NEED(fd >= 0);
	memset(page, 0xee, 65536);
	n = read(fd, page, 65536);
	show(path, page, n);
	close(fd);
}

static void alignment(void)
{
	int fd;

	fd = open("f", O_RDWR | O_CREAT | O_DIRECT, 0644);
	NEED(fd >= 0);
	T(fcntl(fd, F_GETFL) & O_DIRECT);
	fill('a', 16384);
	R(write(fd, page, 8192));
	R(pwrite(fd, page, 512, 8192));
	R(pwrite(fd, page, 100, 8192));
	R(pwrite(fd, page, 512, 100));
	R(pwrite(fd, page, 513, 0));
	R(pread(fd, page, 512, 1));
	R(pread(fd, page, 511, 0));
	R(pread(fd, page, 512, 512));
	R(pread(fd, page, 1536, 512));
	R(pread(fd, page + 512, 512, 0));
	R(pread(fd, page + 1, 512, 0));
	R(pread(fd, page + 256, 512, 0));
	R(pwrite(fd, page + 4, 512, 0));
	R(pread(fd, page, 0, 0));
	R(pread(fd, page, 0, 7));
	R(pwrite(fd, page, 0, 0));
	R(pread(fd, NULL, 512, 0));
	R(pwrite(fd, NULL, 512, 0));
	R(pread(fd, page, 4096, -1));
	struct iovec v[3] = { { page, 512 }, { page + 4096, 1024 }, { page + 8192, 512 } };
	R(preadv(fd, v, 3, 0));
	v[1].iov_len = 1000;
	R(preadv(fd, v, 3, 0));
	v[1].iov_len = 1024;
	v[1].iov_base = page + 4100;
	R(preadv(fd, v, 3, 0));
	V(lseek(fd, 0, SEEK_CUR));
	close(fd);
}

static void ends(void)
{
	struct stat st;
	int fd;

	put_file("end", page, 5000);
	fd = open("end", O_RDWR | O_DIRECT);
	memset(page, 'z', 16384);
	R(pread(fd, page, 16384, 0));
	R(page[4999] == 'z' && page[5000]);
	R(pread(fd, page, 512, 4608));
	R(pread(fd, page, 4096, 4096));
	R(pread(fd, page, 4096, 8192));
	R(pread(fd, page, 4096, 1 << 20));
	R(pread(fd, page + 1, 7, (1 << 20) + 3));
	fill('e', 4096);
	/* Growing: from the end, past a hole, and by appending. */
	R(pwrite(fd, page, 4096, 8192));
	fstat(fd, &st);
	V(st.st_size);
	R(pwrite(fd, page, 512, 40960));
	fstat(fd, &st);
	V(st.st_size);
	V(st.st_blocks);
	close(fd);
	fd = open("end", O_WRONLY | O_DIRECT | O_APPEND);
	R(write(fd, page, 512));
	R(lseek(fd, 0, SEEK_CUR));
	close(fd);
	show_file("end", 0);
	show_file("end", O_DIRECT);
}

static void both_ways(void)
{
	int direct, cached;
	char *map;

	fill('1', 16384);
	put_file("both", page, 16384);
	direct = open("both", O_RDWR | O_DIRECT);
	cached = open("both", O_RDWR);
	/* Dirty pages are seen by a direct read. */
	NEED(pwrite(cached, "cached", 6, 4096) == 6);
	R(pread(direct, page, 4096, 4096));
	T(memcmp(page, "cached", 6) == 0);
	/* A direct write is seen by a cached read, and by a mapping. */
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, cached, 0);
	NEED(map != MAP_FAILED);
	T(map[8192] == '1');
	fill('2', 4096);
	R(pwrite(direct, page, 4096, 8192));
	R(pread(cached, page, 1, 8192));
	T(page[0] == '2');
	T(map[8192] == '2');
	map[12288] = 'm';
	R(pread(direct, page, 4096, 12288));
	T(page[0] == 'm');
	/* Into memory that is the file itself. */
	R(pread(direct, map, 4096, 4096));
	T(memcmp(map, "cached", 6) == 0);
	R(pwrite(direct, map + 8192, 4096, 4096));
	T(map[4096] == '2');
	munmap(map, 16384);
	close(direct);
	close(cached);
	show_file("both", O_DIRECT);
}

static void holes(void)
{
	int fd = open("hole", O_RDWR | O_CREAT | O_DIRECT, 0644);

	NEED(ftruncate(fd, 65536) == 0);
	memset(page, 0xee, 65536);
	R(pread(fd, page, 65536, 0));
	show("hole", page, 65536);
	fill('h', 4096);
	R(pwrite(fd, page, 512, 16384));
	R(pwrite(fd, page, 4096, 32768));
	V(disk_blocks("hole"));
	NEED(fallocate(fd, 0, 40960, 16384) == 0);
	R(pwrite(fd, page, 1024, 40960 + 512));
	fsync(fd);
	V(disk_blocks("hole"));
	close(fd);
	show_file("hole", 0);
	disk_again();
	show_file("hole", 0);
	show_file("hole", O_DIRECT);
}

static void flags(void)
{
	int fd, p[2];

	fd = open("f", O_RDWR);
	R(fcntl(fd, F_SETFL, O_DIRECT));
	T(fcntl(fd, F_GETFL) & O_DIRECT);
	R(pread(fd, page, 100, 0));
	R(fcntl(fd, F_SETFL, 0));
	R(pread(fd, page, 100, 0));
	close(fd);
	R(open("/tmp/on_tmpfs", O_RDWR | O_CREAT | O_DIRECT, 0644));
	R(access("/tmp/on_tmpfs", F_OK));
	R(open(".", O_RDONLY | O_DIRECT | O_DIRECTORY));
	R(open("/proc/version", O_RDONLY | O_DIRECT));
	R(open("/dev/null", O_RDONLY | O_DIRECT));
	NEED(pipe(p) == 0);
	R(fcntl(p[1], F_SETFL, O_DIRECT));
	fd = open("/tmp", O_RDWR | O_TMPFILE, 0600);
	R(fcntl(fd, F_SETFL, O_DIRECT));
	fd = open(DISK, O_RDONLY | O_DIRECT);
	R(pread(fd, page, 1024, 1024));
	T(page[0x38] == 0x53 && page[0x39] == (char)0xef);
	R(pread(fd, page, 1024, 1000));
	R(pread(fd, page, 1000, 1024));
}

int main(void)
{
	page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	disk_enter();
	alignment();
	show_file("f", O_DIRECT);
	ends();
	both_ways();
	holes();
	flags();
	return 0;
}
