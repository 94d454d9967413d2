/* stage: 12; libc: musl; run: host+guest
 * A pseudo terminal: the line discipline in all its modes, window size, hang-up, the master's view. */
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;

static void open_pair(void)
{
	char name[64];
	int zero = 0;
	unsigned int n;

	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	NEED(m >= 0);
	NEED(ioctl(m, TIOCSPTLCK, &zero) == 0);
	NEED(ioctl(m, TIOCGPTN, &n) == 0);
	snprintf(name, sizeof(name), "/dev/pts/%u", n);
	s = open(name, O_RDWR | O_NOCTTY);
	NEED(s >= 0);
}

static void show(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[512];
	ssize_t n = 0;

	if (poll(&p, 1, 50) == 0) {
		say("%s: nothing\n", what);
		return;
	}
	n = read(fd, buf, sizeof(buf));
	/* Linux makes the echo of what is typed in a thread of its own: it may come in pieces. */
	while (fd == m && n > 0 && n < (ssize_t)sizeof(buf) && poll(&p, 1, 50) == 1) {
		ssize_t more = read(fd, buf + n, sizeof(buf) - (size_t)n);

		if (more <= 0)
			break;
		n += more;
	}
	say("%s: %d", what, (int)n);
	if (n < 0)
		say(" %s", errname(errno));
	else
		say(" \"");
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] >= ' ' && buf[i] < 127)
			say("%c", buf[i]);
		else
			say("\\%03o", (unsigned char)buf[i]);
	say("%s\n", n < 0 ? "" : "\"");
}

static void type(const char *text)
{
	NEED(write(m, text, strlen(text)) == (ssize_t)strlen(text));
}

static void mode(tcflag_t iflag, tcflag_t oflag, tcflag_t lflag, int vmin, int vtime)
{
	struct termios t;

	NEED(tcgetattr(s, &t) == 0);
	t.c_iflag = iflag;
	t.c_oflag = oflag;
	t.c_lflag = lflag;
	t.c_cc[VMIN] = (cc_t)vmin;
	t.c_cc[VTIME] = (cc_t)vtime;
	NEED(tcsetattr(s, TCSANOW, &t) == 0);
}

