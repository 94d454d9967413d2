/* The table of function names that is linked in, for back-traces without a debugger. */
#ifndef CORE_KSYMS_H
#define CORE_KSYMS_H

#include "core/types.h"

/* Name of the function that holds addr and the offset in it; NULL if none. */
const char *ksym_lookup(u64 addr, u64 *offset);

#endif
