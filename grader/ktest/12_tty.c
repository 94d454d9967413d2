/* Stage 12: the line discipline, on a terminal that is nothing but two buffers. */
#include "12_screen.h"
#include "core/ktest.h"
#include "watch.h"

#include "core/err.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "time/time.h"
#include "tty/tty.h"
#include "tty/tty_priv.h"
#include "vm/aspace.h"

static u32 released; /* how often the driver was told that there is room again */
static void throttle(struct tty *t __unused, bool on)
{
	released += !on;
}
static const struct tty_ops screen_ops = { .write = screen_write, .write_room = screen_room, .throttle = throttle };

static struct tty tty;
static struct file *file;

static bool start(void)
{
	tty_init(&tty, "test", 0, &screen_ops, NULL);
	shown = open_to_devices = 0;
	room = sizeof(screen);
	file = file_alloc(NULL, O_RDWR | O_NOCTTY | O_NONBLOCK, NULL);
	return !IS_ERR(file) && tty_open_file(&tty, file, false) == 0;
}

static void end(void)
{
	file_put(file);
	KEXPECT_EQ(open_to_devices, 0);
}

static void type(const char *text) { tty_input(&tty, text, strlen(text)); }

static bool shows(const char *text)
{
	bool same = shown == strlen(text) && memcmp(screen, text, shown) == 0;
	shown = 0;
	return same;
}

