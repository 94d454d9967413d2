/* stage: 12; libc: musl; run: host+guest
 * Job control on a pty: the controlling terminal, ^C ^Z ^\ to the foreground group, SIGTTIN, SIGTTOU, hang-up,
 * window change, orphaned groups. */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int m;
static char name[64];
static volatile int got[65];

static void note(int sig)
{
	got[sig]++;
}

static void open_master(void)
{
	int zero = 0;
	unsigned int n;

	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	NEED(m >= 0);
	NEED(ioctl(m, TIOCSPTLCK, &zero) == 0);
	NEED(ioctl(m, TIOCGPTN, &n) == 0);
	snprintf(name, sizeof(name), "/dev/pts/%u", n);
}

/* A session leader with the terminal; says on a pipe when it is ready. */
static int session(void)
{
	int s;

	setsid();
	s = open(name, O_RDWR);
	NEED(s >= 0);
	return s;
}

static pid_t sleeper(int group, void (*handler)(int), int sig)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (group)
			setpgid(0, 0);
		if (sig)
			signal(sig, handler);
		for (;;)
			pause();
	}
	if (group)
		setpgid(pid, pid);
	return pid;
}

static void stopped(const char *what, pid_t pid)
{
	int status;

	NEED(waitpid(pid, &status, WUNTRACED) == pid);
	say_status(what, status);
}

static void interrupts(void)
{
	int s = session();
	pid_t front, back;

	T(tcgetpgrp(s) == getpgrp());
	T(tcgetsid(s) == getpid());
	T(open("/dev/tty", O_RDWR) >= 0);
	signal(SIGTTOU, SIG_IGN);
	front = sleeper(1, SIG_DFL, 0);
	back = sleeper(1, SIG_DFL, 0);
	R(tcsetpgrp(s, front));
	T(tcgetpgrp(s) == front);
	R(write(m, "\032", 1));
	stopped("^Z", front);
	R(kill(-front, SIGCONT));
	R(write(m, "\003", 1));
	reap("^C", front);
	R(tcsetpgrp(s, back));
	R(write(m, "\034", 1));
	reap("^\\", back);
	R(tcsetpgrp(s, 1 << 30));
	R(tcsetpgrp(s, -1));
	R(tcsetpgrp(s, getppid()));
	R(tcsetpgrp(s, getpgrp()));
	/* The discipline throws away what was typed before ^C. */
	signal(SIGINT, SIG_IGN);
	R(write(m, "abc\003def\n", 8));
	{
		char buf[16];
		ssize_t n = read(s, buf, sizeof(buf));

		say("%d %.*s", (int)n, (int)n, buf);
	}
}

static void background(void)
{
	int s = session();
	char c;
	pid_t pid;

	signal(SIGTTOU, SIG_IGN);
	/* A background read stops; when SIGTTIN is ignored it is EIO. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		R(read(s, &c, 1));
		_exit(0);
	}
	setpgid(pid, pid);
	stopped("background read", pid);
	tcsetpgrp(s, pid);
	kill(-pid, SIGCONT);
	write(m, "x\n", 2);
	reap("brought to front", pid);
	tcsetpgrp(s, getpgrp());
	tcflush(s, TCIFLUSH);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTIN, SIG_IGN);
		R(read(s, &c, 1));
		_exit(0);
	}
	reap("SIGTTIN ignored", pid);
	/* A background write passes unless TOSTOP; setting modes stops anyway. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		R(write(s, "w", 1));
		_exit(0);
	}
	reap("background write", pid);
	{
		struct termios t;

		tcgetattr(s, &t);
		t.c_lflag |= TOSTOP;
		tcsetattr(s, TCSANOW, &t);
	}
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		R(write(s, "w", 1));
		_exit(0);
	}
	setpgid(pid, pid);
	stopped("background write with TOSTOP", pid);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		struct termios t;

		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		tcgetattr(s, &t);
		R(tcsetattr(s, TCSANOW, &t));
		_exit(0);
	}
	setpgid(pid, pid);
	stopped("background tcsetattr", pid);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		R(tcsetpgrp(s, getpid()));
		_exit(0);
	}
	setpgid(pid, pid);
	stopped("background tcsetpgrp", pid);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		R(tcsetpgrp(s, getpid()) == 0 && tcgetpgrp(s) == getpid());
		_exit(0);
	}
	reap("tcsetpgrp with SIGTTOU ignored", pid);
}

static void window(void)
{
	struct winsize size = { 50, 132, 0, 0 };
	int s = session();

	catch(SIGWINCH, note, 0);
	R(ioctl(m, TIOCSWINSZ, &size));
	nap(20);
	V(got[SIGWINCH]);
	R(ioctl(m, TIOCSWINSZ, &size));
	nap(20);
	V(got[SIGWINCH]);
	size.ws_row = 51;
	R(ioctl(s, TIOCSWINSZ, &size));
	nap(20);
	V(got[SIGWINCH]);
}

static void control(void)
{
	int s, other;
	pid_t pid;

	R(open("/dev/tty", O_RDWR));
	setsid();
	s = open(name, O_RDWR | O_NOCTTY);
	R(open("/dev/tty", O_RDWR));
	R(tcgetpgrp(s));
	R(ioctl(s, TIOCSCTTY, 0));
	R(ioctl(s, TIOCSCTTY, 0));
	T(tcgetpgrp(s) == getpgrp());
	pid = fork();
	if (pid == 0) {
		setsid();
		R(ioctl(s, TIOCSCTTY, 0));
		R(open("/dev/tty", O_RDWR));
		R(tcsetpgrp(s, getpid()));
		R(tcgetsid(s));
		/* Only root may rob another session of its terminal. */
		NEED(setresuid(1000, 1000, 1000) == 0);
		R(ioctl(s, TIOCSCTTY, 1));
		_exit(0);
	}
	reap("a terminal has one session", pid);
	T(tcgetpgrp(s) == getpgrp());
	pid = fork();
	if (pid == 0) {
		R(ioctl(s, TIOCNOTTY));
		R(open("/dev/tty", O_RDWR));
		_exit(0);
	}
	reap("a member lets go", pid);
	signal(SIGHUP, SIG_IGN);
	catch(SIGCONT, note, 0);
	R(ioctl(s, TIOCNOTTY));
	V(got[SIGCONT]);
	R(open("/dev/tty", O_RDWR));
	pid = fork();
	if (pid == 0) {
		int w = open(name, O_WRONLY | O_NOCTTY);

		setsid();
		NEED(w >= 0 && setresuid(1000, 1000, 1000) == 0);
		R(ioctl(w, TIOCSCTTY, 0));
		_exit(0);
	}
	reap("who cannot read takes no terminal", pid);
	other = open(name, O_RDWR);
	T(tcgetpgrp(other) == getpgrp());
}

