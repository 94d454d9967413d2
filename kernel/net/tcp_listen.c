/*
 * Passive opens. A SYN makes a connection in SYN-RECEIVED, which counts its listener; when the handshake is over it goes to the listener's queue, where
 * accept finds it. A connection that ends before stays in the queue: the program will see how it ended.
 *
 * Lock: the listener's accept_lock guards its queue and counts; it is taken with a connection's lock held, never with the listener's own.
 */
#include "tcp_priv.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"
#include "vfs/vfs.h"

int tcp_listen(struct socket *s, int backlog)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	int err = 0;

	net_begin();
	spin_lock(&sk->lock);
	if (t->state == TCP_LISTEN) {
		t->backlog = (u32)backlog;
		goto out;
	}
	err = -EINVAL;
	if (t->state != TCP_CLOSED || t->connecting)
		goto out;
	err = sk->ports ? 0 : port_bind(&tcp_ports, sk, sk->local, 0);
	if (err)
		goto out;
	if (tcp_port_conflicts(t)) {
		err = -EADDRINUSE;
		goto out;
	}
	tcp_set_state(t, TCP_LISTEN);
	t->backlog = (u32)backlog;
	sk->shutdown = 0;
	sk->remote = inet_any(sk);
	sk->remote_port = 0;
	tcp_hash(t);
out:
	spin_unlock(&sk->lock);
	net_end();
	return err;
}

bool tcp_accept_full(struct tcp_sock *l)
{
	return READ_ONCE(l->accept_count) > READ_ONCE(l->backlog);
}

/* More half-open ones than this are not kept: a flood of SYNs shall not take all memory (RFC 4987). tcp_cookie.c has what is done then. */
static bool half_open_full(const struct tcp_sock *l)
{
	return READ_ONCE(l->syn_count) >= MIN(MAX(READ_ONCE(l->backlog), 128u), READ_ONCE(tcp_settings.max_syn_backlog));
}

/* What a connection has from its listener. */
static void inherit(struct tcp_sock *t, struct tcp_sock *l)
{
	t->inherited = *l->sk.options;
	t->inherited.timestamp = t->inherited.timestamp_ns = false;
	t->inherited.send_timeout = l->sk.options->send_timeout;
	t->sk.options = &t->inherited;
	t->sk.inet = l->sk.inet;
	t->sk.family = l->sk.family;
	t->sk.v6only = l->sk.v6only;
	t->sk.device = l->sk.device;
	t->sk.uid = l->sk.uid;
	t->sk.user_port = l->sk.user_port;
	t->nodelay = l->nodelay;
	t->cork = l->cork;
	t->user_mss = l->user_mss;
	t->keep_idle = l->keep_idle;
	t->keep_interval = l->keep_interval;
	t->keep_count = l->keep_count;
	t->user_timeout_ms = l->user_timeout_ms;
	t->window_clamp = l->window_clamp;
	t->linger2 = l->linger2;
	t->congestion = l->congestion;
}

struct tcp_sock *tcp_child_make(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o, u32 irs)
{
	const struct tcp_header *h = (const void *)p->transport;
	struct tcp_sock *t = tcp_alloc(NULL);
	struct packet *syn = packet_alloc(PACKET_HEADROOM, 0, ALLOC_ATOMIC);

	if (!t || !syn) {
		if (t)
			inet_put(&t->sk);
		packet_free(syn);
		return NULL;
	}
	inherit(t, l);
	t->sk.local = packet_destination(p);
	t->sk.remote = packet_source(p);
	if (address_is_link_local(t->sk.remote))
		t->sk.device = p->dev->index;
	t->sk.remote_port = be16(h->source);
	t->sk.local_port = be16(h->destination);
	t->irs = irs;
	t->rcv_nxt = t->copied_seq = t->rcv_adv = t->last_ack_sent = t->drs_seq = irs + 1;
	t->snd_wnd = t->max_window = p->tcp.window;
	t->last_heard_ns = time_ns();
	tcp_first_numbers(t);
	tcp_options_agree(t, o);
	tcp_congestion_init(t);
	syn->tcp.flags = TCP_SYN;
	list_add_tail(&t->send_queue, &syn->link);
	t->sk.send_charge = syn->charge;
	tcp_child_number(t, t->iss);
	return t;
}

void tcp_child_number(struct tcp_sock *t, u32 iss)
{
	struct packet *syn = list_first(&t->send_queue, struct packet, link);

	t->iss = t->snd_una = t->snd_nxt = t->snd_max = t->snd_up = t->snd_small = t->recover = iss;
	t->write_seq = iss + 1;
	syn->tcp.seq = iss;
	syn->tcp.end_seq = iss + 1;
	t->next = syn;
}

void tcp_child_start(struct tcp_sock *l, struct tcp_sock *t)
{
	tcp_set_state(t, TCP_SYN_RECEIVED);
	inet_get(&l->sk);
	t->listener = l;
	spin_lock(&l->accept_lock);
	l->syn_count++;
	spin_unlock(&l->accept_lock);
	port_inherit(&tcp_ports, &t->sk, t->sk.local_port);
	tcp_hash(t);
	SNMP(tcp_PassiveOpens);
}

