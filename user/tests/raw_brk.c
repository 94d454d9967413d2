/* stage: 06; libc: none; run: host+guest
 * brk: grows, shrinks, zeroes what it gives again, refuses by returning the old break. */
#include "raw.h"

static long brk(long to)
{
	return raw3(RAW_brk, to, 0, 0);
}

int test_main(long *stack)
{
	long start = brk(0), sum = 0;
	char *p = (char *)start;

	(void)stack;
	V(start > 0);
	V(brk(0) == start);
	V(brk(start + 1) == start + 1);
	p[0] = 'x';
	V(brk(start + 100000) == start + 100000);
	V(p[0]);
	for (long i = 1; i < 100000; i++)
		sum |= p[i];
	V(sum);
	for (long i = 0; i < 100000; i++)
		p[i] = (char)i;
	V(brk(start + 4096) == start + 4096);
	V(brk(start + 100000) == start + 100000);
	sum = 0;
	for (long i = 4096 + 4096; i < 100000; i++)
		sum |= p[i];
	V(sum);
	V(p[100]);
	V(brk(start - 4096) == start + 100000);
	V(brk(1) == start + 100000);
	V(brk(0x7ffffffff000) == start + 100000);
	V(brk(0x800000000000) == start + 100000);
	V(brk(-1) == start + 100000);
	V(brk(start) == start);
	/* musl puts a page without access over the start of the heap; the heap grows on behind it. */
	V(brk(start + 4096) == start + 4096);
	V(brk(start + 8192) == start + 8192);
	start = (start + 4095) & ~4095L;
	V(raw6(RAW_mmap, start, 4096, 0, 0x32, -1, 0) == start);
	V(brk(start + 65536) == start + 65536);
	p = (char *)start;
	p[4096] = 1;
	p[65535] = 2;
	V(p[4096] + p[65535]);
	return 0;
}
