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
	TODO("11-net");
}

/* Section 5.1 to 5.3. */
void tcp_set_retransmit_timer(struct tcp_sock *t)
{
	TODO("11-net");
}

/* Section 5.4 to 5.6; RFC 5681 section 3.1. */
void tcp_retransmit_timeout(struct tcp_sock *t)
{
	TODO("11-net");
}
