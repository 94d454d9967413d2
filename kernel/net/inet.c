/*
 * What all sockets of AF_INET and AF_INET6 share: their life, send and receive buffers, paths, and the families' entry to the socket calls.
 */
#include "inet_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "core/node.h"
#include "core/registry.h"
#include "filter_priv.h"
#include "group_report.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/timer.h"
#include "netlink_priv.h"
#include "proc/cred.h"
#include "tcp_priv.h"
#include "time/time.h"
#include "vfs/vfs.h"

/* --- life ---------------------------------------------------------------------------------------------------------- */

static const struct socket_options no_options = { .send_timeout = TIME_NEVER, .receive_timeout = TIME_NEVER, .receive_low = 1 };

void inet_init_sock(struct inet_sock *sk, u8 type, u8 protocol, struct socket *s)
{
	refcount_set(&sk->ref, 1);
	spin_init(&sk->lock, "inet socket", RANK_NET_SOCKET);
	sk->type = type;
	sk->protocol = protocol;
	sk->socket = s;
	sk->family = s ? s->family : AF_INET;
	sk->local = sk->remote = inet_any(sk);
	sk->options = s ? &s->options : &no_options;
	list_init(&sk->port_link);
	list_init(&sk->receive);
	list_init(&sk->errors);
	list_init(&sk->memberships);
	wait_queue_init(&sk->wait);
	async_init(&sk->async);
	if (s) {
		s->async = &sk->async;
		s->cookie = &sk->cookie;
		s->inode = &sk->inode;
	}
	mutex_init(&sk->reader, "inet socket reader", RANK_PIPE);
	mutex_init(&sk->writer, "inet socket writer", RANK_PIPE);
	sk->inet = (struct inet_options){ .ttl = -1, .multicast_ttl = 1, .multicast_loop = true, .multicast_all = sk->family == AF_INET, .mtu_discover = IP_PMTUDISC_WANT,
					 .unicast_hops = -1, .multicast_hops = -1, .multicast_loop6 = true, .multicast_all6 = true, .mtu_discover6 = IP_PMTUDISC_WANT,
					 .checksum_at = -1 };
}

void inet_put(struct inet_sock *sk)
{
	if (sk && refcount_put(&sk->ref)) {
		filter_free(sk);
		sk->destroy(sk);
	}
}

void inet_wake(struct inet_sock *sk, u32 events)
{
	wait_wake(&sk->wait, ~0u, (void *)(u64)events);
	if (events & (POLLIN | POLLOUT | POLLERR | POLLHUP))
		async_notify(&sk->async, events & POLLERR ? POLL_ERR : events & POLLHUP ? POLL_HUP : events & POLLIN ? POLL_IN : POLL_OUT, ASYNC_BOTH);
}

int inet_error(struct socket *s)
{
	struct inet_sock *sk = s->proto;

	return atomic_xchg(&sk->error, 0);
}

/* --- buffers ------------------------------------------------------------------------------------------------------- */

void inet_charge_send(struct inet_sock *sk, struct packet *p)
{
	inet_get(sk);
	p->owner = sk;
	atomic_fetch_add(&sk->send_charge, p->charge);
}

void inet_uncharge_send(struct packet *p)
{
	struct inet_sock *sk = p->owner;

	p->owner = NULL;
	atomic_fetch_sub(&sk->send_charge, p->charge);
	inet_wake(sk, POLLOUT | POLLWRNORM | POLLWRBAND);
	inet_put(sk);
}

int inet_wait_send(struct inet_sock *sk, struct socket *s, u32 flags)
{
	u64 deadline = socket_deadline(s->options.send_timeout, flags & MSG_DONTWAIT);

	for (;;) {
		int err = atomic_xchg(&sk->error, 0);
		if (err)
			return -err;
		if (READ_ONCE(sk->shutdown) & SEND_SHUT)
			return -EPIPE;
		if (atomic_load_relaxed(&sk->send_charge) < s->options.send_buffer)
			return 0;
		if (!deadline)
			return -EAGAIN;
		long waited = wait_event_interruptible_until(&sk->wait, atomic_load_relaxed(&sk->send_charge) < s->options.send_buffer || READ_ONCE(sk->error) ||
							     READ_ONCE(sk->shutdown) & SEND_SHUT, deadline);
		if (waited)
			return socket_wait_error(waited, s->options.send_timeout);
	}
}

