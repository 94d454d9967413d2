/* Raw sockets (raw(7)): every packet of a protocol with its IP header, and packets of any protocol sent, with an IP header of ours or of the program's. */
#include "core/atomic.h"
#include "core/node.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

static struct port_table raw_table; /* by protocol in place of a port */
static struct slab_cache raw_cache;

static bool may_share(const struct inet_sock *a __unused, const struct inet_sock *b __unused)
{
	return true;
}

void raw_init(void)
{
	slab_cache_init(&raw_cache, "raw_sock", sizeof(struct inet_sock), 0);
	port_table_init(&raw_table, "raw sockets", may_share);
}

/* raw_table.lock held. */
static bool wants(const struct inet_sock *sk, u8 protocol, u32 source, u32 destination, const struct netdev *dev)
{
	return sk->protocol == protocol && (!sk->local || sk->local == destination) && (!sk->remote || sk->remote == source) &&
	       (!sk->device || !dev || sk->device == dev->index);
}

/* ICMP_FILTER: the type is not wanted. */
static bool filtered(const struct inet_sock *sk, const struct packet *p)
{
	return sk->protocol == PROTO_ICMP && p->len && p->data[0] < 32 && sk->inet.icmp_filter & 1u << p->data[0];
}

bool raw_deliver(struct packet *p, const struct ip_header *ip)
{
	struct inet_sock *sk, *takers[32];
	u32 count = 0;

	if (list_empty(port_bucket(&raw_table, ip->protocol)))
		return false;
	spin_lock(&raw_table.lock);
	list_for_each(sk, port_bucket(&raw_table, ip->protocol), port_link)
		if (count < ARRAY_SIZE(takers) && wants(sk, ip->protocol, ip->source, ip->destination, p->dev) && !filtered(sk, p)) {
			inet_get(sk);
			takers[count++] = sk;
		}
	spin_unlock(&raw_table.lock);
	for (u32 i = 0; i < count; i++) {
		struct packet *c = packet_clone(p, ALLOC_ATOMIC);
		if (c) {
			u32 header = (u32)(c->data - c->network);
			c->data -= header;
			c->len += header;
			inet_queue(takers[i], c);
		}
		inet_put(takers[i]);
	}
	return count;
}

void raw_error(const struct ip_header *inner, u32 len __unused, const struct icmp_header *h)
{
	struct inet_sock *sk;
	bool fatal;
	int err = icmp_errno(h, &fatal);

	if (!err || list_empty(port_bucket(&raw_table, inner->protocol)))
		return;
	spin_lock(&raw_table.lock);
	list_for_each(sk, port_bucket(&raw_table, inner->protocol), port_link)
		if (wants(sk, inner->protocol, inner->destination, inner->source, NULL) && (sk->inet.receive_error || (sk->remote && fatal))) {
			atomic_store(&sk->error, err);
			inet_wake(sk, POLLERR);
		}
	spin_unlock(&raw_table.lock);
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

static void set_names(struct inet_sock *sk, u32 local, u32 remote)
{
	spin_lock(&sk->lock);
	spin_lock(&raw_table.lock);
	sk->local = local;
	sk->remote = remote;
	/* As Linux shows it: a destination, though there are no ports. */
	sk->remote_port = 0;
	spin_unlock(&raw_table.lock);
	spin_unlock(&sk->lock);
}

static int raw_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct inet_sock *sk = s->proto;
	struct abi_sockaddr_in in;
	int err = inet_check_name(sk, name, len, &in);

	if (!err) {
		set_names(sk, in.address, sk->remote);
		sk->user_address = in.address;
	}
	return err;
}

static int raw_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock __unused)
{
	struct inet_sock *sk = s->proto;
	struct abi_sockaddr_in in;
	struct ip_path path;

	if (len < sizeof(u16))
		return -EINVAL;
	if (name->family == AF_UNSPEC) {
		set_names(sk, sk->user_address ? sk->local : IP_ANY, IP_ANY);
		return 0;
	}
	int err = inet_check_destination(name, len, &in);
	if (!err)
		err = inet_route(sk, &path, in.address, sk->local, false);
	if (!err && path.scope == IP_BROADCASTS && !s->options.broadcast)
		err = -EACCES;
	if (!err)
		set_names(sk, sk->local ? sk->local : path.source, path.scope == IP_LOCAL && !in.address ? path.next_hop : in.address);
	return err;
}

