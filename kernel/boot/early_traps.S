/*
 * Entries of the first 32 vectors for the time before lab 03: each builds a struct trapframe and calls
 *   void __noreturn early_trap(struct trapframe *f);
 * Nothing comes back from here, so gs is the kernel's and stays so.
 */
#include "core/save_registers.h"

	.section .text.early_traps, "ax"

	.macro early_stub vector, has_error
	.balign 16
early_stub_\vector:
	.if \has_error == 0
	pushq $0
	.endif
	pushq $\vector
	jmp early_common
	.endm

	.irp v, 0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 31
	early_stub \v, 0
	.endr
	.irp v, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
	early_stub \v, 1
	.endr

early_common:
	cld
	SAVE_REGISTERS
	movq %rsp, %rdi
	xorl %ebp, %ebp
	andq $-16, %rsp
	call early_trap
1:	cli
	hlt
	jmp 1b

	.section .rodata
	.balign 8
	.globl early_stubs
early_stubs:
	.irp v, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	.quad early_stub_\v
	.endr

	.section .note.GNU-stack, "", @progbits
