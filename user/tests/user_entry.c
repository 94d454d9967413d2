/* stage: 07; libc: musl; run: host+guest
 * The ways into the kernel and out of it, tried with all that ring 3 can bring along: every software interrupt, selectors of
 * every kind for far and interrupt returns in both widths, flags through calls and signal frames, system calls at the end of
 * user space and in single step, stacks at nowhere when a signal comes. What must be the same on every machine is told. */
#include "t.h"
#include <signal.h>
#include <ucontext.h>

static char stack[65536] __attribute__((aligned(16)));
static char *code;	/* a page to write instructions into */

static void ended(const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	say("%s: %s\n", what, WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGALRM ? "killed" :
	    WIFEXITED(status) ? "exit" : "?");
}

#define CHILD(what, statement) do { \
	pid_t c_ = fork(); \
	if (c_ == 0) { alarm(20); statement; _exit(0); } \
	ended(what, c_); \
} while (0)

static void run_bytes(const unsigned char *bytes, size_t n)
{
	memset(code, 0xf4, 4096);	/* hlt: privileged */
	memcpy(code, bytes, n);
	((void (*)(void))(uintptr_t)code)();
}

/* A child for each; how many were killed by what is the machine's affair, that all end is the kernel's. */
static void many(const char *what, void (*fn)(int), int from, int to)
{
	int dead = 0, exited = 0, other = 0;

	for (int i = from; i < to; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			fn(i);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (WIFEXITED(status))
			exited++;
		else if (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGALRM)
			dead++;
		else
			other++;
	}
	say("%s: %d tried, %d not ended as they should\n", what, to - from, other);
	(void)dead;
	(void)exited;
}

static void software_interrupt(int vector)
{
	unsigned char bytes[] = { 0xcd, (unsigned char)vector, 0xc3 };

	if (vector == 0x80)
		_exit(0);	/* a system call with a number that nobody chose */
	run_bytes(bytes, sizeof(bytes));
}

static void far_return(int selector)
{
	__asm__ volatile("pushq %0\n leaq 1f(%%rip), %%rax\n pushq %%rax\n lretq\n1:" : : "r"((uint64_t)selector) : "rax", "memory");
}

static void far_return_32(int selector)
{
	__asm__ volatile("subq $8, %%rsp\n movl %0, 4(%%rsp)\n leaq 1f(%%rip), %%rax\n movl %%eax, (%%rsp)\n lretl\n1:"
			 : : "r"(selector) : "rax", "memory");
}

static void iret_cs(int selector)
{
	uint64_t sp = (uintptr_t)stack + 32768;

	__asm__ volatile("pushq $0x2b\n pushq %1\n pushq $0x202\n pushq %0\n leaq 1f(%%rip), %%rax\n pushq %%rax\n iretq\n1: movl $231, %%eax\n"
			 "xorl %%edi, %%edi\n syscall" : : "r"((uint64_t)selector), "r"(sp) : "rax", "rcx", "r11", "memory");
}

static void iret_ss(int selector)
{
	uint64_t sp = (uintptr_t)stack + 32768;

	__asm__ volatile("pushq %0\n pushq %1\n pushq $0x202\n pushq $0x33\n leaq 1f(%%rip), %%rax\n pushq %%rax\n iretq\n1: movl $231, %%eax\n"
			 "xorl %%edi, %%edi\n syscall" : : "r"((uint64_t)selector), "r"(sp) : "rax", "rcx", "r11", "memory");
}

static void iret_32(int selector)
{
	__asm__ volatile("subq $20, %%rsp\n movl $0x2b, 16(%%rsp)\n movl %%esp, 12(%%rsp)\n movl $0x202, 8(%%rsp)\n movl %0, 4(%%rsp)\n"
			 "leaq 1f(%%rip), %%rax\n movl %%eax, (%%rsp)\n iretl\n1:" : : "r"(selector) : "rax", "memory");
}

