/* The ioctls of every terminal: termios in its four forms, flushing, flow, sizes. One table; a driver's own come after it. */
#include "core/cmdline.h"
#include "lib/string.h"
#include "proc/signal.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"

/* termio of System V: 16-bit flags, 8 control characters. */
struct abi_termio {
	u16 iflag, oflag, cflag, lflag;
	u8 line;
	u8 cc[8];
};

/* Speeds by CBAUD's code: 0 … 15, then 0x1001 … */
static const u32 speeds[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
static const u32 high_speeds[] = { 0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

u32 tty_speed_code(u32 speed)
{
	for (u32 i = 1; i < ARRAY_SIZE(speeds); i++) {
		if (speeds[i] == speed)
			return i;
		if (high_speeds[i] == speed)
			return 010000 | i;
	}
	return B9600;
}

static u32 speed_of(u32 cflag)
{
	u32 code = cflag & CBAUD;
	return code & 010000 ? high_speeds[code & 15] : speeds[code & 15];
}

/* Applies new modes: waits for the output first and drops the input, as the ioctl's letter says. */
enum { SET_NOW, SET_WAIT = 1, SET_FLUSH = 2 };

static int wait_sent(struct tty *t)
{
	if (!t->ops->pending)
		return 0;
	return (int)wait_event_interruptible(&t->write_wait, t->ops->pending(t) == 0);
}

/* What is locked stays as it is: bit by bit, character by character. t->lock held. */
static void keep_locked(const struct tty *t, struct abi_termios *new)
{
	const struct abi_termios *old = &t->termios, *locked = &t->locked;

	new->iflag = (new->iflag & ~locked->iflag) | (old->iflag & locked->iflag);
	new->oflag = (new->oflag & ~locked->oflag) | (old->oflag & locked->oflag);
	new->cflag = (new->cflag & ~locked->cflag) | (old->cflag & locked->cflag);
	new->lflag = (new->lflag & ~locked->lflag) | (old->lflag & locked->lflag);
	for (u32 i = 0; i < ARRAY_SIZE(new->cc); i++)
		if (locked->cc[i])
			new->cc[i] = old->cc[i];
}

static int set_modes(struct tty *t, struct abi_termios *new, int how)
{
	struct abi_termios old;
	int err = how & SET_WAIT ? wait_sent(t) : 0;
	if (err)
		return err;
	u64 flags = spin_lock_irqsave(&t->lock);
	if (how & SET_FLUSH)
		tty_flush_input(t);
	old = t->termios;
	new->line = old.line;
	keep_locked(t, new);
	tty_set_termios(t, new);
	if (t->ops->flushed) {
		bool was = (old.iflag & IXON) && old.cc[VSTOP] == 19 && old.cc[VSTART] == 17;
		bool is = (new->iflag & IXON) && new->cc[VSTOP] == 19 && new->cc[VSTART] == 17;
		if (was != is)
			t->ops->flushed(t, is ? PKT_DOSTOP : PKT_NOSTOP);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (how & SET_FLUSH)
		tty_unthrottle(t);
	if (t->ops->set_termios)
		t->ops->set_termios(t, &old);
	return 0;
}

static void get_modes(struct tty *t, struct abi_termios *out)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	*out = t->termios;
	spin_unlock_irqrestore(&t->lock, flags);
}

static long copy_out(u64 arg, const void *p, size_t n) { return copy_to_user((void __user *)arg, p, n) ? -EFAULT : 0; }

static long do_tcgets(struct tty *t, u64 arg, int unused __unused)
{
	struct abi_termios k;
	get_modes(t, &k);
	return copy_out(arg, &k, sizeof(k));
}

static long do_tcgets2(struct tty *t, u64 arg, int unused __unused)
{
	struct abi_termios k;
	struct abi_termios2 k2 = { 0 };
	get_modes(t, &k);
	memcpy(&k2, &k, offsetof(struct abi_termios2, ispeed));
	k2.ispeed = k2.ospeed = speed_of(k.cflag);
	return copy_out(arg, &k2, sizeof(k2));
}

static long do_tcgeta(struct tty *t, u64 arg, int unused __unused)
{
	struct abi_termios k;
	get_modes(t, &k);
	struct abi_termio old = { (u16)k.iflag, (u16)k.oflag, (u16)k.cflag, (u16)k.lflag, k.line, { 0 } };
	memcpy(old.cc, k.cc, sizeof(old.cc));
	return copy_out(arg, &old, sizeof(old));
}

static long do_tcsets(struct tty *t, u64 arg, int how)
{
	struct abi_termios k;
	if (copy_from_user(&k, (const void __user *)arg, sizeof(k)))
		return -EFAULT;
	return set_modes(t, &k, how);
}

static long do_tcsets2(struct tty *t, u64 arg, int how)
{
	struct abi_termios2 k2;
	struct abi_termios k;
	if (copy_from_user(&k2, (const void __user *)arg, sizeof(k2)))
		return -EFAULT;
	memcpy(&k, &k2, sizeof(k));
	return set_modes(t, &k, how);
}

static long do_tcseta(struct tty *t, u64 arg, int how)
{
	struct abi_termio old;
	struct abi_termios k;
	if (copy_from_user(&old, (const void __user *)arg, sizeof(old)))
		return -EFAULT;
	get_modes(t, &k);
	k.iflag = (k.iflag & ~0xffffu) | old.iflag;
	k.oflag = (k.oflag & ~0xffffu) | old.oflag;
	k.cflag = (k.cflag & ~0xffffu) | old.cflag;
	k.lflag = (k.lflag & ~0xffffu) | old.lflag;
	memcpy(k.cc, old.cc, sizeof(old.cc));
	return set_modes(t, &k, how);
}

static long do_get_locked(struct tty *t, u64 arg, int unused __unused)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct abi_termios k = t->locked;
	spin_unlock_irqrestore(&t->lock, flags);
	return copy_out(arg, &k, sizeof(k));
}

static long do_set_locked(struct tty *t, u64 arg, int unused __unused)
{
	struct abi_termios k;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&k, (const void __user *)arg, sizeof(k)))
		return -EFAULT;
	u64 flags = spin_lock_irqsave(&t->lock);
	t->locked = k;
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