/* IP_HDRINCL: the program's header, its gaps filled (raw(7)). */
static int send_included(struct inet_sock *sk, struct packet *p, const struct ip_path *path)
{
	struct ip_header *h = (void *)p->data;

	(void)sk;
	if (p->len < sizeof(*h) || ip_header_len(h) < sizeof(*h) || ip_header_len(h) > p->len) {
		packet_free(p);
		return -EINVAL;
	}
	if (p->len > path->mtu) {
		packet_free(p);
		return -EMSGSIZE;
	}
	h->total_len = be16((u16)p->len);
	if (!h->source)
		h->source = path->source;
	if (!h->id)
		h->id = ip_next_id(h->destination);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(0, h, ip_header_len(h)));
	p->network = p->data;
	SNMP(ip_OutRequests);
	return ip_transmit(p, path);
}

static ssize_t raw_send(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	ssize_t len = (ssize_t)m->data.left;
	struct send_control c;
	struct ip_path path;
	u32 to = sk->remote;
	int err = inet_send_control(m, &c);

	if (err)
		return err;
	if (len > (ssize_t)IP_PACKET_MAX)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len) {
		struct abi_sockaddr_in in;
		if (m->name_len < SOCKADDR_IN_LEN)
			return -EINVAL;
		memcpy(&in, &m->name, sizeof(in));
		if (in.family && in.family != AF_INET)
			return -EAFNOSUPPORT;
		to = in.address;
	} else if (!to) {
		return -EDESTADDRREQ;
	}
	u32 source = c.source ? c.source : sk->local;
	err = inet_route(sk, &path, to, source, m->flags & MSG_DONTROUTE);
	if (!err && path.scope == IP_BROADCASTS && !s->options.broadcast)
		err = -EACCES;
	if (!err)
		err = inet_wait_send(sk, s, m->flags);
	struct packet *p = NULL;
	if (!err) {
		p = packet_alloc(PACKET_HEADROOM, (u32)len, ALLOC_USER);
		err = p ? 0 : -ENOBUFS;
	}
	if (p && uio_read(&m->data, packet_append(p, (u32)len), (size_t)len) != (size_t)len) {
		packet_free(p);
		err = -EFAULT;
	}
	if (!err) {
		struct ip_send how = {
			.source = source ? source : path.source, .destination = to ? to : path.source, .protocol = sk->protocol,
			.ttl = c.ttl >= 0 ? (u8)c.ttl : inet_ttl(sk, &path), .tos = c.tos >= 0 ? (u8)c.tos : sk->inet.tos,
			.dont_fragment = sk->inet.mtu_discover == IP_PMTUDISC_DO, .options = sk->inet.ip.len ? &sk->inet.ip : NULL,
		};
		net_begin();
		inet_charge_send(sk, p);
		err = sk->inet.header_included ? send_included(sk, p, &path) : ip_send(p, &how, &path);
		if (err == -ENOBUFS)
			err = 0;
		net_end();
	}
	return err ? err : len;
}

static ssize_t raw_receive(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	int err = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	mutex_lock(&sk->reader);
	struct packet *p = inet_next(sk, s, m->flags, &err);
	if (!p) {
		mutex_unlock(&sk->reader);
		return err;
	}
	const struct ip_header *ip = (const void *)p->data;
	u32 want = (u32)MIN((size_t)p->len, m->data.left);
	ssize_t n = m->flags & MSG_TRUNC ? p->len : want;
	if (uio_write(&m->data, p->data, want) != want) {
		n = -EFAULT;
	} else {
		inet_fill_name(&m->name, ip->source, 0);
		m->name_len = SOCKADDR_IN_LEN;
		if (want < p->len)
			m->out_flags |= MSG_TRUNC;
		inet_control(sk, s, p, ip, m);
	}
	if (!(m->flags & MSG_PEEK))
		inet_consumed(sk, p);
	mutex_unlock(&sk->reader);
	return n;
}

