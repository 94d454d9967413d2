/* Output that needs nothing: no lock, no formatter of a student, no console driver. To the first serial port, by polling. For panics and TODO lines. */
#ifndef CORE_EMERGENCY_H
#define CORE_EMERGENCY_H

#include "core/compiler.h"

void emergency_write(const char *s, size_t n);
/* Formats as verdict() does, to the serial port alone. */
void emergency_printf(const char *fmt, ...);

#endif
