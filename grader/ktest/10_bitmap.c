/* Stage 10, given: the checksum of a bitmap after some bits were turned over is that of the whole bitmap. */
#include "core/ktest.h"

#include "core/crc.h"
#include "lib/string.h"

#define BYTES_MAX 9000u

static u8 data[BYTES_MAX];

KTEST(10, a_changed_checksum_is_that_of_the_whole)
{
	static const u32 sizes[] = { 1, 2, 64, 1000, 1024, 4096, BYTES_MAX };

	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		u32 n = sizes[k], seed = (u32)ktest_random(), crc;

		for (u32 i = 0; i < n; i++)
			data[i] = (u8)ktest_random();
		crc = crc32c(seed, data, n);
		for (int round = 0; round < 60; round++) {
			u8 change[80];
			u32 len = 1 + (u32)(ktest_random() % MIN(n, (u32)sizeof(change)));
			/* At the front, at the end, and anywhere between. */
			u32 at = round % 3 == 0 ? 0 : round % 3 == 1 ? n - len : (u32)(ktest_random() % (n - len + 1));

			for (u32 i = 0; i < len; i++) {
				change[i] = round % 5 ? (u8)ktest_random() : 0;
				data[at + i] ^= change[i];
			}
			crc = crc32c_changed(crc, n, at, change, len);
			if (!KEXPECT_EQ(crc, crc32c(seed, data, n)))
				return;
		}
	}
}
