/* stage: 08; libc: musl; run: host+guest
 * Attributes: chmod, chown, times, access, permissions for others than root, set-uid bits, sticky, umask. */
#include "t.h"
#include <sys/statfs.h>

static void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s: %06o %d:%d links %ld\n", path, st.st_mode, (int)st.st_uid, (int)st.st_gid, (long)st.st_nlink);
}

static void become(uid_t uid, gid_t gid)
{
	NEED(SYS(setgroups, 0, NULL) == 0);
	NEED(setgid(gid) == 0);
	NEED(setuid(uid) == 0);
}

#define TRY(call) do { int f_; errno = 0; f_ = (call); \
	say("%s: %s\n", #call, f_ < 0 ? errname(errno) : "opened"); if (f_ >= 0) close(f_); } while (0)

int main(void)
{
	struct timespec times[2];
	struct stat st;
	int fd;

	t_dir();
	put_text("f", "content");
	mkdir("d", 0755);
	symlink("f", "link");
	symlink("none", "dangling");

	R(chmod("f", 04755)); show("f");
	R(chmod("f", 0644)); show("f");
	R(chmod("link", 0600)); show("f"); show("link");
	R(chmod("none", 0600));
	R(chmod("f/", 0600));
	fd = open("f", O_RDONLY);
	R(fchmod(fd, 0640)); show("f");
	R(fchmodat(AT_FDCWD, "f", 0644, 0));
	R(fchmod(99, 0));
	R(chown("f", 100, 200)); show("f");
	R(chown("f", -1, 300)); show("f");
	R(chown("f", 0, -1)); show("f");
	chmod("f", 06755);
	R(chown("f", 100, 100)); show("f");
	chmod("f", 02644);
	R(chown("f", 100, 100)); show("f");
	R(chown("link", 7, 7)); show("f"); show("link");
	R(lchown("link", 8, 8)); show("f"); show("link");
	R(lchown("dangling", 9, 9)); show("dangling");
	R(chown("dangling", 9, 9));
	R(fchown(fd, 0, 0));
	R(fchownat(fd, "", 5, 5, AT_EMPTY_PATH)); show("f");
	R(fchownat(AT_FDCWD, "link", 6, 6, AT_SYMLINK_NOFOLLOW)); show("link");
	R(fchownat(AT_FDCWD, "f", 0, 0, 0x8000));
	R(fchownat(AT_FDCWD, "", 0, 0, 0));
	chown("f", 0, 0);
	chmod("f", 0644);

	/* Times. */
	times[0] = (struct timespec){ 1000000000, 123456789 };
	times[1] = (struct timespec){ 1100000000, 987654321 };
	R(utimensat(AT_FDCWD, "f", times, 0));
	stat("f", &st);
	say("%ld.%09ld %ld.%09ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	times[0].tv_nsec = UTIME_OMIT;
	times[1] = (struct timespec){ 1200000000, 0 };
	R(utimensat(AT_FDCWD, "f", times, 0));
	stat("f", &st);
	say("%ld %ld\n", (long)st.st_atim.tv_sec, (long)st.st_mtim.tv_sec);
	times[0].tv_nsec = UTIME_NOW;
	times[1].tv_nsec = UTIME_OMIT;
	R(utimensat(AT_FDCWD, "f", times, 0));
	stat("f", &st);
	T(st.st_atim.tv_sec > 1200000000 && st.st_mtim.tv_sec == 1200000000);
	times[0].tv_nsec = 1000000000;
	R(utimensat(AT_FDCWD, "f", times, 0));
	times[0] = times[1] = (struct timespec){ 5, 5 };
	R(utimensat(AT_FDCWD, "dangling", times, 0));
	R(utimensat(AT_FDCWD, "dangling", times, AT_SYMLINK_NOFOLLOW));
	lstat("dangling", &st);
	say("%ld\n", (long)st.st_mtim.tv_sec);
	R(futimens(fd, times));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(SYS(utimensat, fd, NULL, times, 0));
	R(utimensat(AT_FDCWD, "none", times, 0));
	R(utimensat(AT_FDCWD, "f", times, 0x8000));
	/* What changes which time. */
	utimensat(AT_FDCWD, "f", times, 0);
	utimensat(AT_FDCWD, "d", times, 0);
	{
		int w = open("f", O_WRONLY);

		write(w, "X", 1);
		close(w);
	}
	stat("f", &st);
	T(st.st_mtim.tv_sec != 5 && st.st_ctim.tv_sec != 5);
	put_text("d/new", "");
	stat("d", &st);
	T(st.st_mtim.tv_sec != 5);
	utimensat(AT_FDCWD, "d", times, 0);
	unlink("d/new");
	stat("d", &st);
	T(st.st_mtim.tv_sec != 5);
	utimensat(AT_FDCWD, "f", times, 0);
	chmod("f", 0600);
	stat("f", &st);
	T(st.st_mtim.tv_sec == 5 && st.st_ctim.tv_sec != 5);

	/* Rights of somebody else. */
	chmod("f", 0640);
	chown("f", 0, 1000);
	mkdir("closed", 0700);
	put_text("closed/in", "x");
	mkdir("noread", 0711);
	put_text("noread/in", "x");
	chmod("noread/in", 0644);
	mkdir("readonly", 0744);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	put_text("sticky/root", "");
	mkdir("group", 0775);
	chmod("group", 02775);
	chown("group", 0, 1000);
	put_text("exec", "");
	chmod("exec", 0111);
	IN_CHILD("user 1000, group 1000") {
		become(1000, 1000);
		TRY(open("f", O_RDONLY));
		TRY(open("f", O_RDWR));
		TRY(open("closed/in", O_RDONLY));
		TRY(open("closed", O_RDONLY));
		TRY(open("noread", O_RDONLY));
		TRY(open("noread/in", O_RDONLY));
		TRY(open("readonly", O_RDONLY));
		TRY(open("readonly/x", O_RDONLY));
		TRY(open("new", O_CREAT | O_WRONLY, 0644));
		TRY(open("exec", O_RDONLY));
		R(access("exec", X_OK));
		R(access("f", R_OK));
		R(access("f", W_OK));
		R(access("f", F_OK));
		R(access("closed/in", F_OK));
		R(access("f", 8));
		R(chmod("f", 0666));
		R(chown("f", 1000, 1000));
		R(unlink("f"));
		R(rename("f", "g"));
		R(mkdir("sub", 0755));
		R(unlink("sticky/root"));
		R(rename("sticky/root", "sticky/mine"));
		TRY(open("sticky/mine", O_CREAT | O_WRONLY, 0644));
		R(chmod("sticky/mine", 0600));
		R(chown("sticky/mine", 0, -1));
		R(chown("sticky/mine", -1, 1000));
		R(chown("sticky/mine", -1, 0));
		R(utimensat(AT_FDCWD, "f", NULL, 0));
		R(utimensat(AT_FDCWD, "f", times, 0));
		TRY(open("group/inherits", O_CREAT | O_WRONLY, 0644));
		show("group/inherits");
		mkdir("group/sub", 0755);
		show("group/sub");
		R(setuid(0));
		R(setgid(0));
		R(SYS(setgroups, 0, NULL));
		R(mknod("sticky/dev", S_IFCHR | 0666, 0x103));
		R(mknod("sticky/fifo", S_IFIFO | 0666, 0));
		R(chroot("."));
		R(kill(1, 0));
		R(link("closed", "sticky/x"));
		/* Writing takes set-uid away; owner without the right bits is refused although others have them. */
		TRY(open("sticky/owner", O_CREAT | O_WRONLY, 0044));
		TRY(open("sticky/owner", O_RDONLY));
		fd = open("sticky/suid", O_CREAT | O_RDWR, 0755);
		fchmod(fd, 06755);
		show("sticky/suid");
		write(fd, "x", 1);
		show("sticky/suid");
	}
	IN_CHILD("user 1001 and the other's file") {
		become(1001, 1001);
		R(unlink("sticky/mine"));
		R(access("f", R_OK));
	}
	IN_CHILD("real and effective") {
		NEED(setegid(1000) == 0 && seteuid(1000) == 0);
		R(access("closed/in", R_OK));
		R(faccessat(AT_FDCWD, "closed/in", R_OK, AT_EACCESS));
		TRY(open("closed/in", O_RDONLY));
		R(seteuid(0));
		TRY(open("closed/in", O_RDONLY));
	}
	show("sticky/mine");
	IN_CHILD("root reads all, runs only what has an x") {
		put_text("nox", "");
		chmod("nox", 0);
		R(access("nox", R_OK | W_OK));
		R(access("nox", X_OK));
	}
	return 0;
}
