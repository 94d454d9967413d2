/* Stage 11: what TCP sends, when, and when again (RFC 9293 section 3.8, RFC 6298). */
#include "11_peer.h"

#include "mm/slab.h"
#include "sched/thread.h"
#include "time/time.h"

static u8 text[30000];

/* What the peer has received in order, from p->ack on; what does not continue there is refused. Its segments are checked. */
static u32 take_all(struct peer *p, u32 mss)
{
	struct seen s;
	u32 n = 0;

	while (peer_next(p, &s)) {
		KEXPECT(s.len <= mss);
		if (s.seq == p->ack) {
			p->ack = s.end;
			n += s.len;
		}
	}
	return n;
}

/* When the next segment of ours comes, to four milliseconds or five: how long it took. 0: not within most_ms. */
static u64 next_after(struct peer *p, struct seen *s, u64 most_ms)
{
	u64 start = time_ns();

	while (time_ns() - start < most_ms * NSEC_PER_MSEC) {
		if (peer_next(p, s))
			return (time_ns() - start) / NSEC_PER_MSEC;
		wire_wait_ms(4);
	}
	return 0;
}

KTEST(11, the_peers_window_bounds_what_is_sent)
{
	struct peer p;

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 8; turn++) {
		u16 mss = (u16)wire_between(300, 1400);
		u32 total = wire_between(9000, 20000), done = 0;

		if (!peer_open(&p, (u16)wire_between(2000, 6000), mss))
			return;
		u32 start = p.ack;
		wire_random(text, total);
		KEXPECT_EQ(wire_write(&p.s, text, total), total);
		while (done < total) {
			u32 edge = start + done + p.window;
			struct seen s;
			while (peer_next(&p, &s)) {
				if (!KEXPECT(s.len <= mss && !seq_after(s.end, edge)) || !KEXPECT(s.seq == p.ack && !memcmp(s.text, text + (s.seq - start), s.len)))
					goto next;
				p.ack = s.end;
			}
			if (!KEXPECT(p.ack != start + done)) /* something came: neither side waits */
				break;
			/* As full as can be: less than a segment is left of the window. */
			KEXPECT(p.ack == start + total || edge - p.ack < mss || p.t->cwnd < p.window);
			done = p.ack - start;
			p.window = (u16)wire_between(2000, 6000);
			peer_send(&p, TCP_ACK, NULL, 0);
		}
next:
		peer_close(&p);
	}
}

KTEST(11, congestion_bounds_what_is_sent)
{
	struct peer p;

	if (!wire_begin(true) || !peer_open(&p, 60000, 1000))
		return;
	/* What is left is less than two segments: of more tcp_defers would see to it that nothing goes. */
	u32 cwnd = p.t->cwnd = wire_between(3, 9) * 1000;
	KEXPECT_EQ(wire_write(&p.s, text, cwnd + 1500), cwnd + 1500);
	KEXPECT_EQ(take_all(&p, 1000), cwnd);
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(take_all(&p, 1000), 1500);
	peer_send(&p, TCP_ACK, NULL, 0);
	p.our_iss = p.ack - 1;
	p.t->cwnd = wire_between(3, 9) * 1000;
	KEXPECT_EQ(wire_write(&p.s, text, 20000), 20000);
	KEXPECT_EQ(take_all(&p, 1000), p.t->cwnd);
	u32 out = p.ack - p.our_iss - 1;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(take_all(&p, 1000) >= out);
	peer_close(&p);
	/* It hears what was under way before an ACK: a window that was full may grow. */
	if (!peer_open(&p, 60000, 1000))
		return;
	cwnd = p.t->cwnd = wire_between(3, 9) * 1000;
	KEXPECT_EQ(wire_write(&p.s, text, cwnd), cwnd);
	KEXPECT_EQ(take_all(&p, 1000), cwnd);
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(p.t->cwnd > cwnd);
	peer_close(&p);
}

