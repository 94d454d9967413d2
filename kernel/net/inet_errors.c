/*
 * The queue of errors (IP_RECVERR, IPV6_RECVERR): each with the data of the packet that it is about, for recvmsg with MSG_ERRQUEUE. It is bounded by the
 * receive buffer's size.
 *
 * A queued error is a packet: struct queued, then the data.
 */
#include "core/atomic.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

struct queued {
	struct abi_extended_error e;
	struct address remote, from;
	int device;
	u16 port;
};

bool inet_wants_errors(const struct inet_sock *sk, struct address remote)
{
	return address_is_v4(remote) ? sk->inet.receive_error : sk->inet.receive_error6;
}

void inet_queue_error(struct inet_sock *sk, const struct inet_error *e, u16 port, u32 skip)
{
	u32 len = e->len > skip ? e->len - skip : 0;
	struct packet *p = packet_alloc(0, (u32)sizeof(struct queued) + len, ALLOC_ATOMIC);

	if (!p)
		return;
	struct queued *q = packet_append(p, sizeof(*q));
	*q = (struct queued){
		.e = { .error = (u32)e->err, .origin = e->origin, .type = e->type, .code = e->code, .info = e->info },
		.remote = e->remote, .from = e->from, .device = e->dev ? e->dev->index : 0, .port = port,
	};
	if (len)
		memcpy(packet_append(p, len), e->transport + skip, len);
	spin_lock(&sk->lock);
	bool fits = sk->socket && sk->error_charge + p->charge <= sk->options->receive_buffer;
	if (fits) {
		list_add_tail(&sk->errors, &p->link);
		sk->error_charge += p->charge;
	}
	spin_unlock(&sk->lock);
	if (!fits) {
		atomic_fetch_add(&sk->drops, 1);
		packet_free(p);
		return;
	}
	atomic_store(&sk->error, e->err);
	inet_wake(sk, POLLERR);
}

void inet_local_error(struct inet_sock *sk, struct address to, u16 port, u32 mtu)
{
	struct inet_error e = { .remote = to, .err = EMSGSIZE, .origin = SO_EE_ORIGIN_LOCAL, .info = mtu };

	if (inet_wants_errors(sk, to)) {
		inet_queue_error(sk, &e, port, 0);
		atomic_store(&sk->error, 0); /* the call itself tells it */
	}
}

/* The next one, and what SO_ERROR is after it: the one behind it. */
static struct packet *take(struct inet_sock *sk)
{
	struct packet *p = NULL;
	int next = 0;

	spin_lock(&sk->lock);
	if (!list_empty(&sk->errors)) {
		p = list_first(&sk->errors, struct packet, link);
		list_del(&p->link);
		sk->error_charge -= p->charge;
		if (!list_empty(&sk->errors))
			next = (int)((struct queued *)list_first(&sk->errors, struct packet, link)->data)->e.error;
		atomic_store(&sk->error, next);
	}
	spin_unlock(&sk->lock);
	return p;
}

static void put_error(const struct queued *q, struct socket_msg *m)
{
	bool v4 = address_is_v4(q->remote);
	struct socket_extra *e = &m->extra[m->extra_count++];

	*e = (struct socket_extra){ .level = v4 ? SOL_IP : SOL_IPV6, .type = v4 ? IP_RECVERR : IPV6_RECVERR };
	memcpy(e->data, &q->e, sizeof(q->e));
	if (v4) {
		struct abi_sockaddr_in in = { .family = q->e.origin == SO_EE_ORIGIN_LOCAL ? AF_UNSPEC : AF_INET, .address = address_to_v4(q->from) };
		memcpy(e->data + sizeof(q->e), &in, sizeof(in));
		e->len = sizeof(q->e) + sizeof(in);
	} else {
		struct abi_sockaddr_in6 in6 = { .family = q->e.origin == SO_EE_ORIGIN_LOCAL ? AF_UNSPEC : AF_INET6 };
		if (in6.family && address_is_link_local(q->from))
			in6.scope_id = (u32)q->device;
		memcpy(in6.address, &q->from, sizeof(q->from));
		memcpy(e->data + sizeof(q->e), &in6, sizeof(in6));
		e->len = sizeof(q->e) + sizeof(in6);
	}
}

ssize_t inet_receive_error(struct inet_sock *sk, struct socket_msg *m)
{
	struct packet *p = take(sk);

	if (!p)
		return -EAGAIN;
	struct queued q;
	memcpy(&q, p->data, sizeof(q));
	packet_pull(p, sizeof(q));
	u32 want = (u32)MIN((size_t)p->len, m->data.left);
	ssize_t n = want;
	if (uio_write(&m->data, p->data, want) != want) {
		n = -EFAULT;
	} else {
		m->name_len = inet_fill_name(sk, &m->name, q.remote, q.port, q.device);
		put_error(&q, m);
		m->out_flags |= MSG_ERRQUEUE | (want < p->len ? MSG_TRUNC : 0);
	}
	packet_free(p);
	return n;
}
