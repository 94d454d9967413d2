/*
 * Pipes and FIFOs as files: their making, their ends, sizes, and the blocking open of a FIFO.
 *
 * A FIFO's pipe hangs on its inode while any file is open on it (fifo_mutex guards inode->pipe and pipe->files). An open for reading waits until somebody
 * opens for writing, and the other way round: it waits for the *count of opens* to change, so that a partner that opened and closed at once counts.
 */
#include "pipe_priv.h"
#include "futex_priv.h"

#include "abi/errno.h"
#include "core/registry.h"
#include "ipc_priv.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/signal.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

#define FIONREAD 0x541b

static const struct file_ops pipe_ops;
static MUTEX(fifo_mutex, RANK_PIPE);

/* --- limits -------------------------------------------------------------------------------------------------------- */

/* Pages that all pipes of a user may have: past the first limit a new one gets few, past the second none. 0: no limit. */
IPC_LIMIT(limit_pipe_soft, "fs/pipe-user-pages-soft", 16384, 0, UINT32_MAX);
IPC_LIMIT(limit_pipe_hard, "fs/pipe-user-pages-hard", 0, 0, UINT32_MAX);
static struct ipc_limit limit_pipe_size = { 1048576, 0, 1ul << 31 }; /* bytes of one pipe */

/* The power of two that holds so many bytes, in pages. */
static u32 slots_for(u64 bytes)
{
	u32 slots = 1;

	while ((u64)slots * PAGE_SIZE < bytes)
		slots *= 2;
	return slots;
}

static ssize_t store_pipe_size(void *limit, const char *text, size_t len)
{
	ssize_t n = ipc_limit_store(limit, text, len);

	if (n >= 0)
		WRITE_ONCE(limit_pipe_size.value, (u64)slots_for(limit_pipe_size.value) * PAGE_SIZE);
	return n;
}
NODE(limit_pipe_size, .path = "sys/fs/pipe-max-size", .mode = 0644, .show = ipc_limit_show, .arg = &limit_pipe_size, .store_arg = store_pipe_size);

/* A limit as it is for current. */
static u64 pages_of_user(const struct ipc_limit *l)
{
	u64 pages = READ_ONCE(l->value);

	return pages && cred_current() && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN) ? pages : UINT64_MAX;
}

/* Charges a new pipe, of so many slots or of fewer: how many, 0: the user has too many. u NULL: a thread of the kernel makes it. */
static u32 charge_new(struct user_account *u, u32 slots)
{
	u64 hard = pages_of_user(&limit_pipe_hard);

	if (!u)
		return slots;
	if (!account_charge(u, ACCOUNT_PIPE_PAGES, slots, pages_of_user(&limit_pipe_soft))) {
		slots = MIN(slots, PIPE_SLOTS_CROWDED);
		return account_charge(u, ACCOUNT_PIPE_PAGES, slots, hard) ? slots : 0;
	}
	if (account_charge(u, ACCOUNT_PIPE_PAGES, 0, hard))
		return slots;
	account_release(u, ACCOUNT_PIPE_PAGES, slots);
	return 0;
}

/* --- the pipe itself ----------------------------------------------------------------------------------------------- */

char *pipe_page_get(struct pipe *p)
{
	char *page = p->spare;
	p->spare = NULL;
	return page ? page : page_alloc(0);
}

void pipe_page_put(struct pipe *p, char *page)
{
	if (!p->spare)
		p->spare = page;
	else
		page_free(page);
}

/* A sleeper in the pipe; lies on its stack. */
struct sleeper {
	struct wait_entry entry;
	struct pipe *pipe;
	size_t left;
};

/*
 * Not every page that comes free is worth a switch. Each reader that makes room looks here afterwards, so the one who makes enough of it wakes the writer;
 * until then there is data to read. What is not a matter of room (the last end closed: no key) wakes at once.
 */
static bool sleeper_wake(struct wait_entry *e, void *key)
{
	struct sleeper *s = container_of(e, struct sleeper, entry);
	struct pipe *p = s->pipe;

	if (key && s->left) {
		size_t slots = DIV_ROUND_UP(s->left, PAGE_SIZE);
		u32 half = (READ_ONCE(p->slot_count) - READ_ONCE(p->reserved)) / 2;
		if (pipe_free_slots(p) < MAX(1ul, MIN(slots, (size_t)half)))
			return false;
	}
	return thread_wake(e->thread);
}

