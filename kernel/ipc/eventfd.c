/* eventfd: a counter that can be waited for. */
#include "ipc_priv.h"

#include "core/atomic.h"
#include "core/node.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

#define EFD_SEMAPHORE 1
#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct mutex lock;
	u64 count; /* lock; poll reads it without */
	bool semaphore;
	struct wait_queue wait;
};

s64 ipc_no_lseek(struct file *f, s64 off __unused, int whence __unused)
{
	return f->pos;
}

static const struct file_ops nothing_ops = { .name = "closed" };

long ipc_new_fd(const char *class_name, const struct file_ops *ops, u32 flags, bool cloexec, void *private)
{
	struct file *f = file_anonymous(class_name, ops, flags, private);
	int fd;

	if (IS_ERR(f))
		return PTR_ERR(f);
	fd = fd_open(f, cloexec);
	if (fd < 0) {
		/* The caller frees what `private` is: the file must not. */
		f->ops = &nothing_ops;
		file_put(f);
	}
	return fd;
}

static ssize_t eventfd_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct eventfd *e = f->private;
	u64 value = 0;

	if (to->left < sizeof(value))
		return -EINVAL;
	for (;;) {
		mutex_lock(&e->lock);
		if (e->count) {
			value = e->semaphore ? 1 : e->count;
			e->count -= value;
		}
		mutex_unlock(&e->lock);
		if (value)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		long err = wait_event_interruptible(&e->wait, READ_ONCE(e->count));
		if (err)
			return err;
	}
	wait_wake(&e->wait, ~0u, (void *)(u64)(POLLOUT | POLLWRNORM));
	return uio_write(to, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value) : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct uio *from, s64 *pos __unused)
{
	struct eventfd *e = f->private;
	u64 value;
	bool done = false;

	if (from->left < sizeof(value))
		return -EINVAL;
	if (uio_read(from, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	for (;;) {
		mutex_lock(&e->lock);
		if (value <= COUNT_MAX - e->count) {
			e->count += value;
			done = true;
		}
		mutex_unlock(&e->lock);
		if (done)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		long err = wait_event_interruptible(&e->wait, value <= COUNT_MAX - READ_ONCE(e->count));
		if (err)
			return err;
	}
	if (value)
		wait_wake(&e->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;

	poll_wait(pt, f, &e->wait);
	smp_mb();
	u64 count = READ_ONCE(e->count);
	return (count ? POLLIN : 0) | (count < COUNT_MAX ? POLLOUT : 0);
}

static int eventfd_show(struct file *f, struct seq *s)
{
	struct eventfd *e = f->private;
	seq_printf(s, "eventfd-count: %16lx\n", READ_ONCE(e->count));
	return 0;
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops eventfd_ops = {
	.name = "[eventfd]",
	.no_splice = NO_SPLICE,
	.lseek = ipc_no_lseek,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_fdinfo = eventfd_show,
	.release = eventfd_release,
};

long sys_eventfd2(unsigned count, int flags)
{
	struct eventfd *e;
	long fd;

	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e), 0);
	if (!e)
		return -ENOMEM;
	mutex_init(&e->lock, "eventfd", RANK_SUBSYS_MUTEX);
	wait_queue_init(&e->wait);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	fd = ipc_new_fd("anon_inode:[eventfd]", &eventfd_ops, O_RDWR | (flags & O_NONBLOCK), flags & O_CLOEXEC, e);
	if (fd < 0)
		kfree(e);
	return fd;
}

long sys_eventfd(unsigned count)
{
	return sys_eventfd2(count, 0);
}
