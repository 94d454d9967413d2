/*
 * AF_NETLINK, as far as stage 09 has something to say over it: sockets that hear from the kernel. The C libraries' mq_notify with SIGEV_THREAD lets a thread
 * wait on one, and mq_notify(2) sends it the cookie that it was given (ipc/ipc.h). What is sent to the kernel finds nobody who listens: ECONNREFUSED.
 *
 * A cookie that waits to be sent holds the file of its socket; one that was sent lies in the queue.
 */
#include "socket_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "core/registry.h"
#include "ipc/ipc.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "usermode/process.h"

struct abi_sockaddr_nl {
	u16 family, pad;
	u32 port, groups;
};
_Static_assert(sizeof(struct abi_sockaddr_nl) == 12, "Linux");

struct netlink {
	struct spinlock lock;
	struct list queue;      /* struct mq_cookie: lock */
	struct wait_queue wait;
	u32 port;               /* ports_mutex; 0: none yet */
	struct list link;       /* of those with a port: ports_mutex */
};
struct mq_cookie {
	struct list link;
	struct file *file;      /* counted until it is sent */
	u8 data[MQ_COOKIE_SIZE];
};

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
	c = kmalloc(sizeof(*c), 0);
	if (!c)
		return ERR_PTR(-ENOMEM);
	list_init(&c->link);
	file_get(f);
	c->file = f;
	memcpy(c->data, data, sizeof(c->data));
	return c;
}

static void cookie_send(struct mq_cookie *c, u8 last)
{
	struct file *f = c->file;
	struct netlink *n = socket_of(f)->proto;

	c->data[MQ_COOKIE_SIZE - 1] = last;
	c->file = NULL;
	spin_lock(&n->lock);
	list_add_tail(&n->queue, &c->link);
	spin_unlock(&n->lock);
	wait_wake(&n->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	file_put(f);
}

static void cookie_drop(struct mq_cookie *c)
{
	file_put(c->file);
	kfree(c);
}

static const struct mq_cookie_ops cookie_ops = { .make = cookie_make, .send = cookie_send, .drop = cookie_drop };

/* --- the socket -------------------------------------------------------------------------------------------------------- */

static ssize_t netlink_send(struct socket *s __unused, struct socket_msg *m)
{
	return m->flags & MSG_OOB ? -EOPNOTSUPP : -ECONNREFUSED;
}

static ssize_t netlink_receive(struct socket *s, struct socket_msg *m)
{
	u64 deadline = socket_deadline(s->options.receive_timeout, m->flags & MSG_DONTWAIT);
	struct abi_sockaddr_nl from = { .family = AF_NETLINK };
	struct netlink *n = s->proto;
	struct mq_cookie *c = NULL;
	u8 data[MQ_COOKIE_SIZE];
	size_t len;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		spin_lock(&n->lock);
		bool found = !list_empty(&n->queue);
		if (found) {
			c = list_first(&n->queue, struct mq_cookie, link);
			memcpy(data, c->data, sizeof(data));
			if (m->flags & MSG_PEEK)
				c = NULL;
			else
				list_del(&c->link);
		}
		spin_unlock(&n->lock);
		if (found)
			break;
		if (!deadline)
			return -EAGAIN;
		long waited = wait_event_interruptible_until(&n->wait, !list_empty(&n->queue), deadline);
		if (waited)
			return socket_wait_error(waited, s->options.receive_timeout);
	}
	kfree(c);
	len = MIN(m->data.left, sizeof(data));
	if (uio_write(&m->data, data, len) != len)
		return -EFAULT;
	memcpy(&m->name, &from, sizeof(from));
	m->name_len = sizeof(from);
	if (len < sizeof(data))
		m->out_flags |= MSG_TRUNC;
	return m->flags & MSG_TRUNC ? (ssize_t)sizeof(data) : (ssize_t)len;
}

static u32 netlink_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct netlink *n = s->proto;

	poll_wait(pt, f, &n->wait);
	smp_mb();
	return POLLOUT | POLLWRNORM | POLLWRBAND | (list_empty(&n->queue) ? 0 : POLLIN | POLLRDNORM);
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

static int netlink_init(void)
{
	mq_cookie_ops = &cookie_ops;
	return 0;
}
SUBSYSTEM(netlink, .needs = "vfs", .init = netlink_init, .stage = "09-ipc");

static const struct proto_ops netlink_ops = {
	.bind = netlink_bind,
	.name = netlink_name,
	.send = netlink_send,
	.receive = netlink_receive,
	.poll = netlink_poll,
	.release = netlink_release,
};
SOCKET_FAMILY(netlink, .family = AF_NETLINK, .name = "netlink", .create = netlink_create);
