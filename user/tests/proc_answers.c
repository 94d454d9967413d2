/* stage: 13; libc: musl; run: guest+golden
 * What system programs ask in passing: who may write to /proc and /sys, file locks, the log's priorities, scheduling attributes,
 * badness, the machine's name under a personality, what a further name costs, reading a directory. */
#include "t.h"
#include <sys/file.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max, more[4];
};

static void try_write(const char *path)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0) {
		say("%s: open %s\n", path, errname(errno));
		return;
	}
	say("%s: write %s\n", path, write(fd, "1\n", 2) < 0 ? errname(errno) : "ok");
	close(fd);
}

static void try_read(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	say("%s: read %s\n", path, read(fd, &byte, 1) < 0 ? errname(errno) : "ok");
	R(pread(fd, &byte, 1, 0));
	close(fd);
}

static void files(void)
{
	static const char *const written[] = { "/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease", "/proc/version", "/proc/uptime", "/proc/self/status",
					       "/proc/self/maps", "/sys/class/mem/null/dev", "/proc/sys/kernel/cap_last_cap" };
	static const char *const folders[] = { "/", "/proc", "/proc/self", "/proc/self/fd", "/proc/self/task", "/proc/sys", "/sys", "/tmp" };

	for (size_t i = 0; i < COUNT(written); i++)
		try_write(written[i]);
	R(access("/proc/sys/kernel/ostype", W_OK));
	R(access("/proc/sys/kernel/hostname", W_OK));
	for (size_t i = 0; i < COUNT(folders); i++)
		try_read(folders[i]);
}

/* Kinds of the locks in /proc/locks that belong to this process. */
static void show_locks(void)
{
	static char text[8192];
	int fd = open("/proc/locks", O_RDONLY), n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char kind[16], how[16], what[16], place[40], from[24], to[24];
		int number, pid;

		if (sscanf(line, "%d: %15s %15s %15s %d %39s %23s %23s", &number, kind, how, what, &pid, place, from, to) == 8 && pid == getpid())
			say("lock: %s %s %s %s %s\n", kind, how, what, from, to);
	}
}

static void locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20 };
	int fd = open("locked", O_RDWR | O_CREAT, 0644);

	show_locks();
	R(flock(fd, LOCK_EX));
	show_locks();
	R(flock(fd, LOCK_UN));
	R(fcntl(fd, F_SETLK, &l));
	show_locks();
	close(fd);
	show_locks();
}

/* The last record of the log that holds `word`: its priority. */
static void priority_of(const char *word)
{
	static char text[16384];
	int n = klogctl(3, text, sizeof(text) - 1);
	char *at = NULL;

	text[n < 0 ? 0 : n] = 0;
	for (char *p = text; (p = strstr(p, word)); p++)
		at = p;
	while (at && at > text && at[-1] != '\n')
		at--;
	say("%s: priority %.*s\n", word, at ? (int)strcspn(at, ">") + 1 : 4, at ? at : "none");
}

static void log_priorities(void)
{
	static const char *const lines[] = { "<3>first-word\n", "second-word\n", "<14>third-word\n", "<30>fourth-word\n" };
	static const char *const words[] = { "first-word", "second-word", "third-word", "fourth-word" };
	int fd = open("/dev/kmsg", O_WRONLY);

	R(klogctl(8, NULL, 1)); /* the console is for this test's own words */
	for (size_t i = 0; i < COUNT(lines); i++) {
		R(write(fd, lines[i], strlen(lines[i])));
		priority_of(words[i]);
	}
	close(fd);
}

