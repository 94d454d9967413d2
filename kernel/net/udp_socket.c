/* UDP sockets: who gets a datagram, and the calls. The protocol itself is in udp.c and udp_output.c. */
#include "abi/errno.h"
#include "core/atomic.h"
#include "core/node.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"
#include "udp_priv.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

struct port_table udp_ports, udplite_ports;
static struct slab_cache udp_cache;

static bool may_share(const struct inet_sock *a, const struct inet_sock *b)
{
	return (a->options->reuse_address && b->options->reuse_address) || (a->options->reuse_port && b->options->reuse_port && a->uid == b->uid);
}

void udp_init(void)
{
	slab_cache_init(&udp_cache, "udp_sock", sizeof(struct udp_sock), 0);
	port_table_init(&udp_ports, "UDP ports", may_share);
	port_table_init(&udplite_ports, "UDP-Lite ports", may_share);
}

/* --- who gets it --------------------------------------------------------------------------------------------------- */

struct inet_sock *udp_find_in(struct port_table *t, struct address source, u16 source_port, struct address destination, u16 port, const struct netdev *dev)
{
	struct inet_sock *sk, *best = NULL;
	int best_score = -1;
	u32 equals = 0, chance = (address_hash(source) ^ source_port) * 2654435761u;

	spin_lock(&t->lock);
	list_for_each(sk, port_bucket(t, port), port_link) {
		if (sk->local_port != port)
			continue;
		int n = udp_score(sk, source, source_port, destination, dev);
		if (n < 0 || n < best_score)
			continue;
		/* Of several that share a port by SO_REUSEPORT the sender's name decides, so that a sender stays with one. */
		if (n > best_score)
			equals = 1;
		else if (!sk->options->reuse_port || (chance >> 8) % ++equals)
			continue;
		best = sk;
		best_score = n;
	}
	if (best)
		inet_get(best);
	spin_unlock(&t->lock);
	return best;
}

struct inet_sock *udp_find(struct address source, u16 source_port, struct address destination, u16 port, const struct netdev *dev)
{
	return udp_find_in(&udp_ports, source, source_port, destination, port, dev);
}

void udp_deliver_group(struct packet *p)
{
	udp_deliver_group_in(&udp_ports, p);
}

/* The sockets that want p, counted, the first `room` of them into takers; how many there are. */
static u32 group_members(struct port_table *t, struct packet *p, struct inet_sock **takers, u32 room)
{
	struct address source = packet_source(p), destination = packet_destination(p);
	struct inet_sock *sk;
	u32 count = 0;

	spin_lock(&t->lock);
	list_for_each(sk, port_bucket(t, p->port.destination), port_link) {
		if (sk->local_port != p->port.destination || udp_score(sk, source, p->port.source, destination, p->dev) < 0)
			continue;
		if (address_is_multicast(destination) && !multicast_wanted(sk, destination, p->dev->index))
			continue;
		if (count < room) {
			inet_get(sk);
			takers[count] = sk;
		}
		count++;
	}
	spin_unlock(&t->lock);
	return count;
}

void udp_deliver_group_in(struct port_table *t, struct packet *p)
{
	struct inet_sock *few[16], **takers = few, **more;
	u32 room = ARRAY_SIZE(few), count;

	while ((count = group_members(t, p, takers, room)) > room) {
		more = kmalloc(count * sizeof(*more), ALLOC_ATOMIC);
		if (!more) {
			count = room; /* the others miss it, as they may miss any datagram */
			break;
		}
		while (room)
			inet_put(takers[--room]);
		if (takers != few)
			kfree(takers);
		takers = more;
		room = count;
	}
	for (u32 i = 0; i < count; i++) {
		struct packet *c = packet_clone(p, ALLOC_ATOMIC);
		if (c && inet_queue(takers[i], c))
			UDP_COUNT(takers[i], InDatagrams);
		inet_put(takers[i]);
	}
	if (takers != few)
		kfree(takers);
	packet_free(p);
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static int udp_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct inet_sock *sk = s->proto;
	struct inet_name in;
	int err = inet_check_name(sk, name, len, &in);

	if (err)
		return err;
	spin_lock(&sk->lock);
	if (sk->ports) {
		err = -EINVAL;
	} else {
		err = port_bind(udp_ports_of(sk), sk, in.address, in.port);
		sk->user_address = !err && !address_is_any(in.address);
		sk->user_port = !err && in.port;
	}
	spin_unlock(&sk->lock);
	return err;
}

