/*
 * AF_NETLINK, as far as stage 09 has something to say over it: sockets that hear from the kernel. The C libraries' mq_notify with SIGEV_THREAD lets a thread
 * wait on one, and mq_notify(2) sends it the cookie that it was given (ipc/ipc.h). What is sent to the kernel goes to netlink_request, which net sets and which
 * answers by netlink_answer; while nobody listens it is ECONNREFUSED.
 *
 * A cookie that waits to be sent holds the file of its socket; one that was sent lies in the queue.
 */
#include "socket_priv.h"

#include "abi/netlink.h"
#include "core/atomic.h"
#include "core/err.h"
#include "core/node.h"
#include "core/registry.h"
#include "ipc/ipc.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "usermode/process.h"
#include "vfs/vfs.h"

struct netlink {
	struct socket *socket;
	struct spinlock lock;
	struct list queue;      /* struct mq_cookie: lock */
	u32 bytes;              /* in it: lock */
	u32 drops;              /* answers that found no room, or no memory: lock */
	int error;              /* atomic: ENOBUFS, an answer was lost since this was last told */
	struct wait_queue wait;
	struct async_list async;
	u32 port;               /* ports_mutex; 0: none yet */
	struct list link;       /* of those with a port: ports_mutex */
};
struct mq_cookie {
	struct list link;
	struct file *file;      /* counted until it is sent */
	u32 len;
	u8 data[];
};
#define QUEUE_MAX (1u << 20) /* bytes that may wait at a socket */

int (*netlink_request)(struct socket *s, u32 port, struct socket_msg *m);
static MUTEX(ports_mutex, RANK_SUBSYS_MUTEX);
static struct list ports = LIST_INIT(ports); /* ports_mutex */
static const struct proto_ops netlink_ops;

static int netlink_create(struct socket *s, int protocol)
{
	struct netlink *n;

	if (s->type != SOCK_RAW && s->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), 0);
	if (!n)
		return -ENOMEM;
	spin_init(&n->lock, "netlink", RANK_SOCKET);
	list_init(&n->queue);
	list_init(&n->link);
	wait_queue_init(&n->wait);
	async_init(&n->async);
	n->socket = s;
	s->async = &n->async;
	s->ops = &netlink_ops;
	s->proto = n;
	return 0;
}

/* --- cookies ----------------------------------------------------------------------------------------------------------- */

static struct mq_cookie *cookie_make(struct file *f, const u8 *data)
{
	struct socket *s = socket_of(f);
	struct mq_cookie *c;

	if (!s)
		return ERR_PTR(-ENOTSOCK);
	if (s->ops != &netlink_ops)
		return ERR_PTR(-EINVAL);
	c = kmalloc(sizeof(*c) + MQ_COOKIE_SIZE, 0);
	if (!c)
		return ERR_PTR(-ENOMEM);
	list_init(&c->link);
	file_get(f);
	c->file = f;
	c->len = MQ_COOKIE_SIZE;
	memcpy(c->data, data, MQ_COOKIE_SIZE);
	return c;
}

