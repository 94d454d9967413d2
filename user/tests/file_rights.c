/* stage: 12; libc: musl; run: guest+golden
 * Who may do what: mode bits, sticky directories, set-id bits that go away, owners and groups, programs that run. */
#include "t.h"
#include <grp.h>
#include <sys/sysmacros.h>

static void mode_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s: %o %d:%d\n", path, st.st_mode, (int)st.st_uid, (int)st.st_gid);
}

static void become(uid_t uid, gid_t gid, gid_t extra)
{
	NEED(setgroups(extra ? 1 : 0, &extra) == 0);
	NEED(setgid(gid) == 0 && setuid(uid) == 0);
}

int main(void)
{
	static const char script[] = "#!/bin/none\n";
	struct timespec both[2] = { { 5, 0 }, { 6, 0 } };
	int fd;

	t_dir();
	chmod(".", 0777);
	put_text("f", "x");
	NEED(mkdir("sticky", 0755) == 0 && chmod("sticky", 01777) == 0);
	NEED(mkdir("sgid", 0755) == 0 && chown("sgid", 0, 77) == 0 && chmod("sgid", 02777) == 0);
	put_text("sticky/root", "x");
	chmod("sticky/root", 0666);
	put_text("secret", "x");
	chmod("secret", 0600);
	NEED(mkdir("shut", 0700) == 0);
	put_text("shut/in", "x");
	NEED(mkdir("blind", 0755) == 0);
	put_text("blind/in", "x");
	chmod("blind", 0711);

	IN_CHILD("another") {
		become(1000, 1000, 0);
		R(open("secret", O_RDONLY));
		R(open("f", O_RDWR));
		R(open("f", O_RDONLY | O_TRUNC));
		R(open("shut/in", O_RDONLY));
		R(open("shut/none", O_RDONLY));
		R(open("blind/in", O_RDONLY) >= 0);
		R(open("blind", O_RDONLY));
		R(mkdir("shut/x", 0755));
		R(unlink("shut/in"));
		R(rename("shut/in", "y"));
		R(chmod("f", 0777));
		R(chown("f", 1000, -1));
		R(chown("f", -1, -1));
		R(utimensat(AT_FDCWD, "f", both, 0));
		R(utimensat(AT_FDCWD, "f", NULL, 0));
		R(unlink("sticky/root"));
		R(rename("sticky/root", "sticky/mine"));
		R(open("sticky/root", O_RDWR) >= 0);
		put_text("sticky/own", "x");
		R(rename("sticky/own", "sticky/root"));
		R(unlink("sticky/own"));
		R(open("f", O_RDONLY | O_NOATIME));
		R(chroot("."));
		R(mknod("dev", S_IFCHR | 0666, makedev(1, 3)));
		R(mknod("pipe", S_IFIFO | 0666, 0));
		R(symlink("x", "shut/l"));
			R(access("secret", R_OK));
		R(access("f", X_OK));
		R(access("f", R_OK));
		R(truncate("f", 0));
		R(chdir("shut"));
		/* In a set-group-id directory. */
		umask(0);
		R(mkdir("sgid/d", 0777));
		mode_of("sgid/d");
		put_text("sgid/f", "x");
		mode_of("sgid/f");
		R(chmod("sgid/f", 02755));
		mode_of("sgid/f");
		R(chmod("sgid/d", 02777));
		mode_of("sgid/d");
	}
	/* Set-id bits go with a write, a new owner, a cut. */
	umask(022);
	put_text("suid", "x");
	NEED(chown("suid", 1000, 1000) == 0);
	R(chmod("suid", 06755));
	mode_of("suid");
	fd = open("suid", O_WRONLY);
	R(write(fd, "y", 1));
	mode_of("suid");
	R(chown("suid", 1000, 1000));
	mode_of("suid");
	R(chmod("suid", 06745));
	R(lchown("suid", -1, -1));
	mode_of("suid");
	R(fchmod(fd, 06755));
	close(fd);
	IN_CHILD("owner") {
		become(1000, 1000, 50);
		fd = open("suid", O_WRONLY);
		mode_of("suid");
		R(write(fd, "", 0));
		mode_of("suid");
		R(write(fd, "y", 1));
		mode_of("suid");
		R(chmod("suid", 06777));
		R(ftruncate(fd, 0));
		mode_of("suid");
		R(chown("suid", -1, 50));
		mode_of("suid");
		R(chown("suid", -1, 51));
		R(chown("suid", 1001, -1));
		R(chown("suid", 1000, 1000));
		R(chmod("suid", 02755));
		mode_of("suid");
		R(utimensat(AT_FDCWD, "suid", both, 0));
	}
	/* A running program is not written, an open one is not run. */
	put_file("prog", script, sizeof(script) - 1);
	chmod("prog", 0755);
	fd = open("prog", O_WRONLY);
	R(execl("prog", "prog", (char *)NULL));
	close(fd);
	R(execl("prog", "prog", (char *)NULL));
	chmod("prog", 0644);
	R(execl("prog", "prog", (char *)NULL));
	R(execl(".", ".", (char *)NULL));
	R(execl("prog/x", "x", (char *)NULL));
	R(open("/proc/self/exe", O_WRONLY));
	IN_CHILD("real ids") {
		NEED(setresuid(1000, 0, 0) == 0);
		R(access("secret", R_OK));
		R(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS));
		R(open("secret", O_RDONLY) >= 0);
	}
	return 0;
}
