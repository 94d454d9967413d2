/* The clock of the first stages: the TSC, measured roughly against the PIT at the start. Stage 03 measures it well and takes over. */
#ifndef CORE_BOOT_CLOCK_H
#define CORE_BOOT_CLOCK_H

#include "core/types.h"

void boot_clock_init(void);
/* Nanoseconds since boot_clock_init; any context. Follows time_ns() once `boot_clock_hook` is set. */
u64 boot_clock_ns(void);
extern u64 (*boot_clock_hook)(void);
extern u64 boot_clock_tsc_start; /* rdtsc() at boot_clock_init */
extern u64 boot_clock_hz;        /* the rough frequency */

#endif