static long do_tcflsh(struct tty *t, u64 arg, int unused __unused)
{
	if (arg > 2)
		return -EINVAL;
	u64 flags = spin_lock_irqsave(&t->lock);
	if (arg != 1)
		tty_flush_input(t);
	if (arg != 0 && t->ops->flush_output)
		t->ops->flush_output(t);
	spin_unlock_irqrestore(&t->lock, flags);
	tty_unthrottle(t);
	tty_wake_writers(t);
	return 0;
}

static long do_tcxonc(struct tty *t, u64 arg, int unused __unused)
{
	if (arg > 3)
		return -EINVAL;
	u64 flags = spin_lock_irqsave(&t->lock);
	if (arg == 0) {
		tty_stop(t);
	} else if (arg == 1) {
		tty_start(t);
	} else { /* sends the character that stops (starts) the other side */
		char c = (char)t->termios.cc[arg == 2 ? VSTOP : VSTART];
		if (c)
			t->ops->write(t, &c, 1);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

static long do_tcsbrk(struct tty *t, u64 arg __unused, int unused __unused) { return wait_sent(t); } /* a break itself has no meaning for emulated lines */
static long do_nothing(struct tty *t __unused, u64 arg __unused, int unused __unused) { return 0; }

static long do_outq(struct tty *t, u64 arg, int unused __unused)
{
	return put_user_u32(t->ops->pending ? (u32)t->ops->pending(t) : 0, (u32 __user *)arg);
}

static long do_inq(struct tty *t, u64 arg, int unused __unused)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	u32 n = (TTY_L(t, ICANON) ? t->canon_head : t->head) - t->tail;
	if (TTY_L(t, ICANON)) /* marks of an end of file are no bytes */
		for (u32 i = t->tail; i != t->canon_head; i++)
			n -= tty_eol_at(t, i) && *tty_at(t, i) == '\0';
	spin_unlock_irqrestore(&t->lock, flags);
	return put_user_u32(n, (u32 __user *)arg);
}

/* Only one's own terminal may be fed, or by root. */
static long do_sti(struct tty *t, u64 arg, int unused __unused)
{
	char c;
	struct tty *mine = current_tty();
	if (mine)
		tty_put(mine);
	if (mine != t && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&c, (const void __user *)arg, 1))
		return -EFAULT;
	tty_feed(t, &c, 1);
	return 0;
}

static long do_gwinsz(struct tty *t, u64 arg, int unused __unused)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct abi_winsize ws = t->winsize;
	spin_unlock_irqrestore(&t->lock, flags);
	return copy_out(arg, &ws, sizeof(ws));
}

int tty_resize(struct tty *t, const struct abi_winsize *ws)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	bool changed = memcmp(ws, &t->winsize, sizeof(*ws)) != 0;
	t->winsize = *ws;
	spin_unlock_irqrestore(&t->lock, flags);
	if (!changed)
		return 0;
	if (t->ops->winsize_changed)
		t->ops->winsize_changed(t);
	tty_signal_foreground(t, SIGWINCH);
	return 0;
}

static long do_swinsz(struct tty *t, u64 arg, int unused __unused)
{
	struct abi_winsize ws;
	if (copy_from_user(&ws, (const void __user *)arg, sizeof(ws)))
		return -EFAULT;
	return tty_resize(t, &ws);
}

