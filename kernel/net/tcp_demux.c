/* TCP, from IP: a segment's header is checked, and the connection or listener that it is for found. One for nobody is answered by a RST. */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

/* RFC 9293 section 3.10.7.1: with numbers that the other side will believe. p->data is at the text, p->tcp filled in. */
void tcp_reset_reply(const struct packet *p)
{
	const struct tcp_header *in = (const void *)p->transport;
	struct address us = packet_destination(p), them = packet_source(p);
	const struct inet_family *family = family_of(us);
	struct inet_path path;

	if (p->tcp.flags & TCP_RST || p->kind != PACKET_HOST || family->scope_of(us, p->dev) != IP_LOCAL)
		return;
	struct packet *out = packet_alloc(PACKET_HEADROOM, sizeof(struct tcp_header), ALLOC_ATOMIC);
	if (!out)
		return;
	if (family->route(&path, them, us, address_is_link_local(them) ? p->dev : NULL)) {
		packet_free(out);
		return;
	}
	bool ack = p->tcp.flags & TCP_ACK;
	struct tcp_header *h = packet_append(out, sizeof(*h));
	*h = (struct tcp_header){
		.source = in->destination, .destination = in->source, .offset = sizeof(*h) / 4 << 4,
		.seq = ack ? in->ack : 0, .ack = ack ? 0 : be32(p->tcp.end_seq), .flags = (u8)(ack ? TCP_RST : TCP_RST | TCP_ACK),
	};
	h->checksum = checksum_fold(checksum_add(checksum_pseudo(us, them, PROTO_TCP, out->len), h, out->len));
	SNMP(tcp_OutSegs);
	SNMP(tcp_OutRsts);
	struct inet_send how = { .source = us, .destination = them, .protocol = PROTO_TCP, .ttl = 64, .dont_fragment = true };
	family->send(out, &how, &path);
}

/* Section 3.1: the header's own length, the checksum, the options. */
static bool header_ok(struct packet *p, struct address source, struct address destination, struct tcp_segment_options *o)
{
	const struct tcp_header *h = (const void *)p->data;

	if (p->len < sizeof(*h))
		return false;
	u32 header = (h->offset >> 4) * 4u;
	if (header < sizeof(*h) || header > p->len)
		return false;
	if (!p->verified && checksum_fold(checksum_add(checksum_pseudo(source, destination, PROTO_TCP, p->len), p->data, p->len)) != 0) {
		SNMP(tcp_InCsumErrors);
		return false;
	}
	return tcp_options_parse((const u8 *)(h + 1), header - (u32)sizeof(*h), o);
}

/* What the rest works with. The window is scaled once the connection is known. */
static void take_fields(struct packet *p, const struct tcp_header *h, const struct tcp_segment_options *o)
{
	struct tcp_header in = *h;

	packet_pull(p, (in.offset >> 4) * 4u);
	memset(&p->tcp, 0, sizeof(p->tcp));
	p->tcp.seq = be32(in.seq);
	p->tcp.ack = be32(in.ack);
	p->tcp.flags = in.flags;
	p->tcp.window = be16(in.window);
	p->tcp.urgent = be16(in.urgent);
	p->tcp.end_seq = p->tcp.seq + p->len + (in.flags & TCP_SYN ? 1 : 0) + (in.flags & TCP_FIN ? 1 : 0);
	p->tcp.has_ts = o->has_ts;
	p->tcp.ts_value = o->ts_value;
	p->tcp.ts_echo = o->ts_echo;
	p->tcp.sack_count = o->sack_count;
	if (o->sack)
		p->tcp.sack_at = (u16)(o->sack - p->block->bytes);
}

/* Section 3.6.1, RFC 1122 section 4.2.2.13: a SYN may open the name of a connection that only waits anew, if its numbers lie beyond. */
static bool reopens(const struct tcp_sock *t, const struct packet *p)
{
	if (t->state != TCP_TIME_WAIT || (p->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	return seq_after(p->tcp.seq, t->rcv_nxt) || (t->ts_ok && p->tcp.has_ts && seq_after(p->tcp.ts_value, t->ts_recent));
}

static void tcp_receive(struct packet *p)
{
	struct address source = packet_source(p), destination = packet_destination(p);
	struct tcp_segment_options o;

	SNMP(tcp_InSegs);
	if (p->kind != PACKET_HOST || family_of(source)->scope_of(source, p->dev) > IP_LOCAL || address_is_multicast(destination)) {
		packet_free(p);
		return;
	}
	if (!header_ok(p, source, destination, &o)) {
		SNMP(tcp_InErrs);
		packet_free(p);
		return;
	}
	const struct tcp_header *h = (const void *)p->data;
	u16 remote_port = be16(h->source), local_port = be16(h->destination);
	take_fields(p, h, &o);
	struct tcp_sock *t = tcp_find(destination, local_port, source, remote_port, p->dev);
	if (t && READ_ONCE(t->state) == TCP_TIME_WAIT) {
		spin_lock(&t->sk.lock);
		bool again = reopens(t, p);
		if (again)
			tcp_done(t);
		spin_unlock(&t->sk.lock);
		if (again) {
			inet_put(&t->sk);
			t = tcp_find_listener(destination, local_port, address_hash(source) ^ remote_port, p->dev);
		}
	}
	if (!t) {
		tcp_reset_reply(p);
		packet_free(p);
		return;
	}
	if (READ_ONCE(t->state) == TCP_LISTEN) {
		tcp_listen_segment(t, p, &o);
		inet_put(&t->sk);
		return;
	}
	spin_lock(&t->sk.lock);
	if (t->state == TCP_CLOSED || t->state == TCP_LISTEN) {
		/* It ended while we looked. */
		tcp_reset_reply(p);
		packet_free(p);
	} else {
		if (t->state == TCP_SYN_SENT && p->tcp.flags & TCP_SYN && (!(p->tcp.flags & TCP_ACK) || p->tcp.ack == t->snd_max)) {
			tcp_options_agree(t, &o);
			tcp_congestion_init(t);
		}
		if (!(p->tcp.flags & TCP_SYN))
			p->tcp.window <<= t->snd_scale;
		tcp_arrives(t, p);
	}
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

/* An ICMP error about a segment of ours (RFC 5927 section 4: its number must be under way, or it is forged). RFC 1122 section 4.2.3.9. */
static void tcp_error(const struct inet_error *e)
{
	const struct tcp_header *h = (const void *)e->transport;
	int err = e->err;
	u32 seq = be32(h->seq);
	struct tcp_sock *t = tcp_find(e->local, be16(h->source), e->remote, be16(h->destination), NULL);

	if (!t)
		return;
	spin_lock(&t->sk.lock);
	if (t->state != TCP_LISTEN && t->state != TCP_CLOSED && !seq_before(seq, t->snd_una) && !seq_after(seq, t->snd_max)) {
		if (err == EMSGSIZE) {
			u32 before = t->mss;
			tcp_mss_update(t);
			if (t->mss < before && !list_empty(&t->send_queue)) {
				t->next = list_first(&t->send_queue, struct packet, link);
				t->snd_nxt = t->snd_una;
				tcp_sack_go_back(t);
				tcp_output(t);
			}
		} else if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED) {
			tcp_abort(t, err);
		}
		/* An established connection goes on: the way may come back. */
	}
	spin_unlock(&t->sk.lock);
	inet_put(&t->sk);
}

IP_PROTOCOL(tcp, .number = PROTO_TCP, .families = CARRIED_BY_BOTH, .receive = tcp_receive, .error = tcp_error);
