/*
 * The line discipline: between the bytes of a device and the lines of a program.
 *
 *   device --tty_input--> strip, map, ^S ^Q, signals, editing, echo --> ring buffer --ldisc_read--> read(2)
 *   write(2) --> ldisc_output: \n becomes \r\n, tabs become blanks --> device
 *
 * In canonical mode a reader gets bytes up to canon_head, one line a read; editing touches only [canon_head, head). An end
 * of file (^D) is a line whose last byte is a NUL with the end-of-line bit: it ends the read and is not copied. In raw mode
 * everything up to head can be read, and VMIN and VTIME say when a read is content (termios(3)).
 * Locks: tty->lock around everything but the copies to user memory; tty->read_mutex makes readers take turns.
 */
#include "tty/tty.h"
#include "abi/signal.h"
#include "core/todo.h"
#include "lib/string.h"
#include "tty/tty_priv.h"
#include "time/time.h"

#ifdef SOLUTION
/* ^C, ^\ and ^Z: the signal they stand for, or 0. */
static int signal_of(const struct tty *t, char c)
{
	return tty_is_cc(t, c, VINTR) ? SIGINT : tty_is_cc(t, c, VQUIT) ? SIGQUIT : tty_is_cc(t, c, VSUSP) ? SIGTSTP : 0;
}

/* Characters that act, whatever the mode; true if c was one. */
static bool handle_control(struct tty *t, char c)
{
	if (TTY_I(t, IXON) && (tty_is_cc(t, c, VSTART) || tty_is_cc(t, c, VSTOP))) {
		(tty_is_cc(t, c, VSTART) ? tty_start : tty_stop)(t);
		return true;
	}
	int signo = TTY_L(t, ISIG) ? signal_of(t, c) : 0;
	if (signo) {
		if (!TTY_L(t, NOFLSH)) {
			tty_flush_input(t);
			if (t->ops->flush_output)
				t->ops->flush_output(t);
		}
		if (TTY_I(t, IXON))
			tty_start(t);
		if (TTY_L(t, ECHO))
			echo_char(t, c);
		t->signals |= 1u << signo;
		return true;
	}
	if (t->flow_stopped && TTY_I(t, IXON) && TTY_I(t, IXANY))
		tty_start(t);
	return false;
}

/* Canonical mode: characters that edit the line or end it; true if c was one. */
static bool handle_canonical(struct tty *t, char c)
{
	bool extended = TTY_L(t, IEXTEN);
	if (tty_is_cc(t, c, VERASE) || tty_is_cc(t, c, VKILL) || (extended && tty_is_cc(t, c, VWERASE))) {
		echo_erase(t, c);
	} else if (extended && tty_is_cc(t, c, VLNEXT)) {
		t->lnext = true;
		if (TTY_L(t, ECHO) && TTY_L(t, ECHOCTL)) {
			echo_finish_erasing(t);
			echo_raw(t, '^');
			echo_raw(t, '\b');
		}
	} else if (extended && TTY_L(t, ECHO) && tty_is_cc(t, c, VREPRINT)) {
		echo_reprint(t, c);
	} else if (c == '\n') {
		if (TTY_L(t, ECHO | ECHONL)) {
			echo_finish_erasing(t);
			echo_raw(t, '\n');
		}
		tty_put_char(t, '\n', true);
	} else if (tty_is_cc(t, c, VEOF)) {
		tty_put_char(t, '\0', true);
	} else if (tty_is_cc(t, c, VEOL) || (extended && tty_is_cc(t, c, VEOL2))) {
		if (TTY_L(t, ECHO))
			echo_char(t, c);
		tty_put_char(t, c, true);
	} else {
		return false;
	}
	return true;
}

