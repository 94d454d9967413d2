/*
 * Stage 11: one segment at random for a connection in each of its states, beside a model of RFC 9293 section 3.10.7 and RFC 5961. After it the state, the error,
 * what was taken in and what was answered are what the model says.
 */
#include "11_peer.h"

enum { TURNS = 260 };

static bool wrong;
#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static struct peer p;
static u8 text[64];

static const u8 states[] = { TCP_SYN_SENT, TCP_SYN_RECEIVED, TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING, TCP_TIME_WAIT };

/* A segment, what it meets, and what must come of it. */
struct segment {
	u8 flags;
	u32 seq, ack, len;
};
struct after {
	u8 state;
	int error;
	u32 rcv_nxt, snd_una;
	enum { SILENCE, AN_ACK, A_SYN_ACK, A_RESET } answer; /* AN_ACK: where we are; a reset has the segment's ack as its number */
};

static u32 dice(u32 n) { return ktest_random() % n; }

static bool bring_to(u8 state)
{
	struct seen s;

	if (!peer_call(&p, (u16)wire_between(2000, 60000)))
		return false;
	if (state == TCP_SYN_SENT)
		return true;
	if (state == TCP_SYN_RECEIVED) {
		peer_send(&p, TCP_SYN, NULL, 0);
	} else {
		peer_send(&p, TCP_SYN | TCP_ACK, NULL, 0);
		if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
			peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
		if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
			p.s.ops->shutdown(&p.s, 1);
		if (state == TCP_CLOSING)
			peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
		if (state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT) {
			p.ack++;
			peer_send(&p, TCP_ACK, NULL, 0);
		}
		if (state == TCP_TIME_WAIT)
			peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	}
	peer_all(&p, &s);
	return KEXPECT_EQ(p.t->state, state);
}

static bool is_after(u32 a, u32 b) { return (s32)(a - b) > 0; }

/* Any of the segment's numbers in the window, tried one by one (it is never shut here). */
static bool in_window(const struct tcp_sock *t, const struct segment *g)
{
	u32 length = g->len + !!(g->flags & TCP_SYN) + !!(g->flags & TCP_FIN), window = t->rcv_adv - t->rcv_nxt;

	for (u32 i = 0; i < MAX(length, 1u); i++)
		if (g->seq + i - t->rcv_nxt < window)
			return true;
	return false;
}

static bool may_carry(u8 state) { return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2; }

/* The number of an ACK: for what was said, for nothing new, for what was never said, or from long ago. */
static u32 some_ack(const struct tcp_sock *t)
{
	switch (dice(8)) {
	case 0: return t->snd_max + 1 + dice(3);
	case 1: return t->snd_max + 0x40000000u;
	case 2: return t->snd_una - t->max_window - 1 - dice(1000);
	case 3: return t->snd_una;
	case 4: return t->snd_una - 1;
	default: return t->snd_max;
	}
}

static struct segment some_segment(const struct tcp_sock *t)
{
	struct segment g = { .flags = dice(5) ? TCP_ACK : 0, .ack = some_ack(t) };

	if (!dice(3))
		g.flags |= TCP_RST;
	if (!dice(3) && t->state != TCP_TIME_WAIT) /* there it may begin a new connection: RFC 9293 section 3.10.7.4, which is given */
		g.flags |= TCP_SYN;
	if (t->state == TCP_SYN_SENT) {
		g.seq = (u32)ktest_random();
		return g;
	}
	u32 near[] = { t->rcv_nxt, t->rcv_nxt, t->rcv_nxt, t->rcv_nxt, t->rcv_nxt + 1, t->rcv_adv - 1, t->rcv_adv, t->rcv_nxt - 1 - dice(40) };
	g.seq = near[dice(ARRAY_SIZE(near))];
	if (may_carry(t->state) && g.seq == t->rcv_nxt && !(g.flags & (TCP_SYN | TCP_RST))) {
		g.len = dice(2) ? dice(sizeof(text)) : 0;
		g.flags |= dice(3) ? 0 : TCP_FIN;
	}
	if (!in_window(t, &g))
		g.ack = t->snd_una; /* what its ACK may still do is another story */
	return g;
}

static struct after in_syn_sent(const struct tcp_sock *t, const struct segment *g)
{
	struct after a = { .state = TCP_SYN_SENT, .rcv_nxt = t->rcv_nxt, .snd_una = t->snd_una };
	bool ack = g->flags & TCP_ACK;

	if (ack && (!is_after(g->ack, t->iss) || is_after(g->ack, t->snd_max))) {
		a.answer = g->flags & TCP_RST ? SILENCE : A_RESET;
	} else if (g->flags & TCP_RST) {
		if (ack) {
			a.state = TCP_CLOSED;
			a.error = ECONNREFUSED;
		}
	} else if (g->flags & TCP_SYN) {
		a.rcv_nxt = g->seq + 1;
		a.state = ack ? TCP_ESTABLISHED : TCP_SYN_RECEIVED;
		a.answer = ack ? AN_ACK : A_SYN_ACK;
		a.snd_una = ack ? g->ack : t->snd_una;
	}
	return a;
}

