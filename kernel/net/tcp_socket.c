/* TCP sockets: bind, connect, send, poll. The other calls: tcp_listen.c, tcp_read.c, tcp_close.c, tcp_sockopt.c. */
#include "tcp_priv.h"

#include "core/err.h"
#include "core/node.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "time/time.h"
#include "usermode/uaccess.h"

#define PIECE_LEAST 832u /* a packet has room for so much at least, for writes that follow */

static struct slab_cache tcp_cache;

void tcp_init(void)
{
	slab_cache_init(&tcp_cache, "tcp_sock", sizeof(struct tcp_sock), 0);
	tcp_table_init();
}

static void tcp_destroy(struct inet_sock *sk)
{
	tcp_free_queues(tcp_of(sk));
	slab_free(&tcp_cache, sk);
}

/* What we ask the other side for. */
static void offer_options(struct tcp_sock *t)
{
	t->ts_ok = READ_ONCE(tcp_settings.timestamps);
	t->scale_ok = READ_ONCE(tcp_settings.window_scaling);
	t->sack_ok = READ_ONCE(tcp_settings.sack);
	t->rcv_scale = t->scale_ok ? 7 : 0;
}

struct tcp_sock *tcp_alloc(struct socket *s)
{
	struct tcp_sock *t = slab_alloc(&tcp_cache, s ? 0 : ALLOC_ATOMIC);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	inet_init_sock(&t->sk, SOCK_STREAM, PROTO_TCP, s);
	t->sk.destroy = tcp_destroy;
	t->state = TCP_CLOSED;
	list_init(&t->hash_link);
	list_init(&t->send_queue);
	list_init(&t->out_of_order);
	list_init(&t->accept_queue);
	list_init(&t->accept_link);
	spin_init(&t->accept_lock, "accept queue", RANK_NET_ACCEPT);
	tcp_timers_init(t);
	offer_options(t);
	t->congestion = READ_ONCE(tcp_congestion_default);
	t->rcv_mss = TCP_MSS_DEFAULT;
	t->mss = TCP_MSS_DEFAULT;
	t->mtu = 1500;
	t->receive_auto = READ_ONCE(tcp_settings.rmem[1]);
	t->send_auto = READ_ONCE(tcp_settings.wmem[1]);
	t->syn_retries = (u8)READ_ONCE(tcp_settings.syn_retries);
	t->keep_idle = READ_ONCE(tcp_settings.keep_idle);
	t->keep_interval = READ_ONCE(tcp_settings.keep_interval);
	t->keep_count = READ_ONCE(tcp_settings.keep_count);
	work_init(&t->tell_work, tcp_tell_urgent);
	return t;
}

bool tcp_is_connected(const struct inet_sock *sk)
{
	const struct tcp_sock *t = (const struct tcp_sock *)sk;

	return t->state != TCP_CLOSED && t->state != TCP_LISTEN && t->state != TCP_SYN_SENT && t->state != TCP_TIME_WAIT;
}

/* --- bind, connect --------------------------------------------------------------------------------------------------- */

static int tcp_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct inet_sock *sk = s->proto;
	struct inet_name in;
	int err = inet_check_name(sk, name, len, &in);

	if (err)
		return err;
	spin_lock(&sk->lock);
	if (tcp_of(sk)->state != TCP_CLOSED || sk->ports) {
		err = -EINVAL;
	} else {
		err = port_bind(&tcp_ports, sk, in.address, in.port);
		sk->user_address = !err && !address_is_any(in.address);
		sk->user_port = !err && in.port;
	}
	spin_unlock(&sk->lock);
	return err;
}

