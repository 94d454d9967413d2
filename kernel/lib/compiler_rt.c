/* What the compilers call for an operation that the plain x86-64 instruction set lacks. */
#include "core/compiler.h"

int __popcountdi2(unsigned long v);

/* Bits set: pairs, nibbles, then bytes are summed side by side. */
int __popcountdi2(unsigned long v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (int)(v * 0x0101010101010101 >> 56);
}
