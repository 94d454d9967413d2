/* stage: 12; libc: musl; run: guest+golden
 * O_ASYNC on both sides of a pseudo-terminal: who is told if nobody was named, of input by lines and by bytes, of room after a full terminal, and nothing
 * more after a hang-up. Signals may come a little later than what they tell of. */
#include "t.h"

#include <sys/ioctl.h>
#include <termios.h>

#define RT (SIGRTMIN + 1)

static int master, slave;

/* The next one; `wait`: there must be one, and it is waited for. What else there is of the same is left out. */
static void next(const char *what, int wait)
{
	struct timespec limit = { wait ? 30 : 0, 0 }, none = { 0, 50000000 };
	siginfo_t si;
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, RT);
	sigaddset(&set, SIGIO);
	if (!wait)
		limit = none;
	memset(&si, 0, sizeof(si));
	got = sigtimedwait(&set, &si, &limit);
	say("%s:", what);
	if (got == RT)
		say(" RT %d band %lx %s", si.si_code, (long)si.si_band, si.si_fd == master ? "master" : si.si_fd == slave ? "slave" : "?");
	else if (got == SIGIO)
		say(" SIGIO %d", si.si_code);
	say("\n");
	while (sigtimedwait(&set, &si, &none) > 0)
		;
}

static void open_pair(void)
{
	int number, zero = 0;
	char name[32];

	NEED((master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) >= 0);
	NEED(ioctl(master, TIOCSPTLCK, &zero) == 0 && ioctl(master, TIOCGPTN, &number) == 0);
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	NEED((slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK)) >= 0);
}

static void to_us(int fd)
{
	NEED(fcntl(fd, F_SETSIG, RT) == 0 && fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
	T(fcntl(fd, F_GETOWN) == getpid());
}

static void input(void)
{
	struct termios t;
	char buffer[100];

	open_pair();
	to_us(slave);
	R(write(master, "half", 4));
	next("half a line", 0);
	R(write(master, " a line\n", 8));
	next("a line", 1);
	R(read(slave, buffer, sizeof(buffer)));
	next("read", 0);
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	R(write(master, "x", 1));
	next("a byte", 1);
	R(fcntl(slave, F_SETFL, O_NONBLOCK));
	R(write(master, "x", 1));
	next("off", 0);
	to_us(master);
	R(write(slave, "out", 3));
	next("output", 1);
	R(read(master, buffer, sizeof(buffer)) > 0);
	R(fcntl(master, F_SETFL, O_NONBLOCK));
	close(slave);
	close(master);
}

static void room(void)
{
	static char big[4096];
	struct termios t;

	open_pair();
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	to_us(slave);
	while (write(slave, big, sizeof(big)) > 0)
		;
	next("full", 0);
	while (read(master, big, sizeof(big)) > 0)
		;
	next("drained", 1);
	close(slave);
	close(master);
}

/* A session's terminal tells its foreground group. */
static void session(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		open_pair();
		NEED(ioctl(slave, TIOCSCTTY, 0) == 0);
		NEED(fcntl(slave, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
		T(fcntl(slave, F_GETOWN) == -getpgrp());
		R(write(master, "line\n", 5));
		next("to the group", 1);
		signal(SIGHUP, SIG_IGN);
		close(master);
		next("hung up", 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	V(WEXITSTATUS(status));
}

int main(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	mkdir("/dev/pts", 0755);
	input();
	room();
	session();
	return 0;
}
