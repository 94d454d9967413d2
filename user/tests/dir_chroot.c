/* stage: 08; libc: musl; run: host+guest
 * Where a process stands: chdir, fchdir, getcwd, chroot, a removed folder, the *at calls with folders. */
#include "t.h"

int main(void)
{
	char buf[256];
	const char *top;
	struct stat st;
	int fd;

	top = t_dir();
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("a/b/c", 0755);
	symlink("a/b", "s");
	put_text("a/f", "in a");
	R(chdir("s/c"));
	NEED(getcwd(buf, sizeof(buf)));
	S(buf + strlen(top));
	R(chdir(".."));
	NEED(getcwd(buf, sizeof(buf)));
	S(buf + strlen(top));
	R(SYS(getcwd, buf, 3));
	R(SYS(getcwd, buf, 0));
	R(SYS(getcwd, (void *)8, 100));
	R(SYS(getcwd, buf, strlen(top) + 5) == (long)strlen(top) + 5);
	R(chdir("none"));
	R(chdir("../f"));
	R(chdir(""));
	R(chdir((char *)8));
	fd = open(".", O_RDONLY);
	R(chdir("/"));
	R(fchdir(fd));
	R(fchdir(99));
	R(fchdir(open("../f", O_RDONLY)));
	/* A folder that is no more. */
	R(chdir("c"));
	R(rmdir("../c"));
	R(SYS(getcwd, buf, sizeof(buf)));
	R(stat(".", &st));
	V(st.st_nlink);
	R(stat("..", &st));
	R(open("x", O_CREAT | O_WRONLY, 0644));
	R(mkdir("x", 0755));
	R(chdir(".."));
	R(stat("f", &st));
	R(chdir(top));
	R(rename("a/b", "moved"));
	R(fchdir(fd));
	NEED(getcwd(buf, sizeof(buf)));
	S(buf + strlen(top));
	R(chdir(top));

	/* The *at calls. */
	close(fd);
	fd = open("a", O_RDONLY | O_DIRECTORY);
	R(fstatat(fd, "f", &st, 0));
	R(fstatat(fd, "none", &st, 0));
	R(fstatat(fd, "", &st, 0));
	R(fstatat(fd, "", &st, AT_EMPTY_PATH));
	T(S_ISDIR(st.st_mode));
	R(fstatat(fd, "f", &st, 0x10000));
	R(fstatat(99, "f", &st, 0));
	R(fstatat(99, "/", &st, 0));
	R(fstatat(AT_FDCWD, "s", &st, AT_SYMLINK_NOFOLLOW));
	T(S_ISLNK(st.st_mode));
	R(mkdirat(fd, "made", 0755));
	R(symlinkat("target", fd, "soft"));
	R(linkat(fd, "f", fd, "hard", 0));
	R(linkat(fd, "soft", fd, "hardsoft", 0));
	R(linkat(fd, "soft", fd, "followed", AT_SYMLINK_FOLLOW));
	R(lstat("a/hardsoft", &st));
	T(S_ISLNK(st.st_mode) && st.st_nlink == 2);
	R(linkat(fd, "f", fd, "x", 1));
	R(renameat(fd, "hard", AT_FDCWD, "here"));
	R(stat("here", &st));
	V(st.st_nlink);
	R(unlinkat(fd, "made", 0));
	R(unlinkat(fd, "made", AT_REMOVEDIR));
	R(unlinkat(fd, "f", AT_REMOVEDIR));
	R(unlinkat(fd, "f", 0x10));
	R(unlinkat(fd, "f", 0));
	R(mknodat(fd, "fifo", S_IFIFO | 0644, 0));
	R(mknodat(fd, "dir", S_IFDIR | 0755, 0));
	R(mknodat(fd, "odd", 0170000 | 0644, 0));
	R(mknodat(fd, "plain", 0644, 0));
	R(faccessat(fd, "plain", R_OK, 0));

	/* A root of its own. */
	mkdir("jail", 0755);
	put_text("jail/inside", "x");
	symlink("/inside", "jail/absolute");
	symlink("../../../../..", "jail/up");
	IN_CHILD("in the jail") {
		int outside = open("/", O_RDONLY | O_DIRECTORY);

		R(chroot("none"));
		R(chroot("jail/inside"));
		R(chroot("jail"));
		R(stat("/inside", &st));
		R(stat("/absolute", &st));
		R(stat("/up/inside", &st));
		R(stat("/../inside", &st));
		R(stat("/tmp", &st));
		R(stat("here", &st));		/* chroot leaves the current folder alone */
		R(chdir("/"));
		R(SYS(getcwd, buf, sizeof(buf)));
		S(buf);
		R(chdir(".."));
		R(stat("inside", &st));
		R(fchdir(outside));
		R(SYS(getcwd, buf, sizeof(buf)));
		say("%.13s\n", buf);
		R(stat("tmp", &st));
	}
	return 0;
}
