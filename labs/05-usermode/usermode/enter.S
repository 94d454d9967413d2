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


	.text
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	call usermode_entry_missing
	ud2
	.size syscall_entry, . - syscall_entry

	.globl int80_entry
	.type int80_entry, @function
int80_entry:
	call usermode_entry_missing
	ud2
	.size int80_entry, . - int80_entry


	.globl ret_from_fork
	.type ret_from_fork, @function
ret_from_fork:
	call usermode_entry_missing
	ud2
	.size ret_from_fork, . - ret_from_fork

	.globl user_enter
	.type user_enter, @function
user_enter:
	call usermode_entry_missing
	ud2
	.size user_enter, . - user_enter

	.section .note.GNU-stack, "", @progbits
