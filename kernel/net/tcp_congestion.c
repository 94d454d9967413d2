/*
 * Congestion control: slow start, fast retransmit and fast recovery (RFC 5681), partial acknowledgements (RFC 6582, NewReno) or, where the peer says what it
 * has, recovery by that (RFC 6675). How the window grows and shrinks is another's to say: Reno, below, or CUBIC. All in bytes.
 */
#include "tcp_priv.h"

#include "lib/string.h"

/* --- Reno (RFC 5681 section 3.1) ------------------------------------------------------------------------------------- */

static u32 reno_threshold(struct tcp_sock *t)
{
	return MAX((t->snd_max - t->snd_una) / 2, 2 * t->mss);
}

static void reno_avoid(struct tcp_sock *t, u32 acked)
{
	t->acked_part += acked;
	if (t->acked_part >= t->cwnd) {
		t->acked_part -= t->cwnd;
		t->cwnd += t->mss;
	}
}

const struct tcp_congestion tcp_reno = { .name = "reno", .threshold = reno_threshold, .avoid = reno_avoid };

/* --- the choice ------------------------------------------------------------------------------------------------------ */

const struct tcp_congestion *const tcp_congestions[] = { &tcp_reno, &tcp_cubic, NULL };
const struct tcp_congestion *tcp_congestion_default = &tcp_cubic; /* a pointer, read and written whole */

const struct tcp_congestion *tcp_congestion_find(const char *name)
{
	for (u32 i = 0; tcp_congestions[i]; i++)
		if (!strcmp(tcp_congestions[i]->name, name))
			return tcp_congestions[i];
	return NULL;
}

void tcp_congestion_choose(struct tcp_sock *t, const struct tcp_congestion *c)
{
	t->congestion = c;
	t->acked_part = 0;
	memset(&t->cubic, 0, sizeof(t->cubic));
}

/* RFC 6928: ten segments, at least for those of Ethernet. */
void tcp_congestion_init(struct tcp_sock *t)
{
	t->cwnd = 10 * t->mss;
	t->ssthresh = 0x7fffffff;
	t->in_recovery = false;
	t->duplicates = 0;
	tcp_congestion_choose(t, t->congestion);
}

/* --- losses ---------------------------------------------------------------------------------------------------------- */

static void enter_recovery(struct tcp_sock *t)
{
	t->ssthresh = t->congestion->threshold(t);
	t->recover = t->snd_max;
	t->in_recovery = true;
	TCP_EXT(TCPFastRetrans);
	if (t->sack_ok) {
		TCP_EXT(TCPSackRecovery);
		/* RFC 6675 section 5 step 4: the first at once, the others as what is under way allows. */
		t->cwnd = t->ssthresh;
		tcp_sack_resend(t, list_first(&t->send_queue, struct packet, link));
	} else {
		TCP_EXT(TCPRenoRecovery);
		t->away = 0;
		tcp_retransmit_first(t);
		t->cwnd = t->ssthresh + TCP_DUPLICATES * t->mss;
	}
}

/* An ACK for a part of what was under way when the loss was noticed (RFC 6582 section 3.2 step 3): the next hole. */
static void partial(struct tcp_sock *t, u32 bytes)
{
	tcp_retransmit_first(t);
	t->cwnd = t->cwnd > bytes ? t->cwnd - bytes : 0;
	if (bytes >= t->mss)
		t->cwnd += t->mss;
	t->cwnd = MAX(t->cwnd, t->mss);
}

void tcp_congestion_acked(struct tcp_sock *t, u32 bytes, u32 flight)
{
	t->counts.bytes_acked += bytes;
	t->counts.delivered += DIV_ROUND_UP(bytes, MAX(t->mss, 1u));
	t->duplicates = 0;
	if (t->sack_ok)
		tcp_sack_count(t);
	else
		t->away = 0;
	if (t->in_recovery) {
		if (!seq_before(t->snd_una, t->recover)) {
			/* All of it arrived. */
			t->cwnd = MIN(t->ssthresh, MAX(t->snd_max - t->snd_una, t->mss) + t->mss);
			t->in_recovery = false;
		} else if (!t->sack_ok) {
			partial(t, bytes);
		}
		return;
	}
	if (tcp_sack_first_lost(t) && !seq_before(t->snd_una, t->recover)) {
		enter_recovery(t);
		return;
	}
	/* Who does not use the window has not shown that it may be larger (RFC 7661). */
	if (flight + 2 * t->mss < t->cwnd) {
		if (t->congestion->idle)
			t->congestion->idle(t);
		return;
	}
	if (t->cwnd < t->ssthresh)
		t->cwnd += MIN(bytes, 2 * t->mss); /* RFC 3465 section 2.2 */
	else
		t->congestion->avoid(t, bytes);
	t->cwnd = MIN(t->cwnd, TCP_WINDOW_MAX);
}

void tcp_congestion_duplicate(struct tcp_sock *t)
{
	if (t->sack_ok)
		tcp_sack_count(t);
	else if (t->in_recovery)
		t->cwnd += t->mss; /* one more has left the net */
	if (t->in_recovery)
		return;
	if (++t->duplicates < TCP_DUPLICATES && !tcp_sack_first_lost(t)) {
		/* RFC 3042: what has left the net makes room for new text. */
		if (!t->sack_ok)
			t->away = t->duplicates * t->mss;
		return;
	}
	/* RFC 6582 section 3.2 step 2: not twice for one loss. News of the peer's is proof of another. */
	if (t->sack_ok ? seq_before(t->snd_una, t->recover) : !seq_after(t->snd_una, t->recover))
		return;
	enter_recovery(t);
}

void tcp_congestion_timeout(struct tcp_sock *t)
{
	/* RFC 5681 section 3.1: only the first of a row halves. */
	if (t->retries <= 1)
		t->ssthresh = t->congestion->threshold(t);
	t->cwnd = t->mss;
	t->recover = t->snd_max;
	t->in_recovery = false;
	t->duplicates = 0;
	t->acked_part = 0;
	TCP_EXT(TCPTimeouts);
	tcp_sack_go_back(t);
}
