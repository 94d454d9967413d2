/*
 * TCP, segments that go out (RFC 9293 section 3.8): what is sent is bounded by the window that the peer offers and by the one that congestion allows; what
 * was sent is kept and sent again when its time is up (RFC 6298). When the peer's window is shut, it is asked now and then (section 3.8.6.1).
 */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

/* --- one segment --------------------------------------------------------------------------------------------------- */

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
	u32 pseudo = checksum_pseudo(sk->local, sk->remote, PROTO_TCP, out->len);
	if (path.dev->features & NETDEV_CHECKSUM) {
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
	SNMP(tcp_OutSegs);
	struct inet_send how = { .source = sk->local, .destination = sk->remote, .protocol = PROTO_TCP, .ttl = inet_ttl(sk, &path), .tos = inet_tos(sk, &path),
			       .dont_fragment = sk->inet.mtu_discover != IP_PMTUDISC_DONT, .options = sk->inet.ip.len ? &sk->inet.ip : NULL };
	return path.family->send(out, &how, &path);
}

void tcp_send_ack(struct tcp_sock *t)
{
	tcp_transmit(t, NULL, t->snd_max, TCP_ACK);
}

static u8 flags_of(const struct tcp_sock *t, const struct packet *p)
{
	/* The first SYN alone has nothing to acknowledge. */
	return p->tcp.flags & TCP_SYN && t->state == TCP_SYN_SENT ? p->tcp.flags : p->tcp.flags | TCP_ACK;
}

/* Sends the packet at snd_nxt. */
static void send_packet(struct tcp_sock *t, struct packet *p)
{
	bool again = seq_before(p->tcp.seq, t->snd_max);

	if (again) {
		SNMP(tcp_RetransSegs);
		t->total_retransmits++;
		p->tcp.retransmitted = true;
	}
	p->tcp.sent_ns = time_ns();
	/* One that could not be sent is as good as lost: the timer sees to it. */
	tcp_transmit(t, p, p->tcp.seq, flags_of(t, p));
	if (p->len < t->mss)
		t->snd_small = p->tcp.end_seq;
	t->snd_nxt = p->tcp.end_seq;
	t->snd_max = seq_max(t->snd_max, t->snd_nxt);
	t->next = p->link.next == &t->send_queue ? NULL : list_next(p, link);
}

/* Cuts p after `len` bytes: the rest becomes a packet behind it. False: memory is short. */
static bool split(struct tcp_sock *t, struct packet *p, u32 len)
{
	u32 left = p->len - len;
	struct packet *rest = packet_alloc(PACKET_HEADROOM, left, ALLOC_ATOMIC);

	if (!rest)
		return false;
	memcpy(packet_append(rest, left), p->data + len, left);
	rest->tcp = p->tcp;
	rest->tcp.seq = p->tcp.seq + len;
	packet_trim(p, len);
	p->tcp.end_seq = rest->tcp.seq;
	p->tcp.flags &= (u8)~(TCP_FIN | TCP_PSH);
	list_add(&p->link, &rest->link);
	atomic_fetch_add(&t->sk.send_charge, rest->charge);
	return true;
}

/* --- what may be sent ---------------------------------------------------------------------------------------------- */

/* Section 3.7.4 (Nagle) and its refinement by Minshall: a small segment waits while a small one is under way; TCP_CORK lets none go. */
static bool held_back(const struct tcp_sock *t, const struct packet *p)
{
	if (p->len >= t->mss || p->tcp.flags & (TCP_FIN | TCP_SYN) || p->link.next != &t->send_queue || t->urgent_out)
		return false;
	if (seq_before(p->tcp.seq, t->snd_max))
		return false; /* it went once already */
	if (t->cork)
		return true;
	return !t->nodelay && seq_after(t->snd_small, t->snd_una) && t->snd_max != t->snd_una;
}

void tcp_output(struct tcp_sock *t)
{
	struct packet *p;

	tcp_sack_output(t);
	while ((p = tcp_to_send(t))) {
		u32 offered = t->snd_una + t->snd_wnd, edge = t->snd_una + MIN(t->snd_wnd, t->cwnd + t->away);
		u32 length = p->tcp.end_seq - p->tcp.seq, room = seq_after(edge, p->tcp.seq) ? edge - p->tcp.seq : 0;

		if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED)
			break;
		if (p->len > t->mss && !split(t, p, t->mss))
			break;
		length = p->tcp.end_seq - p->tcp.seq;
		if (length > room) {
			/* Section 3.8.6.2.1: a part goes if the window will not soon be larger. A FIN needs no window to speak of. */
			u32 window_room = seq_after(offered, p->tcp.seq) ? offered - p->tcp.seq : 0;
			bool only_fin = !p->len && t->snd_wnd;
			bool worth = room && room == window_room && (tcp_flight(t) == 0 || room >= t->max_window / 2);
			if (!only_fin && !worth)
				break;
			if (!only_fin && room < p->len && !split(t, p, room))
				break;
		}
		if (held_back(t, p))
			break;
		send_packet(t, p);
	}
	tcp_set_retransmit_timer(t);
	if (t->ack_now)
		tcp_send_ack(t);
}

