/* Shared inside tty/: the file of a terminal, echo, ioctls. */
#ifndef TTY_TTY_PRIV_H
#define TTY_TTY_PRIV_H

#include "tty/tty.h"

/* What file->private is: which terminal, and since which hang-up. */
struct tty_file {
	struct tty *tty;  /* counted */
	u32 hangups;      /* tty->hangups at open: another number now means that the file is dead */
	bool is_console;  /* opened as /dev/console: hang-ups do not touch it */
};
static inline struct tty_file *tty_file_of(struct file *f) { return f->private; }
static inline struct tty *tty_of(struct file *f) { return tty_file_of(f)->tty; }
static inline bool tty_file_dead(struct file *f)
{
	const struct tty_file *tf = f->private;
	return !tf->is_console && READ_ONCE(tf->tty->hangups) != tf->hangups;
}

/* termios flags, by word: L_ICANON(t) reads as in the manual. */
#define TTY_I(t, flag) ((t)->termios.iflag & (flag))
#define TTY_O(t, flag) ((t)->termios.oflag & (flag))
#define TTY_L(t, flag) ((t)->termios.lflag & (flag))
#define TTY_CC(t, i) ((u8)(t)->termios.cc[i])
/* A control character that is set to NUL is switched off. */
static inline bool tty_is_cc(const struct tty *t, u8 c, int which) { return c && c == (u8)t->termios.cc[which]; }

static inline char *tty_at(struct tty *t, u32 place) { return &t->buf[place % TTY_BUFFER]; }
static inline bool tty_eol_at(const struct tty *t, u32 place) { return t->eol_map[place % TTY_BUFFER / 64] >> (place % 64) & 1; }
static inline void tty_set_eol(struct tty *t, u32 place) { t->eol_map[place % TTY_BUFFER / 64] |= 1ul << (place % 64); }
static inline void tty_clear_eol(struct tty *t, u32 place) { t->eol_map[place % TTY_BUFFER / 64] &= ~(1ul << (place % 64)); }

/* Job control signals of [1, 31] as a mask, sent to the foreground group once no lock is held: now if the context allows it, else by a worker. */
void tty_raise(struct tty *t, u32 mask);

/* echo.c: what the user sees of the typing. tty->lock held. */
void echo_char(struct tty *t, char c);      /* ^X for control characters, if ECHOCTL */
void echo_raw(struct tty *t, char c);
void echo_finish_erasing(struct tty *t);    /* ECHOPRT: closes \\…/ */
/* ERASE, WERASE or KILL arrived: takes characters off the typed line, and off the screen as the ECHO flags say. */
void echo_erase(struct tty *t, char c);
void echo_reprint(struct tty *t, char c);   /* REPRINT: the typed line once more */

/* core.c. tty->lock held. */
/* Appends to the read buffer; line_end: the line (or, with a NUL, the file) ends here. */
void tty_put_char(struct tty *t, char c, bool line_end);
void tty_flush_input(struct tty *t);
/* New modes for the reader and the writer; what is in the buffer is kept. */
void tty_set_termios(struct tty *t, const struct abi_termios *new);
void tty_stop(struct tty *t);
void tty_start(struct tty *t);
void tty_wake_readers(struct tty *t);
void tty_wake_writers(struct tty *t); /* there is room; any lock may be held, or none */
void tty_tell(struct tty *t, u32 what); /* TTY_TELL_*: by the worker, for the lock may be held */
struct async_list *tty_async(struct tty *t, struct file *f); /* f, of t's side, is to be told: by default with t's foreground group */
bool tty_input_available(const struct tty *t, bool for_poll);
/* After reading: tells a throttled driver that there is room. Lock not held. */
void tty_unthrottle(struct tty *t);

/* ioctl.c: everything with a struct tty behind it. `control` tells a pty's master, whose terminal is the slave. */
long tty_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg, bool master);
u32 tty_speed_code(u32 speed); /* CBAUD's bits; 9600's for a speed that has none */
int tty_resize(struct tty *t, const struct abi_winsize *ws);
void tty_drop_session(struct session *s, bool on_exit); /* takes the terminal away from a session (TIOCNOTTY, death of the leader) */
int tty_acquire(struct tty *t, bool steal);              /* becomes the controlling terminal of current's session */

/* Packet mode (TIOCPKT). */
enum { PKT_DATA = 0, PKT_FLUSHREAD = 1, PKT_FLUSHWRITE = 2, PKT_STOP = 4, PKT_START = 8, PKT_NOSTOP = 16, PKT_DOSTOP = 32, PKT_IOCTL = 64 };

/* serial.c, vt.c: NULL where the device is not there. */
struct tty *serial_tty(void);
struct tty *vt_tty(void);
/* keyboard.c: bytes of keys go to t. 0 or -ENODEV. */
int keyboard_init(struct tty *t);
/* devices.c: TIOCCONS. The file that console output goes to instead, counted; NULL. */
struct file *console_redirect_get(void);
long console_redirect_set(struct file *f, bool is_console);
void console_redirect_drop(struct file *f); /* f is being closed */

#endif