/* RFC 9293 section 3.10.7.2, third step. */
static void answer_syn(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o)
{
	struct tcp_sock *t = tcp_child_make(l, p, o, p->tcp.seq);

	if (!t)
		return;
	spin_lock(&t->sk.lock);
	tcp_child_start(l, t);
	tcp_retransmit_first(t);
	tcp_set_retransmit_timer(t);
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk); /* the tables and the timer have theirs */
}

static void refuse_syn(struct tcp_sock *l)
{
	atomic_fetch_add(&l->sk.drops, 1);
	TCP_EXT(ListenDrops);
}

static void syn_arrives(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o)
{
	u32 cookies = READ_ONCE(tcp_settings.syncookies);

	if (tcp_accept_full(l)) {
		TCP_EXT(ListenOverflows);
		refuse_syn(l);
	} else if (packet_memory_short()) {
		refuse_syn(l);
	} else if (cookies == 2 || (cookies && half_open_full(l))) {
		tcp_cookie_send(l, p, o);
	} else if (half_open_full(l)) {
		refuse_syn(l);
	} else {
		answer_syn(l, p, o);
	}
}

void tcp_listen_segment(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o)
{
	if (p->tcp.flags & TCP_RST) {
		/* first step: ignored */
	} else if (p->tcp.flags & TCP_ACK) {
		if (!(p->tcp.flags & TCP_SYN) && tcp_cookie_ack(l, p, o))
			return;
		tcp_reset_reply(p);
	} else if (p->tcp.flags & TCP_SYN && !(p->tcp.flags & TCP_FIN)) {
		syn_arrives(l, p, o);
	}
	packet_free(p);
}

void tcp_child_established(struct tcp_sock *t)
{
	struct tcp_sock *l = t->listener;

	if (!l)
		return;
	spin_lock(&l->accept_lock);
	l->syn_count--;
	bool open = READ_ONCE(l->state) == TCP_LISTEN;
	if (open) {
		inet_get(&t->sk);
		list_add_tail(&l->accept_queue, &t->accept_link);
		l->accept_count++;
	}
	spin_unlock(&l->accept_lock);
	if (open) {
		inet_wake(&l->sk, POLLIN | POLLRDNORM);
		return;
	}
	t->listener = NULL;
	inet_put(&l->sk);
	tcp_send_reset(t);
	tcp_done(t);
}

void tcp_child_gone(struct tcp_sock *t)
{
	struct tcp_sock *l = t->listener;

	t->listener = NULL;
	if (!l)
		return;
	spin_lock(&l->accept_lock);
	bool queued = !list_empty(&t->accept_link);
	if (!queued)
		l->syn_count--;
	spin_unlock(&l->accept_lock);
	inet_put(&l->sk);
}

static struct tcp_sock *take(struct tcp_sock *l)
{
	struct tcp_sock *t = NULL;

	spin_lock(&l->accept_lock);
	if (!list_empty(&l->accept_queue)) {
		t = list_first(&l->accept_queue, struct tcp_sock, accept_link);
		list_del(&t->accept_link);
		l->accept_count--;
	}
	spin_unlock(&l->accept_lock);
	return t;
}

/* The listener ends: what nobody accepted is reset. l's lock is not held, its state is not LISTEN any more. */
void tcp_listen_stop(struct tcp_sock *l)
{
	struct tcp_sock *t;

	while ((t = take(l))) {
		spin_lock(&t->sk.lock);
		struct tcp_sock *counted = t->listener;
		t->listener = NULL;
		if (t->state != TCP_CLOSED) {
			if (t->state != TCP_TIME_WAIT)
				tcp_send_reset(t);
			tcp_done(t);
		}
		tcp_free_queues(t);
		spin_unlock(&t->sk.lock);
		port_release(&t->sk);
		if (counted)
			inet_put(&counted->sk);
		inet_put(&t->sk);
	}
	inet_wake(&l->sk, 0);
}

int tcp_accept(struct socket *s, struct socket *fresh, bool nonblock)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *l = tcp_of(sk), *t;
	u64 deadline = socket_deadline(s->options.receive_timeout, nonblock);

	for (;;) {
		if (READ_ONCE(l->state) != TCP_LISTEN)
			return -EINVAL;
		t = take(l);
		if (t)
			break;
		if (!deadline)
			return -EAGAIN;
		long waited = wait_event_interruptible_until(&sk->wait, !list_empty(&l->accept_queue) || READ_ONCE(l->state) != TCP_LISTEN, deadline);
		if (waited)
			return socket_wait_error(waited, s->options.receive_timeout);
	}
	spin_lock(&t->sk.lock);
	struct tcp_sock *counted = t->listener;
	t->listener = NULL;
	fresh->options = t->inherited;
	fresh->async = &t->sk.async;
	fresh->cookie = &t->sk.cookie;
	t->sk.inode = fresh->file ? fresh->file->inode->ino : 0;
	fresh->proto = t; /* with the queue's count */
	t->sk.socket = fresh;
	t->sk.options = &fresh->options;
	spin_unlock(&t->sk.lock);
	if (counted)
		inet_put(&counted->sk);
	return 0;
}
