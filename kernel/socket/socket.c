/*
 * Sockets as objects and as files: their making, and read, write, poll and close on them. The calls that only sockets know are in calls.c.
 */
#include "socket_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "time/time.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

static const struct file_ops socket_ops;
long (*socket_device_ioctl)(u32 cmd, u64 arg);

/* --- objects ------------------------------------------------------------------------------------------------------- */

struct socket *socket_alloc(int family, int type)
{
	struct socket *s = kzalloc(sizeof(*s), 0);

	if (!s)
		return NULL;
	s->family = (u16)family;
	s->type = (u16)type;
	socket_options_init(&s->options);
	return s;
}

int socket_create(struct socket *s, int protocol)
{
	LINKER_SET_FOREACH(socket_families, f)
		if ((*f)->family == s->family)
			return (*f)->create(s, protocol);
	return -EAFNOSUPPORT;
}

void socket_free(struct socket *s)
{
	if (s->proto)
		s->ops->release(s);
	kfree(s);
}

struct file *socket_file(struct socket *s, u32 flags)
{
	struct file *f = file_anonymous("socket", &socket_ops, O_RDWR | (flags & O_NONBLOCK), s);

	if (IS_ERR(f))
		return f;
	f->mode |= FILE_STREAM;
	s->file = f;
	if (s->inode)
		WRITE_ONCE(*s->inode, f->inode->ino);
	return f;
}

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_ops ? f->private : NULL;
}

u64 socket_cookie(u64 *at)
{
	static u64 last; /* atomic */

	if (!atomic_load(at))
		atomic_cas(at, 0, atomic_fetch_add(&last, 1) + 1);
	return atomic_load(at);
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

u64 socket_deadline(u64 timeout, bool nonblock)
{
	u64 now = time_ns();

	if (nonblock)
		return 0;
	return timeout >= INT64_MAX - now ? TIME_NEVER : now + timeout;
}

int socket_wait_error(long err, u64 timeout)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && timeout != TIME_NEVER ? -EINTR : (int)err;
}

void socket_broken_pipe(u32 flags)
{
	struct abi_siginfo info;

	if (flags & MSG_NOSIGNAL)
		return;
	signal_info_user(&info, SIGPIPE, SI_USER);
	signal_send_thread(current, SIGPIPE, &info);
}

/* --- as files ------------------------------------------------------------------------------------------------------ */

static ssize_t socket_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct socket *s = f->private;
	struct socket_msg m = { .data = *to, .flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0 };

	if (!to->left)
		return 0;
	if (!s->ops->receive)
		return -EOPNOTSUPP;
	ssize_t n = s->ops->receive(s, &m);
	control_release(&m.control);
	*to = m.data;
	return n;
}

static ssize_t socket_write(struct file *f, struct uio *from, s64 *pos __unused)
{
	struct socket *s = f->private;
	struct socket_msg m = { .data = *from, .flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0 };

	if (s->type == SOCK_SEQPACKET)
		m.flags |= MSG_EOR;
	if (!s->ops->send)
		return -EOPNOTSUPP;
	ssize_t n = s->ops->send(s, &m);
	*from = m.data;
	return n;
}

static u32 socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->private;

	return s->ops->poll(s, f, pt);
}

static long socket_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct socket *s = f->private;
	u32 id;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		return get_user_u32(&id, (const u32 __user *)arg) ? -EFAULT : file_set_owner(f, (int)id);
	case FIOGETOWN:
	case SIOCGPGRP:
		return put_user_u32(file_get_owner(f), (u32 __user *)arg);
	}
	long err = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
	return err == -ENOTTY && socket_device_ioctl ? socket_device_ioctl(cmd, arg) : err;
}

static void socket_release(struct file *f)
{
	struct socket *s = f->private;

	s->file = NULL;
	socket_free(s);
}

static struct async_list *socket_async(struct file *f)
{
	struct socket *s = f->private;

	return s->async;
}

static const struct file_ops socket_ops = {
	.name = "socket",
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.async = socket_async,
	.release = socket_release,
};
