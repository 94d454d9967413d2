/* Bit arrays of 64-bit words. */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include "core/compiler.h"

#define BITMAP_WORDS(n) (((n) + 63) / 64)
static inline bool bit_test(const u64 *m, size_t i) { return m[i / 64] >> (i % 64) & 1; }
static inline void bit_set(u64 *m, size_t i) { m[i / 64] |= 1ul << (i % 64); }
static inline void bit_clear(u64 *m, size_t i) { m[i / 64] &= ~(1ul << (i % 64)); }
/* First bit that is 0 (1) at or after `from`; n if none below n. */
size_t bitmap_find_zero(const u64 *m, size_t n, size_t from);
size_t bitmap_find_set(const u64 *m, size_t n, size_t from);

#endif
