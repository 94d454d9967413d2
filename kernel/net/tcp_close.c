/* The ends of connections (RFC 9293 sections 3.6 and 3.10.4, RFC 1122 section 4.2.2.13): shutdown, close with and without linger, resets, TIME-WAIT. */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

#define TIME_WAIT_MAX 8192u

static u32 established; /* atomic: RFC 1213 tcpCurrEstab */

u32 tcp_established_count(void)
{
	return atomic_load_relaxed(&established);
}

static bool counts(u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

void tcp_set_state(struct tcp_sock *t, u8 state)
{
	u8 old = t->state;

	atomic_fetch_add(&established, (u32)counts(state) - (u32)counts(old));
	if (old == TCP_TIME_WAIT && state != TCP_TIME_WAIT)
		atomic_fetch_sub(&tcp_time_wait_count, 1);
	WRITE_ONCE(t->state, state);
	if (state == TCP_ESTABLISHED) {
		t->quick_acks = 16;
		t->drs_ns = t->counts.sent_ns = t->counts.text_ns = time_ns();
		/* Of the SYNs, only the one that made the connection counts as acknowledged, as on Linux. */
		t->counts.bytes_acked += old == TCP_SYN_SENT ? 1 : -1ul;
		t->drs_seq = t->copied_seq;
		tcp_keepalive_start(t);
		inet_wake(&t->sk, POLLOUT | POLLWRNORM | POLLWRBAND);
	}
}

void tcp_free_queues(struct tcp_sock *t)
{
	packet_list_free(&t->send_queue);
	packet_list_free(&t->out_of_order);
	packet_list_free(&t->sk.receive);
	t->next = NULL;
	t->sk.send_charge = t->sk.receive_charge = t->ooo_charge = 0;
}

static void drop_sending(struct tcp_sock *t)
{
	packet_list_free(&t->send_queue);
	packet_list_free(&t->out_of_order);
	t->next = NULL;
	t->sk.send_charge = t->ooo_charge = 0;
}

void tcp_done(struct tcp_sock *t)
{
	struct inet_sock *sk = &t->sk;

	if (t->state == TCP_CLOSED)
		return;
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED)
		SNMP(tcp_AttemptFails);
	tcp_set_state(t, TCP_CLOSED);
	sk->shutdown = BOTH_SHUT;
	tcp_timers_stop(t);
	drop_sending(t);
	tcp_unhash(t);
	bool queued = t->listener && !list_empty(&t->accept_link);
	if (!queued) {
		tcp_child_gone(t);
		/* A program that bound it keeps its port until it closes. */
		if (!sk->socket || !sk->user_port)
			port_release(sk);
		if (!sk->socket)
			tcp_free_queues(t);
	}
	inet_wake(sk, 0);
}

void tcp_abort(struct tcp_sock *t, int err)
{
	if (counts(t->state))
		SNMP(tcp_EstabResets);
	atomic_store(&t->sk.error, err);
	tcp_done(t);
}

void tcp_send_reset(struct tcp_sock *t)
{
	SNMP(tcp_OutRsts);
	tcp_transmit(t, NULL, t->snd_max, TCP_RST | TCP_ACK);
}

/* --- FIN ------------------------------------------------------------------------------------------------------------ */

void tcp_send_fin(struct tcp_sock *t)
{
	struct packet *last = t->next ? list_last(&t->send_queue, struct packet, link) : NULL;

	if (!last) {
		last = packet_alloc(PACKET_HEADROOM, 0, ALLOC_ATOMIC);
		if (!last) {
			tcp_send_reset(t);
			tcp_done(t);
			return;
		}
		last->tcp.seq = last->tcp.end_seq = t->write_seq;
		list_add_tail(&t->send_queue, &last->link);
		atomic_fetch_add(&t->sk.send_charge, last->charge);
		t->next = last;
	}
	last->tcp.flags |= TCP_FIN | TCP_PSH;
	if (!last->len)
		last->tcp.flags &= (u8)~TCP_PSH;
	last->tcp.end_seq++;
	t->write_seq++;
	t->fin_queued = true;
	tcp_output(t);
}