int pipe_sleep(struct pipe *p, struct wait_queue *q, size_t left)
{
	struct sleeper s = { .pipe = p, .left = left };
	int err = 0;

	wait_entry_init(&s.entry);
	s.entry.fn = sleeper_wake;
	wait_prepare(q, &s.entry, true);
	mutex_unlock(&p->lock);
	if (thread_interrupted())
		err = -ERESTARTSYS;
	else
		schedule();
	wait_finish(q, &s.entry);
	mutex_lock(&p->lock);
	return err;
}

/* ERR_PTR(-ENOMEM), or -ENFILE: the user has too many. */
static struct pipe *pipe_alloc(void)
{
	struct user_account *user = cred_current() ? cred_current()->user : NULL;
	u32 count = PIPE_SLOTS_DEFAULT;
	struct pipe *p;

	if (user && count * PAGE_SIZE > READ_ONCE(limit_pipe_size.value) && !capable(CAP_SYS_RESOURCE))
		count = (u32)(READ_ONCE(limit_pipe_size.value) / PAGE_SIZE);
	count = charge_new(user, count);
	if (!count)
		return ERR_PTR(-ENFILE);
	p = kzalloc(sizeof(*p), 0);
	if (!p)
		goto release;
	p->slots = kzalloc(count * sizeof(*p->slots), 0);
	if (!p->slots)
		goto free;
	p->slot_count = count;
	p->user = user;
	if (user)
		account_hold(user);
	mutex_init(&p->lock, "pipe", RANK_PIPE);
	wait_queue_init(&p->data);
	wait_queue_init(&p->space);
	wait_queue_init(&p->opened);
	async_init(&p->async);
	return p;

free:
	kfree(p);
release:
	if (user)
		account_release(user, ACCOUNT_PIPE_PAGES, count);
	return ERR_PTR(-ENOMEM);
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_free(pipe_slot(p, p->tail)->page);
	if (p->spare)
		page_free(p->spare);
	if (p->user) {
		account_release(p->user, ACCOUNT_PIPE_PAGES, p->slot_count);
		account_put(p->user);
	}
	kfree(p->slots);
	kfree(p);
}

int pipe_broken(void)
{
	struct abi_siginfo info;

	signal_info_user(&info, SIGPIPE, SI_USER);
	signal_send_thread(current, SIGPIPE, &info);
	return -EPIPE;
}

struct pipe *pipe_of(struct file *f)
{
	return f->ops == &pipe_ops ? f->private : NULL;
}

/*
 * An end comes (+1) or goes (-1). True if the other side is open at that moment: it may be woken here, and be through and gone before we run again, and
 * still have been there for us.
 */
static bool count_ends(struct pipe *p, u32 mode, int change)
{
	bool partner, alone;

	mutex_lock(&p->lock);
	partner = mode & FILE_READ ? p->writers : p->readers;
	if (mode & FILE_READ) {
		p->readers += change;
		p->reader_opens += change > 0;
	}
	if (mode & FILE_WRITE) {
		p->writers += change;
		p->writer_opens += change > 0;
	}
	alone = !p->readers != !p->writers;
	mutex_unlock(&p->lock);
	if (change > 0) {
		wait_wake_all(&p->opened);
	} else {
		/* The other side may be at its end now. */
		wait_wake_all(&p->data);
		wait_wake_all(&p->space);
		if (alone) {
			async_notify(&p->async, POLL_IN, FILE_READ);
			async_notify(&p->async, POLL_OUT, FILE_WRITE);
		}
	}
	return partner;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

static ssize_t pipe_file_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct pipe *p = f->private;
	ssize_t n = pipe_read(p, to, f->flags & O_NONBLOCK);

	async_notify(&p->async, POLL_OUT, FILE_WRITE);
	if (n > 0)
		file_accessed(f);
	return n;
}

/* A FIFO's times are those of its data. */
static void stamp_written(struct file *f)
{
	struct path p = { f->mount, f->dentry };

	if (f->inode->flags & INODE_ANONYMOUS || path_want_write(&p))
		return;
	inode_touch(f->inode, ATTR_MTIME | ATTR_CTIME);
	path_done_write(&p);
}

