/* Errors carried in pointers: the last page of the address space is never mapped, so -errno cast to a pointer is no valid address. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include "abi/errno.h"
#include "core/compiler.h"

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long err) { return (void *)err; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return unlikely((unsigned long)p >= (unsigned long)-MAX_ERRNO); }

#endif
