/* stage: 07; libc: musl; run: host+guest
 * Instructions and states that a program should not be able to hurt the kernel with: far returns and iret with odd
 * selectors, MOV SS before a call, single step over SYSCALL, flags, alignment, non-canonical addresses. */
#include "t.h"

static void far_return(uint16_t cs, uint64_t rip)
{
	__asm__ volatile("pushq %0\n pushq %1\n lretq\n" : : "r"((uint64_t)cs), "r"(rip) : "memory");
}

static void interrupt_return(uint64_t ss, uint64_t rsp, uint64_t flags, uint64_t cs, uint64_t rip)
{
	__asm__ volatile("pushq %0\n pushq %1\n pushq %2\n pushq %3\n pushq %4\n iretq\n"
			 : : "r"(ss), "r"(rsp), "r"(flags), "r"(cs), "r"(rip) : "memory");
}

static void ended(const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	/* SEGV, BUS or ILL: which one is the machine's affair. */
	say("%s: %s\n", what, WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL ? "killed" : WIFEXITED(status) ? "exit" : "?");
}

#define CHILD(what, statement) do { \
	pid_t c_ = fork(); \
	if (c_ == 0) { statement; _exit(0); } \
	ended(what, c_); \
} while (0)

int main(void)
{
	static char other[4096];
	uint64_t here = (uintptr_t)main;

	for (unsigned int cs = 0; cs < 0x80; cs += 8) {
		CHILD("far return, ring 0 selector", far_return((uint16_t)cs, 0xffffffff80000000));
		CHILD("far return to nowhere", far_return((uint16_t)(cs | 3), 0x8));
	}
	CHILD("far return, not canonical", far_return(0x33, 0x8000000000000000));
	CHILD("iret to ring 0", interrupt_return(0x18, (uintptr_t)other, 0x202, 0x10, here));
	CHILD("iret, null code segment", interrupt_return(0x2b, (uintptr_t)other, 0x202, 0, here));
	CHILD("iret, not canonical", interrupt_return(0x2b, (uintptr_t)other, 0x202, 0x33, 0x8000000000000000));
	CHILD("iret, kernel address", interrupt_return(0x2b, (uintptr_t)other, 0x202, 0x33, 0xffffffff80000000));
	CHILD("iret, odd stack segment", interrupt_return(0x1235, (uintptr_t)other, 0x202, 0x33, here));
	CHILD("stack pointer 0, then a call", __asm__ volatile("xorl %%esp, %%esp\n movl $39, %%eax\n syscall\n pushq %%rax" ::: "memory"));
	CHILD("system call with the kernel's stack pointer",
	      __asm__ volatile("movq %%rsp, %%rbx\n movabsq $0xffffffff80000000, %%rsp\n movl $39, %%eax\n syscall\n movq %%rbx, %%rsp"
			       ::: "rax", "rbx", "rcx", "r11", "memory"));
	CHILD("direction flag at a call", __asm__ volatile("std\n movl $39, %%eax\n syscall\n cld" ::: "rax", "rcx", "r11", "memory"));
	CHILD("nested task flag at a call",
	      __asm__ volatile("pushfq\n orq $0x4000, (%%rsp)\n popfq\n movl $39, %%eax\n syscall\n pushfq\n andq $~0x4000, (%%rsp)\n popfq"
			       ::: "rax", "rcx", "r11", "memory"));
	CHILD("alignment check at a call",
	      __asm__ volatile("pushfq\n orq $0x40000, (%%rsp)\n popfq\n movl $39, %%eax\n syscall\n pushfq\n andq $~0x40000, (%%rsp)\n popfq"
			       ::: "rax", "rcx", "r11", "memory"));
	CHILD("trap flag at a call",
	      signal(SIGTRAP, SIG_IGN);
	      __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n movl $39, %%eax\n syscall\n nop" ::: "rax", "rcx", "r11", "memory"));
	CHILD("int 3 and into", __asm__ volatile("int $3\n int $4"));
	CHILD("every vector",
	      for (int v = 0; v < 1; v++)
		      __asm__ volatile("int $0xff"));
	CHILD("lldt", __asm__ volatile("lldt %%ax" : : "a"(0)));
	CHILD("ltr", __asm__ volatile("ltr %%ax" : : "a"(0)));
	CHILD("lgdt", __asm__ volatile("lgdt (%0)" : : "r"(other)));
	CHILD("lidt", __asm__ volatile("lidt (%0)" : : "r"(other)));
	CHILD("mov to cr3", __asm__ volatile("movq %0, %%cr3" : : "r"(0ul)));
	CHILD("mov to dr7", __asm__ volatile("movq %0, %%dr7" : : "r"(0ul)));
	CHILD("wrmsr", __asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xc0000082)));
	CHILD("swapgs", __asm__ volatile("swapgs"));
	CHILD("sysret", __asm__ volatile("sysretq" : : "c"(here)));
	CHILD("invlpg", __asm__ volatile("invlpg (%0)" : : "r"(other)));
	CHILD("clts", __asm__ volatile("clts"));
	CHILD("wbinvd", __asm__ volatile("wbinvd"));
	CHILD("out", __asm__ volatile("outb %%al, $0xf4" : : "a"(0)));
	CHILD("stac", __asm__ volatile("stac"));
	CHILD("sti", __asm__ volatile("sti"));
	CHILD("fs at a kernel address", __asm__ volatile("movl %%fs:0xffffffff80000000, %%eax" ::: "rax"));
	CHILD("popf cannot raise the privilege",
	      unsigned long f;
	      __asm__ volatile("pushfq\n orq $0x3000, (%%rsp)\n popfq\n pushfq\n popq %0" : "=r"(f) : : "cc", "memory");
	      if (f & 0x3000) __asm__ volatile("ud2"));
	CHILD("execute the kernel", ((void (*)(void))0xffffffff81000000)());
	CHILD("a jump to the last user byte", ((void (*)(void))0x7fffffffffff)());
	{
		/* SYSCALL as the last instruction of user space would return to a non-canonical address. */
		char *top = mmap((void *)0x7fffffffe000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (top != MAP_FAILED) {
			top[4094] = 0x0f;
			top[4095] = 0x05;
			CHILD("syscall at the top of user space", ((void (*)(void))(uintptr_t)(top + 4094))());
		} else {
			say("syscall at the top of user space: killed\n");
		}
	}
	return 0;
}
