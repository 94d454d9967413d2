/* What the tree is: kind, mode, owner, names, size, contents, extended attributes, and which times are others than when it was told last. */
#include "storm.h"
#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define KNOWN_MAX 2048
#define NAMES_MAX 512 /* in a directory */

char *paths[PATHS_MAX];
int path_count;

static struct known {
	ino_t ino;
	struct timespec a, m, c;
	bool seen;
} known[KNOWN_MAX];
static int known_count;
static bool telling; /* the second walk only learns the times */

void tree_forget(void)
{
	known_count = 0;
}

static struct known *known_of(ino_t ino)
{
	for (int k = 0; k < known_count; k++)
		if (known[k].ino == ino)
			return &known[k];
	if (known_count == KNOWN_MAX)
		return NULL;
	known[known_count] = (struct known){ .ino = ino };
	return &known[known_count++];
}

/* A time that a call has set stands for itself; of one that the clock has set: whether it is new. */
static void time_words(char *to, size_t size, char name, struct timespec now, struct timespec before, bool seen)
{
	if (now.tv_sec < 1000000000l || now.tv_sec > 4000000000l)
		snprintf(to, size, " %c=%ld.%ld", name, (long)now.tv_sec, now.tv_nsec);
	else if (!seen || now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec)
		snprintf(to, size, " %c", name);
	else
		*to = '\0';
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of `name` in the working directory: a hash of names and values, whatever order they come in; 0 if there are none. */
static uint64_t attributes(const char *name)
{
	static char list[8192], value[8192];
	ssize_t size = llistxattr(name, list, sizeof(list)), got;
	uint64_t sum = size < 0 ? (uint64_t)errno : 0;

	for (char *at = list; size > 0 && at < list + size; at += strlen(at) + 1) {
		got = lgetxattr(name, at, value, sizeof(value));
		sum += hash_bytes(hash_bytes(HASH_START, at, strlen(at) + 1), value, got > 0 ? (size_t)got : 0) + (got < 0 ? (uint64_t)errno : 0);
	}
	return sum;
}

static uint64_t contents(const char *name)
{
	static char data[8192];
	int fd = open(name, O_RDONLY | O_NOATIME | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got;

	if (fd < 0)
		return (uint64_t)errno;
	got = read(fd, data, sizeof(data));
	close(fd);
	return got < 0 ? (uint64_t)errno : hash_bytes(HASH_START, data, (size_t)got);
}

static void tell_one(const char *path, const char *name, const struct stat *st, struct known *k)
{
	static const char kinds[] = "?pc?d?b?-?l?s?";
	char times[3][48];
	long size = S_ISDIR(st->st_mode) ? 0 : (long)st->st_size; /* how a directory grows is the file system's affair */

	time_words(times[0], sizeof(times[0]), 'a', st->st_atim, k->a, k->seen);
	time_words(times[1], sizeof(times[1]), 'm', st->st_mtim, k->m, k->seen);
	time_words(times[2], sizeof(times[2]), 'c', st->st_ctim, k->c, k->seen);
	note("  %s: %c%04o %u:%u links %lu size %ld", path, kinds[st->st_mode >> 12], st->st_mode & 07777, st->st_uid, st->st_gid, (unsigned long)st->st_nlink, size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		note(" dev %u:%u", major(st->st_rdev), minor(st->st_rdev));
	note("%s%s%s", times[0], times[1], times[2]);
	if (S_ISREG(st->st_mode) && st->st_size)
		note(" data %08x", (unsigned)contents(name));
	note(" xattrs %08x\n", (unsigned)attributes(name));
}

static void keep_path(const char *path)
{
	if (path_count < PATHS_MAX && strlen(path) < PATH_KEPT)
		paths[path_count++] = strdup(path);
}

static void walk(char *path, size_t length, size_t room);

/* `name` in the working directory, which path[0 ... length) names. */
static void visit(char *path, size_t length, size_t room, const char *name)
{
	struct known *k;
	struct stat st;
	size_t more = strlen(name);
	int back, fd;

	if (lstat(name, &st)) {
		note("  %s: %s\n", name, errname(errno));
		return;
	}
	if (length + more + 2 < room) {
		path[length] = '/';
		memcpy(path + length + 1, name, more + 1);
		length += more + 1;
	}
	k = known_of(st.st_ino);
	if (telling) {
		tell_one(path, name, &st, k);
		keep_path(path);
	} else {
		*k = (struct known){ st.st_ino, st.st_atim, st.st_mtim, st.st_ctim, true };
	}
	if (!S_ISDIR(st.st_mode))
		return;
	back = open(".", O_PATH | O_DIRECTORY);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_NOATIME);
	NEED(back >= 0 && fd >= 0 && fchdir(fd) == 0);
	close(fd);
	walk(path, length, room);
	NEED(fchdir(back) == 0);
	close(back);
}

/* The working directory's names, in their alphabet's order. */
static void walk(char *path, size_t length, size_t room)
{
	static char buf[65536];
	char **names = calloc(NAMES_MAX, sizeof(*names));
	int count = 0, fd = open(".", O_RDONLY | O_DIRECTORY | O_NOATIME);
	long got;

	NEED(fd >= 0);
	while ((got = SYS(getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < got; at += ((struct dirent *)(buf + at))->d_reclen) {
			const char *name = ((struct dirent *)(buf + at))->d_name;

			if (strcmp(name, ".") && strcmp(name, "..") && count < NAMES_MAX)
				names[count++] = strdup(name);
		}
	close(fd);
	qsort(names, (size_t)count, sizeof(*names), by_name);
	for (int n = 0; n < count; n++) {
		visit(path, length, room, names[n]);
		path[length] = '\0';
		free(names[n]);
	}
	free(names);
}

static void walk_all(void)
{
	char path[8192] = "";
	int back = open(".", O_PATH | O_DIRECTORY);

	NEED(back >= 0 && chdir("/") == 0);
	walk(path, 0, sizeof(path));
	NEED(fchdir(back) == 0);
	close(back);
}

/* Until the clock that files are stamped by has gone on: what is done from here on has other times than all before. */
static void next_tick(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	do {
		nap(2);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec == start.tv_sec && now.tv_nsec == start.tv_nsec);
}

void tree_tell(void)
{
	struct stat st;

	while (path_count)
		free(paths[--path_count]);
	telling = true;
	NEED(stat("/", &st) == 0);
	note("  /: %04o %u:%u links %lu\n", st.st_mode & 07777, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
	walk_all();
	NEED(stat(".", &st) == 0);
	note("  .: %04o %u:%u links %lu\n", st.st_mode & 07777, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
	for (int n = 0; n < FDS; n++)
		if (fds[n] >= 0 && fstat(fds[n], &st) == 0)
			note("  fd %d: %06o %u:%u links %lu size %ld\n", n, st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size);
	telling = false;
	known_count = 0;
	walk_all();
	next_tick();
}
