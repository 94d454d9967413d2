/* stage: 08; libc: musl; run: guest+golden
 * mount, umount, bind, move, pivot-free: tmpfs with limits, read-only, busy, what lies underneath. */
#include "t.h"
#include <sys/mount.h>
#include <sys/statfs.h>

int main(void)
{
	static char page[4096];
	struct statfs fs;
	struct stat st, under;
	int fd, n;

	t_dir();
	mkdir("m", 0755);
	put_text("m/under", "x");
	stat("m", &under);
	R(mount("t", "m", "tmpfs", 0, "size=64k,nr_inodes=10,mode=0750"));
	R(stat("m", &st));
	T(st.st_dev != under.st_dev);
	say("mode %o\n", st.st_mode & 07777);
	R(stat("m/under", &st));
	R(statfs("m", &fs));
	X(fs.f_type);
	V(fs.f_blocks * (unsigned long)fs.f_bsize);
	V(fs.f_files);
	fd = open("m/f", O_RDWR | O_CREAT, 0644);
	for (n = 0; n < 32; n++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			break;
	say("%d pages, then %s\n", n, errname(errno));
	R(ftruncate(fd, 0));
	for (n = 0; n < 20; n++) {
		char name[16];

		snprintf(name, sizeof(name), "m/i%d", n);
		if (mkdir(name, 0755) < 0)
			break;
	}
	say("%d folders, then %s\n", n, errname(errno));
	R(umount("m"));
	close(fd);
	R(umount("m"));
	R(stat("m/under", &st));
	R(umount("m"));
	R(umount("none"));
	R(mount("t", "none", "tmpfs", 0, NULL));
	R(mount("t", "m", "nosuchfs", 0, NULL));
	R(mount("t", "m/under", "tmpfs", 0, NULL));
	R(mount("t", "m", NULL, 0, NULL));

	/* Read-only, and back. */
	R(mount("t", "m", "tmpfs", 0, NULL));
	put_text("m/f", "text");
	R(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(open("m/f", O_WRONLY));
	R(open("m/new", O_WRONLY | O_CREAT, 0644));
	R(unlink("m/f"));
	R(mkdir("m/d", 0755));
	R(chmod("m/f", 0600));
	R(rename("m/f", "m/g"));
	R(utimensat(AT_FDCWD, "m/f", NULL, 0));
	R(access("m/f", W_OK));
	R(truncate("m/f", 0));
	fd = open("m/f", O_RDONLY);
	T(fd >= 0);
	close(fd);
	R(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	fd = open("m/f", O_WRONLY);
	T(fd >= 0);
	R(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	close(fd);
	R(rename("m/f", "outside"));
	R(link("m/f", "outside"));
	R(rmdir("m"));
	R(unlink("m"));
	R(rename("m", "n"));

	/* Bind. */
	mkdir("b", 0755);
	R(mount("m", "b", NULL, MS_BIND, NULL));
	R(stat("b/f", &st));
	R(stat("m/f", &under));
	T(st.st_ino == under.st_ino && st.st_dev == under.st_dev);
	R(link("m/f", "b/l"));
	R(rename("m/f", "b/l"));
	put_text("onefile", "bound");
	put_text("target", "covered");
	R(mount("onefile", "target", NULL, MS_BIND, NULL));
	fd = open("target", O_RDONLY);
	R(read(fd, page, 100));
	say("%.5s\n", page);
	close(fd);
	R(umount("target"));
	fd = open("target", O_RDONLY);
	R(read(fd, page, 100));
	say("%.7s\n", page);
	close(fd);

	/* One upon the other; .. leaves a mount; busy and lazy. */
	R(mount("t2", "m", "tmpfs", 0, NULL));
	R(stat("m/f", &st));
	put_text("m/second", "x");
	R(stat("b/f", &st));
	R(umount("m"));
	R(stat("m/f", &st));
	R(chdir("m"));
	R(stat("../onefile", &st));
	R(umount("../m"));
	R(umount2("../m", MNT_DETACH));
	R(stat("f", &st));
	R(chdir(".."));
	R(umount("b"));
	R(chdir("/"));

	/* The number of a file system that is gone is given to the next. */
	{
		dev_t gone;

		mkdir("/tmp/n1", 0755), mkdir("/tmp/n2", 0755);
		R(mount("one", "/tmp/n1", "tmpfs", 0, NULL));
		R(mount("two", "/tmp/n2", "tmpfs", 0, NULL));
		stat("/tmp/n1", &st);
		gone = st.st_dev;
		R(umount("/tmp/n1"));
		R(mount("three", "/tmp/n1", "tmpfs", 0, NULL));
		stat("/tmp/n1", &st);
		T(st.st_dev == gone);
		stat("/tmp/n2", &st);
		T(st.st_dev != gone);
		R(umount("/tmp/n1"));
		R(umount("/tmp/n2"));
		rmdir("/tmp/n1"), rmdir("/tmp/n2");
	}
	return 0;
}
