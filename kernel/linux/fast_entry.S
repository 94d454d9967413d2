/*
 * The short way through a system call: what SYSCALL reaches once the Linux layer is up, over the student's entry (usermode/enter.S), which stays the way
 * for everything else.
 *
 * Short is what is left out. Functions in C keep rbx, rbp and r12 to r15, so these stay where they are and only the rest of the frame is stored; rcx and r11
 * are not the program's to keep. There is no dispatcher: the arguments are where C wants them, but the fourth.
 *
 *        ss rsp rflags cs rip   nr  vector | rdi rsi rdx  (rcx) (rax)  r8 r9 r10  (r11) (rbx)  rbp  (r12 r13 r14 r15)
 *        as the processor would have pushed | stored                    stored                stored       in brackets: not
 *
 * Two ways lead away. `plain`: a number past the table, a call that looks at the whole frame (fork, exec, sigreturn: linux/fast_call.c), a traced thread or
 * a mode that restricts. Everything is put back, as if the student's entry had been reached at once. `slow`: there is work before ring 3 may run. The frame is
 * completed and leaves by trap_return.
 *
 * SYSRET to an address that is not canonical faults in ring 0; here rip is where SYSCALL was, and user space ends a page below the hole (core/layout.h).
 */
#include "irq/entry_asm.h"

#define USER_CS 0x33
#define USER_DS 0x2b
#define VECTOR_SYSCALL 0x100
#define RFLAGS_TF_RF 0x10100
#define WORK_TRACE 4
#define WORK_ON_RETURN 0xfffffffb /* every bit but WORK_TRACE */
#define CPU_PERCPU_OFFSET 40

	.section .text.entry, "ax"
	.globl fast_entry
	.type fast_entry, @function
fast_entry:
	swapgs
	movq %rsp, %gs:CPU_USER_RSP
	movq %gs:CPU_KERNEL_RSP, %rsp
	pushq $USER_DS
	pushq %gs:CPU_USER_RSP
	pushq %r11
	pushq $USER_CS
	pushq %rcx
	pushq %rax
	pushq $VECTOR_SYSCALL
	subq $TF_VECTOR, %rsp
	movl %eax, %eax
	cmpl fast_call_limit(%rip), %eax
	jae plain
	movq %gs:CPU_CURRENT, %rcx
	testl $WORK_TRACE, THREAD_WORK(%rcx)
	jnz plain
	movq fast_calls(, %rax, 8), %r11
	testq %r11, %r11
	jz plain
	movq %gs:CPU_PERCPU_OFFSET, %rcx
	incq syscall_direct_counts(%rcx, %rax, 8)
	movq %rdi, TF_RDI(%rsp)
	movq %rsi, TF_RSI(%rsp)
	movq %rdx, TF_RDX(%rsp)
	movq %r8, TF_R8(%rsp)
	movq %r9, TF_R9(%rsp)
	movq %r10, TF_R10(%rsp)
	movq %rbp, TF_RBP(%rsp)
	sti
	xorl %ebp, %ebp
	movq %r10, %rcx
	call *%r11
	cli
	movq TF_RBP(%rsp), %rbp
	movq TF_RFLAGS(%rsp), %r11
	movq %gs:CPU_CURRENT, %rcx
	testl $WORK_ON_RETURN, THREAD_WORK(%rcx)
	jnz slow
	testl $RFLAGS_TF_RF, %r11d
	jnz slow
	movq TF_RIP(%rsp), %rcx
	movq TF_RDI(%rsp), %rdi
	movq TF_RSI(%rsp), %rsi
	movq TF_RDX(%rsp), %rdx
	movq TF_R8(%rsp), %r8
	movq TF_R9(%rsp), %r9
	movq TF_R10(%rsp), %r10
	movq TF_RSP(%rsp), %rsp
	swapgs
	sysretq

plain:
	movq TF_ERROR(%rsp), %rax
	movq TF_RIP(%rsp), %rcx
	movq TF_RFLAGS(%rsp), %r11
	movq %gs:CPU_USER_RSP, %rsp
	swapgs
	jmp syscall_entry

slow:
	movq %rax, TF_RAX(%rsp)
	movq TF_RIP(%rsp), %rcx
	movq %rcx, TF_RCX(%rsp)
	movq %r11, TF_R11(%rsp)
	movq %rbx, TF_RBX(%rsp)
	movq %r12, TF_R12(%rsp)
	movq %r13, TF_R13(%rsp)
	movq %r14, TF_R14(%rsp)
	movq %r15, TF_R15(%rsp)
	xorl %ebp, %ebp
	jmp trap_return
	.size fast_entry, . - fast_entry

	.section .note.GNU-stack, "", @progbits
