/*
 * What all sockets of AF_INET share: their life, names, send and receive buffers, and the family's entry to the socket calls.
 */
#include "inet_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "core/node.h"
#include "core/registry.h"
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
	sk->options = s ? &s->options : &no_options;
	list_init(&sk->port_link);
	list_init(&sk->receive);
	list_init(&sk->memberships);
	wait_queue_init(&sk->wait);
	async_init(&sk->async);
	if (s)
		s->async = &sk->async;
	mutex_init(&sk->reader, "inet socket reader", RANK_PIPE);
	mutex_init(&sk->writer, "inet socket writer", RANK_PIPE);
	sk->inet = (struct inet_options){ .ttl = -1, .multicast_ttl = 1, .multicast_loop = true, .multicast_all = true, .mtu_discover = IP_PMTUDISC_WANT };
}

void inet_put(struct inet_sock *sk)
{
	if (sk && refcount_put(&sk->ref))
		sk->destroy(sk);
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

struct packet *inet_next(struct inet_sock *sk, struct socket *s, u32 flags, int *err)
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

void inet_consumed(struct inet_sock *sk, struct packet *p)
{
	sk->stamp = p->stamp;
	packet_free(p);
}

u32 inet_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct inet_sock *sk = s->proto;
	u32 events = 0;

	poll_wait(pt, f, &sk->wait);
	smp_mb();
	u8 shut = READ_ONCE(sk->shutdown);
	if (READ_ONCE(sk->error))
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
	sk->receive_charge = 0;
	spin_unlock(&sk->lock);
	packet_list_free(&gone);
}

void inet_release(struct inet_sock *sk)
{
	net_begin();
	spin_lock(&sk->lock);
	sk->socket = NULL;
	sk->options = &no_options;
	spin_unlock(&sk->lock);
	inet_shutdown_datagrams(sk);
	multicast_leave_all(sk);
	inet_put(sk);
	net_end();
}

/* --- names --------------------------------------------------------------------------------------------------------- */

void inet_fill_name(struct abi_sockaddr *out, u32 address, u16 port)
{
	struct abi_sockaddr_in in = { .family = AF_INET, .port = be16(port), .address = address };

	memcpy(out, &in, sizeof(in));
}

int inet_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct inet_sock *sk = s->proto;
	int err = 0;

	spin_lock(&sk->lock);
	if (!peer)
		inet_fill_name(out, sk->local, sk->local_port);
	else if (sk->remote_port && (sk->protocol != PROTO_TCP || tcp_is_connected(sk)))
		inet_fill_name(out, sk->remote, sk->remote_port);
	else
		err = -ENOTCONN;
	spin_unlock(&sk->lock);
	return err ? err : (int)SOCKADDR_IN_LEN;
}