/* Section 3.8.6.2.1: rather wait than send what is silly. */
KTEST(11, no_silly_segment_is_sent)
{
	struct peer p;

	if (!wire_begin(true) || !peer_open(&p, 2000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 3900), 3900); /* in the end less than two segments, as tcp_defers has a word to say about more */
	KEXPECT_EQ(take_all(&p, 1000), 2000);
	p.window = 300; /* all came, and hardly anything was read */
	peer_send_at(&p, TCP_ACK, p.seq, p.ack - 1000, NULL, 0);
	KEXPECT_EQ(take_all(&p, 1000), 0);
	p.window = 1150; /* half of the largest window that it ever offered */
	peer_send_at(&p, TCP_ACK, p.seq, p.ack, NULL, 0);
	KEXPECT_EQ(take_all(&p, 1000), 1000);
	KEXPECT_EQ(p.t->snd_nxt - p.t->snd_una, 1000);
	p.window = 400; /* nothing is under way: what fits goes, or nobody would ever say a word */
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(take_all(&p, 1000), 400);
	peer_close(&p);
	/* If it is congestion that is short, the ACKs that are on their way make room for all of it, however much of the peer's window would be filled. */
	if (!peer_open(&p, 1600, 1000))
		return;
	p.t->nodelay = true;
	p.t->cwnd = 1500;
	KEXPECT_EQ(wire_write(&p.s, text, 600), 600);
	KEXPECT_EQ(take_all(&p, 1000), 600);
	KEXPECT_EQ(wire_write(&p.s, text, 1000), 1000);
	KEXPECT_EQ(take_all(&p, 1000), 0);
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(take_all(&p, 1000), 1000);
	peer_close(&p);
}

static struct thread *starved;
static u32 allocations_left; /* the last of them fails */
static bool short_for_once(int kind __unused) { return current == starved && allocations_left && !--allocations_left; }

/* The peer's window is so large now, and when something is sent, or sent again, memory is short for the first request: there is none to cut a packet. */
static void sends_without_memory(struct peer *p, u16 window, bool again)
{
	bool (*saved)(int kind) = alloc_fail_hook;

	net_begin();
	spin_lock(&p->t->sk.lock);
	p->t->snd_wnd = window;
	starved = current;
	allocations_left = 1;
	alloc_fail_hook = short_for_once;
	if (again)
		tcp_retransmit_first(p->t);
	else
		tcp_output(p->t);
	alloc_fail_hook = saved;
	spin_unlock(&p->t->sk.lock);
	net_end();
}

/* What cannot be cut waits: neither goes more than the window has room for, nor more than a segment at a time what goes again. */
KTEST(11, what_cannot_be_cut_waits)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 1000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 1900), 1900);
	KEXPECT_EQ(take_all(&p, 1000), 1000);
	p.window = 0;
	peer_send(&p, TCP_ACK, NULL, 0);
	sends_without_memory(&p, 400, false);
	KEXPECT(take_all(&p, 1000) <= 400 && p.t->snd_nxt - p.t->snd_una <= 400);
	peer_close(&p);
	if (!peer_open(&p, 60000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 4000), 4000);
	KEXPECT_EQ(peer_all(&p, &s), 4);
	sends_without_memory(&p, 60000, true);
	KEXPECT(peer_all(&p, &s) <= 1);
	sends_without_memory(&p, 60000, true); /* the peer is heard of no less for it: when there is memory again it goes */
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(next_after(&p, &s, 5000) && s.seq == p.ack && s.len == 1000);
	peer_close(&p);
}

