/*
 * The checking kernel (`make DEBUG=1`): what is compiled in, decided in one place. A plain kernel has none of it.
 *
 *   DEBUG           lock checks, poison, list checks, stack marks, watchdog, fault injection, chaos: all by #if in the given layers
 *   KASAN           every load and store is looked up in the shadow (core/kasan.h); set by the build for instrumented objects
 */
#ifndef CORE_DEBUG_H
#define CORE_DEBUG_H

#include "core/compiler.h"

#ifndef DEBUG
#define DEBUG 0
#endif
#ifndef KASAN
#define KASAN 0
#endif

/* In a checking kernel: panics, with the locks held, when the caller may not sleep (a spinlock is held, preemption or interrupts are off). */
#if DEBUG
void might_sleep_at(const char *what, const void *caller);
#define might_sleep() might_sleep_at(__func__, __builtin_return_address(0))
#else
static inline void might_sleep(void) {}
#endif

#endif