/* The leader's death, and the master's close, hang the terminal up. */
static void hangup(int close_master)
{
	int s = session(), fds[2];
	char c;
	pid_t pid;

	NEED(pipe(fds) == 0);
	catch(SIGHUP, note, 0);
	catch(SIGCONT, note, 0);
	if (close_master) {
		close(m);
		while (!got[SIGHUP])
			nap(5);
		say("leader: HUP %d CONT %d\n", got[SIGHUP], got[SIGCONT]);
		R(read(s, &c, 1));
		R(write(s, &c, 1));
		R(open("/dev/tty", O_RDWR));
		_exit(0);
	}
	pid = fork();
	if (pid == 0) {
		write(fds[1], "r", 1);
		while (!got[SIGHUP])
			nap(5);
		nap(150);
		/* The terminal itself lives on, as long as its master does; only the session has lost it. */
		say("foreground: HUP %d\n", got[SIGHUP]);
		R(write(s, "w", 1));
		R(open("/dev/tty", O_RDWR));
		_exit(0);
	}
	read(fds[0], &c, 1);
	_exit(0);
}

/* Nobody could ever continue a group whose parents have gone: in place of stops it gets errors. And a stop is the whole group's. */
static void orphaned(void)
{
	struct termios t;
	int s = session(), fds[2], go[2];
	pid_t pid, reader;
	char c;

	NEED(pipe(fds) == 0 && pipe(go) == 0 && tcgetattr(s, &t) == 0);
	t.c_lflag |= TOSTOP;
	NEED(tcsetattr(s, TCSANOW, &t) == 0);
	pid = sleeper(1, NULL, 0);
	reader = fork();
	if (reader == 0) {
		setpgid(0, pid);
		read(s, &c, 1);
		_exit(0);
	}
	stopped("who reads", reader);
	stopped("and who does nothing", pid);
	kill(-pid, SIGKILL);
	reap("the group", pid);
	reap("and its reader", reader);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		pid = getpid();
		if (fork() == 0) {
			read(go[0], &c, 1);
			R(read(s, &c, 1));
			R(write(s, "x", 1));
			R(tcsetattr(s, TCSANOW, &t));
			R(tcsetpgrp(s, pid));
			signal(SIGTTIN, SIG_IGN);
			signal(SIGTTOU, SIG_IGN);
			R(read(s, &c, 1));
			R(write(s, "x", 1));
			write(fds[1], "d", 1);
			_exit(0);
		}
		_exit(0);
	}
	reap("parent of the orphan", pid);
	write(go[1], "g", 1);
	read(fds[0], &c, 1);
}

static void run(const char *what, void (*fn)(void))
{
	pid_t pid;

	open_master();
	pid = fork();
	if (pid == 0) {
		fn();
		_exit(0);
	}
	reap(what, pid);
	nap(400);
	close(m);
}

static void hangup_leader(void)
{
	hangup(0);
}

static void hangup_master(void)
{
	hangup(1);
}

int main(void)
{
	pid_t pid;

	run("interrupts", interrupts);
	run("background", background);
	run("window", window);
	run("control", control);
	run("orphaned", orphaned);
	run("leader dies", hangup_leader);
	open_master();
	pid = fork();
	if (pid == 0)
		hangup_master();
	close(m);
	reap("master closes", pid);

	/* A stopped group that becomes an orphan gets SIGHUP and SIGCONT; an orphan is not stopped by ^Z. */
	{
		int fds[2];
		char c;

		NEED(pipe(fds) == 0);
		pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			pid = fork();
			if (pid == 0) {
				catch(SIGHUP, note, 0);
				catch(SIGCONT, note, 0);
				setpgid(0, 0);
				raise(SIGSTOP);
				nap(150);
				say("orphan: HUP %d CONT %d\n", got[SIGHUP], got[SIGCONT]);
				raise(SIGTSTP);
				say("not stopped\n");
				write(fds[1], "d", 1);
				_exit(0);
			}
			waitpid(pid, NULL, WUNTRACED);
			_exit(0);
		}
		reap("parent of the stopped", pid);
		read(fds[0], &c, 1);
	}
	return 0;
}
