/* The tables of function names and, in a checking kernel, of source lines, that are linked in, for back-traces without a debugger. */
#ifndef CORE_KSYMS_H
#define CORE_KSYMS_H

#include "core/types.h"

/* Name of the function that holds addr and the offset in it; NULL if none. */
const char *ksym_lookup(u64 addr, u64 *offset);
/* File and line of the code at addr: false if the table does not know (a plain kernel has none). */
bool kline_lookup(u64 addr, const char **file, u32 *line);

#endif
