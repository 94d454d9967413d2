/* Raw sockets (raw(7)): every packet of a protocol with its IP header, and packets of any protocol sent, with an IP header of ours or of the program's. */
#include "core/atomic.h"
#include "core/node.h"
#include "inet_diag_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

struct port_table raw_table;
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
static bool wants(const struct inet_sock *sk, u8 protocol, struct address source, struct address destination, const struct netdev *dev)
{
	return sk->protocol == protocol && (sk->family == AF_INET) == address_is_v4(destination) && inet_takes(sk, destination) &&
	       (address_is_any(sk->remote) || address_equal(sk->remote, source)) && (!sk->device || !dev || sk->device == dev->index);
}

/* ICMP_FILTER: the type is not wanted. */
static bool filtered(const struct inet_sock *sk, const struct packet *p)
{
	if (sk->protocol == PROTO_ICMPV6 && sk->family == AF_INET6)
		return p->len && sk->inet.icmp6_filter[p->data[0] >> 5] & 1u << (p->data[0] & 31);
	return sk->protocol == PROTO_ICMP && p->len && p->data[0] < 32 && sk->inet.icmp_filter & 1u << p->data[0];
}

bool raw_deliver(struct packet *p, u8 protocol)
{
	struct inet_sock *sk, *takers[32];
	struct address source = packet_source(p), destination = packet_destination(p);
	u32 count = 0;

	if (list_empty(port_bucket(&raw_table, protocol)))
		return false;
	spin_lock(&raw_table.lock);
	list_for_each(sk, port_bucket(&raw_table, protocol), port_link)
		if (count < ARRAY_SIZE(takers) && wants(sk, protocol, source, destination, p->dev) && !filtered(sk, p)) {
			inet_get(sk);
			takers[count++] = sk;
		}
	spin_unlock(&raw_table.lock);
	for (u32 i = 0; i < count; i++) {
		struct packet *c = packet_clone(p, ALLOC_ATOMIC);
		if (c) {
			/* raw(7): IPv4's header comes along, IPv6's does not. */
			u32 header = takers[i]->family == AF_INET ? (u32)(c->data - c->network) : 0;
			c->data -= header;
			c->len += header;
			inet_queue(takers[i], c);
		}
		inet_put(takers[i]);
	}
	return count;
}

void raw_error(const struct inet_error *e)
{
	struct inet_sock *sk, *takers[8];
	u32 count = 0;

	if (!e->err || list_empty(port_bucket(&raw_table, e->protocol)))
		return;
	spin_lock(&raw_table.lock);
	list_for_each(sk, port_bucket(&raw_table, e->protocol), port_link)
		if (count < ARRAY_SIZE(takers) && wants(sk, e->protocol, e->remote, e->local, NULL)) {
			inet_get(sk);
			takers[count++] = sk;
		}
	spin_unlock(&raw_table.lock);
	for (u32 i = 0; i < count; i++) {
		sk = takers[i];
		if (inet_wants_errors(sk, e->remote)) {
			inet_queue_error(sk, e, 0, 0);
		} else if (!address_is_any(sk->remote) && e->fatal) {
			atomic_store(&sk->error, e->err);
			inet_wake(sk, POLLERR);
		}
		inet_put(sk);
	}
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

static void set_names(struct inet_sock *sk, struct address local, struct address remote)
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
	struct inet_name in;
	int err = inet_check_name(sk, name, len, &in);

	if (!err) {
		set_names(sk, in.address, sk->remote);
		sk->user_address = !address_is_any(in.address);
	}
	return err;
}

static int raw_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock __unused)
{
	struct inet_sock *sk = s->proto;
	struct inet_name in;
	struct inet_path path;

	if (len < sizeof(u16))
		return -EINVAL;
	if (name->family == AF_UNSPEC) {
		set_names(sk, sk->user_address ? sk->local : inet_any(sk), inet_any(sk));
		return 0;
	}
	int err = inet_check_destination(sk, name, len, &in);
	if (!err && in.device)
		sk->device = in.device;
	if (!err)
		err = inet_route(sk, &path, in.address, sk->local, false);
	if (!err && path.scope == IP_BROADCASTS && !s->options.broadcast)
		err = -EACCES;
	if (!err)
		set_names(sk, address_is_any(sk->local) ? path.source : sk->local, address_is_any(in.address) ? path.next_hop : in.address);
	return err;
}

/* IP_HDRINCL: the program's header, its gaps filled (raw(7)). */
static int send_included(struct packet *p, const struct inet_path *path)
{
	struct ip_header *h = (void *)p->data;

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
		h->source = address_to_v4(path->source);
	if (!h->id)
		h->id = ip_next_id(h->destination);
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_add(0, h, ip_header_len(h)));
	p->network = p->data;
	SNMP(ip_OutRequests);
	struct ip_path v4 = ip_path_of(path);
	return ip_transmit(p, &v4);
}

/* IPV6_CHECKSUM; ICMPv6 always has one. A place beyond the packet is none. */
static void raw_checksum(const struct inet_sock *sk, struct packet *p, const struct inet_send *how)
{
	s32 at = sk->protocol == PROTO_ICMPV6 ? 2 : sk->inet.checksum_at;

	if (sk->family != AF_INET6 || at < 0 || (u32)at + 2 > p->len)
		return;
	memset(p->data + at, 0, 2);
	u16 sum = checksum_fold(checksum_add(checksum_pseudo(how->source, how->destination, sk->protocol, p->len), p->data, p->len));
	memcpy(p->data + at, &sum, 2);
}

