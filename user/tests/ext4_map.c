/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Shared mappings of a file on a disk: what was written through them comes to the disk by msync, munmap, exit and a signal; holes, the end of
 * the file, files that are cut below them; sync_file_range. */
#include "ext4.h"

#define PAGES 8
#define SIZE (PAGES * 4096)

static char *map_of(const char *path, int prot, int flags)
{
	int fd = open(path, prot & PROT_WRITE ? O_RDWR : O_RDONLY);
	char *map;

	NEED(fd >= 0);
	map = mmap(NULL, SIZE, prot, flags, fd, 0);
	NEED(map != MAP_FAILED);
	close(fd);
	return map;
}

/* The first byte of each page, by what lies on the disk. */
static void on_disk(const char *path)
{
	static char page[SIZE] __attribute__((aligned(4096)));
	char text[PAGES + 1] = "";
	int fd = open(path, O_RDONLY | O_DIRECT);
	ssize_t n = read(fd, page, SIZE);

	close(fd);
	for (int i = 0; i * 4096 < n; i++)
		text[i] = page[i * 4096] ? page[i * 4096] : '.';
	say("%s on the disk: %ld bytes, pages %s\n", path, (long)n, text);
}

static void whole(const char *path, char byte)
{
	static char page[SIZE];

	memset(page, byte, SIZE);
	put_file(path, page, SIZE);
}