/* Sends the SYN. t locked, CLOSED. */
static int begin_connect(struct tcp_sock *t, const struct inet_name *in)
{
	struct inet_sock *sk = &t->sk;
	struct inet_path path;

	if (in->device)
		sk->device = in->device;
	int err = inet_route(sk, &path, in->address, sk->local, false);
	if (err)
		return err;
	if (path.scope == IP_BROADCASTS || path.scope == IP_MULTICASTS)
		return -ENETUNREACH;
	struct packet *syn = packet_alloc(PACKET_HEADROOM, 0, ALLOC_ATOMIC);
	if (!syn)
		return -ENOBUFS;
	struct address local_before = sk->local;
	if (address_is_any(sk->local))
		sk->local = path.source;
	sk->remote = address_is_any(in->address) ? path.next_hop : in->address;
	sk->remote_port = in->port;
	err = tcp_hash_connect(t);
	if (err) {
		sk->local = local_before;
		sk->remote = inet_any(sk);
		sk->remote_port = 0;
		packet_free(syn);
		return err;
	}
	t->mtu = path.mtu;
	offer_options(t);
	t->snd_scale = 0;
	tcp_first_numbers(t);
	t->rcv_nxt = t->rcv_adv = t->copied_seq = 0;
	syn->tcp.seq = t->iss;
	syn->tcp.end_seq = t->write_seq = t->iss + 1;
	syn->tcp.flags = TCP_SYN;
	list_add_tail(&t->send_queue, &syn->link);
	sk->send_charge = syn->charge;
	t->next = syn;
	t->connecting = true;
	sk->shutdown = 0;
	atomic_store(&sk->error, 0);
	t->last_heard_ns = time_ns();
	tcp_set_state(t, TCP_SYN_SENT);
	SNMP(tcp_ActiveOpens);
	tcp_retransmit_first(t);
	tcp_set_retransmit_timer(t);
	return 0;
}

/* How a connect that was begun ended. Its socket may try again after a failure. */
static int end_connect(struct socket *s, struct tcp_sock *t)
{
	struct inet_sock *sk = &t->sk;
	int err = 0;

	t->connecting = false;
	if (READ_ONCE(t->state) == TCP_CLOSED) {
		err = -atomic_xchg(&sk->error, 0);
		if (!err)
			err = -ECONNABORTED;
		tcp_disconnect(s);
	}
	return err;
}

static bool handshake(const struct tcp_sock *t)
{
	u8 state = READ_ONCE(t->state);

	return state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
}

static int tcp_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	struct inet_name in;
	bool begun = false;
	int err;

	if (len < sizeof(u16))
		return -EINVAL;
	if (name->family == AF_UNSPEC)
		return tcp_disconnect(s);
	net_begin();
	spin_lock(&sk->lock);
	if (t->connecting) {
		err = nonblock && handshake(t) ? -EALREADY : 0;
	} else if (t->state != TCP_CLOSED) {
		err = -EISCONN;
	} else {
		err = inet_check_destination(sk, name, len, &in);
		if (!err)
			err = begin_connect(t, &in);
		begun = !err;
	}
	/* The answer may come as soon as the lock is let go: that is another call's business. */
	if (begun && nonblock)
		err = -EINPROGRESS;
	spin_unlock(&sk->lock);
	net_end();
	if (err)
		return err;
	u64 deadline = socket_deadline(s->options.send_timeout, false);
	long waited = wait_event_interruptible_until(&sk->wait, !handshake(t), deadline);
	if (waited == -ETIMEDOUT)
		return -EINPROGRESS;
	if (waited)
		return socket_wait_error(waited, s->options.send_timeout);
	return end_connect(s, t);
}

/* --- send ----------------------------------------------------------------------------------------------------------- */

u32 tcp_send_limit(const struct tcp_sock *t)
{
	if (t->sk.options->send_buffer_set)
		return t->sk.options->send_buffer;
	/* Room for twice of what may be under way: one half flies, the other is written meanwhile. */
	u64 want = MAX((u64)t->send_auto, 3ul * MIN(t->cwnd, MAX(t->snd_wnd, t->mss)));
	return (u32)MIN(want, (u64)MAX(READ_ONCE(tcp_settings.wmem[2]), t->send_auto));
}

/* As Linux: a third of the buffer must be free again. */
bool tcp_writable(const struct tcp_sock *t)
{
	u32 used = atomic_load_relaxed(&t->sk.send_charge), limit = tcp_send_limit(t);

	return used < limit && limit - used >= used / 2;
}

