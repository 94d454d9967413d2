/*
 * What the campaigns share: long runs of random work that look for a panic, a hang, a leak. They are told SEED=, TIME=
 * (seconds), WORKERS= and ONLY= in the environment (the kernel's command line, by way of the runner).
 */
#ifndef SWITCHBACK_TESTS_CAMPAIGN_H
#define SWITCHBACK_TESTS_CAMPAIGN_H

#include "t.h"
#include <stdbool.h>

/* Weak: one for all the files of a program. */
__attribute__((weak)) uint64_t random_state = 1;

UNUSED static uint64_t rnd(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

UNUSED static uint64_t below(uint64_t limit)
{
	return rnd() % limit;
}

UNUSED static long told(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 0) : otherwise;
}

/* A line of /proc/meminfo in KiB; -1 where there is none. */
UNUSED static long meminfo(const char *name)
{
	char text[4096], *at;
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	at = strstr(text, name);
	return at ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

/*
 * How many times longer than on an idle host a known piece of work takes just now; at least 1. A host that has other work to do gives an emulated
 * machine less, and who judges whether something hangs must not count that.
 */
UNUSED static long slowness(void)
{
	enum { LOOPS = 10000000, IDLE_MS = 10 };
	long start = now_ms(), took;

	for (long i = 0; i < LOOPS; i++)
		__asm__ volatile("" ::"r"(i));
	took = now_ms() - start;
	return took > IDLE_MS ? took / IDLE_MS : 1;
}

/* Time as an idle host would have counted it. */
struct patience { long at, spent; };

UNUSED static struct patience patience_start(void)
{
	return (struct patience){ now_ms(), 0 };
}

/* To be asked a few times a second: the milliseconds since the start. */
UNUSED static long patience_spent(struct patience *p)
{
	long slow = slowness(), now = now_ms();

	p->spent += (now - p->at) / slow;
	p->at = now;
	return p->spent;
}

/* Wait for a child up to some milliseconds (from a second on: of an idle host), then kill it; SIGCHLD is blocked from then on. Returns its status, or -1 if it was killed. */
UNUSED static int wait_or_kill(pid_t pid, long milliseconds)
{
	bool patient = milliseconds >= 1000;
	struct timespec slice = { 0, (patient ? 250 : milliseconds) * 1000000 };
	struct patience p = patience_start();
	sigset_t child;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (;;) {
		bool slept;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		slept = sigtimedwait(&child, NULL, &slice) < 0;
		if ((!patient ? now_ms() - p.at : slept ? patience_spent(&p) : p.spent) >= milliseconds)
			break;
	}
	/* Who waits that long is told what it was doing. */
	if (patient) {
		char path[40], text[300];
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		fd = open(path, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, text, 120);
		text[n > 0 ? n : 0] = '\0';
		close(fd);
		say("late: %s\n", text);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return -1;
}

#endif
