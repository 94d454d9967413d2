/* stage: 12; libc: musl; run: campaign
 * The guest's side of grader/campaign's damaged images, as PID 1: mounts each /dev/vd?, walks it, reads, writes, removes, and unmounts it. The first disk is sound:
 * it is worked on twice before the counts of /proc/objects are told for the first time; they are told again when all is done.
 *
 * "@@ vdb begin", then "@@ vdb mounted" or "@@ vdb refused: why", then "@@ vdb end"; "@@ WRONG …" for an answer that no damage of a disk explains;
 * "@= 1 name number" and "@= 2 name number": the counts. types= in the environment: what each disk is mounted as, by its letters 2, 3 and 4. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAMES 1200  /* looked at on one disk: a damaged one may have any number */
#define DEEP 12

static const char *disk; /* vdb … */
static int names;        /* seen on it */
static char buf[65536];

/* What a damaged disk may answer. Not among them: ENOMEM, EFAULT, ESTALE, EBUSY, EAGAIN and others that speak of the kernel. */
static bool explained(int err)
{
	static const int all[] = { EUCLEAN, EIO, EROFS, ENOSPC, ENOENT, EEXIST, ENOTEMPTY, EFBIG, EMLINK, ENOTDIR, EISDIR, EPERM, EINVAL, ELOOP, ENAMETOOLONG, ENODATA, ERANGE, ENXIO,
		EOPNOTSUPP, EXDEV, EOVERFLOW };

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (err == all[k])
			return true;
	return false;
}

static bool ok(long answer, const char *what, const char *path)
{
	if (answer >= 0)
		return true;
	if (!explained(errno))
		printf("@@ WRONG %s: %s %s: %s\n", disk, what, path, strerror(errno));
	return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

static void read_attributes(const char *path)
{
	static char list[8192], value[8192];
	ssize_t n = llistxattr(path, list, sizeof(list));

	ok(n, "listxattr", path);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(list + at) + 1)
		ok(lgetxattr(path, list + at, value, sizeof(value)), "getxattr", path);
}

static void read_file(const char *path, off_t size)
{
	off_t places[] = { 0, 12 * 1024, 268 * 1024, size / 2, size - 3000, size, 0x7fffffff, 0 };
	int fd = open(path, O_RDONLY);

	if (!ok(fd, "open", path))
		return;
	for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
		if (places[k] >= 0)
			ok(pread(fd, buf, sizeof(buf), places[k]), "read", path);
	for (off_t at = 0, turns = 0; turns < 20 && (at = lseek(fd, at, turns % 2 ? SEEK_HOLE : SEEK_DATA)) >= 0; turns++)
		ok(pread(fd, buf, 4096, at), "read", path);
	close(fd);
}

static void look(const char *path, int deep, void (*each)(const char *path, const struct stat *st))
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d) {
		ok(-1, "opendir", path);
		return;
	}
	while (names < NAMES && (errno = 0, e = readdir(d))) {
		char at[8192];
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		names++;
		snprintf(at, sizeof(at), "%s/%s", path, e->d_name);
		if (!ok(lstat(at, &st), "lstat", at))
			continue;
		if (S_ISDIR(st.st_mode) && deep < DEEP)
			look(at, deep + 1, each);
		each(at, &st);
	}
	if (errno)
		ok(-1, "readdir", path);
	closedir(d);
}

static void read_it(const char *path, const struct stat *st)
{
	read_attributes(path);
	if (S_ISLNK(st->st_mode))
		ok(readlink(path, buf, sizeof(buf)), "readlink", path);
	else if (S_ISREG(st->st_mode))
		read_file(path, st->st_size);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------ */

static void write_file(const char *path, off_t size)
{
	int fd = open(path, O_RDWR);

	if (!ok(fd, "open", path))
		return;
	ok(pwrite(fd, buf, 5000, 700), "write", path);
	ok(pwrite(fd, buf, 3000, size < 0 ? 0 : size), "write", path);
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2048, 9000), "fallocate", path);
	ok(fallocate(fd, 0, 30000, 20000), "fallocate", path);
	if (size > 0) {
		char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			munmap(p, 4096);
	}
	ok(ftruncate(fd, size / 3 + 100), "ftruncate", path);
	ok(fsync(fd), "fsync", path);
	close(fd);
}

