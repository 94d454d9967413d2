/*
 * Stage 11: a connection's text at random: programs write, the peer acknowledges, in part, again, or not at all, and its window grows and shrinks; timers run out.
 *
 * After each step a model says what must have left the queue, which window counts, what the round trip was, and how long the timer runs. Of each segment it asks
 * whether it might go, and of what lies in the queue whether it had to.
 */
#include "11_peer.h"

#include "time/time.h"

enum { TURNS = 14, STEPS = 45, MOST = 24000, PACKETS = 80 };

static bool wrong;
#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static struct peer p;
static u8 text[MOST], again[MOST]; /* what is written; how often each byte went */
static u32 base, written;          /* its first number, and how much was written */
static u32 widest;                 /* the largest window of this peer */
static const char *doing;
static bool by_timer;              /* what went may have been sent by a timer */

/* The connection before a step. */
static struct {
	u32 una, max, wnd, wl1, wl2, max_window, small, duplicates;
	u64 srtt, rttvar, now;
	u8 probes, retries, backoff;
	u32 count;
	struct { u32 seq, end; u64 sent_ns; bool repeated; } packets[PACKETS];
} before;

static u32 dice(u32 n) { return ktest_random() % n; }
static bool is_after(u32 a, u32 b) { return (s32)(a - b) > 0; }
static u32 larger(u32 a, u32 b) { return is_after(a, b) ? a : b; }

static void look(const char *what)
{
	const struct tcp_sock *t = p.t;
	struct packet *q;

	doing = what;
	by_timer = false;
	before.una = t->snd_una, before.max = t->snd_max, before.wnd = t->snd_wnd, before.wl1 = t->snd_wl1, before.wl2 = t->snd_wl2;
	before.max_window = t->max_window, before.small = t->snd_small, before.duplicates = t->duplicates;
	before.srtt = t->srtt, before.rttvar = t->rttvar, before.probes = t->probes, before.retries = t->retries, before.backoff = t->backoff;
	before.now = time_ns();
	before.count = 0;
	list_for_each(q, &t->send_queue, link) {
		if (before.count == PACKETS)
			break;
		before.packets[before.count].seq = q->tcp.seq;
		before.packets[before.count].end = q->tcp.end_seq;
		before.packets[before.count].sent_ns = q->tcp.sent_ns;
		before.packets[before.count++].repeated = q->tcp.retransmitted;
	}
}

/* --- what went ---------------------------------------------------------------------------------------------------------------- */

/* Was this number, before the step, in the middle of a packet of the queue? */
static bool was_within(u32 number)
{
	for (u32 i = 0; i < before.count; i++)
		if (is_after(number, before.packets[i].seq) && is_after(before.packets[i].end, number))
			return true;
	return false;
}

/* May this one go? It is looked at with the numbers that the step has left, by which it went; `small` is the end of the last small one before it. */
static void judge_sent(const struct seen *s, u32 *small)
{
	const struct tcp_sock *t = p.t;
	u32 offered = t->snd_una + t->snd_wnd, edge = t->snd_una + MIN(t->snd_wnd, t->cwnd + t->away), at = s->seq - base;
	bool fresh = !is_after(before.max, s->seq);

	CHECK(s->len <= t->mss && at + s->len <= written && !memcmp(s->text, text + at, s->len));
	CHECK(!is_after(s->seq + s->len, edge) && !is_after(s->end, offered));
	for (u32 i = 0; i < s->len && !wrong; i++)
		again[at + i] += again[at + i] < 2;
	if (s->len >= t->mss || wrong)
		return;
	if (fresh && at + s->len == written && !(s->flags & (TCP_FIN | TCP_URG))) {
		CHECK(!t->cork || by_timer); /* a cork holds for 200 ms */
		CHECK(t->nodelay || !is_after(*small, t->snd_una) || s->seq == t->snd_una);
	}
	/* One that was cut short by the window: by that alone, and as nothing was under way, or as it is half of the largest. */
	if (fresh && s->seq + s->len == edge && at + s->len < written && s->len && was_within(s->seq + s->len))
		CHECK(edge == offered && (s->seq == t->snd_una || s->len >= t->max_window / 2 || edge - s->seq >= t->mss));
	*small = s->end;
}

static u32 take_what_went(void)
{
	u32 n = 0, small = before.small;
	struct seen s;

	while (!wrong && peer_next(&p, &s)) {
		if (!s.len && !(s.flags & TCP_FIN))
			continue; /* an ACK, or the question about a shut window */
		judge_sent(&s, &small);
		n++;
	}
	return n;
}