static bool has_room(const struct tcp_sock *t)
{
	return atomic_load_relaxed(&t->sk.send_charge) < tcp_send_limit(t);
}

void tcp_wake_writer(struct tcp_sock *t)
{
	if (tcp_writable(t))
		inet_wake(&t->sk, POLLOUT | POLLWRNORM);
}

/* Until text may be added: 0 or -errno. writer held; let go while it waits. */
static int wait_to_send(struct socket *s, struct tcp_sock *t, u64 deadline)
{
	struct inet_sock *sk = &t->sk;

	for (;;) {
		int err = atomic_xchg(&sk->error, 0);
		if (err)
			return -err;
		if (sk->shutdown & SEND_SHUT || !(handshake(t) || tcp_can_send(t)))
			return -EPIPE;
		if (!handshake(t) && has_room(t))
			return 0;
		if (!deadline)
			return -EAGAIN;
		mutex_unlock(&sk->writer);
		long waited = wait_event_interruptible_until(&sk->wait, (!handshake(t) && tcp_writable(t)) || READ_ONCE(sk->error) || READ_ONCE(sk->shutdown) & SEND_SHUT ||
							     !(handshake(t) || tcp_can_send(t)), deadline);
		mutex_lock(&sk->writer);
		if (waited)
			return socket_wait_error(waited, s->options.send_timeout);
	}
}

/* The queue's last packet, which was not sent, with room for `more` bytes: itself, or one that takes its place. NULL: memory is short. */
static struct packet *widen_last(struct tcp_sock *t, struct packet *last, u32 more)
{
	if (!packet_shared(last) && packet_tailroom(last) >= more)
		return last;
	struct packet *wide = packet_alloc(PACKET_HEADROOM, MIN(MAX(2 * last->len, last->len + more), t->mss), ALLOC_ATOMIC);
	if (!wide)
		return NULL;
	memcpy(packet_append(wide, last->len), last->data, last->len);
	wide->tcp = last->tcp;
	list_add(&last->link, &wide->link);
	list_del(&last->link);
	if (t->next == last)
		t->next = wide;
	atomic_fetch_add(&t->sk.send_charge, wide->charge - last->charge);
	packet_free(last);
	return wide;
}

/* Adds p's text to the queue's last packet, if that was not sent: then p is used up. So small writes gather while Nagle holds them back. t locked. */
static bool append_to_last(struct tcp_sock *t, struct packet *p)
{
	if (!t->next)
		return false;
	struct packet *last = list_last(&t->send_queue, struct packet, link);
	if (seq_before(last->tcp.seq, t->snd_max) || last->tcp.flags & (u8)~TCP_PSH || last->len + p->len > t->mss)
		return false;
	last = widen_last(t, last, p->len);
	if (!last)
		return false;
	memcpy(packet_append(last, p->len), p->data, p->len);
	last->tcp.end_seq += p->len;
	packet_free(p);
	return true;
}

/* t locked: queues p, which holds text. */
static void queue_text(struct tcp_sock *t, struct packet *p, bool push, bool urgent)
{
	u32 len = p->len;

	if (!append_to_last(t, p)) {
		p->tcp.seq = t->write_seq;
		p->tcp.end_seq = t->write_seq + len;
		list_add_tail(&t->send_queue, &p->link);
		atomic_fetch_add(&t->sk.send_charge, p->charge);
		if (!t->next)
			t->next = p;
	}
	t->write_seq += len;
	struct packet *last = list_last(&t->send_queue, struct packet, link);
	if (push)
		last->tcp.flags |= TCP_PSH;
	if (urgent) {
		t->urgent_out = true;
		t->snd_up = t->write_seq;
	}
}

