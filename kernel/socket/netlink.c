/*
 * AF_NETLINK, as far as stage 09 has something to say over it: sockets that hear from the kernel. The C libraries' mq_notify with SIGEV_THREAD lets a thread
 * wait on one, and mq_notify(2) sends it the cookie that it was given (ipc/ipc.h). What is sent to the kernel goes to the protocol's handler (socket/netlink.h);
 * while there is none it is ECONNREFUSED.
 *
 * A cookie that waits to be sent holds the file of its socket; one that was sent lies in the queue.
 */
#include "netlink_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "core/node.h"
#include "core/registry.h"
#include "ipc/ipc.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "usermode/process.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

#define NETLINK_FLAGS (NETLINK_GET_STRICT_CHK + 1)

struct netlink {
	struct socket *socket;
	struct spinlock lock;
	struct list queue;      /* struct mq_cookie: lock */
	u32 bytes;              /* in it: lock */
	u32 drops;              /* answers that found no room, or no memory: lock */
	int error;              /* atomic: ENOBUFS, an answer was lost since this was last told */
	struct wait_queue wait;
	struct async_list async;
	u8 protocol;
	bool flags[NETLINK_FLAGS]; /* options by their numbers: words, each read and written whole */
	struct mutex stepping;  /* one step of a dump at a time */
	struct netlink_dump *dump; /* stepping: an answer that goes on as the reader does; NULL: none */
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

static MUTEX(ports_mutex, RANK_SUBSYS_MUTEX);
static struct list ports = LIST_INIT(ports); /* ports_mutex */
static const struct proto_ops netlink_ops;

static int netlink_create(struct socket *s, int protocol)
{
	struct netlink *n;

	if (s->type != SOCK_RAW && s->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol < 0 || protocol >= NETLINK_PROTOCOLS || (protocol != NETLINK_ROUTE && !netlink_handlers[protocol]))
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), 0);
	if (!n)
		return -ENOMEM;
	spin_init(&n->lock, "netlink", RANK_SOCKET);
	list_init(&n->queue);
	list_init(&n->link);
	wait_queue_init(&n->wait);
	async_init(&n->async);
	mutex_init(&n->stepping, "netlink dump", RANK_PIPE);
	n->socket = s;
	n->protocol = (u8)protocol;
	s->protocol = protocol;
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
	if (n->flags[NETLINK_NO_ENOBUFS])
		return;
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

bool netlink_caps_ack(const struct socket *s)
{
	return ((const struct netlink *)s->proto)->flags[NETLINK_CAP_ACK];
}

/* --- answers that are made as the reader goes on ------------------------------------------------------------------------ */

/* stepping held. */
static void step(struct netlink *n, struct netlink_sock *to)
{
	struct netlink_dump *d = n->dump;

	bool more = d->step(d, to);
	if (!more)
		netlink_done(to, d->seq, 0);
	netlink_flush(to);
	/* What cannot be told for want of memory is not tried again: the reader knows that something is lost. */
	if (more && !atomic_load(&n->error))
		return;
	n->dump = NULL;
	d->drop(d);
}

int netlink_dump(struct netlink_sock *to, struct netlink_dump *d)
{
	struct netlink *n = to->socket->proto;
	int err = NETLINK_ANSWERED;

	mutex_lock(&n->stepping);
	if (n->dump) {
		d->drop(d);
		err = -EBUSY;
	} else {
		n->dump = d;
		/* One step may find nothing, and yet be followed by others: the reader shall have something to read. */
		do
			step(n, to);
		while (n->dump && list_empty(&n->queue));
	}
	mutex_unlock(&n->stepping);
	return err;
}

