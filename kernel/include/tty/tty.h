/*
 * Terminals: a line discipline between a driver (serial line, screen, pty) and the files of processes.
 *
 *   driver --tty_input()--> [termios input processing, echo, signals] --> read buffer --> read(2)
 *   write(2) --> [output processing: OPOST] --> driver ops->write
 */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "abi/termios.h"
#include "file/file.h"
#include "proc/proc.h"

struct tty;
struct tty_ops {
	/* Takes bytes to the device; how many were taken (a full device: fewer). Any context where tty->lock may be held. */
	size_t (*write)(struct tty *t, const char *buf, size_t n);
	size_t (*write_room)(struct tty *t);
	int (*open)(struct tty *t, struct file *f);
	void (*close)(struct tty *t, struct file *f);   /* the last file */
	void (*set_termios)(struct tty *t, const struct abi_termios *old);
	void (*winsize_changed)(struct tty *t);
	void (*throttle)(struct tty *t, bool on);       /* the read buffer is full / has room */
	void (*flush_output)(struct tty *t);
};
#define TTY_BUFFER 4096
struct tty {
	struct refcount ref;
	const char *name;
	u64 rdev;
	const struct tty_ops *ops;
	void *driver;
	struct spinlock lock;       /* guards all below up to control */
	struct abi_termios termios;
	struct abi_winsize winsize;
	/* read buffer: a ring; canonical mode: [tail, canon_head) are whole lines */
	char buf[TTY_BUFFER];
	u64 eol_map[TTY_BUFFER / 64]; /* bit: a line ends at this place */
	u32 head, canon_head, tail;
	u32 column, canon_column;
	bool lnext, erasing, stopped, hung_up, packet, exclusive, flow_stopped;
	u8 packet_status;
	struct wait_queue read_wait, write_wait;
	struct mutex write_mutex;   /* one write(2) at a time */
	/* control: tty_control_lock */
	struct session *session;    /* counted */
	struct pgroup *foreground;  /* counted */
	u32 open_count;
	struct tty *peer;           /* ptys */
};
/* Input from a device; any context. Student's (tty/ldisc.c): */
void tty_input(struct tty *t, const char *buf, size_t n);
ssize_t ldisc_read(struct tty *t, struct file *f, struct uio *to);
size_t ldisc_output(struct tty *t, const char *buf, size_t n); /* OPOST; bytes of buf taken */
void ldisc_set_termios(struct tty *t, const struct abi_termios *new);
/* Student's (tty/jobctl.c). -EIO, -ERESTARTSYS (after SIGTTIN/SIGTTOU was sent), or 0 when current may read or write. */
int tty_check_change(struct tty *t, int signo);
long tty_job_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg); /* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID; -ENOIOCTLCMD */
void tty_signal_foreground(struct tty *t, int signo);
/* Given. */
void tty_init(struct tty *t, const char *name, u64 rdev, const struct tty_ops *ops, void *driver);
int tty_register(struct tty *t);          /* appears in devfs */
void tty_unregister(struct tty *t);
void tty_hangup(struct tty *t);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
extern const struct file_ops tty_file_ops;
struct tty *current_tty(void);            /* controlling terminal, counted; NULL */

#endif
