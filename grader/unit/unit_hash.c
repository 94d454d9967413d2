/* sources: lib/hash.c */
#include "lib/hash.h"

extern int snprintf(char *text, size_t size, const char *fmt, ...);

enum { SLOTS = 1 << 15 };
static u32 slot[SLOTS];

/* Chance would have a look-up in a full table meet two entries: all that lie in its slot. More than half as many again is no chance. */
static bool even(void)
{
	u64 met = 0;

	for (u32 i = 0; i < SLOTS; i++) {
		met += (u64)slot[i] * slot[i];
		slot[i] = 0;
	}
	return met < 3ul * SLOTS;
}

static bool names_are_even(const char *pattern, long first)
{
	char name[64];

	for (long i = 0; i < SLOTS; i++) {
		int n = snprintf(name, sizeof(name), pattern, first + i);
		slot[hash_bytes(name, (size_t)n, 0x123456789a40ul) % SLOTS]++;
	}
	return even();
}

static bool numbers_are_even(u64 step)
{
	for (u64 i = 0; i < SLOTS; i++)
		slot[hash_u64(0xffff800000000000ul + i * step) % SLOTS]++;
	return even();
}

int main(void)
{
	static const char *const patterns[] = { "%ld", "%lx", "f%ld", "not-here-%ld", "file-%06ld", "%08ld.jpg", "a-long-name-%08ld-with-an-end", "%ldxxxxxxxxxxxxxx" };

	for (u32 k = 0; k < sizeof(patterns) / sizeof(patterns[0]); k++)
		for (long first = 0; first <= 100000000; first = first ? first * 10 : 1000)
			CHECK(names_are_even(patterns[k], first));
	for (int shift = 0; shift < 32; shift++)
		CHECK(numbers_are_even(1ul << shift));
	CHECK(numbers_are_even(192));
	return unit_failures != 0;
}
