/* For assembly: the general registers of a struct trapframe, below vector and error code (core/trapframe.h). */
#ifndef CORE_SAVE_REGISTERS_H
#define CORE_SAVE_REGISTERS_H

.macro SAVE_REGISTERS
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

#endif
