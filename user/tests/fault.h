/*
 * For tests that make each call again and again, while the first, second, third ... thing that can fail in it does: an allocation, a page, a copy from or to the
 * program, a command to a disk (/proc/self/fail-nth of a checking kernel), until it gets through without one. It must say one of the errors that the test
 * allows it, or succeed nevertheless; the same call right after it must succeed; and when all is over the kernel must hold what it held before.
 *
 * Each case has a process of its own, in a file system of its own, mounted on /tmp/fault. The test defines before it includes this, if not a tmpfs is wanted:
 * FAULT_DEVICE and FAULT_TYPE; and after it prepare(), allowed() and, with FAULT_MEND, mend().
 */
#ifndef SWITCHBACK_TESTS_FAULT_H
#define SWITCHBACK_TESTS_FAULT_H

#include "t.h"
#include "objects.h"
#include <sys/mount.h>

#ifndef FAULT_DEVICE
#define FAULT_DEVICE "fault"
#define FAULT_TYPE "tmpfs"
#endif
enum { FAULTS_MOST = 3000 };

struct one {
	const char *name;
	void (*before)(void);
	long (*call)(void);        /* says what the system call said */
	void (*undo)(long result); /* puts back what it did */
	int own;                   /* arms its child, not itself: with nth_for_child */
};

static int control = -1, nth_for_child;
static char buffer[8192];

/* What the cases share; faults are to hit the call, and not what the program would have to make first. */
static void prepare(void);
static int allowed(const struct one *c, int error);
/* After an error that leaves more than the call undone: what the next call needs. */
static void mend(void);

UNUSED static void none(long result) { (void)result; }
UNUSED static void nothing(void) {}
UNUSED static void shut(long fd) { close((int)fd); }

static void arm(int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", n);

	NEED(pwrite(control, text, (size_t)length, 0) == length);
}

static long disarm(void)
{
	char text[16] = "";

	NEED(pread(control, text, sizeof(text) - 1, 0) > 0);
	long left = atol(text);
	arm(0);
	return left;
}

static int try_case(const struct one *c)
{
	int faults = 0, errors = 0, wrong = 0, n;

	for (n = 1; n < FAULTS_MOST; n++) {
		long result, left, again;
		int error;

		c->before();
		nth_for_child = c->own ? n : 0;
		if (!c->own)
			arm(n);
		errno = 0;
		result = c->call();
		error = errno;
		left = c->own ? 0 : disarm();
		if (result < 0 && result > -4096 && (left || !allowed(c, error)) && wrong++ < 5)
			say("WRONG %s: fault %d (%ld left) gives %s\n", c->name, n, left, errname(error));
		if (result == -1) {
			errors++;
			nth_for_child = 0;
			mend();
			again = c->call();
			if (again < 0 && wrong++ < 5)
				say("WRONG %s: after fault %d (%s) it is %s still\n", c->name, n, errname(error), errname(errno));
			result = again;
		}
		c->undo(result);
		faults++;
		if (left)
			break;
		/* A child's countdown dies with it: what came through often enough met none. */
		if (c->own && error == 0 && n > errors + 400)
			break;
	}
	if (n == FAULTS_MOST && wrong++ < 5)
		say("WRONG %s: it does not get through\n", c->name);
	say("%s: %d faults, %d errors\n", c->name, faults, errors);
	return wrong;
}

static int try_all(const struct one *cases, size_t count)
{
	static struct objects before;
	const char *only = getenv("ONLY");
	char text[1000];
	int wrong = 0;

	objects_warm(text, sizeof(text));
	NEED(objects_read(&before));
	mkdir("/tmp/fault", 0700);
	for (size_t i = 0; i < count; i++) {
		int status;
		pid_t pid;

		if (only && !strstr(cases[i].name, only))
			continue;
		objects_read(&before);
		NEED(mount(FAULT_DEVICE, "/tmp/fault", FAULT_TYPE, 0, NULL) == 0);
		int mark = open("/proc/leaks", O_WRONLY);
		write(mark, "mark", 4);
		close(mark);
		pid = fork();
		if (pid == 0) {
			alarm(300); /* a call that waits for what a fault has lost */
			NEED(chdir("/tmp/fault") == 0);
			NEED((control = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC)) >= 0);
			prepare();
			_exit(try_case(&cases[i]) != 0);
		}
		waitpid(pid, &status, 0);
		if (status) {
			wrong = 1;
			say("WRONG %s: its process ended with %#x\n", cases[i].name, status);
		}
		/* Its files go with the mount. */
		NEED(umount2("/tmp/fault", MNT_DETACH) == 0);
		if (objects_grown(&before, text, sizeof(text))) {
			int fd = open("/proc/leaks", O_RDONLY);
			static char leaks[4096];
			ssize_t got = read(fd, leaks, sizeof(leaks) - 1);

			leaks[got > 0 ? got : 0] = '\0';
			close(fd);
			wrong = 1;
			say("WRONG %s: leaked%s\n%s\n", cases[i].name, text, leaks);
		}
	}
	return wrong;
}

#endif
