/*
 * TCP, segments that come in (RFC 9293 section 3.10.7): the numbered steps of the RFC are the functions below.
 *
 *                                CLOSED
 *               passive open  ╱          ╲  active open, SYN sent
 *                      LISTEN ── SYN ──► SYN-RECEIVED ◄── SYN ── SYN-SENT
 *                                             │ ACK                 │ SYN,ACK
 *                                             ▼                     ▼
 *                         close, FIN sent ◄── ESTABLISHED ──► FIN came
 *                   FIN-WAIT-1 ── FIN came ──► CLOSING            CLOSE-WAIT
 *              FIN acked │          FIN acked │                       │ close, FIN sent
 *                   FIN-WAIT-2 ── FIN ──► TIME-WAIT               LAST-ACK ── FIN acked ──► CLOSED
 */
#include "tcp_priv.h"

#include "core/todo.h"
#include "time/time.h"

/* Section 3.4, table 6: the four cases. */
bool tcp_acceptable(const struct tcp_sock *t, const struct packet *p)
{
#ifdef SOLUTION
	u32 window = t->rcv_adv - t->rcv_nxt, length = p->tcp.end_seq - p->tcp.seq;

	if (!window)
		return !length && p->tcp.seq == t->rcv_nxt;
	bool first = !seq_before(p->tcp.seq, t->rcv_nxt) && seq_before(p->tcp.seq, t->rcv_adv);
	if (!length)
		return first;
	return first || (seq_after(p->tcp.end_seq, t->rcv_nxt) && !seq_after(p->tcp.end_seq, t->rcv_adv)) ||
	       (seq_before(p->tcp.seq, t->rcv_nxt) && seq_after(p->tcp.end_seq, t->rcv_adv));
#else
	TODO("11-net");
#endif
}

#ifdef SOLUTION
/* Takes what was acknowledged off the queue. */
static void drop_acked(struct tcp_sock *t, u32 ack, u64 *rtt)
{
	while (!list_empty(&t->send_queue)) {
		struct packet *p = list_first(&t->send_queue, struct packet, link);
		if (seq_after(p->tcp.end_seq, ack)) {
			/* Part of it: a FIN is always at the end, a SYN alone. */
			if (seq_after(ack, p->tcp.seq)) {
				packet_pull(p, ack - p->tcp.seq);
				p->tcp.seq = ack;
			}
			break;
		}
		/* Karn: what was sent twice says nothing about the time; nor does what arrived before, and waited for others. */
		if (!p->tcp.retransmitted && !p->tcp.sacked)
			*rtt = time_ns() - p->tcp.sent_ns;
		if (t->next == p)
			t->next = p->link.next == &t->send_queue ? NULL : list_next(p, link);
		list_del(&p->link);
		atomic_fetch_sub(&t->sk.send_charge, p->charge);
		packet_free(p);
	}
	if (seq_before(t->snd_nxt, ack))
		t->snd_nxt = ack;
}

static void new_ack(struct tcp_sock *t, const struct packet *p)
{
	u32 bytes = p->tcp.ack - t->snd_una, flight = t->snd_max - t->snd_una;
	u64 rtt = 0;

	t->snd_una = p->tcp.ack;
	t->urgent_out &= seq_after(t->snd_up, t->snd_una);
	drop_acked(t, p->tcp.ack, &rtt);
	/* After a retransmission the echoed time still tells which of the two was heard (RFC 7323 section 4). */
	if (!rtt)
		rtt = tcp_ts_rtt(t, p);
	if (rtt)
		tcp_rtt_sample(t, rtt);
	t->backoff = t->retries = 0;
	t->acked_ns = time_ns();
	tcp_congestion_acked(t, bytes, flight);
	tcp_set_retransmit_timer(t);
	tcp_wake_writer(t);
}

/* Section 3.10.7.4: p is not older than the segment that the window is from. If no number tells, the larger window is the newer: none is taken back. */
static bool window_is_news(const struct tcp_sock *t, const struct packet *p)
{
	if (p->tcp.seq != t->snd_wl1)
		return seq_after(p->tcp.seq, t->snd_wl1);
	return seq_after(p->tcp.ack, t->snd_wl2) || (p->tcp.ack == t->snd_wl2 && p->tcp.window > t->snd_wnd);
}

static void take_window(struct tcp_sock *t, const struct packet *p)
{
	if (p->tcp.window > t->snd_wnd)
		t->probes = 0;
	t->snd_wnd = p->tcp.window;
	t->snd_wl1 = p->tcp.seq;
	t->snd_wl2 = p->tcp.ack;
	t->max_window = MAX(t->max_window, t->snd_wnd);
}
#endif