static ssize_t pipe_file_write(struct file *f, struct uio *from, s64 *pos __unused)
{
	struct pipe *p = f->private;
	size_t before = from->left;
	ssize_t n = pipe_write(p, from, f->flags & O_NONBLOCK, f->flags & O_DIRECT);

	async_notify(&p->async, POLL_IN, FILE_READ);
	if (n > 0)
		stamp_written(f);
	/* Linux sends the signal also when a part got through before the last reader went. */
	if (!current->process)
		return n; /* a thread of the kernel: there is nobody to tell */
	if (n == -EPIPE || (n > 0 && (size_t)n < before && !READ_ONCE(p->readers)))
		pipe_broken();
	return n;
}

static u32 pipe_file_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;
	u32 events;

	if (f->mode & FILE_READ)
		poll_wait(pt, f, &p->data);
	if (f->mode & FILE_WRITE)
		poll_wait(pt, f, &p->space);
	smp_mb();
	events = pipe_events(p, f->mode & FILE_READ, f->mode & FILE_WRITE);
	/* A FIFO that never had a writer since this end was opened has nobody who hung up. */
	if (f->mode & FILE_READ && f->readahead[0] && READ_ONCE(p->writer_opens) == (u32)(f->readahead[0] - 1))
		events &= ~POLLHUP;
	return events;
}

/* Lock held. */
static bool charge_change(struct pipe *p, u32 slots)
{
	u64 most = MIN(pages_of_user(&limit_pipe_soft), pages_of_user(&limit_pipe_hard));

	if (p->user && slots < p->slot_count)
		account_release(p->user, ACCOUNT_PIPE_PAGES, p->slot_count - slots);
	return !p->user || slots <= p->slot_count || account_charge(p->user, ACCOUNT_PIPE_PAGES, slots - p->slot_count, most);
}

static long set_size(struct pipe *p, u64 bytes)
{
	u32 want, used;
	struct pipe_slot *slots;
	long result;

	if (bytes > limit_pipe_size.most)
		return -EINVAL;
	want = slots_for(bytes);
	if (want > READ_ONCE(p->slot_count) && (u64)want * PAGE_SIZE > READ_ONCE(limit_pipe_size.value) && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (bytes > 1ul << 26)
		return -ENOMEM;
	slots = kzalloc(want * sizeof(*slots), 0);
	if (!slots)
		return -ENOMEM;
	mutex_lock(&p->lock);
	used = pipe_used(p);
	if (used + p->reserved > want) {
		result = -EBUSY;
		goto out;
	}
	if (!charge_change(p, want)) {
		result = -EPERM;
		goto out;
	}
	for (u32 i = 0; i < used; i++)
		slots[i] = *pipe_slot(p, p->tail + i);
	struct pipe_slot *old = p->slots;
	p->slots = slots;
	slots = old;
	p->slot_count = want;
	p->tail = 0;
	p->head = used;
	result = (long)want * PAGE_SIZE;
out:
	mutex_unlock(&p->lock);
	kfree(slots);
	pipe_tell_space(p);
	return result;
}

static long pipe_file_fcntl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe *p = f->private;

	switch (cmd) {
	case F_SETPIPE_SZ:
		return set_size(p, (u32)arg);
	case F_GETPIPE_SZ:
		return (long)READ_ONCE(p->slot_count) * PAGE_SIZE;
	}
	return -EINVAL;
}

static long pipe_file_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe *p = f->private;
	u32 bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head; i++)
		bytes += pipe_slot(p, i)->len;
	mutex_unlock(&p->lock);
	return put_user_u32(bytes, (u32 __user *)arg);
}

static void pipe_file_release(struct file *f)
{
	struct pipe *p = f->private;
	bool last;

	count_ends(p, f->mode & (FILE_READ | FILE_WRITE), -1);
	mutex_lock(&fifo_mutex);
	last = --p->files == 0;
	if (last && f->inode && f->inode->pipe == p)
		f->inode->pipe = NULL;
	mutex_unlock(&fifo_mutex);
	if (last)
		pipe_free(p);
}

static struct async_list *pipe_file_async(struct file *f)
{
	return &((struct pipe *)f->private)->async;
}

/* O_DIRECT (packets) may be switched by fcntl; the rest is kept in the flags. */
static int pipe_file_set_flags(struct file *f __unused, u32 flags __unused)
{
	return 0;
}

static const struct file_ops pipe_ops = {
	.name = "pipe",
	.read = pipe_file_read,
	.write = pipe_file_write,
	.poll = pipe_file_poll,
	.ioctl = pipe_file_ioctl,
	.fcntl = pipe_file_fcntl,
	.release = pipe_file_release,
	.set_flags = pipe_file_set_flags,
	.async = pipe_file_async,
};

