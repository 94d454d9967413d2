/* The hashes by which names are sorted in indexed directories: half of MD4 (the usual one), TEA, and the oldest. */
#include "ext4_priv.h"

static u32 rol(u32 x, int n) { return x << n | x >> (32 - n); }

/* RFC 1320, 3.4, with half of its steps: each is written out, since the index of a large folder is searched by it for every name. */
#define STEP(f, a, b, c, d, x, shift) (a = rol(a + f(b, c, d) + (x), shift))
#define F(x, y, z) (z ^ (x & (y ^ z)))
#define G(x, y, z) ((x & y) + ((x ^ y) & z))
#define H(x, y, z) (x ^ y ^ z)
#define FOUR_STEPS(f, w, x, y, z, add, s0, s1, s2, s3) \
	(STEP(f, a, b, c, d, (w) + (add), s0), STEP(f, d, a, b, c, (x) + (add), s1), STEP(f, c, d, a, b, (y) + (add), s2), STEP(f, b, c, d, a, (z) + (add), s3))

static void half_md4(u32 s[4], const u32 in[8])
{
	u32 a = s[0], b = s[1], c = s[2], d = s[3];

	FOUR_STEPS(F, in[0], in[1], in[2], in[3], 0, 3, 7, 11, 19);
	FOUR_STEPS(F, in[4], in[5], in[6], in[7], 0, 3, 7, 11, 19);
	FOUR_STEPS(G, in[1], in[3], in[5], in[7], 0x5a827999, 3, 5, 9, 13);
	FOUR_STEPS(G, in[0], in[2], in[4], in[6], 0x5a827999, 3, 5, 9, 13);
	FOUR_STEPS(H, in[3], in[7], in[2], in[6], 0x6ed9eba1, 3, 9, 11, 15);
	FOUR_STEPS(H, in[1], in[5], in[0], in[4], 0x6ed9eba1, 3, 9, 11, 15);
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

/* Up to four bytes of the name as one word, behind what stands in it. Bytes that count as signed borrow from those before. */
static u32 word_of(const char *name, u32 len, u32 v, bool is_unsigned)
{
	u32 w;

	if (len >= 4) {
		memcpy(&w, name, 4);
		if (likely(is_unsigned || !(w & 0x80808080)))
			return __builtin_bswap32(w);
		len = 4;
	}
	for (u32 i = 0; i < len; i++)
		v = (u32)byte_of(name, i, is_unsigned) + (v << 8);
	return v;
}

/* The next `words` words of the name, padded with its length. */
static void fill(const char *name, u32 len, u32 *out, u32 words, bool is_unsigned)
{
	u32 pad = (len | len << 8) * 0x10001u, i = 0;

	for (u32 at = 0; i < words && at < len; at += 4)
		out[i++] = word_of(name + at, len - at, pad, is_unsigned);
	while (i < words)
		out[i++] = pad;
}

u32 ext4_hash(const struct ext4_fs *fs, u8 version, const char *name, u32 len, u32 *minor)
{
	u32 s[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8], hash;
	bool is_unsigned = version >= HASH_LEGACY_UNSIGNED;
	u32 words = version % 3 == HASH_HALF_MD4 ? 8 : 4;

	*minor = 0;
	if (version % 3 == HASH_LEGACY) {
		hash = legacy(name, len, is_unsigned);
	} else {
		if (fs->hash_seed[0] | fs->hash_seed[1] | fs->hash_seed[2] | fs->hash_seed[3])
			memcpy(s, fs->hash_seed, sizeof(s));
		for (s64 left = len; left > 0; left -= (s64)words * 4, name += words * 4) {
			fill(name, (u32)left, in, words, is_unsigned);
			if (words == 8)
				half_md4(s, in);
			else
				tea(s, in);
		}
		hash = words == 8 ? s[1] : s[0];
		*minor = words == 8 ? s[2] : s[1];
	}
	hash &= ~1u;
	/* The last value is the mark of the end. */
	return hash == 0xfffffffe ? 0xfffffffc : hash;
}
