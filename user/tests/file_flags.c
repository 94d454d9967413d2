/* stage: 12; libc: musl; run: guest+golden
 * Flags of chattr on tmpfs: immutable and append-only files and directories; and what statx and other ioctls say. */
#include "t.h"
#include <sys/ioctl.h>

#define GETFLAGS 0x80086601
#define SETFLAGS 0x40086602

static void set(const char *path, int flags)
{
	int fd = open(path, O_RDONLY), now = 0;

	say("%s %#x: ", path, flags);
	R(ioctl(fd, SETFLAGS, &flags));
	R(ioctl(fd, GETFLAGS, &now));
	X(now);
	close(fd);
}

static void show(const char *path)
{
	static unsigned char x[256];

	if (SYS(statx, AT_FDCWD, path, 0, 0xfff, x) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s: attributes %#lx of %#lx\n", path, *(unsigned long *)(x + 8), *(unsigned long *)(x + 56));
}

int main(void)
{
	struct timespec both[2] = { { 5, 0 }, { 6, 0 } };
	int fd, n = 0;

	t_dir();
	put_text("f", "text");
	NEED(mkdir("d", 0755) == 0);
	put_text("d/in", "text");
	show("f");
	show("/proc/self");
	show("/proc");
	set("f", 0);
	set("f", 0x40);
	show("f");
	set("f", 1);
	set("f", 0x10);
	show("f");
	R(open("f", O_RDONLY) >= 0);
	R(open("f", O_WRONLY));
	R(open("f", O_RDONLY | O_TRUNC));
	R(unlink("f"));
	R(rename("f", "g"));
	R(rename("d/in", "f"));
	R(link("f", "g"));
	R(chmod("f", 0600));
	R(chown("f", 1, 1));
	R(truncate("f", 0));
	R(utimensat(AT_FDCWD, "f", both, 0));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(access("f", W_OK));
	IN_CHILD("somebody") {
		NEED(setuid(1000) == 0);
		set("f", 0);
	}
	set("f", 0x20);
	show("f");
	R(open("f", O_WRONLY));
	fd = open("f", O_WRONLY | O_APPEND);
	R(write(fd, "x", 1));
	R(ftruncate(fd, 0));
	R(fcntl(fd, F_SETFL, 0));
	close(fd);
	R(open("f", O_RDWR | O_TRUNC | O_APPEND));
	R(unlink("f"));
	R(link("f", "g"));
	R(chmod("f", 0600));
	R(utimensat(AT_FDCWD, "f", both, 0));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(truncate("f", 0));
	set("f", 0);
	set("d", 0x10);
	R(open("d/new", O_CREAT | O_WRONLY, 0644));
	R(unlink("d/in"));
	R(mkdir("d/d", 0755));
	R(rmdir("d"));
	R(rename("d", "e"));
	R(open("d/in", O_WRONLY) >= 0);
	set("d", 0x20);
	R(open("d/new", O_CREAT | O_WRONLY, 0644) >= 0);
	R(unlink("d/in"));
	R(rename("d/in", "d/out"));
	R(link("d/in", "d/more"));
	set("d", 0);
	R(unlink("d/in"));
	fd = open("f", O_RDWR);
	R(ioctl(fd, 2, &n));
	V(n);
	R(ioctl(fd, 0x40049409, 0));
	R(ioctl(fd, 0x40049409, fd));
	close(fd);
	fd = open("d", O_RDONLY);
	R(ioctl(fd, FIONREAD, &n));
	close(fd);
	fd = open("/proc/self/stat", O_RDONLY);
	R(ioctl(fd, GETFLAGS, &n));
	close(fd);
	return 0;
}
