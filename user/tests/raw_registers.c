/* stage: 05; libc: none; run: host+guest
 * A system call changes rax, rcx and r11, and no other register: not rdi, rsi, rdx, r10, r8, r9, not the
 * flags, not SSE registers. */
#include "raw.h"

struct registers {
	uint64_t rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15, rax, rcx, r11, flags;
};

static void call_with_patterns(struct registers *out, long number)
{
	__asm__ volatile(
		"pushq %%rbp\n"
		"pushq %%rbx\n"
		"pushq %1\n"			/* where to store */
		"movq %0, %%rax\n"
		"movabsq $0x1111111111111111, %%rbx\n"
		"movabsq $0x2222222222222222, %%rdx\n"
		"movabsq $0x3333333333333333, %%rsi\n"
		"movabsq $0x4444444444444444, %%rdi\n"
		"movabsq $0x5555555555555555, %%rbp\n"
		"movabsq $0x6666666666666666, %%r8\n"
		"movabsq $0x7777777777777777, %%r9\n"
		"movabsq $0x8888888888888888, %%r10\n"
		"movabsq $0x9999999999999999, %%r12\n"
		"movabsq $0xaaaaaaaaaaaaaaaa, %%r13\n"
		"movabsq $0xbbbbbbbbbbbbbbbb, %%r14\n"
		"movabsq $0xcccccccccccccccc, %%r15\n"
		"stc\n"
		"syscall\n"
		"1: pushfq\n"
		"pushq %%rax\n"
		"movq 16(%%rsp), %%rax\n"
		"movq %%rbx, 0(%%rax)\n"
		"movq %%rdx, 8(%%rax)\n"
		"movq %%rsi, 16(%%rax)\n"
		"movq %%rdi, 24(%%rax)\n"
		"movq %%rbp, 32(%%rax)\n"
		"movq %%r8, 40(%%rax)\n"
		"movq %%r9, 48(%%rax)\n"
		"movq %%r10, 56(%%rax)\n"
		"movq %%r12, 64(%%rax)\n"
		"movq %%r13, 72(%%rax)\n"
		"movq %%r14, 80(%%rax)\n"
		"movq %%r15, 88(%%rax)\n"
		"leaq 1b(%%rip), %%rbx\n"
		"subq %%rbx, %%rcx\n"		/* rcx holds the return address */
		"movq %%rcx, 104(%%rax)\n"
		"movq %%r11, 112(%%rax)\n"
		"popq %%rbx\n"
		"movq %%rbx, 96(%%rax)\n"
		"popq %%rbx\n"
		"movq %%rbx, 120(%%rax)\n"
		"addq $8, %%rsp\n"
		"popq %%rbx\n"
		"popq %%rbp\n"
		:
		: "r"(number), "r"(out)
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
		  "cc");
}

static int intact(const struct registers *r)
{
	return r->rbx == 0x1111111111111111 && r->rdx == 0x2222222222222222 && r->rsi == 0x3333333333333333 &&
	       r->rdi == 0x4444444444444444 && r->rbp == 0x5555555555555555 && r->r8 == 0x6666666666666666 &&
	       r->r9 == 0x7777777777777777 && r->r10 == 0x8888888888888888 && r->r12 == 0x9999999999999999 &&
	       r->r13 == 0xaaaaaaaaaaaaaaaa && r->r14 == 0xbbbbbbbbbbbbbbbb && r->r15 == 0xcccccccccccccccc;
}

int test_main(long *stack)
{
	static struct registers r;
	uint64_t in[2] __attribute__((aligned(16))) = { 0x0123456789abcdef, 0xfedcba9876543210 }, out[2];
	long result;

	(void)stack;
	call_with_patterns(&r, RAW_getpid);
	V(intact(&r));
	V(r.rcx);
	V((long)r.rax > 0);
	V(r.flags & 1);
	V(r.r11 & 1);
	V((r.r11 ^ r.flags) & 0x3f7fd7);
	call_with_patterns(&r, 100000);
	V(intact(&r));
	V((long)r.rax);

	__asm__ volatile("movdqu %3, %%xmm0\n movdqu %3, %%xmm15\n syscall\n pxor %%xmm15, %%xmm0\n movdqu %%xmm0, %1\n"
			 : "=a"(result), "=m"(out) : "0"((long)RAW_getpid), "m"(in)
			 : "rcx", "r11", "xmm0", "xmm15", "memory");
	V(out[0] == 0 && out[1] == 0);
	V(result > 0);
	return 0;
}
