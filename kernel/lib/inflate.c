/*
 * DEFLATE (RFC 1951) in gzip's wrapper (RFC 1952).
 *
 * Codes are looked up in tables: FAST bits of input index an entry that holds symbol and length. Longer codes, which are rare, go on bit by bit through the
 * canonical numbering (first code and first symbol of each length). Bits are kept in a 64-bit word, refilled eight bytes at once while the input has them.
 *
 * Output goes round in a window of 32 KiB, and is emitted each time the window is full: the last 32 KiB are always there to copy from.
 *
 *   scratch:  window 32 KiB | struct state
 */
#include "lib/inflate.h"
#include "lib/string.h"
#include "abi/errno.h"

#define WINDOW 32768u
#define FAST 10
#define MAX_BITS 15
#define MAX_SYMBOLS 288

struct huffman {
	u16 fast[1 << FAST];         /* symbol << 4 | length; 0: longer than FAST */
	u16 count[MAX_BITS + 1];     /* codes of each length */
	u16 symbols[MAX_SYMBOLS];    /* in the order of their codes */
};

struct state {
	const u8 *in, *end;
	u64 bits;
	u32 bit_count;
	u32 at;                      /* in the window */
	u32 missing;                 /* bytes that were asked for behind the end of the input */
	u8 *window;
	u64 total;
	u32 crc;
	int (*emit)(void *arg, const void *data, size_t n);
	void *arg;
	struct huffman literals, distances;
	u8 lengths[320];
};
_Static_assert(sizeof(struct state) + WINDOW <= INFLATE_SCRATCH, "scratch");

static u32 crc_table[8][256];

static void crc_init(void)
{
	if (__atomic_load_n(&crc_table[7][255], __ATOMIC_ACQUIRE))
		return;
	for (u32 i = 0; i < 256; i++) {
		u32 c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		crc_table[0][i] = c;
	}
	for (u32 i = 0; i < 256; i++) {
		u32 c = crc_table[0][i];
		for (int t = 1; t < 8; t++) {
			c = crc_table[0][c & 255] ^ c >> 8;
			__atomic_store_n(&crc_table[t][i], c, __ATOMIC_RELEASE);
		}
	}
}

/* Eight bytes a step ("slicing"). */
static u32 crc_update(u32 crc, const u8 *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		u64 w;
		__builtin_memcpy(&w, p, 8);
		w ^= crc;
		crc = crc_table[7][w & 255] ^ crc_table[6][w >> 8 & 255] ^ crc_table[5][w >> 16 & 255] ^ crc_table[4][w >> 24 & 255] ^
		      crc_table[3][w >> 32 & 255] ^ crc_table[2][w >> 40 & 255] ^ crc_table[1][w >> 48 & 255] ^ crc_table[0][w >> 56];
	}
	while (n-- > 0)
		crc = crc_table[0][(crc ^ *p++) & 255] ^ crc >> 8;
	return crc;
}

/* At least 56 bits are in the word afterwards; behind the end of the input they are 0 and counted in `missing`. */
static inline void refill(struct state *s)
{
	if (likely(s->end - s->in >= 8)) {
		u64 w;
		__builtin_memcpy(&w, s->in, 8);
		s->bits |= w << s->bit_count;
		s->in += (63 - s->bit_count) >> 3;
		s->bit_count |= 56;
		return;
	}
	while (s->bit_count <= 56) {
		if (s->in < s->end)
			s->bits |= (u64)*s->in++ << s->bit_count;
		else
			s->missing++;
		s->bit_count += 8;
	}
}

static inline u32 take(struct state *s, u32 n)
{
	u32 v = (u32)(s->bits & ((1ul << n) - 1));

	s->bits >>= n;
	s->bit_count -= n;
	return v;
}

/* True if bits were used that the input does not have. */
static inline bool overrun(const struct state *s)
{
	return s->missing * 8 > s->bit_count;
}

static u32 reverse(u32 code, u32 n)
{
	u32 r = 0;

	for (; n > 0; n--, code >>= 1)
		r = r << 1 | (code & 1);
	return r;
}

