/*
 * The way in and out of the kernel for every vector.
 *
 * The CPU pushes ss, rsp, rflags, cs and rip, and for vectors 8, 10 to 14, 17, 21, 29 and 30 an error code. Each of the 256 stubs makes that uniform (0 where
 * there is no error code), adds its number and goes to trap_common, which completes the struct trapframe drawn in irq/entry_asm.h and calls
 *
 *   void trap_dispatch(struct trapframe *f);
 *
 * with interrupts off. On the way back trap_return leaves to where the frame says.
 *
 * vector_stubs[256] holds the addresses of the stubs: irq/idt.c fills the gates from it.
 */
#include "irq/entry_asm.h"

	.section .text.entry, "ax"
	.globl vector_stubs, trap_return

#ifdef SOLUTION
	/* Has the CPU pushed an error code? Bits 8, 10-14, 17, 21, 29, 30. */
#define ERROR_CODE_VECTORS 0x60227d00

	.altmacro
	.macro stub vector
	.balign 16
stub_\vector:
	.if \vector >= 32
	pushq $0
	.elseif !((ERROR_CODE_VECTORS >> \vector) & 1)
	pushq $0
	.endif
	pushq $\vector
	jmp trap_common
	.endm

	.set number, 0
	.rept 256
	stub %number
	.set number, number + 1
	.endr

trap_common:
	ENTER_KERNEL
	SAVE_REGISTERS
	movq %rsp, %rdi
	testb $3, TF_CS(%rsp)
	jz 1f
	xorl %ebp, %ebp /* a back-trace ends here */
1:	call trap_dispatch

/* rsp: a struct trapframe. Also the way out of a first entry to ring 3 and of a system call. */
trap_return:
	movq %rsp, %rdi
	testb $3, TF_CS(%rsp)
	jz 2f
	call trap_exit_user
	LEAVE_TO_USER
2:	call trap_exit_kernel
	RESTORE_REGISTERS
	iretq

	.section .rodata
	.balign 8
vector_stubs:
	.macro address vector
	.quad stub_\vector
	.endm
	.set number, 0
	.rept 256
	address %number
	.set number, number + 1
	.endr
#else
/*
 * Write: 256 stubs (a macro with .rept saves you the typing); trap_common, which begins with ENTER_KERNEL and SAVE_REGISTERS; trap_return, which is entered
 * with rsp at a struct trapframe: for ring 3 (by the saved cs) call trap_exit_user(frame), then LEAVE_TO_USER; for the kernel call
 * trap_exit_kernel(frame), then RESTORE_REGISTERS and iretq. And the table. Until then each vector stops the machine.
 */
trap_return:
	leaq vectors_chapter(%rip), %rdi
	leaq vectors_file(%rip), %rsi
	movl $30, %edx
	leaq vectors_name(%rip), %rcx
	call todo_stop

	.section .rodata
vectors_chapter:
	.asciz "03-interrupts"
vectors_file:
	.asciz "labs/03-interrupts/irq/vectors.S"
vectors_name:
	.asciz "vector_stubs"
	.balign 8
vector_stubs:
	.rept 256
	.quad trap_return
	.endr
#endif

	.section .note.GNU-stack, "", @progbits