/* --- pipe(2) ------------------------------------------------------------------------------------------------------- */

int pipe_create(struct file *ends[2], u32 flags)
{
	struct pipe *p = pipe_alloc();
	struct file *r, *w;

	if (IS_ERR(p))
		return PTR_ERR(p);
	r = file_anonymous("pipe", &pipe_ops, O_RDONLY | (flags & (O_NONBLOCK | O_DIRECT)), p);
	if (IS_ERR(r)) {
		pipe_free(p);
		return PTR_ERR(r);
	}
	r->mode |= FILE_STREAM;
	p->readers = p->files = 1;
	/* The other end of the same inode. */
	w = file_alloc(&pipe_ops, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), p);
	if (IS_ERR(w)) {
		file_put(r);
		return PTR_ERR(w);
	}
	w->mode |= FILE_STREAM;
	w->inode = r->inode;
	w->dentry = r->dentry;
	w->mount = r->mount;
	if (w->dentry) {
		struct path path = { w->mount, w->dentry };
		path_get(&path);
	}
	p->writers = 1;
	p->files = 2;
	if (r->inode)
		r->inode->pipe = p; /* opened again by /proc/self/fd/N */
	ends[0] = r;
	ends[1] = w;
	return 0;
}

long sys_pipe2(void __user *fds, int flags)
{
	struct file *ends[2];
	int fd[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(ends, flags);
	if (err)
		return err;
	fd[0] = err = fd_reserve(0);
	if (err < 0)
		goto put;
	fd[1] = err = fd_reserve(0);
	if (err < 0)
		goto release0;
	err = -EFAULT;
	if (copy_to_user(fds, fd, sizeof(fd)))
		goto release1;
	fd_install(fd[0], ends[0], flags & O_CLOEXEC);
	fd_install(fd[1], ends[1], flags & O_CLOEXEC);
	return 0;

release1:
	fd_release(fd[1]);
release0:
	fd_release(fd[0]);
put:
	file_put(ends[0]);
	file_put(ends[1]);
	return err;
}

long sys_pipe(void __user *fds)
{
	return sys_pipe2(fds, 0);
}

/* --- FIFOs --------------------------------------------------------------------------------------------------------- */

static int open_fifo(struct inode *inode, struct file *f)
{
	u32 mode = f->mode & (FILE_READ | FILE_WRITE), other, *opens;
	bool waits = !(inode->flags & INODE_ANONYMOUS); /* what pipe(2) made is opened at once */
	struct pipe *p;
	int err = 0;

	if (!mode)
		return -EINVAL; /* opened for neither: it would wait for nobody */
	mutex_lock(&fifo_mutex);
	p = inode->pipe;
	if (!p) {
		p = pipe_alloc();
		if (IS_ERR(p)) {
			mutex_unlock(&fifo_mutex);
			return -ENOMEM;
		}
		inode->pipe = p;
	}
	p->files++;
	mutex_unlock(&fifo_mutex);

	if (waits && mode == FILE_WRITE && (f->flags & O_NONBLOCK) && !READ_ONCE(p->readers)) {
		err = -ENXIO;
		goto drop;
	}
	opens = mode == FILE_READ ? &p->writer_opens : &p->reader_opens;
	other = READ_ONCE(*opens);
	/* One side alone waits for the other, unless it is there already. */
	if (!count_ends(p, mode, 1) && waits && mode != (FILE_READ | FILE_WRITE)) {
		if (mode == FILE_READ && f->flags & O_NONBLOCK)
			f->readahead[0] = (u64)other + 1; /* see poll */
		else
			err = wait_event_interruptible(&p->opened, READ_ONCE(*opens) != other);
	}
	if (err) {
		count_ends(p, mode, -1);
		goto drop;
	}
	f->ops = &pipe_ops;
	f->private = p;
	f->mode = (f->mode & ~FILE_SEEKABLE) | FILE_STREAM;
	return 0;

drop:
	mutex_lock(&fifo_mutex);
	bool last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&fifo_mutex);
	if (last)
		pipe_free(p);
	return err;
}

static int ipc_init(void)
{
	futex_init();
	fifo_open = open_fifo;
	return 0;
}
SUBSYSTEM(ipc, .needs = "vfs proc", .init = ipc_init, .stage = "09-ipc");
