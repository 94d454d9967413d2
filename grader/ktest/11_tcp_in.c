/* Stage 11: what segments that come in do to a connection (RFC 9293 section 3.10.7). */
#include "11_peer.h"

#include "time/time.h"

static u8 text[4096], got[4096];

/* --- the window --------------------------------------------------------------------------------------------------------------- */

/* Byte by byte, without a modulus: is any of seq .. seq + length - 1 in next .. edge - 1? */
static bool in_window(u64 seq, u64 length, u64 next, u64 edge)
{
	if (!length)
		return edge == next ? seq == next : seq >= next && seq < edge;
	for (u64 at = seq; at < seq + length; at++)
		if (at >= next && at < edge)
			return true;
	return false;
}

KTEST(11, a_segment_is_acceptable_if_some_of_it_is_in_the_window)
{
	static struct tcp_sock t;
	static struct packet p;

	for (int turn = 0; turn < 6000; turn++) {
		u64 base = 1ul << 40 | (turn % 3 ? ktest_random() >> 32 : 0xfffffff0 + wire_between(0, 31)), window = turn % 4 ? wire_between(1, 20) : 0;
		u64 seq = base - 24 + wire_between(0, 48), length = turn % 5 ? wire_between(0, 30) : 0;

		t.rcv_nxt = (u32)base;
		t.rcv_adv = (u32)(base + window);
		p.tcp.seq = (u32)seq;
		p.tcp.end_seq = (u32)(seq + length);
		if (!KEXPECT_EQ(tcp_acceptable(&t, &p), in_window(seq, length, base, base + window))) {
			ktest_note("from rcv_nxt on", (u32)(seq - base));
			ktest_note("length", length);
			ktest_note("window", window);
			return;
		}
	}
}

/* --- opening ------------------------------------------------------------------------------------------------------------------ */

KTEST(11, a_connection_is_opened)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 10; turn++) {
		if (!peer_open(&p, (u16)wire_between(1000, 60000), 1000))
			return;
		KEXPECT(p.t->snd_wnd == p.window && p.t->max_window == p.window && p.t->snd_una == p.ack && p.t->rcv_nxt == p.seq && list_empty(&p.t->send_queue));
		KEXPECT(p.t->rcv_adv - p.t->rcv_nxt <= tcp_receive_limit(p.t)); /* what is offered has room */
		/* And it works, both ways. */
		wire_random(text, 300);
		peer_send(&p, TCP_ACK | TCP_PSH, text, 300);
		KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 300);
		KEXPECT(!memcmp(got, text, 300));
		KEXPECT(peer_all(&p, &s) && s.ack == p.seq);
		KEXPECT_EQ(wire_write(&p.s, text, 200), 200);
		KEXPECT(peer_all(&p, &s) == 1 && s.seq == p.ack && s.len == 200 && !memcmp(s.text, text, 200));
		peer_close(&p);
	}
}

KTEST(11, only_an_answer_to_our_syn_counts)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_call(&p, 5000))
		return;
	/* ACKs for what was never sent: a reset with their number, and on we wait (section 3.5.2). */
	u32 bad[] = { p.our_iss, p.our_iss - 1, p.ack + 1, p.ack + 0x40000000u };
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		peer_send_at(&p, i % 2 ? TCP_ACK : TCP_SYN | TCP_ACK, p.iss, bad[i], NULL, 0);
		if (KEXPECT(peer_next(&p, &s)))
			KEXPECT(s.flags == TCP_RST && s.seq == bad[i]);
		KEXPECT(peer_silent(&p) && p.t->state == TCP_SYN_SENT);
		peer_send_at(&p, TCP_RST | TCP_ACK, p.iss, bad[i], NULL, 0);
		KEXPECT(peer_silent(&p) && p.t->state == TCP_SYN_SENT);
	}
	peer_send_at(&p, TCP_RST, p.iss, 0, NULL, 0); /* anybody may have sent that */
	peer_send_at(&p, TCP_ACK, p.iss, p.ack, NULL, 0); /* ours, but where is theirs? */
	peer_send_at(&p, 0, p.iss, 0, text, 10);
	KEXPECT(peer_silent(&p) && p.t->state == TCP_SYN_SENT);
	/* Nobody listens. */
	peer_send_at(&p, TCP_RST | TCP_ACK, 0, p.ack, NULL, 0);
	KEXPECT(p.t->state == TCP_CLOSED && p.t->sk.error == ECONNREFUSED);
	KEXPECT(peer_silent(&p));
	peer_close(&p);
}

