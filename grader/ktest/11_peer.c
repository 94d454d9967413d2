/* The other end of a TCP connection (11_peer.h). */
#include "11_peer.h"

#include "time/time.h"

static u8 segment[1500];

/* Options that agree on selective acknowledgements, or make one, to `to`: their length. */
static u32 put_sack(const struct peer *p, u8 *to, u8 flags)
{
	u32 block[2] = { be32(p->sack_start), be32(p->sack_end) };

	if (!p->sack || (!(flags & TCP_SYN) && p->sack_start == p->sack_end))
		return 0;
	if (flags & TCP_SYN) {
		memcpy(to, ((u8[]){ TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_SACK_PERMITTED, 2 }), 4);
		return 4;
	}
	memcpy(to, ((u8[]){ TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_SACK, 10 }), 4);
	memcpy(to + 4, block, 8);
	return 12;
}

static void put(struct peer *p, u8 flags, u32 seq, u32 ack, u16 mss, const void *text, u32 len)
{
	struct tcp_header *h = (struct tcp_header *)segment;
	u32 sack = put_sack(p, segment + sizeof(*h) + (mss ? 4 : 0), flags);
	u32 header = (u32)sizeof(*h) + (mss ? 4 : 0) + sack + (p->stamps ? 12 : 0), stamp[2] = { be32((u32)(time_ns() / NSEC_PER_MSEC)), be32(p->echo) };

	*h = (struct tcp_header){
		.source = be16(p->port), .destination = be16(p->our_port), .seq = be32(seq), .ack = flags & TCP_ACK ? be32(ack) : 0,
		.offset = (u8)(header / 4 << 4), .flags = flags, .window = be16(p->window), .urgent = flags & TCP_URG ? be16(p->urgent) : 0,
	};
	if (mss)
		memcpy(h + 1, ((u8[]){ TCP_OPTION_MSS, 4, (u8)(mss >> 8), (u8)mss }), 4);
	if (p->stamps) {
		memcpy(segment + header - 12, ((u8[]){ TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_TIMESTAMPS, 10 }), 4);
		memcpy(segment + header - 8, stamp, 8);
	}
	if (len)
		memcpy(segment + header, text, len);
	h->checksum = wire_transport_sum(wire.them, wire.us, PROTO_TCP, segment, header + len);
	wire_send(&(struct wire_datagram){ .protocol = PROTO_TCP, .data = segment, .len = header + len });
}

void peer_send_at(struct peer *p, u8 flags, u32 seq, u32 ack, const void *text, u32 len)
{
	put(p, flags, seq, ack, 0, text, len);
}

void peer_send(struct peer *p, u8 flags, const void *text, u32 len)
{
	put(p, flags, p->seq, p->ack, 0, text, len);
	p->seq += len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

static u32 get32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }

static void take_options(struct seen *s, const u8 *o, u32 len)
{
	for (u32 at = 0; at + 1 < len && o[at] != TCP_OPTION_END; at += o[at] == TCP_OPTION_NOP ? 1u : MAX(o[at + 1], 2u)) {
		if (o[at] == TCP_OPTION_MSS)
			s->mss = (u16)(o[at + 2] << 8 | o[at + 3]);
		if (o[at] == TCP_OPTION_TIMESTAMPS) {
			s->stamp = get32(o + at + 2);
			s->echo = get32(o + at + 6);
		}
	}
}

bool peer_next(struct peer *p, struct seen *s)
{
	const struct tcp_header *h;
	u32 len;

	while ((h = (const void *)wire_next_ip(PROTO_TCP, &len))) {
		u32 header = (h->offset >> 4) * 4u;
		if (!KEXPECT(header >= sizeof(*h) && header <= len && wire_transport_ok(wire.us, wire.them, PROTO_TCP, h, len)))
			return false;
		if (be16(h->destination) != p->port)
			continue;
		*s = (struct seen){ .seq = be32(h->seq), .ack = be32(h->ack), .window = be16(h->window), .flags = h->flags, .len = len - header, .text = (const u8 *)h + header };
		s->end = s->seq + s->len + !!(h->flags & TCP_SYN) + !!(h->flags & TCP_FIN);
		take_options(s, (const u8 *)(h + 1), header - (u32)sizeof(*h));
		p->our_port = be16(h->source);
		return true;
	}
	return false;
}

u32 peer_all(struct peer *p, struct seen *s)
{
	u32 n = 0;

	while (peer_next(p, s))
		n++;
	return n;
}

bool peer_silent(struct peer *p)
{
	struct seen s;

	return !peer_next(p, &s);
}

bool peer_call(struct peer *p, u16 window)
{
	struct abi_sockaddr name;
	struct seen s;

	*p = (struct peer){ .port = (u16)wire_between(1024, 60000), .window = window, .iss = (u32)ktest_random() };
	if (ktest_random() % 4 == 0)
		p->iss = 0u - wire_between(1, 3000); /* its numbers will soon go round */
	p->seq = p->iss;
	if (!wire_socket(&p->s, SOCK_STREAM))
		return false;
	p->t = p->s.proto;
	p->s.options.send_buffer = 1u << 20;
	p->s.options.send_buffer_set = true;
	name = wire_name(wire.them, p->port);
	if (!KEXPECT_EQ(p->s.ops->connect(&p->s, &name, SOCKADDR_IN_LEN, true), -EINPROGRESS) || !KEXPECT(peer_next(p, &s)))
		return false;
	KEXPECT_EQ(s.flags, TCP_SYN);
	KEXPECT_EQ(s.len, 0);
	p->our_iss = s.seq;
	p->ack = s.end;
	return true;
}

static bool answer_call(struct peer *p, u16 mss)
{
	struct seen s;

	put(p, TCP_SYN | TCP_ACK, p->seq++, p->ack, mss, NULL, 0);
	if (!KEXPECT_EQ(p->t->state, TCP_ESTABLISHED) || !KEXPECT(peer_next(p, &s)))
		return false;
	return KEXPECT(s.flags == TCP_ACK && s.seq == p->ack && s.ack == p->seq && peer_silent(p));
}

bool peer_open(struct peer *p, u16 window, u16 mss)
{
	return peer_call(p, window) && answer_call(p, mss);
}

bool peer_open_with_stamps(struct peer *p, u16 window, u16 mss)
{
	if (!peer_call(p, window))
		return false;
	p->stamps = true;
	return answer_call(p, mss);
}

bool peer_open_with_sack(struct peer *p, u16 window, u16 mss)
{
	if (!peer_call(p, window))
		return false;
	p->sack = true;
	return answer_call(p, mss) && KEXPECT(p->t->sack_ok);
}

void peer_close(struct peer *p)
{
	if (!p->s.ops)
		return;
	p->s.options.linger = (struct abi_linger){ .onoff = 1 }; /* at once */
	wire_close(&p->s);
	wire_forget();
}
