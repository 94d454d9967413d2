/*
 * Options of TCP segments: maximum segment size (RFC 9293 section 3.7.1), window scale, timestamps and what follows from them (RFC 7323), permission for and
 * places of selective acknowledgements (RFC 2018).
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

/* RFC 9293 section 3.1: unknown ones are skipped by their length, which must fit. */
bool tcp_options_parse(const u8 *options, u32 len, struct tcp_segment_options *o)
{
	*o = (struct tcp_segment_options){ .scale = -1 };
	for (u32 at = 0; at < len;) {
		u8 kind = options[at];
		if (kind == TCP_OPTION_END)
			break;
		if (kind == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= len || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		const u8 *data = options + at + 2;
		u32 size = options[at + 1];
		if (kind == TCP_OPTION_MSS && size == 4) {
			o->mss = (u16)(data[0] << 8 | data[1]);
		} else if (kind == TCP_OPTION_WINDOW_SCALE && size == 3) {
			o->scale = (s8)MIN(data[0], (u8)TCP_SCALE_MAX);
		} else if (kind == TCP_OPTION_TIMESTAMPS && size == 10) {
			o->has_ts = true;
			o->ts_value = get32(data);
			o->ts_echo = get32(data + 4);
		} else if (kind == TCP_OPTION_SACK_PERMITTED && size == 2) {
			o->sack_ok = true;
		} else if (kind == TCP_OPTION_SACK && size >= 10 && size % 8 == 2) {
			o->sack = data;
			o->sack_count = (u8)(size / 8);
		}
		at += size;
	}
	return true;
}

u32 tcp_ts_now(const struct tcp_sock *t)
{
	return (u32)(time_ns() / NSEC_PER_MSEC) + t->ts_offset;
}

u32 tcp_options_write(struct tcp_sock *t, u8 *to, u8 flags, u32 text)
{
	u8 *p = to;

	if (flags & TCP_SYN) {
		/* What we could take in, whatever the path back (section 3.7.1). */
		u32 mss = MIN(t->mtu, IP_PACKET_MAX) - tcp_headers(t);
		if (t->user_mss)
			mss = MIN(mss, t->user_mss);
		*p++ = TCP_OPTION_MSS, *p++ = 4, *p++ = (u8)(mss >> 8), *p++ = (u8)mss;
		if (t->scale_ok)
			*p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_WINDOW_SCALE, *p++ = 3, *p++ = t->rcv_scale;
		if (t->sack_ok)
			*p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_SACK_PERMITTED, *p++ = 2;
	}
	if (t->ts_ok) {
		*p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_NOP, *p++ = TCP_OPTION_TIMESTAMPS, *p++ = 10;
		p = put32(p, t->ts_fixed ? t->ts_fixed : tcp_ts_now(t));
		p = put32(p, flags & TCP_ACK ? t->ts_recent : 0);
	}
	if (t->sack_ok && (flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK && text < t->mss)
		p += tcp_sack_write(t, p, MIN(40u - (u32)(p - to), t->mss - text));
	return (u32)(p - to);
}

/* Both must have asked for it (RFC 7323 sections 2.2 and 3.2). */
void tcp_options_agree(struct tcp_sock *t, const struct tcp_segment_options *o)
{
	t->mss_peer = o->mss ? MAX((u32)o->mss, TCP_MSS_LEAST) : TCP_MSS_DEFAULT;
	t->ts_ok = t->ts_ok && o->has_ts;
	t->scale_ok = t->scale_ok && o->scale >= 0;
	t->sack_ok = t->sack_ok && o->sack_ok;
	t->snd_scale = t->scale_ok ? (u8)o->scale : 0;
	if (!t->scale_ok)
		t->rcv_scale = 0;
	if (o->has_ts) {
		t->ts_recent = o->ts_value;
		t->ts_recent_ns = time_ns();
	}
	tcp_mss_update(t);
}

void tcp_mss_update(struct tcp_sock *t)
{
	struct inet_path path;

	if (inet_route(&t->sk, &path, t->sk.remote, t->sk.local, false) == 0)
		t->mtu = path.mtu;
	u32 mss = MIN(t->mtu - tcp_headers(t), t->mss_peer ? t->mss_peer : TCP_MSS_DEFAULT);
	if (t->user_mss)
		mss = MIN(mss, t->user_mss);
	/* RFC 6691: the option names the size without options, which come off here. */
	/* Of a device of the smallest MTU the options may leave nothing, or less: a segment has some text all the same, and IP cuts it (Linux's tcp_min_snd_mss). */
	s32 text = (s32)mss - (t->ts_ok ? 12 : 0) - t->sk.inet.ip.len;
	t->mss_path = (u32)MAX(text, MIN((s32)mss, TCP_TEXT_LEAST));
	t->mss = MIN(t->mss_path, TCP_CHUNK);
}

/* RFC 7323 section 5.3 (R1): a time before the last one heard: an old duplicate; but one that was silent for 24 days may have wrapped. */
bool tcp_paws_ok(struct tcp_sock *t, const struct packet *p)
{
	if (!t->ts_ok || !p->tcp.has_ts || p->tcp.flags & TCP_RST)
		return true;
	bool ok = !seq_before(p->tcp.ts_value, t->ts_recent) || time_ns() - t->ts_recent_ns > 24ul * 86400 * NSEC_PER_SEC;
	if (!ok)
		TCP_EXT(PAWSEstab);
	return ok;
}

/* Section 4.3: of the segment that reaches over the last ACK that we sent. */
void tcp_ts_take(struct tcp_sock *t, const struct packet *p)
{
	if (t->ts_ok && p->tcp.has_ts && !seq_after(p->tcp.seq, t->last_ack_sent) && !seq_before(p->tcp.ts_value, t->ts_recent)) {
		t->ts_recent = p->tcp.ts_value;
		t->ts_recent_ns = time_ns();
	}
}

u64 tcp_ts_rtt(const struct tcp_sock *t, const struct packet *p)
{
	if (!t->ts_ok || !p->tcp.has_ts || !p->tcp.ts_echo)
		return 0;
	return (u64)(tcp_ts_now(t) - p->tcp.ts_echo) * NSEC_PER_MSEC + NSEC_PER_MSEC / 2;
}