/* --- what waits, and the timer ------------------------------------------------------------------------------------------------ */

static bool near(u64 a, u64 b) { return a < b + 200000 && b < a + 200000; }

static bool must_go(const struct tcp_sock *t, const struct packet *q)
{
	u32 offered = t->snd_una + t->snd_wnd, edge = t->snd_una + MIN(t->snd_wnd, t->cwnd + t->away), most = tcp_most(t, q);
	u32 room = is_after(edge, q->tcp.seq) ? edge - q->tcp.seq : 0, in_window = is_after(offered, q->tcp.seq) ? offered - q->tcp.seq : 0;
	u32 len = MIN(q->len, most), numbers = q->len <= most ? q->tcp.end_seq - q->tcp.seq : most;
	bool fits = len <= room && numbers <= in_window;

	if (!fits && !(room && room == in_window && (tcp_flight(t) == 0 || 2 * room >= t->max_window)))
		return false;
	if (!fits && q->len)
		return true; /* and a part that is cut off is not its end */
	if (q->len >= t->mss || q->tcp.flags & TCP_FIN || q->link.next != &t->send_queue || t->urgent_out || is_after(t->snd_max, q->tcp.seq))
		return true;
	return !t->cork && (t->nodelay || !is_after(t->snd_small, t->snd_una) || t->snd_max == t->snd_una);
}

static void judge_the_rest(void)
{
	struct tcp_sock *t = p.t;
	u32 at = t->snd_una, charge = 0;
	u64 now = time_ns();
	struct packet *q;

	/* The queue, packet by packet. */
	list_for_each(q, &t->send_queue, link) {
		CHECK_EQ(q->tcp.seq, at);
		CHECK_EQ(q->tcp.end_seq - at, q->len + !!(q->tcp.flags & TCP_FIN));
		CHECK(q != t->next || at == t->snd_nxt);
		CHECK(!q->len || !memcmp(q->data, text + (at - base), q->len));
		at = q->tcp.end_seq;
		charge += q->charge;
		if (!is_after(at, t->snd_nxt) && q->len)
			CHECK_EQ(q->tcp.retransmitted, again[q->tcp.seq - base] > 1);
		if (wrong)
			return;
	}
	CHECK_EQ(at, t->write_seq);
	CHECK_EQ(charge, t->sk.send_charge);
	CHECK(!is_after(t->snd_una, t->snd_nxt) && !is_after(t->snd_nxt, t->snd_max) && (t->next || t->snd_nxt == t->write_seq));
	if (t->next && !tcp_defers(t, t->next))
		CHECK(!must_go(t, t->next));
	/* Section 5 of RFC 6298: from the last sending of the oldest, or from the last news. */
	if (t->snd_una != t->snd_max && !wrong) {
		u64 wait = t->rto, from = MAX(list_first(&t->send_queue, struct packet, link)->tcp.sent_ns, t->acked_ns);
		for (u32 i = 0; i < t->backoff && wait < TCP_RTO_MAX; i++)
			wait *= 2;
		wait = MIN(wait, TCP_RTO_MAX);
		if (from + wait > now + NSEC_PER_MSEC)
			CHECK(near(t->retransmit.deadline, from + wait));
		else
			CHECK(t->retransmit.deadline >= before.now + NSEC_PER_MSEC && t->retransmit.deadline <= now + NSEC_PER_MSEC);
	} else if (!wrong) {
		bool shut = t->next && is_after(t->next->tcp.end_seq, t->snd_una + t->snd_wnd);
		CHECK_EQ(t->retransmit.deadline != TIME_NEVER, !list_empty(&t->send_queue) && (shut || t->cork));
	}
}

static void done(void)
{
	if (!wrong)
		judge_the_rest();
	if (wrong) {
		ktest_note(doing, 0);
		ktest_note("snd_una", p.t->snd_una - base);
		ktest_note("snd_nxt", p.t->snd_nxt - base);
		ktest_note("snd_max", p.t->snd_max - base);
		ktest_note("written", written);
		ktest_note("snd_wnd", p.t->snd_wnd);
		ktest_note("cwnd", p.t->cwnd);
		ktest_note("mss", p.t->mss);
	}
}

/* --- steps -------------------------------------------------------------------------------------------------------------------- */