static bool reads(const char *text)
{
	char buf[512];
	ssize_t n = file_read_kernel(file, buf, sizeof(buf), NULL);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static ssize_t read_result(size_t n)
{
	char buf[64];
	return file_read_kernel(file, buf, n, NULL);
}

KTEST(12, a_line_waits_for_its_end)
{
	KREQUIRE(start());
	type("hello");
	KEXPECT_EQ(read_result(10), -EAGAIN);
	type(" you\r");
	KEXPECT(shows("hello you\r\n"));
	type("next\nlast");
	KEXPECT(reads("hello you\n")); /* one line a read */
	KEXPECT_EQ(read_result(2), 2);
	KEXPECT(reads("xt\n"));
	KEXPECT_EQ(read_result(10), -EAGAIN);
	end();
}

/* Comes right behind a change of the buffer's places. */
static bool place_moved(struct trapframe *f)
{
	watch_touched();
	open_to_devices += !spin_is_held(&tty.lock) || f->rflags & RFLAGS_IF;
	return true;
}

KTEST(12, the_buffer_is_locked)
{
	KREQUIRE(start());
	trap_register(TRAP_DEBUG, place_moved);
	for (int canonical = 0; canonical < 2; canonical++) {
		tty.termios.lflag = canonical ? ICANON : 0;
		watch_memory(0, &tty.head, 4, WATCH_WRITES);
		watch_memory(1, &tty.tail, 4, WATCH_WRITES);
		type("ab\n");
		KEXPECT(reads("ab\n"));
		watch_end();
	}
	tty.termios.lflag = ISIG;
	watch_memory(0, &tty.signals, 4, WATCH_WRITES);
	type("\003\032");
	watch_end();
	KEXPECT_EQ(tty.signals, 0);
	trap_register(TRAP_DEBUG, NULL);
	end();
}

KTEST(12, editing_a_line)
{
	KREQUIRE(start());
	type("abX\177c\n");
	KEXPECT(shows("abX\b \bc\r\n"));
	KEXPECT(reads("abc\n"));
	type("away with this\025two  words here\027\027now\n");
	KEXPECT(reads("two  now\n"));
	type("\177\177\027\025ok\n"); /* nothing to erase: nothing happens, not even to the line before */
	KEXPECT(reads("ok\n"));
	type("\026\003\026\177.\n");
	KEXPECT(reads("\003\177.\n"));
	shown = 0;
	type("a\tb\177\177c\001\177\n");
	KEXPECT(shows("a\tb\b \b\b\b\b\b\b\b\bc^A\b \b\b \b\r\n"));
	KEXPECT(reads("ac\n"));
	shown = 0;
	KEXPECT_EQ(file_write_kernel(file, "$ ", 2, NULL), 2); /* the line begins behind a prompt */
	type("\t\177\n");
	KEXPECT(shows("$ \t\b\b\b\b\b\b\r\n"));
	KEXPECT(reads("\n"));
	tty.termios.iflag |= IUTF8;
	type("x\303\244\177y\n");
	KEXPECT(reads("xy\n"));
	shown = 0;
	tty.termios.lflag |= ECHOPRT; /* on paper: what was erased stands between \\ and / */
	type("ab\177\177cd\177e\177\n");
	KEXPECT(shows("ab\\ba/cd\\d/e\\e/\r\n"));
	end();
}

KTEST(12, end_of_file)
{
	KREQUIRE(start());
	type("\004");
	KEXPECT_EQ(read_result(10), 0);
	KEXPECT_EQ(read_result(10), -EAGAIN);
	type("part\004rest\n");
	KEXPECT(reads("part"));
	KEXPECT(reads("rest\n"));
	type("four\004");
	KEXPECT_EQ(read_result(4), 4); /* the mark goes with the bytes it ends */
	KEXPECT_EQ(read_result(4), -EAGAIN);
	end();
}

static void type_later(void *arg)
{
	thread_sleep_ns((arg ? 20 : 300) * NSEC_PER_MSEC);
	type("q");
}

static void type_with_pauses(void *arg __unused)
{
	for (int i = 0; i < 4; i++) {
		type("q");
		thread_sleep_ns(60 * NSEC_PER_MSEC);
	}
}

KTEST(12, raw_bytes)
{
	KREQUIRE(start());
	tty.termios.lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	tty.termios.iflag &= ~(ICRNL | IXON);
	type("a\003\r\004");
	KEXPECT(reads("a\003\r\004"));
	KEXPECT_EQ(shown, 0);
	KEXPECT_EQ(read_result(1), -EAGAIN);
	tty.termios.cc[VMIN] = 0;
	KEXPECT_EQ(read_result(1), 0);
	file->flags &= ~O_NONBLOCK;
	tty.termios.cc[VTIME] = 1;
	u64 before = time_ns();
	KEXPECT_EQ(read_result(1), 0);
	KEXPECT(time_ns() - before >= 100 * NSEC_PER_MSEC);
	tty.termios.cc[VTIME] = 43; /* more nanoseconds than 32 bits hold */
	KREQUIRE(kthread_run("ktest", type_later, &tty) != NULL);
	KEXPECT_EQ(read_result(1), 1);
	tty.termios.cc[VTIME] = 1;
	tty.termios.cc[VMIN] = 3; /* 0.1 s after the first byte the read is content with what there is */
	type("xy");
	KEXPECT_EQ(read_result(8), 2);
	type("xyz");
	KEXPECT_EQ(read_result(2), 2);
	KEXPECT_EQ(read_result(1), 1);
	/* The clock starts with the first byte, not before. */
	KREQUIRE(kthread_run("ktest", type_later, NULL) != NULL);
	KEXPECT_EQ(read_result(8), 1);
	/* And anew with each byte: short pauses may be many. */
	tty.termios.cc[VMIN] = 4;
	KREQUIRE(kthread_run("ktest", type_with_pauses, NULL) != NULL);
	KEXPECT_EQ(read_result(8), 4);
	/* However much there is: who has at least VMIN bytes waits for no more. */
	static char many[1025], back[1100];
	tty.termios.cc[VMIN] = 1;
	tty.termios.cc[VTIME] = 0;
	for (size_t n = 64; n <= 1024; n *= 2) {
		memset(many, 'm', n);
		many[n] = 0;
		type(many);
		KEXPECT_EQ(file_read_kernel(file, back, sizeof(back), NULL), n);
	}
	end();
}

KTEST(12, output_is_processed)
{
	KREQUIRE(start());
	KEXPECT_EQ(file_write_kernel(file, "a\nb\tc", 5, NULL), 5);
	KEXPECT(shows("a\r\nb\tc"));
	tty.termios.oflag |= XTABS;
	KEXPECT_EQ(file_write_kernel(file, "\n12\t3\tx", 7, NULL), 7);
	KEXPECT(shows("\r\n12      3       x"));
	tty.termios.oflag = 0;
	KEXPECT_EQ(file_write_kernel(file, "\n\t", 2, NULL), 2);
	KEXPECT(shows("\n\t"));
	tty.termios.oflag = OPOST | ONLCR;
	room = 63; /* a device that is nearly full takes a part, and never half of a \r\n */
	char lines[64];
	memset(lines, '\n', sizeof(lines));
	ssize_t n = file_write_kernel(file, lines, sizeof(lines), NULL);
	KEXPECT(n > 0 && n < 32 && shown == 2 * (size_t)n);
	end();
}

KTEST(12, each_flag_of_the_input)
{
	KREQUIRE(start());
	tty.termios.iflag |= ISTRIP;
	type("\301b\n");
	KEXPECT(reads("Ab\n"));
	tty.termios.iflag = ICRNL | IUCLC;
	type("ABz\n");
	KEXPECT(reads("abz\n"));
	tty.termios.lflag &= ~IEXTEN; /* it is an extension, as are ^W, ^V and the second end of line */
	tty.termios.cc[VEOL2] = '!';
	type("ABz! c\027\n");
	KEXPECT(reads("ABz! c\027\n"));
	tty.termios.lflag |= IEXTEN;
	type("two!");
	KEXPECT(reads("two!"));
	tty.termios.cc[VEOL2] = 0;
	tty.termios.cc[VEOL] = ';';
	type("ab;cd\n");
	KEXPECT(reads("ab;"));
	KEXPECT(reads("cd\n"));
	tty.termios.iflag = ICRNL | IGNCR;
	type("a\rb\n");
	KEXPECT(reads("ab\n"));
	tty.termios.iflag = INLCR;
	type("a\n\004");
	KEXPECT(reads("a\r"));
	tty.termios.iflag = ICRNL;
	type("\026\r\r"); /* what is quoted is text, and not mapped */
	KEXPECT(reads("\r\n"));
	shown = 0;
	tty.termios.lflag &= ~ECHO;
	type("x\n");
	KEXPECT(shows(""));
	tty.termios.lflag |= ECHONL;
	type("x\n");
	KEXPECT(shows("\r\n"));
	KEXPECT(reads("x\n"));
	KEXPECT(reads("x\n"));
	end();
}

KTEST(12, each_flag_of_the_output)
{
	KREQUIRE(start());
	tty.termios.oflag = OPOST | ONOCR | XTABS;
	file_write_kernel(file, "\ra\r\rb", 5, NULL);
	KEXPECT(shows("a\rb"));
	file_write_kernel(file, "\r\b\tx", 4, NULL); /* no column is left of the first */
	KEXPECT(shows("\r\b        x"));
	file_write_kernel(file, "\r\177\001\tx", 5, NULL);
	KEXPECT(shows("\r\177\001        x"));
	tty.termios.oflag = OPOST | OCRNL | XTABS;
	file_write_kernel(file, "ab\r\tx", 5, NULL);
	KEXPECT(shows("ab\n     x")); /* a newline alone goes down, not back */
	tty.termios.oflag = OPOST | ONLRET | XTABS;
	file_write_kernel(file, "\nab\n\tx", 6, NULL);
	KEXPECT(shows("\nab\n        x"));
	tty.termios.oflag = OPOST | OLCUC | XTABS;
	file_write_kernel(file, "\razA{\tx", 7, NULL);
	KEXPECT(shows("\rAZA{    X"));
	file_write_kernel(file, "\r\303\244\t|", 5, NULL);
	KEXPECT(shows("\r\303\244      |"));
	tty.termios.iflag |= IUTF8;
	file_write_kernel(file, "\r\303\244\t|", 5, NULL);
	KEXPECT(shows("\r\303\244       |"));
	end();
}

KTEST(12, a_read_that_fails_says_so)
{
	struct aspace *as = aspace_create();
	struct uio_vec vec;
	struct uio to;
	KREQUIRE(as && start());
	aspace_activate(as); /* with nothing in it */
	type("text\n");
	uio_init_user(&to, &vec, (void *)0x30000000, 10);
	KEXPECT_EQ(ldisc_read(&tty, file, &to), -EFAULT);
	aspace_activate(NULL);
	aspace_put_user(as);
	u64 flags = spin_lock_irqsave(&tty.lock);
	tty_flush_input(&tty); /* the line may be lost by that, or not */
	spin_unlock_irqrestore(&tty.lock, flags);
	/* From raw mode back: what was read is no line that is left. */
	tty.termios.lflag &= ~(ICANON | ECHO);
	type("abc");
	KEXPECT(reads("abc"));
	tty.termios.lflag |= ICANON;
	KEXPECT_EQ(read_result(8), -EAGAIN);
	type("line\n");
	KEXPECT(reads("line\n"));
	/* VMIN is about the whole read, in however many pieces it comes. */
	tty.termios.lflag &= ~ICANON;
	tty.termios.cc[VMIN] = 3;
	tty.termios.cc[VTIME] = 0;
	file->flags &= ~O_NONBLOCK;
	type("xy");
	KREQUIRE(kthread_run("ktest", type_later, NULL) != NULL);
	KEXPECT_EQ(read_result(8), 3);
	end();
}

KTEST(12, keys_that_act)
{
	KREQUIRE(start());
	type("lost\003");
	KEXPECT(shows("lost^C"));
	KEXPECT_EQ(read_result(8), -EAGAIN);
	tty.termios.lflag |= NOFLSH;
	type("kept\034\n");
	KEXPECT(reads("kept\n"));
	shown = 0;
	type("\023");
	KEXPECT_EQ(file_write_kernel(file, "x", 1, NULL), -EAGAIN);
	type("\021");
	KEXPECT_EQ(file_write_kernel(file, "x", 1, NULL), 1);
	KEXPECT(shows("x"));
	type("\023\003"); /* a signal starts what was stopped, and so does any key with IXANY */
	KEXPECT_EQ(file_write_kernel(file, "x", 1, NULL), 1);
	tty.termios.iflag |= IXANY;
	type("\023y\025");
	KEXPECT_EQ(file_write_kernel(file, "x", 1, NULL), 1);
	tty.termios.lflag &= ~ISIG;
	type("a\003\n");
	KEXPECT(reads("a\003\n"));
	end();
}

KTEST(12, a_line_that_is_too_long)
{
	char *text = kmalloc(8192, 0);
	KREQUIRE(text && start());
	tty.termios.lflag &= ~ECHO;
	memset(text, 'a', 6000);
	tty_input(&tty, text, 6000);
	type("\n");
	ssize_t n = file_read_kernel(file, text, 8192, NULL);
	KEXPECT_EQ(n, 4096);
	KEXPECT(n > 0 && text[n - 1] == '\n');
	for (size_t len = 250; len < 770; len += len % 256 == 3 ? 244 : 1) { /* one line a read, whatever its length and however it is taken out */
		memset(text, 'b', len);
		text[len - 1] = '\n';
		tty_input(&tty, text, len);
		type("next\n");
		if (!KEXPECT_EQ(file_read_kernel(file, text, 8192, NULL), len) || !KEXPECT(reads("next\n")))
			break;
	}
	for (int i = 0; i < 5000; i++) { /* the ring goes round, nothing is lost */
		type("0123456\n");
		if (!KEXPECT(reads("0123456\n")))
			break;
	}
	/* A driver that was told to wait is told to go on. */
	memset(text, '\n', 8192);
	released = 0;
	size_t taken = tty_feed(&tty, text, 8192);
	KEXPECT(taken < 8192 && tty.throttled);
	KEXPECT_EQ(read_result(1), 1);
	KEXPECT(released == 1 && !tty.throttled);
	end();
	/* Also where what was taken is no byte. */
	KREQUIRE(start());
	memset(text, 4, 8192);
	released = 0;
	KEXPECT(tty_feed(&tty, text, 8192) < 8192 && tty.throttled);
	KEXPECT_EQ(read_result(1), 0);
	KEXPECT(released == 1 && !tty.throttled);
	kfree(text);
	end();
}

static void hang_up_later(void *arg __unused)
{
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	tty_hangup(&tty, false);
}

KTEST(12, a_hangup_ends_the_files)
{
	/* Who sleeps in a read then wakes up to the end of the file, or to what it had before. */
	for (size_t typed = 0; typed < 3; typed += 2) {
		KREQUIRE(start());
		file->flags &= ~O_NONBLOCK;
		tty.termios.lflag &= ~(typed ? ICANON | ECHO : 0u);
		tty.termios.cc[VMIN] = 3;
		tty_input(&tty, "xy", typed);
		KREQUIRE(kthread_run("ktest", hang_up_later, NULL) != NULL);
		s64 got = read_result(8); /* what was typed was flushed, if the read had not taken it before */
		KEXPECT(got == 0 || got == (s64)typed);
		end();
	}
	KREQUIRE(start());
	type("unread\n");
	tty_hangup(&tty, false);
	KEXPECT_EQ(read_result(8), 0);
	KEXPECT_EQ(file_write_kernel(file, "x", 1, NULL), -EIO);
	KEXPECT(file_poll(file, NULL) & POLLHUP);
	struct file *again = file_alloc(NULL, O_RDWR | O_NOCTTY | O_NONBLOCK, NULL);
	KREQUIRE(!IS_ERR(again) && tty_open_file(&tty, again, false) == 0);
	KEXPECT_EQ(file_write_kernel(again, "x", 1, NULL), 1);
	/* What is typed from now on is for those who opened it since: also from who was on its way into a read when it was hung up. */
	struct uio_vec vec;
	struct uio to;
	char buf[8];
	type("new\n");
	uio_init_kernel(&to, &vec, buf, sizeof(buf));
	KEXPECT_EQ(ldisc_read(&tty, file, &to), 0);
	KEXPECT_EQ(file_read_kernel(again, buf, sizeof(buf), NULL), 4);
	file_put(again);
	end();
}

static size_t put_out(const char *text, size_t n)
{
	u64 flags = spin_lock_irqsave(&tty.lock);
	size_t taken = ldisc_output(&tty, text, n);
	spin_unlock_irqrestore(&tty.lock, flags);
	return taken;
}

/* The optional challenge `in-blocks`: text that goes out as it is goes out in one piece; what does not, as before; and the column is right behind both. */
KTEST(12, challenge_in_blocks)
{
	enum { TEXT = 6000 };
	char *text = kmalloc(TEXT, 0);
	KREQUIRE(text && start());
	tty.termios.oflag |= XTABS;
	for (unsigned i = 0; i < TEXT; i++)
		text[i] = (char)(' ' + ktest_random() % 95);
	/* An instruction is a nanosecond of the machine that grades: less than twelve for each character, where the plain way takes over thirty. */
	u64 begun = time_ns();
	size_t taken = put_out(text, TEXT);
	u64 ns = time_ns() - begun;
	ktest_note("ns for 6000 characters", ns);
	KEXPECT_EQ(taken, TEXT);
	KEXPECT(shown == TEXT && memcmp(screen, text, TEXT) == 0);
	KEXPECT(ns < 12 * TEXT);
	KEXPECT_EQ(tty.column, TEXT);
	shown = 0;
	put_out("\nabc\tde\177f\tg\n", 12);
	KEXPECT(shows("\r\nabc     de\177f     g\r\n"));
	tty.termios.iflag |= IUTF8;
	put_out("\303\244\303\266x\t|\b\b\b.\t|\n", 14);
	KEXPECT(shows("\303\244\303\266x     |\b\b\b. |\r\n"));
	tty.termios.oflag |= OLCUC;
	put_out("Capitals\n", 9);
	KEXPECT(shows("CAPITALS\r\n"));
	tty.termios.oflag &= ~OLCUC;
	/* A device that is nearly full: a part of the text, no half of anything, and the column of what was taken. */
	room = 100;
	taken = put_out(text, TEXT);
	KEXPECT(taken == shown && taken > 80 && taken <= 100);
	KEXPECT_EQ(tty.column, taken);
	shown = 0;
	room = 21;
	taken = put_out("0123456789012345678\n\n\n", 22);
	KEXPECT(taken >= 12 && taken <= 20 && shown == taken + (taken == 20));
	room = sizeof(screen);
	end();
	kfree(text);
}