KTEST(11, both_call_at_the_same_time)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_call(&p, 5000))
		return;
	peer_send(&p, TCP_SYN, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_SYN_RECEIVED);
	if (KEXPECT(peer_next(&p, &s)))
		KEXPECT(s.flags == (TCP_SYN | TCP_ACK) && s.seq == p.our_iss && s.ack == p.seq);
	/* What we said was lost: its SYN comes again. */
	peer_send_at(&p, TCP_SYN, p.iss, 0, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.flags == (TCP_SYN | TCP_ACK) && s.seq == p.our_iss && s.ack == p.seq && peer_silent(&p));
	/* The peer's SYN,ACK has the number of its SYN, which we have had: it is told where we are, and says so too. */
	peer_send_at(&p, TCP_SYN | TCP_ACK, p.iss, p.ack, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.flags == TCP_ACK && s.ack == p.seq);
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_ESTABLISHED);
	peer_all(&p, &s);
	peer_send(&p, TCP_ACK, text, 10);
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 10);
	peer_close(&p);
}

KTEST(11, a_listener_gets_connections)
{
	struct socket l, fresh = { 0 };
	struct peer p = { .port = (u16)wire_between(1024, 60000), .our_port = (u16)wire_between(2000, 9000), .window = 4000, .iss = (u32)ktest_random() };
	struct seen s;

	if (!wire_begin(true) || !wire_socket(&l, SOCK_STREAM))
		return;
	KREQUIRE(!wire_bind(&l, IP_ANY, p.our_port) && !l.ops->listen(&l, 5));
	p.seq = p.iss;
	peer_send(&p, TCP_SYN, NULL, 0);
	KREQUIRE(peer_next(&p, &s) && s.flags == (TCP_SYN | TCP_ACK) && s.ack == p.seq);
	p.ack = s.end;
	/* An ACK for something else is no consent; a SYN that comes again is answered again. */
	peer_send_at(&p, TCP_ACK, p.seq, p.ack + 1, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.flags == TCP_RST && s.seq == p.ack + 1);
	peer_send_at(&p, TCP_SYN, p.iss, 0, NULL, 0);
	KEXPECT(peer_next(&p, &s) && s.flags == (TCP_SYN | TCP_ACK) && s.seq == p.ack - 1);
	peer_all(&p, &s);
	KEXPECT_EQ(l.ops->accept(&l, &fresh, true), -EAGAIN);
	wire_random(text, 50);
	p.window = 5000;
	peer_send(&p, TCP_ACK | TCP_PSH, text, 50); /* the third segment may bring text along */
	fresh = l;
	if (KEXPECT_EQ(l.ops->accept(&l, &fresh, true), 0)) {
		p.s = fresh;
		p.t = fresh.proto;
		p.t->sk.socket = &p.s;
		p.t->sk.options = &p.s.options;
		KEXPECT(p.t->state == TCP_ESTABLISHED && p.t->snd_wnd == 5000 && p.t->snd_una == p.ack);
		KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 50);
		KEXPECT(!memcmp(got, text, 50));
		peer_close(&p);
	}
	/* Two call while the queue takes one: the second one's ACK is as good as lost, until there is room. */
	struct peer two[2];
	KEXPECT_EQ(l.ops->listen(&l, 0), 0);
	for (int i = 0; i < 2; i++) {
		struct peer *q = &two[i];
		*q = (struct peer){ .port = (u16)(p.port + 1 + i), .our_port = p.our_port, .window = 4000, .iss = (u32)ktest_random() };
		q->seq = q->iss;
		peer_send(q, TCP_SYN, NULL, 0);
		KREQUIRE(peer_next(q, &s) && s.flags == (TCP_SYN | TCP_ACK));
		q->ack = s.end;
	}
	wire_wait_ms(50);
	peer_send(&two[0], TCP_ACK, NULL, 0);
	peer_send(&two[1], TCP_ACK, NULL, 0);
	KEXPECT(wire_count(ETHER_IP) == 0);
	fresh = l;
	if (KEXPECT_EQ(l.ops->accept(&l, &fresh, true), 0)) {
		two[0].s = fresh;
		two[0].t = fresh.proto;
		two[0].t->sk.socket = &two[0].s;
		two[0].t->sk.options = &two[0].s.options;
		KEXPECT_EQ(two[0].t->sk.remote_port, two[0].port);
		KEXPECT(two[0].t->srtt >= 45 * NSEC_PER_MSEC && two[0].t->srtt < 90 * NSEC_PER_MSEC); /* our SYN,ACK went once: a round trip */
		peer_close(&two[0]);
	}
	KEXPECT_EQ(tcp_of(l.proto)->accept_count, 0);
	peer_send(&two[1], TCP_ACK, NULL, 0);
	KEXPECT_EQ(tcp_of(l.proto)->accept_count, 1);
	/* Who listens no more takes nobody in: the third segment meets a reset, and nothing is left of the connection. */
	struct peer late = { .port = (u16)(p.port + 3), .our_port = p.our_port, .window = 4000, .iss = (u32)ktest_random() };
	u32 established = tcp_established_count();
	KEXPECT_EQ(l.ops->listen(&l, 5), 0);
	late.seq = late.iss;
	peer_send(&late, TCP_SYN, NULL, 0);
	KREQUIRE(peer_next(&late, &s) && s.flags == (TCP_SYN | TCP_ACK));
	late.ack = s.end;
	WRITE_ONCE(tcp_of(l.proto)->state, TCP_CLOSED); /* a close(2) has come so far */
	peer_send(&late, TCP_ACK, NULL, 0);
	WRITE_ONCE(tcp_of(l.proto)->state, TCP_LISTEN);
	KEXPECT(peer_next(&late, &s) && s.flags & TCP_RST && peer_silent(&late));
	KEXPECT_EQ(tcp_established_count(), established);
	wire_close(&l);
	wire_forget();
}