static int raw_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct inet_sock *sk = s->proto;

	if (peer && !sk->remote)
		return -ENOTCONN;
	inet_fill_name(out, peer ? sk->remote : sk->local, peer ? 0 : sk->protocol);
	return (int)SOCKADDR_IN_LEN;
}

static int raw_shutdown(struct socket *s, int how)
{
	struct inet_sock *sk = s->proto;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	spin_lock(&sk->lock);
	sk->shutdown |= (u8)(how + 1);
	spin_unlock(&sk->lock);
	inet_wake(sk, 0);
	return sk->remote ? 0 : -ENOTCONN;
}

static int raw_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct inet_sock *sk = s->proto;

	if (level != SOL_RAW)
		return inet_set_option(s, level, option, value, len);
	if (option != ICMP_FILTER)
		return -ENOPROTOOPT;
	if (sk->protocol != PROTO_ICMP)
		return -EOPNOTSUPP;
	u32 filter = 0;
	if (copy_from_user(&filter, value, MIN(len, (u32)sizeof(filter))))
		return -EFAULT;
	sk->inet.icmp_filter = filter;
	return 0;
}

static int raw_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct inet_sock *sk = s->proto;

	if (level != SOL_RAW)
		return inet_get_option(s, level, option, value, len);
	if (option != ICMP_FILTER)
		return -ENOPROTOOPT;
	return sk->protocol == PROTO_ICMP ? option_out(value, len, &sk->inet.icmp_filter, sizeof(sk->inet.icmp_filter)) : -EOPNOTSUPP;
}

static long raw_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *sk = s->proto;
	u32 value;

	if (cmd == SIOCINQ) {
		spin_lock(&sk->lock);
		value = list_empty(&sk->receive) ? 0 : list_first(&sk->receive, struct packet, link)->len;
		spin_unlock(&sk->lock);
	} else if (cmd == SIOCOUTQ) {
		value = atomic_load_relaxed(&sk->send_charge);
	} else {
		return inet_ioctl(s, cmd, arg);
	}
	return put_user_u32(value, (u32 __user *)arg);
}

static void raw_release(struct socket *s)
{
	inet_release(s->proto);
}

static void raw_destroy(struct inet_sock *sk)
{
	slab_free(&raw_cache, sk);
}

static const struct proto_ops raw_ops = {
	.bind = raw_bind,
	.connect = raw_connect,
	.name = raw_name,
	.shutdown = raw_shutdown,
	.send = raw_send,
	.receive = raw_receive,
	.poll = inet_poll,
	.ioctl = raw_ioctl,
	.set_option = raw_set_option,
	.get_option = raw_get_option,
	.error = inet_error,
	.release = raw_release,
};

int raw_create(struct socket *s, int protocol)
{
	struct inet_sock *sk = slab_alloc(&raw_cache, ALLOC_ZERO);

	if (!sk)
		return -ENOMEM;
	memset(sk, 0, sizeof(*sk));
	inet_init_sock(sk, SOCK_RAW, (u8)protocol, s);
	sk->destroy = raw_destroy;
	sk->inet.header_included = protocol == PROTO_RAW;
	s->ops = &raw_ops;
	s->proto = sk;
	s->protocol = protocol;
	port_inherit(&raw_table, sk, (u16)protocol);
	return 0;
}

static int show_raw(struct seq *s)
{
	struct inet_sock *sk;

	seq_puts(s, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
	spin_lock(&raw_table.lock);
	for (u32 i = 0; i < 256; i++)
		list_for_each(sk, &raw_table.buckets[i], port_link) {
			inet_show(s, sk, i, sk->remote ? 1 : 7, atomic_load_relaxed(&sk->send_charge), READ_ONCE(sk->receive_charge));
			seq_printf(s, "00:00000000 00000000 %5u        0 %lu 2 0000000000000000 %u\n", sk->uid, sk->inode, atomic_load_relaxed(&sk->drops));
		}
	spin_unlock(&raw_table.lock);
	return 0;
}
NODE(net_raw, .path = "net/raw", .show = show_raw);
