/* Stage 11: the optional challenges. */
#include "11_peer.h"

#include "time/time.h"

static u8 bytes[9000];

/* The plain way, a word of 32 bits at a time: what the time is measured by. n is a multiple of 4. */
static u32 __attribute__((noinline)) plain_sum(u32 sum, const u8 *at, size_t n)
{
	const u8 *end = at + n;
	u64 total = sum;

	while (at < end) {
		u32 next;
		__builtin_memcpy(&next, at, sizeof(next));
		total += next;
		at += sizeof(next);
	}
	while (total >> 32)
		total = (u32)total + (total >> 32);
	return (u32)total;
}

KTEST(11, challenge_fast_sum)
{
	u32 sink = 0;

	wire_random(bytes, sizeof(bytes));
	for (int turn = 0; turn < 3000; turn++) {
		u32 at = wire_between(0, 15), len = turn < 800 ? (u32)turn / 8 : wire_between(0, 1500), start = (u32)ktest_random();
		if (!KEXPECT_EQ(checksum_fold(checksum_add(start, bytes + at, len)), wire_checksum(start, bytes + at, len)))
			return;
	}
	memset(bytes, 0xff, sizeof(bytes));
	for (u32 len = 8900; len < 8964; len++)
		KEXPECT_EQ(checksum_fold(checksum_add(0xffffffff, bytes, len)), wire_checksum(0xffffffff, bytes, len));
	u64 begin = time_ns();
	for (int i = 0; i < 400; i++)
		sink += plain_sum(sink, bytes + i % 8, 1448);
	u64 middle = time_ns();
	for (int i = 0; i < 400; i++)
		sink += checksum_add(sink, bytes + i % 8, 1448);
	u64 plain = middle - begin, yours = time_ns() - middle;
	ktest_note("plain, ns", plain / 400);
	ktest_note("yours, ns", yours / 400);
	KEXPECT(yours * 2 <= plain);
	KEXPECT(sink != 1);
}

/* The peer's ACKs are late, but nothing was lost: one segment is sent again, and no more. */
KTEST(11, challenge_early_timeout)
{
	struct peer p;
	struct seen s;

	if (!wire_begin(true) || !peer_open_with_stamps(&p, 20000, 1000))
		return;
	for (int lost = 0; lost < 2; lost++) {
		wire_random(bytes, 6000);
		u32 start = p.ack, segments = 0, first = 0;
		KEXPECT_EQ(wire_write(&p.s, bytes, 6000), 6000);
		while (peer_next(&p, &s)) {
			segments++;
			first = s.stamp;
		}
		KREQUIRE(segments >= 6 && first);
		u32 each = 6000 / segments + 1;
		for (int i = 0; i < 5000 && !peer_next(&p, &s); i++)
			wire_wait_ms(1);
		KEXPECT(s.seq == start && peer_silent(&p));
		/* Either of the two is heard: the stamp says which. */
		p.echo = lost ? s.stamp : first;
		p.ack = s.end;
		peer_send(&p, TCP_ACK, NULL, 0);
		u32 again = 0;
		while (peer_next(&p, &s))
			again += s.len > 0;
		if (lost) {
			KEXPECT(again > 0);
			break;
		}
		KEXPECT_EQ(again, 0);
		while (p.ack - start < 6000) {
			p.ack = MIN(p.ack - start + each, 6000u) + start;
			peer_send(&p, TCP_ACK, NULL, 0);
		}
		KEXPECT(peer_silent(&p) && list_empty(&p.t->send_queue));
		KEXPECT(p.t->cwnd >= 4000);
	}
	peer_close(&p);
}
