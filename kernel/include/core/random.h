/* Random numbers: ChaCha20, seeded by RDRAND where there is one, else by TSC jitter. Any context. */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "core/compiler.h"

void random_bytes(void *buf, size_t n);
u64 random_u64(void);
void random_stir(u64 sample); /* mixes in the time of an event */

#endif