KTEST(11, a_small_segment_waits_for_one_under_way)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 9000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 10), 10);
	KEXPECT(peer_next(&p, &s) && s.len == 10);
	p.ack = s.end;
	KEXPECT_EQ(wire_write(&p.s, text, 20), 20);
	KEXPECT(peer_silent(&p));
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.len == 20); /* with the ACK */
	p.ack = s.end;
	KEXPECT_EQ(wire_write(&p.s, text, 30), 30);
	KEXPECT(peer_silent(&p));
	KEXPECT_EQ(wire_write(&p.s, text, 1000), 1000); /* a full one goes, and what lies before it */
	KEXPECT(peer_next(&p, &s) && s.len == 30 && peer_next(&p, &s) && s.len == 1000);
	p.ack = s.end;
	peer_send(&p, TCP_ACK, NULL, 0);
	/* What is written meanwhile is gathered, until it fills a segment. */
	KEXPECT_EQ(wire_write(&p.s, text, 10), 10);
	KEXPECT(peer_next(&p, &s) && s.len == 10);
	p.ack = s.end;
	for (u32 i = 0; i < 49; i++)
		KEXPECT_EQ(wire_write(&p.s, text + 20 * i, 20), 20);
	KEXPECT(peer_silent(&p));
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.len == 980 && !memcmp(s.text, text, 980) && peer_silent(&p));
	p.ack = s.end;
	peer_send(&p, TCP_ACK, NULL, 0);
	/* Urgent text waits for nothing; once the peer has it all is as before. */
	KEXPECT_EQ(wire_write(&p.s, text, 7), 7);
	KEXPECT(peer_next(&p, &s) && s.len == 7);
	p.ack = s.end;
	KEXPECT_EQ(wire_write_urgent(&p.s, text, 8), 8);
	KEXPECT(peer_next(&p, &s) && s.len == 8 && s.flags & TCP_URG);
	p.ack = s.end;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(wire_write(&p.s, text, 9), 9);
	KEXPECT(peer_next(&p, &s) && s.len == 9 && !(s.flags & TCP_URG));
	KEXPECT_EQ(wire_write(&p.s, text, 10), 10);
	KEXPECT(peer_silent(&p));
	p.ack = s.end;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.len == 10);
	p.ack = s.end;
	/* Who does not want to wait need not; nor does an end. */
	p.t->nodelay = true;
	KEXPECT_EQ(wire_write(&p.s, text, 5), 5);
	KEXPECT(peer_next(&p, &s) && s.len == 5);
	p.t->nodelay = false;
	KEXPECT_EQ(wire_write(&p.s, text, 6), 6);
	KEXPECT(peer_silent(&p));
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT(peer_next(&p, &s) && s.len == 6 && s.flags & TCP_FIN);
	peer_close(&p);
}

/* --- time --------------------------------------------------------------------------------------------------------------------- */

KTEST(11, the_round_trip_is_smoothed)
{
	static struct tcp_sock t;

	for (int turn = 0; turn < 50; turn++) {
		/* RFC 6298 section 2, in eighths and quarters of a nanosecond's truth. */
		u64 srtt = 0, rttvar = 0, base = NSEC_PER_MSEC * wire_between(1, 3000);
		memset(&t, 0, sizeof(t));
		for (int i = 0; i < 40; i++) {
			u64 r = base + NSEC_PER_MSEC * wire_between(0, 20) * (ktest_random() % 3 ? 1 : wire_between(1, 100));
			tcp_rtt_sample(&t, r);
			if (!i) {
				srtt = r;
				rttvar = r / 2;
			} else {
				rttvar = rttvar - rttvar / 4 + (srtt > r ? srtt - r : r - srtt) / 4;
				srtt = srtt - srtt / 8 + r / 8;
			}
			u64 rto = MIN(srtt + MAX(4 * rttvar, TCP_RTO_MIN), TCP_RTO_MAX);
			if (!KEXPECT(t.srtt + 1000 > srtt && t.srtt < srtt + 1000) || !KEXPECT(t.rttvar + 1000 > rttvar && t.rttvar < rttvar + 1000) ||
			    !KEXPECT(t.rto + 10000 > rto && t.rto < rto + 10000))
				return;
		}
	}
	tcp_rtt_sample(&t, 500 * NSEC_PER_SEC);
	tcp_rtt_sample(&t, 500 * NSEC_PER_SEC);
	KEXPECT_EQ(t.rto, TCP_RTO_MAX);
}

