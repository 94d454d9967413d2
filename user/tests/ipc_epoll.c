/* stage: 09; libc: musl; run: host+guest
 * epoll: level and edge, one shot, changes, errnos, nesting, what close and dup do. */
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep;

static void wait_for(const char *what, int ms)
{
	struct epoll_event e[8];
	int n = epoll_wait(ep, e, 8, ms);

	say("%s: %d", what, n);
	for (int i = 0; i < n; i++)
		say(" [%#x data %d]", e[i].events, (int)e[i].data.u64);
	if (n < 0)
		say(" %s", errname(errno));
	say("\n");
}

static int control(int op, int fd, uint32_t events, int data)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)data };

	return epoll_ctl(ep, op, fd, &e);
}

/* Chains of epolls, built from the file that all wait for or from the far end, and of two halves: how long they may be. */
/* Errors and hang-ups are told of without being asked for, but not by what ONESHOT has disarmed. */
static void nothing_asked(unsigned events)
{
	int ep = epoll_create1(0), p[2];
	struct epoll_event e = { .events = events }, got;

	NEED(pipe(p) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == 0);
	R(write(p[1], "x", 1));
	R(epoll_wait(ep, &got, 1, 0));
	close(p[1]);
	for (int i = 0; i < 2; i++) {
		got.events = 0;
		R(epoll_wait(ep, &got, 1, 0));
		X(got.events);
	}
	R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
	R(epoll_wait(ep, &got, 1, 0));
	close(p[0]);
	close(ep);
}

static void chains(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int chain[300], p[2], links;

	NEED(pipe(p) == 0);
	for (size_t i = 0; i < COUNT(chain); i++)
		NEED((chain[i] = epoll_create1(0)) >= 0);
	NEED(epoll_ctl(chain[0], EPOLL_CTL_ADD, p[0], &e) == 0);
	for (links = 0; links < 299 && epoll_ctl(chain[links + 1], EPOLL_CTL_ADD, chain[links], &e) == 0; links++)
		;
	say("up: %d links, then %s\n", links, errname(errno));
	for (links = 0; links < 250 && epoll_ctl(chain[299 - links], EPOLL_CTL_ADD, chain[298 - links], &e) == 0; links++)
		;
	say("down: %d links, then %s\n", links, errname(errno));
	for (int i = 0; i < 2; i++)
		R(epoll_ctl(chain[i + 11], EPOLL_CTL_ADD, chain[i + 10], &e));
	R(epoll_ctl(chain[13], EPOLL_CTL_ADD, chain[3], &e));
	R(epoll_ctl(chain[10], EPOLL_CTL_ADD, chain[3], &e));
	R(epoll_ctl(chain[10], EPOLL_CTL_ADD, chain[2], &e));
	R(epoll_ctl(chain[10], EPOLL_CTL_ADD, chain[1], &e));
	NEED(write(p[1], "x", 1) == 1);
	R(epoll_wait(chain[12], &e, 1, 0));
	for (size_t i = 0; i < COUNT(chain); i++)
		close(chain[i]);

	/* Every epoll of a row watches all of the row below it: a wake-up would walk every way. */
	for (size_t i = 0; i < COUNT(chain); i++)
		NEED((chain[i] = epoll_create1(0)) >= 0);
	NEED(epoll_ctl(chain[0], EPOLL_CTL_ADD, p[0], &e) == 0);
	links = 0;
	for (int i = 1; i < 20; i++)
		NEED(epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[0], &e) == 0);
	for (int i = 20; i < 40; i++)
		for (int k = 1; k < 20; k++)
			links += epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[k], &e) == 0;
	say("rows: %d links, at last %s\n", links, errname(errno));
	R(epoll_wait(chain[20], &e, 1, 0));
	for (size_t i = 0; i < COUNT(chain); i++)
		close(chain[i]);
}

int main(void)
{
	struct epoll_event e;
	int a[2], b[2], d, outer;
	char buf[16];
	pid_t pid;

	R(epoll_create1(0x1234));
	R(SYS(epoll_create, 0));
	ep = epoll_create1(EPOLL_CLOEXEC);
	V(fcntl(ep, F_GETFD));
	NEED(pipe(a) == 0 && pipe(b) == 0);
	R(control(EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	R(control(EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	R(control(EPOLL_CTL_ADD, a[1], EPOLLOUT, 2));
	R(control(EPOLL_CTL_MOD, b[0], EPOLLIN, 3));
	R(control(EPOLL_CTL_DEL, b[0], 0, 0));
	R(control(EPOLL_CTL_ADD, 99, EPOLLIN, 1));
	R(control(EPOLL_CTL_ADD, ep, EPOLLIN, 1));
	R(control(EPOLL_CTL_ADD, open("/tmp", O_RDONLY), EPOLLIN, 1));
	R(control(77, a[0], EPOLLIN, 1));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, b[0], (void *)8));
	R(epoll_ctl(a[0], EPOLL_CTL_ADD, b[0], &e));
	R(epoll_wait(ep, &e, 0, 0));
	R(epoll_wait(ep, &e, -1, 0));
	R(epoll_wait(a[0], &e, 1, 0));
	R(epoll_wait(99, &e, 1, 0));
	R(epoll_wait(ep, (void *)8, 1, 0));

	wait_for("writable", 0);
	R(control(EPOLL_CTL_MOD, a[1], 0, 2));
	wait_for("nothing", 20);
	write(a[1], "x", 1);
	wait_for("level", 0);
	wait_for("level again", 0);
	R(control(EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLET, 10));
	wait_for("edge", 0);
	wait_for("edge again", 0);
	write(a[1], "y", 1);
	wait_for("new edge", 0);
	R(control(EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLONESHOT, 11));
	wait_for("one shot", 0);
	write(a[1], "z", 1);
	wait_for("spent", 0);
	R(control(EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLONESHOT, 12));
	wait_for("armed again", 0);
	R(control(EPOLL_CTL_DEL, a[0], 0, 0));
	wait_for("deleted", 0);
	read(a[0], buf, sizeof(buf));

	R(control(EPOLL_CTL_ADD, a[0], EPOLLIN, 20));
	pid = fork();
	if (pid == 0) {
		nap(40);
		write(a[1], "w", 1);
		_exit(0);
	}
	wait_for("woken", 5000);
	waitpid(pid, NULL, 0);
	read(a[0], buf, sizeof(buf));

	/* An open file lives as long as any descriptor of it. */
	R(control(EPOLL_CTL_ADD, b[0], EPOLLIN, 30));
	write(b[1], "x", 1);
	wait_for("before close", 0);
	d = dup(b[0]);
	close(b[0]);
	wait_for("closed, but duplicated", 0);
	close(d);
	wait_for("closed", 0);

	close(a[1]);
	wait_for("hang-up", 0);
	R(control(EPOLL_CTL_DEL, a[0], 0, 0));

	/* An epoll in an epoll; an eventfd. */
	outer = epoll_create1(0);
	d = eventfd(0, EFD_NONBLOCK);
	R(control(EPOLL_CTL_ADD, d, EPOLLIN, 40));
	e = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 50 };
	R(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
	R(epoll_wait(outer, &e, 1, 0));
	eventfd_write(d, 1);
	R(epoll_wait(outer, &e, 1, 0));
	e.events = EPOLLIN;
	R(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &e));
	wait_for("inner", 0);
	chains();
	nothing_asked(0);
	nothing_asked(EPOLLET);
	nothing_asked(EPOLLONESHOT);
	return 0;
}
