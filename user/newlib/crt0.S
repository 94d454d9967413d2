/*
 * void _start(void): where the kernel enters a program.
 *
 *	rsp -> argc | argv[0] .. argv[argc-1] | 0 | envp .. | 0 | auxv ..
 *
 * rsp is 16-byte aligned, all else is unspecified. The C part wants the address of that block and
 * the address of the dynamic section, which is 0 in a program that is linked to a fixed address.
 * Neither is reached through the global offset table, since nothing is relocated yet.
 */
	.text
	.globl	_start
	.type	_start, @function
	.weak	_DYNAMIC
	.hidden	_DYNAMIC
_start:
	.cfi_startproc
	.cfi_undefined rip
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	leaq	_DYNAMIC(%rip), %rsi
	andq	$-16, %rsp
	call	start_c
	hlt
	.cfi_endproc
	.size	_start, . - _start

/*
 * void signal_restorer(void): where a signal handler returns to (SA_RESTORER).
 * The kernel finds its frame at rsp; rt_sigreturn is call 15.
 */
	.globl	signal_restorer
	.type	signal_restorer, @function
signal_restorer:
	movl	$15, %eax
	syscall
	hlt
	.size	signal_restorer, . - signal_restorer

	.section .note.GNU-stack, "", @progbits
