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
