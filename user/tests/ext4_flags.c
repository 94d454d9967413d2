/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * What lsattr shows of a disk's files, and what chattr does that reads flags, changes one, and writes them all: also those that only the file system sets. */
#include "ext4.h"

#define GETFLAGS 0x80086601ul
#define SETFLAGS 0x40086602ul

static int flags_of(int fd)
{
	int now = 0;

	NEED(ioctl(fd, GETFLAGS, &now) == 0);
	return now;
}

static void change(int fd, int set, int clear)
{
	int n = (flags_of(fd) | set) & ~clear;

	say("+%#x -%#x: ", set, clear);
	R(ioctl(fd, SETFLAGS, &n));
	X(flags_of(fd));
}

static void show(const char *path)
{
	int fd = open(path, O_RDONLY);

	say("%s: ", path);
	X(flags_of(fd));
	change(fd, 0x40, 0);
	change(fd, 0x80, 0x40);
	change(fd, 0x10, 0);
	change(fd, 0, 0x10);
	change(fd, 0x40000, 0);  /* a huge file: nobody sees it */
	change(fd, 0x1000, 0);   /* an index: it is not for programs to say so */
	change(fd, 0, 0x80);
	close(fd);
}

int main(void)
{
	char name[64];

	disk_enter();
	put_text("file", "text");
	NEED(mkdir("folder", 0755) == 0 && mkdir("large", 0755) == 0);
	for (int n = 0; n < 300; n++) {
		snprintf(name, sizeof(name), "large/a-name-of-some-length-%d", n);
		put_text(name, "");
	}
	NEED(symlink("file", "link") == 0 && mknod("fifo", S_IFIFO | 0600, 0) == 0);
	show("file");
	show("folder");
	show("large");
	R(chdir("/"));
	disk_leave();
	return 0;
}
