/*
 * For assembly: the way from and to an interrupted context. The stack between SAVE_REGISTERS and RESTORE_REGISTERS is a struct trapframe (core/trapframe.h).
 *
 *   offset  176 +------------+  top of the stack for an entry from ring 3
 *           168 | ss         |
 *           160 | rsp        |
 *           152 | rflags     |  pushed by the CPU
 *           144 | cs         |
 *           136 | rip        |
 *           128 | error      |  by the CPU, or 0 by the stub
 *           120 | vector     |  by the stub
 *             0 | rdi … r15  |  SAVE_REGISTERS
 *               +------------+  rsp
 */
#ifndef IRQ_ENTRY_ASM_H
#define IRQ_ENTRY_ASM_H

#include "core/save_registers.h"

#define TF_R15 0
#define TF_R14 8
#define TF_R13 16
#define TF_R12 24
#define TF_RBP 32
#define TF_RBX 40
#define TF_R11 48
#define TF_R10 56
#define TF_R9 64
#define TF_R8 72
#define TF_RAX 80
#define TF_RCX 88
#define TF_RDX 96
#define TF_RSI 104
#define TF_RDI 112
#define TF_VECTOR 120
#define TF_ERROR 128
#define TF_RIP 136
#define TF_CS 144
#define TF_RFLAGS 152
#define TF_RSP 160
#define TF_SS 168
#define TF_SIZE 176

/* gs:… fields of struct cpu; current->work (sched/thread.h). */
#define CPU_SELF 0
#define CPU_CURRENT 8
#define CPU_KERNEL_RSP 16
#define CPU_USER_RSP 24
#define THREAD_WORK 16

/* Leaves rsp at the saved rip. */
.macro RESTORE_REGISTERS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	addq $16, %rsp
.endm

/*
 * First thing in a stub, once vector and error lie on the stack: the kernel's gs if we come from ring 3 (by the saved CS: an error code may lie), and flags
 * that no interrupted program chose (AC would open SMAP's door, DF turn string copies round). An exception of the iretq that leaves to ring 3 comes
 * from the kernel, but with the user's gs already.
 */
.macro ENTER_KERNEL
	testb $3, 24(%rsp)
	jnz 8f
	cmpq $trap_user_iretq, 16(%rsp)
	jne 9f
8:	swapgs
9:	pushq $2
	popfq
.endm

/* The end of every way back to ring 3: rsp at the trapframe, interrupts off. */
.macro LEAVE_TO_USER
	swapgs
	RESTORE_REGISTERS
	jmp trap_user_iretq
.endm

#endif
