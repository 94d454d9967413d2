/*
 * Memory and strings. Blocks move by `rep movsq`: real machines move whole cache lines with it, an emulator eight bytes a step. Short ones, which are
 * most, go without its start-up cost.
 */
#include "lib/string.h"
#include "core/kasan.h"

#if !__STDC_HOSTED__
#undef memcpy
#undef memset
#undef memcmp
#endif

void *memcpy(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	kasan_check(src, n, false, __builtin_return_address(0));
	kasan_check(dst, n, true, __builtin_return_address(0));
	if (n >= 16) {
		/* The last eight bytes first (they may overlap what follows), so that no byte loop is needed. */
		u64 tail;
		__builtin_memcpy(&tail, s + n - 8, 8);
		char *tail_at = d + n - 8;
		size_t words = (n - 1) / 8;
		__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words)::"memory");
		__builtin_memcpy(tail_at, &tail, 8);
		return dst;
	}
	if (n >= 8) {
		u64 head, tail;
		__builtin_memcpy(&head, s, 8);
		__builtin_memcpy(&tail, s + n - 8, 8);
		__builtin_memcpy(d, &head, 8);
		__builtin_memcpy(d + n - 8, &tail, 8);
		return dst;
	}
	while (n-- > 0)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (d == s || !n)
		return dst;
	kasan_check(src, n, false, __builtin_return_address(0));
	kasan_check(dst, n, true, __builtin_return_address(0));
	/* Forward copying is right unless dst begins inside of src. */
	if (d < s || d >= s + n) {
		size_t words = n / 8, rest = n % 8;
		/* Words may run over each other's tails only if the distance is smaller than one. */
		if (d < s && (size_t)(s - d) < 8) {
			rest = n;
			words = 0;
		}
		__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words)::"memory");
		while (rest-- > 0) {
			*d++ = *s++;
			barrier();
		}
		return dst;
	}
	while (n >= 8 && (size_t)(d - s) >= 8) {
		u64 w;
		n -= 8;
		__builtin_memcpy(&w, s + n, 8);
		__builtin_memcpy(d + n, &w, 8);
	}
	while (n-- > 0) {
		d[n] = s[n];
		barrier();
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	char *d = dst;
	u64 pattern = (u8)c * 0x0101010101010101ul;

	kasan_check(dst, n, true, __builtin_return_address(0));
	if (n >= 16) {
		size_t words = (n - 1) / 8;
		__builtin_memcpy(d + n - 8, &pattern, 8);
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
		return dst;
	}
	while (n-- > 0) {
		*d++ = (char)c;
		barrier();
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	while (n >= 8) {
		u64 v, w;
		__builtin_memcpy(&v, x, 8);
		__builtin_memcpy(&w, y, 8);
		if (v != w)
			break;
		x += 8;
		y += 8;
		n -= 8;
	}
	for (; n-- > 0; x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n-- > 0; p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (u8)*a - (u8)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *hay, const char *needle)
{
	size_t n = strlen(needle);

	for (; *hay; hay++)
		if (*hay == *needle && strncmp(hay, needle, n) == 0)
			return (char *)hay;
	return n ? NULL : (char *)hay;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	if (size) {
		size_t take = MIN(n, size - 1);
		memcpy(dst, src, take);
		dst[take] = '\0';
	}
	return n;
}

size_t strlcat(char *dst, const char *src, size_t size)
{
	size_t have = strnlen(dst, size);

	return have + strlcpy(dst + have, src, size - have);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

u64 parse_u64(const char *s, const char **end, int base)
{
	const char *p = s;
	u64 v = 0;
	bool overflow = false;

	if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' && digit_value(p[2]) < 16) {
		p += 2;
		base = 16;
	} else if (base == 0) {
		base = *p == '0' ? 8 : 10;
	}
	for (; digit_value(*p) < base; p++) {
		u64 d = (u64)digit_value(*p);
		overflow |= __builtin_mul_overflow(v, (u64)base, &v);
		overflow |= __builtin_add_overflow(v, d, &v);
	}
	if (end)
		*end = p;
	return overflow ? UINT64_MAX : v;
}

bool str_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}
