#include "lib/bitmap.h"

/* First bit at or after `from` that is 1 in m ^ flip. */
static size_t find(const u64 *m, size_t n, size_t from, u64 flip)
{
	if (from >= n)
		return n;
	size_t w = from / 64;
	u64 word = (m[w] ^ flip) & ~0ul << (from % 64);
	while (!word) {
		if (++w >= BITMAP_WORDS(n))
			return n;
		word = m[w] ^ flip;
	}
	size_t i = w * 64 + (size_t)__builtin_ctzl(word);
	return i < n ? i : n;
}

size_t bitmap_find_zero(const u64 *m, size_t n, size_t from)
{
	return find(m, n, from, ~0ul);
}

size_t bitmap_find_set(const u64 *m, size_t n, size_t from)
{
	return find(m, n, from, 0);
}