static void show_attr(void)
{
	struct attr a = { .size = 1 };

	R(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	say("size %u policy %u flags %lu nice %d priority %u\n", a.size, a.policy, (unsigned long)a.flags, a.nice, a.priority);
}

static void scheduling(void)
{
	struct attr a = { .size = sizeof(a) };

	show_attr();
	R(syscall(SYS_sched_getattr, 0, &a, 47, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 56, 1));
	R(syscall(SYS_sched_getattr, -1, &a, 56, 0));
	R(syscall(SYS_sched_getattr, 0, NULL, 56, 0));
	R(syscall(SYS_sched_getattr, 0, (void *)8, 56, 0));
	R(syscall(SYS_sched_getattr, 99999, &a, 56, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 4096, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 4097, 0));
	a = (struct attr){ .size = 48, .policy = SCHED_FIFO, .priority = 7 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	show_attr();
	a.priority = 0;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .policy = SCHED_BATCH, .nice = 5 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	show_attr();
	R(getpriority(PRIO_PROCESS, 0));
	a.policy = 4;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.policy = 99;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.policy = (uint32_t)-1;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 20 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	V(a.size);
	a = (struct attr){ .size = sizeof(a) };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = sizeof(a), .more = { 1 } };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .flags = 1 << 20 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 48, .flags = 0x20 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ .size = 0, .nice = -40 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	show_attr();
	R(syscall(SYS_sched_setattr, 0, NULL, 0));
	R(syscall(SYS_sched_setattr, 0, &a, 1));
	a = (struct attr){ .size = 48, .nice = 3 };
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	if (fork() == 0) {
		R(setuid(65534));
		a.nice = 2;
		R(syscall(SYS_sched_setattr, 0, &a, 0));
		a.nice = 9;
		R(syscall(SYS_sched_setattr, 0, &a, 0));
		a = (struct attr){ .size = 48, .policy = SCHED_RR, .priority = 1 };
		R(syscall(SYS_sched_setattr, 0, &a, 0));
		R(syscall(SYS_sched_setattr, 1, &a, 0));
		_exit(0);
	}
	wait(NULL);
}

static int number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		say("%s: %s\n", path, errname(errno));
	close(fd);
	return atoi(text);
}

static void badness(void)
{
	static const char *const adjusted[] = { "0", "500", "1000", "-500", "-999", "-1000" };

	for (size_t i = 0; i < COUNT(adjusted); i++) {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY), score;

		R(write(fd, adjusted[i], strlen(adjusted[i])));
		close(fd);
		score = number_in("/proc/self/oom_score");
		say("adjusted by %s: about %d\n", adjusted[i], (score + 5) / 10);
	}
}

static void names_cost(void)
{
	struct statfs fs;
	int n;

	mkdir("m", 0755);
	R(mount("t", "m", "tmpfs", 0, "nr_inodes=6"));
	close(open("m/f", O_WRONLY | O_CREAT, 0644));
	statfs("m", &fs);
	V(fs.f_ffree);
	for (n = 0; n < 10; n++) {
		char name[16];

		snprintf(name, sizeof(name), "m/n%d", n);
		if (link("m/f", name) < 0)
			break;
	}
	say("%d further names, then %s\n", n, errname(errno));
	R(open("m/g", O_WRONLY | O_CREAT, 0644));
	R(rename("m/n0", "m/n1"));
	R(unlink("m/n2"));
	statfs("m", &fs);
	V(fs.f_ffree);
	R(symlink("x", "m/s"));
	R(rename("m/s", "m/n3"));
	statfs("m", &fs);
	V(fs.f_ffree);
	R(unlink("m/f"));
	R(unlink("m/n0"));
	R(unlink("m/n1"));
	R(unlink("m/n3"));
	statfs("m", &fs);
	V(fs.f_ffree);
	R(umount("m"));
}

int main(void)
{
	struct utsname u;

	t_dir();
	files();
	locks();
	log_priorities();
	scheduling();
	badness();
	names_cost();
	R(umount("/"));
	personality(PER_LINUX32);
	uname(&u);
	say("machine %s\n", u.machine);
	personality(PER_LINUX);
	uname(&u);
	say("machine %s\n", u.machine);
	return 0;
}
