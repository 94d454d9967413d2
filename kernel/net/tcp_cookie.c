/*
 * SYN cookies (RFC 4987 section 3.6): when a listener has as many half-open connections as it may, a SYN is answered without remembering it. What must be known
 * when the ACK comes lies in what it brings back: our first sequence number plus one, and our timestamp.
 *
 *     sequence number   h(name, 1) + their number + (minute << 24) + ((h(name, minute) + index of their segment size) mod 2^24)
 *     timestamp         …, below: 1 bit: selective ACKs agreed; 4 bits: their window scale, 15: none
 *
 * `minute` counts 64 seconds, modulo 256; an ACK is believed in the minute of its cookie and in the next. Who guesses has one chance in 2^24 / 8 for each try,
 * and only while cookies are being sent. Without timestamps the connection does without scaled windows and selective ACKs.
 */
#include "tcp_priv.h"

#include "mm/slab.h"
#include "time/time.h"

#define MINUTE (64 * NSEC_PER_SEC)
#define LOW_BITS 24
#define LOW_MASK ((1u << LOW_BITS) - 1)
#define OPTION_MASK 31u
#define NO_SCALE 15u
#define SACK_AGREED 16u

/* The largest of these that is not above theirs. */
static const u16 sizes[] = { TCP_MSS_LEAST, 256, TCP_MSS_DEFAULT, 1024, 1220, 1300, 1440, 1460 };

static u32 minute_now(void) { return (u32)(time_ns() / MINUTE) & 0xff; }

static u32 cookie_make(const struct tcp_sock *t, u32 mss)
{
	u32 index = 0, minute = minute_now();

	while (index + 1 < ARRAY_SIZE(sizes) && sizes[index + 1] <= mss)
		index++;
	return tcp_name_hash(t, 1) + t->irs + (minute << LOW_BITS) + ((tcp_name_hash(t, minute + 2) + index) & LOW_MASK);
}

/* Their segment size; 0: it is none of ours, or too old. */
static u32 cookie_check(const struct tcp_sock *t, u32 cookie)
{
	u32 now = minute_now(), left = cookie - tcp_name_hash(t, 1) - t->irs, minute = left >> LOW_BITS;

	if (((now - minute) & 0xff) > 1)
		return 0;
	u32 index = (left - tcp_name_hash(t, minute + 2)) & LOW_MASK;
	return index < ARRAY_SIZE(sizes) ? sizes[index] : 0;
}

void tcp_cookie_send(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o)
{
	struct tcp_segment_options asked = *o;

	if (!o->has_ts) {
		asked.scale = -1;
		asked.sack_ok = false;
	}
	/* A connection that lasts for one segment. */
	struct tcp_sock *t = tcp_child_make(l, p, &asked, p->tcp.seq);
	if (!t)
		return;
	tcp_child_number(t, cookie_make(t, t->mss_peer));
	if (t->ts_ok) {
		u32 now = tcp_ts_now(t), bits = (t->scale_ok ? t->snd_scale : NO_SCALE) | (t->sack_ok ? SACK_AGREED : 0);
		t->ts_fixed = (now & ~OPTION_MASK) | bits;
		if (seq_after(t->ts_fixed, now))
			t->ts_fixed -= OPTION_MASK + 1;
	}
	tcp_set_state(t, TCP_SYN_RECEIVED);
	WRITE_ONCE(l->cookie_ns, time_ns());
	TCP_EXT(SyncookiesSent);
	tcp_transmit(t, NULL, t->iss, TCP_SYN | TCP_ACK);
	inet_put(&t->sk);
}

/* What the SYN had asked for. */
static void recall(struct tcp_segment_options *asked, const struct tcp_segment_options *o)
{
	u32 bits = o->ts_echo & OPTION_MASK, scale = bits & NO_SCALE;

	*asked = (struct tcp_segment_options){ .scale = -1, .has_ts = o->has_ts, .ts_value = o->ts_value, .ts_echo = o->ts_echo };
	if (!o->has_ts)
		return;
	asked->sack_ok = bits & SACK_AGREED;
	if (scale != NO_SCALE)
		asked->scale = (s8)scale;
}

bool tcp_cookie_ack(struct tcp_sock *l, struct packet *p, const struct tcp_segment_options *o)
{
	struct tcp_segment_options asked;
	u64 sent = READ_ONCE(l->cookie_ns);

	if (!sent || time_ns() - sent > 2 * MINUTE || tcp_accept_full(l))
		return false;
	recall(&asked, o);
	struct tcp_sock *t = tcp_child_make(l, p, &asked, p->tcp.seq - 1);
	if (!t)
		return false;
	asked.mss = (u16)cookie_check(t, p->tcp.ack - 1);
	if (!asked.mss) {
		TCP_EXT(SyncookiesFailed);
		inet_put(&t->sk);
		return false;
	}
	TCP_EXT(SyncookiesRecv);
	tcp_options_agree(t, &asked);
	tcp_congestion_init(t);
	tcp_child_number(t, p->tcp.ack - 1);
	spin_lock(&t->sk.lock);
	tcp_child_start(l, t);
	/* As if its SYN had just been sent, but for the time that took. */
	struct packet *syn = t->next;
	syn->tcp.retransmitted = true;
	t->snd_nxt = t->snd_max = t->iss + 1;
	t->next = NULL;
	tcp_receive_window(t);
	p->tcp.window <<= t->snd_scale;
	tcp_arrives(t, p);
	tcp_set_retransmit_timer(t);
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
	return true;
}