/* --- text --------------------------------------------------------------------------------------------------------------------- */

/* Pieces of a text, some twice, some overlapping, in any order: each answered by where we are, and read as it was written. */
KTEST(11, text_arrives_in_order_and_once)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 8000, 1000))
		return;
	wire_random(text, sizeof(text));
	u32 start = p.seq;
	for (u32 at = 0; at < 3000;) {
		u32 from = at - MIN(at, wire_between(0, 60)) + (ktest_random() % 4 ? 0 : wire_between(0, 200)), n = wire_between(1, 400);
		u32 before = p.t->rcv_nxt;
		peer_send_at(&p, TCP_ACK, start + from, p.ack, text + from, n);
		if (from > at)
			KEXPECT_EQ(p.t->rcv_nxt, before);
		else
			KEXPECT(!seq_before(p.t->rcv_nxt, start + from + n)); /* what of it is new is taken */
		at = p.t->rcv_nxt - start;
		if (!KEXPECT(at <= 3700))
			break;
		peer_all(&p, &s);
	}
	p.seq = p.t->rcv_nxt;
	u32 n = p.seq - start;
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), n);
	KEXPECT(!memcmp(got, text, n));
	/* All of it once more: nothing is read, and the peer is told at once where we are. */
	wire_forget();
	peer_send_at(&p, TCP_ACK, start, p.ack, text, 400);
	KEXPECT(peer_next(&p, &s) && s.ack == p.seq && !s.len);
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), -EAGAIN);
	/* Without an ACK flag no text is taken (step 5). */
	peer_send_at(&p, TCP_PSH, p.seq, 0, text, 10);
	KEXPECT_EQ(p.t->rcv_nxt, p.seq);
	/* Nor does it announce anything. */
	p.urgent = 5;
	peer_send_at(&p, TCP_PSH | TCP_URG, p.seq, 0, text, 10);
	KEXPECT(!p.t->urgent_in);
	peer_send(&p, TCP_ACK | TCP_URG, text, 10);
	KEXPECT(p.t->urgent_in && p.t->rcv_up == p.seq - 10 + 4);
	peer_close(&p);
	/* Its time is said back, as the peer measures by it (RFC 7323 section 4). */
	if (!peer_open_with_stamps(&p, 8000, 1000))
		return;
	for (int i = 0; i < 3; i++) {
		wire_wait_ms(20);
		u32 now = (u32)(time_ns() / NSEC_PER_MSEC);
		peer_send(&p, TCP_ACK, text, 500);
		KEXPECT(peer_all(&p, &s) && s.echo - now < 10);
	}
	/* What reaches past the window is cut there: nobody has offered room for it. */
	u32 left;
	for (int i = 0; i < 300 && (left = p.t->rcv_adv - p.seq) > 100; i++)
		peer_send(&p, TCP_ACK, text, MIN(left - 100, 1400u));
	u32 edge = p.t->rcv_adv;
	KEXPECT_EQ(edge - p.seq, 100);
	peer_send(&p, TCP_ACK, text, 300);
	KEXPECT_EQ(p.t->rcv_nxt, edge);
	peer_close(&p);
}

