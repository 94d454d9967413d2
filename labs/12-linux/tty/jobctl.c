/*
 * Job control: which of the many programs on one terminal may talk to it.
 *
 *   session (a login) ── controlling terminal ── foreground group
 *      ├── group 10: the shell
 *      ├── group 20: make, cc          <- foreground: reads, gets ^C and ^Z
 *      └── group 30: a job behind `&`  <- background: a read stops it (SIGTTIN)
 *
 * The shell moves groups to the front by TIOCSPGRP. A background process that reads gets SIGTTIN; one that changes the
 * terminal, or writes while TOSTOP is set, gets SIGTTOU; both stop the whole group until the shell says otherwise.
 * Where nobody could ever continue it (an orphaned group) the call fails with EIO instead.
 *
 * Locks: tty_control_lock guards the ties between session, terminal and foreground group. Signals are sent with no lock
 * held, on references that were taken under it.
 */
#include "tty/tty.h"
#include "core/todo.h"
#include "proc/signal.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"

int tty_check_change(struct tty *t, int signo)
{
	TODO("12-linux");
}

long tty_job_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg)
{
	TODO("12-linux");
}

void tty_signal_foreground(struct tty *t, int signo)
{
	TODO("12-linux");
}