int inet_check_name(const struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct abi_sockaddr_in *out)
{
	if (len < SOCKADDR_IN_LEN)
		return -EINVAL;
	memcpy(out, name, sizeof(*out));
	/* Programs of old leave the family out with "any address": Linux forgives them. */
	if (out->family != AF_INET && !(out->family == AF_UNSPEC && out->address == IP_ANY))
		return -EAFNOSUPPORT;
	if (out->address && !sk->inet.free_bind) {
		enum ip_scope scope = ip_scope_of(out->address);
		if (scope == IP_UNICAST || (sk->type == SOCK_STREAM && scope != IP_LOCAL))
			return -EADDRNOTAVAIL;
	}
	u16 port = be16(out->port);
	if (port && port < 1024 && sk->type != SOCK_RAW && !capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	return 0;
}

int inet_check_destination(const struct abi_sockaddr *name, u32 len, struct abi_sockaddr_in *out)
{
	if (len < SOCKADDR_IN_LEN)
		return -EINVAL;
	memcpy(out, name, sizeof(*out));
	return out->family == AF_INET ? 0 : -EAFNOSUPPORT;
}

/* --- paths --------------------------------------------------------------------------------------------------------- */

int inet_route(struct inet_sock *sk, struct ip_path *path, u32 to, u32 source, bool dont_route)
{
	struct netdev *dev = sk->device ? netdev_by_index(sk->device) : NULL;

	if (sk->device && !dev)
		return -ENODEV;
	if (ip_is_multicast(to)) {
		if (!dev && sk->inet.multicast_device)
			dev = netdev_by_index(sk->inet.multicast_device);
		if (!source)
			source = sk->inet.multicast_source;
	}
	int err = ip_route(path, to, source, dev);
	if (!err && (dont_route || sk->options->dont_route) && path->next_hop != to && path->scope == IP_UNICAST)
		err = -ENETUNREACH;
	return err;
}

u8 inet_ttl(const struct inet_sock *sk, const struct ip_path *path)
{
	if (path->scope == IP_MULTICASTS)
		return sk->inet.multicast_ttl;
	return sk->inet.ttl < 0 ? 64 : (u8)sk->inet.ttl;
}

/* --- control messages ---------------------------------------------------------------------------------------------- */

static void put_extra(struct socket_msg *m, int level, int type, const void *data, u32 len)
{
	if (m->extra_count == SOCKET_EXTRA_MAX)
		return;
	struct socket_extra *e = &m->extra[m->extra_count++];
	*e = (struct socket_extra){ .level = level, .type = type, .len = len };
	memcpy(e->data, data, len);
}

void inet_control(struct inet_sock *sk, struct socket *s, struct packet *p, const struct ip_header *ip, struct socket_msg *m)
{
	if (s->options.timestamp || s->options.timestamp_ns) {
		u64 unit = s->options.timestamp_ns ? 1 : 1000;
		u64 pair[2] = { p->stamp / NSEC_PER_SEC, p->stamp % NSEC_PER_SEC / unit };
		put_extra(m, SOL_SOCKET, s->options.timestamp_ns ? SO_TIMESTAMPNS_OLD : SO_TIMESTAMP_OLD, pair, sizeof(pair));
	}
	if (sk->inet.packet_info) {
		struct abi_in_pktinfo info = { .index = p->dev->index, .spec_dst = ip->destination, .address = ip->destination };
		put_extra(m, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (sk->inet.receive_ttl) {
		int ttl = ip->ttl;
		put_extra(m, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	}
	if (sk->inet.receive_tos)
		put_extra(m, SOL_IP, IP_TOS, &ip->tos, sizeof(ip->tos));
}

int inet_send_control(const struct socket_msg *m, struct send_control *c)
{
	*c = (struct send_control){ .ttl = -1, .tos = -1 };
	for (u32 i = 0; i < m->extra_count; i++) {
		const struct socket_extra *e = &m->extra[i];
		struct abi_in_pktinfo info;
		int value;
		if (e->level != SOL_IP)
			continue;
		switch (e->type) {
		case IP_PKTINFO:
			if (e->len != sizeof(info))
				return -EINVAL;
			memcpy(&info, e->data, sizeof(info));
			c->device = info.index;
			c->source = info.spec_dst;
			break;
		case IP_TTL:
		case IP_TOS:
			if (e->len != sizeof(value) && !(e->type == IP_TOS && e->len == 1))
				return -EINVAL;
			value = e->data[0];
			if (e->len == sizeof(value))
				memcpy(&value, e->data, sizeof(value));
			if (value < (e->type == IP_TTL) || value > 255)
				return -EINVAL;
			*(e->type == IP_TTL ? &c->ttl : &c->tos) = value;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

/* --- /proc/net ------------------------------------------------------------------------------------------------------ */

void ip_text(char out[16], u32 address)
{
	const u8 *b = (const u8 *)&address;

	ksnprintf(out, 16, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

void inet_show(struct seq *s, struct inet_sock *sk, u32 number, u8 state, u32 sent, u32 received)
{
	seq_printf(s, "%4u: %08X:%04X %08X:%04X %02X %08X:%08X ", number, sk->local, sk->local_port, sk->remote, sk->remote_port, state, sent, received);
}

/* --- the family ---------------------------------------------------------------------------------------------------- */

static int inet_create(struct socket *s, int protocol)
{
	int err;

	if (protocol < 0 || protocol > 255)
		return -EINVAL;
	switch (s->type) {
	case SOCK_STREAM:
		err = protocol && protocol != PROTO_TCP ? -EPROTONOSUPPORT : tcp_create(s);
		break;
	case SOCK_DGRAM:
		if (protocol == PROTO_ICMP)
			return -EACCES; /* net.ipv4.ping_group_range lets nobody, as it comes */
		err = protocol && protocol != PROTO_UDP ? -EPROTONOSUPPORT : udp_create(s);
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
SOCKET_FAMILY(inet, .family = AF_INET, .name = "IPv4", .create = inet_create);

static int net_init(void)
{
	packet_init();
	net_timers_init();
	ip_protocols_init();
	neighbours_init();
	udp_init();
	raw_init();
	packet_socket_init();
	netlink_init();
	tcp_init();
	netdev_register(loopback);
	socket_device_ioctl = device_ioctl;
	return 0;
}
SUBSYSTEM(net, .needs = "sched vfs", .init = net_init, .stage = "11-net");
