/*
 * CRCs by slicing: eight tables, table[k][b] being the check of byte b followed by k zero bytes. Made at first use. CRC-32C, which a file
 * system takes of every block of metadata, by the processor's own instruction where there is one (SDM vol. 2, CRC32).
 */
#include "core/crc.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "lib/string.h"

#define POLY_CRC32 0xedb88320u
#define POLY_CRC32C 0x82f63b78u

struct tables {
	u32 t[8][256];
	bool ready;
};
static struct tables zip = { .ready = false }, castagnoli = { .ready = false };

/* Two CPUs that come first at the same time write the same values. */
static void make(struct tables *t, u32 poly)
{
	for (u32 b = 0; b < 256; b++) {
		u32 c = b;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ poly : c >> 1;
		t->t[0][b] = c;
	}
	for (u32 b = 0; b < 256; b++)
		for (int k = 1; k < 8; k++)
			t->t[k][b] = t->t[k - 1][b] >> 8 ^ t->t[0][t->t[k - 1][b] & 255];
	__atomic_store_n(&t->ready, true, __ATOMIC_RELEASE);
}

static u32 run(struct tables *t, u32 poly, u32 crc, const u8 *p, size_t n)
{
	if (!__atomic_load_n(&t->ready, __ATOMIC_ACQUIRE))
		make(t, poly);
	for (; n >= 8; n -= 8, p += 8) {
		u32 a, b;
		memcpy(&a, p, 4);
		memcpy(&b, p + 4, 4);
		a ^= crc;
		crc = t->t[7][a & 255] ^ t->t[6][a >> 8 & 255] ^ t->t[5][a >> 16 & 255] ^ t->t[4][a >> 24] ^ t->t[3][b & 255] ^ t->t[2][b >> 8 & 255] ^
			t->t[1][b >> 16 & 255] ^ t->t[0][b >> 24];
	}
	while (n--)
		crc = crc >> 8 ^ t->t[0][(crc ^ *p++) & 255];
	return crc;
}

u32 crc32(const void *data, size_t n)
{
	return ~run(&zip, POLY_CRC32, ~0u, data, n);
}

/* The instruction has this polynomial, and needs no vector registers. */
static u32 crc32c_by_cpu(u32 crc, const u8 *p, size_t n)
{
	u64 sum = crc;

	for (; n >= 8; n -= 8, p += 8) {
		u64 word;
		memcpy(&word, p, 8);
		__asm__("crc32q %1, %0" : "+r"(sum) : "r"(word));
	}
	for (; n > 0; n--, p++)
		__asm__("crc32b %1, %0" : "+r"(sum) : "r"(*p));
	return (u32)sum;
}

u32 crc32c(u32 crc, const void *data, size_t n)
{
	if (cpu_has(CPU_CRC32))
		return crc32c_by_cpu(crc, data, n);
	return run(&castagnoli, POLY_CRC32C, crc, data, n);
}

/*
 * The check is linear: that of a XOR b is the check of a XOR the check of b begun with 0. A change is zero but for its few bytes, zeros in front of them
 * leave a 0 as it is, and each zero behind them multiplies the check by x^8, modulo the polynomial.
 *
 * A polynomial stands in a word with x^0 as the highest bit.
 */
#define ONE 0x80000000u
#define DIGIT 64u /* zeros[d][k]: x^8 to the power of k * DIGIT^d */
#define DIGITS 4
static struct {
	u32 zeros[DIGITS][DIGIT];
	bool ready;
} carried = { .ready = false };

static u32 multiply(u32 a, u32 b)
{
	u32 product = 0;

	for (u32 term = ONE; a; a &= ~term, term >>= 1) {
		if (a & term)
			product ^= b;
		b = b & 1 ? b >> 1 ^ POLY_CRC32C : b >> 1;
	}
	return product;
}

static void make_zeros(void)
{
	u32 step = ONE >> 8;

	for (int d = 0; d < DIGITS; d++) {
		carried.zeros[d][0] = ONE;
		for (u32 k = 1; k < DIGIT; k++)
			carried.zeros[d][k] = multiply(carried.zeros[d][k - 1], step);
		step = multiply(carried.zeros[d][DIGIT - 1], step);
	}
	__atomic_store_n(&carried.ready, true, __ATOMIC_RELEASE);
}

u32 crc32c_changed(u32 crc, size_t n, size_t at, const void *change, size_t len)
{
	size_t behind = n - at - len;
	u32 add = crc32c(0, change, len);

	ASSERT(at + len <= n && n < 1ul << 24);
	if (!__atomic_load_n(&carried.ready, __ATOMIC_ACQUIRE))
		make_zeros();
	for (int d = 0; behind; d++, behind /= DIGIT)
		if (behind % DIGIT)
			add = multiply(carried.zeros[d][behind % DIGIT], add);
	return crc ^ add;
}

u16 crc16(u16 crc, const void *data, size_t n)
{
	for (const u8 *p = data; n--; p++) {
		crc ^= *p;
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return crc;
}