static bool about(u64 got, u64 wanted) { return got + 5 >= wanted && got <= wanted + 8; }

KTEST(11, the_timer_sends_again_and_waits_twice_as_long)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 9000, 1000))
		return;
	p.t->srtt = 0;
	u64 rtt = NSEC_PER_MSEC * wire_between(20, 400);
	tcp_rtt_sample(p.t, rtt);
	u64 rto = p.t->rto / NSEC_PER_MSEC;
	u32 halved = 0;
	KEXPECT_EQ(wire_write(&p.s, text, 700), 700);
	KEXPECT(peer_next(&p, &s) && peer_silent(&p));
	KEXPECT_EQ(p.t->total_retransmits, 0);
	for (int i = 0; i < 4; i++) {
		u64 waited = next_after(&p, &s, 20000);
		KEXPECT(s.seq == p.ack && s.len == 700 && !memcmp(s.text, text, 700));
		if (!KEXPECT(about(waited, rto << i))) {
			ktest_note("waited, ms", waited);
			ktest_note("should have, ms", rto << i);
			break;
		}
		/* Only the first of a row says something about the path (RFC 5681 section 3.1): congestion is told which it is. */
		halved = i ? halved : p.t->ssthresh;
		KEXPECT_EQ(p.t->ssthresh, halved);
		p.t->ssthresh = halved += 1000;
	}
	KEXPECT(p.t->cwnd == 1000 && p.t->total_retransmits == 4);
	/* An answer ends the doubling: what comes next waits no longer than before. Karn: and it is no sample of the time. */
	p.ack += 700;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->rto / NSEC_PER_MSEC, rto);
	KEXPECT(p.t->backoff == 0 && p.t->retries == 0);
	KEXPECT_EQ(next_after(&p, &s, 3000), 0); /* nothing is under way: silence */
	KEXPECT_EQ(wire_write(&p.s, text, 700), 700);
	KEXPECT(peer_next(&p, &s));
	KEXPECT(about(next_after(&p, &s, 20000), rto));
	/* There is an end to the doubling. */
	net_begin();
	p.t->backoff = 16;
	tcp_set_retransmit_timer(p.t);
	u64 now = time_ns(), at = p.t->retransmit.deadline;
	net_end();
	KEXPECT(at <= now + TCP_RTO_MAX && at + NSEC_PER_SEC > now + TCP_RTO_MAX);
	peer_close(&p);
	/* A call that was heard at the second try only: the doubling ends with the answer, and what that took is no sample. */
	if (!peer_call(&p, 9000))
		return;
	KEXPECT(next_after(&p, &s, 5000) && s.flags == TCP_SYN && p.t->cwnd == p.t->mss); /* what was lost says something about the path, whatever it was */
	peer_send(&p, TCP_SYN | TCP_ACK, NULL, 0);
	KEXPECT(p.t->state == TCP_ESTABLISHED && p.t->srtt == 0 && peer_all(&p, &s) == 1);
	KEXPECT_EQ(wire_write(&p.s, text, 500), 500);
	KEXPECT(peer_next(&p, &s) && s.len == 500 && peer_silent(&p));
	KEXPECT(about(next_after(&p, &s, 5000), TCP_RTO_INITIAL / NSEC_PER_MSEC));
	peer_close(&p);
	/* What we answer to a call that crosses ours is sent again too. */
	if (!peer_call(&p, 9000))
		return;
	peer_send(&p, TCP_SYN, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.flags == (TCP_SYN | TCP_ACK) && next_after(&p, &s, 5000) && s.flags == (TCP_SYN | TCP_ACK) && p.t->retries == 1);
	peer_close(&p);
}