static int autobind(struct inet_sock *sk)
{
	int err = 0;

	spin_lock(&sk->lock);
	if (!sk->ports)
		err = port_bind(udp_ports_of(sk), sk, sk->local, 0);
	spin_unlock(&sk->lock);
	return err == -EADDRINUSE ? -EAGAIN : err;
}

static void set_names(struct inet_sock *sk, struct address local, struct address remote, u16 remote_port)
{
	spin_lock(&sk->lock);
	spin_lock(&udp_ports_of(sk)->lock);
	sk->local = local;
	sk->remote = remote;
	sk->remote_port = remote_port;
	spin_unlock(&udp_ports_of(sk)->lock);
	spin_unlock(&sk->lock);
}

static int disconnect(struct inet_sock *sk)
{
	set_names(sk, sk->user_address ? sk->local : inet_any(sk), inet_any(sk), 0);
	/* Under the lock: a thread that binds meanwhile shall not find its port's number gone. */
	spin_lock(&sk->lock);
	if (!sk->user_port) {
		port_release(sk);
		sk->local_port = 0;
	}
	sk->device = 0;
	spin_unlock(&sk->lock);
	return 0;
}

void udp_abort(struct inet_sock *sk)
{
	atomic_store(&sk->error, ECONNABORTED);
	inet_wake(sk, POLLERR);
	disconnect(sk);
}

static int udp_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock __unused)
{
	struct inet_sock *sk = s->proto;
	struct inet_name in;
	struct inet_path path;

	if (len < sizeof(u16))
		return -EINVAL;
	if (name->family == AF_UNSPEC)
		return disconnect(sk);
	int err = inet_check_destination(sk, name, len, &in);
	if (!err)
		err = autobind(sk);
	if (err)
		return err;
	if (in.device)
		sk->device = in.device;
	err = inet_route(sk, &path, in.address, sk->local, false);
	if (err)
		return err;
	if (path.scope == IP_BROADCASTS && !s->options.broadcast)
		return -EACCES;
	set_names(sk, address_is_any(sk->local) ? path.source : sk->local, address_is_any(in.address) ? path.next_hop : in.address, in.port);
	return 0;
}

