/*
 * The way to ring 3 and back.
 *
 *   void user_enter(struct trapframe *frame);     never returns
 *   void ret_from_fork(void);                     first activation of a user thread; rax = prev, rsp = its frame
 *   void syscall_entry(void);                     LSTAR: where SYSCALL goes
 *   void int80_entry(void);                       gate 0x80
 *
 * A trapframe (core/trapframe.h) lies at the top of the kernel stack of a user thread, lowest address first:
 *
 *   rsp ->  r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi | vector error | rip cs rflags rsp ss
 *
 * SYSCALL (Intel SDM vol. 2) saves rip in rcx and rflags in r11, clears the flags of FMASK (interrupts are off), loads CS and SS, and nothing else:
 * rsp and gs are still those of the user. swapgs gives us struct cpu; gs:16 has the top of the thread kernel stack (rsp0), gs:24 is a word to park
 * the user rsp in.
 *
 * SYSRET goes back the same way, and is only right while rcx = rip and r11 = rflags. With a rip that is not canonical it faults in ring 0, with the
 * user rsp (the SYSRET bug of Intel processors), so such a frame, and every frame that was changed meanwhile, leaves by iretq.
 */

#define FRAME_RBX 40
#define FRAME_R11 48
#define FRAME_RCX 88
#define FRAME_VECTOR 120
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_SS 168
#define CPU_CURRENT 8
#define CPU_KERNEL_RSP 16
#define CPU_USER_RSP 24
#define THREAD_WORK 16
#define USER_CS 0x33
#define USER_DS 0x2b
#define VECTOR_SYSCALL 0x100
#define VECTOR_INT80 0x80
#define RFLAGS_TF_RF 0x10100
#define RFLAGS_FIXED 2
#define WORK_ON_RETURN 0xfffffffb /* every bit but WORK_TRACE */

#ifdef SOLUTION
	.macro push_registers
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro pop_registers
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	.endm
#endif

	.text
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
#ifdef SOLUTION
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	mov %gs:CPU_KERNEL_RSP, %rsp
	push $USER_DS
	push %gs:CPU_USER_RSP
	push %r11
	push $USER_CS
	push %rcx
	push %rax
	push $VECTOR_SYSCALL
	push_registers
	sti
	xor %ebp, %ebp
	mov %rsp, %rdi
	call syscall_dispatch
	cli
	mov %gs:CPU_CURRENT, %rax
	testl $WORK_ON_RETURN, THREAD_WORK(%rax)
	jnz user_return_slow

	/* SYSRET only if nobody changed where the call came from. */
	mov FRAME_RCX(%rsp), %rcx
	cmp %rcx, FRAME_RIP(%rsp)
	jne user_return_slow
	mov FRAME_R11(%rsp), %r11
	cmp %r11, FRAME_RFLAGS(%rsp)
	jne user_return_slow
	test $RFLAGS_TF_RF, %r11d
	jnz user_return_slow
	shr $47, %rcx
	jnz user_return_slow
	pop_registers
	mov FRAME_RSP - FRAME_VECTOR(%rsp), %rsp
	swapgs
	sysretq
#else
	call usermode_entry_missing
	ud2
#endif
	.size syscall_entry, . - syscall_entry

	.globl int80_entry
	.type int80_entry, @function
int80_entry:
#ifdef SOLUTION
	/* From ring 3 only: the gate is the only one that software reaches, and the kernel never does INT 0x80. The processor kept AC, DF and NT. */
	swapgs
	push %rax
	push $VECTOR_INT80
	push_registers
	push $RFLAGS_FIXED
	popfq
	sti
	xor %ebp, %ebp
	mov %rsp, %rdi
	call syscall_dispatch
	cli
	mov %gs:CPU_CURRENT, %rax
	testl $WORK_ON_RETURN, THREAD_WORK(%rax)
	jz user_return_iret
#else
	call usermode_entry_missing
	ud2
#endif
	.size int80_entry, . - int80_entry

#ifdef SOLUTION
	/* Interrupts off, rsp at the frame. Work first (it may sleep, and change the frame), then out by iretq. */
	.type user_return_slow, @function
user_return_slow:
	mov %rsp, %rdi
	call user_return_work
user_return_iret:
	pop_registers
	add $16, %rsp
	swapgs
	iretq
	.size user_return_slow, . - user_return_slow
#endif

	.globl ret_from_fork
	.type ret_from_fork, @function
ret_from_fork:
#ifdef SOLUTION
	mov %rax, %rdi
	call schedule_tail
	xor %ebp, %ebp
	jmp user_return_slow
#else
	call usermode_entry_missing
	ud2
#endif
	.size ret_from_fork, . - ret_from_fork

	.globl user_enter
	.type user_enter, @function
user_enter:
#ifdef SOLUTION
	cli
	mov %rdi, %rsp
	xor %ebp, %ebp
	jmp user_return_slow
#else
	call usermode_entry_missing
	ud2
#endif
	.size user_enter, . - user_enter

	.section .note.GNU-stack, "", @progbits
