/* The third part of campaign_crash: each step ends with a call that promises something, and a record of it. */
#include "crash.h"

#include <sys/mount.h>
#include <sys/uio.h>

#define LARGE (3u << 20)

static unsigned char bytes[LARGE];

/* The file that consists of the first `size` bytes is safe now. */
static void safe(const char *path, size_t size)
{
	char state[48];

	sprintf(state, "=%zu:%08x", size, crc32_of(bytes, size));
	tell(path, state);
	tell_now();
}

static int make(const char *path, size_t size, int flags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | flags, 0644);

	MUST(fd, path);
	random_bytes(bytes, size);
	if (write(fd, bytes, size) != (ssize_t)size)
		die("write", path);
	return fd;
}

static void change(int fd, const char *path, size_t n)
{
	random_bytes(bytes, n);
	if (pwrite(fd, bytes, n, 0) != (ssize_t)n)
		die("write", path);
}

/* fdatasync leaves out times, and nothing else: not that the file is there, nor how long it is. */
static void by_fdatasync(void)
{
	int fd = make("/m/new", 5000, 0);

	MUST(fdatasync(fd), "/m/new");
	safe("/m/new", 5000);
	close(fd);

	fd = make("/m/empty", 0, 0);
	MUST(fdatasync(fd), "/m/empty");
	safe("/m/empty", 0);
	close(fd);

	fd = make("/m/reserved", 100, 0);
	MUST(fsync(fd), "/m/reserved");
	memset(bytes + 100, 0, 39900);
	MUST(fallocate(fd, 0, 0, 40000), "/m/reserved");
	MUST(fdatasync(fd), "/m/reserved");
	safe("/m/reserved", 40000);
	/* In room that it has already, it is the size alone. */
	MUST(fallocate(fd, FALLOC_FL_KEEP_SIZE, 40000, 40000), "/m/reserved");
	MUST(fsync(fd), "/m/reserved");
	memset(bytes + 40000, 0, 30000);
	MUST(fallocate(fd, 0, 40000, 30000), "/m/reserved");
	MUST(fdatasync(fd), "/m/reserved");
	safe("/m/reserved", 70000);
	MUST(ftruncate(fd, 70), "/m/reserved");
	MUST(fdatasync(fd), "/m/reserved");
	safe("/m/reserved", 70);
	close(fd);
}

/* A write with O_SYNC or O_DSYNC is safe when it returns, wherever the file's position was before. */
static void by_write(int flag, const char *path)
{
	int fd = make(path, 700, O_APPEND | flag);
	size_t size = 700;

	for (int turn = 0; turn < 3; turn++) {
		size_t n = (size_t[]){ 200, 5000, 100 }[turn];
		MUST(lseek(fd, turn * 100000, SEEK_SET), path);
		for (size_t i = size; i < size + n; i++)
			bytes[i] = (unsigned char)rnd();
		if (write(fd, bytes + size, n) != (ssize_t)n)
			die("write", path);
		size += n;
		safe(path, size);
	}
	close(fd);
	/* In its place. */
	fd = open(path, O_RDWR | flag);
	MUST(fd, path);
	change(fd, path, size);
	safe(path, size);
	close(fd);
}

/* sync is for all that was written, into new blocks or in its place, on its way already or not. */
static void by_sync(void)
{
	int fd = make("/m/large", LARGE, 0);

	sync();
	safe("/m/large", LARGE);
	tell("/m/large", "*");
	tell_now();
	change(fd, "/m/large", LARGE);
	sync();
	safe("/m/large", LARGE);
	tell("/m/large", "*");
	tell_now();
	change(fd, "/m/large", LARGE);
	MUST(sync_file_range(fd, 0, LARGE, SYNC_FILE_RANGE_WRITE), "/m/large");
	MUST(syncfs(fd), "/m");
	safe("/m/large", LARGE);
	tell("/m/large", "*");
	tell_now();
	change(fd, "/m/large", LARGE);
	MUST(sync_file_range(fd, 0, LARGE, SYNC_FILE_RANGE_WRITE), "/m/large");
	MUST(fsync(fd), "/m/large");
	safe("/m/large", LARGE);
	close(fd);
}

/* A name is safe when its folder is. */
static void by_folder(void)
{
	int folder = open("/m", O_RDONLY | O_DIRECTORY);

	MUST(folder, "/m");
	MUST(rename("/m/new", "/m/renamed"), "/m/new");
	MUST(unlink("/m/empty"), "/m/empty");
	MUST(mkdir("/m/folder", 0755), "/m/folder");
	MUST(fsync(folder), "/m");
	tell("/m/new", "-");
	tell("/m/empty", "-");
	tell("/m/folder", "/");
	tell_now();
	close(folder);
}

void promises_all(void)
{
	MUST(mount("/dev/vda1", "/m", "ext4", 0, ""), "/dev/vda1");
	records_open("/dev/vda2", 1);
	records_of(0);
	by_fdatasync();
	by_write(O_SYNC, "/m/synchronous");
	by_write(O_DSYNC, "/m/data");
	by_sync();
	by_folder();
	MUST(umount("/m"), "/m");
	printf("@@ done\n");
}
