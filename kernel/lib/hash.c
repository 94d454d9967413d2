#include "lib/hash.h"

/* The 128 bits of the product, one half laid over the other: the low half alone would not know of the high bits of x, the last bytes of a word. */
static u64 fold(u64 x)
{
	unsigned __int128 product = (unsigned __int128)x * 0xff51afd7ed558ccdul;

	return (u64)product ^ (u64)(product >> 64);
}

/* Eight bytes a step. */
u64 hash_bytes(const void *data, size_t n, u64 seed)
{
	const u8 *p = data;
	u64 h = seed ^ n * 0x9e3779b97f4a7c15ul;

	for (; n >= 8; p += 8, n -= 8) {
		u64 w;
		__builtin_memcpy(&w, p, 8);
		h = fold(h ^ w);
	}
	if (n) {
		u64 w = 0;
		for (size_t i = 0; i < n; i++)
			w |= (u64)p[i] << (8 * i);
		h = fold(h ^ w);
	}
	return hash_u64(h);
}
