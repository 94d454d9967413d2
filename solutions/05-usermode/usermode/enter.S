/*
 * The way to ring 3 and back.
 *
 *   void user_enter(struct trapframe *frame);     never returns
 *   void ret_from_fork(void);                     first activation of a user thread; rax = prev, rsp = its frame
 *   void syscall_entry(void);                     LSTAR: where SYSCALL goes
 *   void int80_entry(void);                       gate 0x80
 *
 * A trapframe (picture: irq/entry_asm.h) lies at the top of the kernel stack of a user thread. trap_return (lab 03), entered with rsp at a frame, does
 * what is to be done before ring 3 runs, and leaves to it by iretq.
 *
 * SYSCALL (Intel SDM vol. 2) saves rip in rcx and rflags in r11, clears the flags of FMASK (interrupts are off), loads CS and SS, and nothing else:
 * rsp and gs are still those of the user. swapgs gives us struct cpu; CPU_KERNEL_RSP in it has the top of the kernel stack, CPU_USER_RSP is a word to
 * park the user rsp in.
 *
 * SYSRET goes back the same way, and is only right while rcx = rip and r11 = rflags. With a rip that is not canonical it faults in ring 0, on the
 * user rsp (Intel processors), so such a frame, and every frame that was changed meanwhile, leaves by trap_return.
 */
#include "irq/entry_asm.h"

#define USER_CS 0x33
#define USER_DS 0x2b
#define VECTOR_SYSCALL 0x100
#define VECTOR_INT80 0x80
#define RFLAGS_TF_RF 0x10100
#define RFLAGS_FIXED 2
#define WORK_ON_RETURN 0xfffffffb /* every bit but WORK_TRACE */

	.section .text.entry, "ax"
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
#ifdef SOLUTION
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
	SAVE_REGISTERS
	sti
	xorl %ebp, %ebp
	movq %rsp, %rdi
	call syscall_dispatch
	cli
	movq %gs:CPU_CURRENT, %rax
	testl $WORK_ON_RETURN, THREAD_WORK(%rax)
	jnz trap_return

	/* SYSRET only if nobody changed where the call came from. */
	movq TF_RCX(%rsp), %rcx
	cmpq %rcx, TF_RIP(%rsp)
	jne trap_return
	movq TF_R11(%rsp), %r11
	cmpq %r11, TF_RFLAGS(%rsp)
	jne trap_return
	testl $RFLAGS_TF_RF, %r11d
	jnz trap_return
	shrq $47, %rcx
	jnz trap_return
	RESTORE_REGISTERS
	movq TF_RSP - TF_RIP(%rsp), %rsp
	swapgs
	sysretq
#else
	/* swapgs, find the kernel stack, build the frame, call syscall_dispatch(frame) with interrupts on, and back by SYSRET or trap_return. */
	swapgs
	movq %gs:CPU_KERNEL_RSP, %rsp
	call usermode_entry_missing
#endif
	.size syscall_entry, . - syscall_entry

	.globl int80_entry
	.type int80_entry, @function
int80_entry:
#ifdef SOLUTION
	/* The processor pushed ss to rip, and kept the flags AC and DF of the user. */
	swapgs
	pushq %rax
	pushq $VECTOR_INT80
	SAVE_REGISTERS
	pushq $RFLAGS_FIXED
	popfq
	sti
	xorl %ebp, %ebp
	movq %rsp, %rdi
	call syscall_dispatch
	cli
	jmp trap_return
#else
	/* As above, but the processor did half of it already. */
	swapgs
	call usermode_entry_missing
#endif
	.size int80_entry, . - int80_entry

	.globl ret_from_fork
	.type ret_from_fork, @function
ret_from_fork:
#ifdef SOLUTION
	movq %rax, %rdi
	call schedule_tail
	xorl %ebp, %ebp
	jmp trap_return
#else
	/* Finish the switch (rax is the thread that was left), then to ring 3 with the frame at rsp. */
	call usermode_entry_missing
#endif
	.size ret_from_fork, . - ret_from_fork

	.globl user_enter
	.type user_enter, @function
user_enter:
#ifdef SOLUTION
	cli
	movq %rdi, %rsp
	xorl %ebp, %ebp
	jmp trap_return
#else
	/* To ring 3 with the frame at rdi. */
	call usermode_entry_missing
#endif
	.size user_enter, . - user_enter

	.section .note.GNU-stack, "", @progbits