/* Tables for n symbols with these code lengths. -EINVAL if the code is over-subscribed, or incomplete with more than one symbol. */
static int build(struct huffman *h, const u8 *lengths, u32 n)
{
	u16 offset[MAX_BITS + 2] = { 0 };
	u32 code = 0;
	int left = 1;

	memset(h->fast, 0, sizeof(h->fast));
	memset(h->count, 0, sizeof(h->count));
	for (u32 i = 0; i < n; i++)
		h->count[lengths[i]]++;
	u32 used = n - h->count[0];
	h->count[0] = 0;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		left = left * 2 - h->count[len];
		if (left < 0)
			return -EINVAL;
		offset[len + 1] = (u16)(offset[len] + h->count[len]);
	}
	if (left > 0 && used > 1)
		return -EINVAL;
	for (u32 i = 0; i < n; i++)
		if (lengths[i])
			h->symbols[offset[lengths[i]]++] = (u16)i;
	u32 index = 0;
	for (u32 len = 1; len <= FAST; len++, code <<= 1)
		for (u32 k = 0; k < h->count[len]; k++, code++, index++)
			for (u32 slot = reverse(code, len); slot < 1u << FAST; slot += 1u << len)
				h->fast[slot] = (u16)(h->symbols[index] << 4 | len);
	return 0;
}

