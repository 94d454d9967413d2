/* stage: 12; libc: musl; run: guest+golden
 * inotify, pidfd, epoll, signalfd, timerfd in /proc: what fdinfo tells, the links of files without a name, directories of processes for a signal, and the limits in sys/fs/inotify. */
#include "t.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define LIMITS "/proc/sys/fs/inotify/"

static int in;

static void show_watches(void)
{
	char line[300];
	struct stat st;
	FILE *info;
	int fd = openat(AT_FDCWD, ".", O_PATH);

	NEED(fstat(fd, &st) == 0);
	close(fd);
	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", in);
	info = fopen(line, "r");
	NEED(info);
	while (fgets(line, sizeof(line), info)) {
		unsigned wd, mask, ignored;
		unsigned long ino, dev;

		if (sscanf(line, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:%x ", &wd, &ino, &dev, &mask, &ignored) == 5)
			say("\twd %u, mask %#x, ignored %u, here: %d\n", wd, mask, ignored, ino == st.st_ino && dev == st.st_dev);
	}
	fclose(info);
}

static void show_link(const char *what, int fd)
{
	char link[64], text[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, text, sizeof(text) - 1);
	NEED(n > 0);
	say("%s: %.*s\n", what, (int)n, text);
}

/* What stands there beside position, flags and mount; a watched file's place differs. */
static void show_info(const char *what, int fd)
{
	char line[200];
	FILE *info;

	say("%s\n", what);
	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	info = fopen(line, "r");
	NEED(info);
	while (fgets(line, sizeof(line), info))
		if (strncmp(line, "pos:", 4) && strncmp(line, "flags:", 6) && strncmp(line, "mnt_id:", 7) && strncmp(line, "ino:", 4))
			say("\t%.*s\n", strstr(line, " ino:") ? (int)(strstr(line, " ino:") - line) : (int)strcspn(line, "\n"), line);
	fclose(info);
}

static void of_waiting(void)
{
	int ep = epoll_create1(0), t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), s, pair[2];
	struct epoll_event e = { EPOLLIN | EPOLLET, { .u64 = 0x123456789abcdef } };
	struct pollfd p = { t, POLLIN, 0 };
	uint64_t ticks;
	sigset_t mask;

	NEED(pipe(pair) == 0 && dup2(pair[0], 50) == 50 && dup2(pair[1], 51) == 51);
	show_info("epoll", ep);
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, 50, &e) == 0);
	show_info("a pipe's end", ep);
	e.events = EPOLLOUT | EPOLLONESHOT;
	e.data.u64 = 1;
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, 51, &e) == 0);
	NEED(epoll_wait(ep, &e, 1, -1) == 1);
	NEED(epoll_ctl(ep, EPOLL_CTL_DEL, 50, NULL) == 0);
	show_info("the other, which was told of once", ep);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGKILL);
	sigaddset(&mask, 64);
	s = signalfd(-1, &mask, 0);
	show_info("signalfd", s);
	show_info("timerfd", t);
	NEED(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &(struct itimerspec){ { 7, 8 }, { 1, 0 } }, NULL) == 0);
	NEED(poll(&p, 1, -1) == 1);
	show_info("it ran", t);
	NEED(read(t, &ticks, sizeof(ticks)) == sizeof(ticks));
	NEED(timerfd_settime(t, 0, &(struct itimerspec){ { 0, 0 }, { 0, 1 } }, NULL) == 0);
	NEED(poll(&p, 1, -1) == 1);
	show_info("once", t);
	NEED(timerfd_settime(t, 0, &(struct itimerspec){ { 0, 0 }, { 0, 0 } }, NULL) == 0);
	show_info("off", t);
	for (int fd = 50; fd < 52; fd++)
		close(fd);
}

static void pidfd_lines(int fd, pid_t pid)
{
	char line[200];
	FILE *info;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	info = fopen(line, "r");
	NEED(info);
	while (fgets(line, sizeof(line), info)) {
		char *tab = strchr(line, '\t');
		long value = tab ? strtol(tab, NULL, 10) : 0;
		if (strstr(line, "id:\t") && strncmp(line, "mnt_id", 6))
			say("\t%.*s %s\n", (int)strcspn(line, "\t"), line, value == pid ? "is the child's" : value == -1 ? "is -1" : "is another");
	}
	fclose(info);
}

