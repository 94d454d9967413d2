/*
 * The copies under usermode/uaccess.h.
 *
 *   size_t raw_copy_user(void *dst, const void *src, size_t n);     bytes not copied
 *   size_t raw_clear_user(void *dst, size_t n);                     bytes not cleared
 *
 * The side that belongs to the user may fault anywhere. The page fault handler tries to bring the page; if it cannot, it finds the instruction in the
 * table .fixup_table and goes on at the landing. An interrupted rep instruction leaves in rcx what it did not do: that is the whole bookkeeping.
 * A fault within a run of quadwords is tried again by bytes, so that the answer is exact.
 *
 * With SMAP a user page is only open between STAC and CLAC. (A handler that is entered in between starts with AC clear.)
 */
	.macro open_user
	cmpb $0, uaccess_smap(%rip)
	je 101f
	stac
101:
	.endm
	.macro close_user
	cmpb $0, uaccess_smap(%rip)
	je 102f
	clac
102:
	.endm
	.macro fixup insn, landing
	.pushsection .fixup_table, "a"
	.balign 8
	.quad \insn, \landing
	.popsection
	.endm

	.text
	.globl raw_copy_user
	.type raw_copy_user, @function
raw_copy_user:
	open_user
	mov %rdx, %rcx
	shr $3, %rcx
	jz 2f
1:	rep movsq
2:	mov %edx, %ecx
	and $7, %ecx
	jz 4f
3:	rep movsb
4:	mov %rcx, %rax
	close_user
	ret
5:	and $7, %edx
	lea (%rdx,%rcx,8), %rcx
6:	rep movsb
	jmp 4b
	fixup 1b, 5b
	fixup 3b, 4b
	fixup 6b, 4b
	.size raw_copy_user, . - raw_copy_user

	.globl raw_clear_user
	.type raw_clear_user, @function
raw_clear_user:
	open_user
	xor %eax, %eax
	mov %rsi, %rdx
	mov %rsi, %rcx
	shr $3, %rcx
	jz 2f
1:	rep stosq
2:	mov %edx, %ecx
	and $7, %ecx
	jz 4f
3:	rep stosb
4:	mov %rcx, %rax
	close_user
	ret
5:	and $7, %edx
	lea (%rdx,%rcx,8), %rcx
6:	rep stosb
	jmp 4b
	fixup 1b, 5b
	fixup 3b, 4b
	fixup 6b, 4b
	.size raw_clear_user, . - raw_clear_user

	.section .note.GNU-stack, "", @progbits
