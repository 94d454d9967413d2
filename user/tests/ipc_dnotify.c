/* stage: 09; libc: musl; run: guest+golden
 * Signals about directories (F_NOTIFY): each event, once or for many, several watches, who is told, and what ends a watch. */
#include "t.h"

#define RT (SIGRTMIN + 3)

static int dir, other;

static void came(const char *what)
{
	struct timespec none = { 0, 0 };
	siginfo_t si;
	sigset_t all;
	int got;

	sigfillset(&all);
	say("%s:", what);
	while ((got = sigtimedwait(&all, &si, &none)) > 0)
		say(" %s %d band %lx %s", got == SIGIO ? "SIGIO" : got == RT ? "RT" : got == SIGCHLD ? "CHLD" : "other", si.si_code,
		    got == RT ? (long)si.si_band : 0, got != RT ? "" : si.si_fd == dir ? "dir" : si.si_fd == other ? "other" : "?");
	say("\n");
}

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0600));
}

static void all_events(void)
{
	struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	char byte;
	int fd;

	touch("d/new");
	came("create");
	fd = open("d/new", O_RDWR);
	came("open");
	write(fd, "x", 1);
	came("write");
	pread(fd, &byte, 1, 0);
	came("read");
	ftruncate(fd, 0);
	came("truncate");
	fchmod(fd, 0644);
	came("chmod");
	futimens(fd, times);
	came("times");
	close(fd);
	came("close");
	link("d/new", "d/linked");
	came("link");
	rename("d/new", "d/newer");
	came("rename");
	rename("d/newer", "o/newer");
	came("move out");
	rename("o/newer", "d/back");
	came("move in");
	mkdir("d/sub", 0700);
	came("mkdir");
	touch("d/sub/x");
	came("below");
	unlink("d/sub/x");
	rmdir("d/sub");
	came("rmdir");
	unlink("d/back");
	came("unlink");
	unlink("d/linked");
	came("unlink the link");
	chmod("d", 0700);
	came("chmod of itself");
	symlink("x", "d/sym");
	came("symlink");
	unlink("d/sym");
	came("its end");
}

static void one_by_one(void)
{
	static const struct { unsigned bit; const char *name; } bits[] = {
		{ DN_ACCESS, "access" }, { DN_MODIFY, "modify" }, { DN_CREATE, "create" }, { DN_DELETE, "delete" }, { DN_RENAME, "rename" }, { DN_ATTRIB, "attrib" },
	};

	for (size_t i = 0; i < COUNT(bits); i++) {
		say("--- %s\n", bits[i].name);
		R(fcntl(dir, F_NOTIFY, bits[i].bit | DN_MULTISHOT));
		all_events();
		R(fcntl(dir, F_NOTIFY, 0));
		touch("d/quiet");
		unlink("d/quiet");
		came("none");
	}
}

static void lives(void)
{
	int status, second;
	pid_t pid;

	say("--- once\n");
	R(fcntl(dir, F_NOTIFY, DN_CREATE));
	touch("d/a");
	touch("d/b");
	came("once");
	R(fcntl(dir, F_NOTIFY, DN_CREATE));
	R(fcntl(dir, F_NOTIFY, DN_DELETE));
	unlink("d/a");
	touch("d/a");
	came("once of both");
	R(fcntl(dir, F_NOTIFY, DN_CREATE));
	R(fcntl(dir, F_NOTIFY, DN_DELETE | DN_MULTISHOT));
	unlink("d/a");
	touch("d/a");
	came("many of both");
	R(fcntl(dir, F_NOTIFY, DN_MULTISHOT));
	unlink("d/a");
	came("taken back");
	say("--- two directories\n");
	R(fcntl(other, F_SETSIG, RT));
	R(fcntl(dir, F_NOTIFY, DN_DELETE | DN_CREATE | DN_RENAME | DN_MULTISHOT));
	R(fcntl(other, F_NOTIFY, DN_DELETE | DN_CREATE | DN_RENAME | DN_MULTISHOT));
	rename("d/b", "o/b");
	came("across");
	rename("o/b", "d/b");
	came("and back");
	rename("d/b", "d/c");
	came("within");
	/* The same directory by two descriptors: of one open file, and of another. */
	say("--- descriptors\n");
	second = dup(dir);
	R(fcntl(second, F_NOTIFY, DN_CREATE));
	touch("d/e");
	came("by the number asked with last");
	close(second);
	touch("d/f");
	came("any closed");
	second = open("d", O_RDONLY);
	R(fcntl(second, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	touch("d/g");
	came("plain, to the owner by itself");
	T(fcntl(second, F_GETOWN) == getpid());
	close(second);
	touch("d/h");
	came("closed");
	/* A child has a table of its own. */
	R(fcntl(dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	pid = fork();
	if (pid == 0) {
		close(dir);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	came("child ended");
	touch("d/i");
	came("still there");
	pid = fork();
	if (pid == 0) {
		R(fcntl(dir, F_NOTIFY, 0));
		touch("d/j");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	came("a child takes nothing back");
	pid = fork();
	if (pid == 0) {
		R(fcntl(dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	came("child asked too");
	touch("d/k");
	came("it is gone");
	R(fcntl(dir, F_NOTIFY, 0));
}

static void bad(void)
{
	int fd = open("plain", O_CREAT | O_RDWR, 0600), path = open("d", O_PATH), pipes[2];

	say("--- bad\n");
	NEED(pipe(pipes) == 0);
	R(fcntl(fd, F_NOTIFY, DN_CREATE));
	R(fcntl(fd, F_NOTIFY, 0));
	R(fcntl(fd, F_NOTIFY, DN_MULTISHOT));
	R(fcntl(path, F_NOTIFY, DN_CREATE));
	R(fcntl(pipes[0], F_NOTIFY, DN_CREATE));
	R(fcntl(pipes[0], F_NOTIFY, 0));
	R(fcntl(999, F_NOTIFY, DN_CREATE));
	R(fcntl(dir, F_NOTIFY, 0x40));
	touch("d/z");
	came("unknown event");
	R(fcntl(dir, F_NOTIFY, 0x7fffffc0));
	R(fcntl(dir, F_NOTIFY, 0));
	close(fd);
	/* The directory goes while it is watched. */
	NEED(mkdir("gone", 0700) == 0);
	fd = open("gone", O_RDONLY);
	NEED(fcntl(fd, F_SETSIG, RT) == 0);
	R(fcntl(fd, F_NOTIFY, DN_DELETE | DN_ATTRIB | DN_MULTISHOT));
	rmdir("gone");
	came("removed");
	close(fd);
	came("closed");
}

int main(void)
{
	sigset_t all;

	t_dir();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	NEED(mkdir("d", 0700) == 0 && mkdir("o", 0700) == 0);
	dir = open("d", O_RDONLY);
	other = open("o", O_RDONLY);
	NEED(fcntl(dir, F_SETSIG, RT) == 0);
	one_by_one();
	lives();
	bad();
	return 0;
}