/* One packet's worth of the message: bytes, or -errno. writer held. */
static ssize_t send_piece(struct tcp_sock *t, struct socket_msg *m)
{
	struct inet_sock *sk = &t->sk;
	u32 mss = READ_ONCE(t->mss), len = (u32)MIN(m->data.left, (size_t)MAX(TCP_CHUNK / mss, 1u) * mss);
	if (len > mss)
		len -= len % mss; /* the rest is a segment that may have to wait */
	u32 room = MIN(MAX(len, PIECE_LEAST), MAX(mss, len));
	struct packet *p = packet_alloc(PACKET_HEADROOM, room, ALLOC_USER);

	if (!p)
		return -ENOBUFS;
	size_t got = uio_read(&m->data, packet_append(p, len), len);
	if (got < len)
		packet_trim(p, (u32)got);
	if (!got) {
		packet_free(p);
		return -EFAULT;
	}
	bool last = !m->data.left || got < len;
	net_begin();
	spin_lock(&sk->lock);
	if (!tcp_can_send(t) || sk->shutdown & SEND_SHUT) {
		spin_unlock(&sk->lock);
		net_end();
		packet_free(p);
		return -EPIPE;
	}
	queue_text(t, p, last && !(m->flags & MSG_MORE), last && m->flags & MSG_OOB);
	bool cork = t->cork;
	if (m->flags & MSG_MORE)
		t->cork = true;
	tcp_output(t);
	t->cork = cork;
	spin_unlock(&sk->lock);
	net_end();
	return got < len ? -EFAULT : (ssize_t)got;
}

ssize_t tcp_send_message(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	u64 deadline = socket_deadline(s->options.send_timeout, m->flags & MSG_DONTWAIT);
	size_t total = m->data.left;
	ssize_t err = 0;

	if (m->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	mutex_lock(&sk->writer);
	do {
		err = wait_to_send(s, t, deadline);
		if (err || !m->data.left)
			break;
		err = send_piece(t, m);
		if (err > 0)
			err = 0;
	} while (!err && m->data.left);
	mutex_unlock(&sk->writer);
	ssize_t done = (ssize_t)(total - m->data.left);
	if (done || !err)
		return done;
	if (err == -EPIPE)
		socket_broken_pipe(m->flags);
	return err;
}

/* --- poll ----------------------------------------------------------------------------------------------------------- */

static u32 tcp_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	u32 events = 0;

	poll_wait(pt, f, &sk->wait);
	smp_mb();
	u8 state = READ_ONCE(t->state), shut = READ_ONCE(sk->shutdown);
	if (state == TCP_LISTEN)
		return list_empty(&t->accept_queue) ? 0 : POLLIN | POLLRDNORM;
	if (shut == BOTH_SHUT || state == TCP_CLOSED || state == TCP_TIME_WAIT)
		events |= POLLHUP;
	if (shut & RECEIVE_SHUT)
		events |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (!handshake(t)) {
		u32 target = (u32)s->options.receive_low;
		if (t->urgent_in && READ_ONCE(t->rcv_up) == READ_ONCE(t->copied_seq) && !s->options.oob_inline)
			target++;
		if (tcp_readable(t) >= target)
			events |= POLLIN | POLLRDNORM;
		if (shut & SEND_SHUT || tcp_writable(t))
			events |= POLLOUT | POLLWRNORM;
		if (t->urgent_there)
			events |= POLLPRI;
	}
	if (READ_ONCE(sk->error))
		events |= POLLERR;
	return events;
}

static bool tcp_listening(struct socket *s)
{
	return READ_ONCE(tcp_of(s->proto)->state) == TCP_LISTEN;
}

static const struct proto_ops tcp_ops = {
	.bind = tcp_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.name = inet_name,
	.shutdown = tcp_shutdown,
	.send = tcp_send_message,
	.receive = tcp_receive_message,
	.poll = tcp_poll,
	.ioctl = tcp_ioctl,
	.set_option = tcp_set_option,
	.get_option = tcp_get_option,
	.option_changed = tcp_option_changed,
	.error = inet_error,
	.listening = tcp_listening,
	.release = tcp_release,
};

int tcp_create(struct socket *s)
{
	struct tcp_sock *t = tcp_alloc(s);

	if (!t)
		return -ENOMEM;
	s->options.send_buffer = t->send_auto;
	s->options.receive_buffer = t->receive_auto;
	s->ops = &tcp_ops;
	s->proto = t;
	s->protocol = PROTO_TCP;
	return 0;
}
