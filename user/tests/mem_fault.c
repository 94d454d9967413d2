/* stage: 07; libc: musl; run: host+guest
 * What a signal handler is told of a fault: number, code, address; and that it may mend it and go on. */
#include "t.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int sig_seen, code_seen;
static void *volatile addr_seen;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	sig_seen = sig;
	code_seen = info->si_code;
	addr_seen = info->si_addr;
	siglongjmp(back, 1);
}

static char *mend_page;

static void on_mend(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	mprotect(mend_page, 4096, PROT_READ | PROT_WRITE);
}

#define FAULT(what, address, statement) do { \
	sig_seen = code_seen = 0; addr_seen = NULL; \
	if (sigsetjmp(back, 1) == 0) { statement; say("%s: no fault\n", what); } \
	else say("%s: %s code %d address %s\n", what, signame(sig_seen), code_seen, \
		 addr_seen == (void *)(address) ? "right" : addr_seen ? "other" : "null"); \
} while (0)

int main(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	static char other[65536];
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };
	char *p;

	NEED(sigaltstack(&ss, NULL) == 0);
	for (size_t i = 0; i < COUNT(signals); i++)
		catch_info(signals[i], on_fault, SA_NODEFER | SA_ONSTACK);
	p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(p + 4096, 4096);
	mprotect(p + 8192, 4096, PROT_READ);
	FAULT("not mapped, read", p + 4100, (void)*(volatile char *)(p + 4100));
	FAULT("not mapped, write", p + 4100, *(volatile char *)(p + 4100) = 1);
	FAULT("read only, write", p + 8200, *(volatile char *)(p + 8200) = 1);
	FAULT("read only, read", p + 8200, (void)*(volatile char *)(p + 8200));
	FAULT("null", 0, *(volatile char *)0 = 1);
	FAULT("kernel", 0xffffffff80000000, *(volatile char *)0xffffffff80000000 = 1);
	FAULT("non-canonical", 0, (void)*(volatile char *)0x8000000000000000);
	FAULT("run data", p, ((void (*)(void))(uintptr_t)p)());
	FAULT("across two pages", p + 4096, (void)*(volatile long *)(p + 4092));
	FAULT("divide by zero", 1, __asm__ volatile("xorl %%ecx, %%ecx\n xorl %%edx, %%edx\n movl $1, %%eax\n idivl %%ecx" ::: "eax", "ecx", "edx"));
	FAULT("divide overflow", 1, __asm__ volatile("movl $0x80000000, %%eax\n cltd\n movl $-1, %%ecx\n idivl %%ecx" ::: "eax", "ecx", "edx"));
	FAULT("undefined", 1, __asm__ volatile("ud2"));
	FAULT("breakpoint", 0, __asm__ volatile("int3"));
	FAULT("int 3, two bytes", 0, __asm__ volatile(".byte 0xcd, 3"));
	FAULT("halt", 0, __asm__ volatile("hlt"));
	FAULT("cli", 0, __asm__ volatile("cli"));
	FAULT("port", 0, __asm__ volatile("inb $0x80, %%al" ::: "eax"));
	FAULT("control register", 0, __asm__ volatile("movq %%cr0, %%rax" ::: "rax"));
	FAULT("model register", 0, __asm__ volatile("rdmsr" ::: "rax", "rdx", "rcx"));
	FAULT("int 0x20", 0, __asm__ volatile("int $0x20"));
	FAULT("int 14", 0, __asm__ volatile("int $14"));
	FAULT("bad selector", 0, __asm__ volatile("movw %%ax, %%ds" : : "a"(0x1237)));
	FAULT("jump to a non-canonical address", 0, ((void (*)(void))0x8000000000000000)());

	mend_page = p + 8192;
	catch_info(SIGSEGV, on_mend, 0);
	p[8192] = 77;
	V(p[8192]);
	return 0;
}
