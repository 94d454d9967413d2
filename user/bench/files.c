/* stage: 09; libc: musl; run: guest
 * Rows of files on tmpfs: made and deleted, empty and with 10 KiB; written; renamed; listed. */
#include "bench.h"
#include <dirent.h>

static char data[10240];

static void create(long count, long size)
{
	char name[32];

	for (long i = 0; i < count; i++) {
		int fd;

		snprintf(name, sizeof(name), "f%ld", i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		NEED(fd >= 0);
		NEED(write(fd, data, (size_t)size) == size);
		close(fd);
	}
}

static void delete(long count)
{
	char name[32];

	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		NEED(unlink(name) == 0);
	}
}

static void creates(long count, long size)
{
	create(count, size);
	pause_start();
	delete(count);
	pause_end();
}

static void deletes(long count, long size)
{
	pause_start();
	create(count, size);
	pause_end();
	delete(count);
}

static void writes(long count, long size)
{
	int fd = open("w", O_RDWR | O_CREAT | O_TRUNC, 0600);

	NEED(fd >= 0);
	while (count--)
		NEED(write(fd, data, (size_t)size) == size);
	close(fd);
	unlink("w");
}

static void renames(long count, long argument UNUSED)
{
	pause_start();
	create(1, 0);
	pause_end();
	for (long i = 0; i < count; i++)
		NEED(rename(i & 1 ? "g" : "f0", i & 1 ? "f0" : "g") == 0);
	unlink(count & 1 ? "g" : "f0");
}

/* One operation is one name of a folder of 1000. */
static void lists(long count, long argument UNUSED)
{
	long seen = 0;

	pause_start();
	create(1000, 0);
	pause_end();
	while (seen < count) {
		DIR *dir = opendir(".");

		NEED(dir);
		while (readdir(dir))
			seen++;
		closedir(dir);
	}
	pause_start();
	delete(1000);
	pause_end();
}

static const struct row rows[] = {
	{ "create-0k", creates, 1000, 0 },  { "create-10k", creates, 1000, 10240 }, { "delete-0k", deletes, 1000, 0 },
	{ "delete-10k", deletes, 1000, 10240 }, { "write-4k", writes, 2000, 4096 }, { "write-1", writes, 5000, 1 },
	{ "rename", renames, 5000, 0 },     { "readdir", lists, 5000, 0 },
};

int main(int argc, char **argv)
{
	mkdir("/tmp/files", 0700);
	NEED(chdir("/tmp/files") == 0);
	return run_rows(rows, COUNT(rows), argc, argv);
}
