/* stage: 06; libc: none; run: host+guest
 * arch_prctl: the fs and gs bases, set and read back; addresses that are not canonical or the kernel's
 * are refused. */
#include "raw.h"

enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003, GET_GS = 0x1004 };

int test_main(long *stack)
{
	static uint64_t block[2] = { 0x1122334455667788, 42 };
	uint64_t value = 0;

	(void)stack;
	V(raw3(RAW_arch_prctl, GET_FS, (long)&value, 0));
	V(value);
	V(raw3(RAW_arch_prctl, SET_FS, (long)block, 0));
	V(raw3(RAW_arch_prctl, GET_FS, (long)&value, 0));
	V(value == (uintptr_t)block);
	__asm__ volatile("movq %%fs:8, %0" : "=r"(value));
	V(value);
	V(raw3(RAW_arch_prctl, SET_GS, (long)(block + 1), 0));
	__asm__ volatile("movq %%gs:0, %0" : "=r"(value));
	V(value);
	for (volatile int i = 0; i < 3000000; i++)	/* let a timer interrupt come by */
		;
	__asm__ volatile("movq %%gs:0, %0" : "=r"(value));
	V(value);
	__asm__ volatile("movq %%fs:8, %0" : "=r"(value));
	V(value);
	V(raw3(RAW_arch_prctl, GET_GS, (long)&value, 0));
	V(value == (uintptr_t)(block + 1));
	V(raw3(RAW_arch_prctl, SET_FS, (long)0x800000000000, 0));
	V(raw3(RAW_arch_prctl, SET_FS, (long)0xffffffff80000000, 0));
	V(raw3(RAW_arch_prctl, SET_GS, (long)0xffff800000000000, 0));
	V(raw3(RAW_arch_prctl, GET_FS, 0, 0));
	V(raw3(RAW_arch_prctl, GET_FS, (long)0xffffffff80000000, 0));
	V(raw3(RAW_arch_prctl, 0x9999, 0, 0));
	return 0;
}