void tcp_time_wait(struct tcp_sock *t)
{
	if (t->state != TCP_TIME_WAIT) {
		/* Too many: the newest do without, as on Linux. The ACK that is owed still goes. */
		if (atomic_load_relaxed(&tcp_time_wait_count) >= TIME_WAIT_MAX) {
			tcp_send_ack(t);
			tcp_done(t);
			return;
		}
		atomic_fetch_add(&tcp_time_wait_count, 1);
		tcp_set_state(t, TCP_TIME_WAIT);
		drop_sending(t);
		net_timer_disarm(&t->retransmit);
	}
	tcp_keep(t, KEEP_TIME_WAIT, time_ns() + TCP_TIME_WAIT_NS);
}

void tcp_fin_received(struct tcp_sock *t)
{
	struct inet_sock *sk = &t->sk;

	sk->shutdown |= RECEIVE_SHUT;
	packet_list_free(&t->out_of_order);
	t->ooo_charge = 0;
	t->sack_count = 0;
	t->ack_now = true;
	switch (t->state) {
	case TCP_ESTABLISHED:
		tcp_set_state(t, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		tcp_set_state(t, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		tcp_time_wait(t);
		break;
	}
	inet_wake(sk, 0);
}

/* Of one that no program has: the peer may keep its half open for a while only. */
static void watch_fin_wait(struct tcp_sock *t)
{
	u64 wait = t->linger2 > 0 ? (u64)t->linger2 * NSEC_PER_SEC : READ_ONCE(tcp_settings.fin_timeout) * NSEC_PER_SEC;

	if (t->linger2 < 0)
		tcp_done(t);
	else
		tcp_keep(t, KEEP_FIN_WAIT, time_ns() + wait);
}

void tcp_fin_acked(struct tcp_sock *t)
{
	switch (t->state) {
	case TCP_FIN_WAIT_1:
		tcp_set_state(t, TCP_FIN_WAIT_2);
		if (!t->sk.socket)
			watch_fin_wait(t);
		inet_wake(&t->sk, 0); /* a close that lingers */
		break;
	case TCP_CLOSING:
		tcp_time_wait(t);
		inet_wake(&t->sk, 0);
		break;
	case TCP_LAST_ACK:
		tcp_done(t);
		break;
	}
}

/* Our side sends no more. */
static void close_sending(struct tcp_sock *t)
{
	switch (t->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		tcp_set_state(t, TCP_FIN_WAIT_1);
		tcp_send_fin(t);
		break;
	case TCP_CLOSE_WAIT:
		tcp_set_state(t, TCP_LAST_ACK);
		tcp_send_fin(t);
		break;
	}
}

/* --- the calls ------------------------------------------------------------------------------------------------------ */

/* As good as new, but for what bind and setsockopt said. CLOSED already. */
static void start_over(struct tcp_sock *t)
{
	struct inet_sock *sk = &t->sk;

	tcp_free_queues(t);
	tcp_sack_go_back(t);
	t->sack_count = 0;
	t->twice.end = t->twice.start;
	t->delivered_ns = 0;
	if (!sk->user_port)
		port_release(sk);
	if (!sk->user_address)
		sk->local = inet_any(sk);
	sk->remote = inet_any(sk);
	sk->remote_port = 0;
	sk->shutdown = 0;
	t->connecting = t->fin_queued = t->fin_seen = t->fin_read = t->urgent_out = t->urgent_in = t->urgent_there = t->in_recovery = t->ack_now = t->ack_later = false;
	t->counts = (struct tcp_counts){ 0 };
	t->srtt = t->rttvar = 0;
	t->rto = TCP_RTO_INITIAL;
	t->backoff = t->retries = t->probes = 0;
	t->duplicates = t->acked_part = 0;
	t->acked_ns = 0;
	t->mss_peer = 0;
	t->rcv_mss = TCP_MSS_DEFAULT;
}

int tcp_disconnect(struct socket *s)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);

	/* Readers look at the queue without the lock. */
	mutex_lock(&sk->reader);
	net_begin();
	spin_lock(&sk->lock);
	u8 old = t->state;
	if (old == TCP_LISTEN) {
		tcp_set_state(t, TCP_CLOSED);
		tcp_unhash(t);
	} else if (old != TCP_CLOSED) {
		if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT || old == TCP_FIN_WAIT_1 || old == TCP_FIN_WAIT_2 || old == TCP_SYN_RECEIVED)
			tcp_send_reset(t);
		if (old != TCP_TIME_WAIT)
			atomic_store(&sk->error, ECONNRESET);
		tcp_done(t);
	}
	start_over(t);
	spin_unlock(&sk->lock);
	/* Last: without the lock another thread may connect or listen with it anew, which nothing here may undo. */
	if (old == TCP_LISTEN)
		tcp_listen_stop(t);
	inet_wake(sk, 0);
	net_end();
	mutex_unlock(&sk->reader);
	return 0;
}

