/*
 * The first program that runs in ring 3: a few position-independent instructions, copied to a page of their own by first_user.c.
 * rdi says what to do: 0 behaves, 1 reads kernel memory (and must not come past that).
 * Exit status of the good one: 0, or 1 when an answer was not as it should be.
 */
#define NR_WRITE 1
#define NR_GETPID 39
#define NR_EXIT 60

	.section .rodata
	.globl first_user_start, first_user_end
first_user_start:
	test %edi, %edi
	jnz bad

	mov $NR_WRITE, %eax
	mov $1, %edi
	lea hello(%rip), %rsi
	mov $hello_end - hello, %edx
	syscall
	cmp $hello_end - hello, %rax
	jne fail

	/* The same by the other gate. */
	mov $NR_WRITE, %eax
	mov $1, %edi
	lea hello80(%rip), %rsi
	mov $hello80_end - hello80, %edx
	int $0x80
	cmp $hello80_end - hello80, %rax
	jne fail

	mov $NR_GETPID, %eax
	syscall
	mov %rax, %rbx
	mov $NR_GETPID, %eax
	int $0x80
	cmp %rax, %rbx
	jne fail

	/* A kernel address as a buffer: EFAULT. */
	mov $NR_WRITE, %eax
	mov $1, %edi
	mov $0xffffffff80000000, %rsi
	mov $16, %edx
	syscall
	cmp $-14, %rax
	jne fail

	mov $NR_EXIT, %eax
	xor %edi, %edi
	syscall
bad:
	mov $0xffffffff80000000, %rax
	mov (%rax), %rax
fail:
	mov $NR_EXIT, %eax
	mov $1, %edi
	int $0x80
	ud2

hello:
	.ascii "ring 3: hello by SYSCALL\n"
hello_end:
hello80:
	.ascii "ring 3: hello by INT 0x80\n"
hello80_end:
first_user_end:

	.section .note.GNU-stack, "", @progbits
