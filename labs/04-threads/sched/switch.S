/*
 * The switch from one kernel stack to another.
 *
 *   struct thread *context_switch(struct thread *prev, struct thread *next);
 *
 * Called like any C function, interrupts off: so only the registers that a called function must preserve need saving (System V ABI, 3.2.1).
 * They go onto the stack of prev; its rsp goes into prev->kernel_sp, the first field of struct thread. Then the same backwards for next.
 * The ret returns to wherever next once called context_switch, with prev as the value: next must know whom it relieved.
 *
 * The stack of a thread that does not run (lowest address first):
 *
 *     kernel_sp ->  r15  r14  r13  r12  rbx  rbp  return address
 *
 * thread_set_entry() builds the same picture for a thread that never ran, with thread_entry as the return address.
 *
 *   void thread_entry(void);       first activation of a kernel thread: rax = prev, rbx = fn, r12 = arg
 */

	.text
	.globl context_switch
	.type context_switch, @function
context_switch:
	/* TODO: save, switch stacks, restore. */
	call sched_switch_missing
	ud2
	.size context_switch, . - context_switch

	.globl thread_entry
	.type thread_entry, @function
thread_entry:
	/* TODO: finish the switch, interrupts on, call the function, end the thread. */
	call sched_switch_missing
	ud2
	.size thread_entry, . - thread_entry

	.section .note.GNU-stack, "", @progbits
