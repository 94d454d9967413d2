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

#include "time/time.h"

/* RFC 5961 section 7: answers to what might be forged are few. */
static void challenge(struct tcp_sock *t)
{
	u64 now = time_ns();

	if (t->challenge_ns && now - t->challenge_ns < 500 * NSEC_PER_MSEC)
		return;
	t->challenge_ns = now;
	TCP_EXT(TCPChallengeACK);
	tcp_send_ack(t);
}

/* --- SYN-SENT (section 3.10.7.3) ----------------------------------------------------------------------------------- */

static void syn_sent(struct tcp_sock *t, struct packet *p)
{
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
	t->snd_wnd = t->max_window = p->tcp.window;
	t->snd_wl1 = p->tcp.seq;
	tcp_ts_take(t, p);
	if (!ack) {
		/* Both called at once: our SYN again, with an ACK. */
		tcp_set_state(t, TCP_SYN_RECEIVED);
		tcp_retransmit_first(t);
		return;
	}
	t->snd_wl2 = p->tcp.ack;
	t->snd_una = t->snd_nxt = p->tcp.ack;
	struct packet *syn = list_first(&t->send_queue, struct packet, link);
	if (!t->retries)
		tcp_rtt_sample(t, time_ns() - syn->tcp.sent_ns);
	list_del(&syn->link);
	atomic_fetch_sub(&t->sk.send_charge, syn->charge);
	packet_free(syn);
	t->next = NULL;
	tcp_set_state(t, TCP_ESTABLISHED);
	tcp_ack_owed(t, true);
}

/* --- step 1: is it in the window? ---------------------------------------------------------------------------------- */

/* Section 3.4, table 6: the four cases. */
static bool acceptable(const struct tcp_sock *t, const struct packet *p)
{
	u32 window = t->rcv_adv - t->rcv_nxt, length = p->tcp.end_seq - p->tcp.seq;

	if (!window)
		return !length && p->tcp.seq == t->rcv_nxt;
	bool first = !seq_before(p->tcp.seq, t->rcv_nxt) && seq_before(p->tcp.seq, t->rcv_adv);
	if (!length)
		return first;
	return first || (seq_after(p->tcp.end_seq, t->rcv_nxt) && !seq_after(p->tcp.end_seq, t->rcv_adv)) ||
	       (seq_before(p->tcp.seq, t->rcv_nxt) && seq_after(p->tcp.end_seq, t->rcv_adv));
}

/* Cuts off what came before, and what does not fit. */
static void trim(struct tcp_sock *t, struct packet *p)
{
	if (seq_before(p->tcp.seq, t->rcv_nxt)) {
		u32 old = t->rcv_nxt - p->tcp.seq;
		if (p->tcp.flags & TCP_SYN) {
			p->tcp.flags &= (u8)~TCP_SYN;
			p->tcp.seq++;
			old--;
		}
		old = MIN(old, p->len);
		packet_pull(p, old);
		p->tcp.seq += old;
	}
	if (seq_after(p->tcp.end_seq, t->rcv_adv)) {
		u32 fits = t->rcv_adv - p->tcp.seq;
		packet_trim(p, MIN(p->len, fits));
		p->tcp.flags &= (u8)~TCP_FIN;
		p->tcp.end_seq = p->tcp.seq + p->len;
	}
}

/* --- step 5: what it acknowledges ---------------------------------------------------------------------------------- */

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
	drop_acked(t, p->tcp.ack, &rtt);
	/* After a retransmission the echoed time still tells which of the two was heard (RFC 7323 section 4). */
	if (!rtt && t->ts_ok && p->tcp.has_ts && p->tcp.ts_echo)
		rtt = (u64)(tcp_ts_now(t) - p->tcp.ts_echo) * NSEC_PER_MSEC + NSEC_PER_MSEC / 2;
	if (rtt)
		tcp_rtt_sample(t, rtt);
	t->backoff = t->retries = 0;
	t->acked_ns = time_ns();
	tcp_congestion_acked(t, bytes, flight);
	tcp_set_retransmit_timer(t);
	tcp_wake_writer(t);
}

/* The ACK field in a synchronized state. False: the segment goes no further. */
static bool acknowledge(struct tcp_sock *t, struct packet *p)
{
	u32 ack = p->tcp.ack;

	/* RFC 5961 section 5.2: too old, or for what was never sent. */
	if (seq_after(ack, t->snd_max) || seq_before(ack, t->snd_una - t->max_window)) {
		challenge(t);
		return false;
	}
	bool window_same = p->tcp.window == t->snd_wnd, news = tcp_sack_take(t, p);
	if (!seq_before(ack, t->snd_una) && (seq_before(t->snd_wl1, p->tcp.seq) || (t->snd_wl1 == p->tcp.seq && !seq_before(ack, t->snd_wl2)))) {
		bool opened = p->tcp.window > t->snd_wnd;
		t->snd_wnd = p->tcp.window;
		t->snd_wl1 = p->tcp.seq;
		t->snd_wl2 = ack;
		t->max_window = MAX(t->max_window, t->snd_wnd);
		if (opened)
			t->probes = 0;
	}
	if (seq_after(ack, t->snd_una))
		new_ack(t, p);
	else if (ack == t->snd_una && t->snd_max != t->snd_una && (t->sack_ok ? news : p->tcp.seq == p->tcp.end_seq && window_same))
		tcp_congestion_duplicate(t); /* RFC 5681 section 2: the definition of a duplicate; RFC 6675 section 2 where selective ones are agreed */
	return true;
}

