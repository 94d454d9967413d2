/* Between panic.c and the output that it uses (panic_print.c). */
#ifndef PANIC_PRIV_H
#define PANIC_PRIV_H

#include "core/compiler.h"

/* To the verdict channel, the serial port and the screen consoles; %s %d %u %x %lu %lx %c. */
void panic_printf(const char *fmt, ...);
/* Into buf, without lib/format.c: as panic_printf, and also %p, %zu; widths and flags are passed over. */
void panic_vformat(char *buf, size_t size, const char *fmt, va_list ap);

#endif
