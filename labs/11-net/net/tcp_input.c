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
	TODO("11-net");
}


/* Step 5 in a synchronized state. */
bool tcp_acknowledge(struct tcp_sock *t, struct packet *p)
{
	TODO("11-net");
}

/* Section 3.10.7.3. */
void tcp_syn_sent(struct tcp_sock *t, struct packet *p)
{
	TODO("11-net");
}


void tcp_segment_arrives(struct tcp_sock *t, struct packet *p)
{
	TODO("11-net");
}
