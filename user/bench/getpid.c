/* stage: 07; libc: none; run: guest
 * row NAME NANOSECONDS: one getpid by SYSCALL and, where the kernel has the door for 64-bit programs, by
 * INT 0x80. Linux's INT 0x80 is the 32-bit door, with numbers of its own: argument "linux" asks for 20.
 * program NAME NANOSECONDS: what of it is the program's own loop. */
#include "../tests/raw.h"

enum { CALLS = 200000, ROUNDS = 5, RAW_clock_gettime = 228 };

static uint64_t now(void)
{
	struct { int64_t seconds, nanoseconds; } time;

	raw3(RAW_clock_gettime, 1, (long)&time, 0);
	return (uint64_t)time.seconds * 1000000000 + (uint64_t)time.nanoseconds;
}

static uint64_t time_syscall(void)
{
	uint64_t start = now();

	for (int i = 0; i < CALLS; i++)
		raw3(RAW_getpid, 0, 0, 0);
	return now() - start;
}

static uint64_t time_int80(long number)
{
	uint64_t start = now();

	for (int i = 0; i < CALLS; i++)
		raw_int80(number, 0, 0, 0);
	return now() - start;
}

/* The loop of time_syscall as it is, with a nop where the call stands. */
static uint64_t time_loop(void)
{
	uint64_t start = now();

	for (int i = 0; i < CALLS; i++) {
		register long r10 __asm__("r10") = 0;
		register long r8 __asm__("r8") = 0;
		register long r9 __asm__("r9") = 0;
		long result;

		__asm__ volatile("nop" : "=a"(result) : "a"(RAW_getpid), "D"(0l), "S"(0l), "d"(0l), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	}
	return now() - start;
}

static void row(const char *what, const char *name, uint64_t total)
{
	put(what);
	put(name);
	put(" ");
	put_number((long)(total / (CALLS / 100)) / 100);
	put(".");
	put_number((long)(total / (CALLS / 100)) / 10 % 10);
	put_number((long)(total / (CALLS / 100)) % 10);
	put("\n");
}

int test_main(long *stack)
{
	int foreign = stack[0] > 1;
	uint64_t fast = ~0ul, slow = ~0ul, loop = ~0ul;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t c = time_loop(), a = time_syscall(), b = time_int80(foreign ? 20 : RAW_getpid);

		loop = c < loop ? c : loop;
		fast = a < fast ? a : fast;
		slow = b < slow ? b : slow;
	}
	row("program ", "null-syscall", loop);
	row("row ", "null-syscall", fast);
	row("row ", "null-int80", slow);
	return 0;
}
