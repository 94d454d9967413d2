/* Text formatting: printf(3)'s %d %i %u %x %X %o %c %s %p %% with flags - 0 + # space, width, precision, *, and hh h l ll z t j. No floating point. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include "core/compiler.h"

/* Student's (lib/format.c, lab 01). Returns the length that the text wants; stores at most size-1 bytes and a NUL (size 0 stores nothing). */
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __printf_like(3, 4);

#endif
