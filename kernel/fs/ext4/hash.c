/* The hashes by which names are sorted in indexed directories: half of MD4 (the usual one), TEA, and the oldest. */
#include "ext4_priv.h"

static u32 rol(u32 x, int n) { return x << n | x >> (32 - n); }

static void half_md4(u32 s[4], const u32 in[8])
{
	static const u8 order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 1, 3, 5, 7, 0, 2, 4, 6 }, { 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const u8 shifts[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const u32 add[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	u32 a = s[0], b = s[1], c = s[2], d = s[3];

	for (int r = 0; r < 3; r++)
		for (int k = 0; k < 8; k++) {
			u32 f = r == 0 ? d ^ (b & (c ^ d)) : r == 1 ? (b & c) + ((b ^ c) & d) : b ^ c ^ d;
			u32 t = rol(a + f + in[order[r][k]] + add[r], shifts[r][k % 4]);

			a = d;
			d = c;
			c = b;
			b = t;
		}
	s[0] += a;
	s[1] += b;
	s[2] += c;
	s[3] += d;
}

static void tea(u32 s[4], const u32 in[4])
{
	u32 sum = 0, x = s[0], y = s[1];

	for (int n = 0; n < 16; n++) {
		sum += 0x9e3779b9;
		x += ((y << 4) + in[0]) ^ (y + sum) ^ ((y >> 5) + in[1]);
		y += ((x << 4) + in[2]) ^ (x + sum) ^ ((x >> 5) + in[3]);
	}
	s[0] += x;
	s[1] += y;
}

/* Bytes of the name count as signed or not, as the machine did on which the file system was made. */
static int byte_of(const char *name, u32 i, bool is_unsigned)
{
	return is_unsigned ? (int)(u8)name[i] : (int)(s8)name[i];
}

static u32 legacy(const char *name, u32 len, bool is_unsigned)
{
	u32 hash, hash0 = 0x12a3fe2d, hash1 = 0x37abe8f9;

	for (u32 i = 0; i < len; i++) {
		hash = hash1 + (hash0 ^ (u32)(byte_of(name, i, is_unsigned) * 7152373));
		if (hash & 0x80000000)
			hash -= 0x7fffffff;
		hash1 = hash0;
		hash0 = hash;
	}
	return hash0 << 1;
}

/* The next `words` words of the name, padded with its length. */
static void fill(const char *name, u32 len, u32 *out, int words, bool is_unsigned)
{
	u32 pad = len | len << 8, v;
	u32 i;

	pad |= pad << 16;
	v = pad;
	len = MIN(len, (u32)words * 4);
	for (i = 0; i < len; i++) {
		v = (u32)byte_of(name, i, is_unsigned) + (v << 8);
		if (i % 4 == 3) {
			*out++ = v;
			v = pad;
			words--;
		}
	}
	if (--words >= 0)
		*out++ = v;
	while (--words >= 0)
		*out++ = pad;
}

u32 ext4_hash(const struct ext4_fs *fs, u8 version, const char *name, u32 len)
{
	u32 s[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8], hash;
	bool is_unsigned = version >= HASH_LEGACY_UNSIGNED;
	int words = version % 3 == HASH_HALF_MD4 ? 8 : 4;

	if (version % 3 == HASH_LEGACY) {
		hash = legacy(name, len, is_unsigned);
	} else {
		if (fs->hash_seed[0] | fs->hash_seed[1] | fs->hash_seed[2] | fs->hash_seed[3])
			memcpy(s, fs->hash_seed, sizeof(s));
		for (s64 left = len; left > 0; left -= words * 4, name += words * 4) {
			fill(name, (u32)left, in, words, is_unsigned);
			if (words == 8)
				half_md4(s, in);
			else
				tea(s, in);
		}
		hash = words == 8 ? s[1] : s[0];
	}
	hash &= ~1u;
	/* The last value is the mark of the end. */
	return hash == 0xfffffffe ? 0xfffffffc : hash;
}
