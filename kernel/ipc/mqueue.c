/*
 * POSIX message queues: mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr.
 *
 * A message goes straight to the first receiver that waits; else it is queued by priority, and if the queue was empty, who asked for it is told. A
 * sender that finds no room waits with its message; the receiver that makes room queues it for him. So nobody tries twice.
 */
#include "mqueue_priv.h"

#include "core/atomic.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "syscalls_gen.h"

struct mq_waiter {
	struct ipc_waiter waiter;
	struct message *message; /* a sender's; what a receiver got */
	int urgency;
};

/* --- the queue, locked --------------------------------------------------------------------------------------------- */

static void enqueue(struct mqueue *q, struct message *m)
{
	struct rbnode **link = &q->messages.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = m->type > container_of(parent, struct message, node)->type ? &parent->left : &parent->right;
	}
	rb_insert(&q->messages, &m->node, parent, link);
	q->count++;
	q->bytes += m->size;
}

static struct message *dequeue(struct mqueue *q)
{
	struct message *m = container_of(rb_first(&q->messages), struct message, node);

	rb_erase(&q->messages, &m->node);
	q->count--;
	q->bytes -= m->size;
	return m;
}

/* By the rank of the thread; equals in their order. */
static void add_waiter(struct list *waiters, struct mq_waiter *w)
{
	struct mq_waiter *at;

	ipc_waiter_init(&w->waiter);
	w->urgency = thread_urgency(current);
	w->urgency = w->urgency ? 100 + w->urgency : -current->nice;
	list_for_each(at, waiters, waiter.link)
		if (at->urgency < w->urgency)
			break;
	list_add_tail(&at->waiter.link, &w->waiter.link);
}

static struct mq_waiter *first_waiter(struct list *waiters)
{
	return list_empty(waiters) ? NULL : list_first(waiters, struct mq_waiter, waiter.link);
}

#define COOKIE_WOKEN 1
#define COOKIE_REMOVED 2

const struct mq_cookie_ops *mq_cookie_ops;

/* What is to be done for a notification once the lock is dropped. */
struct notice {
	struct process *process; /* counted; NULL: nothing */
	struct mq_cookie *cookie;
	int signo;
	struct abi_siginfo info;
};

/* A message came into the empty queue and nobody waited for it: the wish, which is granted once. */
static void take_notify(struct mqueue *q, struct notice *n)
{
	n->process = q->notify;
	n->cookie = q->notify_cookie;
	q->notify = NULL;
	q->notify_cookie = NULL;
	if (!n->process)
		return;
	n->signo = q->notify_how == SIGEV_SIGNAL ? q->notify_signo : 0;
	signal_info_user(&n->info, n->signo, SI_MESGQ);
	n->info.rt.value = q->notify_value;
}

static void give_notice(struct notice *n)
{
	if (!n->process)
		return;
	if (n->signo)
		signal_send_process(n->process, n->signo, &n->info);
	if (n->cookie)
		mq_cookie_ops->send(n->cookie, COOKIE_WOKEN);
	process_put(n->process);
}

static void touch(struct file *f, u32 what)
{
	inode_touch(f->inode, what | ATTR_CTIME);
}

/* --- sending and receiving ----------------------------------------------------------------------------------------- */

