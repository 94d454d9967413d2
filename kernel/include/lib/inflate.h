/* DEFLATE (RFC 1951) in the gzip wrapper (RFC 1952). */
#ifndef LIB_INFLATE_H
#define LIB_INFLATE_H

#include "core/compiler.h"

/*
 * Unpacks one gzip member at src. `emit` takes each piece of output (at most 32 KiB) and returns 0 or -errno, which ends the work.
 * `window` is 32 KiB + of scratch (INFLATE_SCRATCH bytes). Returns bytes of src used, -EINVAL for malformed data, -EILSEQ for a wrong checksum or length.
 */
#define INFLATE_SCRATCH (64 * 1024)
long gunzip(const void *src, size_t size, void *scratch, int (*emit)(void *arg, const void *data, size_t n), void *arg);

#endif