static void write_some(void)
{
	u32 n = dice(3) ? 1 + dice(200) : 1 + dice(3000);

	n = MIN(n, MOST - written);
	if (!n)
		return;
	look("it writes");
	written += n;
	CHECK_EQ(wire_write(&p.s, text + written - n, n), n);
	take_what_went();
	CHECK_EQ(p.t->snd_una, before.una);
	done();
}

/* Are srtt and rttvar what a round trip of ns makes of them? 0: none was sampled. */
static bool sampled(u64 ns)
{
	u64 srtt = before.srtt, rttvar = before.rttvar;

	if (ns) {
		rttvar = srtt ? rttvar - rttvar / 4 + (srtt > ns ? srtt - ns : ns - srtt) / 4 : ns / 2;
		srtt = srtt ? srtt - srtt / 8 + ns / 8 : ns;
	}
	return near(p.t->srtt, srtt) && near(p.t->rttvar, rttvar);
}

/*
 * A round trip is that of one of the packets of which this acknowledges something, and which went once: RFC 6298 does not say of which. None is sampled where there
 * is none; and there need be none where one that went twice is among them, or only part of a packet is acknowledged.
 */
static bool sampled_right(u32 ack, u64 now)
{
	bool whole = false, twice = false;

	for (u32 i = 0, at = before.una; i < before.count && is_after(ack, at); at = before.packets[i++].end) {
		twice |= before.packets[i].repeated;
		whole |= !before.packets[i].repeated && !is_after(before.packets[i].end, ack);
		if (!before.packets[i].repeated && sampled(now - before.packets[i].sent_ns))
			return true;
	}
	return (twice || !whole) && sampled(0);
}

static void judge_ack(u32 seq, u32 ack, u16 window, u32 len)
{
	const struct tcp_sock *t = p.t;
	bool news = is_after(ack, before.una), newer = seq != before.wl1 ? is_after(seq, before.wl1) : is_after(ack, before.wl2) || (ack == before.wl2 && window > before.wnd);
	bool taken = !is_after(before.una, ack) && newer;

	CHECK_EQ(t->snd_una, larger(ack, before.una));
	CHECK_EQ(t->snd_wnd, taken ? window : before.wnd);
	CHECK_EQ(t->snd_wl1, taken ? seq : before.wl1);
	CHECK_EQ(t->snd_wl2, taken ? ack : before.wl2);
	CHECK_EQ(t->max_window, taken ? MAX(before.max_window, (u32)window) : before.max_window);
	CHECK_EQ(t->probes, taken && window > before.wnd ? 0 : before.probes);
	if (news) {
		CHECK(sampled_right(ack, before.now));
		CHECK(t->backoff == 0 && t->retries == 0 && t->duplicates == 0);
		CHECK(t->acked_ns >= before.now && t->acked_ns <= time_ns());
	} else {
		bool twin = ack == before.una && before.max != before.una && !len && window == before.wnd;
		CHECK(t->srtt == before.srtt && t->backoff == before.backoff && t->retries == before.retries);
		CHECK_EQ(t->duplicates, before.duplicates + twin);
	}
}

static void acknowledge_some(void)
{
	u32 flight = p.t->snd_max - p.t->snd_una, ack = p.t->snd_una, len = dice(6) ? 0 : 1 + dice(50), seq = p.seq, next = p.seq;
	static u8 theirs[64];

	/* A third duplicate would begin a recovery, whose sendings are another's. */
	if (dice(5) && flight)
		ack += dice(3) ? flight : 1 + dice(flight);
	else if (!dice(3))
		ack -= 1 + dice(MIN(ack - base + 1, 300u));
	if (!dice(3) || (ack == p.t->snd_una && p.t->duplicates >= 1))
		p.window = (u16)(dice(4) ? 1 + dice(widest) : dice(3) ? 0 : dice(200));
	if (ack == p.t->snd_una && p.t->duplicates >= 1 && p.window == p.t->snd_wnd)
		p.window++;
	if (!dice(8) && p.t->rcv_nxt != p.iss + 1) {
		seq = p.t->rcv_nxt - 1; /* a piece of before, with a byte that is not new and one that is */
		len = 2;
	}
	look("the peer acknowledges");
	peer_send_at(&p, TCP_ACK, seq, ack, theirs, len);
	take_what_went();
	p.seq = p.t->rcv_nxt;
	judge_ack(larger(seq, next), ack, p.window, len); /* its front was cut off before its number counted */
	done();
	while (wire_receive(&p.s, theirs, sizeof(theirs), 0, NULL) > 0)
		;
}