static u8 when_our_fin_is_acked(u8 state)
{
	return state == TCP_FIN_WAIT_1 ? TCP_FIN_WAIT_2 : state == TCP_CLOSING ? TCP_TIME_WAIT : state == TCP_LAST_ACK ? TCP_CLOSED : state;
}

static u8 when_theirs_comes(u8 state)
{
	return state == TCP_ESTABLISHED ? TCP_CLOSE_WAIT : state == TCP_FIN_WAIT_1 ? TCP_CLOSING : TCP_TIME_WAIT;
}

static struct after in_others(const struct tcp_sock *t, const struct segment *g)
{
	struct after a = { .state = t->state, .rcv_nxt = t->rcv_nxt, .snd_una = t->snd_una };
	bool handshake = t->state == TCP_SYN_RECEIVED;

	if (!in_window(t, g)) {
		a.answer = g->flags & TCP_RST ? SILENCE : handshake && g->flags == TCP_SYN && g->seq == t->irs ? A_SYN_ACK : AN_ACK;
	} else if (g->flags & TCP_RST) {
		if (g->seq != t->rcv_nxt) {
			a.answer = AN_ACK;
		} else {
			a.state = TCP_CLOSED;
			a.error = handshake ? ECONNREFUSED : t->state == TCP_TIME_WAIT ? 0 : t->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET;
		}
	} else if (g->flags & TCP_SYN) {
		a.answer = AN_ACK;
	} else if (!(g->flags & TCP_ACK)) {
		a.answer = SILENCE;
	} else if (handshake && (!is_after(g->ack, t->snd_una) || is_after(g->ack, t->snd_max))) {
		a.answer = A_RESET;
	} else if (is_after(g->ack, t->snd_max) || is_after(t->snd_una - t->max_window, g->ack)) {
		a.answer = AN_ACK;
	} else {
		a.state = handshake ? TCP_ESTABLISHED : t->state;
		if (is_after(g->ack, t->snd_una))
			a.snd_una = g->ack;
		if (t->fin_queued && a.snd_una == t->write_seq)
			a.state = when_our_fin_is_acked(a.state);
		a.rcv_nxt += g->len + !!(g->flags & TCP_FIN);
		if (g->flags & TCP_FIN) {
			a.state = when_theirs_comes(a.state);
			a.answer = AN_ACK;
		}
	}
	return a;
}

static void compare(const struct segment *g, const struct after *a, u32 max, u8 before)
{
	u32 acks = 0, resets = 0, syn_acks = 0;
	struct seen s;

	CHECK_EQ(p.t->state, a->state);
	CHECK_EQ(p.t->sk.error, a->error);
	if (a->state != TCP_CLOSED) {
		CHECK_EQ(p.t->rcv_nxt, a->rcv_nxt);
		CHECK_EQ(p.t->snd_una, a->snd_una);
		CHECK_EQ(p.t->snd_max, max);
	}
	while (!wrong && peer_next(&p, &s)) {
		if (s.flags & TCP_RST) {
			resets++;
			CHECK_EQ(s.seq, g->ack);
		} else if (s.flags & TCP_SYN) {
			syn_acks++;
			CHECK(s.flags == (TCP_SYN | TCP_ACK) && s.seq == p.our_iss && s.ack == a->rcv_nxt);
		} else {
			acks++;
			CHECK(s.flags & TCP_ACK && s.ack == a->rcv_nxt);
		}
	}
	CHECK_EQ(resets, a->answer == A_RESET);
	CHECK_EQ(syn_acks, a->answer == A_SYN_ACK);
	/* An answer to text may come later, or at once. */
	if (a->answer == AN_ACK)
		CHECK_EQ(acks, 1);
	else if (!g->len)
		CHECK_EQ(acks, 0);
	if (wrong) {
		ktest_note("state", before);
		ktest_note("flags", g->flags);
		ktest_note("acknowledged, from snd_max on", g->ack - max);
		ktest_note("length", g->len);
	}
}

KTEST(11, any_segment_in_any_state)
{
	u64 packets = wire_packets();

	wrong = false;
	if (!wire_begin(true))
		return;
	wire_random(text, sizeof(text));
	for (u32 turn = 0; turn < TURNS && !wrong; turn++) {
		u8 state = states[turn % ARRAY_SIZE(states)];

		if (!bring_to(state))
			return;
		for (u32 i = 0; i < 3 && p.t->state == state && !wrong; i++) {
			p.t->challenge_ns = 0; /* else only one in half a second is answered */
			p.t->duplicates = 0;   /* and a third duplicate brings something again */
			u32 max = p.t->snd_max;
			struct segment g = some_segment(p.t);
			struct after a = state == TCP_SYN_SENT ? in_syn_sent(p.t, &g) : in_others(p.t, &g);
			peer_send_at(&p, g.flags, g.seq, g.ack, text, g.len);
			compare(&g, &a, max, state);
		}
		peer_close(&p);
	}
	CHECK(wire_packets() < packets + 8); /* each was given back, whatever it met; somebody else may send now */
}