/* --- resets ------------------------------------------------------------------------------------------------------------------- */

KTEST(11, only_the_very_number_resets)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 8000, 1000))
		return;
	peer_send_at(&p, TCP_RST, p.seq - 1, p.ack, NULL, 0);     /* outside: silence */
	KEXPECT(peer_silent(&p) && p.t->state == TCP_ESTABLISHED);
	wire_wait_ms(600);
	peer_send_at(&p, TCP_RST, p.seq + 1, p.ack, NULL, 0);     /* inside, but guessed: a challenge */
	KEXPECT(p.t->state == TCP_ESTABLISHED);
	KEXPECT(peer_next(&p, &s) && s.flags == TCP_ACK && s.ack == p.seq && s.seq == p.ack);
	peer_send_at(&p, TCP_RST, p.seq + 2, p.ack, NULL, 0);     /* who guesses more often is not answered more often (RFC 5961 section 7) */
	KEXPECT(peer_silent(&p));
	wire_wait_ms(600);
	for (u32 i = 0; i < 2; i++)
		peer_send_at(&p, TCP_SYN, p.seq + 7, p.ack, NULL, 0); /* a SYN in the middle: the same */
	KEXPECT(p.t->state == TCP_ESTABLISHED);
	KEXPECT(peer_next(&p, &s) && s.flags == TCP_ACK && s.ack == p.seq && peer_silent(&p));
	peer_send_at(&p, TCP_RST, p.seq, p.ack, NULL, 0);
	KEXPECT(p.t->state == TCP_CLOSED && p.t->sk.error == ECONNRESET);
	KEXPECT(peer_silent(&p));
	peer_close(&p);
	/* After their end it is a pipe that broke. */
	if (!peer_open(&p, 8000, 1000))
		return;
	peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_CLOSE_WAIT);
	peer_send_at(&p, TCP_RST, p.seq, p.ack, NULL, 0);
	KEXPECT(p.t->state == TCP_CLOSED && p.t->sk.error == EPIPE);
	peer_close(&p);
	if (!peer_call(&p, 8000))
		return;
	peer_send(&p, TCP_SYN, NULL, 0);
	peer_send_at(&p, TCP_RST, p.seq, 0, NULL, 0);
	KEXPECT(p.t->state == TCP_CLOSED && p.t->sk.error == ECONNREFUSED);
	peer_close(&p);
}

