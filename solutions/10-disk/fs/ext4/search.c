/*
 * Which free blocks of a group are taken: the first run that is long enough, and if there is none, the longest.
 *
 *   map     . . X X . . . X . . . . .          asked for 3 from block 0: the run at 4; asked for 4: that at 8; for 9: that at 8, which is shorter
 *
 * This is quick, and keeps files together as long as there is room. What it does to the long runs when files of all sizes come and go is another matter:
 * see the challenge.
 */
#include "ext4_priv.h"

static u64 used_word(const u8 *map, const u64 *busy, u32 w)
{
	u64 v;

	memcpy(&v, map + w * 8ul, 8);
	return busy ? v | busy[w] : v;
}

/* The first bit at or after i that is free (or used): size if none. */
u32 ext4_next_bit(const u8 *map, const u64 *busy, u32 i, u32 size, bool used)
{
	while (i < size) {
		u64 v = used_word(map, busy, i / 64);

		v = (used ? v : ~v) >> i % 64;
		if (v)
			return MIN(i + (u32)__builtin_ctzl(v), size);
		i = ALIGN_DOWN(i, 64u) + 64;
	}
	return size;
}

u32 ext4_find_run(const u8 *map, const u64 *busy, u32 from, u32 size, u32 want, u32 *start)
{
	u32 best = 0;

	for (u32 i = ext4_next_bit(map, busy, from, size, false); i < size;) {
		u32 end = ext4_next_bit(map, busy, i, MIN(size, i + want), true);

		if (end - i > best) {
			best = end - i;
			*start = i;
			if (best >= want)
				break;
		}
		i = ext4_next_bit(map, busy, end, size, false);
	}
	return best;
}
