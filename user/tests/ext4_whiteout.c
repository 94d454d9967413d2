/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * renameat2 with RENAME_WHITEOUT: what has the old name afterwards, over a name that was free or taken, across directories, after a new mount. */
#include "ext4.h"

#define WHITEOUT 4

static int move(const char *from, const char *to, int flags)
{
	return (int)SYS(renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void show(const char *name)
{
	struct stat st;

	if (lstat(name, &st) != 0)
		say("%s: %s\n", name, strerror(errno));
	else
		say("%s: %o %lx, %lu names\n", name, st.st_mode, (unsigned long)(S_ISCHR(st.st_mode) ? st.st_rdev : 0), (unsigned long)st.st_nlink);
}

int main(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "sub", "sub/a", "sub/d" };
	int fd;

	disk_enter();
	NEED(mkdir("sub", 0755) == 0 && mkdir("d", 0700) == 0 && mkdir("e", 0755) == 0);
	for (int k = 0; k < 3; k++) {
		fd = open(names[k], O_CREAT | O_WRONLY, 0640);
		NEED(fd >= 0 && write(fd, names[k], 1) == 1 && close(fd) == 0);
	}
	R(move("a", "sub/a", WHITEOUT));
	R(move("b", "c", WHITEOUT));
	R(move("d", "sub/d", WHITEOUT));
	R(move("e", "e", WHITEOUT));
	R(move("none", "e", WHITEOUT));
	R(move("c", "e", WHITEOUT));
	R(move("c", "e", WHITEOUT | 2));
	R(move("c", "sub/a", WHITEOUT | 1));
	R(move("c", "a", WHITEOUT | 1));
	for (unsigned k = 0; k < sizeof(names) / sizeof(*names); k++)
		show(names[k]);
	disk_again();
	for (unsigned k = 0; k < sizeof(names) / sizeof(*names); k++)
		show(names[k]);
	R(open("a", O_RDONLY));
	R(unlink("a"));
	R(move("c", "a", WHITEOUT | 1));
	show("a");
	show("c");
	disk_leave();
	return 0;
}
