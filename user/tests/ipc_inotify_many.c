/* stage: 09; libc: musl; run: host+guest
 * inotify in numbers: a queue that overflows, as many instances as there may be, many watches, and watches that end while files are used by others. */
#include "t.h"

#include <sys/inotify.h>
#include <sys/ioctl.h>

#define FILES 500
#define WORKERS 4
#define ROUNDS 60

static char buf[1 << 20] __attribute__((aligned(8)));

/* Events until there are none, and the last of them. */
static long drain(int in, struct inotify_event *last)
{
	long count = 0;
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		for (char *at = buf; at < buf + n; at += sizeof(*last) + ((struct inotify_event *)at)->len) {
			*last = *(struct inotify_event *)at;
			count++;
		}
	return count;
}

static void overflow(void)
{
	int in = inotify_init1(IN_NONBLOCK), fd;
	struct inotify_event last;

	put_text("x", "data");
	R(inotify_add_watch(in, "x", IN_ACCESS | IN_MODIFY | IN_OPEN));
	fd = open("x", O_RDWR);
	for (int i = 0; i < 10000; i++)
		NEED(pread(fd, buf, 1, 0) == 1 && pwrite(fd, "1", 1, 0) == 1);
	V(drain(in, &last));
	V(last.wd);
	X(last.mask);
	V(last.len);
	NEED(pread(fd, buf, 1, 0) == 1);
	V(drain(in, &last));
	X(last.mask);
	for (int i = 0; i < 10000; i++)
		NEED(pread(fd, buf, 1, 0) == 1 && pwrite(fd, "1", 1, 0) == 1);
	/* What came while it was full is lost, and with it that the watch has ended. */
	R(inotify_rm_watch(in, 1));
	V(drain(in, &last));
	X(last.mask);
	close(fd);
	close(in);
	unlink("x");
}

static void instances(void)
{
	int fds[300], n = 0, again = 0;

	/* As another user, so that what this machine has running does not count. */
	IN_CHILD("instances") {
		NEED(setuid(4711) == 0);
		while (n < 300 && (fds[n] = inotify_init()) >= 0)
			n++;
		say("after %d: %s\n", n, errname(errno));
		NEED(close(fds[--n]) == 0);
		while (n < 300 && (fds[n] = inotify_init()) >= 0)
			n++, again++;
		V(again);
		IN_CHILD("a child of the same user")
			R(inotify_init());
	}
	IN_CHILD("they are given back") {
		NEED(setuid(4711) == 0);
		for (n = 0; n < 300 && (fds[n] = inotify_init()) >= 0; n++)
			;
		V(n);
	}
}

static void many(void)
{
	int in = inotify_init1(IN_NONBLOCK);
	struct inotify_event last;
	char name[32];

	for (int i = 0; i < FILES; i++) {
		sprintf(name, "f%d", i);
		put_text(name, "");
		NEED(inotify_add_watch(in, name, IN_ATTRIB | IN_DELETE_SELF) == i + 1);
	}
	for (int i = 0; i < FILES; i += 2)
		NEED(inotify_rm_watch(in, i + 1) == 0);
	V(drain(in, &last));
	for (int i = 0; i < FILES; i++) {
		sprintf(name, "f%d", i);
		NEED(unlink(name) == 0);
	}
	V(drain(in, &last));
	close(in);
}

/* Workers use and remove files while others watch them, and end their watches in every way. Nothing may be lost, and nothing left. */
static void race(void)
{
	pid_t pids[WORKERS], watcher;
	int status, bad = 0;

	watcher = fork();
	NEED(watcher >= 0);
	if (!watcher)
		for (;;) {
			int in = inotify_init1(IN_NONBLOCK);
			struct inotify_event last;
			char name[32];

			NEED(inotify_add_watch(in, ".", IN_ALL_EVENTS) == 1);
			for (int i = 0; i < WORKERS; i++) {
				sprintf(name, "w%d", i);
				int wd = inotify_add_watch(in, name, i & 1 ? IN_ALL_EVENTS : IN_ALL_EVENTS | IN_ONESHOT);
				if (wd > 0 && i & 2)
					inotify_rm_watch(in, wd);
			}
			drain(in, &last);
			close(in);
		}
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		NEED(pids[i] >= 0);
		if (pids[i])
			continue;
		char name[32], other[32];
		sprintf(name, "w%d", i);
		sprintf(other, "w%d", (i + 1) % WORKERS);
		for (int round = 0; round < ROUNDS; round++) {
			int in = inotify_init1(IN_NONBLOCK);
			struct inotify_event last = { .mask = 0 };

			put_text(name, "data");
			int wd = inotify_add_watch(in, name, IN_DELETE_SELF);
			inotify_add_watch(in, other, IN_ALL_EVENTS);
			int fd = open(name, O_RDWR);
			/* z may be another's by now: then this one's was replaced, and has gone just so. */
			NEED(wd > 0 && fd >= 0 && write(fd, "1", 1) == 1 && rename(name, "z") == 0);
			unlink("z");
			close(fd);
			unlink(name);
			NEED(drain(in, &last) >= 0);
			close(in);
		}
		_exit(0);
	}
	for (int i = 0; i < WORKERS; i++) {
		NEED(waitpid(pids[i], &status, 0) == pids[i]);
		bad += status != 0;
	}
	V(bad);
	NEED(kill(watcher, SIGKILL) == 0);
	reap("watcher", watcher);
	unlink("z");
}

int main(void)
{
	t_dir();
	overflow();
	instances();
	many();
	race();
	return 0;
}
