/*
 * Tail loss probe (RFC 8985 section 7): what is lost at the end of a flight leaves nothing behind it that could arrive and tell. So when no ACK has come for
 * two round trips, long before the retransmission timer runs out, the last segment is sent once more. It arrives behind the hole, and the SACK for it says by
 * its time what else is lost (tcp_sack.c).
 */
#include "tcp_priv.h"

#include "time/time.h"

#define WAIT_LEAST (10 * NSEC_PER_MSEC)

/* Once for a flight. */
static bool wanted(const struct tcp_sock *t)
{
	return t->sack_ok && t->srtt && tcp_synchronized(t) && !t->retries && !t->in_recovery && t->snd_una != t->snd_max && t->tail_end != t->snd_max;
}

void tcp_tail_watch(struct tcp_sock *t)
{
	if (!wanted(t))
		return;
	u64 wait = MAX(2 * t->srtt, WAIT_LEAST);
	if (t->snd_max - t->snd_una <= t->mss)
		wait += TCP_DELAYED_ACK; /* for one segment alone the other side may wait */
	if (time_ns() + wait + WAIT_LEAST < t->retransmit.deadline)
		tcp_timer_arm(t, &t->tail, time_ns() + wait);
}

void tcp_tail_probe(struct tcp_sock *t)
{
	if (!wanted(t) || list_empty(&t->send_queue) || t->next == list_first(&t->send_queue, struct packet, link))
		return;
	struct packet *last = container_of(t->next ? t->next->link.prev : t->send_queue.prev, struct packet, link);
	t->tail_end = t->snd_max;
	if (last->tcp.sacked)
		return;
	/* Of several segments the last. */
	if (last->len > t->mss) {
		if (!tcp_split(t, last, (last->len - 1) / t->mss * t->mss))
			return;
		last = list_next(last, link);
	}
	TCP_EXT(TCPLossProbes);
	tcp_sack_resend(t, last);
	tcp_timer_arm(t, &t->retransmit, time_ns() + t->rto);
}