static int deadline_from_user(const void __user *timeout, u64 *deadline)
{
	struct abi_timespec ts;
	u64 ns;

	*deadline = TIME_NEVER;
	if (!timeout)
		return 0;
	if (copy_from_user(&ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (timespec_ns(&ts, &ns))
		return -EINVAL;
	*deadline = time_real_point(ns);
	return 0;
}

/* The queue behind a descriptor that is open for this: or -EBADF. */
static int queue_get(int fd, u32 mode, struct fdref *ref)
{
	*ref = fdref_get(fd, false);
	if (ref->file && ref->file->ops == &mqueue_file_ops && (ref->file->mode & mode) == mode)
		return 0;
	fdref_put(*ref);
	return -EBADF;
}

/* Takes m over if it answers 0. */
static long send(struct file *f, struct message *m, u64 deadline)
{
	struct mqueue *q = mqueue_of(f);
	struct notice notice = { 0 };
	struct mq_waiter *receiver;
	long err = 0;

	spin_lock(&q->lock);
	if (q->count == q->max_messages) {
		struct mq_waiter w = { .message = m };
		err = -EAGAIN;
		if (!(f->flags & O_NONBLOCK)) {
			add_waiter(&q->senders, &w);
			err = ipc_wait(&q->lock, &w.waiter, deadline); /* 0: a receiver has queued it */
		}
	} else if ((receiver = first_waiter(&q->receivers))) {
		receiver->message = m;
		ipc_wake(&receiver->waiter, 0);
	} else {
		enqueue(q, m);
		if (q->count == 1)
			take_notify(q, &notice);
		wait_wake(&q->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	}
	spin_unlock(&q->lock);
	give_notice(&notice);
	if (!err)
		touch(f, ATTR_MTIME);
	return err;
}

long sys_mq_timedsend(int fd, const void __user *buf, size_t size, unsigned priority, const void __user *timeout)
{
	struct fdref ref;
	u64 deadline;
	long err = deadline_from_user(timeout, &deadline);

	if (err)
		return err;
	if (priority >= MQ_PRIO_MAX)
		return -EINVAL;
	err = queue_get(fd, FILE_WRITE, &ref);
	if (err)
		return err;
	err = -EMSGSIZE;
	if (size > mqueue_of(ref.file)->max_size)
		goto put;
	struct message *m = message_load(buf, size);
	err = PTR_ERR(m);
	if (IS_ERR(m))
		goto put;
	m->type = priority;
	err = send(ref.file, m, deadline);
	if (err)
		message_free(m);
put:
	fdref_put(ref);
	return err;
}

/* The message, the caller's; or ERR_PTR. */
static struct message *receive(struct file *f, u64 deadline)
{
	struct mqueue *q = mqueue_of(f);
	struct mq_waiter w = { 0 }, *sender;
	long err = 0;

	spin_lock(&q->lock);
	if (q->count) {
		w.message = dequeue(q);
		sender = first_waiter(&q->senders);
		if (sender) {
			enqueue(q, sender->message);
			ipc_wake(&sender->waiter, 0);
		} else {
			wait_wake(&q->wait, ~0u, (void *)(u64)(POLLOUT | POLLWRNORM));
		}
	} else if (f->flags & O_NONBLOCK) {
		err = -EAGAIN;
	} else {
		add_waiter(&q->receivers, &w);
		err = ipc_wait(&q->lock, &w.waiter, deadline);
	}
	spin_unlock(&q->lock);
	return err ? ERR_PTR(err) : w.message;
}

long sys_mq_timedreceive(int fd, void __user *buf, size_t size, void __user *priority, const void __user *timeout)
{
	struct fdref ref;
	u64 deadline;
	long err = deadline_from_user(timeout, &deadline);

	if (!err)
		err = queue_get(fd, FILE_READ, &ref);
	if (err)
		return err;
	err = -EMSGSIZE;
	if (size < mqueue_of(ref.file)->max_size)
		goto put;
	struct message *m = receive(ref.file, deadline);
	err = PTR_ERR(m);
	if (IS_ERR(m))
		goto put;
	touch(ref.file, ATTR_ATIME);
	err = m->size;
	if ((priority && put_user_u32(m->type, priority)) || message_store(buf, m, m->size))
		err = -EFAULT;
	message_free(m);
put:
	fdref_put(ref);
	return err;
}

/* --- telling ------------------------------------------------------------------------------------------------------- */

void mqueue_forget_notify(struct mqueue *q, const struct process *p)
{
	struct process *gone = NULL;
	struct mq_cookie *cookie = NULL;

	spin_lock(&q->lock);
	if (q->notify == p) {
		gone = q->notify;
		cookie = q->notify_cookie;
		q->notify = NULL;
		q->notify_cookie = NULL;
	}
	spin_unlock(&q->lock);
	if (gone)
		process_put(gone);
	if (cookie)
		mq_cookie_ops->send(cookie, COOKIE_REMOVED);
}

/* The cookie for the socket whose descriptor stands for the signal. */
static int make_cookie(const struct abi_sigevent *e, struct mq_cookie **cookie)
{
	u8 data[MQ_COOKIE_SIZE];

	if (copy_from_user(data, (const void __user *)e->value, sizeof(data)))
		return -EFAULT;
	struct fdref ref = fdref_get(e->signo, false);
	struct mq_cookie *c = !ref.file ? ERR_PTR(-EBADF) : mq_cookie_ops ? mq_cookie_ops->make(ref.file, data) : ERR_PTR(-ENOTSOCK);
	fdref_put(ref);
	if (IS_ERR(c))
		return PTR_ERR(c);
	*cookie = c;
	return 0;
}

static int check_event(const struct abi_sigevent *e, struct mq_cookie **cookie)
{
	switch (e->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
		return e->signo >= 0 && e->signo <= NSIG ? 0 : -EINVAL;
	case SIGEV_THREAD:
		return make_cookie(e, cookie);
	}
	return -EINVAL;
}

/* The cookie becomes the queue's if that succeeds. */
static long set_notify(struct mqueue *q, const struct abi_sigevent *e, struct mq_cookie *cookie)
{
	long err = 0;

	spin_lock(&q->lock);
	if (q->notify) {
		err = -EBUSY;
	} else {
		process_get(current->process);
		q->notify = current->process;
		q->notify_how = e->notify;
		q->notify_signo = e->signo;
		q->notify_value = e->value;
		q->notify_cookie = cookie;
	}
	spin_unlock(&q->lock);
	return err;
}

long sys_mq_notify(int fd, const void __user *event)
{
	struct mq_cookie *cookie = NULL;
	struct abi_sigevent e;
	struct fdref ref;
	long err = 0;

	if (event && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	if (event)
		err = check_event(&e, &cookie);
	if (!err)
		err = queue_get(fd, 0, &ref);
	if (err)
		goto drop;
	if (event)
		err = set_notify(mqueue_of(ref.file), &e, cookie);
	else
		mqueue_forget_notify(mqueue_of(ref.file), current->process);
	fdref_put(ref);
drop:
	if (err && cookie)
		mq_cookie_ops->drop(cookie);
	return err;
}

/* --- attributes, and the file ------------------------------------------------------------------------------------- */

long sys_mq_getsetattr(int fd, const void __user *new, void __user *old)
{
	struct abi_mq_attr set, was = { 0 };
	struct fdref ref;

	if (new && copy_from_user(&set, new, sizeof(set)))
		return -EFAULT;
	if (new && set.flags & ~(s64)O_NONBLOCK)
		return -EINVAL;
	long err = queue_get(fd, 0, &ref);
	if (err)
		return err;
	struct file *f = ref.file;
	struct mqueue *q = mqueue_of(f);
	spin_lock(&q->lock);
	was.maxmsg = q->max_messages;
	was.msgsize = q->max_size;
	was.curmsgs = q->count;
	spin_unlock(&q->lock);
	spin_lock(&f->lock);
	was.flags = f->flags & O_NONBLOCK;
	if (new)
		WRITE_ONCE(f->flags, (f->flags & ~(u32)O_NONBLOCK) | (u32)set.flags);
	spin_unlock(&f->lock);
	if (new)
		touch(f, ATTR_ATIME);
	if (old && copy_to_user(old, &was, sizeof(was)))
		err = -EFAULT;
	fdref_put(ref);
	return err;
}

static u32 mqueue_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = mqueue_of(f);

	poll_wait(pt, f, &q->wait);
	smp_mb();
	u32 count = READ_ONCE(q->count);
	return (count ? POLLIN | POLLRDNORM : 0) | (count < q->max_messages ? POLLOUT | POLLWRNORM : 0);
}

/* The state of the queue as text. */
static ssize_t mqueue_read(struct file *f, struct uio *to, s64 *pos)
{
	struct mqueue *q = mqueue_of(f);
	char text[80];

	spin_lock(&q->lock);
	int n = ksnprintf(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes, q->notify ? q->notify_how : 0,
			  q->notify && q->notify_how == SIGEV_SIGNAL ? q->notify_signo : 0, q->notify ? q->notify->pid : 0);
	spin_unlock(&q->lock);
	if (*pos >= n)
		return 0;
	size_t done = uio_write(to, text + *pos, MIN(to->left, (size_t)(n - *pos)));
	*pos += done;
	touch(f, ATTR_ATIME);
	return done ? (ssize_t)done : -EFAULT;
}

static s64 mqueue_lseek(struct file *f, s64 off, int whence)
{
	return generic_lseek(f, off, whence, INT64_MAX, f->inode->size);
}

/* Each close of a descriptor, whoever else has one. */
static int mqueue_flush(struct file *f)
{
	if (current->process)
		mqueue_forget_notify(mqueue_of(f), current->process);
	return 0;
}

void mqueue_free(struct mqueue *q)
{
	while (q->count)
		message_free(dequeue(q));
	if (q->notify)
		process_put(q->notify);
	if (q->notify_cookie)
		mq_cookie_ops->send(q->notify_cookie, COOKIE_REMOVED);
	if (q->charged)
		account_release(q->user, ACCOUNT_QUEUE_BYTES, q->charged);
	account_put(q->user);
	kfree(q);
}

const struct file_ops mqueue_file_ops = {
	.name = "mqueue",
	.read = mqueue_read,
	.lseek = mqueue_lseek,
	.poll = mqueue_poll,
	.flush = mqueue_flush,
};
