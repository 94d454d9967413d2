/*
 * Terminals: a line discipline between a driver (serial line, screen, pty) and the files of processes.
 *
 *   driver --tty_input()--> [termios input processing, echo, signals] --> read buffer --> read(2)
 *   write(2) --> [output processing: OPOST] --> driver ops->write
 */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "abi/termios.h"
#include "file/async.h"
#include "proc/proc.h"

struct tty;
struct char_device;
struct tty_ops {
	/* Takes bytes to the device; how many were taken (a full device: fewer; never fewer than write_room promised). tty->lock is held, so it must not sleep. */
	size_t (*write)(struct tty *t, const char *buf, size_t n);
	size_t (*write_room)(struct tty *t);
	size_t (*pending)(struct tty *t);               /* bytes on their way to the device; NULL: none, ever */
	int (*open)(struct tty *t, struct file *f);     /* may sleep; NULL: always fine */
	void (*close)(struct tty *t, struct file *f);   /* the last file; may sleep */
	void (*set_termios)(struct tty *t, const struct abi_termios *old);
	void (*winsize_changed)(struct tty *t);
	void (*throttle)(struct tty *t, bool on);       /* the read buffer is full / has room again. Any context */
	void (*flush_output)(struct tty *t);            /* drops what is pending; tty->lock held */
	void (*flow)(struct tty *t, bool stop);         /* TCOOFF, TCOON and ^S, ^Q; tty->lock held */
	void (*flushed)(struct tty *t, u8 status);      /* packet mode's TIOCPKT_* bits for the other side; tty->lock held */
	int (*modem)(struct tty *t, u32 set, u32 clear, u32 *state); /* TIOCMGET, TIOCMSET …; NULL: -ENOTTY */
	long (*ioctl)(struct tty *t, struct file *f, u32 cmd, u64 arg); /* the device's own; -ENOIOCTLCMD for others */
	void (*destroy)(struct tty *t);                 /* the last reference went; NULL: the tty is static */
};
#define ENOIOCTLCMD 515 /* never leaves the kernel: not this layer's ioctl */
#define TTY_BUFFER 4096
enum { TTY_TELL_IN = 1, TTY_TELL_OUT = 2, TTY_TELL_MASTER_IN = 4, TTY_TELL_MASTER_OUT = 8 };
struct tty {
	struct refcount ref;
	const char *name;
	u64 rdev;
	const struct tty_ops *ops;
	void *driver;
	struct spinlock lock;       /* guards all below up to control; taken with interrupts off */
	struct abi_termios termios;
	struct abi_termios locked;  /* which bits and characters of the modes no program may change; all 0 but for TIOCSLCKTRMIOS */
	struct abi_winsize winsize;
	/*
	 * Read buffer: a ring; the three places count up for ever and are taken modulo TTY_BUFFER.
	 *
	 *     tail ≤ canon_head ≤ head,  head - tail ≤ TTY_BUFFER
	 *
	 * Canonical mode: [tail, canon_head) are whole lines, [canon_head, head) the line that is being typed.
	 */
	char buf[TTY_BUFFER];
	u64 eol_map[TTY_BUFFER / 64]; /* bit: a line ends at this place; a NUL there is an end of file */
	u32 head, canon_head, tail;
	u32 column, canon_column;     /* of the cursor; where the typed line starts */
	bool lnext, erasing, packet, exclusive, flow_stopped, throttled;
	u8 packet_status;             /* TIOCPKT_* events that the master has not read */
	u32 hangups;                  /* how often it was hung up: files opened before are dead */
	u32 signals;                  /* job control signals that the input raised and that are still to be sent: bit per signo */
	struct wait_queue read_wait, write_wait;
	struct mutex read_mutex;      /* one read(2) at a time */
	struct mutex write_mutex;     /* one write(2) at a time */
	/* control: tty_control_lock */
	struct session *session;    /* counted */
	struct pgroup *foreground;  /* counted */
	u32 open_count;
	struct tty *peer;           /* ptys: unused by hardware */
	struct char_device *device; /* its node in devfs, once registered */
	bool is_pty;
	u32 deferred;               /* atomic: signals for the worker to send */
	u32 to_tell;                /* atomic: TTY_TELL_*, for the worker: files with O_ASYNC hear of it */
	struct work deferred_work;
	struct async_list async, master_async; /* the second is the pty's master's */
	bool tell_room;             /* atomic: a writer found no room, so O_ASYNC is told of the next */
};
extern struct spinlock tty_control_lock; /* sessions, foreground groups and open counts of all terminals; interrupts stay on */

/* Input from a device; any context. Student's (tty/ldisc.c): */
void tty_input(struct tty *t, const char *buf, size_t n);
ssize_t ldisc_read(struct tty *t, struct file *f, struct uio *to);
/* OPOST; bytes of buf taken. tty->lock held. */
size_t ldisc_output(struct tty *t, const char *buf, size_t n);
/* Student's (tty/jobctl.c). -EIO, -ERESTARTSYS (after SIGTTIN/SIGTTOU was sent), or 0 when current may read or write. */
int tty_check_change(struct tty *t, int signo);
long tty_job_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg); /* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID; -ENOIOCTLCMD */
void tty_signal_foreground(struct tty *t, int signo); /* thread context, no locks held */
/* Given. */
void tty_init(struct tty *t, const char *name, u64 rdev, const struct tty_ops *ops, void *driver);
int tty_register(struct tty *t);          /* appears in devfs */
void tty_unregister(struct tty *t);
/* Every open file of it is dead from here on: reads give 0, writes -EIO. `session_ends`: the foreground group gets SIGHUP too. May sleep. */
void tty_hangup(struct tty *t, bool session_ends);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
/* Makes f (being opened) a file of t: counts, lets a session leader acquire it. 0 or -errno. */
int tty_open_file(struct tty *t, struct file *f, bool may_acquire);
/* tty_input for drivers with a buffer of their own: as many bytes as there is room for. Fewer than n: ops->throttle(t, false) tells when to go on. Any context. */
size_t tty_feed(struct tty *t, const char *buf, size_t n);
extern const struct file_ops tty_file_ops;
struct tty *current_tty(void);            /* controlling terminal, counted; NULL */
/* Device number of the controlling terminal of p (0: none) and its foreground group (-1): for /proc/PID/stat. */
u64 process_tty(struct process *p, int *foreground);

extern u64 pty_count, pty_limit; /* pseudo-terminals there are, of all mounts (atomic); they stay below the limit, as on Linux */

#endif
