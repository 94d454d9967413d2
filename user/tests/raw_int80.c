/* stage: 05; libc: none; run: guest
 * INT 0x80 is Switchback's own slow door: 64-bit numbers and registers, every register but rax kept.
 * (On Linux it is the 32-bit ABI.) */
#include "raw.h"

int test_main(long *stack)
{
	static const char text[] = "through the slow door\n";
	long rcx = 0x1234, r11 = 0x5678, result;

	(void)stack;
	V(raw_int80(RAW_write, 1, (long)text, sizeof(text) - 1));
	V(raw_int80(RAW_getpid, 0, 0, 0) == raw3(RAW_getpid, 0, 0, 0));
	V(raw_int80(100000, 0, 0, 0));
	V(raw_int80(RAW_write, 1, (long)0xffffffff80000000, 16));
	__asm__ volatile("movq %3, %%rcx\n movq %4, %%r11\n int $0x80\n movq %%rcx, %1\n movq %%r11, %2\n"
			 : "=a"(result), "=r"(rcx), "=r"(r11) : "r"(rcx), "r"(r11), "0"((long)RAW_getpid)
			 : "rcx", "r11", "memory");
	V(rcx == 0x1234);
	V(r11 == 0x5678);
	V(result > 0);
	return 0;
}