static int udp_shutdown(struct socket *s, int how)
{
	struct inet_sock *sk = s->proto;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	spin_lock(&sk->lock);
	sk->shutdown |= (u8)(how + 1);
	bool connected = sk->remote_port;
	spin_unlock(&sk->lock);
	inet_wake(sk, 0);
	return connected ? 0 : -ENOTCONN;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static int find_way(struct inet_sock *sk, struct socket *s, struct socket_msg *m, struct udp_way *w)
{
	struct send_control c;
	struct address to = sk->remote, source = sk->local;
	int err, zone = 0;

	w->port = sk->remote_port;
	if (m->name_len) {
		struct inet_name in;
		err = inet_check_destination(sk, &m->name, m->name_len, &in);
		if (err)
			return err;
		to = in.address;
		zone = in.device;
		w->port = in.port;
		if (!w->port)
			return -EINVAL;
	} else if (!w->port) {
		return -EDESTADDRREQ;
	}
	err = inet_send_control(sk, m, &c);
	if (err)
		return err;
	if (!address_is_any(c.source))
		source = c.source;
	if (address_is_multicast(source))
		source = inet_any(sk);
	if (c.device || zone) {
		struct netdev *dev = netdev_by_index(c.device ? c.device : zone);
		err = dev ? family_of(to)->route(&w->path, to, source, dev) : -ENODEV;
	} else {
		err = inet_route(sk, &w->path, to, source, m->flags & MSG_DONTROUTE);
	}
	if (err)
		return err;
	if (w->path.scope == IP_BROADCASTS && !s->options.broadcast)
		return -EACCES;
	w->how = (struct inet_send){
		.source = address_is_any(source) ? w->path.source : source,
		.destination = address_is_any(to) ? w->path.next_hop : to,
		.protocol = sk->protocol,
		.ttl = c.ttl >= 0 ? (u8)c.ttl : inet_ttl(sk, &w->path),
		.tos = c.tos >= 0 ? (u8)c.tos : inet_tos(sk, &w->path),
		.dont_fragment = inet_dont_fragment(sk, &w->path),
		.options = sk->inet.ip.len ? &sk->inet.ip : NULL,
	};
	return 0;
}

/* Adds the message's data to the datagram under way, or to a new one: it, or NULL and *err. writer held. */
static struct packet *gather(struct udp_sock *u, struct socket_msg *m, u32 max, int *err)
{
	u32 len = (u32)m->data.left, before = u->pending ? u->pending->len : 0;
	/* One that is to grow has room for all that it may become. */
	bool more = m->flags & MSG_MORE || u->cork;
	struct packet *p = u->pending;

	*err = -EMSGSIZE;
	if (m->data.left > max || before + len > max)
		return NULL;
	*err = -ENOBUFS;
	if (!p)
		p = packet_alloc(PACKET_HEADROOM, more ? UDP_DATA_MAX : len, ALLOC_USER);
	if (!p)
		return NULL;
	*err = 0;
	if (uio_read(&m->data, packet_append(p, len), len) == len)
		return p;
	packet_trim(p, before);
	if (!u->pending)
		packet_free(p);
	*err = -EFAULT;
	return NULL;
}

static ssize_t udp_send_message(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	struct udp_sock *u = udp_of(sk);
	ssize_t len = (ssize_t)m->data.left;
	struct udp_way way;
	int err;

	if (len > (ssize_t)IP_PACKET_MAX)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	/* What is added to a datagram goes where its beginning goes: it needs no destination of its own. */
	bool grows = READ_ONCE(u->pending);
	err = autobind(sk);
	if (!err && !grows)
		err = find_way(sk, s, m, &way);
	if (err)
		return err;
	err = inet_wait_send(sk, s, m->flags);
	if (err)
		return err;
	mutex_lock(&sk->writer);
	if (!u->pending && grows)
		err = find_way(sk, s, m, &way); /* another thread sent it off meanwhile */
	else if (u->pending)
		way = u->way;
	if (err) {
		mutex_unlock(&sk->writer);
		return err;
	}
	struct packet *p = gather(u, m, way.path.family == &ipv4_family ? UDP_DATA_MAX_V4 : UDP_DATA_MAX, &err);
	if (!p && u->pending) {
		/* As on Linux: a part that fails takes the whole along. */
		packet_free(u->pending);
		u->pending = NULL;
	}
	if (p && (m->flags & MSG_MORE || u->cork)) {
		u->pending = p;
		u->way = way;
	} else if (p) {
		u->pending = NULL;
		net_begin();
		inet_charge_send(sk, p);
		err = is_udplite(sk) ? udplite_send(p, &way.how, &way.path, sk->local_port, way.port, u->send_coverage)
				     : udp_send(p, &way.how, &way.path, sk->local_port, way.port, s->options.no_check);
		if (err == -EMSGSIZE)
			inet_local_error(sk, way.how.destination, way.port, way.path.mtu);
		if (err == -ENOBUFS && !inet_wants_errors(sk, way.how.destination)) {
			UDP_COUNT(sk, SndbufErrors);
			err = 0; /* lost on the way, as datagrams may be */
		}
		net_end();
	}
	mutex_unlock(&sk->writer);
	return err ? err : len;
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

static void tell(struct socket *s, struct packet *p, struct socket_msg *m)
{
	m->name_len = inet_fill_name(s->proto, &m->name, packet_source(p), p->port.source, p->dev->index);
	inet_control(s->proto, s, p, m);
}

static ssize_t udp_receive_message(struct socket *s, struct socket_msg *m)
{
	return m->flags & MSG_ERRQUEUE ? inet_receive_error(s->proto, m) : inet_receive(s, m, tell);
}

static long udp_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *sk = s->proto;
	u32 value;

	switch (cmd) {
	case SIOCINQ:
		spin_lock(&sk->lock);
		value = list_empty(&sk->receive) ? 0 : list_first(&sk->receive, struct packet, link)->len;
		spin_unlock(&sk->lock);
		break;
	case SIOCOUTQ:
		value = atomic_load_relaxed(&sk->send_charge);
		break;
	default:
		return inet_ioctl(s, cmd, arg);
	}
	return put_user_u32(value, (u32 __user *)arg);
}

static int udp_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct inet_sock *sk = s->proto;
	int n;

	if (level != SOL_UDP && !(level == SOL_UDPLITE && is_udplite(sk)))
		return inet_set_option(s, level, option, value, len);
	if (len < sizeof(n))
		return -EINVAL;
	if (copy_from_user(&n, value, sizeof(n)))
		return -EFAULT;
	if (option != UDP_CORK)
		return is_udplite(sk) ? udplite_set_option(udp_of(sk), option, n) : -ENOPROTOOPT;
	mutex_lock(&sk->writer);
	udp_of(sk)->cork = n;
	bool flush = !n && udp_of(sk)->pending;
	mutex_unlock(&sk->writer);
	if (flush) {
		struct socket_msg nothing = { .flags = 0 };
		udp_send_message(s, &nothing);
	}
	return 0;
}