/* --- acknowledgements --------------------------------------------------------------------------------------------------------- */

/* Text of ours that is not acknowledged. */
static u32 queued(const struct tcp_sock *t)
{
	struct packet *p;
	u32 n = 0;

	list_for_each(p, &t->send_queue, link)
		n += p->len;
	return n;
}

static bool queue_sound(const struct tcp_sock *t)
{
	struct packet *p;
	u32 at = t->snd_una, charge = 0;

	list_for_each(p, &t->send_queue, link) {
		if (p->tcp.seq != at || (p == t->next && at != t->snd_nxt))
			return false;
		at = p->tcp.end_seq;
		charge += p->charge;
	}
	return at == t->write_seq && charge == t->sk.send_charge && !seq_before(t->snd_nxt, t->snd_una) && (t->next || t->snd_nxt == t->write_seq);
}

/* A program that writes more than fits, and waits. */
static struct peer writing;
static u32 written; /* atomic */

static void write_much(void *arg __unused)
{
	static struct socket_msg m;
	struct uio_vec vec;

	for (u32 left = 40000; left;) {
		u32 n = MIN(left, (u32)sizeof(text));
		memset(&m, 0, sizeof(m));
		m.flags = MSG_NOSIGNAL;
		uio_init_kernel(&m.data, &vec, text, n);
		ssize_t done = writing.s.ops->send(&writing.s, &m);
		if (done <= 0)
			break;
		left -= (u32)done;
	}
	atomic_store(&written, 1u);
}

static void a_waiting_writer_goes_on(void)
{
	struct peer *p = &writing;
	struct seen s;
	bool woken = false;

	if (!peer_open(p, 60000, 1000))
		return;
	p->s.options.send_buffer = 8192;
	atomic_store(&written, 0u);
	KREQUIRE(kthread_run("ktest", write_much, NULL) != NULL);
	for (u32 i = 0; i < 1000 && !(woken = atomic_load(&written)); i++) {
		wire_wait_ms(1);
		while (peer_next(p, &s))
			p->ack = s.seq == p->ack ? s.end : p->ack;
		peer_send(p, TCP_ACK, NULL, 0);
	}
	KEXPECT(woken);
	/* It must be gone before its socket is. */
	p->s.options.send_buffer = 1u << 20;
	while (!atomic_load(&written)) {
		inet_wake(&p->t->sk, 0);
		wire_wait_ms(1);
	}
	peer_close(p);
}

