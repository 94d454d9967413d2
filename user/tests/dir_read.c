/* stage: 08; libc: musl; run: host+guest
 * getdents64: nothing lost with the smallest buffers, the types, seeking, a folder that changes underneath. */
#include "t.h"
#include <dirent.h>

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static char seen[400];

static int number(const char *name)
{
	return name[0] == 'n' ? atoi(name + 1) : -1;
}

static void scan(const char *what, int fd, size_t size)
{
	char buf[8192] __attribute__((aligned(8)));
	int entries = 0, dots = 0, twice = 0, calls = 0, missing = 0;
	long got;

	memset(seen, 0, sizeof(seen));
	while ((got = SYS(getdents64, fd, buf, size)) > 0) {
		calls++;
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buf + at);
			int n = number(e->name);

			if (!strcmp(e->name, ".") || !strcmp(e->name, ".."))
				dots++;
			if (n >= 0 && n < 400)
				twice += seen[n]++;
			entries++;
			at += e->reclen;
			if (e->reclen % 8 || e->reclen < offsetof(struct entry, name) + strlen(e->name) + 1)
				say("bad record length\n");
		}
	}
	for (int i = 0; i < 400; i++)
		missing += !seen[i];
	say("%s: %s, %d entries, %d dots, %d twice, %d missing, %s\n", what, got < 0 ? errname(errno) : "end", entries, dots,
	    twice, missing, calls > 10 ? "many calls" : "few calls");
}

int main(void)
{
	char buf[64] __attribute__((aligned(8))), name[32];
	struct dirent *e;
	DIR *dir;
	long where[8];
	int fd, count;

	t_dir();
	mkdir("many", 0755);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "many/n%d", i);
		put_text(name, "");
	}
	fd = open("many", O_RDONLY | O_DIRECTORY);
	scan("large buffer", fd, 8192);
	R(SYS(getdents64, fd, buf, sizeof(buf)));
	R(lseek(fd, 0, SEEK_SET));
	scan("32 bytes", fd, 32);
	R(lseek(fd, 0, SEEK_SET));
	scan("100 bytes", fd, 100);
	R(lseek(fd, 0, SEEK_SET));
	R(SYS(getdents64, fd, buf, 10));
	R(SYS(getdents64, fd, buf, 0));
	R(SYS(getdents64, fd, (void *)8, 100));
	R(SYS(getdents64, 99, buf, 64));
	R(SYS(getdents64, open("many/n1", O_RDONLY), buf, 64));

	/* Going back to a remembered place. */
	dir = opendir("many");
	count = 0;
	while ((e = readdir(dir)) != NULL) {
		if (count < 8)
			where[count] = telldir(dir);
		count++;
	}
	V(count);
	seekdir(dir, where[3]);
	for (count = 0; readdir(dir); count++)
		;
	V(count);
	rewinddir(dir);
	for (count = 0; readdir(dir); count++)
		;
	V(count);
	closedir(dir);

	/* Deleting while reading: what stays is seen exactly once. */
	dir = opendir("many");
	count = 0;
	while ((e = readdir(dir)) != NULL) {
		if (number(e->d_name) < 0)
			continue;
		count++;
		snprintf(name, sizeof(name), "many/%s", e->d_name);
		unlink(name);
	}
	closedir(dir);
	say("deleted while reading: %d\n", count);
	R(rmdir("many"));

	/* Types, an empty folder, a removed one. */
	mkdir("types", 0755);
	mkdir("types/dir", 0755);
	put_text("types/file", "");
	symlink("x", "types/link");
	mkfifo("types/fifo", 0644);
	mknod("types/null", S_IFCHR | 0600, 1 * 256 + 3);
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = { "dir", "file", "link", "fifo", "null" };

		dir = opendir("types");
		while ((e = readdir(dir)) != NULL)
			if (!strcmp(e->d_name, names[i]))
				say("%s: type %d\n", e->d_name, e->d_type);
		closedir(dir);
	}
	mkdir("empty", 0755);
	fd = open("empty", O_RDONLY);
	scan("empty", fd, 512);
	lseek(fd, 0, SEEK_SET);
	R(rmdir("empty"));
	R(SYS(getdents64, fd, buf, 64));
	R(openat(fd, "x", O_CREAT | O_WRONLY, 0644));
	return 0;
}