static void go_on(struct netlink *n)
{
	struct netlink_sock to = { .socket = n->socket, .port = READ_ONCE(n->port) };

	if (!READ_ONCE(n->dump))
		return;
	mutex_lock(&n->stepping);
	while (n->dump && list_empty(&n->queue))
		step(n, &to);
	mutex_unlock(&n->stepping);
	kfree(to.answer);
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
	if (to.port || !netlink_handlers[n->protocol])
		return -ECONNREFUSED;
	int err = take_port(n, 0);
	if (!err)
		err = netlink_take(s, READ_ONCE(n->port), m);
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
	if (list_empty(&n->queue))
		go_on(n);
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

static bool port_taken(u8 protocol, u32 port)
{
	struct netlink *n;

	list_for_each(n, &ports, link)
		if (n->protocol == protocol && n->port == port)
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
	} else if (port && port_taken(n->protocol, port)) {
		err = -EADDRINUSE;
	} else {
		if (!port)
			port = (u32)current->process->pid;
		while (port_taken(n->protocol, port))
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

/* --- options (SOL_NETLINK) ------------------------------------------------------------------------------------------- */

/* Those that are switches; what some of them would change, there is none of: errors have no words yet, and no other name spaces tell anything. */
static bool is_flag(int option)
{
	return option == NETLINK_PKTINFO || option == NETLINK_BROADCAST_ERROR || option == NETLINK_NO_ENOBUFS || option == NETLINK_LISTEN_ALL_NSID ||
	       option == NETLINK_CAP_ACK || option == NETLINK_EXT_ACK || option == NETLINK_GET_STRICT_CHK;
}

static int netlink_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct netlink *n = s->proto;
	u32 number = 0;

	if (level == SOL_SOCKET)
		return -EOPNOTSUPP;
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(number) && copy_from_user(&number, value, sizeof(number)))
		return -EFAULT;
	if (!is_flag(option))
		return -ENOPROTOOPT;
	n->flags[option] = number;
	return 0;
}

static int netlink_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct netlink *n = s->proto;

	if (level == SOL_SOCKET)
		return -EOPNOTSUPP;
	if (level != SOL_NETLINK || !is_flag(option))
		return -ENOPROTOOPT;
	if (*len < sizeof(u32))
		return -EINVAL;
	*len = sizeof(u32);
	return put_user_u32(n->flags[option], value);
}

static void netlink_release(struct socket *s)
{
	struct netlink *n = s->proto;

	mutex_lock(&ports_mutex);
	list_del(&n->link);
	mutex_unlock(&ports_mutex);
	if (n->dump)
		n->dump->drop(n->dump);
	while (!list_empty(&n->queue)) {
		struct mq_cookie *c = list_first(&n->queue, struct mq_cookie, link);
		list_del(&c->link);
		kfree(c);
	}
	kfree(n);
}

/* --- /proc/net/netlink: who has a port, the kernel's own first ---------------------------------------------------------- */

static void show_one(struct seq *s, u32 protocol, u32 port, u32 waiting, u32 users, u32 drops, u64 inode)
{
	seq_printf(s, "%016lx %-3u %-10u %08x %-8d %-8d %-5d %-8d %-8u %-8lu\n", 0ul, protocol, port, 0u, waiting, 0, 0, users, drops, inode);
}

static int netlink_show(struct seq *s)
{
	struct netlink *n;

	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	for (u32 i = 0; i < NETLINK_PROTOCOLS; i++)
		if (netlink_handlers[i])
			show_one(s, i, 0, 0, 2, 0, 0);
	mutex_lock(&ports_mutex);
	list_for_each(n, &ports, link) {
		struct file *f = READ_ONCE(n->socket->file); /* one that is being closed stays until the release has had the mutex */
		show_one(s, n->protocol, n->port, READ_ONCE(n->bytes), 2, READ_ONCE(n->drops), f && f->inode ? f->inode->ino : 0);
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
	.set_option = netlink_set_option,
	.get_option = netlink_get_option,
	.error = netlink_error,
	.release = netlink_release,
};
SOCKET_FAMILY(netlink, .family = AF_NETLINK, .name = "netlink", .create = netlink_create);