int tcp_shutdown(struct socket *s, int how)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	u8 state = READ_ONCE(t->state);
	if (state == TCP_SYN_SENT || (state == TCP_LISTEN && how != SHUT_WR))
		return tcp_disconnect(s);
	if (state == TCP_LISTEN)
		return 0;
	net_begin();
	spin_lock(&sk->lock);
	if (t->state == TCP_CLOSED || t->state == TCP_TIME_WAIT)
		err = -ENOTCONN;
	bool fin = how != SHUT_RD && !(sk->shutdown & SEND_SHUT);
	sk->shutdown |= (u8)(how + 1);
	if (!err && fin)
		close_sending(t);
	spin_unlock(&sk->lock);
	inet_wake(sk, 0);
	net_end();
	return err;
}

/* Does our side still have something under way that a lingering close waits for? */
static bool closing(const struct tcp_sock *t)
{
	u8 state = READ_ONCE(t->state);

	return state == TCP_FIN_WAIT_1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/* close(2) for the connection. t locked. */
static void begin_close(struct tcp_sock *t, const struct abi_linger *linger)
{
	bool unread = tcp_readable(t) > 0;

	switch (t->state) {
	case TCP_CLOSED:
	case TCP_TIME_WAIT:
		break;
	case TCP_SYN_SENT:
		tcp_done(t);
		break;
	default:
		/* RFC 2525 section 2.17: text that nobody will read is said to be lost by a RST. */
		if (unread || (linger->onoff && !linger->linger)) {
			tcp_send_reset(t);
			tcp_done(t);
		} else {
			t->sk.shutdown = BOTH_SHUT;
			close_sending(t);
		}
	}
}

void tcp_release(struct socket *s)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	const struct abi_linger linger = s->options.linger;

	multicast_leave_all(sk); /* groups are of no use to TCP, and yet joined as on Linux */
	net_begin();
	spin_lock(&sk->lock);
	bool listening = t->state == TCP_LISTEN;
	if (listening) {
		tcp_set_state(t, TCP_CLOSED);
		tcp_unhash(t);
	} else {
		begin_close(t, &linger);
	}
	spin_unlock(&sk->lock);
	if (listening)
		tcp_listen_stop(t);
	net_end();
	if (linger.onoff && linger.linger && closing(t))
		wait_event_interruptible_until(&sk->wait, !closing(t), time_ns() + (u64)(u32)linger.linger * NSEC_PER_SEC);
	net_begin();
	spin_lock(&sk->lock);
	t->inherited = s->options;
	/* Whoever walks the ports (bind, /proc/net/tcp) reads through the pointer, and s goes. */
	spin_lock(&tcp_ports.lock);
	sk->options = &t->inherited;
	spin_unlock(&tcp_ports.lock);
	sk->socket = NULL;
	sk->inode = 0;
	if (t->state == TCP_CLOSED) {
		port_release(sk);
		tcp_free_queues(t);
	} else {
		packet_list_free(&sk->receive);
		sk->receive_charge = 0;
		if (t->state == TCP_FIN_WAIT_2)
			watch_fin_wait(t);
	}
	spin_unlock(&sk->lock);
	inet_put(sk);
	net_end();
}
