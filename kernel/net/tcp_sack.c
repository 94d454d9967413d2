/*
 * TCP, selective acknowledgements (RFC 2018; what came twice: RFC 2883), and what their sender makes of them (RFC 6675).
 *
 *     send_queue   [ a ][ B ][ c ][ D ][ E ][ F ][ g ]        capitals: the peer has said that it has them (sacked)
 *                    │         └ three above it have arrived, or one that was sent much later: it is lost
 *                    └ sent again, and something sent later than that has arrived: lost once more
 *
 * Each packet of the queue carries three marks. `sacked`: the peer has it. `lost`: it is held to be lost and was not sent again since. `retransmitted`: it
 * was sent more than once. So what is under way ("pipe" in the RFC) is snd_nxt - snd_una less what is marked sacked or lost, which `away` counts, and
 * tcp_output may send up to snd_una + cwnd + away: without a single SACK that is the plain window.
 *
 * Whether what was sent again is lost too cannot be told by counting, since all above it has arrived; nor can what is lost at the end of a flight. Both are
 * told by time (RFC 8985 section 3): of two packets the one that was sent first should arrive first, give or take a quarter of the round trip.
 *
 * Considered and not done: a tree over the queue. It is walked once for an ACK that brings news; it holds a window's packets, and losses make windows small.
 */
#include "tcp_priv.h"

#include "lib/string.h"
#include "time/time.h"

static u32 get32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }

static u8 *put32(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 24), p[1] = (u8)(v >> 16), p[2] = (u8)(v >> 8), p[3] = (u8)v;
	return p + 4;
}

/* --- the receiver's side -------------------------------------------------------------------------------------------- */

static void drop_block(struct tcp_sock *t, u32 i)
{
	t->sack_count--;
	for (; i < t->sack_count; i++)
		t->sack_blocks[i] = t->sack_blocks[i + 1];
}

/* RFC 2018 section 4: the block of what came last is the first; those that it touches become one with it. */
void tcp_sack_early(struct tcp_sock *t, u32 start, u32 end)
{
	if (!t->sack_ok)
		return;
	for (u32 i = 0; i < t->sack_count;) {
		const struct tcp_sack_block *b = &t->sack_blocks[i];
		if (seq_after(start, b->end) || seq_before(end, b->start)) {
			i++;
			continue;
		}
		start = seq_before(b->start, start) ? b->start : start;
		end = seq_max(end, b->end);
		drop_block(t, i);
	}
	u32 kept = MIN((u32)t->sack_count, TCP_SACK_BLOCKS - 1u);
	for (u32 i = kept; i; i--)
		t->sack_blocks[i] = t->sack_blocks[i - 1];
	t->sack_blocks[0] = (struct tcp_sack_block){ start, end };
	t->sack_count = (u8)(kept + 1);
}

void tcp_sack_advance(struct tcp_sock *t)
{
	for (u32 i = 0; i < t->sack_count;) {
		if (seq_after(t->sack_blocks[i].end, t->rcv_nxt))
			i++;
		else
			drop_block(t, i);
	}
}

void tcp_sack_twice(struct tcp_sock *t, u32 start, u32 end)
{
	if (t->sack_ok && seq_before(start, end) && !seq_after(end, t->rcv_adv))
		t->twice = (struct tcp_sack_block){ start, end };
}

u32 tcp_sack_write(struct tcp_sock *t, u8 *to, u32 room)
{
	bool twice = t->twice.start != t->twice.end;
	u32 blocks = t->sack_count + (twice ? 1u : 0), fit = room < 4 ? 0 : (room - 4) / 8;
	u8 *p = to;

	blocks = MIN(blocks, fit);
	if (!blocks)
		return 0;
	*p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_SACK, *p++ = (u8)(2 + 8 * blocks);
	if (twice) {
		p = put32(put32(p, t->twice.start), t->twice.end);
		t->twice.end = t->twice.start;
		TCP_EXT(TCPDSACKOldSent);
		blocks--;
	}
	for (u32 i = 0; i < blocks; i++)
		p = put32(put32(p, t->sack_blocks[i].start), t->sack_blocks[i].end);
	return (u32)(p - to);
}

/* --- the sender's side ---------------------------------------------------------------------------------------------- */

static u32 length_of(const struct packet *p) { return p->tcp.end_seq - p->tcp.seq; }

/* Was it this sending of p that arrived? If it was sent again a moment ago, it was an earlier one (RFC 8985 section 6.2 step 2). */
static void arrived(struct tcp_sock *t, const struct packet *p)
{
	if (p->tcp.retransmitted && time_ns() - p->tcp.sent_ns < t->srtt / 2)
		return;
	t->delivered_ns = MAX(t->delivered_ns, p->tcp.sent_ns);
}

/* The blocks that say something about what is under way: how many. Others are old, say what came twice, or are lies. */
static u32 blocks_of(const struct tcp_sock *t, const struct packet *p, struct tcp_sack_block *out)
{
	const u8 *at = p->block->bytes + p->tcp.sack_at;
	u32 n = 0;

	for (u32 i = 0; i < MIN((u32)p->tcp.sack_count, (u32)TCP_SACK_BLOCKS); i++, at += 8) {
		struct tcp_sack_block b = { get32(at), get32(at + 4) };
		if (seq_before(b.start, b.end) && !seq_after(b.end, t->snd_max) && !seq_before(b.start, seq_max(t->snd_una, p->tcp.ack)))
			out[n++] = b;
	}
	return n;
}

/* Segments in p. */
static u32 segments_of(const struct tcp_sock *t, const struct packet *p)
{
	return MAX(p->len / t->mss, 1u);
}

