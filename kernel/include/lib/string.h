/* Memory and strings. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "core/compiler.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *hay, const char *needle);
/* Copies at most size-1 bytes and terminates; returns strlen(src) (>= size: cut). */
size_t strlcpy(char *dst, const char *src, size_t size);
size_t strlcat(char *dst, const char *src, size_t size);
/* Number in base 0 (by prefix), 8, 10, 16; stores where it stopped. Saturates at UINT64_MAX. */
u64 parse_u64(const char *s, const char **end, int base);
bool str_starts(const char *s, const char *prefix);

#if !__STDC_HOSTED__ /* else these are tried on the host, under other names */
/*
 * In a freestanding program the compiler makes a call of each. Those of a size that it knows may become a few moves. Macros, so that they stand on the line
 * of who uses them when something is reported there.
 */
#define memcpy(dst, src, n) (__builtin_constant_p(n) ? __builtin_memcpy(dst, src, n) : (memcpy)(dst, src, n))
#define memset(dst, c, n) (__builtin_constant_p(n) ? __builtin_memset(dst, c, n) : (memset)(dst, c, n))
#define memcmp(a, b, n) (__builtin_constant_p(n) ? __builtin_memcmp(a, b, n) : (memcmp)(a, b, n))
#endif

#endif
