/*
 * init: the first process of the newlib system. Brings up what the kernel of this stage has, keeps a shell on the
 * console, adopts and buries orphans.
 *
 * Before stage 07 there is no fork: then the one process runs the shell in its own place.
 */
#include "switchback.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const struct {
	const char *type, *where;
} mounts[] = {
	{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" }, { "devpts", "/dev/pts" }, { "tmpfs", "/tmp" },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "fd/0" }, { "/dev/stdout", "fd/1" }, { "/dev/stderr", "fd/2" },
};

static void bring_up(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		symlink(links[i].target, links[i].name);
	sethostname("switchback", 10);
	setenv("PATH", "/bin:/sbin:/usr/bin", 1);
	setenv("HOME", "/", 1);
}

static void greet(void)
{
	struct utsname name;

	if (uname(&name) == 0)
		printf("\n%s %s. Type help.\n", name.sysname, name.release);
	else
		printf("\nType help.\n");
	fflush(stdout);
}

/* A controlling terminal, where there are terminals: /dev/console is none. */
static void take_terminal(void)
{
	static const char *const lines[] = { "/dev/ttyS0", "/dev/tty1" };

	setsid();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int fd = open(lines[i], O_RDWR);

		if (fd < 0)
			continue;
		if (!isatty(fd)) {
			close(fd);
			continue;
		}
		tcsetctty(fd);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
		return;
	}
}

/* Where there is a Bash (the Debian image), it is what a person wants. */
static void shell(void)
{
	char *bash[] = { "-bash", NULL }, *argv[] = { "sh", NULL };

	execve("/bin/bash", bash, environ);
	execve("/bin/sh", argv, environ);
	fprintf(stderr, "init: /bin/sh: %s\n", strerror(errno));
}

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "init: I am process %d, not the first\n", (int)getpid());
		return 1;
	}
	bring_up();
	greet();
	for (;;) {
		pid_t pid = fork(), ended;

		if (pid == 0) {
			take_terminal();
			shell();
			_exit(127);
		}
		if (pid < 0) {
			printf("init: no fork (%s): the shell takes my place\n", strerror(errno));
			fflush(stdout);
			shell();
			return 1;
		}
		do
			ended = wait(NULL);
		while (ended != pid && (ended > 0 || errno == EINTR));
		printf("init: the shell has ended; a new one\n");
		fflush(stdout);
	}
}
