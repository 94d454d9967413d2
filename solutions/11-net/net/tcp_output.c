/*
 * TCP, segments that go out (RFC 9293 section 3.8): what of the queue may be sent now, and what is sent again.
 *
 *     snd_una                 snd_nxt                                            write_seq
 *        │◄──── under way ──────►│◄─────────────── to be sent ──────────────────────►│
 *        │◄──────────── what the peer's window allows (snd_wnd) ──────►│
 *        │◄──────── what congestion allows (cwnd, and what is away) ────────►│
 *                                │◄────────── room ───────────────────►│
 */
#include "tcp_priv.h"

#include "core/todo.h"
#include "time/time.h"

#ifdef SOLUTION
/* Sends the packet at snd_nxt. */
static void send_packet(struct tcp_sock *t, struct packet *p)
{
	if (seq_before(p->tcp.seq, t->snd_max))
		p->tcp.retransmitted = true;
	p->tcp.sent_ns = time_ns();
	/* One that could not be sent is as good as lost: the timer sees to it. */
	tcp_transmit_queued(t, p);
	if (p->len < t->mss)
		t->snd_small = p->tcp.end_seq;
	t->snd_nxt = p->tcp.end_seq;
	t->snd_max = seq_max(t->snd_max, t->snd_nxt);
	t->next = p->link.next == &t->send_queue ? NULL : list_next(p, link);
}

/* Section 3.7.4 (Nagle) and its refinement by Minshall: a small segment waits while a small one is under way; TCP_CORK lets none go. */
static bool held_back(const struct tcp_sock *t, const struct packet *p)
{
	if (p->len >= t->mss || p->tcp.flags & (TCP_FIN | TCP_SYN) || p->link.next != &t->send_queue || t->urgent_out)
		return false;
	if (seq_before(p->tcp.seq, t->snd_max))
		return false; /* it went once already */
	if (t->cork)
		return true;
	return !t->nodelay && seq_after(t->snd_small, t->snd_una) && t->snd_max != t->snd_una;
}
#endif

void tcp_output(struct tcp_sock *t)
{
#ifdef SOLUTION
	struct packet *p;

	tcp_sack_output(t);
	while ((p = tcp_to_send(t))) {
		u32 offered = t->snd_una + t->snd_wnd, edge = t->snd_una + MIN(t->snd_wnd, t->cwnd + t->away);
		u32 room = seq_after(edge, p->tcp.seq) ? edge - p->tcp.seq : 0, window_room = seq_after(offered, p->tcp.seq) ? offered - p->tcp.seq : 0;

		if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED)
			break;
		u32 most = tcp_most(t, p);
		if (p->len > most && !tcp_split(t, p, most))
			break;
		/* A FIN has a number in the peer's window, but takes no room in the net: a full segment with one fits a cwnd of one segment. */
		if (p->len > room || p->tcp.end_seq - p->tcp.seq > window_room) {
			/* Section 3.8.6.2.1: a part goes if the window will not soon be larger; the FIN, if it is what does not fit, stays behind. */
			bool worth = room && room == window_room && (tcp_flight(t) == 0 || room >= t->max_window / 2);
			if (!worth || !tcp_split(t, p, MIN(room, p->len)))
				break;
		}
		if (held_back(t, p))
			break;
		send_packet(t, p);
	}
	tcp_set_retransmit_timer(t);
	if (t->ack_now)
		tcp_send_ack(t);
#else
	TODO("11-net");
#endif
}

void tcp_retransmit(struct tcp_sock *t, struct packet *p)
{
#ifdef SOLUTION
	struct packet *next = t->next;
	u32 nxt = t->snd_nxt;

	/* The path may have become narrower since. */
	if (p->len > t->mss && !tcp_split(t, p, t->mss))
		return;
	send_packet(t, p);
	/* The others stay where they were. */
	if (seq_after(nxt, t->snd_nxt)) {
		t->snd_nxt = nxt;
		t->next = next;
	}
#else
	TODO("11-net");
#endif
}

void tcp_retransmit_first(struct tcp_sock *t)
{
	if (!list_empty(&t->send_queue))
		tcp_retransmit(t, list_first(&t->send_queue, struct packet, link));
}
