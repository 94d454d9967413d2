#include "lib/hash.h"

/* Eight bytes a step: multiply, fold, and mix at the end. */
u64 hash_bytes(const void *data, size_t n, u64 seed)
{
	const u8 *p = data;
	u64 h = seed ^ n * 0x9e3779b97f4a7c15ul;

	for (; n >= 8; p += 8, n -= 8) {
		u64 w;
		__builtin_memcpy(&w, p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdul;
		h ^= h >> 32;
	}
	if (n) {
		u64 w = 0;
		for (size_t i = 0; i < n; i++)
			w |= (u64)p[i] << (8 * i);
		h = (h ^ w) * 0xff51afd7ed558ccdul;
		h ^= h >> 32;
	}
	return hash_u64(h);
}
