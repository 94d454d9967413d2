/* Stage 11: the Internet checksum, against one that adds word by word. */
#include "11_wire.h"

static u8 bytes[66000];

KTEST(11, a_checksum_is_the_ones_complement_sum)
{
	wire_random(bytes, 2048);
	for (int turn = 0; turn < 4000; turn++) {
		u32 at = wire_between(0, 15), len = turn < 400 ? (u32)turn / 8 : wire_between(0, 1500);
		u32 start = (u32)(turn % 2 ? ktest_random() : 0);
		u16 got = checksum_fold(checksum_add(start, bytes + at, len)), wanted = wire_checksum(start, bytes + at, len);

		if (!KEXPECT_EQ(got, wanted)) {
			ktest_note("length", len);
			return;
		}
	}
}

/* What is carried out of the upper end must come in again, however often. */
KTEST(11, carries_come_in_again)
{
	static const u32 sums[] = { 0, 1, 0xffff, 0x10000, 0x1fffe, 0xfffeffff, 0xffff0000, 0xffff0001, 0xfffffffe, 0xffffffff };

	for (unsigned i = 0; i < ARRAY_SIZE(sums); i++)
		KEXPECT_EQ(checksum_fold(sums[i]), wire_checksum(sums[i], NULL, 0));
	memset(bytes, 0xff, sizeof(bytes));
	for (u32 len = 65000; len < 65008; len++)
		for (unsigned i = 0; i < ARRAY_SIZE(sums); i++)
			if (!KEXPECT_EQ(checksum_fold(checksum_add(sums[i], bytes, len)), wire_checksum(sums[i], bytes, len)))
				return;
}

KTEST(11, a_sum_is_taken_in_pieces)
{
	wire_random(bytes, 4096);
	for (int turn = 0; turn < 500; turn++) {
		u32 at = 0, sum = (u32)ktest_random(), len = wire_between(1, 3000);
		u16 wanted = wire_checksum(sum, bytes, len);

		while (at < len) { /* pieces but the last are even */
			u32 n = MIN(wire_between(0, 200) * 2, len - at);
			sum = checksum_add(sum, bytes + at, n);
			at += n;
		}
		if (!KEXPECT_EQ(checksum_fold(sum), wanted))
			return;
		/* A whole that holds its own checksum. */
		bytes[0] = bytes[1] = 0;
		u16 own = checksum_fold(checksum_add(0, bytes, len & ~1u));
		memcpy(bytes, &own, 2);
		if (len > 1 && !KEXPECT_EQ(checksum_fold(checksum_add(0, bytes, len & ~1u)), 0))
			return;
	}
}
