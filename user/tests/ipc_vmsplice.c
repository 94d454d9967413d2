/* stage: 09; libc: musl; run: guest+golden
 * vmsplice: memory into a pipe and out of one: slots by pages, several pieces, refusals, and who waits. */
#include "t.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

#define PAGE 4096

static char *area; /* 20 pages, the last not there */

static int queued(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

static long vms(int fd, void *base, size_t n, unsigned flags)
{
	struct iovec v = { base, n };

	return SYS(vmsplice, fd, &v, 1ul, flags);
}

static void in(void)
{
	struct iovec v[4] = { { area + 1, 3 }, { NULL, 0 }, { area + 4, 5 }, { area + PAGE - 1, 2 } };
	char text[64] = "";
	int a[2], n = 0;

	NEED(pipe(a) == 0);
	R(SYS(vmsplice, a[1], v, 4ul, 0));
	V(queued(a[0]));
	R(write(a[1], "+", 1));
	R(read(a[0], text, 63));
	S(text);
	/* One slot for each page that is touched. */
	V(vms(a[1], area, 20 * PAGE, SPLICE_F_NONBLOCK));
	R(vms(a[1], area, 1, SPLICE_F_NONBLOCK));
	R(vms(a[1], area, 0, SPLICE_F_NONBLOCK));
	close(a[0]);
	close(a[1]);
	NEED(pipe(a) == 0);
	V(vms(a[1], area + 100, 18 * PAGE, SPLICE_F_GIFT));
	close(a[0]);
	close(a[1]);
	NEED(pipe(a) == 0);
	while (vms(a[1], area, 1, SPLICE_F_NONBLOCK) == 1)
		n++;
	V(n);
	close(a[0]);
	close(a[1]);
	/* Up to what is not there. */
	NEED(pipe(a) == 0);
	V(vms(a[1], area + 18 * PAGE + 96, 2 * PAGE, 0));
	R(vms(a[1], area + 19 * PAGE, 10, 0));
	V(queued(a[0]));
	close(a[0]);
	signal(SIGPIPE, SIG_IGN);
	R(vms(a[1], area, 10, 0));
	R(vms(a[1], area, 0, 0));
	signal(SIGPIPE, SIG_DFL);
	close(a[1]);
}

static void out(void)
{
	char one[8] = "", two[8] = "";
	struct iovec v[3] = { { one, 4 }, { NULL, 0 }, { two, 7 } };
	int a[2];

	NEED(pipe(a) == 0);
	R(write(a[1], "0123456789abcdef", 16));
	R(SYS(vmsplice, a[0], v, 3ul, 0));
	S(one);
	S(two);
	V(queued(a[0]));
	R(vms(a[0], area + 19 * PAGE, 3, 0));
	R(vms(a[0], area + 19 * PAGE - 2, 3, 0));
	V(queued(a[0]));
	R(vms(a[0], area, 100, SPLICE_F_NONBLOCK));
	R(vms(a[0], area, 100, SPLICE_F_NONBLOCK));
	/* The file's own flag does not count here. */
	fcntl(a[0], F_SETFL, O_NONBLOCK);
	if (!fork()) {
		long n = vms(a[0], area, 100, 0);
		say("waited for data: %ld\n", n);
		_exit(0);
	}
	usleep(50000);
	NEED(write(a[1], "late", 4) == 4);
	NEED(wait(NULL) > 0);
	close(a[1]);
	R(vms(a[0], area, 100, 0));
	close(a[0]);
	/* Packets run together. */
	NEED(pipe2(a, O_DIRECT) == 0 && write(a[1], "first", 5) == 5 && write(a[1], "second", 6) == 6);
	R(vms(a[0], area, 3, 0));
	R(vms(a[0], area, 100, 0));
	close(a[0]);
	close(a[1]);
}

static void refusals(void)
{
	struct iovec v[2] = { { area, 4 }, { area, SIZE_MAX } };
	int a[2], file, path;

	NEED(pipe(a) == 0);
	NEED((file = open("f", O_RDWR | O_CREAT, 0644)) >= 0 && (path = open("f", O_PATH)) >= 0);
	R(vms(file, area, 4, 0));
	R(vms(file, area, 0, 0));
	R(vms(path, area, 4, 0));
	R(vms(99, area, 4, 0));
	R(vms(99, area, 4, 16));
	R(vms(a[1], area, 4, 16));
	R(SYS(vmsplice, file, v, 2ul, 0));
	R(SYS(vmsplice, a[1], v, 0ul, 0));
	R(SYS(vmsplice, a[1], NULL, 0ul, 0));
	R(SYS(vmsplice, a[1], v, 1025ul, 0));
	R(SYS(vmsplice, a[1], v, 1ul << 32, 0));
	R(SYS(vmsplice, a[1], NULL, 1ul, 0));
	R(vms(a[1], (void *)-PAGE, 4, 0));
	V(queued(a[0]));
}

static void on_alarm(int sig) { (void)sig; }

static void waits(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	char text[PAGE];
	int a[2];

	NEED(pipe2(a, O_NONBLOCK) == 0);
	V(fcntl(a[1], F_SETPIPE_SZ, PAGE));
	R(vms(a[1], area, 5, 0));
	if (!fork()) {
		/* As much as there is room for then, not all. */
		long n = vms(a[1], area, 3 * PAGE, 0);
		say("waited for room: %ld\n", n);
		_exit(0);
	}
	usleep(50000);
	NEED(read(a[0], text, 5) == 5);
	NEED(wait(NULL) > 0);
	V(queued(a[0]));
	sigaction(SIGALRM, &act, NULL);
	ualarm(50000, 0);
	R(vms(a[1], area, 5, 0));
	NEED(read(a[0], text, PAGE) == PAGE);
	ualarm(50000, 0);
	R(vms(a[0], area, 5, 0));
}

int main(void)
{
	t_dir();
	alarm(20);
	area = mmap(NULL, 20 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(area != MAP_FAILED && munmap(area + 19 * PAGE, PAGE) == 0);
	memset(area, '.', 19 * PAGE);
	memcpy(area, "vmsplice", 8);
	in();
	out();
	refusals();
	waits();
	return 0;
}
