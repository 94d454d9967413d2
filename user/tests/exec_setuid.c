/* stage: 12; libc: musl; run: host+guest
 * Set-uid and set-gid programs: the new ids, AT_SECURE; scripts and no_new_privs do not get them. */
#include "t.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

static void show(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	say("uid %d %d %d gid %d %d %d secure %lu auxv %lu %lu %lu %lu\n", (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg,
	    getauxval(AT_SECURE), getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID));
}

static void run(const char *what, const char *path, int guard)
{
	pid_t pid = fork();

	if (pid == 0) {
		NEED(SYS(setgroups, 0, NULL) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
		if (guard)
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execl(path, path, "show", (char *)NULL);
		say("%s: %s\n", what, errname(errno));
		_exit(0);
	}
	reap(what, pid);
}

int main(int argc, char **argv)
{
	static char data[1 << 20];
	char script[300], self[256] = "";
	ssize_t size;
	int fd;

	(void)argv;
	if (argc > 1) {
		show();
		return 0;
	}
	NEED(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	t_dir();
	fd = open(self, O_RDONLY);
	size = read(fd, data, sizeof(data));
	close(fd);
	put_file("p", data, (size_t)size);
	chmod("p", 0755); run("plain", "./p", 0);
	chmod("p", 04755); run("set-uid root", "./p", 0);
	chmod("p", 02755); run("set-gid root", "./p", 0);
	chmod("p", 02744); run("set-gid, no x for others", "./p", 0);
	chown("p", 2000, 3000);
	chmod("p", 06755); run("both, others' ids", "./p", 0);
	chmod("p", 06755); run("no new privileges", "./p", 1);
	chmod("p", 02745); run("set-gid without x for the group", "./p", 0);
	chown("p", 1000, 1000);
	chmod("p", 06755); run("its own ids", "./p", 0);
	chown("p", 0, 0);
	chmod("p", 0755);
	snprintf(script, sizeof(script), "#!%s show\n", self);
	put_text("s", script);
	chmod("s", 04755);
	run("a script", "./s", 0);
	chmod("s", 0711);
	run("a script that cannot be read", "./s", 0);
	return 0;
}