static void change_a_wish(void)
{
	look("it changes its mind");
	if (!dice(3))
		p.t->cwnd = wire_between(p.t->mss, (1 + dice(4)) * p.t->mss + 200); /* as some way of congestion control might */
	else if (dice(2))
		p.t->nodelay = !p.t->nodelay;
	else
		p.t->cork = !p.t->cork;
}

/* The timer runs out: the oldest goes again, and as much as may; what was under way before it has been lost. */
static void let_it_run_out(void)
{
	u64 deadline = p.t->retransmit.deadline;
	bool under_way = p.t->snd_una != p.t->snd_max, shut = !p.t->snd_wnd;
	u32 first = p.t->snd_una;
	struct seen s = { 0 };

	if (deadline == TIME_NEVER || p.t->backoff > 5 || p.t->probes > 4 || deadline > time_ns() + 20 * NSEC_PER_SEC)
		return;
	neighbour_set(&wire.dev, address_v4(wire.them), wire.mac, false); /* it is not asked for meanwhile, as it would not answer */
	look("the timer runs out");
	thread_sleep_ns(deadline > before.now ? deadline - before.now + 3 * NSEC_PER_MSEC : 3 * NSEC_PER_MSEC);
	if (!under_way) {
		by_timer = true;
		take_what_went();
		return;
	}
	CHECK_EQ(p.t->retries, before.retries + 1);
	CHECK_EQ(p.t->backoff, before.backoff + 1);
	CHECK_EQ(p.t->cwnd, p.t->mss);
	CHECK(p.t->snd_una == first && !is_after(before.max, p.t->snd_max));
	u32 n = 0, most = shut ? p.t->mss : MIN(p.t->snd_wnd, p.t->cwnd);
	while (!wrong && peer_next(&p, &s)) {
		u32 at = s.seq - base;
		if (s.seq == first - 1 || (!s.len && !(s.flags & TCP_FIN)))
			continue;
		CHECK(s.seq == first + n && s.len <= p.t->mss && !memcmp(s.text, text + at, s.len));
		n += s.len;
		for (u32 i = 0; i < s.len && !wrong; i++)
			again[at + i] += again[at + i] < 2;
	}
	CHECK(n <= most && (n || !written));
	CHECK_EQ(p.t->snd_nxt, first + n);
	done();
}

/* To the end: all that was written arrives, and then the FIN. */
static void finish(void)
{
	p.t->nodelay = true;
	p.t->cork = false;
	p.s.ops->shutdown(&p.s, 1);
	wire_forget();
	p.window = 9000;
	for (u32 i = 0; i < 200 && p.t->state == TCP_FIN_WAIT_1 && !wrong; i++) {
		look("at the end");
		peer_send_at(&p, TCP_ACK, p.seq, p.t->snd_max, NULL, 0);
		wire_forget();
	}
	CHECK_EQ(p.t->state, TCP_FIN_WAIT_2);
	CHECK_EQ(p.t->snd_una, base + written + 1);
	CHECK(list_empty(&p.t->send_queue) && p.t->sk.send_charge == 0);
}

KTEST(11, a_connection_at_random)
{
	wrong = false;
	wire_random(text, sizeof(text));
	if (!wire_begin(true))
		return;
	for (u32 turn = 0; turn < TURNS && !wrong; turn++) {
		widest = dice(2) ? 8000 : wire_between(600, 2500);
		if (!peer_open(&p, (u16)wire_between(500, widest), (u16)wire_between(200, 1400)))
			return;
		memset(again, 0, sizeof(again));
		base = p.ack;
		written = 0;
		p.t->nodelay = !dice(3);
		if (dice(2))
			p.t->cwnd = wire_between(p.t->mss, (1 + dice(4)) * p.t->mss + 200);
		for (u32 i = 0; i < STEPS && !wrong && !p.t->in_recovery; i++) {
			look("time goes by");
			by_timer = true;
			wire_wait_ms(dice(4) ? 0 : dice(30));
			take_what_went();
			switch (dice(12)) {
			case 0: change_a_wish(); break;
			case 1:
				for (u32 n = 1 + dice(2) * dice(5); n && !wrong; n--)
					let_it_run_out();
				break;
			case 2: case 3: case 4: case 5: write_some(); break;
			default:
				acknowledge_some();
				if (!p.t->snd_wnd && !wrong && dice(2))
					let_it_run_out();
				break;
			}
		}
		if (!wrong && !p.t->in_recovery)
			finish();
		peer_close(&p);
	}
}
