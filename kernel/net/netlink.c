/*
 * AF_NETLINK, the sockets: a message goes to the kernel (rtnetlink.c) in a send, and its answers lie in the sender's own queue before the send returns.
 *
 * Lock: numbers_lock guards the list of those that have a number, which is how they are told apart.
 */
#include "netlink_priv.h"

#include "abi/netlink.h"
#include "core/atomic.h"
#include "core/node.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "usermode/process.h"
#include "usermode/uaccess.h"

#define MESSAGE_MAX 65536u

static struct spinlock numbers_lock = SPINLOCK_INIT("netlink numbers", RANK_NET_TABLE);
static struct list numbered = LIST_INIT(numbered); /* numbers_lock: inet_sock by port_link; counted */
static struct slab_cache netlink_cache;

void netlink_init(void)
{
	slab_cache_init(&netlink_cache, "netlink_sock", sizeof(struct netlink_sock), 0);
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

void netlink_flush(struct netlink_sock *n)
{
	struct packet *p = n->answer;

	n->answer = NULL;
	if (p && p->len)
		inet_queue(&n->sk, p);
	else
		packet_free(p);
}

/* A message with a body of `len` bytes in the answer under way, or in a new one: its body. NULL if memory is short. */
void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len)
{
	u32 most = (u32)sizeof(struct abi_nlmsghdr) + NL_ALIGN(len) + NETLINK_ATTRIBUTES;

	if (n->answer && packet_tailroom(n->answer) < most)
		netlink_flush(n);
	if (!n->answer)
		n->answer = packet_alloc(0, NETLINK_ANSWER, 0);
	if (!n->answer)
		return NULL;
	struct abi_nlmsghdr *h = packet_append(n->answer, sizeof(*h));
	*h = (struct abi_nlmsghdr){ .len = (u32)sizeof(*h) + len, .type = type, .flags = flags, .seq = seq, .pid = n->pid };
	n->message = h;
	void *body = packet_append(n->answer, NL_ALIGN(len));
	memset(body, 0, NL_ALIGN(len));
	return body;
}

void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len)
{
	struct abi_nlmsghdr *h = n->message;
	u32 size = (u32)sizeof(struct abi_rtattr) + NL_ALIGN(len);

	if (packet_tailroom(n->answer) < size)
		return;
	struct abi_rtattr *a = packet_append(n->answer, size);
	memset(a, 0, size);
	*a = (struct abi_rtattr){ .len = (u16)(sizeof(*a) + len), .type = type };
	memcpy(a + 1, data, len);
	h->len += size;
}

void netlink_done(struct netlink_sock *n, u32 seq)
{
	netlink_begin(n, NLMSG_DONE, NLM_F_MULTI, seq, sizeof(int));
	netlink_flush(n);
}

/* RFC 3549 section 2.3.2.2: what came of a request, with its header. */
static void acknowledge(struct netlink_sock *n, const struct abi_nlmsghdr *h, int err)
{
	struct {
		int error;
		struct abi_nlmsghdr header;
	} body = { err, *h };

	void *to = netlink_begin(n, NLMSG_ERROR, 0, h->seq, sizeof(body));
	if (to)
		memcpy(to, &body, sizeof(body));
	netlink_flush(n);
}

/* --- calls ----------------------------------------------------------------------------------------------------------- */

static bool taken(u32 pid)
{
	struct inet_sock *sk;

	list_for_each(sk, &numbered, port_link)
		if (((struct netlink_sock *)sk)->pid == pid)
			return true;
	return false;
}

/* The process's number for its first socket; others count down from the top. */
static int give_number(struct netlink_sock *n, u32 pid)
{
	static u32 last = 0xfffff000;
	int err = 0;

	spin_lock(&numbers_lock);
	if (n->pid) {
		err = pid && pid != n->pid ? -EINVAL : 0;
	} else if (pid && taken(pid)) {
		err = -EADDRINUSE;
	} else {
		if (!pid)
			pid = (u32)current->process->pid;
		while (taken(pid))
			pid = last--;
		n->pid = pid;
		inet_get(&n->sk);
		list_add(&numbered, &n->sk.port_link);
	}
	spin_unlock(&numbers_lock);
	return err;
}

static int netlink_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct netlink_sock *n = s->proto;
	struct abi_sockaddr_nl nl;

	if (len < sizeof(nl))
		return -EINVAL;
	memcpy(&nl, name, sizeof(nl));
	if (nl.family != AF_NETLINK)
		return -EINVAL;
	n->groups = nl.groups;
	return give_number(n, nl.pid);
}

static int netlink_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock __unused)
{
	struct abi_sockaddr_nl nl;

	if (len < sizeof(u16))
		return -EINVAL;
	if (name->family == AF_UNSPEC)
		return 0;
	if (len < sizeof(nl) || name->family != AF_NETLINK)
		return -EINVAL;
	memcpy(&nl, name, sizeof(nl));
	return nl.pid ? -ECONNREFUSED : give_number(s->proto, 0);
}

static int netlink_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct netlink_sock *n = s->proto;
	struct abi_sockaddr_nl nl = { .family = AF_NETLINK, .pid = peer ? 0 : n->pid, .groups = peer ? 0 : n->groups };

	memcpy(out, &nl, sizeof(nl));
	return sizeof(nl);
}

