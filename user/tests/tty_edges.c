/* stage: 12; libc: musl; run: guest+golden
 * The terminal's rare modes: errors that are marked, words erased without ECHOE; vhangup. */
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;

static void show(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char buf[512];
	ssize_t n = 0;

	if (poll(&p, 1, 50) == 0) {
		say("%s: nothing\n", what);
		return;
	}
	n = read(fd, buf, sizeof(buf));
	say("%s: %d", what, (int)n);
	for (ssize_t i = 0; i < n; i++)
		say(" %02x", buf[i]);
	say("\n");
}

static void type(const char *text, size_t n, tcflag_t iflag, tcflag_t lflag)
{
	struct termios t;

	NEED(tcgetattr(s, &t) == 0);
	t.c_iflag = iflag;
	t.c_lflag = lflag;
	NEED(tcsetattr(s, TCSAFLUSH, &t) == 0);
	NEED(write(m, text, n) == (ssize_t)n);
	show("read", s);
	show("echo", m);
}

/* How far back a tab goes is known from the line alone, whatever becomes of the output. */
static void erase_tabs(tcflag_t oflag, tcflag_t lflag)
{
	static const char *const texts[] = { "\t\177x\n", "abc\t\177x\n", "ab\tcd\t\t\177\177\177x\n", "ab\tcd\te\025x\n", "\001b\t\177\177\177x\n", "12345678\t\177x\n", "\303\244\t\177x\n" };
	struct termios t;

	NEED(tcgetattr(s, &t) == 0);
	t.c_oflag = oflag;
	NEED(tcsetattr(s, TCSAFLUSH, &t) == 0);
	for (unsigned k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		say("oflag %x lflag %x text %u\n", oflag, lflag, k);
		type(texts[k], strlen(texts[k]), ICRNL | (k == 6 ? IUTF8 : 0), lflag);
	}
}

static void on_hup(int sig)
{
	say("signal %s\n", signame(sig));
}

int main(void)
{
	const tcflag_t line = ISIG | ICANON | ECHO | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	int status, pid, zero = 0;
	unsigned int number;
	char name[64];
	static char big[6000];

	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	NEED(m >= 0 && ioctl(m, TIOCSPTLCK, &zero) == 0 && ioctl(m, TIOCGPTN, &number) == 0);
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	s = open(name, O_RDWR | O_NOCTTY);
	NEED(s >= 0);

	type("a\377b", 3, PARMRK, 0);
	type("a\377b", 3, PARMRK | ISTRIP, 0);
	type("\377\377\n", 3, PARMRK, line);
	type("\377\177b\n", 4, PARMRK, line);
	type("a\377b", 3, 0, 0);
	type("one two\027x\n", 10, ICRNL, line);
	type("one two\177x\n", 10, ICRNL, line);
	type("one two\025x\n", 10, ICRNL, line);
	type("one two\027x\n", 10, ICRNL, line | ECHOPRT);

	/* What ^V took the meaning from is shown as what it is; unquoted, a newline is one, in raw mode as well. */
	type("a\026\nb\n", 5, ICRNL, line);
	type("a\026\rb\n", 5, ICRNL, line);
	type("a\026\nb\n", 5, ICRNL, line & ~(tcflag_t)ECHOCTL);
	type("a\nb", 3, ICRNL, ECHO | ECHOCTL);
	type("a\026\177\177c\n", 6, ICRNL, line | ECHOE);

	erase_tabs(OPOST | ONLCR, line | ECHOE);
	erase_tabs(OPOST | ONLCR, (line & ~(tcflag_t)ECHOCTL) | ECHOE);
	erase_tabs(0, line | ECHOE);
	erase_tabs(OPOST | ONLRET, line | ECHOE);
	erase_tabs(OPOST | ONLCR, line | ECHOE | ECHOPRT);
	erase_tabs(OPOST | ONLCR, line);

	/* A key that interrupts drops what is on its way, not what the other side could have read. */
	type("", 0, ICRNL, line);
	NEED(write(s, "before", 6) == 6);
	nap(50);
	NEED(write(m, "abc\003d\n", 6) == 6);
	show("read", s);
	show("kept", m);
	memset(big, '.', sizeof(big));
	NEED(write(s, big, 5000) == 5000);
	nap(50);
	NEED(write(m, "\003", 1) == 1);
	nap(50);
	long kept = 0, n;
	NEED(fcntl(m, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	while ((n = read(m, big, sizeof(big))) > 0)
		kept += n;
	V(kept);
	NEED(fcntl(m, F_SETFL, O_RDWR) == 0);

	R(SYS(vhangup));
	pid = fork();
	if (!pid) {
		struct sigaction action = { .sa_handler = on_hup };
		sigaction(SIGHUP, &action, NULL);
		setsid();
		R(SYS(vhangup));
		R(ioctl(s, TIOCSCTTY, 0));
		int tty = open("/dev/tty", O_RDWR);
		T(tty >= 0);
		R(SYS(vhangup));
		R(write(s, "x", 1));
		R(read(s, name, 1));
		R(open("/dev/tty", O_RDWR));
		R(tcgetsid(s));
		R(setuid(5));
		R(SYS(vhangup));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say_status("vhangup", status);
	return 0;
}
