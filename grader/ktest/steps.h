/* What lies between two instructions: for tests of what must happen in one. */
#ifndef KTEST_STEPS_H
#define KTEST_STEPS_H

#include "core/compiler.h"

/* Runs fn(arg), and between(n) after the n-th instruction, from 0; interrupts off. fn must not give the CPU away. How many instructions there were. */
u32 ktest_step(void (*fn)(void *arg), void *arg, void (*between)(u32 n));
extern const u8 *ktest_step_next; /* in between(): the instruction that comes next */

#endif
