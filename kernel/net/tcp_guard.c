/* TCP, segments that are old, or might be forged: what is said to them (RFC 5961, RFC 7323 section 5), and what of them still counts. */
#include "tcp_priv.h"

#include "time/time.h"

/* RFC 5961 section 7: answers to what might be forged are few. */
void tcp_challenge(struct tcp_sock *t)
{
	u64 now = time_ns();

	if (t->challenge_ns && now - t->challenge_ns < 500 * NSEC_PER_MSEC)
		return;
	t->challenge_ns = now;
	TCP_EXT(TCPChallengeACK);
	tcp_send_ack(t);
}

void tcp_not_acceptable(struct tcp_sock *t, struct packet *p)
{
	if (p->tcp.flags & TCP_RST)
		return;
	tcp_sack_twice(t, p->tcp.seq, p->tcp.end_seq);
	if (t->state == TCP_TIME_WAIT && p->tcp.flags & TCP_FIN)
		tcp_time_wait(t); /* the two minutes begin anew */
	if (t->state == TCP_SYN_RECEIVED && p->tcp.flags == TCP_SYN && p->tcp.seq == t->irs)
		tcp_retransmit_first(t); /* our answer was lost */
	else if (p->tcp.flags & TCP_SYN)
		tcp_challenge(t);
	else
		tcp_send_ack(t); /* a probe of a window that is shut asks with a number of before: it is answered */
	/* One that repeats what we have just had may have crossed with ours, and bring news in its ACK field. */
	bool fresh = !seq_after(p->tcp.seq, t->rcv_nxt) && !seq_before(p->tcp.end_seq, t->last_ack_sent);
	if (tcp_synchronized(t) && p->tcp.flags & TCP_ACK && fresh && tcp_acknowledge(t, p) && t->fin_queued && t->snd_una == t->write_seq)
		tcp_fin_acked(t);
}

/*
 * TCP_DEFER_ACCEPT: an ACK that completes a handshake and brings nothing is as if lost, so that the program hears of the connection when there is something to
 * read; or after so many SYN-ACKs, which it is asked for by.
 */
static bool is_deferred(const struct tcp_sock *t, const struct packet *p)
{
	return t->state == TCP_SYN_RECEIVED && t->listener && t->retries < MIN(READ_ONCE(t->listener->defer_accept), READ_ONCE(tcp_settings.synack_retries)) && p->tcp.flags == TCP_ACK && !p->len &&
	       p->tcp.seq == t->rcv_nxt && p->tcp.ack == t->iss + 1;
}

void tcp_arrives(struct tcp_sock *t, struct packet *p)
{
	u32 segments = p->segment ? DIV_ROUND_UP(p->len, p->segment) : 1;

	t->last_heard_ns = time_ns();
	t->counts.segments_in += segments;
	if (p->len) {
		t->counts.text_in += segments;
		t->counts.text_ns = t->last_heard_ns;
	}
	if (is_deferred(t, p)) {
		packet_free(p);
		return;
	}
	if (t->state == TCP_SYN_SENT || tcp_paws_ok(t, p)) {
		tcp_segment_arrives(t, p);
		return;
	}
	tcp_not_acceptable(t, p);
	packet_free(p);
	if (t->state != TCP_CLOSED)
		tcp_output(t);
}
