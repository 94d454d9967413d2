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

	.section .note.GNU-stack, "", @progbits
