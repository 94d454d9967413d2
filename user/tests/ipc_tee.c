/* stage: 09; libc: musl; run: guest+golden
 * tee: what it copies and what it leaves, slots, packets, ends, refusals, and who waits. */
#include "t.h"
#include <sys/ioctl.h>

static char big[70000];

static int queued(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

static void drain(const char *who, int fd)
{
	char text[64];
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		say("%s: %s\n", who, text);
	}
	say("%s then: %s\n", who, n ? errname(errno) : "end");
	fcntl(fd, F_SETFL, 0);
}

static void copies(void)
{
	int a[2], b[2];

	NEED(pipe(a) == 0 && pipe(b) == 0);
	R(write(a[1], "one two three", 13));
	R(SYS(tee, a[0], b[1], 7, 0));
	V(queued(a[0]));
	V(queued(b[0]));
	/* A copy is not added to. */
	R(write(b[1], "+more", 5));
	R(SYS(tee, a[0], b[1], 1ul << 40, SPLICE_F_NONBLOCK));
	drain("copy", b[0]);
	R(write(a[1], "+still", 6));
	drain("original", a[0]);
	R(SYS(tee, a[0], b[1], 10, SPLICE_F_NONBLOCK));
	R(SYS(tee, a[0], b[1], 0, 0));
	close(a[1]);
	R(SYS(tee, a[0], b[1], 10, 0));
	close(a[0]);
	close(b[0]);
	close(b[1]);
}

static void slots(void)
{
	int a[2], b[2], more = 0;

	NEED(pipe2(a, O_NONBLOCK) == 0 && pipe2(b, 0) == 0);
	V(write(a[1], big, sizeof(big)));
	V(fcntl(b[1], F_SETPIPE_SZ, 16384));
	R(write(b[1], "x", 1));
	V(SYS(tee, a[0], b[1], sizeof(big), 0));
	V(queued(b[0]));
	R(SYS(tee, a[0], b[1], 1, 0));
	V(read(b[0], big, 5000));
	/* One slot came free, and is filled; the copies start in front again. */
	V(SYS(tee, a[0], b[1], 100000, 0));
	V(queued(a[0]));
	V(queued(b[0]));
	close(a[0]);
	close(b[0]);
	close(a[1]);
	close(b[1]);
	/* Single bytes of tee take a slot each. */
	NEED(pipe(a) == 0 && pipe2(b, O_NONBLOCK) == 0);
	NEED(write(a[1], "abc", 3) == 3);
	while (SYS(tee, a[0], b[1], 1, SPLICE_F_NONBLOCK) == 1)
		more++;
	V(more);
	R(write(b[1], "z", 1));
	V(queued(b[0]));
	close(a[0]);
	close(b[0]);
	close(a[1]);
	close(b[1]);
	/* Packets stay packets. */
	NEED(pipe2(a, O_DIRECT) == 0 && pipe(b) == 0);
	R(write(a[1], "first", 5));
	R(write(a[1], "second", 6));
	R(SYS(tee, a[0], b[1], 8, 0));
	drain("packets", b[0]);
	drain("left", a[0]);
}

static void refusals(void)
{
	int a[2], b[2], file;

	NEED(pipe(a) == 0 && pipe(b) == 0);
	NEED((file = open("f", O_RDWR | O_CREAT, 0644)) >= 0);
	NEED(write(a[1], "data", 4) == 4);
	R(SYS(tee, a[0], a[1], 4, 0));
	R(SYS(tee, a[0], file, 4, 0));
	R(SYS(tee, file, b[1], 4, 0));
	R(SYS(tee, a[1], b[1], 4, 0));
	R(SYS(tee, a[0], b[0], 4, 0));
	R(SYS(tee, -1, b[1], 4, 0));
	R(SYS(tee, a[0], 99, 4, 0));
	R(SYS(tee, -1, -1, 0, 0));
	R(SYS(tee, -1, -1, 0, 16));
	R(SYS(tee, a[0], b[1], 4, 15));
	R(SYS(tee, a[0], b[1], 4, 16));
	signal(SIGPIPE, SIG_IGN);
	close(b[0]);
	R(SYS(tee, a[0], b[1], 4, 0));
	drain("kept", a[0]);
	signal(SIGPIPE, SIG_DFL);
	if (!fork()) {
		NEED(write(a[1], "data", 4) == 4);
		SYS(tee, a[0], b[1], 4, 0);
		_exit(0);
	}
	int status;
	NEED(wait(&status) > 0);
	say_status("to no reader", status);
}

static void on_alarm(int sig) { (void)sig; }

/* A child waits for data, then one for room. */
static void waits(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	int a[2], b[2], status;

	NEED(pipe(a) == 0 && pipe(b) == 0);
	if (!fork()) {
		long n = SYS(tee, a[0], b[1], 100, 0);
		say("waited for data: %ld\n", n);
		_exit(0);
	}
	usleep(50000);
	NEED(write(a[1], "late", 4) == 4);
	NEED(wait(&status) > 0);
	V(queued(a[0]));
	V(queued(b[0]));
	V(fcntl(b[1], F_SETPIPE_SZ, 4096));
	if (!fork()) {
		long n = SYS(tee, a[0], b[1], 3, 0);
		say("waited for room: %ld\n", n);
		_exit(0);
	}
	usleep(50000);
	NEED(read(b[0], big, 100) == 4);
	NEED(wait(&status) > 0);
	drain("copy", b[0]);
	drain("original", a[0]);
	/* Nobody writes: the signal ends the wait. */
	sigaction(SIGALRM, &act, NULL);
	ualarm(50000, 0);
	R(SYS(tee, a[0], b[1], 3, 0));
	/* The flag of either file is enough. */
	fcntl(a[0], F_SETFL, O_NONBLOCK);
	R(SYS(tee, a[0], b[1], 3, 0));
	fcntl(a[0], F_SETFL, 0);
	fcntl(b[1], F_SETFL, O_NONBLOCK);
	R(SYS(tee, a[0], b[1], 3, 0));
}

int main(void)
{
	t_dir();
	alarm(20);
	memset(big, '.', sizeof(big));
	copies();
	slots();
	refusals();
	waits();
	return 0;
}
