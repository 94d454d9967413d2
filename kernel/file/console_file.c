/*
 * The raw console as a file: what descriptors 0-2 are until there are terminals (stage 12).
 *
 * Output goes to the preferred console. Input comes from the serial line, which is asked every few milliseconds while a
 * reader or a poll waits: no interrupt, no buffer beyond the chip's own 16 bytes, no line editing, no echo. A reader gets what is
 * there, as a terminal in raw mode gives it; only ICRNL is honoured, so that Enter is a newline.
 *
 * It answers the terminal ioctls that programs use to find out whether they talk to a person.
 */
#include "file/file.h"
#include "abi/termios.h"
#include "core/cpu.h"
#include "core/printk.h"
#include "lib/string.h"
#include "usermode/uaccess.h"

#define UART_DATA 0x3f8
#define UART_LINE_STATUS 0x3fd
#define LINE_DATA_READY 0x01
#define LINE_ABSENT 0xff /* nobody answers on the bus */
#define POLL_NS (5 * NSEC_PER_MSEC)

static MUTEX(console_read_mutex, RANK_NONE); /* one reader at a time; guards `termios` */
static WAIT_QUEUE(console_wait);             /* readers look again by themselves; for those in poll the timer looks */
static void console_timer_fn(struct timer *t);
static struct timer console_timer = { .fn = console_timer_fn, .cpu = -1 }; /* runs while the queue has entries of poll */
static struct abi_termios termios = {
	.iflag = ICRNL, .oflag = OPOST | ONLCR, .cflag = B115200 | CS8 | CREAD | HUPCL,
	.cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26 },
};

static bool input_ready(void)
{
	u8 status = inb(UART_LINE_STATUS);

	return status != LINE_ABSENT && status & LINE_DATA_READY;
}

static long wait_input(void)
{
	long err;

	do
		err = wait_event_interruptible_until(&console_wait, input_ready(), time_ns() + POLL_NS);
	while (err == -ETIMEDOUT);
	return err;
}

static ssize_t console_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	char buf[64];
	size_t n = 0, want = MIN(to->left, sizeof(buf));
	ssize_t ret;

	if (!want)
		return 0;
	ret = mutex_lock_interruptible(&console_read_mutex);
	if (ret)
		return ret;
	if (f->flags & O_NONBLOCK)
		ret = input_ready() ? 0 : -EAGAIN;
	else
		ret = wait_input();
	if (ret)
		goto out;
	while (n < want && input_ready()) {
		char c = inb(UART_DATA);
		if (c == '\r' && termios.iflag & ICRNL)
			c = '\n';
		buf[n++] = c;
	}
	ret = uio_write(to, buf, n);
	if (!ret)
		ret = -EFAULT;
out:
	mutex_unlock(&console_read_mutex);
	return ret;
}

static ssize_t console_write_file(struct file *f __unused, struct uio *from, s64 *pos __unused)
{
	struct console *con = console_preferred();
	char buf[256];
	size_t done = 0, n;

	while (from->left) {
		n = uio_read(from, buf, sizeof(buf));
		if (!n)
			return done ? (ssize_t)done : -EFAULT;
		if (con)
			con->write(con, buf, n);
		done += n;
	}
	return done;
}

static void console_timer_fn(struct timer *t)
{
	if (input_ready())
		wait_wake_all(&console_wait);
	else if (!list_empty(&console_wait.entries))
		timer_start(t, time_ns() + POLL_NS);
}

static u32 console_poll(struct file *f, struct poll_table *pt)
{
	if (pt && pt->add) {
		poll_wait(pt, f, &console_wait);
		timer_start(&console_timer, time_ns() + POLL_NS);
	}
	return POLLOUT | POLLWRNORM | (input_ready() ? POLLIN | POLLRDNORM : 0);
}

static long console_ioctl(struct file *f __unused, u32 cmd, u64 arg)
{
	const struct abi_winsize size = { .row = 24, .col = 80 };
	struct abi_termios new;

	switch (cmd) {
	case TCGETS:
		return copy_to_user((void __user *)arg, &termios, sizeof(termios)) ? -EFAULT : 0;
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		if (copy_from_user(&new, (const void __user *)arg, sizeof(new)))
			return -EFAULT;
		mutex_lock(&console_read_mutex);
		termios = new;
		mutex_unlock(&console_read_mutex);
		return 0;
	case TIOCGWINSZ:
		return copy_to_user((void __user *)arg, &size, sizeof(size)) ? -EFAULT : 0;
	case FIONREAD:
		return put_user_u32(input_ready(), (u32 __user *)arg);
	}
	return -ENOTTY;
}

static const struct file_ops console_ops = {
	.name = "console",
	.read = console_read,
	.write = console_write_file,
	.poll = console_poll,
	.ioctl = console_ioctl,
};

void console_file_attach(struct file *f)
{
	f->ops = &console_ops;
	f->mode |= FILE_STREAM;
}

struct file *console_file_open(void)
{
	struct file *f = file_alloc(&console_ops, O_RDWR | O_LARGEFILE, NULL);

	if (!IS_ERR(f))
		f->mode |= FILE_STREAM;
	return f;
}
