/* stage: 07; libc: musl; run: guest+golden
 * Ways into the kernel and back on which Linux itself is not the same everywhere, and so not run on the host: whether 64-bit programs may use INT 0x80,
 * and whether a stack pointer that is not canonical is noticed on the way back (IRET does, SYSRET does not), is that machine's setting. */
#include "t.h"
#include <stdbool.h>

static void step(int sig)
{
	(void)sig;
}

static bool ends(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status);
}

/* Whoever is interrupted in just that moment goes back by IRET, whatever he came by: so one that comes through is enough. */
#define CHILD(what, statement) do { \
	bool exits = false; \
	for (int n_ = 0; n_ < 20 && !exits; n_++) { \
		pid_t c_ = fork(); \
		if (c_ == 0) { statement; _exit(0); } \
		exits = ends(c_); \
	} \
	say("%s: %s\n", what, exits ? "exit" : "killed"); \
} while (0)

int main(void)
{
	CHILD("system call with the stack at nowhere",
	      __asm__ volatile("movq %%rsp, %%rbx\n movabsq $0x8000000000000000, %%rsp\n movl $39, %%eax\n syscall\n movq %%rbx, %%rsp"
			       ::: "rax", "rbx", "rcx", "r11", "memory"));
	CHILD("single step over calls", catch(SIGTRAP, step, 0);
	      __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n movl $39, %%eax\n syscall\n movl $39, %%eax\n int $0x80\n nop\n"
			       "pushfq\n andq $~0x100, (%%rsp)\n popfq" ::: "rax", "rcx", "r11", "memory", "cc"));
	return 0;
}
