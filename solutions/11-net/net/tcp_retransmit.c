/*
 * TCP, the retransmission timer (RFC 6298): how long to wait for an acknowledgement, from when on, and what to do when none came.
 *
 *     RTT samples ──► srtt, rttvar ──► rto      timer:  from the oldest unacknowledged segment's sending, or from the last ACK that brought news
 *                                               length: rto, doubled for each time that it ran out in a row (backoff)
 *
 * Too short, and the net is filled with what has long arrived; too long, and one lost segment stops everything. What else the same timer is used for (a shut
 * window, a corked segment) is given.
 */
#include "tcp_priv.h"

#include "core/todo.h"
#include "time/time.h"

/* Section 2.2, 2.3; G is a floor under the variance, as a peer delays its ACKs. */
void tcp_rtt_sample(struct tcp_sock *t, u64 ns)
{
#ifdef SOLUTION
	if (!t->srtt) {
		t->srtt = MAX(ns, 1ul);
		t->rttvar = ns / 2;
	} else {
		u64 off = t->srtt > ns ? t->srtt - ns : ns - t->srtt;
		t->rttvar = (3 * t->rttvar + off) / 4;
		t->srtt = MAX((7 * t->srtt + ns) / 8, 1ul);
	}
	t->rto = MIN(t->srtt + MAX(4 * t->rttvar, TCP_RTO_MIN), TCP_RTO_MAX);
#else
	TODO("11-net");
#endif
}

/* Section 5.1 to 5.3. */
void tcp_set_retransmit_timer(struct tcp_sock *t)
{
#ifdef SOLUTION
	if (t->state == TCP_CLOSED)
		return;
	if (t->snd_una == t->snd_max) {
		tcp_persist_timer(t);
		return;
	}
	u64 wait = MIN(t->rto << MIN(t->backoff, (u8)16), TCP_RTO_MAX), now = time_ns();
	/* From the last ACK on, unless what is oldest was sent again since. */
	u64 from = list_empty(&t->send_queue) ? now : MAX(list_first(&t->send_queue, struct packet, link)->tcp.sent_ns, t->acked_ns);
	tcp_timer_arm(t, &t->retransmit, MAX(from + wait, now + NSEC_PER_MSEC));
#else
	TODO("11-net");
#endif
}

/* Section 5.4 to 5.6; RFC 5681 section 3.1. */
void tcp_retransmit_timeout(struct tcp_sock *t)
{
#ifdef SOLUTION
	if (list_empty(&t->send_queue))
		return;
	if (t->snd_una == t->snd_max) {
		tcp_persist_timeout(t);
		return;
	}
	if (tcp_gives_up(t))
		return;
	t->retries++;
	t->backoff = MIN((u8)(t->backoff + 1), (u8)16);
	tcp_congestion_timeout(t);
	/* Everything under way counts as lost, and is sent again as the window grows. */
	t->next = list_first(&t->send_queue, struct packet, link);
	t->snd_nxt = t->snd_una;
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED || !t->snd_wnd) {
		tcp_retransmit_first(t);
		tcp_set_retransmit_timer(t);
	} else {
		tcp_output(t);
	}
#else
	TODO("11-net");
#endif
}