/* A round trip is measured by what was sent once. */
KTEST(11, a_round_trip_is_measured)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 4; turn++) {
		u64 ms = wire_between(30, 180);

		if (!peer_open(&p, 9000, 1000))
			return;
		p.t->srtt = 0;
		KEXPECT_EQ(wire_write(&p.s, text, 700), 700);
		KEXPECT(peer_next(&p, &s));
		wire_wait_ms(ms);
		p.ack = s.end;
		peer_send(&p, TCP_ACK, NULL, 0);
		KEXPECT(about(p.t->srtt / NSEC_PER_MSEC, ms));
		u64 before = p.t->srtt;
		KEXPECT_EQ(wire_write(&p.s, text, 700), 700);
		KEXPECT(peer_next(&p, &s) && next_after(&p, &s, 5000) && s.seq == p.ack);
		wire_wait_ms(5);
		p.ack = s.end;
		peer_send(&p, TCP_ACK, NULL, 0);
		KEXPECT_EQ(p.t->srtt, before);
		peer_close(&p);
		/* Nor is it lost when the call itself took so long, or when the peer says which of the two it heard (RFC 7323 section 4). */
		if (!peer_call(&p, 9000))
			return;
		wire_wait_ms(ms);
		p.stamps = true;
		peer_send(&p, TCP_SYN | TCP_ACK, NULL, 0);
		KEXPECT(about(p.t->srtt / NSEC_PER_MSEC, ms));
		peer_all(&p, &s);
		KEXPECT_EQ(wire_write(&p.s, text, 400), 400);
		KEXPECT(peer_next(&p, &s) && next_after(&p, &s, 5000) && s.seq == p.ack && s.stamp);
		p.t->srtt = 0;
		wire_wait_ms(ms);
		p.ack = s.end;
		p.echo = s.stamp;
		peer_send(&p, TCP_ACK, NULL, 0);
		KEXPECT(about(p.t->srtt / NSEC_PER_MSEC, ms));
		peer_close(&p);
	}
}

/* Section 5.3: an ACK that brings news starts the wait anew. */
KTEST(11, news_start_the_timer_anew)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 9000, 1000))
		return;
	tcp_rtt_sample(p.t, 100 * NSEC_PER_MSEC);
	KEXPECT_EQ(wire_write(&p.s, text, 3000), 3000);
	KEXPECT_EQ(peer_all(&p, &s), 3);
	for (int i = 0; i < 2; i++) {
		wire_wait_ms(p.t->rto / NSEC_PER_MSEC * 3 / 4);
		KEXPECT(peer_silent(&p));
		p.ack += 1000;
		peer_send(&p, TCP_ACK, NULL, 0);
	}
	KEXPECT(about(next_after(&p, &s, 5000), p.t->rto / NSEC_PER_MSEC));
	KEXPECT_EQ(s.seq, p.ack);
	peer_close(&p);
}

