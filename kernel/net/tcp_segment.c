/* TCP, one segment: its header, options, checksum and window, and the way to IP; and cutting one in two. What is sent when is tcp_output.c's. */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

/*
 * p's bytes with room for headers in front: shared with the queue if nobody else looks at them. An earlier sending of p that is still under way has its
 * headers in the same memory: then it is copied.
 */
static struct packet *outgoing(struct packet *p)
{
	if (!p)
		return packet_alloc(PACKET_HEADROOM, 0, ALLOC_ATOMIC);
	if (!packet_shared(p) && packet_headroom(p) >= PACKET_HEADROOM)
		return packet_clone(p, ALLOC_ATOMIC);
	struct packet *c = packet_alloc(PACKET_HEADROOM, p->len, ALLOC_ATOMIC);
	if (c)
		memcpy(packet_append(c, p->len), p->data, p->len);
	return c;
}

int tcp_transmit(struct tcp_sock *t, struct packet *p, u32 seq, u8 flags)
{
	struct inet_sock *sk = &t->sk;
	struct packet *out = outgoing(p);
	u8 options[40];
	struct inet_path path;

	if (!out)
		return -ENOBUFS;
	int err = inet_route(sk, &path, sk->remote, sk->local, false);
	if (err) {
		packet_free(out);
		return err;
	}
	u32 option_len = tcp_options_write(t, options, flags, out->len), window = tcp_receive_window(t);
	struct tcp_header *h = packet_push(out, (u32)sizeof(*h) + option_len);
	memcpy(h + 1, options, option_len);
	/* The window of a SYN is never scaled (RFC 7323 section 2.2). */
	*h = (struct tcp_header){
		.source = be16(sk->local_port),
		.destination = be16(sk->remote_port),
		.seq = be32(seq),
		.ack = flags & TCP_ACK ? be32(t->rcv_nxt) : 0,
		.offset = (u8)((sizeof(*h) + option_len) / 4 << 4),
		.flags = flags,
		.window = be16((u16)(flags & TCP_SYN ? MIN(window, 65535u) : window >> t->rcv_scale)),
	};
	if (t->urgent_out && seq_after(t->snd_up, seq) && !(flags & TCP_SYN) && t->snd_up - seq <= 0xffff) {
		h->flags |= TCP_URG;
		h->urgent = be16((u16)(t->snd_up - seq));
	}
	u32 pseudo = checksum_pseudo(sk->local, sk->remote, PROTO_TCP, out->len), text = p ? p->len : 0;
	out->segment = (u16)(text > t->mss ? t->mss : 0);
	if (path.dev->features & NETDEV_CHECKSUM || out->segment) {
		h->checksum = (u16)~checksum_fold(pseudo);
		out->partial = true;
	} else {
		h->checksum = checksum_fold(checksum_add(pseudo, out->data, out->len));
	}
	if (flags & TCP_ACK) {
		t->ack_now = t->ack_later = false;
		t->last_ack_sent = t->rcv_nxt;
		if (t->quick_acks)
			t->quick_acks--;
		net_timer_disarm(&t->delayed);
	}
	u32 segments = MAX(DIV_ROUND_UP(text, t->mss), 1u);
	__atomic_fetch_add(&snmp.tcp_OutSegs, segments, __ATOMIC_RELAXED);
	t->counts.segments_out += segments;
	if (text) {
		t->counts.text_out += segments;
		t->counts.bytes_sent += text;
		t->counts.sent_ns = time_ns();
	}
	struct inet_send how = { .source = sk->local, .destination = sk->remote, .protocol = PROTO_TCP, .ttl = inet_ttl(sk, &path), .tos = inet_tos(sk, &path),
			       .dont_fragment = sk->inet.mtu_discover != IP_PMTUDISC_DONT, .options = sk->inet.ip.len ? &sk->inet.ip : NULL };
	return path.family->send(out, &how, &path);
}

void tcp_send_ack(struct tcp_sock *t)
{
	tcp_transmit(t, NULL, t->snd_max, TCP_ACK);
}

void tcp_transmit_queued(struct tcp_sock *t, struct packet *p)
{
	/* The first SYN alone has nothing to acknowledge. */
	u8 flags = p->tcp.flags & TCP_SYN && t->state == TCP_SYN_SENT ? p->tcp.flags : p->tcp.flags | TCP_ACK;

	if (seq_before(p->tcp.seq, t->snd_max)) {
		SNMP(tcp_RetransSegs);
		t->counts.bytes_retransmitted += p->len;
		t->total_retransmits++;
	}
	tcp_transmit(t, p, p->tcp.seq, flags);
}

u32 tcp_burst(const struct tcp_sock *t)
{
	return MAX(TCP_CHUNK / t->mss, 1u) * t->mss;
}

/* Text that was never sent, as much of it as may go and fills whole segments; while something is held to be lost, and of urgent text, a segment at a time. */
u32 tcp_most(const struct tcp_sock *t, const struct packet *p)
{
	u32 edge = t->snd_una + MIN(t->snd_wnd, t->cwnd + t->away);

	if (p->len < 2 * t->mss || seq_before(p->tcp.seq, t->snd_max) || t->in_recovery || t->lost || t->urgent_out || !seq_after(edge, p->tcp.seq))
		return t->mss;
	u32 most = MIN(MIN(edge - p->tcp.seq, p->len), tcp_burst(t));
	return MAX(most / t->mss, 1u) * t->mss;
}

bool tcp_defers(const struct tcp_sock *t, const struct packet *p)
{
	u32 window = MIN(t->snd_wnd, t->cwnd + t->away), edge = t->snd_una + window;
	u32 room = seq_after(edge, p->tcp.seq) ? edge - p->tcp.seq : 0;

	if (p->len < 2 * t->mss || seq_before(p->tcp.seq, t->snd_max) || t->in_recovery || t->lost || !tcp_flight(t))
		return false;
	return room < MIN(p->len, window / 3);
}

/* A long rest shares p's memory: it would be copied again and again while it goes out bit by bit. What is sent of it is copied then (`outgoing`). */
static struct packet *rest_of(struct tcp_sock *t, struct packet *p, u32 len)
{
	u32 left = p->len - len;
	struct packet *rest;

	if (left > t->mss) {
		rest = packet_clone(p, ALLOC_ATOMIC);
		if (rest) {
			packet_pull(rest, len);
			rest->charge = (u32)sizeof(*rest);
		}
		return rest;
	}
	rest = packet_alloc(PACKET_HEADROOM, left, ALLOC_ATOMIC);
	if (rest)
		memcpy(packet_append(rest, left), p->data + len, left);
	return rest;
}

bool tcp_split(struct tcp_sock *t, struct packet *p, u32 len)
{
	struct packet *rest = rest_of(t, p, len);

	if (!rest)
		return false;
	rest->tcp = p->tcp;
	rest->tcp.seq = p->tcp.seq + len;
	packet_trim(p, len);
	p->tcp.end_seq = rest->tcp.seq;
	p->tcp.flags &= (u8)~(TCP_FIN | TCP_PSH);
	list_add(&p->link, &rest->link);
	atomic_fetch_add(&t->sk.send_charge, rest->charge);
	return true;
}