static long do_exclusive(struct tty *t, u64 arg __unused, int on)
{
	WRITE_ONCE(t->exclusive, on);
	return 0;
}
static long do_gexcl(struct tty *t, u64 arg, int unused __unused) { return put_user_u32(READ_ONCE(t->exclusive), (u32 __user *)arg); }
static long do_getd(struct tty *t, u64 arg, int unused __unused) { return put_user_u32(READ_ONCE(t->termios.line), (u32 __user *)arg); }

/* There is one line discipline: N_TTY, 0. */
static long do_setd(struct tty *t __unused, u64 arg, int unused __unused)
{
	u32 which;
	if (get_user_u32(&which, (const u32 __user *)arg))
		return -EFAULT;
	return which ? -EINVAL : 0;
}

static long do_gdev(struct tty *t, u64 arg, int unused __unused) { return put_user_u32((u32)t->rdev, (u32 __user *)arg); }

static long do_vhangup(struct tty *t, u64 arg __unused, int unused __unused)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_hangup(t, false);
	return 0;
}

enum { MODEM_GET, MODEM_SET, MODEM_BIS, MODEM_BIC };
static long do_modem(struct tty *t, u64 arg, int what)
{
	u32 bits, set = 0, clear = 0;
	if (!t->ops->modem)
		return -ENOTTY;
	if (what != MODEM_GET) {
		if (get_user_u32(&bits, (const u32 __user *)arg))
			return -EFAULT;
		set = what == MODEM_BIC ? 0 : bits;
		clear = what == MODEM_BIC ? bits : what == MODEM_SET ? ~bits : 0;
	}
	int err = t->ops->modem(t, set, clear, &bits);
	return err || what != MODEM_GET ? err : put_user_u32(bits, (u32 __user *)arg);
}

/* `changes`: a background process that does it gets SIGTTOU. */
static const struct tty_ioctl_row {
	u32 cmd;
	bool changes;
	long (*fn)(struct tty *t, u64 arg, int how);
	int how;
} table[] = {
	{ TCGETS, false, do_tcgets, 0 },
	{ TIOCGWINSZ, false, do_gwinsz, 0 },
	{ TCSETS, true, do_tcsets, SET_NOW },
	{ TCSETSW, true, do_tcsets, SET_WAIT },
	{ TCSETSF, true, do_tcsets, SET_WAIT | SET_FLUSH },
	{ TCGETS2, false, do_tcgets2, 0 },
	{ TCSETS2, true, do_tcsets2, SET_NOW },
	{ TCSETSW2, true, do_tcsets2, SET_WAIT },
	{ TCSETSF2, true, do_tcsets2, SET_WAIT | SET_FLUSH },
	{ TCGETA, false, do_tcgeta, 0 },
	{ TCSETA, true, do_tcseta, SET_NOW },
	{ TCSETAW, true, do_tcseta, SET_WAIT },
	{ TCSETAF, true, do_tcseta, SET_WAIT | SET_FLUSH },
	{ TIOCGLCKTRMIOS, false, do_get_locked, 0 },
	{ TIOCSLCKTRMIOS, false, do_set_locked, 0 },
	{ TCFLSH, true, do_tcflsh, 0 },
	{ TCXONC, true, do_tcxonc, 0 },
	{ TCSBRK, true, do_tcsbrk, 0 },
	{ TCSBRKP, true, do_tcsbrk, 0 },
	{ TIOCSBRK, true, do_nothing, 0 },
	{ TIOCCBRK, true, do_nothing, 0 },
	{ TIOCOUTQ, false, do_outq, 0 },
	{ TIOCINQ, false, do_inq, 0 },
	{ TIOCSTI, false, do_sti, 0 },
	{ TIOCSWINSZ, false, do_swinsz, 0 },
	{ TIOCEXCL, false, do_exclusive, true },
	{ TIOCNXCL, false, do_exclusive, false },
	{ TIOCGEXCL, false, do_gexcl, 0 },
	{ TIOCGETD, false, do_getd, 0 },
	{ TIOCSETD, true, do_setd, 0 },
	{ TIOCGDEV, false, do_gdev, 0 },
	{ TIOCVHANGUP, false, do_vhangup, 0 },
	{ TIOCMGET, false, do_modem, MODEM_GET },
	{ TIOCMSET, false, do_modem, MODEM_SET },
	{ TIOCMBIS, false, do_modem, MODEM_BIS },
	{ TIOCMBIC, false, do_modem, MODEM_BIC },
};

long tty_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg, bool master)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct tty_ioctl_row *row = &table[i];
		if (row->cmd != cmd)
			continue;
		if (row->changes && !master) {
			int err = tty_check_change(t, SIGTTOU);
			if (err)
				return err;
		}
		return row->fn(t, arg, row->how);
	}
	long ret = tty_job_ioctl(t, f, cmd, arg);
	if (ret == -ENOIOCTLCMD && t->ops->ioctl)
		ret = t->ops->ioctl(t, f, cmd, arg);
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}
