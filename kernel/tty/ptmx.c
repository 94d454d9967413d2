/* The master's side of a pseudo-terminal: what open("/dev/ptmx") gives. */
#include "abi/stat.h"
#include "proc/signal.h"
#include "tty/pty_priv.h"
#include "usermode/uaccess.h"

#define TIOCSIG 0x40045436

static struct pty *pty_of_file(struct file *f) { return f->private; }

int ptmx_open(struct inode *inode __unused, struct file *f)
{
	struct mount *m = devpts_of_ptmx(f);
	if (!m)
		return -ENODEV;
	struct pty *p = pty_create();
	if (IS_ERR(p)) {
		mount_put(m);
		return (int)PTR_ERR(p);
	}
	int err = devpts_add(m, p); /* from here on the pair holds the mount */
	if (err) {
		tty_put(&p->slave);
		return err;
	}
	f->private = p;
	f->ops = &pty_master_ops;
	f->mode = (f->mode & ~FILE_SEEKABLE) | FILE_STREAM;
	return 0;
}

static void master_release(struct file *f)
{
	struct pty *p = pty_of_file(f);
	console_redirect_drop(f);
	devpts_remove(p);
	pty_master_gone(p);
	tty_put(&p->slave);
}

static bool master_readable(struct pty *p)
{
	return READ_ONCE(p->head) != READ_ONCE(p->tail) || (p->slave.packet && READ_ONCE(p->slave.packet_status));
}

static ssize_t master_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct pty *p = pty_of_file(f);
	char chunk[512];
	size_t total = 0;
	while (to->left) {
		size_t n = 0;
		bool packet, status = false;
		u64 flags = spin_lock_irqsave(&p->slave.lock);
		bool closed = p->slave_closed;
		packet = p->slave.packet;
		if (total == 0 && packet && p->slave.packet_status) {
			chunk[n++] = (char)p->slave.packet_status;
			p->slave.packet_status = 0;
			status = true;
		} else if (p->head != p->tail) {
			if (packet && total == 0)
				chunk[n++] = PKT_DATA;
			while (n < MIN(sizeof(chunk), to->left) && p->tail != p->head)
				chunk[n++] = p->ring[p->tail++ % PTY_RING];
		}
		spin_unlock_irqrestore(&p->slave.lock, flags);
		if (n) {
			if (!status)
				tty_wake_writers(&p->slave);
			if (uio_write(to, chunk, n) < n)
				return total ? (ssize_t)total : -EFAULT;
			total += n;
			if (status)
				break;
			continue;
		}
		if (total)
			break;
		if (closed)
			return -EIO;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		long err = wait_event_interruptible(&p->master_wait, master_readable(p) || READ_ONCE(p->slave_closed));
		if (err)
			return err;
	}
	return (ssize_t)total;
}

static ssize_t master_write(struct file *f, struct uio *from, s64 *pos __unused)
{
	struct pty *p = pty_of_file(f);
	struct tty *t = &p->slave;
	char chunk[256];
	size_t total = 0;
	long err = 0;
	if (f->flags & O_NONBLOCK) {
		if (!mutex_trylock(&t->write_mutex))
			return -EAGAIN;
	} else {
		err = mutex_lock_interruptible(&t->write_mutex);
		if (err)
			return err;
	}
	u64 flags = spin_lock_irqsave(&t->lock);
	p->typed_at = p->head;
	spin_unlock_irqrestore(&t->lock, flags);
	while (from->left && !err) {
		size_t want = MIN(from->left, sizeof(chunk)), n = uio_read(from, chunk, want), done = 0;
		if (n < want)
			err = -EFAULT;
		while (done < n) {
			done += tty_feed(t, chunk + done, n - done);
			if (done == n)
				break;
			err = f->flags & O_NONBLOCK ? -EAGAIN : wait_event_interruptible(&p->master_wait, !READ_ONCE(t->throttled));
			if (err)
				break;
		}
		total += done;
	}
	if (err == -EAGAIN)
		atomic_store(&p->tell_room, true);
	mutex_unlock(&t->write_mutex);
	return total ? (ssize_t)total : err;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = pty_of_file(f);
	u32 events = 0;
	poll_wait(pt, f, &p->master_wait);
	if (master_readable(p))
		events |= POLLIN | POLLRDNORM;
	if (p->slave.packet && READ_ONCE(p->slave.packet_status))
		events |= POLLPRI;
	if (READ_ONCE(p->slave_closed))
		events |= POLLHUP;
	if (!READ_ONCE(p->slave.throttled))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

/* TIOCGPTPEER: opens the slave without its name, and gives the descriptor. */
static long open_peer(struct pty *p, struct file *f __unused, u32 flags)
{
	struct path path;
	long ret = devpts_slave_path(p, &path);
	if (ret)
		return ret;
	struct file *slave = file_open_path(&path, flags & (O_ACCMODE | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), cred_current());
	path_put(&path);
	if (IS_ERR(slave))
		return PTR_ERR(slave);
	ret = fd_open(slave, flags & O_CLOEXEC);
	if (ret < 0)
		file_put(slave);
	return ret;
}

static long set_flag(struct pty *p, u64 arg, bool *flag)
{
	u32 on;
	if (get_user_u32(&on, (const u32 __user *)arg))
		return -EFAULT;
	u64 flags = spin_lock_irqsave(&p->slave.lock);
	if (flag == &p->slave.packet && on && !*flag)
		p->slave.packet_status = 0;
	*flag = on != 0;
	spin_unlock_irqrestore(&p->slave.lock, flags);
	return 0;
}

static long master_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pty *p = pty_of_file(f);
	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32((u32)p->index, (u32 __user *)arg);
	case TIOCSPTLCK:
		return set_flag(p, arg, &p->locked);
	case TIOCGPTLCK:
		return put_user_u32(READ_ONCE(p->locked), (u32 __user *)arg);
	case TIOCPKT:
		return set_flag(p, arg, &p->slave.packet);
	case TIOCGPKT:
		return put_user_u32(READ_ONCE(p->slave.packet), (u32 __user *)arg);
	case TIOCGPTPEER:
		return open_peer(p, f, (u32)arg);
	case TIOCSIG:
		if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)
			return -EINVAL;
		tty_signal_foreground(&p->slave, (int)arg);
		return 0;
	case TIOCINQ:
		return put_user_u32(READ_ONCE(p->head) - READ_ONCE(p->tail), (u32 __user *)arg);
	case TIOCCONS:
		return console_redirect_set(f, false);
	case TIOCSCTTY:
	case TIOCNOTTY:
	case TIOCVHANGUP:
	case TIOCSTI:
		return -ENOTTY; /* a master is nobody's controlling terminal */
	default:
		return tty_ioctl(&p->slave, f, cmd, arg, true);
	}
}

static struct async_list *master_async(struct file *f)
{
	struct pty *p = pty_of_file(f);
	file_default_owner(f, F_OWNER_PID, current->process->pid); /* no group works in front of it */
	return &p->slave.master_async;
}

const struct file_ops pty_master_ops = {
	.name = "ptmx",
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.async = master_async,
	.release = master_release,
};