static int udp_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct udp_sock *u = udp_of(s->proto);
	int n = u->cork;

	if (level != SOL_UDP && !(level == SOL_UDPLITE && is_udplite(&u->sk)))
		return inet_get_option(s, level, option, value, len);
	int err = option == UDP_CORK ? 0 : is_udplite(&u->sk) ? udplite_get_option(u, option, &n) : -ENOPROTOOPT;
	return err ? err : option_out(value, len, &n, sizeof(n));
}

static void udp_release(struct socket *s)
{
	inet_release(s->proto);
}

static void udp_destroy(struct inet_sock *sk)
{
	packet_free(udp_of(sk)->pending);
	slab_free(&udp_cache, sk);
}

static const struct proto_ops udp_ops = {
	.bind = udp_bind,
	.connect = udp_connect,
	.name = inet_name,
	.shutdown = udp_shutdown,
	.send = udp_send_message,
	.receive = udp_receive_message,
	.poll = inet_poll,
	.ioctl = udp_ioctl,
	.set_option = udp_set_option,
	.get_option = udp_get_option,
	.error = inet_error,
	.release = udp_release,
};

int udp_create(struct socket *s, int protocol)
{
	struct udp_sock *u = slab_alloc(&udp_cache, 0);

	if (!u)
		return -ENOMEM;
	memset(u, 0, sizeof(*u));
	inet_init_sock(&u->sk, SOCK_DGRAM, (u8)protocol, s);
	u->sk.destroy = udp_destroy;
	s->ops = &udp_ops;
	s->proto = u;
	s->protocol = protocol;
	return 0;
}

static int show_family(struct seq *s, struct port_table *t, u16 family)
{
	struct inet_sock *sk;

	if (family == AF_INET)
		seq_puts(s, "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n");
	else
		seq_puts(s, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
			    "inode ref pointer drops\n");
	spin_lock(&t->lock);
	for (u32 i = 0; i < PORT_BUCKETS; i++)
		list_for_each(sk, &t->buckets[i], port_link) {
			if (sk->family != family)
				continue;
			if (family == AF_INET)
				seq_puts(s, "  ");
			inet_show(s, sk, i, sk->remote_port ? 1 : 7, atomic_load_relaxed(&sk->send_charge), READ_ONCE(sk->receive_charge));
			seq_printf(s, "00:00000000 00000000 %5u        0 %lu 2 0000000000000000 %u\n", inet_owner(sk), sk->inode, atomic_load_relaxed(&sk->drops));
		}
	spin_unlock(&t->lock);
	return 0;
}

static int show_udp(struct seq *s)
{
	return show_family(s, &udp_ports, AF_INET);
}
NODE(net_udp, .path = "net/udp", .show = show_udp);

static int show_udp6(struct seq *s)
{
	return show_family(s, &udp_ports, AF_INET6);
}
NODE(net_udp6, .path = "net/udp6", .show = show_udp6);

static int show_udplite(struct seq *s)
{
	return show_family(s, &udplite_ports, AF_INET);
}
NODE(net_udplite, .path = "net/udplite", .show = show_udplite);

static int show_udplite6(struct seq *s)
{
	return show_family(s, &udplite_ports, AF_INET6);
}
NODE(net_udplite6, .path = "net/udplite6", .show = show_udplite6);
