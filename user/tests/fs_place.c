/* stage: 12; libc: musl; run: guest+golden
 * Mount flags at work, bind and move, pivot_root, detached trees, working directories that are gone. */
#include "t.h"
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define CWD() do { char c_[256]; long n_ = syscall(SYS_getcwd, c_, sizeof(c_)); \
	if (n_ < 0) say("cwd: %s\n", errname(errno)); else say("cwd: %ld\n", n_ - strip); } while (0)

int main(void)
{
	struct statfs fs;
	struct stat st;
	char here[64];
	int fd, strip;

	t_dir();
	NEED(getcwd(here, sizeof(here)) != NULL);
	strip = strlen(here);
	NEED(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("c", 0755) == 0);
	R(mount("t", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=700"));
	NEED(stat("a", &st) == 0);
	X(st.st_mode);
	NEED(statfs("a", &fs) == 0);
	X(fs.f_flags);
	V(fs.f_blocks);
	V(fs.f_bfree);
	R(mknod("a/null", S_IFCHR | 0666, makedev(1, 3)));
	R(open("a/null", O_RDWR));
	R(open("a/null", O_PATH) >= 0);
	put_text("a/run", "#!/bin/none\n");
	chmod("a/run", 0755);
	R(execl("a/run", "run", (char *)NULL));
	R(access("a/run", X_OK));
	fd = open("a/run", O_RDONLY);
	R((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	close(fd);
	R(umount("a"));
	for (fd = 3; fd < 10; fd++)
		close(fd);
	R(umount("a"));
	R(umount("a"));
	R(umount("none"));
	R(mount("t", "none", "tmpfs", 0, NULL));
	R(mount("t", "a", "nofs", 0, NULL));
	R(mount("t", "a", NULL, 0, NULL));
	R(mount("t", "a", "tmpfs", 0, "size=0"));
	R(umount("a"));
	/* Bind: a subtree, a file, with and without what is below. */
	NEED(mkdir("a/x", 0755) == 0 && mkdir("a/x/y", 0755) == 0);
	R(mount("t", "a/x/y", "tmpfs", 0, NULL));
	put_text("a/x/y/deep", "1");
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(access("b/x", F_OK));
	R(access("b/x/y/deep", F_OK));
	R(umount("b"));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	R(access("b/x/y/deep", F_OK));
	R(umount("b"));
	R(umount2("b", MNT_DETACH));
	put_text("file", "1");
	put_text("over", "2");
	R(mount("file", "over", NULL, MS_BIND, NULL));
	NEED(stat("over", &st) == 0);
	R(unlink("over"));
	R(rename("file", "over"));
	R(rename("file", "moved"));
	R(umount("over"));
	R(mount("file", "a", NULL, MS_BIND, NULL));
	R(mount("a", "moved", NULL, MS_BIND, NULL));
	R(rmdir("a/x/y"));
	R(rename("a/x", "b/x"));
	R(rename("a/x", "a/z"));
	R(link("a/z/y/deep", "a/deep"));
	/* A read-only view of a writable tree. */
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mkdir("b/new", 0755));
	R(mkdir("a/new", 0755));
	R(rmdir("b/new"));
	R(chmod("b/new", 0700));
	R(symlink("x", "b/new"));
	R(symlink("x", "b/l"));
	R(open("b/new/f", O_RDONLY | O_CREAT, 0644));
	R(open("b/new", O_RDONLY) >= 0);
	R(utimensat(AT_FDCWD, "b/new", NULL, 0));
	R(access("b/new", W_OK));
	for (fd = 3; fd < 10; fd++)
		close(fd);
	R(umount("b"));
	fd = open("a/w", O_WRONLY | O_CREAT, 0644);
	R(mount(NULL, "a/z/y", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(open("a/z/y/new", O_WRONLY | O_CREAT, 0644));
	R(mount(NULL, "a/z/y", NULL, MS_REMOUNT, NULL));
	R(mount(NULL, "a/z", NULL, MS_REMOUNT, NULL));
	close(fd);
	/* Move. */
	R(mount("a/z/y", "c", NULL, MS_MOVE, NULL));
	R(access("c/deep", F_OK));
	R(access("a/z/y/deep", F_OK));
	R(mount("c", "c", NULL, MS_MOVE, NULL));
	R(mount("a", "b", NULL, MS_MOVE, NULL));
	R(mount(NULL, "c", NULL, MS_PRIVATE, NULL));
	R(mount(NULL, "c", NULL, MS_PRIVATE | MS_SHARED, NULL));
	R(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
	/* A tree that is detached while somebody stands in it. */
	NEED(mkdir("c/in", 0755) == 0);
	IN_CHILD("inside") {
		NEED(chdir("c/in") == 0);
		CWD();
		R(umount("/proc/self/cwd"));
		R(umount2("..", MNT_DETACH));
		R(mkdir("more", 0755));
		R(access("../deep", F_OK));
		R(access("../../a", F_OK));
		R(chdir(".."));
		R(chdir(".."));
		R(access("deep", F_OK));
	}
	R(access("c/deep", F_OK));
	/* Removed working directory. */
	NEED(mkdir("gone", 0755) == 0);
	IN_CHILD("removed") {
		NEED(chdir("gone") == 0);
		NEED(rmdir("../gone") == 0);
		CWD();
		R(open("f", O_RDONLY | O_CREAT, 0644));
		R(mkdir("d", 0755));
		R(open(".", O_RDONLY) >= 0);
		R(access("..", F_OK));
		R(stat("x", &st));
		R(rmdir("."));
		R(chdir("."));
	}
	R(umount2("c", 64));
	R(umount2("c", MNT_EXPIRE | MNT_DETACH));
	IN_CHILD("no right to") {
		NEED(setuid(1000) == 0);
		R(mount("t", "a", "tmpfs", 0, NULL));
		R(umount("a"));
		R(chroot("a"));
	}
	/* pivot_root: from a tmpfs of one's own. */
	NEED(mkdir("new", 0755) == 0);
	NEED(mount("t", "new", "tmpfs", 0, NULL) == 0);
	NEED(mkdir("new/old", 0755) == 0 && mkdir("new/root2", 0755) == 0);
	R(syscall(SYS_pivot_root, "new", "new/old"));
	IN_CHILD("in a chroot") {
		NEED(chroot("new") == 0 && chdir("/") == 0);
		NEED(mount("t", "/root2", "tmpfs", 0, NULL) == 0);
		NEED(mkdir("/root2/old", 0755) == 0);
		R(syscall(SYS_pivot_root, "/root2", "/old"));
		R(syscall(SYS_pivot_root, "/root2", "/root2/old"));
		R(chdir("/"));
		R(access("/old/root2", F_OK));
		R(access("/old", F_OK));
		R(umount2("/old", MNT_DETACH));
	}
	return 0;
}
