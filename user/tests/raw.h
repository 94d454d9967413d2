/*
 * For tests without a C library (libc: none): the kernel's door itself, and just enough to print.
 * A test defines `int test_main(long *stack)`; stack is what the kernel left: argc, argv, envp, auxv.
 */
#ifndef SWITCHBACK_TESTS_RAW_H
#define SWITCHBACK_TESTS_RAW_H

#include <stddef.h>
#include <stdint.h>

#define UNUSED __attribute__((unused))

UNUSED static inline long raw6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

UNUSED static inline long raw3(long number, long a, long b, long c)
{
	return raw6(number, a, b, c, 0, 0, 0);
}

/* The slow door of Switchback: vector 0x80, with the numbers and registers of SYSCALL. */
UNUSED static inline long raw_int80(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "memory");
	return result;
}

enum { RAW_write = 1, RAW_mmap = 9, RAW_brk = 12, RAW_getpid = 39, RAW_exit = 60, RAW_arch_prctl = 158,
       RAW_exit_group = 231 };

UNUSED static size_t raw_length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

UNUSED static void put(const char *text)
{
	raw3(RAW_write, 1, (long)text, (long)raw_length(text));
}

UNUSED static void put_number(long value)
{
	char buf[24], *p = buf + sizeof(buf);
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;

	*--p = '\0';
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--p = '-';
	put(p);
}

UNUSED static void put_result(const char *what, long value)
{
	put(what);
	put(" = ");
	put_number(value);
	put("\n");
}

#define V(value) put_result(#value, (long)(value))

int test_main(long *stack);

__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call raw_start\n"
	"	hlt\n"
	".section .note.GNU-stack, \"\", @progbits\n"
	".text\n");

__attribute__((noreturn, used)) void raw_start(long *stack);
void raw_start(long *stack)
{
	int status = test_main(stack);

	raw3(RAW_exit_group, status, 0, 0);
	for (;;)
		raw3(RAW_exit, status, 0, 0);
}

/* gcc may call these for what it makes of loops and structs. */
UNUSED void *memcpy(void *to, const void *from, size_t n);
void *memcpy(void *to, const void *from, size_t n)
{
	void *result = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return result;
}

UNUSED void *memset(void *to, int byte, size_t n);
void *memset(void *to, int byte, size_t n)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
	return result;
}

#endif