/* --- the whole ----------------------------------------------------------------------------------------------------- */

void tcp_segment_arrives(struct tcp_sock *t, struct packet *p)
{
	t->last_heard_ns = time_ns();
	if (t->state == TCP_SYN_SENT) {
		syn_sent(t, p);
		goto done;
	}
	/* First, the sequence number. */
	if (!tcp_paws_ok(t, p) || !acceptable(t, p)) {
		/* A probe of a window that is shut asks with a number of before: it is answered. */
		if (!(p->tcp.flags & TCP_RST)) {
			tcp_sack_twice(t, p->tcp.seq, p->tcp.end_seq);
			if (t->state == TCP_TIME_WAIT && p->tcp.flags & TCP_FIN)
				tcp_time_wait(t); /* the two minutes begin anew */
			if (t->state == TCP_SYN_RECEIVED && p->tcp.flags == TCP_SYN && p->tcp.seq == t->irs)
				tcp_retransmit_first(t); /* our answer was lost */
			else if (p->tcp.flags & TCP_SYN)
				challenge(t);
			else
				tcp_send_ack(t);
			/* One that repeats what we have just had may have crossed with ours, and bring news in its ACK field. */
			bool fresh = !seq_after(p->tcp.seq, t->rcv_nxt) && !seq_before(p->tcp.end_seq, t->last_ack_sent);
			if (tcp_synchronized(t) && p->tcp.flags & TCP_ACK && fresh && acknowledge(t, p) && t->fin_queued && t->snd_una == t->write_seq)
				tcp_fin_acked(t);
		}
		goto done;
	}
	/* Second, RST. RFC 5961 section 3.2: only at the very number that we expect. */
	if (p->tcp.flags & TCP_RST) {
		if (p->tcp.seq != t->rcv_nxt)
			challenge(t);
		else if (t->state == TCP_SYN_RECEIVED)
			tcp_abort(t, ECONNREFUSED);
		else if (t->state == TCP_TIME_WAIT)
			tcp_done(t);
		else
			tcp_abort(t, t->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
		goto done;
	}
	/* Fourth, SYN: RFC 5961 section 4.2. */
	if (p->tcp.flags & TCP_SYN && !(t->state == TCP_SYN_RECEIVED && p->tcp.seq == t->irs)) {
		challenge(t);
		goto done;
	}
	/* Fifth, ACK. */
	if (!(p->tcp.flags & TCP_ACK))
		goto done;
	tcp_ts_take(t, p);
	trim(t, p);
	if (t->state == TCP_SYN_RECEIVED) {
		if (!seq_after(p->tcp.ack, t->snd_una) || seq_after(p->tcp.ack, t->snd_max)) {
			tcp_reset_reply(p);
			goto done;
		}
		if (t->listener && tcp_accept_full(t->listener))
			goto done; /* as if it had been lost: the peer will ask again */
		t->snd_wnd = t->max_window = p->tcp.window;
		t->snd_wl1 = p->tcp.seq;
		t->snd_wl2 = p->tcp.ack;
		new_ack(t, p);
		tcp_set_state(t, TCP_ESTABLISHED);
		tcp_child_established(t);
	} else if (!acknowledge(t, p)) {
		goto done;
	}
	if (t->fin_queued && t->snd_una == t->write_seq)
		tcp_fin_acked(t);
	/* Sixth to eighth: urgent, text, FIN. */
	if (t->state == TCP_CLOSED)
		goto done;
	if (p->tcp.flags & TCP_URG)
		tcp_urgent(t, p);
	if (p->len || p->tcp.flags & TCP_FIN) {
		/* Nobody will ever read it (RFC 1122 section 4.2.2.13). */
		if (p->len && !t->sk.socket && !t->listener && t->state != TCP_TIME_WAIT && seq_after(p->tcp.end_seq, t->rcv_nxt)) {
			tcp_send_reset(t);
			tcp_done(t);
			goto done;
		}
		tcp_receive_data(t, p);
		p = NULL;
	}
	packet_free(p);
	if (t->state != TCP_CLOSED)
		tcp_output(t);
	return;
done:
	packet_free(p);
	if (t->state == TCP_ESTABLISHED)
		tcp_output(t);
}
