/* Timers of a connection: retransmission (its length: RFC 6298), delayed ACK, and one for keep-alive, FIN-WAIT-2 and TIME-WAIT, which exclude one another. */
#include "tcp_priv.h"

#include "time/time.h"

/* RFC 6298 section 2.2, 2.3; the variance has a floor, as the clock of a peer that delays its ACKs. */
void tcp_rtt_sample(struct tcp_sock *t, u64 ns)
{
	if (!t->srtt) {
		t->srtt = MAX(ns, 1ul);
		t->rttvar = ns / 2;
	} else {
		u64 off = t->srtt > ns ? t->srtt - ns : ns - t->srtt;
		t->rttvar = (3 * t->rttvar + off) / 4;
		t->srtt = MAX((7 * t->srtt + ns) / 8, 1ul);
	}
	t->rto = MIN(t->srtt + MAX(4 * t->rttvar, TCP_RTO_MIN), TCP_RTO_MAX);
}

void tcp_timer_arm(struct tcp_sock *t, struct net_timer *timer, u64 deadline)
{
	if (net_timer_arm(timer, deadline))
		inet_get(&t->sk);
	if (timer == &t->retransmit)
		tcp_tail_watch(t);
}

static bool due(const struct net_timer *timer)
{
	return timer->deadline <= time_ns() + NSEC_PER_MSEC;
}

static void on_retransmit(struct net_timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, retransmit);

	spin_lock(&t->sk.lock);
	if (t->state != TCP_CLOSED && due(timer)) {
		net_timer_disarm(timer);
		tcp_retransmit_timeout(t);
	}
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

static void on_tail(struct net_timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, tail);

	spin_lock(&t->sk.lock);
	if (t->state != TCP_CLOSED && due(timer)) {
		net_timer_disarm(timer);
		tcp_tail_probe(t);
	}
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

static void on_delayed(struct net_timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, delayed);

	spin_lock(&t->sk.lock);
	if (t->state != TCP_CLOSED && due(timer) && t->ack_later)
		tcp_send_ack(t);
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

/* --- keep-alive (RFC 1122 section 4.2.3.6) ------------------------------------------------------------------------- */

void tcp_keep(struct tcp_sock *t, int what, u64 deadline)
{
	t->keep_what = what;
	if (what == KEEP_NONE)
		net_timer_disarm(&t->keep);
	else
		tcp_timer_arm(t, &t->keep, deadline);
}

void tcp_keepalive_start(struct tcp_sock *t)
{
	if (!t->sk.options->keep_alive) {
		if (t->keep_what == KEEP_ALIVE)
			tcp_keep(t, KEEP_NONE, 0);
	} else if (t->keep_what == KEEP_NONE && tcp_synchronized(t)) {
		t->probes = 0;
		tcp_keep(t, KEEP_ALIVE, time_ns() + t->keep_idle * NSEC_PER_SEC);
	}
}

static void keepalive(struct tcp_sock *t)
{
	u64 now = time_ns(), idle = now - t->last_heard_ns, wanted = t->keep_idle * NSEC_PER_SEC;

	if (!t->sk.options->keep_alive || !tcp_synchronized(t)) {
		t->keep_what = KEEP_NONE;
		return;
	}
	/* What is under way is looked after by its own timer. */
	if (t->snd_una != t->snd_max || !list_empty(&t->send_queue)) {
		tcp_keep(t, KEEP_ALIVE, now + wanted);
		return;
	}
	if (idle + NSEC_PER_MSEC < wanted) {
		t->probes = 0;
		tcp_keep(t, KEEP_ALIVE, t->last_heard_ns + wanted);
		return;
	}
	if (t->user_timeout_ms ? idle >= t->user_timeout_ms * NSEC_PER_MSEC && t->probes : t->probes >= t->keep_count) {
		tcp_send_reset(t);
		tcp_abort(t, ETIMEDOUT);
		return;
	}
	t->probes++;
	tcp_transmit(t, NULL, t->snd_una - 1, TCP_ACK);
	tcp_keep(t, KEEP_ALIVE, now + t->keep_interval * NSEC_PER_SEC);
}

static void on_keep(struct net_timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, keep);

	spin_lock(&t->sk.lock);
	if (t->state != TCP_CLOSED && due(timer)) {
		net_timer_disarm(timer);
		if (t->keep_what == KEEP_ALIVE)
			keepalive(t);
		else if (t->keep_what != KEEP_NONE)
			tcp_done(t); /* waited long enough */
	}
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

void tcp_timers_init(struct tcp_sock *t)
{
	net_timer_init(&t->retransmit, on_retransmit);
	net_timer_init(&t->delayed, on_delayed);
	net_timer_init(&t->keep, on_keep);
	net_timer_init(&t->tail, on_tail);
	t->rto = TCP_RTO_INITIAL;
}

/* The caller has a count of its own. */
void tcp_timers_stop(struct tcp_sock *t)
{
	struct net_timer *all[] = { &t->retransmit, &t->delayed, &t->keep, &t->tail };

	t->keep_what = KEEP_NONE;
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		net_timer_disarm(all[i]);
		if (net_timer_remove(all[i]))
			inet_put(&t->sk);
	}
}