static void receive_char(struct tty *t, char c)
{
	if (TTY_I(t, ISTRIP))
		c &= 0x7f;
	if (TTY_I(t, IUCLC) && TTY_L(t, IEXTEN) && c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	if (t->lnext) {
		t->lnext = false; /* ^V: whatever c is, it is text */
	} else {
		if (handle_control(t, c))
			return;
		if (c == '\r') {
			if (TTY_I(t, IGNCR))
				return;
			if (TTY_I(t, ICRNL))
				c = '\n';
		} else if (c == '\n' && TTY_I(t, INLCR)) {
			c = '\r';
		}
		if (TTY_L(t, ICANON) && handle_canonical(t, c))
			return;
	}
	if (TTY_L(t, ECHO)) {
		echo_finish_erasing(t);
		if (t->canon_head == t->head)
			t->canon_column = t->column;
		echo_char(t, c);
	}
	tty_put_char(t, c, false);
}

void tty_input(struct tty *t, const char *buf, size_t n)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	for (size_t i = 0; i < n; i++)
		receive_char(t, buf[i]);
	u32 signals = t->signals;
	t->signals = 0;
	tty_wake_readers(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (signals)
		tty_raise(t, signals);
}

/* Takes up to n bytes out of the ring; *done: a line (or the data that there is) came to its end. Lock held. */
static size_t take(struct tty *t, char *out, size_t n, bool *done)
{
	bool canonical = TTY_L(t, ICANON);
	u32 end = canonical ? t->canon_head : t->head;
	size_t got = 0;
	*done = false;
	while (t->tail != end && !*done) {
		bool line_end = canonical && tty_eol_at(t, t->tail);
		bool eof = line_end && *tty_at(t, t->tail) == '\0';
		if (got == n && !(eof && n)) /* an end of file right behind the last byte goes with it */
			break;
		if (!eof)
			out[got++] = *tty_at(t, t->tail);
		t->tail++;
		*done = line_end;
	}
	if (!canonical) {
		t->canon_head = t->tail;
		*done = t->tail == end;
	}
	return got;
}

/* Sleeps until there is input: 0, or why not: -EAGAIN, -ERESTARTSYS, -ETIMEDOUT, -EIO (hung up). */
static int wait_for_input(struct tty *t, struct file *f, u64 deadline)
{
	if (tty_file_dead(f))
		return -EIO;
	if (tty_input_available(t, false))
		return 0;
	if (deadline != TIME_NEVER && time_ns() >= deadline)
		return -ETIMEDOUT;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	long err = wait_event_interruptible_until(&t->read_wait, tty_input_available(t, false) || tty_file_dead(f), deadline);
	return err ? err : tty_file_dead(f) ? -EIO : 0;
}

ssize_t ldisc_read(struct tty *t, struct file *f, struct uio *to)
{
	char chunk[256];
	bool canonical = TTY_L(t, ICANON);
	u64 tenths = TTY_CC(t, VTIME) * 100 * NSEC_PER_MSEC;
	size_t least = canonical ? 0 : TTY_CC(t, VMIN), total = 0;
	/* VMIN 0: VTIME limits the whole read. Else it limits the pause after each byte, from the first one on. */
	u64 deadline = canonical || least ? TIME_NEVER : time_ns() + tenths;
	int err = 0;
	while (to->left) {
		err = wait_for_input(t, f, deadline);
		if (err)
			break;
		bool done;
		u64 flags = spin_lock_irqsave(&t->lock);
		size_t got = take(t, chunk, MIN(sizeof(chunk), to->left), &done);
		spin_unlock_irqrestore(&t->lock, flags);
		if (uio_write(to, chunk, got) < got) {
			err = -EFAULT;
			break;
		}
		total += got;
		if (canonical ? done : done && total >= MAX(least, 1ul))
			break;
		if (!canonical && least && tenths)
			deadline = time_ns() + tenths;
	}
	tty_unthrottle(t);
	return total || err == -ETIMEDOUT || err == -EIO ? (ssize_t)total : err;
}

/* One byte as OPOST wants it: what goes out, in out[8]; how many bytes. Keeps the column. */
static size_t map_output(struct tty *t, char c, char out[8])
{
	if (c == '\n' && TTY_O(t, ONLCR)) {
		t->column = 0;
		memcpy(out, "\r\n", 2);
		return 2;
	}
	if (c == '\r' && TTY_O(t, ONOCR) && t->column == 0)
		return 0;
	if (c == '\r' && TTY_O(t, OCRNL))
		c = '\n';
	if (c == '\t') {
		size_t blanks = 8 - t->column % 8;
		t->column += blanks;
		if (TTY_O(t, TABDLY) == XTABS) {
			memset(out, ' ', blanks);
			return blanks;
		}
	} else if (c == '\r' || (c == '\n' && TTY_O(t, ONLRET))) {
		t->column = 0;
	} else if (c == '\b') {
		t->column -= t->column > 0;
	} else if ((u8)c >= ' ' && c != 0x7f && !(TTY_I(t, IUTF8) && ((u8)c & 0xc0) == 0x80)) {
		t->column++;
		if (TTY_O(t, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
	}
	out[0] = c;
	return 1;
}

size_t ldisc_output(struct tty *t, const char *buf, size_t n)
{
	if (!TTY_O(t, OPOST))
		return t->ops->write(t, buf, n);
	char out[256];
	size_t room = t->ops->write_room(t), filled = 0, taken = 0;
	for (;;) {
		while (taken < n && filled + 8 <= MIN(sizeof(out), room))
			filled += map_output(t, buf[taken++], out + filled);
		if (filled == 0)
			break;
		room -= t->ops->write(t, out, filled);
		filled = 0;
	}
	return taken;
}
#else
void tty_input(struct tty *t, const char *buf, size_t n)
{
	TODO("12-linux");
}

ssize_t ldisc_read(struct tty *t, struct file *f, struct uio *to)
{
	TODO("12-linux");
}

size_t ldisc_output(struct tty *t, const char *buf, size_t n)
{
	TODO("12-linux");
}
#endif