/* The next symbol, or -1 for a code that is none. The word holds at least 15 bits. */
static inline int decode(struct state *s, const struct huffman *h)
{
	u16 e = h->fast[s->bits & ((1u << FAST) - 1)];

	if (likely(e)) {
		take(s, e & 15);
		return e >> 4;
	}
	u64 bits = s->bits;
	u32 code = 0, first = 0, index = 0;
	for (u32 len = 1; len <= MAX_BITS; len++, bits >>= 1) {
		code |= bits & 1;
		u32 count = h->count[len];
		if (code - first < count) {
			take(s, len);
			return h->symbols[index + (code - first)];
		}
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	return -1;
}

static int flush(struct state *s)
{
	u32 n = s->at;

	s->at = 0;
	s->total += n;
	s->crc = crc_update(s->crc, s->window, n);
	return n ? s->emit(s->arg, s->window, n) : 0;
}

static int copy_match(struct state *s, u32 distance, u32 length)
{
	while (length > 0) {
		u32 from = (s->at - distance) & (WINDOW - 1);
		u32 n = MIN(length, MIN(WINDOW - s->at, WINDOW - from));
		u8 *d = s->window + s->at;
		const u8 *src = s->window + from;
		/* Where source and target overlap the copy repeats what it just wrote. */
		if (distance >= n && (from + n <= s->at || s->at + n <= from))
			memcpy(d, src, n);
		else
			for (u32 i = 0; i < n; i++)
				((volatile u8 *)d)[i] = src[i];
		s->at += n;
		length -= n;
		if (s->at == WINDOW) {
			int err = flush(s);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

static int inflate_codes(struct state *s)
{
	static const u16 length_base[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const u8 length_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const u16 dist_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
					 12289, 16385, 24577 };
	static const u8 dist_extra[] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

	for (;;) {
		int err, symbol;

		/* 56 bits are enough for a length (15 + 5) and a distance (15 + 13). */
		refill(s);
		symbol = decode(s, &s->literals);
		if (symbol < 0 || overrun(s))
			return -EINVAL;
		if (symbol < 256) {
			s->window[s->at++] = (u8)symbol;
			if (s->at == WINDOW && (err = flush(s)) < 0)
				return err;
			continue;
		}
		if (symbol == 256)
			return 0;
		if (symbol > 285)
			return -EINVAL;
		u32 length = length_base[symbol - 257] + take(s, length_extra[symbol - 257]);
		symbol = decode(s, &s->distances);
		if (symbol < 0 || symbol > 29)
			return -EINVAL;
		u32 distance = dist_base[symbol] + take(s, dist_extra[symbol]);
		if (distance > s->total + s->at || overrun(s))
			return -EINVAL;
		err = copy_match(s, distance, length);
		if (err < 0)
			return err;
	}
}

static int inflate_stored(struct state *s)
{
	u32 len, check;

	take(s, s->bit_count & 7);
	refill(s);
	len = take(s, 16);
	check = take(s, 16);
	if (len != (check ^ 0xffff) || overrun(s))
		return -EINVAL;
	/* Bytes that wait in the word go back to the input. */
	s->in -= s->bit_count / 8 - s->missing;
	s->bits = s->bit_count = s->missing = 0;
	if ((size_t)(s->end - s->in) < len)
		return -EINVAL;
	while (len > 0) {
		u32 n = MIN(len, WINDOW - s->at);
		int err;
		memcpy(s->window + s->at, s->in, n);
		s->in += n;
		s->at += n;
		len -= n;
		if (s->at == WINDOW && (err = flush(s)) < 0)
			return err;
	}
	return 0;
}

static int read_fixed(struct state *s)
{
	u32 i = 0;

	while (i < 144)
		s->lengths[i++] = 8;
	while (i < 256)
		s->lengths[i++] = 9;
	while (i < 280)
		s->lengths[i++] = 7;
	while (i < 288)
		s->lengths[i++] = 8;
	build(&s->literals, s->lengths, 288);
	for (i = 0; i < 32; i++)
		s->lengths[i] = 5;
	return build(&s->distances, s->lengths, 32);
}

static int read_dynamic(struct state *s)
{
	static const u8 order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	u32 literals, distances, codes, n = 0;

	refill(s);
	literals = take(s, 5) + 257;
	distances = take(s, 5) + 1;
	codes = take(s, 4) + 4;
	if (literals > 286 || distances > 30)
		return -EINVAL;
	memset(s->lengths, 0, 19);
	for (u32 i = 0; i < codes; i++) {
		refill(s);
		s->lengths[order[i]] = (u8)take(s, 3);
	}
	if (build(&s->distances, s->lengths, 19) < 0)
		return -EINVAL;
	while (n < literals + distances) {
		refill(s);
		int symbol = decode(s, &s->distances);
		u8 value = 0;
		u32 repeat;
		if (symbol < 0 || overrun(s))
			return -EINVAL;
		if (symbol < 16) {
			s->lengths[n++] = (u8)symbol;
			continue;
		}
		if (symbol == 16) {
			if (n == 0)
				return -EINVAL;
			value = s->lengths[n - 1];
			repeat = 3 + take(s, 2);
		} else {
			repeat = symbol == 17 ? 3 + take(s, 3) : 11 + take(s, 7);
		}
		if (repeat > literals + distances - n)
			return -EINVAL;
		memset(s->lengths + n, value, repeat);
		n += repeat;
	}
	if (!s->lengths[256] || build(&s->literals, s->lengths, literals) < 0)
		return -EINVAL;
	return build(&s->distances, s->lengths + literals, distances);
}

static int inflate(struct state *s)
{
	bool last;
	int err;

	do {
		refill(s);
		last = take(s, 1);
		u32 type = take(s, 2);
		if (overrun(s) || type == 3)
			return -EINVAL;
		if (type == 0) {
			err = inflate_stored(s);
		} else {
			err = type == 1 ? read_fixed(s) : read_dynamic(s);
			if (err == 0)
				err = inflate_codes(s);
		}
		if (err < 0)
			return err;
	} while (!last);
	return flush(s);
}

/* Length of the gzip header at p, or -EINVAL. */
static long header_length(const u8 *p, size_t size)
{
	size_t at = 10;

	if (size < 18 || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8 || p[3] & 0xe0)
		return -EINVAL;
	if (p[3] & 4) {
		if (size - at < 2)
			return -EINVAL;
		at += 2 + (size_t)(p[at] | p[at + 1] << 8);
	}
	/* Name, then comment: each ends with a zero byte. */
	for (u32 flag = 8; flag <= 16; flag <<= 1) {
		if (!(p[3] & flag))
			continue;
		while (at < size && p[at])
			at++;
		at++;
	}
	if (p[3] & 2)
		at += 2;
	return at < size ? (long)at : -EINVAL;
}

long gunzip(const void *src, size_t size, void *scratch, int (*emit)(void *arg, const void *data, size_t n), void *arg)
{
	struct state *s = (struct state *)((u8 *)scratch + WINDOW);
	const u8 *p = src;
	u32 crc, length;
	long header = header_length(p, size);
	int err;

	if (header < 0)
		return header;
	crc_init();
	memset(s, 0, offsetof(struct state, literals));
	s->in = p + header;
	s->end = p + size;
	s->window = scratch;
	s->crc = ~0u;
	s->emit = emit;
	s->arg = arg;
	err = inflate(s);
	if (err < 0)
		return err;
	s->in -= s->bit_count / 8 - s->missing;
	if (s->end - s->in < 8)
		return -EINVAL;
	__builtin_memcpy(&crc, s->in, 4);
	__builtin_memcpy(&length, s->in + 4, 4);
	if (crc != ~s->crc || length != (u32)s->total)
		return -EILSEQ;
	return s->in + 8 - p;
}
