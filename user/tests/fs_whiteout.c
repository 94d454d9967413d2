/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * renameat2 with RENAME_WHITEOUT: what has the old name afterwards, over a name that was free or taken, across directories, after a new mount; on a disk and in memory. */
#include "ext4.h"

#define WHITEOUT 4

static int move(const char *from, const char *to, int flags)
{
	return (int)SYS(renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static int statfs_free(void)
{
	struct statfs fs;

	return statfs(".", &fs) ? -1 : (int)fs.f_ffree;
}

static void show(const char *name)
{
	struct stat st;

	if (lstat(name, &st) != 0)
		say("%s: %s\n", name, strerror(errno));
	else
		say("%s: %o %lx, %lu names\n", name, st.st_mode, (unsigned long)(S_ISCHR(st.st_mode) ? st.st_rdev : 0), (unsigned long)st.st_nlink);
}

static const char *const names[] = { "a", "b", "c", "d", "e", "sub", "sub/a", "sub/d" };

static void show_all(void)
{
	for (unsigned k = 0; k < sizeof(names) / sizeof(*names); k++)
		show(names[k]);
}

static void make_and_move(void)
{
	int fd;

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
	show_all();
}

/* A directory that is not empty stays, and so does what would have taken its place: no whiteout is left of it. */
static void refused(void)
{
	R(move("e", "sub", WHITEOUT));
	show("e");
	R(unlink("e"));
	R(rmdir("e"));
}

static void again_from_whiteout(void)
{
	R(open("a", O_RDONLY));
	R(unlink("a"));
	R(move("c", "a", WHITEOUT | 1));
	show("a");
	show("c");
}

int main(void)
{
	disk_enter();
	make_and_move();
	disk_again();
	show_all();
	again_from_whiteout();
	refused();
	disk_leave();
	say("in memory\n");
	NEED(mkdir("/tmp/whiteout", 0755) == 0 && mount("none", "/tmp/whiteout", "tmpfs", 0, "nr_inodes=9") == 0 && chdir("/tmp/whiteout") == 0);
	R(statfs_free());
	make_and_move();
	R(statfs_free());
	again_from_whiteout();
	R(statfs_free());
	R(move("sub/a", "sub/b", WHITEOUT));
	R(move("sub/b", "sub/c", WHITEOUT));
	R(statfs_free());
	refused();
	R(statfs_free());
	NEED(chdir("/") == 0 && umount("/tmp/whiteout") == 0 && rmdir("/tmp/whiteout") == 0);
	return 0;
}