/* --- sending again ------------------------------------------------------------------------------------------------- */

void tcp_retransmit(struct tcp_sock *t, struct packet *p)
{
	struct packet *next = t->next;
	u32 nxt = t->snd_nxt;

	/* The path may have become narrower since. */
	if (p->len > t->mss && !split(t, p, t->mss))
		return;
	send_packet(t, p);
	/* The others stay where they were. */
	if (seq_after(nxt, t->snd_nxt)) {
		t->snd_nxt = nxt;
		t->next = next;
	}
}

void tcp_retransmit_first(struct tcp_sock *t)
{
	if (!list_empty(&t->send_queue))
		tcp_retransmit(t, list_first(&t->send_queue, struct packet, link));
}

/* RFC 6298 section 5.1 to 5.3: it runs while something is under way. Without that, but with something to send, it is the persist timer. */
void tcp_set_retransmit_timer(struct tcp_sock *t)
{
	if (t->state == TCP_CLOSED)
		return;
	if (t->snd_una == t->snd_max && list_empty(&t->send_queue)) {
		net_timer_disarm(&t->retransmit);
		return;
	}
	u64 wait = MIN(t->rto << MIN(t->backoff, (u8)16), TCP_RTO_MAX);
	/* Section 5.3: from the last ACK on, unless what is oldest was sent again since. */
	u64 oldest = list_empty(&t->send_queue) ? 0 : MAX(list_first(&t->send_queue, struct packet, link)->tcp.sent_ns, t->acked_ns);
	if (t->snd_una == t->snd_max) {
		/* Held back by Nagle alone it needs no timer: an ACK will come, or more to send. */
		bool shut = t->next && seq_after(t->next->tcp.end_seq, t->snd_una + t->snd_wnd);
		if (!shut && !t->cork) {
			net_timer_disarm(&t->retransmit);
			return;
		}
		if (t->retransmit.deadline != TIME_NEVER)
			return;
		if (t->cork)
			wait = 200 * NSEC_PER_MSEC;
		oldest = 0;
	}
	tcp_timer_arm(t, &t->retransmit, MAX(oldest ? oldest + wait : time_ns() + wait, time_ns() + NSEC_PER_MSEC));
}

static u32 tries_allowed(const struct tcp_sock *t)
{
	if (t->state == TCP_SYN_SENT)
		return t->syn_retries;
	if (t->state == TCP_SYN_RECEIVED)
		return READ_ONCE(tcp_settings.synack_retries);
	return t->sk.socket || t->listener ? READ_ONCE(tcp_settings.retries) : TCP_ORPHAN_RETRIES;
}

/* Section 3.8.6.1: a segment that the peer must answer, with a number that it has had before. */
static void probe(struct tcp_sock *t)
{
	/* RFC 1122 section 4.2.2.17: as long as the peer answers the connection stays, unless no program waits for it any more. */
	bool silent = time_ns() - t->last_heard_ns > 2 * TCP_RTO_MAX;
	if (t->sk.socket ? silent && t->probes >= READ_ONCE(tcp_settings.retries) : t->probes >= TCP_ORPHAN_RETRIES) {
		tcp_abort(t, ETIMEDOUT);
		return;
	}
	if (t->probes < 255)
		t->probes++;
	tcp_transmit(t, NULL, t->snd_una - 1, TCP_ACK);
	u8 shift = MIN(t->probes, (u8)10);
	tcp_timer_arm(t, &t->retransmit, time_ns() + MIN(t->rto << shift, TCP_RTO_MAX));
}

void tcp_retransmit_timeout(struct tcp_sock *t)
{
	if (list_empty(&t->send_queue))
		return;
	if (t->snd_una == t->snd_max) {
		/* Nothing is under way. What is corked goes now; a shut window is asked about. */
		bool cork = t->cork;
		t->cork = false;
		tcp_output(t);
		t->cork = cork;
		if (t->state != TCP_CLOSED && t->next && t->snd_una == t->snd_max)
			probe(t);
		return;
	}
	u64 now = time_ns();
	if (!t->retries)
		t->first_try_ns = list_first(&t->send_queue, struct packet, link)->tcp.sent_ns;
	bool late = t->user_timeout_ms && now - t->first_try_ns > t->user_timeout_ms * NSEC_PER_MSEC;
	if (t->retries >= tries_allowed(t) || late) {
		int soft = t->state == TCP_SYN_SENT ? atomic_load_relaxed(&t->sk.error) : 0;
		tcp_abort(t, soft ? soft : ETIMEDOUT);
		return;
	}
	t->retries++;
	/* RFC 6298 section 5.5, 5.6; RFC 5681 section 3.1: everything under way counts as lost, and is sent again as the window grows. */
	t->backoff = MIN((u8)(t->backoff + 1), (u8)16);
	tcp_congestion_timeout(t);
	t->next = list_first(&t->send_queue, struct packet, link);
	t->snd_nxt = t->snd_una;
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED || !t->snd_wnd) {
		tcp_retransmit_first(t);
		tcp_set_retransmit_timer(t);
	} else {
		tcp_output(t);
	}
}
