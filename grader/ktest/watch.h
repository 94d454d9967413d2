/*
 * What is so right behind an access: the processor stops after each instruction that touches memory that is watched, and the handler of TRAP_DEBUG comes
 * (debug registers; Intel SDM vol. 3, 18.2). Two pieces of memory at a time, and accesses of this CPU alone: who must stay on it turns interrupts off.
 */
#ifndef KTEST_WATCH_H
#define KTEST_WATCH_H

#include "core/types.h"

enum watch_for { WATCH_WRITES = 1, WATCH_ACCESSES = 3 };

static inline void watch_resume(u64 control) { __asm__ volatile("mov %0, %%dr7" : : "r"(control) : "memory"); }

/* Nothing is watched from here on. What was, for watch_resume: a handler that looks at the memory itself does so between the two. */
static inline u64 watch_pause(void)
{
	u64 control;

	__asm__ volatile("mov %%dr7, %0" : "=r"(control) : : "memory");
	watch_resume(0x400); /* the bit that is always set */
	return control;
}

static inline void watch_end(void) { watch_pause(); }

/* Piece 0 or 1, beside the other: size is 1, 2, 4 or 8 bytes, and at a multiple of it. */
static inline void watch_memory(unsigned piece, const volatile void *at, unsigned size, enum watch_for what)
{
	static const u8 lengths[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
	u64 control = watch_pause() & ~(3ul << 2 * piece | 15ul << (16 + 4 * piece));

	if (piece)
		__asm__ volatile("mov %0, %%dr1" : : "r"(at));
	else
		__asm__ volatile("mov %0, %%dr0" : : "r"(at));
	watch_resume(control | 1ul << 2 * piece | (u64)(what | lengths[size] << 2) << (16 + 4 * piece));
}

/* In the handler: which of the pieces were touched, a bit for each. It is asked once: the processor never takes them back itself. */
static inline u64 watch_touched(void)
{
	u64 which;

	__asm__ volatile("mov %%dr6, %0; mov %1, %%dr6" : "=&r"(which) : "r"(0ul) : "memory");
	return which & 3;
}

#endif