bool inet_queue(struct inet_sock *sk, struct packet *p)
{
	spin_lock(&sk->lock);
	if (sk->filter && !filter_takes(sk->filter, sk, p)) {
		spin_unlock(&sk->lock);
		packet_free(p);
		return false;
	}
	/* As Linux: one packet may reach over the limit. */
	bool fits = sk->socket && sk->receive_charge < sk->options->receive_buffer && sk->receive_charge + p->charge < 2 * sk->options->receive_buffer + p->charge / 2;
	if (fits) {
		if (sk->options->timestamp || sk->options->timestamp_ns || !p->stamp)
			p->stamp = time_realtime_ns();
		list_add_tail(&sk->receive, &p->link);
		sk->receive_charge += p->charge;
	}
	spin_unlock(&sk->lock);
	if (fits) {
		inet_wake(sk, POLLIN | POLLRDNORM);
		return true;
	}
	atomic_fetch_add(&sk->drops, 1);
	packet_free(p);
	return false;
}

/* The next packet, still queued if it is only looked at; NULL and *err: nothing, or why. reader held, but not while it sleeps. */
static struct packet *next(struct inet_sock *sk, struct socket *s, u32 flags, int *err)
{
	u64 deadline = socket_deadline(s->options.receive_timeout, flags & MSG_DONTWAIT);

	for (;;) {
		struct packet *p = NULL;
		*err = -atomic_xchg(&sk->error, 0);
		if (*err)
			return NULL;
		spin_lock(&sk->lock);
		if (!list_empty(&sk->receive)) {
			p = list_first(&sk->receive, struct packet, link);
			if (!(flags & MSG_PEEK)) {
				list_del(&p->link);
				sk->receive_charge -= p->charge;
			}
		}
		bool over = sk->shutdown & RECEIVE_SHUT;
		spin_unlock(&sk->lock);
		if (p)
			return p;
		*err = -EAGAIN;
		if (!deadline)
			return NULL;
		*err = 0;
		if (over)
			return NULL;
		mutex_unlock(&sk->reader);
		long waited = wait_event_interruptible_until(&sk->wait, !list_empty(&sk->receive) || READ_ONCE(sk->error) || READ_ONCE(sk->shutdown) & RECEIVE_SHUT, deadline);
		mutex_lock(&sk->reader);
		if (waited) {
			*err = socket_wait_error(waited, s->options.receive_timeout);
			return NULL;
		}
	}
}

ssize_t inet_receive(struct socket *s, struct socket_msg *m, void (*tell)(struct socket *s, struct packet *p, struct socket_msg *m))
{
	struct inet_sock *sk = s->proto;
	struct packet *p;
	ssize_t n;
	int err = 0;

	mutex_lock(&sk->reader);
	p = next(sk, s, m->flags, &err);
	if (!p) {
		mutex_unlock(&sk->reader);
		return err;
	}
	u32 want = (u32)MIN((size_t)p->len, m->data.left);
	n = m->flags & MSG_TRUNC ? p->len : want;
	if (uio_write(&m->data, p->data, want) != want) {
		n = -EFAULT;
	} else {
		if (want < p->len)
			m->out_flags |= MSG_TRUNC;
		tell(s, p, m);
	}
	if (!(m->flags & MSG_PEEK)) {
		sk->stamp = p->stamp;
		packet_free(p);
	}
	mutex_unlock(&sk->reader);
	return n;
}

u32 inet_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct inet_sock *sk = s->proto;
	u32 events = 0;

	poll_wait(pt, f, &sk->wait);
	smp_mb();
	u8 shut = READ_ONCE(sk->shutdown);
	if (READ_ONCE(sk->error) || !list_empty(&sk->errors))
		events |= POLLERR;
	if (shut & RECEIVE_SHUT)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (shut == BOTH_SHUT)
		events |= POLLHUP;
	if (!list_empty(&sk->receive))
		events |= POLLIN | POLLRDNORM;
	if (atomic_load_relaxed(&sk->send_charge) < s->options.send_buffer)
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}

void inet_shutdown_datagrams(struct inet_sock *sk)
{
	struct list gone;

	list_init(&gone);
	port_release(sk);
	spin_lock(&sk->lock);
	list_splice_tail(&gone, &sk->receive);
	list_splice_tail(&gone, &sk->errors);
	sk->receive_charge = sk->error_charge = 0;
	spin_unlock(&sk->lock);
	packet_list_free(&gone);
}