KTEST(11, what_is_acknowledged_leaves_the_queue)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true))
		return;
	for (int turn = 0; turn < 6; turn++) {
		if (!peer_open(&p, 60000, 500))
			return;
		p.t->nodelay = true;
		u32 total = 0, start = p.ack, acked = 0;
		for (int i = 0; i < 6; i++) {
			u32 n = wire_between(1, 700);
			KEXPECT_EQ(wire_write(&p.s, text, n), n);
			total += n;
		}
		peer_all(&p, &s);
		KEXPECT_EQ(p.t->snd_max - start, total);
		while (acked < total) {
			acked += wire_between(1, MIN(total - acked, 300u)); /* anywhere, also inside a packet */
			peer_send_at(&p, TCP_ACK, p.seq, start + acked, NULL, 0);
			if (!KEXPECT_EQ(p.t->snd_una, start + acked) || !KEXPECT_EQ(queued(p.t), total - acked) || !KEXPECT(queue_sound(p.t)))
				break;
			peer_send_at(&p, TCP_ACK, p.seq, start + wire_between(0, acked), NULL, 0); /* old ones say nothing */
			KEXPECT_EQ(p.t->snd_una, start + acked);
		}
		wire_forget();
		/* For what was never sent: challenged, and no effect. */
		wire_wait_ms(600);
		for (u32 i = 0; i < 2; i++)
			peer_send_at(&p, TCP_ACK, p.seq, start + total + 1 + i, text, 10);
		KEXPECT(p.t->snd_una == start + total && p.t->rcv_nxt == p.seq);
		KEXPECT(peer_next(&p, &s) && s.ack == p.seq && s.seq == start + total && peer_silent(&p));
		/* And older than anything that can still be on its way (RFC 5961 section 5.2). */
		wire_wait_ms(600);
		peer_send_at(&p, TCP_ACK, p.seq, start + total - 70000, text, 10);
		KEXPECT_EQ(p.t->rcv_nxt, p.seq);
		KEXPECT(peer_next(&p, &s) && s.ack == p.seq);
		peer_close(&p);
	}
	a_waiting_writer_goes_on();
}

/* Segments overtake each other: an older one's window is no news. */
KTEST(11, the_newest_window_counts)
{
	struct peer p;

	if (!wire_begin(true) || !peer_open(&p, 9000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 900), 900);
	peer_send(&p, TCP_ACK, text, 100);
	p.window = 7000;
	peer_send_at(&p, TCP_ACK, p.seq, p.ack + 500, NULL, 0);
	KEXPECT_EQ(p.t->snd_wnd, 7000);
	p.window = 1234; /* the same number, an older ACK */
	peer_send_at(&p, TCP_ACK, p.seq, p.ack, NULL, 0);
	KEXPECT_EQ(p.t->snd_wnd, 7000);
	p.window = 6000; /* a newer one: text before it is still on its way */
	peer_send_at(&p, TCP_ACK, p.seq + 10, p.ack + 500, NULL, 0);
	KEXPECT_EQ(p.t->snd_wnd, 6000);
	p.window = 2345; /* and here it comes, overtaken */
	peer_send_at(&p, TCP_ACK, p.seq, p.ack + 500, text, 5);
	KEXPECT_EQ(p.t->snd_wnd, 6000);
	/* Both numbers say nothing: no window is ever taken back, so the larger is the newer. */
	p.window = 6500;
	peer_send_at(&p, TCP_ACK, p.seq + 10, p.ack + 500, NULL, 0);
	KEXPECT_EQ(p.t->snd_wnd, 6500);
	p.window = 0;
	peer_send_at(&p, TCP_ACK, p.seq + 10, p.ack + 500, NULL, 0);
	KEXPECT_EQ(p.t->snd_wnd, 6500);
	p.window = 8000;
	peer_send_at(&p, TCP_ACK, p.seq + 10, p.ack + 900, NULL, 0);
	KEXPECT(p.t->snd_wnd == 8000 && p.t->max_window == 9000);
	peer_close(&p);
}

KTEST(11, the_third_duplicate_brings_it_again)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open(&p, 20000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 4000), 4000);
	KEXPECT_EQ(peer_all(&p, &s), 4);
	/* None of these is a duplicate (RFC 5681 section 2): another window; text; an older ACK. */
	p.window = 20001;
	peer_send_at(&p, TCP_ACK, p.seq, p.ack, NULL, 0);
	peer_send(&p, TCP_ACK, text, 1);
	peer_send(&p, TCP_ACK, text, 1);
	peer_send_at(&p, TCP_ACK, p.seq, p.ack - 1, NULL, 0);
	KEXPECT_EQ(p.t->duplicates, 0);
	wire_wait_ms(60);
	wire_forget();
	for (u32 i = 1; i <= 3; i++) {
		KEXPECT(peer_silent(&p));
		peer_send(&p, TCP_ACK, NULL, 0);
	}
	KEXPECT(peer_next(&p, &s) && s.seq == p.ack && s.len == 1000 && !memcmp(s.text, text, 1000));
	KEXPECT(p.t->in_recovery);
	KEXPECT(peer_silent(&p));
	peer_send_at(&p, TCP_ACK, p.seq, p.ack + 4000, NULL, 0);
	KEXPECT(!p.t->in_recovery && list_empty(&p.t->send_queue));
	peer_close(&p);
	/* Nor is an end one, though it brings no text. */
	if (!peer_open(&p, 20000, 1000))
		return;
	KEXPECT_EQ(wire_write(&p.s, text, 4000), 4000);
	peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	KEXPECT(p.t->state == TCP_CLOSE_WAIT && p.t->duplicates == 0);
	peer_close(&p);
}

