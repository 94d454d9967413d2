#include "lib/chacha.h"

static inline u32 rotl(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static inline void quarter(u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 7);
}

void chacha20_block(const u32 key[8], const u32 counter_nonce[4], u8 out[64])
{
	u32 s[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	u32 x[16];

	for (int i = 0; i < 8; i++)
		s[4 + i] = key[i];
	for (int i = 0; i < 4; i++)
		s[12 + i] = counter_nonce[i];
	for (int i = 0; i < 16; i++)
		x[i] = s[i];
	/* Written out: with constant indices the state stays in registers as far as there are any. */
	for (int round = 0; round < 10; round++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 1, 5, 9, 13);
		quarter(x, 2, 6, 10, 14);
		quarter(x, 3, 7, 11, 15);
		quarter(x, 0, 5, 10, 15);
		quarter(x, 1, 6, 11, 12);
		quarter(x, 2, 7, 8, 13);
		quarter(x, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++) {
		u32 v = x[i] + s[i]; /* little-endian, as this machine is */
		__builtin_memcpy(out + 4 * i, &v, sizeof(v));
	}
}
