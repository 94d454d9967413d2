/* stage: 13; libc: musl; run: host+guest
 * What a thread has for itself: descriptors without CLONE_FILES, places and umask without CLONE_FS, credentials always.
 * The C library makes its threads agree; here they are made and asked by bare calls. */
#include "t.h"
#include "linux_futex.h"
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define THREAD (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID)

static char stacks[4][65536] __attribute__((aligned(16)));
static pid_t tids[4];	/* 0 once the thread has ended */
static char answer[512], me[128];

static void await(pid_t *word)
{
	pid_t now;

	while ((now = *(volatile pid_t *)word))
		SYS(futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* Two sides take turns: each waits until the other has let it go on. */
static int turn;
static void give(int to)
{
	*(volatile int *)&turn = to;
	SYS(futex, &turn, FUTEX_WAKE, 9, NULL, NULL, 0);
}
static void take(int mine)
{
	int now;

	while ((now = *(volatile int *)&turn) != mine)
		SYS(futex, &turn, FUTEX_WAIT, now, NULL, NULL, 0);
}

static pid_t start(int slot, int flags, int (*fn)(void *))
{
	pid_t tid = clone(fn, stacks[slot] + sizeof(stacks[slot]), THREAD | flags, NULL, &tids[slot], NULL, &tids[slot]);

	NEED(tid > 0);
	return tid;
}

/* What a thread held goes a moment after its word, and before its number. */
static void finish(pid_t tid)
{
	char path[64];

	await(&tids[0]);
	snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
	while (access(path, F_OK) == 0)
		nap(1);
}

/* A thread that runs fn to its end. */
static void run(int flags, int (*fn)(void *))
{
	finish(start(0, flags, fn));
}

static int numbers(const char *format, ...)
{
	char path[64];
	va_list args;
	DIR *d;
	int n = 0;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	d = opendir(path);
	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A line of a status file, or what a link says. */
static const char *told(const char *what, const char *format, ...)
{
	static char text[4096];
	char path[64], *at;
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (!what) {
		n = readlink(path, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		at = n < 0 ? NULL : strrchr(text, '/');
		return n < 0 ? errname(errno) : at[1] ? at + 1 : "/";
	}
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, what);
	if (!at)
		return "nothing";
	at[strcspn(at, "\n")] = '\0';
	return at;
}

static void where(const char *who)
{
	char cwd[256];
	mode_t mask = umask(0);

	umask(mask);
	NEED(getcwd(cwd, sizeof(cwd)));
	say("%s: in %s, umask %03o\n", who, strrchr(cwd, '/')[1] == 't' ? "t*" : strrchr(cwd, '/') + 1, mask);
}

/* --- descriptors --- */

static int opens(void *unused)
{
	(void)unused;
	R(open("f", O_RDONLY));
	R(dup2(0, 20));
	R(close(0));
	R(fcntl(20, F_SETFD, FD_CLOEXEC));
	return 0;
}

static void show_fds(void)
{
	R(fcntl(0, F_GETFD));
	R(fcntl(3, F_GETFD));
	R(fcntl(20, F_GETFD));
}

static int waits_with_fds(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5; i++)
		NEED(dup(1) >= 0);
	close(0);
	give(1);
	take(2);
	return 0;
}

static int holds_pipe(void *fds)
{
	(void)fds;
	give(1);
	take(2);
	return 0;
}

static int unshares_files(void *unused)
{
	(void)unused;
	R(unshare(CLONE_FILES));
	R(open("f", O_RDONLY));
	R(close(0));
	return 0;
}

static int range_unshares(void *unused)
{
	(void)unused;
	R(SYS(close_range, 0, ~0u, 2));
	return 0;
}

static int locks(void *unused)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 1 };

	(void)unused;
	R(fcntl(3, F_SETLK, &l));
	R(fcntl(3, F_GETLK, &l));
	T(l.l_pid == getpid());
	l = (struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
	R(fcntl(3, F_SETLK, &l));
	return 0;
}

static void descriptors(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 1 };
	int fds[2];
	pid_t tid;
	char byte;

	say("-- descriptors, its own\n");
	IN_CHILD("own") {
		run(CLONE_FS, opens);
		show_fds();
	}
	say("-- descriptors, shared\n");
	IN_CHILD("shared") {
		run(CLONE_FS | CLONE_FILES, opens);
		show_fds();
	}
	IN_CHILD("unshared") {
		run(CLONE_FS | CLONE_FILES, unshares_files);
		show_fds();
	}
	IN_CHILD("unshared by close_range") {
		run(CLONE_FS | CLONE_FILES, range_unshares);
		show_fds();
	}
	IN_CHILD("seen from outside") {
		tid = start(0, CLONE_FS, waits_with_fds);
		take(1);
		V(numbers("/proc/self/fd"));
		V(numbers("/proc/self/task/%d/fd", getpid()));
		V(numbers("/proc/self/task/%d/fd", tid));
		V(numbers("/proc/%d/fdinfo", tid));
		give(2);
		await(&tids[0]);
	}
	IN_CHILD("closed at its end") {
		NEED(pipe(fds) == 0);
		tid = start(0, CLONE_FS, holds_pipe);
		take(1);
		close(fds[1]);
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		R(read(fds[0], &byte, 1));
		give(2);
		finish(tid);
		R(read(fds[0], &byte, 1));
	}
	IN_CHILD("record locks") {
		NEED(open("f", O_RDWR) == 3);
		R(fcntl(3, F_SETLK, &l));
		run(CLONE_FS, locks);
		l = (struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
		R(fcntl(3, F_GETLK, &l));
		V(l.l_type == F_UNLCK);
		run(CLONE_FS | CLONE_FILES, locks);
	}
}

/* --- places --- */

static int moves(void *unused)
{
	(void)unused;
	R(chdir("d"));
	umask(077);
	where("thread");
	R(open("made", O_CREAT | O_WRONLY, 0666) >= 0);
	return 0;
}

static int unshares_fs(void *unused)
{
	(void)unused;
	R(unshare(CLONE_FS));
	return moves(NULL);
}

static int waits_elsewhere(void *unused)
{
	(void)unused;
	NEED(chdir("d") == 0);
	umask(027);
	S(told(NULL, "/proc/thread-self/cwd"));
	give(1);
	take(2);
	return 0;
}

static int waits_in_jail(void *unused)
{
	(void)unused;
	R(chroot("d"));
	R(access("/e", F_OK));
	give(1);
	take(2);
	return 0;
}

static int forks_elsewhere(void *unused)
{
	(void)unused;
	NEED(chdir("d") == 0);
	umask(07);
	close(0);
	if (fork() == 0) {
		where("its child");
		R(fcntl(0, F_GETFD));
		_exit(0);
	}
	wait(NULL);
	return 0;
}

static void places(void)
{
	pid_t tid;

	say("-- places\n");
	IN_CHILD("own") {
		run(CLONE_FILES, moves);
		where("leader");
	}
	IN_CHILD("shared") {
		run(CLONE_FILES | CLONE_FS, moves);
		where("leader");
	}
	IN_CHILD("unshared") {
		run(CLONE_FILES | CLONE_FS, unshares_fs);
		where("leader");
	}
	IN_CHILD("seen from outside") {
		tid = start(0, CLONE_FILES, waits_elsewhere);
		take(1);
		S(told(NULL, "/proc/self/task/%d/cwd", tid));
		S(told(NULL, "/proc/%d/cwd", tid));
		T(strcmp(told(NULL, "/proc/self/cwd"), "d") != 0);
		S(told("Umask", "/proc/self/task/%d/status", tid));
		S(told("Umask", "/proc/self/status"));
		give(2);
		await(&tids[0]);
	}
	IN_CHILD("a root of its own") {
		tid = start(0, CLONE_FILES, waits_in_jail);
		take(1);
		R(access("/e", F_OK));
		S(told(NULL, "/proc/self/task/%d/root", tid));
		S(told(NULL, "/proc/self/root"));
		give(2);
		await(&tids[0]);
	}
	IN_CHILD("fork takes the thread's")
		run(0, forks_elsewhere);
}

/* --- credentials --- */

static void ids(const char *who)
{
	uid_t r, e, s;

	SYS(getresuid, &r, &e, &s);
	say("%s: uid %d %d %d, gid %ld, %ld groups\n", who, (int)r, (int)e, (int)s, SYS(getgid), SYS(getgroups, 0, NULL));
}

static int inner(void *unused)
{
	(void)unused;
	ids("thread of the thread");
	R(SYS(setresuid, 0, 0, 0));
	return 0;
}

static int becomes_user(void *unused)
{
	gid_t groups[2] = { 5, 6 };

	(void)unused;
	R(SYS(setgroups, 2, groups));
	R(SYS(setresgid, 100, 100, 100));
	R(SYS(setresuid, 1000, 1000, 1000));
	ids("thread");
	R(open("secret", O_RDONLY));
	R(access("secret", R_OK));
	start(1, CLONE_FILES | CLONE_FS, inner);
	await(&tids[1]);
	R(SYS(setresuid, 0, 0, 0));
	R(SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	R(SYS(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	give(1);
	take(2);
	return 0;
}

static int asks_as_real(void *unused)
{
	(void)unused;
	R(SYS(setresuid, 1000, 0, 0));
	R(access("secret", R_OK));
	R(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS) == 0 || errno == EINVAL);
	R(open("secret", O_RDONLY) >= 0);
	return 0;
}

static int counted(void *unused)
{
	struct rlimit three = { 3, 3 };
	pid_t pid;
	int n = 0;

	(void)unused;
	NEED(setrlimit(RLIMIT_NPROC, &three) == 0);
	R(SYS(setresuid, 4322, 4322, 4322));
	while (n < 10 && (pid = (pid_t)SYS(fork)) >= 0) {
		if (pid == 0) {
			pause();
			_exit(0);
		}
		n++;
	}
	say("%d children, then %s\n", n, errname(errno));
	kill(-1, SIGKILL);
	while (n-- > 0)
		wait(NULL);
	return 0;
}

static int nice_one(void *unused)
{
	(void)unused;
	R(setpriority(PRIO_PROCESS, 0, 7));
	R(SYS(getpriority, PRIO_PROCESS, 0));
	return 0;
}

static void credentials(void)
{
	pid_t tid, pid = getpid();

	say("-- credentials\n");
	IN_CHILD("own") {
		tid = start(0, CLONE_FILES | CLONE_FS, becomes_user);
		take(1);
		ids("leader");
		R(open("secret", O_RDONLY) >= 0);
		R(SYS(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		S(told("Uid", "/proc/self/task/%d/status", tid));
		S(told("Uid", "/proc/%d/status", tid));
		S(told("Uid", "/proc/self/status"));
		S(told("Groups", "/proc/self/task/%d/status", tid));
		S(told("CapEff", "/proc/self/task/%d/status", tid));
		T(strstr(told("CapEff", "/proc/self/status"), "0000000000000000") == NULL);
		S(told("NoNewPrivs", "/proc/self/task/%d/status", tid));
		pid = getpid();
		IN_CHILD("who may signal whom") {
			NEED(SYS(setresuid, 1000, 1000, 1000) == 0);
			R(kill(pid, 0));
			R(SYS(tgkill, pid, pid, 0));
			R(SYS(tgkill, pid, tid, 0));
			R(SYS(tkill, tid, 0));
			R(kill(tid, 0));
			R(SYS(sched_setaffinity, pid, 8, &(long){ 1 }));
			R(SYS(sched_setaffinity, tid, 8, &(long){ 1 }));
			R(setpriority(PRIO_PROCESS, (id_t)pid, 5));
			R(setpriority(PRIO_PROCESS, (id_t)tid, 5));
		}
		give(2);
		await(&tids[0]);
	}
	IN_CHILD("access as the real user") {
		run(CLONE_FILES | CLONE_FS, asks_as_real);
		ids("leader");
		R(access("secret", R_OK));
	}
	IN_CHILD("counted for its user")
		run(CLONE_FILES | CLONE_FS, counted);
	IN_CHILD("nice alone") {
		run(CLONE_FILES | CLONE_FS, nice_one);
		R(SYS(getpriority, PRIO_PROCESS, 0));
		R(SYS(getpriority, PRIO_PGRP, 0));
	}
}

/* --- the ends --- */

static int execs(void *unused)
{
	char *argv[] = { "own", "child", NULL }, *envp[] = { NULL };

	(void)unused;
	NEED(chdir("d") == 0);
	umask(03);
	NEED(dup2(1, 30) == 30);
	close(0);
	SYS(setresgid, 100, 100, 100);
	R(execve(me, argv, envp));
	return 0;
}

static int outlives(void *unused)
{
	pid_t pid = getpid();

	(void)unused;
	while (!strchr(told("State", "/proc/%d/status", pid), 'Z'))
		nap(1);
	SYS(setresuid, 1000, 1000, 1000);
	/* Its leader is gone, and so is what that one held. */
	V(numbers("/proc/thread-self/fd"));
	S(told("State", "/proc/%d/status", pid));
	S(told("Uid", "/proc/%d/status", pid));
	S(told("Uid", "/proc/thread-self/status"));
	R(readlink("/proc/self/cwd", answer, sizeof(answer)) > 0);
	S(told("FDSize", "/proc/thread-self/status"));
	SYS(exit_group, 7);
	return 0;
}

static void ends(void)
{
	say("-- exec, exit, unshare\n");
	IN_CHILD("exec takes the thread's") {
		start(0, 0, execs);
		for (;;)
			pause();
	}
	IN_CHILD("exec of a leader whose thread has others") {
		start(0, 0, waits_with_fds);
		take(1);
		execl(me, "own", "child", NULL);
	}
	IN_CHILD("a thread that outlives its leader") {
		start(0, CLONE_FS, outlives);
		SYS(exit, 0);
	}
	IN_CHILD("unshare") {
		R(unshare(0));
		R(unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM));
		R(unshare(CLONE_VM));
		R(unshare(CLONE_SIGHAND));
		R(unshare(CLONE_THREAD));
		R(unshare(CLONE_SETTLS));
		start(0, CLONE_FS | CLONE_FILES, holds_pipe);
		take(1);
		R(unshare(CLONE_THREAD));
		R(unshare(CLONE_SIGHAND));
		R(unshare(CLONE_VM));
		R(unshare(CLONE_FS));
		R(unshare(CLONE_FILES));
		give(2);
		await(&tids[0]);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "child") == 0) {
		where("program");
		ids("program");
		R(fcntl(0, F_GETFD));
		R(fcntl(3, F_GETFD));
		R(fcntl(30, F_GETFD));
		return 0;
	}
	NEED(readlink("/proc/self/exe", me, sizeof(me) - 1) > 0);
	t_dir();
	NEED(SYS(setgroups, 0, NULL) == 0);
	put_text("f", "0123456789");
	put_text("secret", "secret");
	NEED(chmod("secret", 0600) == 0);
	NEED(mkdir("d", 0777) == 0 && chmod("d", 0777) == 0 && mkdir("d/e", 0755) == 0);
	descriptors();
	places();
	credentials();
	ends();
	return 0;
}
