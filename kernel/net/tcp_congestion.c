/*
 * Congestion control: slow start, congestion avoidance, fast retransmit and fast recovery (RFC 5681), partial acknowledgements (RFC 6582, NewReno).
 * All in bytes.
 */
#include "tcp_priv.h"

/* RFC 6928: ten segments, at least for those of Ethernet. */
void tcp_congestion_init(struct tcp_sock *t)
{
	t->cwnd = 10 * t->mss;
	t->ssthresh = 0x7fffffff;
	t->in_recovery = false;
	t->duplicates = 0;
}

static u32 half_flight(const struct tcp_sock *t)
{
	return MAX((t->snd_max - t->snd_una) / 2, 2 * t->mss);
}

void tcp_congestion_acked(struct tcp_sock *t, u32 bytes, u32 flight)
{
	t->duplicates = 0;
	if (t->in_recovery) {
		if (!seq_before(t->snd_una, t->recover)) {
			/* RFC 6582 section 3.2 step 3: all of it arrived. */
			t->cwnd = MIN(t->ssthresh, MAX(t->snd_max - t->snd_una, t->mss) + t->mss);
			t->in_recovery = false;
		} else {
			/* A partial one: the next hole. */
			tcp_retransmit_first(t);
			t->cwnd = t->cwnd > bytes ? t->cwnd - bytes : 0;
			if (bytes >= t->mss)
				t->cwnd += t->mss;
			t->cwnd = MAX(t->cwnd, t->mss);
		}
		return;
	}
	/* Who does not use the window has not shown that it may be larger (RFC 7661). */
	if (flight + 2 * t->mss < t->cwnd)
		return;
	if (t->cwnd < t->ssthresh) {
		t->cwnd += MIN(bytes, 2 * t->mss); /* RFC 3465 section 2.2 */
		return;
	}
	t->acked_part += bytes;
	if (t->acked_part >= t->cwnd) {
		t->acked_part -= t->cwnd;
		t->cwnd += t->mss;
	}
	t->cwnd = MIN(t->cwnd, 1u << 28);
}

void tcp_congestion_duplicate(struct tcp_sock *t)
{
	if (t->in_recovery) {
		t->cwnd += t->mss; /* one more has left the net */
		return;
	}
	if (++t->duplicates < TCP_DUPLICATES)
		return;
	/* RFC 6582 section 3.2 step 2: not twice for one loss. */
	if (!seq_after(t->snd_una, t->recover))
		return;
	t->ssthresh = half_flight(t);
	t->recover = t->snd_max;
	t->in_recovery = true;
	tcp_retransmit_first(t);
	t->cwnd = t->ssthresh + TCP_DUPLICATES * t->mss;
}

void tcp_congestion_timeout(struct tcp_sock *t)
{
	/* RFC 5681 section 3.1: only the first of a row halves. */
	if (t->retries <= 1)
		t->ssthresh = half_flight(t);
	t->cwnd = t->mss;
	t->recover = t->snd_max;
	t->in_recovery = false;
	t->duplicates = 0;
	t->acked_part = 0;
}
