/* Hashes for tables (not for secrets). */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include "core/compiler.h"

u64 hash_bytes(const void *data, size_t n, u64 seed);
static inline u64 hash_u64(u64 x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ul;
	return x ^ x >> 29;
}

#endif