static void pidfd_info(void)
{
	char path[64];
	pid_t pid = fork();

	NEED(pid >= 0);
	if (!pid)
		for (;;)
			pause();
	int fd = syscall(434, pid, 0), dir, tasks, child;
	show_link("pidfd", fd);
	pidfd_lines(fd, pid);
	/* A directory of /proc names a process for a signal, too. */
	sprintf(path, "/proc/%d", pid);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	sprintf(path, "/proc/%d/task", pid);
	tasks = open(path, O_RDONLY | O_DIRECTORY);
	sprintf(path, "/proc/%d/task/%d", pid, pid);
	child = open(path, O_RDONLY | O_DIRECTORY);
	NEED(dir >= 0 && tasks >= 0 && child >= 0);
	R(syscall(424, dir, 0, NULL, 0));
	R(syscall(424, tasks, 0, NULL, 0));
	R(syscall(424, child, 0, NULL, 0));
	R(syscall(438, dir, 0, 0));
	R(syscall(424, dir, SIGKILL, NULL, 0));
	reap("child", pid);
	R(syscall(424, dir, 0, NULL, 0));
	pidfd_lines(fd, pid);
	close(dir);
	close(tasks);
	close(child);
	close(fd);
}

static void limit(const char *name, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), LIMITS "%s", name);
	fd = open(path, O_WRONLY);
	NEED(fd >= 0);
	say("%s = %s: %s\n", name, value, errname(write(fd, value, strlen(value)) < 0 ? errno : 0));
	close(fd);
}

int main(void)
{
	static char buf[8192] __attribute__((aligned(8)));
	char text[64];
	ssize_t n;

	t_dir();
	in = inotify_init1(IN_NONBLOCK);
	show_watches();
	NEED(inotify_add_watch(in, "/", IN_OPEN) == 1);
	NEED(inotify_add_watch(in, ".", IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONLYDIR) == 2);
	show_watches();
	NEED(inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT) == 2);
	show_watches();
	NEED(inotify_rm_watch(in, 1) == 0);
	show_watches();
	show_link("inotify", in);
	show_link("eventfd", eventfd(0, 0));
	show_link("epoll", epoll_create1(0));
	show_link("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	show_link("signalfd", signalfd(-1, &(sigset_t){ 0 }, 0));
	pidfd_info();
	of_waiting();
	close(in);

	limit("max_user_instances", "-1");
	limit("max_user_instances", "x");
	limit("max_user_instances", "1");
	in = inotify_init();
	NEED(in >= 0);
	R(inotify_init());
	R(inotify_init1(IN_CLOEXEC));
	close(in);
	limit("max_user_instances", "128");

	limit("max_user_watches", "2");
	in = inotify_init1(IN_NONBLOCK);
	R(inotify_add_watch(in, ".", IN_OPEN));
	R(inotify_add_watch(in, "/", IN_OPEN));
	R(inotify_add_watch(in, "/tmp", IN_OPEN));
	R(inotify_add_watch(in, "/", IN_CLOSE));
	R(inotify_rm_watch(in, 1));
	R(inotify_add_watch(in, "/tmp", IN_OPEN));
	close(in);
	limit("max_user_watches", "8192");

	limit("max_queued_events", "3");
	in = inotify_init1(IN_NONBLOCK);
	NEED(inotify_add_watch(in, ".", IN_CREATE | IN_DELETE) == 1);
	for (int i = 0; i < 5; i++) {
		sprintf(text, "d%d", i);
		NEED(mkdir(text, 0700) == 0);
	}
	n = read(in, buf, sizeof(buf));
	for (char *at = buf; at < buf + n; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len) {
		struct inotify_event *e = (void *)at;
		say("\t%d %#x %s\n", e->wd, e->mask, e->len ? e->name : "");
	}
	limit("max_queued_events", "0");
	close(in);
	in = inotify_init1(IN_NONBLOCK);
	NEED(inotify_add_watch(in, ".", IN_CREATE | IN_DELETE) == 1);
	NEED(rmdir("d0") == 0);
	n = read(in, buf, sizeof(buf));
	V(n);
	X(((struct inotify_event *)buf)->mask);
	limit("max_queued_events", "16384");
	return 0;
}