static ssize_t netlink_send(struct socket *s, struct socket_msg *m)
{
	struct netlink_sock *n = s->proto;
	ssize_t len = (ssize_t)m->data.left;
	u8 *buf;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len) {
		struct abi_sockaddr_nl nl;
		if (m->name_len < sizeof(nl) || m->name.family != AF_NETLINK)
			return -EINVAL;
		memcpy(&nl, &m->name, sizeof(nl));
		if (nl.pid)
			return -ECONNREFUSED;
	}
	if (len > (ssize_t)MESSAGE_MAX)
		return -EMSGSIZE;
	int err = give_number(n, 0);
	if (err)
		return err;
	buf = kmalloc((size_t)len, 0);
	if (!buf)
		return -ENOBUFS;
	if (uio_read(&m->data, buf, (size_t)len) != (size_t)len) {
		kfree(buf);
		return -EFAULT;
	}
	mutex_lock(&n->sk.writer);
	for (u32 at = 0; at + sizeof(struct abi_nlmsghdr) <= (u32)len;) {
		struct abi_nlmsghdr *h = (void *)(buf + at);
		if (h->len < sizeof(*h) || h->len > (u32)len - at)
			break;
		err = h->flags & NLM_F_REQUEST ? rtnetlink_request(n, h) : 0;
		if (h->flags & NLM_F_REQUEST && (err || h->flags & NLM_F_ACK) && !(err == 0 && (h->flags & NLM_F_DUMP) == NLM_F_DUMP && h->type % 4 == 2))
			acknowledge(n, h, err);
		at += NL_ALIGN(h->len);
	}
	mutex_unlock(&n->sk.writer);
	kfree(buf);
	return len;
}

static ssize_t netlink_receive(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	struct abi_sockaddr_nl nl = { .family = AF_NETLINK };
	int err = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	mutex_lock(&sk->reader);
	struct packet *p = inet_next(sk, s, m->flags, &err);
	if (!p) {
		mutex_unlock(&sk->reader);
		return err;
	}
	u32 want = (u32)MIN((size_t)p->len, m->data.left);
	ssize_t got = m->flags & MSG_TRUNC ? p->len : want;
	if (uio_write(&m->data, p->data, want) != want)
		got = -EFAULT;
	memcpy(&m->name, &nl, sizeof(nl));
	m->name_len = sizeof(nl);
	if (want < p->len)
		m->out_flags |= MSG_TRUNC;
	if (!(m->flags & MSG_PEEK))
		inet_consumed(sk, p);
	mutex_unlock(&sk->reader);
	return got;
}

static int netlink_set_option(struct socket *s __unused, int level, int option __unused, const void __user *value __unused, u32 len __unused)
{
	/* Groups to listen to, strictness, extended answers: nothing is told unasked, and answers stay plain. */
	return level == SOL_NETLINK ? 0 : -ENOPROTOOPT;
}

static int netlink_get_option(struct socket *s __unused, int level __unused, int option __unused, void __user *value __unused, u32 *len __unused)
{
	return -ENOPROTOOPT;
}

static void netlink_release(struct socket *s)
{
	struct netlink_sock *n = s->proto;

	spin_lock(&numbers_lock);
	bool was = n->pid;
	if (was)
		list_del(&n->sk.port_link);
	spin_unlock(&numbers_lock);
	if (was)
		inet_put(&n->sk);
	inet_release(&n->sk);
}

static void netlink_destroy(struct inet_sock *sk)
{
	struct netlink_sock *n = (struct netlink_sock *)sk;

	packet_free(n->answer);
	slab_free(&netlink_cache, n);
}

static const struct proto_ops netlink_ops = {
	.bind = netlink_bind,
	.connect = netlink_connect,
	.name = netlink_name,
	.send = netlink_send,
	.receive = netlink_receive,
	.poll = inet_poll,
	.set_option = netlink_set_option,
	.get_option = netlink_get_option,
	.error = inet_error,
	.release = netlink_release,
};

static int netlink_create(struct socket *s, int protocol)
{
	struct netlink_sock *n;

	if (s->type != SOCK_RAW && s->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	n = slab_alloc(&netlink_cache, 0);
	if (!n)
		return -ENOMEM;
	memset(n, 0, sizeof(*n));
	inet_init_sock(&n->sk, (u8)s->type, 0, s);
	n->sk.destroy = netlink_destroy;
	s->ops = &netlink_ops;
	s->proto = n;
	s->protocol = protocol;
	return 0;
}
SOCKET_FAMILY(netlink, .family = AF_NETLINK, .name = "netlink", .create = netlink_create);

static int show_netlink(struct seq *s)
{
	struct inet_sock *sk;

	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	spin_lock(&numbers_lock);
	list_for_each(sk, &numbered, port_link)
		seq_printf(s, "0000000000000000 0   %-10u %08x %-8u 0        0     %-8u %-8u %-8lu\n", ((struct netlink_sock *)sk)->pid, ((struct netlink_sock *)sk)->groups,
			   READ_ONCE(sk->receive_charge), refcount_read(&sk->ref), atomic_load_relaxed(&sk->drops), sk->inode);
	spin_unlock(&numbers_lock);
	return 0;
}
NODE(net_netlink, .path = "net/netlink", .show = show_netlink);