static void change_it(const char *path, const struct stat *st)
{
	char other[8300];

	ok(lsetxattr(path, "user.in", "another value", 13, 0), "setxattr", path);
	ok(lremovexattr(path, "user.block"), "removexattr", path);
	if (S_ISREG(st->st_mode) && names % 3 == 0)
		write_file(path, st->st_size);
	snprintf(other, sizeof(other), "%s+", path);
	if (names % 5 == 0)
		ok(rename(path, other), "rename", path);
	else if (names % 5 == 1 && !S_ISDIR(st->st_mode))
		ok(link(path, other), "link", path);
	else if (names % 5 == 2)
		ok(S_ISDIR(st->st_mode) ? rmdir(path) : unlink(path), "unlink", path);
}

static void remove_it(const char *path, const struct stat *st)
{
	ok(S_ISDIR(st->st_mode) ? rmdir(path) : unlink(path), "remove", path);
}

static void make_new(void)
{
	char path[64];

	for (int n = 0; n < 60; n++) {
		snprintf(path, sizeof(path), n % 4 ? "/m/many/new name of some length %d" : "/m/new name %d", n);
		if (n % 8 == 7) {
			ok(mkdir(path, 0755), "mkdir", path);
		} else if (n % 8 == 6) {
			ok(symlink(n % 16 == 6 ? "short" : "a text that is too long to lie in the inode, where sixty bytes have room", path), "symlink", path);
		} else {
			int fd = open(path, O_RDWR | O_CREAT, 0644);
			if (ok(fd, "create", path)) {
				ok(pwrite(fd, buf, (size_t)n * 100, n % 2 ? n * 10000L : 0), "write", path);
				close(fd);
			}
		}
	}
}

/* --- one disk -------------------------------------------------------------------------------------------------------------------- */

static void work_on(const char *type)
{
	static int turns;
	char device[16];
	struct statfs fs;

	snprintf(device, sizeof(device), "/dev/%s", disk);
	printf("@@ %s begin\n", disk);
	if (mount(device, "/m", type, 0, turns++ % 2 ? "errors=continue" : "") < 0) {
		int why = errno;

		ok(-1, "mount", device);
		printf("@@ %s refused: %s\n", disk, strerror(why));
		/* For reading alone it may do. */
		if (mount(device, "/m", type, MS_RDONLY, "") < 0)
			return;
	}
	printf("@@ %s mounted\n", disk);
	ok(statfs("/m", &fs), "statfs", "/m");
	names = 0;
	look("/m", 0, read_it);
	make_new();
	names = 0;
	look("/m", 0, change_it);
	sync();
	names = 0;
	look("/m", 0, remove_it);
	if (umount("/m") < 0)
		printf("@@ WRONG %s: umount: %s\n", disk, strerror(errno));
	printf("@@ %s end\n", disk);
}

static void tell_counts(int turn)
{
	static const char *const files[] = { "/proc/objects", "/proc/meminfo" };
	char name[64];
	long n;

	/* What is freed after a grace period, or by the writers of old pages, is on its way. */
	sleep(1);
	for (int k = 0; k < 2; k++) {
		FILE *f = fopen(files[k], "r");
		char line[200];

		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, k ? "%60[A-Za-z]: %ld" : "%60s %ld", name, &n) == 2 && (!k || !strcmp(name, "MemFree")))
				printf("@= %d %s %ld\n", turn, k ? "free_KiB" : name, n);
		if (f)
			fclose(f);
	}
}

int main(void)
{
	const char *types = getenv("types") ? getenv("types") : "";
	char name[] = "vda", type[] = "ext4";

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	memset(buf, 'w', sizeof(buf));
	disk = name;
	for (size_t k = 0; types[k]; k++, name[2]++) {
		type[3] = types[k];
		work_on(type);
		if (k == 0) {
			work_on(type);
			tell_counts(1);
		}
	}
	tell_counts(2);
	printf("@@ done\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
