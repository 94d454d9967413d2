/* stage: 12; libc: musl; run: guest+golden
 * Strangers' links and files in a directory for everybody, at each value of fs.protected_*: who may follow, open and link
 * what. Users: 0; 1000, who owns most of it; 1001, who tries. */
#include "t.h"
#include <sys/sysmacros.h>

static void set(const char *name, int value)
{
	char path[64], text[8];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	NEED((fd = open(path, O_RDWR)) >= 0);
	n = snprintf(text, sizeof(text), "%d\n", value);
	NEED(write(fd, text, (size_t)n) == n);
	close(fd);
}

static int value(const char *name)
{
	char path[64], text[8] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	NEED((fd = open(path, O_RDONLY)) >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoi(text);
}

static const char *opened(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK, 0666);

	if (fd < 0)
		return errname(errno);
	close(fd);
	return "opens";
}

static const char *done(int result)
{
	return result < 0 ? errname(errno) : "done";
}

/* d: by mode and owner; in it things of 1000's that everybody may use. */
static void fill(mode_t mode, uid_t owner)
{
	NEED(mkdir("d", 0777) == 0 && chmod("d", mode) == 0 && chown("d", owner, owner) == 0);
	put_text("d/file", "x");
	NEED(mkfifo("d/fifo", 0666) == 0 && symlink("../target", "d/link") == 0 && symlink("../dir", "d/tolink") == 0);
	NEED(mknod("d/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	for (const char *const *n = (const char *const[]){ "d/file", "d/fifo", "d/null", "d/link", "d/tolink", NULL }; *n; n++) {
		NEED(lchown(*n, 1000, 1000) == 0);
		if (!strstr(*n, "link"))
			NEED(chmod(*n, 0666) == 0);
	}
}

static void clear(void)
{
	unlink("d/file");
	unlink("d/fifo");
	unlink("d/link");
	unlink("d/tolink");
	unlink("d/null");
	unlink("d/new");
	NEED(rmdir("d") == 0);
}

static void try(const char *who, int uid)
{
	IN_CHILD(who) {
		struct stat st;

		NEED(SYS(setresgid, uid, uid, uid) == 0 && SYS(setresuid, uid, uid, uid) == 0);
		say("  link: %s, to create %s, stat %s, truncate %s, of a folder %s", opened("d/link", O_RDONLY), opened("d/link", O_WRONLY | O_CREAT),
		    done(stat("d/link", &st)), done(truncate("d/link", 1)), opened("d/tolink", O_RDONLY | O_DIRECTORY));
		say(", through %s, lstat %s, nofollow %s\n", opened("d/tolink/in", O_RDONLY), done(lstat("d/link", &st)), opened("d/link", O_RDONLY | O_NOFOLLOW));
		say("  file: %s, to create %s, exclusive %s, new %s\n", opened("d/file", O_RDWR), opened("d/file", O_WRONLY | O_CREAT),
		    opened("d/file", O_WRONLY | O_CREAT | O_EXCL), opened("d/new", O_WRONLY | O_CREAT));
		say("  fifo: %s, to create %s; device: %s, to create %s\n", opened("d/fifo", O_RDWR), opened("d/fifo", O_RDWR | O_CREAT),
		    opened("d/null", O_RDWR), opened("d/null", O_RDWR | O_CREAT));
		unlink("d/new");
	}
}

static void links(int uid)
{
	static const char *const names[] = { "own", "plain", "readable", "setuid", "setgid", "fifo", "symbolic", "device" };

	IN_CHILD(uid ? "who" : "root") {
		NEED(SYS(setresgid, uid, uid, uid) == 0 && SYS(setresuid, uid, uid, uid) == 0);
		for (size_t i = 0; i < COUNT(names); i++) {
			say("  link of %s: %s\n", names[i], done(link(names[i], "all/new")));
			unlink("all/new");
		}
		say("  link of plain to what is there: %s, to nowhere: %s\n", done(link("plain", "own")), done(link("readable", "no/new")));
		say("  link of readable where nothing may be made: %s\n", done(link("readable", "new")));
	}
}

int main(void)
{
	static const struct { mode_t mode; uid_t owner; const char *what; } dirs[] = {
		{ 01777, 0, "like /tmp" }, { 01777, 1000, "like /tmp, its owner's" }, { 0777, 0, "not sticky" }, { 01775, 0, "sticky for a group" }, { 01755, 0, "sticky, closed" },
	};

	t_dir();
	NEED(chmod(".", 0755) == 0);
	umask(0);
	V(value("hardlinks"));
	V(value("symlinks"));
	V(value("fifos"));
	V(value("regular"));
	put_text("target", "content");
	NEED(chmod("target", 0666) == 0 && mkdir("dir", 0777) == 0);
	put_text("dir/in", "");
	for (int level = 0; level <= 2; level++) {
		set("symlinks", level > 0);
		set("fifos", level);
		set("regular", level);
		for (size_t i = 0; i < COUNT(dirs); i++) {
			if (level == 0 && i > 0)
				break;
			say("-- level %d, a directory %s\n", level, dirs[i].what);
			fill(dirs[i].mode, dirs[i].owner);
			try("stranger", 1001);
			try("owner", 1000);
			try("root", 0);
			clear();
		}
	}
	set("symlinks", 1);
	set("fifos", 0);
	set("regular", 0);
	NEED(mkdir("all", 0777) == 0);
	for (const char *const *n = (const char *const[]){ "own", "plain", "readable", "setuid", "setgid", NULL }; *n; n++) {
		put_text(*n, "x");
		NEED(chown(*n, 1000, 1000) == 0 && chmod(*n, 0666) == 0);
	}
	NEED(chown("own", 1001, 1001) == 0 && chmod("readable", 0644) == 0 && chmod("setuid", 04777) == 0 && chmod("setgid", 02777) == 0);
	NEED(mkfifo("fifo", 0666) == 0 && symlink("plain", "symbolic") == 0 && mknod("device", S_IFCHR | 0666, makedev(1, 3)) == 0);
	for (int level = 0; level <= 1; level++) {
		set("hardlinks", level);
		say("-- hard links, %d\n", level);
		links(1001);
		links(0);
	}
	return 0;
}
