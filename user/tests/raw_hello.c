/* stage: 05; libc: none; run: host+guest
 * The least program: write and exit. And what write says of bad arguments. */
#include "raw.h"

int test_main(long *stack)
{
	(void)stack;
	put("hello from ring 3\n");
	V(raw3(RAW_write, 1, 0, 0));
	V(raw3(RAW_write, 77, (long)"x", 1));
	V(raw3(RAW_write, -1, (long)"x", 1));
	V(raw3(RAW_write, 1, 0, 1));
	V(raw3(RAW_write, 1, 8, 100));
	V(raw3(RAW_write, 1, (long)0x7ffffffff000, 16));
	V(raw3(RAW_write, 1, (long)0x800000000000, 16));
	V(raw3(RAW_write, 1, (long)0xffff800000000000, 16));
	V(raw3(RAW_write, 1, (long)0xffffffff80000000, 16));
	V(raw3(RAW_write, 1, -1, 1));
	V(raw3(RAW_write, 1, -8, 16));
	V(raw3(RAW_write, 1, (long)"x", -1));
	return 0;
}
