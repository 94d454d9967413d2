/*
 * The pen: where the children of a campaign live that may do anything. A worker makes one child after the other; a child has
 * its time, 50 ms mostly, then it is killed, with all that it started.
 *
 *   worker 0   worker 1   …        each has a tmpfs of its own at /tmp/wN (with proc and dev in it), a new one every 16 children:
 *      │                           what a child mounts and writes goes with it
 *      ├─ child: nobody in particular (uid 10000 + N), may fork up to 64; or root, which may not (see the campaign)
 *      └─ sweeper: as uid 10000 + N kills whatever is left
 *
 * The counters lie far from what a child plays with; a child that needs none of them unmaps them (pen_forget).
 */
#ifndef SWITCHBACK_TESTS_CAMPAIGN_PEN_H
#define SWITCHBACK_TESTS_CAMPAIGN_PEN_H

#include "campaign.h"
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

struct pen_counters { volatile uint64_t calls, children, killed, wrong; };
/* Of a campaign whose children must end with status 0 and in time: how long that is, and what the last that was wrong had to say. */
static long pen_patience = 50;
static bool pen_judges;
static struct pen_counters *pen_counters;
static char *pen_text;
#define PEN_WORKERS 64
#define PEN_TEXT 256
#define PEN_UID(worker) (10000 + (unsigned)(worker))

/* What a child does; never returns. `calls` is where it counts, if it counts anything. */
typedef void pen_child(int worker, uint64_t round, volatile uint64_t *calls);

UNUSED static void pen_become_nobody(int worker)
{
	SYS(setgroups, 0, NULL);
	if (SYS(setresgid, 65534, 65534, 65534) < 0 || SYS(setresuid, PEN_UID(worker), PEN_UID(worker), PEN_UID(worker)) < 0)
		_exit(1);
}

#define PEN_COUNTERS ((void *)0x7e0000000000)
#define PEN_SIZE 8192

UNUSED static void pen_forget(void)
{
	munmap(PEN_COUNTERS, PEN_SIZE);
}

/* Says what is wrong (the first one counts), and ends the child. */
UNUSED static void pen_mistake(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!pen_text[0])
		vsnprintf(pen_text, PEN_TEXT, format, args);
	va_end(args);
	_exit(1);
}

UNUSED static void pen_limits(void)
{
	struct rlimit few = { 64, 64 }, file = { 1 << 22, 1 << 22 }, space = { 256 << 20, 256 << 20 };

	setrlimit(RLIMIT_FSIZE, &file);
	setrlimit(RLIMIT_AS, &space);
	setrlimit(RLIMIT_NPROC, &few);
}

static void pen_sweep(int worker)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (SYS(setresuid, PEN_UID(worker), PEN_UID(worker), PEN_UID(worker)) == 0)
			kill(-1, SIGKILL);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

/* What was mounted on the pen, and through links of /proc outside of it: on the program, and on the file that is its standard input. */
static void pen_unmount(const char *home)
{
	char program[256];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n < 0 ? 0 : n] = '\0';
	while (umount2(home, MNT_DETACH) == 0 || umount2(program, MNT_DETACH) == 0 || umount2("/dev/null", MNT_DETACH) == 0)
		;
}

static void pen_renew(const char *home)
{
	static const struct { const char *name; unsigned int major, minor; } devices[] = {
		{ "dev/null", 1, 3 }, { "dev/zero", 1, 5 }, { "dev/full", 1, 7 }, { "dev/random", 1, 8 }, { "dev/kmsg", 1, 11 },
		{ "dev/tty", 5, 0 }, { "dev/ptmx", 5, 2 },
	};

	pen_unmount(home);
	mount("w", home, "tmpfs", 0, "mode=777,size=8m");
	chdir(home);
	umask(0);
	mkdir("proc", 0755);
	mkdir("dev", 0755);
	mount("proc", "proc", "proc", 0, NULL);
	/* Not the real one, whose folder would keep what root's children make in it. */
	for (size_t i = 0; i < COUNT(devices); i++)
		mknod(devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor));
	mkdir("dev/pts", 0755);
	mount("/dev/pts", "dev/pts", NULL, MS_BIND, NULL);
	chdir("/");
}

/* Waits for the child, up to pen_patience in all; one that has begun to count has to count on, since the rest of its
 * time would be lost when it sleeps. Its status, or -1 if it was killed. */