/* Step 5 in a synchronized state. */
bool tcp_acknowledge(struct tcp_sock *t, struct packet *p)
{
#ifdef SOLUTION
	u32 ack = p->tcp.ack;

	/* RFC 5961 section 5.2: too old, or for what was never sent. */
	if (seq_after(ack, t->snd_max) || seq_before(ack, t->snd_una - t->max_window)) {
		tcp_challenge(t);
		return false;
	}
	bool window_same = p->tcp.window == t->snd_wnd, news = tcp_sack_take(t, p);
	if (!seq_before(ack, t->snd_una) && window_is_news(t, p))
		take_window(t, p);
	if (seq_after(ack, t->snd_una))
		new_ack(t, p);
	else if (ack == t->snd_una && t->snd_max != t->snd_una && (t->sack_ok ? news : p->tcp.seq == p->tcp.end_seq && window_same))
		tcp_congestion_duplicate(t); /* RFC 5681 section 2: the definition of a duplicate; RFC 6675 section 2 where selective ones are agreed */
	return true;
#else
	TODO("11-net");
#endif
}

/* Section 3.10.7.3. */
void tcp_syn_sent(struct tcp_sock *t, struct packet *p)
{
#ifdef SOLUTION
	bool ack = p->tcp.flags & TCP_ACK;

	/* First: an ACK must be for our SYN. */
	if (ack && (!seq_after(p->tcp.ack, t->iss) || seq_after(p->tcp.ack, t->snd_max))) {
		if (!(p->tcp.flags & TCP_RST))
			tcp_reset_reply(p);
		return;
	}
	/* Second: nobody listens. */
	if (p->tcp.flags & TCP_RST) {
		if (ack)
			tcp_abort(t, ECONNREFUSED);
		return;
	}
	/* Fourth: their SYN. */
	if (!(p->tcp.flags & TCP_SYN))
		return;
	t->irs = p->tcp.seq;
	t->rcv_nxt = t->copied_seq = t->rcv_adv = t->last_ack_sent = p->tcp.seq + 1;
	t->max_window = 0;
	take_window(t, p);
	if (!ack) {
		/* Both called at once: our SYN again, with an ACK. */
		tcp_set_state(t, TCP_SYN_RECEIVED);
		tcp_retransmit_first(t);
		return;
	}
	u64 rtt = 0;
	t->snd_una = p->tcp.ack;
	drop_acked(t, p->tcp.ack, &rtt);
	if (rtt)
		tcp_rtt_sample(t, rtt);
	t->backoff = t->retries = 0;
	tcp_set_state(t, TCP_ESTABLISHED);
	tcp_ack_owed(t, true);
#else
	TODO("11-net");
#endif
}

#ifdef SOLUTION
/* Step 5 in SYN-RECEIVED: the third segment of the handshake. False: it goes no further. */
static bool established(struct tcp_sock *t, struct packet *p)
{
	if (!seq_after(p->tcp.ack, t->snd_una) || seq_after(p->tcp.ack, t->snd_max)) {
		tcp_reset_reply(p);
		return false;
	}
	if (t->listener && tcp_accept_full(t->listener))
		return false; /* as if it had been lost: the peer will ask again */
	t->max_window = 0;
	take_window(t, p);
	new_ack(t, p);
	tcp_set_state(t, TCP_ESTABLISHED);
	tcp_child_established(t);
	return true;
}

/* Step 2. RFC 5961 section 3.2: only at the very number that we expect. */
static void reset(struct tcp_sock *t, const struct packet *p)
{
	if (p->tcp.seq != t->rcv_nxt)
		tcp_challenge(t);
	else if (t->state == TCP_SYN_RECEIVED)
		tcp_abort(t, ECONNREFUSED);
	else if (t->state == TCP_TIME_WAIT)
		tcp_done(t);
	else
		tcp_abort(t, t->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
}

/* Steps 1 to 5. True: what it carries is for us. */
static bool passes(struct tcp_sock *t, struct packet *p)
{
	if (!tcp_acceptable(t, p)) {
		tcp_not_acceptable(t, p);
		return false;
	}
	if (p->tcp.flags & TCP_RST) {
		reset(t, p);
		return false;
	}
	/* Fourth, SYN: RFC 5961 section 4.2. */
	if (p->tcp.flags & TCP_SYN && !(t->state == TCP_SYN_RECEIVED && p->tcp.seq == t->irs)) {
		tcp_challenge(t);
		return false;
	}
	if (!(p->tcp.flags & TCP_ACK))
		return false;
	tcp_trim(t, p);
	if (!(t->state == TCP_SYN_RECEIVED ? established(t, p) : tcp_acknowledge(t, p)))
		return false;
	if (t->fin_queued && t->snd_una == t->write_seq)
		tcp_fin_acked(t);
	return t->state != TCP_CLOSED;
}
#endif

void tcp_segment_arrives(struct tcp_sock *t, struct packet *p)
{
#ifdef SOLUTION
	bool ours = false;

	if (t->state == TCP_SYN_SENT)
		tcp_syn_sent(t, p);
	else
		ours = passes(t, p);
	/* Sixth to eighth: urgent, text, FIN. */
	if (ours && p->tcp.flags & TCP_URG)
		tcp_urgent(t, p);
	if (ours && (p->len || p->tcp.flags & TCP_FIN))
		tcp_receive_data(t, p);
	else
		packet_free(p);
	/* What was not acceptable may have made room by its ACK field all the same. */
	if (t->state != TCP_CLOSED)
		tcp_output(t);
#else
	TODO("11-net");
#endif
}
