/* stage: 10; libc: musl; run: guest
 * disk DEVICE FOLDER [small] [large] [lookups]: rows of an ext4 on DEVICE, which is mounted on FOLDER again before what is to be read cold. */
#include "bench.h"
#include <stdbool.h>
#include <sys/mount.h>

enum { FILES = 10000, BLOCK = 4096, BLOCKS = 16384 /* 64 MiB */, SYNCED = 500, COLD = 2000, LOOKUPS = 10000 };

static const char *device, *folder;
static char data[BLOCK];

static void mount_again(void)
{
	NEED(chdir("/") == 0);
	NEED(umount(folder) == 0);
	NEED(mount(device, folder, "ext4", 0, NULL) == 0);
	NEED(chdir(folder) == 0);
}

/* The same numbers on each machine. */
static unsigned random_below(unsigned limit)
{
	static unsigned long long state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % limit;
}

static void timed_row(const char *name, double start, long count)
{
	print_row(name, (now_ns() - start) / (double)count);
}

static void make(long count, size_t size)
{
	char name[32];

	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size);
		close(fd);
	}
}

static void small_files(void)
{
	struct stat st;
	char name[32];

	NEED(mkdir("small", 0700) == 0 && chdir("small") == 0);
	double start = now_ns();
	make(FILES, 1024);
	timed_row("disk-create", start, FILES);
	start = now_ns();
	sync();
	timed_row("disk-create-sync", start, FILES);
	start = now_ns();
	for (long i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		NEED(stat(name, &st) == 0 && st.st_size == 1024);
	}
	timed_row("disk-stat", start, FILES);
	mount_again();
	NEED(chdir("small") == 0);
	start = now_ns();
	for (long i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		NEED(stat(name, &st) == 0);
	}
	timed_row("disk-stat-cold", start, FILES);
	start = now_ns();
	for (long i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		NEED(unlink(name) == 0);
	}
	timed_row("disk-delete", start, FILES);
	NEED(chdir("..") == 0 && rmdir("small") == 0);
	sync();
}

/* --- one large file --------------------------------------------------------------------------------------------------- */

static void transfer(const char *row, bool writes, bool random, long count, bool synced)
{
	int fd = open("large", writes ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
	double start = now_ns();

	NEED(fd >= 0);
	for (long i = 0; i < count; i++) {
		off_t at = (off_t)(random ? random_below(BLOCKS) : (unsigned)i) * BLOCK;
		NEED((writes ? pwrite(fd, data, BLOCK, at) : pread(fd, data, BLOCK, at)) == BLOCK);
		if (synced)
			NEED(fsync(fd) == 0);
	}
	timed_row(row, start, count);
	if (writes && !synced) {
		char name[64];

		start = now_ns();
		NEED(fsync(fd) == 0);
		snprintf(name, sizeof(name), "%s-sync", row);
		timed_row(name, start, count);
	}
	close(fd);
}

static void large_file(void)
{
	transfer("disk-write", true, false, BLOCKS, false);
	transfer("disk-rewrite-random", true, true, BLOCKS, false);
	transfer("disk-read", false, false, BLOCKS, false);
	transfer("disk-read-random", false, true, BLOCKS, false);
	mount_again();
	transfer("disk-read-cold", false, false, BLOCKS, false);
	mount_again();
	transfer("disk-read-random-cold", false, true, COLD, false);
	transfer("disk-fsync-random", true, true, SYNCED, true);
	unlink("large");
	transfer("disk-fsync-append", true, false, SYNCED, true);
	unlink("large");
}

/* --- looking up ------------------------------------------------------------------------------------------------------- */

/* Names that are not there, each asked for once, so that the folder itself is searched each time; its blocks have been read before, and written. */
static void look_up(const char *row, const char *in, long size)
{
	struct stat st;
	char name[64];
	double start = 0;

	NEED(mkdir(in, 0700) == 0 && chdir(in) == 0);
	make(size, 0);
	sync();
	for (long i = -LOOKUPS; i < LOOKUPS; i++) {
		if (i == 0)
			start = now_ns();
		snprintf(name, sizeof(name), "not-here-%ld", i);
		NEED(stat(name, &st) < 0 && errno == ENOENT);
	}
	timed_row(row, start, LOOKUPS);
	NEED(chdir("..") == 0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	device = argv[1];
	folder = argv[2];
	mkdir(folder, 0700);
	NEED(mount(device, folder, "ext4", 0, NULL) == 0 && chdir(folder) == 0);
	if (wanted("small", argc - 2, argv + 2))
		small_files();
	if (wanted("large", argc - 2, argv + 2))
		large_file();
	if (wanted("lookups", argc - 2, argv + 2)) {
		look_up("disk-lookup-100", "few", 100);
		look_up("disk-lookup-100000", "many", 100000);
	}
	NEED(chdir("/") == 0 && umount(folder) == 0);
	return 0;
}