static int pen_wait(pid_t pid, volatile uint64_t *calls)
{
	struct timespec slice = { 0, 8000000 };
	long end = now_ms() + pen_patience;
	uint64_t first = *calls, seen = first;
	sigset_t child;
	int status;

	if (pen_judges)
		return wait_or_kill(pid, pen_patience);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		bool slept = sigtimedwait(&child, NULL, &slice) < 0 && *calls == seen && seen != first;

		if (slept || now_ms() >= end)
			return wait_or_kill(pid, 0);
		seen = *calls;
	}
	return status;
}

static void pen_work(int worker, uint64_t seed, long end, pen_child *child)
{
	struct pen_counters *counter = &pen_counters[worker];
	char home[32];
	int null = open("/dev/null", O_RDWR);
	sigset_t set;

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	snprintf(home, sizeof(home), "/tmp/w%d", worker);
	mkdir(home, 0777);
	for (uint64_t round = 0; now_ms() < end; round++) {
		int status;
		pid_t pid;

		if (round % 16 == 0)
			pen_renew(home);
		random_state = seed * 1000003 + (uint64_t)worker * 7919 + round * 104729;
		pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			if (chdir(home) < 0 || chroot(".") < 0)
				_exit(2);
			child(worker, round, &counter->calls);
		}
		if (pid < 0) {
			nap(10);
			continue;
		}
		counter->children++;
		status = pen_wait(pid, &counter->calls);
		if (status < 0)
			counter->killed++;
		if (pen_judges && status != 0) {
			counter->wrong++;
			if (!pen_text[0])
				snprintf(pen_text, PEN_TEXT, "a child %s", status < 0 ? "does not end" : "ended with an odd status");
		}
		pen_sweep(worker);
	}
	pen_unmount(home);
	rmdir(home);
	_exit(0);
}

static struct pen_counters pen_sum(int workers)
{
	struct pen_counters sum = { 0, 0, 0, 0 };

	for (int i = 0; i < workers; i++) {
		sum.calls += pen_counters[i].calls;
		sum.children += pen_counters[i].children;
		sum.killed += pen_counters[i].killed;
		sum.wrong += pen_counters[i].wrong;
	}
	return sum;
}

/* The whole campaign: workers, a line each ten seconds, the sum at the end. `what` names it; `thing` is what *calls counts, or NULL. */
static int pen_campaign(const char *what, const char *thing, pen_child *child)
{
	long seconds = told("TIME", 30), workers = told("WORKERS", 2), start = now_ms(), last = 0, next = 10000;
	struct patience still;
	uint64_t seed = (uint64_t)told("SEED", 1);
	struct pen_counters sum;

	pen_counters = mmap(PEN_COUNTERS, PEN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pen_text = (char *)(pen_counters + PEN_WORKERS);
	NEED(pen_counters != MAP_FAILED && workers > 0 && workers <= PEN_WORKERS);
	say("%s: seed %lu, %ld seconds, %ld workers, %ld KiB free\n", what, (unsigned long)seed, seconds, workers, meminfo("MemFree:"));
	for (int i = 0; i < workers; i++)
		if (fork() == 0)
			pen_work(i, seed, start + seconds * 1000, child);
	still = patience_start();
	while (now_ms() < start + seconds * 1000) {
		nap(500);
		sum = pen_sum((int)workers);
		if ((long)sum.children != last) {
			last = (long)sum.children;
			still = patience_start();
		} else if (patience_spent(&still) > 30000) {
			say("STUCK: no child has ended in thirty seconds\n");
			still = patience_start();
		}
		if (now_ms() - start < next)
			continue;
		next += 10000;
		say("  %ld s: %lu children", (now_ms() - start) / 1000, (unsigned long)sum.children);
		if (thing)
			say(", %lu %s", (unsigned long)sum.calls, thing);
		say(", %ld KiB free\n", meminfo("MemFree:"));
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	sum = pen_sum((int)workers);
	say("total: ");
	if (thing)
		say("%lu %s, ", (unsigned long)sum.calls, thing);
	say("%lu children, %lu out of time\n", (unsigned long)sum.children, (unsigned long)sum.killed);
	if (sum.wrong)
		say("WRONG: %lu children: %s\n", (unsigned long)sum.wrong, pen_text);
	return 0;
}

#endif