/* Something is to be read. */
static void came(struct netlink *n)
{
	wait_wake(&n->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	async_notify(&n->async, POLL_IN, ASYNC_BOTH);
}

static void cookie_send(struct mq_cookie *c, u8 last)
{
	struct file *f = c->file;
	struct netlink *n = socket_of(f)->proto;

	c->data[MQ_COOKIE_SIZE - 1] = last;
	c->file = NULL;
	spin_lock(&n->lock);
	list_add_tail(&n->queue, &c->link);
	n->bytes += c->len;
	spin_unlock(&n->lock);
	came(n);
	file_put(f);
}

static void cookie_drop(struct mq_cookie *c)
{
	file_put(c->file);
	kfree(c);
}

static const struct mq_cookie_ops cookie_ops = { .make = cookie_make, .send = cookie_send, .drop = cookie_drop };

/* --- the socket -------------------------------------------------------------------------------------------------------- */

static int take_port(struct netlink *n, u32 port);

void netlink_lost(struct socket *s)
{
	struct netlink *n = s->proto;

	spin_lock(&n->lock);
	n->drops++;
	spin_unlock(&n->lock);
	atomic_store(&n->error, ENOBUFS);
	wait_wake(&n->wait, ~0u, (void *)(u64)(POLLERR | POLLIN | POLLRDNORM));
	async_notify(&n->async, POLL_ERR, ASYNC_BOTH);
}

void netlink_answer(struct socket *s, const void *data, u32 len)
{
	struct netlink *n = s->proto;
	struct mq_cookie *c = kmalloc(sizeof(*c) + len, 0);

	if (!c) {
		netlink_lost(s);
		return;
	}
	list_init(&c->link);
	c->file = NULL;
	c->len = len;
	memcpy(c->data, data, len);
	spin_lock(&n->lock);
	bool fits = n->bytes + len <= QUEUE_MAX;
	if (fits) {
		list_add_tail(&n->queue, &c->link);
		n->bytes += len;
	}
	spin_unlock(&n->lock);
	if (fits) {
		came(n);
	} else {
		kfree(c);
		netlink_lost(s);
	}
}

static ssize_t netlink_send(struct socket *s, struct socket_msg *m)
{
	struct netlink *n = s->proto;
	ssize_t len = (ssize_t)m->data.left;
	struct abi_sockaddr_nl to = { 0 };

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len) {
		if (m->name_len < sizeof(to) || m->name.family != AF_NETLINK)
			return -EINVAL;
		memcpy(&to, &m->name, sizeof(to));
	}
	if (to.port || !netlink_request)
		return -ECONNREFUSED;
	int err = take_port(n, 0);
	if (!err)
		err = netlink_request(s, READ_ONCE(n->port), m);
	return err ? err : len;
}

/* The first that waits, off the queue, or a copy of it; NULL if there is none, ERR_PTR if memory is short. */
static struct mq_cookie *take_first(struct netlink *n, bool peek)
{
	struct mq_cookie *c = NULL;

	spin_lock(&n->lock);
	if (!list_empty(&n->queue)) {
		c = list_first(&n->queue, struct mq_cookie, link);
		if (peek) {
			c = kmemdup(c, sizeof(*c) + c->len, ALLOC_ATOMIC);
			c = c ? c : ERR_PTR(-ENOBUFS);
		} else {
			list_del(&c->link);
			n->bytes -= c->len;
		}
	}
	spin_unlock(&n->lock);
	return c;
}

static ssize_t netlink_receive(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(s->options.receive_timeout, m->flags & MSG_DONTWAIT);
	struct abi_sockaddr_nl from = { .family = AF_NETLINK };
	struct netlink *n = s->proto;
	struct mq_cookie *c;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		int error = atomic_xchg(&n->error, 0);
		if (error)
			return -error;
		c = take_first(n, m->flags & MSG_PEEK);
		if (c)
			break;
		if (!deadline)
			return -EAGAIN;
		long waited = wait_event_interruptible_until(&n->wait, !list_empty(&n->queue) || atomic_load(&n->error), deadline);
		if (waited)
			return socket_wait_error(waited, s->options.receive_timeout);
	}
	if (IS_ERR(c))
		return PTR_ERR(c);
	u32 whole = c->len, len = (u32)MIN(m->data.left, (size_t)whole);
	bool copied = uio_write(&m->data, c->data, len) == len;
	kfree(c);
	if (!copied)
		return -EFAULT;
	memcpy(&m->name, &from, sizeof(from));
	m->name_len = sizeof(from);
	if (len < whole)
		m->out_flags |= MSG_TRUNC;
	return m->flags & MSG_TRUNC ? (ssize_t)whole : (ssize_t)len;
}

