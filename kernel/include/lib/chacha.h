/* ChaCha20 block function (RFC 8439 section 2.3). */
#ifndef LIB_CHACHA_H
#define LIB_CHACHA_H

#include "core/compiler.h"

void chacha20_block(const u32 key[8], const u32 counter_nonce[4], u8 out[64]);

#endif
