/*
 * Kernel code on the host: a test file includes this first, is compiled together with the sources that its first line
 * names (`sources: lib/format.c …`, as paths in the kernel), and runs under ASan and UBSan, or TSan.
 *
 * The kernel's own string functions keep their names inside kernel code, so here they are renamed: the host's library and
 * the sanitizers need theirs.
 */
#ifndef UNIT_H
#define UNIT_H

#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define memchr k_memchr
#define strlen k_strlen
#define strnlen k_strnlen
#define strcmp k_strcmp
#define strncmp k_strncmp
#define strchr k_strchr
#define strrchr k_strrchr
#define strstr k_strstr
#define strlcpy k_strlcpy
#define strlcat k_strlcat

#include "core/compiler.h"

/* The host's, declared by hand: its headers would fight with the kernel's. */
extern int printf(const char *fmt, ...);
extern void *malloc(size_t size);
extern void free(void *p);
extern void exit(int status);

static unsigned unit_failures __attribute__((unused));

#define CHECK(cond) do { \
		if (!(cond)) { \
			unit_failures++; \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #cond); \
		} \
	} while (0)
#define CHECK_EQ(got, wanted) do { \
		unsigned long g_ = (unsigned long)(got), w_ = (unsigned long)(wanted); \
		if (g_ != w_) { \
			unit_failures++; \
			printf("%s:%d: %s: got %#lx, wanted %#lx\n", __FILE__, __LINE__, #got, g_, w_); \
		} \
	} while (0)

/* Numbers that are the same in each run. */
static inline u64 unit_random(void)
{
	static u64 x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
