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


void tcp_output(struct tcp_sock *t)
{
	TODO("11-net");
}

void tcp_retransmit(struct tcp_sock *t, struct packet *p)
{
	TODO("11-net");
}

void tcp_retransmit_first(struct tcp_sock *t)
{
	if (!list_empty(&t->send_queue))
		tcp_retransmit(t, list_first(&t->send_queue, struct packet, link));
}