/* 16 * segment register + selector index, with each privilege level. */
static void load_segment(int n)
{
	unsigned short value = (unsigned short)(n / 4);

	switch (n & 3) {
	case 0: __asm__ volatile("movw %0, %%ds" : : "r"(value)); break;
	case 1: __asm__ volatile("movw %0, %%es" : : "r"(value)); break;
	case 2: __asm__ volatile("movw %0, %%fs" : : "r"(value)); break;
	default: __asm__ volatile("movw %0, %%ss" : : "r"(value)); break;
	}
	SYS(getpid);
	SYS(sched_yield);
}

static void flag(int bit)
{
	unsigned long f;

	if (bit != 8)
		__asm__ volatile("pushfq\n btsq %1, (%%rsp)\n popfq\n movl $39, %%eax\n syscall\n pushfq\n popq %0\n cld"
				 : "=&r"(f) : "r"((long)bit) : "rax", "rcx", "r11", "memory", "cc");
	if (bit == 9 || bit == 12 || bit == 13 || (bit >= 19 && bit <= 20))
		_exit(0);
}

static void step(int sig)
{
	(void)sig;
}

static volatile int which;

/* A handler that spoils its own frame: the n-th word gets an odd value. */
static const uint64_t odd[] = { 0, ~0ul, 0x8000000000000000, 0xffffffff80000000, 0x7ffffffff000, 0x800000000000, 0x1234567, 0x3b, 0x10 };

static void spoil(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	int n = which / (int)COUNT(odd);
	uint64_t value = odd[which % (int)COUNT(odd)];

	(void)sig;
	(void)info;
	if (n < 23)
		u->uc_mcontext.gregs[n] = (greg_t)value;
	else if (n == 23)
		memcpy(&u->uc_mcontext.fpregs, &value, 8);
	else if (n == 24)
		memset(u->uc_mcontext.fpregs, (int)value, 512);
	else if (n == 25)
		memset((char *)u->uc_mcontext.fpregs + 512, (int)value, 64);
	else if (n == 26)
		memcpy((char *)u->uc_mcontext.fpregs + 464, &value, 8);
	else if (n == 27)
		u->uc_stack.ss_sp = (void *)value;
	else if (n == 28)
		u->uc_flags = value;
	else
		memset(u, (int)value, 256);
}

static void frame(int n)
{
	which = n;
	catch_info(SIGUSR1, spoil, 0);
	raise(SIGUSR1);
}

/* The stack is nowhere when a signal comes. */
static void lost_stack(int n)
{
	static const uint64_t at[] = { 0, 8, 0x1000, 0x7ffffffff000, 0x800000000000, 0x8000000000000000, 0xffffffff80000000, ~0ul, ~7ul };
	long me = getpid();

	catch(SIGUSR1, step, n >= (int)COUNT(at) ? SA_ONSTACK : 0);
	if (n >= (int)COUNT(at)) {
		stack_t s = { .ss_sp = (void *)at[n - (int)COUNT(at)], .ss_size = 8192 };

		sigaltstack(&s, NULL);
		raise(SIGUSR1);
		return;
	}
	__asm__ volatile("movq %0, %%rsp\n movl $62, %%eax\n movl $10, %%esi\n syscall\n movl $231, %%eax\n xorl %%edi, %%edi\n syscall"
			 : : "r"(at[n]), "D"(me) : "rax", "rcx", "r11", "rsi", "memory");
}

static void sigreturn_alone(int n)
{
	for (int i = 0; i < 4096; i++)
		((uint64_t *)stack)[i] = n == 0 ? 0 : n == 1 ? ~0ul : n == 2 ? (uint64_t)i * 0x9e3779b97f4a7c15 : 0x8000000000000000 + (uint64_t)i;
	__asm__ volatile("movq %0, %%rsp\n movl $15, %%eax\n syscall" : : "r"(stack + 8192) : "rax", "rcx", "r11", "memory");
}

