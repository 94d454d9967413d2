/* stage: 05; libc: none; run: host+guest
 * A call number that nobody has is ENOSYS, whatever its bits. */
#include "raw.h"

int test_main(long *stack)
{
	static const long numbers[] = { 400, 511, 1000, 100000, 0x7fffffff, 0x80000000, 0xffffffff,
					-1, -2, 0x100000000, (long)0x8000000000000000, 0x7fffffffffffffff };

	(void)stack;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i] == 0x100000000)
			continue;	/* Linux takes the low 32 bits here: read(0, 0, 0) */
		put_result("call", raw3(numbers[i], 0, 0, 0));
	}
	return 0;
}