/* A packet of several segments of which the peer has a part is cut at the block's edges, towards its inside and where segments end: none gets shorter by it. */
static void cut_at(struct tcp_sock *t, struct packet *p, const struct tcp_sack_block *b)
{
	u32 cut = 0;

	if (p->len <= t->mss || !seq_after(b->end, p->tcp.seq) || !seq_before(b->start, p->tcp.end_seq))
		return;
	if (seq_after(b->start, p->tcp.seq))
		cut = DIV_ROUND_UP(b->start - p->tcp.seq, t->mss) * t->mss;
	else if (seq_before(b->end, p->tcp.end_seq))
		cut = (b->end - p->tcp.seq) / t->mss * t->mss;
	if (cut && cut < p->len)
		tcp_split(t, p, cut);
}

bool tcp_sack_take(struct tcp_sock *t, const struct packet *ack)
{
	struct tcp_sack_block blocks[TCP_SACK_BLOCKS];
	struct packet *p;
	bool news = false;

	if (!t->sack_ok || !ack->tcp.sack_count)
		return false;
	u32 n = blocks_of(t, ack, blocks);
	if (!n)
		return false;
	list_for_each(p, &t->send_queue, link) {
		if (!seq_before(p->tcp.seq, t->snd_max))
			break;
		for (u32 i = 0; i < n && !p->tcp.sacked; i++) {
			cut_at(t, p, &blocks[i]);
			if (seq_before(p->tcp.seq, blocks[i].start) || seq_after(p->tcp.end_seq, blocks[i].end))
				continue;
			p->tcp.sacked = true;
			p->tcp.lost = false;
			arrived(t, p);
			news = t->scoreboard = true;
		}
	}
	return news;
}

/* RFC 6675 section 4, IsLost; `above` packets behind p have arrived. And by time. */
static bool is_lost(const struct tcp_sock *t, const struct packet *p, u32 above)
{
	return (above >= TCP_DUPLICATES && !p->tcp.retransmitted) || t->delivered_ns > p->tcp.sent_ns + t->srtt / 4;
}

void tcp_sack_count(struct tcp_sock *t)
{
	struct packet *p;
	u32 above = 0;

	if (!t->scoreboard)
		return;
	list_for_each(p, &t->send_queue, link) {
		if (!seq_before(p->tcp.seq, t->snd_max))
			break;
		above += p->tcp.sacked ? segments_of(t, p) : 0;
	}
	t->scoreboard = above;
	t->away = t->lost = 0;
	list_for_each(p, &t->send_queue, link) {
		if (!seq_before(p->tcp.seq, t->snd_nxt))
			break;
		if (p->tcp.sacked) {
			above -= segments_of(t, p);
		} else if (!p->tcp.lost && is_lost(t, p, above)) {
			p->tcp.lost = true;
			if (p->tcp.retransmitted)
				TCP_EXT(TCPLostRetransmit);
		}
		if (p->tcp.lost)
			t->lost += length_of(p);
		if (p->tcp.sacked || p->tcp.lost)
			t->away += length_of(p);
	}
	t->scoreboard |= t->lost > 0;
}

bool tcp_sack_first_lost(const struct tcp_sock *t)
{
	return t->lost && !list_empty(&t->send_queue) && list_first(&t->send_queue, struct packet, link)->tcp.lost;
}

void tcp_sack_resend(struct tcp_sock *t, struct packet *p)
{
	/* The rest of several segments stays marked as it is. */
	if (p->len > t->mss && !tcp_split(t, p, t->mss))
		return;
	if (p->tcp.lost) {
		p->tcp.lost = false;
		t->away -= length_of(p);
		t->lost -= length_of(p);
	}
	tcp_retransmit(t, p);
}

/* RFC 6675 section 5 step C with section 4, NextSeg rule 1: the lowest first. */
void tcp_sack_output(struct tcp_sock *t)
{
	struct packet *p;

	if (!t->lost)
		return;
	list_for_each(p, &t->send_queue, link) {
		u32 under_way = t->snd_nxt - t->snd_una - t->away;
		if (!t->lost || !seq_before(p->tcp.seq, t->snd_nxt))
			break;
		if (!p->tcp.lost)
			continue;
		if (p->len > t->mss && !tcp_split(t, p, t->mss))
			break;
		if (under_way && under_way + length_of(p) > t->cwnd)
			break;
		tcp_sack_resend(t, p);
	}
}

/* What the peer says that it has stays marked, unless it has gone back on its word: then its first hole would be none (RFC 2018 section 8). */
void tcp_sack_go_back(struct tcp_sock *t)
{
	struct packet *p;
	bool reneged = !list_empty(&t->send_queue) && list_first(&t->send_queue, struct packet, link)->tcp.sacked;

	if (reneged)
		TCP_EXT(TCPSACKReneging);
	if (t->scoreboard)
		list_for_each(p, &t->send_queue, link) {
			p->tcp.lost = false;
			p->tcp.sacked &= !reneged;
		}
	t->away = t->lost = 0;
}

/* And, where ACKs are on their way that let more go at once, nothing yet. */
struct packet *tcp_to_send(struct tcp_sock *t)
{
	while (t->next && t->next->tcp.sacked) {
		struct packet *p = t->next;
		t->away += length_of(p);
		t->snd_nxt = p->tcp.end_seq;
		t->next = p->link.next == &t->send_queue ? NULL : list_next(p, link);
	}
	return t->next && tcp_defers(t, t->next) ? NULL : t->next;
}
