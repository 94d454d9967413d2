/* stage: 07; libc: musl; run: host+guest
 * User and group numbers: the set calls, who may set what, saved ids, what a signal needs. */
#include "t.h"
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void show(const char *what)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	say("%s: uid %d %d %d gid %d %d %d\n", what, (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg);
}

int main(void)
{
	gid_t groups[8] = { 5, 3, 9 };
	int status;
	pid_t pid;

	show("start");
	IN_CHILD("setuid as root") {
		R(SYS(setuid, 1000));
		show("after");
		R(SYS(setuid, 0));
		R(SYS(setuid, 1000));
	}
	IN_CHILD("seteuid and back") {
		R(SYS(setresuid, -1, 1000, -1));
		show("effective");
		R(SYS(setuid, 0));
		show("effective again");
		R(SYS(setresuid, 1, 2, 3));
		show("three");
		R(SYS(setresuid, 3, 1, 2));
		show("permuted");
		R(SYS(setresuid, 4, -1, -1));
		R(SYS(setreuid, 2, 3));
		show("setreuid");
		R(SYS(setuid, 0));
	}
	IN_CHILD("setreuid") {
		R(SYS(setreuid, 1000, 2000));
		show("set");
		R(SYS(setreuid, 2000, 1000));
		show("swapped");
		R(SYS(setreuid, -1, -1));
		R(SYS(setreuid, 5, -1));
	}
	IN_CHILD("groups") {
		R(SYS(setgroups, 3, groups));
		R(SYS(getgroups, 0, NULL));
		memset(groups, 0, sizeof(groups));
		R(SYS(getgroups, 8, groups));
		say("%d %d %d\n", (int)groups[0], (int)groups[1], (int)groups[2]);
		R(SYS(getgroups, 2, groups));
		R(SYS(getgroups, -1, groups));
		R(SYS(setgroups, 65537, groups));
		R(SYS(setgroups, 3, (void *)8));
		R(SYS(setgroups, 0, NULL));
		R(SYS(getgroups, 8, groups));
		R(SYS(setresgid, 10, 20, 30));
		show("gids");
		R(SYS(setgid, 40));
		show("gids");
		R(SYS(setregid, 1, 2));
		show("gids");
		R(SYS(setuid, 1000));
		R(SYS(setgid, 77));
		R(SYS(setgid, 1));
		show("gids");
		R(SYS(setgroups, 0, NULL));
	}
	IN_CHILD("fsuid") {
		R(setfsuid(1000));
		R(setfsuid(-1));
		R(setfsgid(50));
		R(setfsgid(-1));
	}
	/* Signals between users. */
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	IN_CHILD("another user") {
		NEED(SYS(setuid, 1000) == 0);
		R(kill(pid, 0));
		R(kill(pid, SIGTERM));
		R(kill(pid, SIGCONT));
		R(kill(1 << 30, 0));
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0) {
		SYS(setuid, 1000);
		for (;;)
			pause();
	}
	nap(20);
	IN_CHILD("the same user") {
		NEED(SYS(setuid, 1000) == 0);
		R(kill(pid, SIGTERM));
	}
	reap("killed by its like", pid);
	/* Who is a process in /proc terms: dumpable, keepcaps, no_new_privs, names. */
	{
		char name[16] = "";

		R(prctl(PR_SET_NAME, "a name that is too long"));
		R(prctl(PR_GET_NAME, name));
		S(name);
		R(prctl(PR_GET_DUMPABLE));
		R(prctl(PR_SET_DUMPABLE, 7));
		R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
		R(prctl(PR_SET_PDEATHSIG, 100));
		R(prctl(PR_GET_KEEPCAPS));
		R(prctl(12345));
		R(prctl(PR_GET_NAME, (void *)8));
	}
	return 0;
}