static void ways_back(void)
{
	char *map;
	pid_t pid;
	int fd, status;

	whole("sync", 'a');
	map = map_of("sync", PROT_READ | PROT_WRITE, MAP_SHARED);
	map[0] = map[4096 * 3] = 'S';
	R(msync(map, SIZE, MS_SYNC));
	map[4096] = 'A';
	R(msync(map, SIZE, MS_ASYNC));
	munmap(map, SIZE);
	on_disk("sync");
	whole("unmap", 'a');
	map = map_of("unmap", PROT_READ | PROT_WRITE, MAP_SHARED);
	map[8192] = 'U';
	munmap(map, SIZE);
	fd = open("unmap", O_RDONLY);
	R(fsync(fd));
	close(fd);
	whole("exit", 'a');
	IN_CHILD("one that exits") {
		map = map_of("exit", PROT_READ | PROT_WRITE, MAP_SHARED);
		map[4096] = 'E';
	}
	whole("killed", 'a');
	pid = fork();
	if (!pid) {
		map = map_of("killed", PROT_READ | PROT_WRITE, MAP_SHARED);
		map[4096 * 5] = 'K';
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	say_status("one that is killed", status);
	whole("exec", 'a');
	map = map_of("exec", PROT_READ | PROT_WRITE, MAP_SHARED);
	map[4096 * 7] = 'X';
	mprotect(map, SIZE, PROT_READ);
	sync();
	munmap(map, SIZE);
	disk_again();
	on_disk("unmap");
	on_disk("exit");
	on_disk("killed");
	on_disk("exec");
}

static void again_and_again(void)
{
	char *map;

	/* A page that was written back is clean: the next write to it must be noticed. */
	whole("again", 'a');
	map = map_of("again", PROT_READ | PROT_WRITE, MAP_SHARED);
	for (int i = 0; i < 20; i++) {
		map[4096 * (i % PAGES)] = (char)('a' + i);
		NEED(msync(map, SIZE, MS_SYNC) == 0);
	}
	map[0] = 'Z';
	munmap(map, SIZE);
	disk_again();
	on_disk("again");
	IN_CHILD("two that share it") {
		char *mine = map_of("again", PROT_READ | PROT_WRITE, MAP_SHARED);

		map = map_of("again", PROT_READ | PROT_WRITE, MAP_SHARED);
		IN_CHILD("the second")
			mine[4096] = 'F';
		T(map[4096] == 'F');
		NEED(msync(map, SIZE, MS_SYNC) == 0);
		mine[4096] = 'G';
	}
	map = map_of("again", PROT_READ | PROT_WRITE, MAP_PRIVATE);
	map[8192] = 'P';
	R(msync(map, SIZE, MS_SYNC));
	munmap(map, SIZE);
	disk_again();
	on_disk("again");
}


static void on_bus(int sig, siginfo_t *info, void *context)
{
	static char text[64];

	(void)context;
	snprintf(text, sizeof(text), "SIG%s, code %d\n", signame(sig), info->si_code);
	say("%s", text);
	_exit(3);
}

static void edges(void)
{
	char *map;
	int fd = open("hole", O_RDWR | O_CREAT, 0644);

	NEED(ftruncate(fd, SIZE - 4096 - 100) == 0);
	V(disk_blocks("hole"));
	map = map_of("hole", PROT_READ | PROT_WRITE, MAP_SHARED);
	V(map[0] + map[4096 * 6]);
	V(disk_blocks("hole"));
	map[4096 * 2] = 'H';
	map[4096 * 6] = 'h';
	/* Past the end inside the last page: kept in memory, not in the file. */
	map[4096 * 7 - 50] = 'x';
	R(msync(map, SIZE, MS_SYNC));
	V(disk_blocks("hole"));
	catch_info(SIGBUS, on_bus, 0);
	IN_CHILD("past the end") {
		map[4096 * 7] = 'x';
	}
	IN_CHILD("reading past the end") {
		V(map[4096 * 7]);
	}
	NEED(ftruncate(fd, 4096 * 2 + 1) == 0);
	V(map[4096 * 2]);
	IN_CHILD("in what was cut off") {
		map[4096 * 3] = 'x';
	}
	NEED(ftruncate(fd, SIZE) == 0);
	V(map[4096 * 6]);
	V(map[4096 * 7 - 50]);
	map[4096 * 7] = 'x';
	R(msync(map, SIZE, MS_SYNC));
	munmap(map, SIZE);
	close(fd);
	disk_again();
	on_disk("hole");
	V(disk_blocks("hole"));
	/* write(2) shows in a mapping, and the other way round. */
	fd = open("hole", O_RDWR);
	map = map_of("hole", PROT_READ | PROT_WRITE, MAP_SHARED);
	NEED(pwrite(fd, "W", 1, 4096) == 1);
	T(map[4096] == 'W');
	map[4096 * 5] = 'V';
	char byte = 0;
	NEED(pread(fd, &byte, 1, 4096 * 5) == 1);
	T(byte == 'V');
	R(msync(map + 1, 4096, MS_SYNC));
	R(msync(map, 4096, MS_SYNC | MS_ASYNC));
	R(msync(map, 4096, 8));
	R(msync(map, 4096, 0));
	R(msync(map, 0, MS_SYNC));
	R(msync(map, SIZE, MS_INVALIDATE));
	munmap(map + 4096, 4096);
	R(msync(map, SIZE, MS_SYNC));
	close(fd);
	fd = open("hole", O_RDONLY);
	R((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
	fd = open("hole", O_WRONLY);
	R((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

static void times(void)
{
	struct stat before, after;
	char *map;

	whole("times", 't');
	map = map_of("times", PROT_READ | PROT_WRITE, MAP_SHARED);
	stat("times", &before);
	nap(20);
	map[0] = 'T';
	NEED(msync(map, SIZE, MS_SYNC) == 0);
	stat("times", &after);
	T(before.st_mtim.tv_nsec != after.st_mtim.tv_nsec || before.st_mtim.tv_sec != after.st_mtim.tv_sec);
	T(before.st_ctim.tv_nsec != after.st_ctim.tv_nsec || before.st_ctim.tv_sec != after.st_ctim.tv_sec);
	munmap(map, SIZE);
}

static void ranges(void)
{
	int fd, p[2];

	whole("range", 'r');
	fd = open("range", O_RDWR);
	R(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	on_disk("range");
	NEED(pwrite(fd, "R", 1, 4096) == 1);
	R(sync_file_range(fd, 4096, 10, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 4096, 10, SYNC_FILE_RANGE_WAIT_BEFORE));
	on_disk("range");
	R(sync_file_range(fd, 0, 4096, 0));
	R(sync_file_range(fd, 0, 4096, 8));
	R(sync_file_range(fd, -1, 4096, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 0, -1, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, LONG_MAX, 2, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 1 << 30, 4096, SYNC_FILE_RANGE_WRITE));
	close(fd);
	R(sync_file_range(fd, 0, 0, 0));
	NEED(pipe(p) == 0);
	R(sync_file_range(p[0], 0, 0, 0));
	fd = open(".", O_RDONLY);
	R(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	R(fsync(fd));
	R(fdatasync(fd));
	R(syncfs(fd));
	close(fd);
	fd = open(".", O_PATH);
	R(fsync(fd));
	R(syncfs(fd));
	R(sync_file_range(fd, 0, 0, 0));
	R(fsync(p[0]));
	R(syncfs(p[0]));
	fd = open(DISK, O_RDONLY);
	R(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
	R(fsync(fd));
}

int main(void)
{
	disk_enter();
	ways_back();
	again_and_again();
	edges();
	times();
	ranges();
	return 0;
}