static void privileged(int n)
{
	static const unsigned char list[][4] = {
		{ 0xf4 }, { 0xfa }, { 0xfb }, { 0x6c }, { 0x6e }, { 0xe4, 0x80 }, { 0xe6, 0x80 }, { 0xec }, { 0xee }, { 0xed }, { 0xef }, { 0x0f, 0x06 },
		{ 0x0f, 0x08 }, { 0x0f, 0x09 }, { 0x0f, 0x30 }, { 0x0f, 0x32 }, { 0x0f, 0x33 }, { 0x0f, 0x34 }, { 0x0f, 0x35 }, { 0x0f, 0x07 },
		{ 0x0f, 0x20, 0xc0 }, { 0x0f, 0x22, 0xc0 }, { 0x0f, 0x20, 0xe0 }, { 0x0f, 0x22, 0xe0 }, { 0x0f, 0x21, 0xf8 }, { 0x0f, 0x23, 0xf8 },
		{ 0x0f, 0x01, 0xf8 }, { 0x0f, 0x01, 0x38 }, { 0x0f, 0x01, 0xca }, { 0x0f, 0x01, 0xcb }, { 0x0f, 0x01, 0xd1 }, { 0x0f, 0x00, 0xd0 },
		{ 0x0f, 0x00, 0xd8 }, { 0x0f, 0x01, 0x10 }, { 0x0f, 0x01, 0x18 }, { 0x0f, 0x01, 0xf0 }, { 0x0f, 0x0b }, { 0xf1 }, { 0xcf }, { 0xcb },
		{ 0x0f, 0xaa }, { 0x0f, 0x01, 0xc1 }, { 0x0f, 0x01, 0xd9 }, { 0x0f, 0x01, 0xc8 }, { 0x0f, 0x01, 0xd8 }, { 0xd6 }, { 0x06 }, { 0x9b },
	};

	run_bytes(list[n % (int)COUNT(list)], 4);
}

int main(void)
{
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(code != MAP_FAILED);
	many("int n", software_interrupt, 0, 256);
	many("lretq", far_return, 0, 96);
	many("lretl", far_return_32, 0, 96);
	many("iretq, code segment", iret_cs, 0, 96);
	many("iretq, stack segment", iret_ss, 0, 96);
	many("iretl", iret_32, 0, 96);
	many("segment loads", load_segment, 0, 4 * 96);
	many("flags", flag, 0, 22);
	many("spoilt frames", frame, 0, 30 * (int)COUNT(odd));
	many("lost stacks", lost_stack, 0, 18);
	many("sigreturn without a signal", sigreturn_alone, 0, 4);
	many("privileged and odd instructions", privileged, 0, 48);
	{
		/* SYSCALL as the last instruction of user space would return to an address that is not canonical. */
		char *top = mmap((void *)0x7fffffffe000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (top == MAP_FAILED || (uintptr_t)top != 0x7fffffffe000) {
			say("syscall at the end: killed\n");
		} else {
			top[4094] = 0x0f;
			top[4095] = 0x05;
			CHILD("syscall at the end", ((void (*)(void))(uintptr_t)(top + 4094))());
		}
	}
	CHILD("MOV SS, then int 3", catch(SIGTRAP, step, 0); catch(SIGSEGV, step, SA_RESETHAND);
	      __asm__ volatile("movw %%ss, %%ax\n movw %%ax, %%ss\n int3" ::: "rax", "memory"));
	CHILD("MOV SS, then SYSCALL in single step", catch(SIGTRAP, step, 0);
	      __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n movw %%ss, %%ax\n movw %%ax, %%ss\n movl $39, %%eax\n syscall\n"
			       "pushfq\n andq $~0x100, (%%rsp)\n popfq" ::: "rax", "rcx", "r11", "memory", "cc"));
	CHILD("read the kernel", (void)*(volatile char *)0xffffffff81000000);
	CHILD("read the direct map", (void)*(volatile char *)0xffff888000000000);
	CHILD("write the kernel", *(volatile char *)0xffffffff81000000 = 1);
	CHILD("read what is not canonical", (void)*(volatile char *)0x8000000000000000);
	CHILD("read null", (void)*(volatile char *)0);
	return 0;
}
