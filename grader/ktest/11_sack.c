/* Stage 11: what a peer that acknowledges selectively (RFC 2018) is heard of, and what follows from it (RFC 6675). */
#include "11_peer.h"

#include "time/time.h"

static u8 text[20000];

/* An ACK for `ack` that says that the peer has text `from` to `to` of ours, both counted from p->ack. */
static void has(struct peer *p, u32 ack, u32 from, u32 to)
{
	p->sack_start = p->ack + from;
	p->sack_end = p->ack + to;
	peer_send_at(p, TCP_ACK, p->seq, p->ack + ack, NULL, 0);
	p->sack_start = p->sack_end;
}

/* So many segments of 1000 bytes are under way, and the window has room for so many in all. */
static bool begin(struct peer *p, u32 segments, u32 cwnd)
{
	struct seen s;

	if (!wire_begin(true) || !peer_open_with_sack(p, 60000, 1000))
		return false;
	tcp_rtt_sample(p->t, 100 * NSEC_PER_MSEC);
	p->t->cwnd = cwnd * 1000;
	wire_random(text, sizeof(text));
	KEXPECT_EQ(wire_write(&p->s, text, segments * 1000), segments * 1000);
	return KEXPECT_EQ(peer_all(p, &s), MIN(segments, cwnd));
}

/* RFC 6675 section 2: where selective acknowledgements are agreed on, one that says nothing new is none that counts, however often it comes. */
KTEST(11, an_ack_without_news_is_no_duplicate)
{
	struct peer p;
	struct seen s;

	if (!begin(&p, 5, 20))
		return;
	for (int i = 0; i < 5; i++)
		peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(p.t->duplicates == 0 && !p.t->in_recovery && peer_silent(&p));
	for (u32 i = 2; i <= 4; i++) {
		KEXPECT(peer_silent(&p));
		has(&p, 0, 1000, 1000 * i);
		has(&p, 0, 1000, 1000 * i); /* and this one is as old */
	}
	/* Three segments have arrived behind the first: it is lost. */
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.len == 1000 && !memcmp(s.text, text, 1000));
	KEXPECT(p.t->in_recovery && peer_silent(&p));
	peer_close(&p);
}

KTEST(11, what_the_peer_has_is_noted)
{
	struct peer p;
	struct seen s;

	/* One that acknowledges something new may have more to say. */
	if (!begin(&p, 6, 6))
		return;
	has(&p, 2000, 3000, 4000);
	KEXPECT_EQ(p.t->snd_una, p.ack + 2000);
	KEXPECT_EQ(p.t->away, 1000);
	peer_close(&p);
	/* What is lost goes before what was never sent: two holes, and one segment may be under way beside the first of them. */
	if (!begin(&p, 11, 8))
		return;
	has(&p, 0, 2000, 5000);
	KEXPECT_EQ(p.t->ssthresh, 5600); /* CUBIC's seven tenths of the flight */
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack);
	if (KEXPECT(peer_next(&p, &s)))
		KEXPECT_EQ(s.seq - p.ack, 1000);
	KEXPECT(peer_silent(&p));
	peer_close(&p);
	/* A round trip is not measured by what arrived long ago, and waited for others to be acknowledged: here the first is sent again by the timer. */
	if (!begin(&p, 2, 10))
		return;
	u64 before = p.t->srtt;
	has(&p, 0, 1000, 2000);
	wire_wait_ms(p.t->rto / NSEC_PER_MSEC + 20);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && p.t->retries == 1);
	p.ack += 2000;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(list_empty(&p.t->send_queue) && p.t->srtt == before);
	peer_close(&p);
}