static ssize_t raw_send(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	ssize_t len = (ssize_t)m->data.left;
	struct send_control c;
	struct inet_path path;
	struct address to = sk->remote;
	int err = inet_send_control(sk, m, &c), zone = 0;

	if (err)
		return err;
	if (len > (ssize_t)IP_PACKET_MAX)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len) {
		struct inet_name in;
		err = inet_check_destination(sk, &m->name, m->name_len, &in);
		if (err)
			return err;
		to = in.address;
		zone = in.device;
	} else if (address_is_any(to)) {
		return -EDESTADDRREQ;
	}
	struct address source = address_is_any(c.source) ? sk->local : c.source;
	if (c.device || zone) {
		struct netdev *dev = netdev_by_index(c.device ? c.device : zone);
		err = dev ? family_of(to)->route(&path, to, source, dev) : -ENODEV;
	} else {
		err = inet_route(sk, &path, to, source, m->flags & MSG_DONTROUTE);
	}
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
		struct inet_send how = {
			.source = address_is_any(source) ? path.source : source, .destination = address_is_any(to) ? path.next_hop : to, .protocol = sk->protocol,
			.ttl = c.ttl >= 0 ? (u8)c.ttl : inet_ttl(sk, &path), .tos = c.tos >= 0 ? (u8)c.tos : inet_tos(sk, &path),
			.dont_fragment = inet_dont_fragment(sk, &path), .options = sk->inet.ip.len ? &sk->inet.ip : NULL,
		};
		net_begin();
		inet_charge_send(sk, p);
		raw_checksum(sk, p, &how);
		err = sk->inet.header_included ? send_included(p, &path) : path.family->send(p, &how, &path);
		if (err == -EMSGSIZE)
			inet_local_error(sk, how.destination, 0, path.mtu);
		if (err == -ENOBUFS)
			err = 0;
		net_end();
	}
	return err ? err : len;
}

static void tell(struct socket *s, struct packet *p, struct socket_msg *m)
{
	m->name_len = inet_fill_name(s->proto, &m->name, packet_source(p), 0, p->dev->index);
	inet_control(s->proto, s, p, m);
}

static ssize_t raw_receive(struct socket *s, struct socket_msg *m)
{
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return m->flags & MSG_ERRQUEUE ? inet_receive_error(s->proto, m) : inet_receive(s, m, tell);
}

static int raw_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct inet_sock *sk = s->proto;

	if (peer && address_is_any(sk->remote))
		return -ENOTCONN;
	return (int)inet_fill_name(sk, out, peer ? sk->remote : sk->local, peer ? 0 : sk->protocol, sk->device);
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
	return address_is_any(sk->remote) ? -ENOTCONN : 0;
}

static int raw_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct inet_sock *sk = s->proto;

	if (level == SOL_ICMPV6) {
		if (option != ICMPV6_FILTER || sk->protocol != PROTO_ICMPV6)
			return -ENOPROTOOPT;
		return copy_from_user(sk->inet.icmp6_filter, value, MIN(len, (u32)sizeof(sk->inet.icmp6_filter))) ? -EFAULT : 0;
	}
	if (level == SOL_RAW && option == IPV6_CHECKSUM && sk->family == AF_INET6) {
		/* RFC 3542 forbids it to ICMPv6, but ping has always said it here. */
		if (sk->protocol == PROTO_ICMPV6)
			return 0;
		level = SOL_IPV6;
	}
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

	if (level == SOL_ICMPV6 && option == ICMPV6_FILTER && sk->protocol == PROTO_ICMPV6)
		return option_out(value, len, sk->inet.icmp6_filter, sizeof(sk->inet.icmp6_filter));
	if (level == SOL_RAW && option == IPV6_CHECKSUM && sk->family == AF_INET6)
		level = SOL_IPV6;
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
	sk->inet.header_included = protocol == PROTO_RAW && s->family == AF_INET;
	s->ops = &raw_ops;
	s->proto = sk;
	s->protocol = protocol;
	port_inherit(&raw_table, sk, (u16)protocol);
	return 0;
}

static int show_family(struct seq *s, u16 family)
{
	struct inet_sock *sk;

	seq_puts(s, family == AF_INET ? "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" :
					"  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
					"inode ref pointer drops\n");
	spin_lock(&raw_table.lock);
	for (u32 i = 0; i < 256; i++)
		list_for_each(sk, &raw_table.buckets[i], port_link) {
			if (sk->family != family)
				continue;
			inet_show(s, sk, i, address_is_any(sk->remote) ? 7 : 1, atomic_load_relaxed(&sk->send_charge), READ_ONCE(sk->receive_charge));
			seq_printf(s, "00:00000000 00000000 %5u        0 %lu 2 0000000000000000 %u\n", inet_owner(sk), sk->inode, atomic_load_relaxed(&sk->drops));
		}
	spin_unlock(&raw_table.lock);
	return 0;
}
static int show_raw(struct seq *s)
{
	return show_family(s, AF_INET);
}
NODE(net_raw, .path = "net/raw", .show = show_raw);

static int show_raw6(struct seq *s)
{
	return show_family(s, AF_INET6);
}
NODE(net_raw6, .path = "net/raw6", .show = show_raw6);
