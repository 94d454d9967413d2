/* stage: 12; libc: musl; run: guest+golden
 * Files of /proc can be polled: most are always ready; those that list the mounts tell when the list has changed, each opening once. */
#include "t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mount.h>

static void ask(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	poll(&p, 1, 0);
	say("%s:%s%s%s%s\n", what, p.revents & POLLIN ? " in" : "", p.revents & POLLOUT ? " out" : "", p.revents & POLLPRI ? " pri" : "", p.revents & POLLERR ? " err" : "");
}

static void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

int main(void)
{
	int a = open("/proc/self/mountinfo", O_RDONLY), b = open("/proc/mounts", O_RDONLY), version = open("/proc/version", O_RDONLY), status = open("/proc/self/status", O_RDONLY), e;
	struct epoll_event ev = { .events = EPOLLPRI | EPOLLET }, got;
	pid_t pid;
	int end;

	NEED(a >= 0 && b >= 0 && version >= 0 && status >= 0);
	t_dir();
	NEED(mkdir("m", 0755) == 0);
	ask("version", version);
	ask("status", status);
	drain(a);
	ask("mountinfo", a);
	ask("mounts", b);
	R(mount("none", "m", "tmpfs", 0, NULL));
	ask("mountinfo, mounted", a);
	ask("mountinfo again", a);
	ask("mounts", b);
	R(mount("none", "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	ask("mounts, mounted again", b);
	R(umount("m"));
	ask("mounts, unmounted", b);
	ask("mounts again", b);

	e = epoll_create1(0);
	R(epoll_ctl(e, EPOLL_CTL_ADD, version, &ev));
	R(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
	while (epoll_wait(e, &got, 1, 0) == 1)
		;
	pid = fork();
	if (!pid) {
		usleep(20000);
		_exit(mount("none", "m", "tmpfs", 0, NULL) || umount("m"));
	}
	R(epoll_wait(e, &got, 1, 20000));
	say("events %#x\n", got.events);
	waitpid(pid, &end, 0);
	V(end);
	return 0;
}
