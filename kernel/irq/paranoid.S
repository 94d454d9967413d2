/*
 * Entries that trust nothing: NMI, double fault, machine check and debug may strike anywhere, even between the entry from ring 3 and its swapgs, or on a
 * stack pointer that is still the user's. They run on IST stacks, and find their CPU not by gs but by the word above the frame, which boot put there:
 *
 *   ist[n] ->  | struct cpu *  |
 *              | ss ... rip    |  by the CPU
 *              | error, vector |
 *              | registers     |  <- rsp
 *
 * From the kernel: gs is set by MSR for the time of the handler and then put back, whatever it was. From ring 3: everything moves to the thread's own
 * stack, as if the trap had been an ordinary one, since its handler may end in a signal and sleep.
 */
#include "irq/entry_asm.h"

#define MSR_GS_BASE 0xc0000101

	.section .text.entry, "ax"

	.macro paranoid_stub name, vector, has_error
	.globl \name
	.balign 16
\name:
	.if \has_error == 0
	pushq $0
	.endif
	pushq $\vector
	jmp paranoid_common
	.endm

	paranoid_stub paranoid_debug, 1, 0
	paranoid_stub paranoid_nmi, 2, 0
	paranoid_stub paranoid_double_fault, 8, 1
	paranoid_stub paranoid_machine_check, 18, 0

paranoid_common:
	SAVE_REGISTERS
	pushq $2
	popfq
	movl $MSR_GS_BASE, %ecx
	rdmsr
	shlq $32, %rdx
	leaq (%rdx,%rax), %rbx
	movq TF_SIZE(%rsp), %r12
	testb $3, TF_CS(%rsp)
	jnz 1f
	movq %r12, %rax
	movq %r12, %rdx
	shrq $32, %rdx
	wrmsr
	movq %rsp, %rdi
	movq %rbx, %rsi
	call paranoid_dispatch
	movl $MSR_GS_BASE, %ecx
	movq %rbx, %rax
	movq %rbx, %rdx
	shrq $32, %rdx
	wrmsr
	RESTORE_REGISTERS
	iretq

1:	swapgs
	movq CPU_KERNEL_RSP(%r12), %rdi
	subq $TF_SIZE, %rdi
	movq %rsp, %rsi
	movl $(TF_SIZE / 8), %ecx
	movq %rdi, %rax
	rep movsq
	movq %rax, %rsp
	movq %rsp, %rdi
	movq %r12, %rsi
	xorl %ebp, %ebp
	call paranoid_dispatch
	jmp trap_return

/*
 * The only iretq to ring 3. If it faults (a return address that is not canonical, selectors that are not a user's), the trap comes back as one from the
 * kernel at this address; trap_fixup then continues at trap_bad_iret with the kernel's gs, rsp at the frame that iretq did not like, and the user's registers.
 */
	.globl trap_user_iretq
trap_user_iretq:
	iretq

trap_bad_iret:
	pushq $0
	pushq $13
	SAVE_REGISTERS
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call trap_bad_iret_frame
	jmp trap_return

	.section .fixup_table, "a"
	.balign 8
	.quad trap_user_iretq, trap_bad_iret

	.section .note.GNU-stack, "", @progbits