static u32 netlink_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct netlink *n = s->proto;

	poll_wait(pt, f, &n->wait);
	smp_mb();
	return POLLOUT | POLLWRNORM | POLLWRBAND | (list_empty(&n->queue) ? 0 : POLLIN | POLLRDNORM) | (atomic_load(&n->error) ? POLLERR : 0);
}

static int netlink_error(struct socket *s)
{
	return atomic_xchg(&((struct netlink *)s->proto)->error, 0);
}

static bool port_taken(u32 port)
{
	struct netlink *n;

	list_for_each(n, &ports, link)
		if (n->port == port)
			return true;
	return false;
}

/* Port 0: the process's number, or another that is free. */
static int take_port(struct netlink *n, u32 port)
{
	static u32 other = (u32)-4096; /* ports_mutex */
	int err = 0;

	mutex_lock(&ports_mutex);
	if (n->port) {
		err = port && port != n->port ? -EINVAL : 0;
	} else if (port && port_taken(port)) {
		err = -EADDRINUSE;
	} else {
		if (!port)
			port = (u32)current->process->pid;
		while (port_taken(port))
			port = other--;
		n->port = port;
		list_add(&ports, &n->link);
	}
	mutex_unlock(&ports_mutex);
	return err;
}

static int netlink_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct abi_sockaddr_nl a;

	if (len < sizeof(a) || name->family != AF_NETLINK)
		return -EINVAL;
	memcpy(&a, name, sizeof(a));
	return take_port(s->proto, a.port);
}

static int netlink_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct abi_sockaddr_nl a = { .family = AF_NETLINK, .port = peer ? 0 : READ_ONCE(((struct netlink *)s->proto)->port) };

	memset(out, 0, sizeof(*out));
	memcpy(out, &a, sizeof(a));
	return sizeof(a);
}

static void netlink_release(struct socket *s)
{
	struct netlink *n = s->proto;

	mutex_lock(&ports_mutex);
	list_del(&n->link);
	mutex_unlock(&ports_mutex);
	while (!list_empty(&n->queue)) {
		struct mq_cookie *c = list_first(&n->queue, struct mq_cookie, link);
		list_del(&c->link);
		kfree(c);
	}
	kfree(n);
}

/* --- /proc/net/netlink: who has a port, the kernel's own first ---------------------------------------------------------- */

static void show_one(struct seq *s, u32 port, u32 waiting, u32 users, u32 drops, u64 inode)
{
	seq_printf(s, "%016lx %-3d %-10u %08x %-8d %-8d %-5d %-8d %-8u %-8lu\n", 0ul, 0, port, 0u, waiting, 0, 0, users, drops, inode);
}

static int netlink_show(struct seq *s)
{
	struct netlink *n;

	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	if (netlink_request)
		show_one(s, 0, 0, 2, 0, 0);
	mutex_lock(&ports_mutex);
	list_for_each(n, &ports, link) {
		struct file *f = READ_ONCE(n->socket->file); /* one that is being closed stays until the release has had the mutex */
		show_one(s, n->port, READ_ONCE(n->bytes), 2, READ_ONCE(n->drops), f && f->inode ? f->inode->ino : 0);
	}
	mutex_unlock(&ports_mutex);
	return 0;
}
NODE(net_netlink, .path = "net/netlink", .show = netlink_show);

static int netlink_start(void)
{
	mq_cookie_ops = &cookie_ops;
	return 0;
}
SUBSYSTEM(netlink, .needs = "vfs", .init = netlink_start, .stage = "09-ipc");

static const struct proto_ops netlink_ops = {
	.bind = netlink_bind,
	.name = netlink_name,
	.send = netlink_send,
	.receive = netlink_receive,
	.poll = netlink_poll,
	.error = netlink_error,
	.release = netlink_release,
};
SOCKET_FAMILY(netlink, .family = AF_NETLINK, .name = "netlink", .create = netlink_create);