void inet_release(struct inet_sock *sk)
{
	net_begin();
	spin_lock(&sk->lock);
	sk->socket = NULL;
	sk->inode = 0;
	sk->options = &no_options;
	spin_unlock(&sk->lock);
	inet_shutdown_datagrams(sk);
	multicast_leave_all(sk);
	inet_put(sk);
	net_end();
}

/* --- paths --------------------------------------------------------------------------------------------------------- */

int inet_route(struct inet_sock *sk, struct inet_path *path, struct address to, struct address source, bool dont_route)
{
	struct netdev *dev = sk->device ? netdev_by_index(sk->device) : NULL;

	if (sk->device && !dev)
		return -ENODEV;
	if (address_is_multicast(to)) {
		int chosen = address_is_v4(to) ? sk->inet.multicast_device : sk->inet.multicast_device6;
		if (!dev && chosen)
			dev = netdev_by_index(chosen);
		if (address_is_any(source) && address_is_v4(to) && sk->inet.multicast_source)
			source = address_v4(sk->inet.multicast_source);
	}
	int err = family_of(to)->route(path, to, source, dev);
	if (!err && (dont_route || sk->options->dont_route) && !address_equal(path->next_hop, to) && path->scope == IP_UNICAST)
		err = -ENETUNREACH;
	return err;
}

u8 inet_ttl(const struct inet_sock *sk, const struct inet_path *path)
{
	const struct inet_options *o = &sk->inet;

	if (path->family == &ipv4_family)
		return path->scope == IP_MULTICASTS ? o->multicast_ttl : o->ttl < 0 ? 64 : (u8)o->ttl;
	if (path->scope == IP_MULTICASTS)
		return o->multicast_hops < 0 ? 1 : (u8)o->multicast_hops;
	return o->unicast_hops < 0 ? READ_ONCE(path->dev->hop_limit) : (u8)o->unicast_hops;
}

bool inet_dont_fragment(const struct inet_sock *sk, const struct inet_path *path)
{
	u8 discover = path->family == &ipv4_family ? sk->inet.mtu_discover : sk->inet.mtu_discover6;

	return discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE || (path->family != &ipv4_family && sk->inet.dont_fragment6);
}

u8 inet_tos(const struct inet_sock *sk, const struct inet_path *path)
{
	return path->family == &ipv4_family ? sk->inet.tos : sk->inet.traffic_class;
}

/* --- the family ---------------------------------------------------------------------------------------------------- */

static int create(struct socket *s, int protocol, int icmp)
{
	int err;

	if (protocol < 0 || protocol > 255)
		return -EINVAL;
	switch (s->type) {
	case SOCK_STREAM:
		err = protocol && protocol != PROTO_TCP ? -EPROTONOSUPPORT : tcp_create(s);
		break;
	case SOCK_DGRAM:
		if (protocol == icmp)
			return -EACCES; /* net.ipv4.ping_group_range lets nobody, as it comes */
		err = !protocol || protocol == PROTO_UDP || protocol == PROTO_UDPLITE ? udp_create(s, protocol ? protocol : PROTO_UDP) : -EPROTONOSUPPORT;
		break;
	case SOCK_RAW:
		if (!protocol)
			return -EPROTONOSUPPORT;
		err = !capable(CAP_NET_RAW) ? -EPERM : raw_create(s, protocol);
		break;
	default:
		err = -ESOCKTNOSUPPORT;
	}
	if (!err)
		((struct inet_sock *)s->proto)->uid = cred_current()->euid;
	return err;
}

static int inet_create(struct socket *s, int protocol)
{
	return create(s, protocol, PROTO_ICMP);
}
SOCKET_FAMILY(inet, .family = AF_INET, .name = "IPv4", .create = inet_create);

static int inet6_create(struct socket *s, int protocol)
{
	return create(s, protocol, PROTO_ICMPV6);
}
SOCKET_FAMILY(inet6, .family = AF_INET6, .name = "IPv6", .create = inet6_create);

static int net_init(void)
{
	packet_init();
	net_timers_init();
	group_reports_init();
	ip_protocols_init();
	neighbours_init();
	ip6_init();
	udp_init();
	raw_init();
	packet_socket_init();
	netlink_handlers[NETLINK_ROUTE] = rtnetlink_request;
	tcp_init();
	netdev_register(loopback);
	socket_device_ioctl = device_ioctl;
	return 0;
}
SUBSYSTEM(net, .needs = "sched vfs", .init = net_init, .stage = "11-net");