int main(void)
{
	const tcflag_t cooked = ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | ISIG | IEXTEN;
	struct winsize size = { 24, 80, 0, 0 };
	struct termios t;
	char buf[5000];
	long start;
	int n;

	open_pair();
	R(isatty(s));
	R(isatty(m));
	R(tcgetattr(s, &t));
	say("%o %o %o %o\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	for (int i = 0; i < 17; i++)
		say("%d ", t.c_cc[i]);
	say("\n");

	/* Output. */
	write(s, "one\ntwo\n", 8);
	show("output, ONLCR", m);
	mode(ICRNL | IXON, 0, cooked, 1, 0);
	write(s, "one\n", 4);
	show("output, raw", m);
	mode(ICRNL | IXON, OPOST | ONLCR, cooked, 1, 0);

	/* Canonical input, echo. */
	type("hello");
	show("echo", m);
	show("no line yet", s);
	type("\r");
	show("echo", m);
	show("line", s);
	type("abc\177\177xy\n");
	show("echo of erase", m);
	show("erased", s);
	type("kill me\025new\n");
	show("echo of kill", m);
	show("killed", s);
	type("two words\027new\n");
	show("echo of word erase", m);
	show("word erased", s);
	type("a\026\003b\n");
	show("echo of a literal ^C", m);
	show("literal", s);
	type("\001\002\n");
	show("echo of controls", m);
	show("controls", s);
	type("first\nsecond\nthird");
	show("echo", m);
	show("one line a read", s);
	show("then the next", s);
	show("not the third", s);
	type("\004");
	show("^D pushes", s);
	type("\004");
	show("^D alone ends", s);
	type("more\n");
	show("and goes on", s);
	show("echo", m);
	type("a long line\n");
	NEED(read(s, buf, 4) == 4);
	show("the rest of a line", s);
	show("echo", m);
	type("\t1\t2\n");
	show("tabs", m);
	show("tabs", s);

	/* Modes. */
	mode(ICRNL, OPOST | ONLCR, cooked & ~(tcflag_t)ECHO, 1, 0);
	type("secret\r");
	show("no echo", m);
	show("line", s);
	mode(ICRNL, OPOST | ONLCR, (cooked & ~(tcflag_t)ECHO) | ECHONL, 1, 0);
	type("secret\r");
	show("newline echoed", m);
	show("line", s);
	mode(INLCR, 0, 0, 1, 0);
	type("a\rb\nc");
	show("INLCR", s);
	mode(IGNCR, 0, 0, 1, 0);
	type("a\rb\n");
	show("IGNCR", s);
	mode(ISTRIP, 0, 0, 1, 0);
	type("\341\342");
	show("ISTRIP", s);
	mode(IUCLC, OLCUC | OPOST, IEXTEN, 1, 0);
	type("ABC");
	show("IUCLC", s);
	write(s, "xyz", 3);
	show("OLCUC", m);
	mode(0, OPOST | OCRNL, 0, 1, 0);
	write(s, "a\rb", 3);
	show("OCRNL", m);
	mode(0, OPOST | ONLRET | ONLCR, 0, 1, 0);
	write(s, "a\nb", 3);
	show("ONLRET", m);

	/* Raw: VMIN and VTIME. */
	mode(0, 0, 0, 0, 0);
	R(read(s, buf, 10));
	mode(0, 0, 0, 0, 2);
	start = now_ms();
	R(read(s, buf, 10));
	T(now_ms() - start >= 190);
	mode(0, 0, 0, 3, 0);
	type("ab");
	{
		struct pollfd p = { .fd = s, .events = POLLIN };

		R(poll(&p, 1, 0));
	}
	type("c");
	R(read(s, buf, 10));
	mode(0, 0, 0, 3, 1);
	type("a");
	start = now_ms();
	R(read(s, buf, 10));
	T(now_ms() - start >= 90);
	mode(0, 0, 0, 1, 0);
	type("\003\032\034\021\023");
	show("raw control characters", s);
	fcntl(s, F_SETFL, O_NONBLOCK);
	R(read(s, buf, 10));
	type("x");
	R(read(s, buf, 0));
	R(read(s, buf, 10));
	fcntl(s, F_SETFL, 0);

	/* Stop and go. */
	mode(IXON, 0, 0, 1, 0);
	type("\023");
	nap(30);
	fcntl(s, F_SETFL, O_NONBLOCK);
	R(write(s, "held", 4));
	show("held back", m);
	type("\021");
	nap(30);
	R(write(s, "flows", 5));
	show("flows", m);
	fcntl(s, F_SETFL, 0);
	mode(0, 0, 0, 1, 0);

	/* Questions. */
	R(ioctl(s, TIOCSWINSZ, &size));
	memset(&size, 0, sizeof(size));
	R(ioctl(m, TIOCGWINSZ, &size));
	say("%d x %d\n", size.ws_row, size.ws_col);
	type("12345");
	nap(20);
	R(ioctl(s, FIONREAD, &n));
	V(n);
	R(ioctl(s, TCFLSH, TCIFLUSH));
	R(ioctl(s, FIONREAD, &n));
	V(n);
	write(s, "out", 3);
	nap(30);
	R(ioctl(m, FIONREAD, &n));
	V(n);
	show("out", m);
	R(tcdrain(s));
	R(tcflow(s, TCOOFF));
	R(tcflow(s, TCOON));
	R(tcsendbreak(s, 0));
	R(ioctl(s, TIOCGSID, &n));
	R(tcgetpgrp(s));
	R(ioctl(s, TIOCNOTTY));
	R(ioctl(s, 0x5499));
	R(tcgetattr(s, (void *)8));
	R(ioctl(s, TCGETS, (void *)8));
	R(lseek(s, 0, SEEK_SET));
	R(tcsetattr(s, 99, &t));

	/* A line longer than the buffer: 4095 and the newline get through. */
	mode(ICRNL, 0, ICANON, 1, 0);
	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < 45; i++)
		write(m, buf, 100);
	type("\n");
	n = 0;
	for (ssize_t got; (got = read(s, buf, sizeof(buf))) > 0;) {
		n += (int)got;
		if (buf[got - 1] == '\n')
			break;
	}
	V(n);

	/* Hang-up. */
	write(s, "left", 4);
	close(s);
	show("what was left", m);
	show("slave closed", m);
	{
		struct pollfd p = { .fd = m, .events = POLLIN };

		poll(&p, 1, 0);
		X(p.revents);
	}
	close(m);
	open_pair();
	close(m);
	R(read(s, buf, 1));
	R(write(s, "x", 1));
	R(tcgetattr(s, &t));
	{
		struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT };

		poll(&p, 1, 0);
		X(p.revents & ~(POLLRDNORM | POLLWRNORM));
	}
	/* Locked until unlocked; two masters are two terminals. */
	m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	{
		unsigned int number;
		char name[64];

		ioctl(m, TIOCGPTN, &number);
		snprintf(name, sizeof(name), "/dev/pts/%u", number);
		T(open(name, O_RDWR | O_NOCTTY) < 0 && errno == EIO);
	}
	T(open("/dev/pts/9999", O_RDWR) < 0 && errno == ENOENT);
	R(open("/dev/tty", O_RDWR));
	return 0;
}