/* --- ends --------------------------------------------------------------------------------------------------------------------- */

KTEST(11, each_side_ends_by_itself)
{
	struct peer p;
	struct seen s;

	/* We first. */
	if (!wire_begin(true) || !peer_open(&p, 8000, 1000))
		return;
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT(peer_next(&p, &s) && s.flags & TCP_FIN && s.seq == p.ack);
	KEXPECT_EQ(p.t->state, TCP_FIN_WAIT_1);
	peer_send(&p, TCP_ACK, text, 20); /* our FIN has not arrived yet: text goes on */
	KEXPECT_EQ(p.t->state, TCP_FIN_WAIT_1);
	p.ack++;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_FIN_WAIT_2);
	peer_send(&p, TCP_ACK, text, 30);
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 50);
	peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_TIME_WAIT);
	KEXPECT(peer_all(&p, &s) && s.ack == p.seq);
	peer_send_at(&p, TCP_FIN | TCP_ACK, p.seq - 1, p.ack, NULL, 0); /* our ACK was lost */
	KEXPECT(peer_next(&p, &s) && s.ack == p.seq && p.t->state == TCP_TIME_WAIT);
	peer_close(&p);
	/* They first. */
	if (!peer_open(&p, 8000, 1000))
		return;
	peer_send(&p, TCP_FIN | TCP_ACK, text, 40);
	KEXPECT_EQ(p.t->state, TCP_CLOSE_WAIT);
	KEXPECT(peer_all(&p, &s) && s.ack == p.seq);
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 40);
	KEXPECT_EQ(wire_receive(&p.s, got, sizeof(got), 0, NULL), 0);
	KEXPECT_EQ(wire_write(&p.s, text, 10), 10);
	p.s.ops->shutdown(&p.s, 1);
	KEXPECT_EQ(p.t->state, TCP_LAST_ACK);
	p.ack += 10;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_LAST_ACK);
	p.ack++;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_CLOSED);
	peer_close(&p);
	/* They first, and say it again as our ACK was lost: what the repetition acknowledges makes room for more. */
	if (!peer_open(&p, 8000, 1000))
		return;
	peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	p.t->cwnd = 1000;
	KEXPECT_EQ(wire_write(&p.s, text, 2000), 2000);
	KEXPECT(peer_all(&p, &s) && s.len == 1000 && s.seq == p.ack);
	p.ack = s.end;
	peer_send_at(&p, TCP_FIN | TCP_ACK, p.seq - 1, p.ack, NULL, 0);
	KEXPECT(peer_all(&p, &s) && s.len == 1000 && s.seq == p.ack);
	peer_close(&p);
	/* Both at once. */
	if (!peer_open(&p, 8000, 1000))
		return;
	p.s.ops->shutdown(&p.s, 1);
	peer_send(&p, TCP_FIN | TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_CLOSING);
	p.ack++;
	peer_send(&p, TCP_ACK, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_TIME_WAIT);
	peer_send_at(&p, TCP_RST, p.seq, 0, NULL, 0);
	KEXPECT_EQ(p.t->state, TCP_CLOSED);
	peer_close(&p);
}
