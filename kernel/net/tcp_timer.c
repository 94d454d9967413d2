/* Timers of a connection: retransmission (its length, and what is sent again: tcp_retransmit.c), delayed ACK, and one for keep-alive, FIN-WAIT-2 and TIME-WAIT, which exclude one another. */
#include "tcp_priv.h"

#include "time/time.h"

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

/* --- the retransmission timer's other uses, and its end ------------------------------------------------------------- */

static u32 tries_allowed(const struct tcp_sock *t)
{
	if (t->state == TCP_SYN_SENT)
		return t->syn_retries;
	if (t->state == TCP_SYN_RECEIVED)
		return READ_ONCE(tcp_settings.synack_retries);
	return t->sk.socket || t->listener ? READ_ONCE(tcp_settings.retries) : TCP_ORPHAN_RETRIES;
}

bool tcp_gives_up(struct tcp_sock *t)
{
	u64 now = time_ns();

	if (!t->retries)
		t->first_try_ns = list_first(&t->send_queue, struct packet, link)->tcp.sent_ns;
	bool late = t->user_timeout_ms && now - t->first_try_ns > t->user_timeout_ms * NSEC_PER_MSEC;
	if (t->retries < tries_allowed(t) && !late)
		return false;
	int soft = t->state == TCP_SYN_SENT ? atomic_load_relaxed(&t->sk.error) : 0;
	tcp_abort(t, soft ? soft : ETIMEDOUT);
	return true;
}

void tcp_persist_timer(struct tcp_sock *t)
{
	/* Held back by Nagle alone it needs no timer: an ACK will come, or more to send. */
	bool shut = t->next && seq_after(t->next->tcp.end_seq, t->snd_una + t->snd_wnd);

	if (list_empty(&t->send_queue) || (!shut && !t->cork))
		net_timer_disarm(&t->retransmit);
	else if (t->retransmit.deadline == TIME_NEVER)
		tcp_timer_arm(t, &t->retransmit, time_ns() + (t->cork ? 200 * NSEC_PER_MSEC : MIN(t->rto << MIN(t->backoff, (u8)16), TCP_RTO_MAX)));
}

/* Section 3.8.6.1: a segment that the peer must answer, with a number that it has had before. */
static void probe(struct tcp_sock *t)
{
	/* RFC 1122 section 4.2.2.17: as long as the peer answers the connection stays, unless no program waits for it any more. */
	bool silent = time_ns() - t->last_heard_ns > 2 * TCP_RTO_MAX;
	if (t->sk.socket ? silent && t->probes >= READ_ONCE(tcp_settings.retries) : t->probes >= TCP_ORPHAN_RETRIES) {
		tcp_abort(t, ETIMEDOUT);
		return;
	}
	if (t->probes < 255)
		t->probes++;
	tcp_transmit(t, NULL, t->snd_una - 1, TCP_ACK);
	u8 shift = MIN(t->probes, (u8)10);
	tcp_timer_arm(t, &t->retransmit, time_ns() + MIN(t->rto << shift, TCP_RTO_MAX));
}

void tcp_persist_timeout(struct tcp_sock *t)
{
	/* What is corked goes now; a shut window is asked about. */
	bool cork = t->cork;

	t->cork = false;
	tcp_output(t);
	t->cork = cork;
	if (t->state != TCP_CLOSED && t->next && t->snd_una == t->snd_max)
		probe(t);
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