/* All that was under way counts as lost: it is sent again from the oldest on, as the window grows. */
KTEST(11, after_a_timeout_all_is_sent_again)
{
	struct peer p;
	struct seen s;
	u32 total = 6000;

	if (!wire_begin(true) || !peer_open(&p, 20000, 1000))
		return;
	wire_random(text, total);
	KEXPECT_EQ(wire_write(&p.s, text, total), total);
	KEXPECT_EQ(peer_all(&p, &s), 6);
	u32 start = p.ack;
	KEXPECT(next_after(&p, &s, 5000) && s.seq == start && s.len == 1000);
	KEXPECT(peer_silent(&p)); /* one, and no more */
	while (p.ack - start < total) {
		p.ack = s.end;
		peer_send(&p, TCP_ACK, NULL, 0);
		if (p.ack - start == total)
			break;
		u32 from = p.ack;
		do {
			if (!KEXPECT(peer_next(&p, &s)) || !KEXPECT(s.seq == from && !memcmp(s.text, text + (from - start), s.len)))
				goto out;
			from = s.end;
		} while (wire_count(ETHER_IP));
	}
	KEXPECT(peer_silent(&p) && list_empty(&p.t->send_queue));
	/* A full segment with the end behind it: the window of one segment that a timeout leaves has room for its text. */
	p.t->cwnd = 2000;
	start = p.ack;
	KEXPECT_EQ(wire_write(&p.s, text, 3000), 3000);
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT_EQ(take_all(&p, 1000), 2000);
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == start + 2000 && s.flags & TCP_FIN); /* and is lost */
	KEXPECT(next_after(&p, &s, 5000) && s.seq == start + 2000 && s.len == 1000 && !memcmp(s.text, text + 2000, 1000));
	p.ack = s.end;
	peer_send(&p, TCP_ACK, NULL, 0);
	if (p.ack == start + 3000) {
		KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.flags & TCP_FIN);
		p.ack++;
		peer_send(&p, TCP_ACK, NULL, 0);
	}
	KEXPECT_EQ(p.t->state, TCP_FIN_WAIT_2);
	peer_close(&p);
	/* The window has become smaller than what went: what was lost is not under way, and so a part of it goes. */
	if (!peer_open(&p, 1000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 1000), 1000);
	KEXPECT_EQ(peer_all(&p, &s), 1);
	p.window = 400;
	peer_send(&p, TCP_ACK, text, 1);
	wire_wait_ms(60);
	wire_forget();
	KEXPECT(next_after(&p, &s, 5000) && s.seq == p.ack && s.len == 400 && peer_silent(&p));
out:
	peer_close(&p);
}

/* What the peer never acknowledges is given up at last, and the program told; a SYN sooner. */
KTEST(11, in_the_end_it_is_given_up)
{
	struct peer p;
	struct seen s;
	u32 syns = 0;

	if (!wire_begin(true) || !peer_call(&p, 9000))
		return;
	p.t->syn_retries = 3;
	wire_wait_ms(60000);
	for (; peer_next(&p, &s); syns++)
		KEXPECT(s.flags == TCP_SYN && s.seq == p.our_iss);
	KEXPECT_EQ(syns, 3);
	KEXPECT(p.t->state == TCP_CLOSED && p.t->sk.error == ETIMEDOUT);
	peer_close(&p);
}

/* A window that is shut is asked about; a FIN goes as soon as there is room for its number. */
KTEST(11, a_shut_window_is_asked_about)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 1000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 1500), 1500);
	KEXPECT_EQ(take_all(&p, 1000), 1000);
	p.window = 0;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_silent(&p));
	KEXPECT(next_after(&p, &s, 5000) && s.seq == p.ack - 1 && !s.len);
	p.window = 1000;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.len == 500);
	KEXPECT_EQ(p.t->probes, 0); /* the next time that it is shut is another one */
	p.ack += 500;
	p.window = 0;
	peer_send(&p, TCP_ACK, NULL, 0);
	p.s.ops->shutdown(&p.s, 1); /* the end has a number too, for which there is no room */
	KEXPECT(peer_silent(&p));
	p.window = 1;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.flags & TCP_FIN);
	peer_close(&p);
	/* Past the window's end it does not go, neither alone nor behind the text that fills the window. */
	if (!peer_open(&p, 1000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 1000), 1000);
	KEXPECT_EQ(take_all(&p, 1000), 1000);
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT(peer_silent(&p));
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && !s.len && s.flags & TCP_FIN);
	peer_close(&p);
	if (!peer_open(&p, 1000, 1000))
		return;
	p.window = 0;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(wire_write(&p.s, text, 1000), 1000);
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT(peer_silent(&p));
	p.window = 1000;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.len == 1000 && !(s.flags & TCP_FIN));
	KEXPECT(peer_silent(&p));
	p.ack += 1000;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && !s.len && s.flags & TCP_FIN);
	peer_close(&p);
}
