/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Reading a directory of a disk while it changes: what was there before and stays is told exactly once, whatever is made or removed meanwhile; positions stay good. */
#include "ext4.h"
#include <dirent.h>

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

#define LONGER "some name that is a little longer "
enum { MOST = 3000 };
static int seen[MOST], made;
static long after[MOST]; /* the position after a name */
static int order[MOST];  /* the names as they came */

static void make(const char *dir, const char *kind, int from, int count)
{
	char path[300];

	for (int k = from; k < from + count; k++) {
		snprintf(path, sizeof(path), "%s/%s%d", dir, kind, k);
		NEED(link("one", path) == 0);
	}
}

static void take(const char *dir, const char *kind, int from, int count)
{
	char path[300];

	for (int k = from; k < from + count; k++) {
		snprintf(path, sizeof(path), "%s/%s%d", dir, kind, k);
		NEED(unlink(path) == 0);
	}
}

/* Between two calls of getdents. */
typedef void (*change_fn)(const char *dir, int call);

/* What is called old… was there before. */
static int read_all(const char *what, const char *dir, int fd, size_t size, int old, change_fn change)
{
	char buf[8192] __attribute__((aligned(8)));
	int twice = 0, missing = 0, count = 0;
	long got;

	memset(seen, 0, sizeof(seen));
	for (int call = 0; (got = SYS(getdents64, fd, buf, size)) > 0; call++) {
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buf + at);
			int n = strncmp(e->name, "old", 3) ? -1 : atoi(e->name + 3);

			if (n >= 0 && n < MOST) {
				twice += seen[n]++;
				after[n] = e->off;
				order[count++ % MOST] = n;
			}
			at += e->reclen;
		}
		if (change)
			change(dir, call);
	}
	for (int k = 0; k < old; k++)
		missing += !seen[k];
	say("%s, buffer of %zu: %s, %d missing, %d twice\n", what, size, got < 0 ? errname(errno) : "end", missing, twice);
	return count;
}

static void makes_some(const char *dir, int call)
{
	if (call < 60) {
		make(dir, LONGER, made, 25);
		made += 25;
	}
}

static void makes_one(const char *dir, int call)
{
	(void)call;
	if (made < 600)
		make(dir, LONGER, made++, 1);
}

static void takes_and_makes(const char *dir, int call)
{
	if (made >= 25 && call % 2)
		take(dir, LONGER, made -= 25, 25);
	make(dir, "again ", call, 1);
}

static void growing(const char *dir, int old, size_t size, change_fn change)
{
	int fd;

	NEED(mkdir(dir, 0755) == 0);
	made = 0;
	make(dir, "old", 0, old);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	read_all(dir, dir, fd, size, old, change);
	/* Again, of what it is now, and by another that has seen nothing of it. */
	NEED(lseek(fd, 0, SEEK_SET) == 0);
	read_all(dir, dir, fd, size, old, NULL);
	close(fd);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	read_all(dir, dir, fd, 8192, old, takes_and_makes);
	close(fd);
}

/* The name among the old that comes first from here on. */
static int first_old(int fd)
{
	char buf[512] __attribute__((aligned(8)));
	long got;

	while ((got = SYS(getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buf + at);

			if (!strncmp(e->name, "old", 3))
				return atoi(e->name + 3);
			at += e->reclen;
		}
	return -1;
}

static void places(const char *dir, int old)
{
	int fd, count, wrong = 0;
	long places[MOST];

	NEED(mkdir(dir, 0755) == 0);
	make(dir, "old", 0, old);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	count = read_all(dir, dir, fd, 100, old, NULL);
	memcpy(places, after, sizeof(places));
	say("%s: at the end %#lx\n", dir, (long)lseek(fd, 0, SEEK_CUR));
	for (int turn = 0; turn < 2; turn++) {
		for (int k = 0; k < count; k += 7) {
			int want = k + 1 < count ? order[k + 1] : -1;

			NEED(lseek(fd, places[order[k]], SEEK_SET) == places[order[k]]);
			wrong += first_old(fd) != want;
		}
		say("%s: of the places %d are wrong\n", dir, wrong);
		make(dir, "something else ", 0, turn ? 0 : 2000);
	}
	close(fd);
}

static void seeks(const char *dir)
{
	static const struct { long off; int whence; } all[] = {
		{ 0, SEEK_END }, { -1, SEEK_END }, { 1, SEEK_END }, { LONG_MIN, SEEK_END }, { LONG_MAX, SEEK_SET }, { 0, SEEK_CUR }, { 1, SEEK_CUR }, { -5, SEEK_CUR }, { -1, SEEK_SET },
		{ 0, SEEK_DATA }, { 0, SEEK_HOLE }, { 123456789012, SEEK_DATA }, { LONG_MAX, SEEK_DATA }, { LONG_MAX, SEEK_HOLE }, { -1, SEEK_DATA }, { 0, 9 },
	};
	char buf[512];
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	for (size_t k = 0; k < COUNT(all); k++) {
		long pos = lseek(fd, all[k].off, all[k].whence);

		say("lseek(%s, %ld, %d) = ", dir, all[k].off, all[k].whence);
		pos < 0 ? say("%s\n", errname(errno)) : say("%ld\n", pos);
	}
	NEED(lseek(fd, 0, SEEK_END) == LONG_MAX);
	V(SYS(getdents64, fd, buf, sizeof(buf)));
	NEED(lseek(fd, LONG_MAX - 1, SEEK_SET) > 0);
	V(SYS(getdents64, fd, buf, sizeof(buf)));
	close(fd);
}

/* Others make and remove names all the time. */
static void beside(const char *dir, int old)
{
	pid_t pids[2];
	int fd;

	NEED(mkdir(dir, 0755) == 0);
	make(dir, "old", 0, old);
	for (int k = 0; k < 2; k++) {
		pids[k] = fork();
		if (!pids[k]) {
			for (int n = 0; n < 3000; n += 50) {
				make(dir, k ? "first " : "second ", n, 50);
				if (n % 200 == 150)
					take(dir, k ? "first " : "second ", n - 100, 100);
			}
			_exit(0);
		}
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	for (int turn = 0; turn < 12; turn++) {
		NEED(lseek(fd, 0, SEEK_SET) == 0);
		read_all(dir, dir, fd, 64 << turn % 4, old, NULL);
	}
	close(fd);
	for (int k = 0; k < 2; k++) {
		kill(pids[k], SIGKILL);
		NEED(waitpid(pids[k], NULL, 0) == pids[k]);
	}
}

/* Until nothing is left, as rm does. */
static void removes(const char *dir, int count)
{
	char path[300];
	struct dirent *e;
	DIR *d;
	int gone = 0;

	NEED(mkdir(dir, 0755) == 0);
	make(dir, "old", 0, count);
	d = opendir(dir);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		gone += e->d_name[0] != '.' && unlink(path) == 0;
	}
	closedir(d);
	say("%s: %d of %d removed while they were read\n", dir, gone, count);
	R(rmdir(dir));
}

int main(void)
{
	disk_enter();
	put_text("one", "");
	growing("splits", 1000, 200, makes_some);
	growing("splits2", 2500, 64, makes_one);
	growing("becomes indexed", 80, 64, makes_some);
	growing("becomes indexed2", 100, 100, makes_one);
	places("large", 2000);
	places("small", 60);
	seeks("large");
	seeks("small");
	beside("beside", 300);
	removes("removed", 2500);
	removes("removed2", 50);
	disk_leave();
	return 0;
}
