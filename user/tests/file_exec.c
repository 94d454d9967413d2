/* stage: 12; libc: musl; run: guest+golden
 * execveat: by directory, by descriptor, through links, and scripts. */
#include "t.h"

static char *const none[] = { "prog", "again", NULL };

static void run(const char *what, int dir, const char *path, int flags)
{
	pid_t pid = fork();

	if (pid == 0) {
		SYS(execveat, dir, path, none, environ, flags);
		say("%s = %s\n", what, errname(errno));
		_exit(1);
	}
	reap(what, pid);
}

int main(int argc, char **argv)
{
	int dir, fd, cloexec, path_only;
	static char copy[400000];
	ssize_t n;

	if (argc > 1 && strcmp(argv[1], "again") == 0) {
		say("ran\n");
		return 5;
	}
	t_dir();
	fd = open("/proc/self/exe", O_RDONLY);
	if (fd < 0)
		fd = open(argv[0], O_RDONLY);
	NEED(fd >= 0);
	n = read(fd, copy, sizeof(copy));
	NEED(n > 0 && n < (ssize_t)sizeof(copy));
	close(fd);
	NEED(mkdir("d", 0755) == 0);
	put_file("d/prog", copy, n);
	NEED(chmod("d/prog", 0755) == 0 && symlink("prog", "d/link") == 0);
	put_text("d/data", "x");
	dir = open("d", O_RDONLY | O_CLOEXEC);
	fd = open("d/prog", O_RDONLY);
	cloexec = open("d/prog", O_RDONLY | O_CLOEXEC);
	path_only = open("d/prog", O_PATH | O_CLOEXEC);
	run("by directory", dir, "prog", 0);
	run("by link", dir, "link", 0);
	run("by link, not followed", dir, "link", AT_SYMLINK_NOFOLLOW);
	run("from the working directory", AT_FDCWD, "d/prog", 0);
	run("by descriptor", fd, "", AT_EMPTY_PATH);
	run("by one that is closed", cloexec, "", AT_EMPTY_PATH);
	run("by a place", path_only, "", AT_EMPTY_PATH);
	run("without the flag", fd, "", 0);
	run("a directory", dir, "", AT_EMPTY_PATH);
	run("no program", dir, "data", 0);
	run("nothing", dir, "none", 0);
	run("bad descriptor", 99, "", AT_EMPTY_PATH);
	run("bad descriptor, path", 99, "prog", 0);
	run("not a directory", fd, "prog", 0);
	run("bad flag", dir, "prog", 1);
	return 0;
}
