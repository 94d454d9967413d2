/*
 * From a start-up interrupt to C on another processor. The first part is data here: it is copied to page AP_TRAMPOLINE_PAGE and runs there, since a
 * processor starts in real mode below 1 MiB. It knows only addresses relative to that page.
 *
 *   real mode -> protected mode -> long mode on low tables (identity of the first 2 MiB + the kernel half) -> ap_high on the final tables
 *
 * Source: Intel SDM vol. 3, 8.4.3 and 9.8.5.
 */
#define PAGE 0x8000 /* AP_TRAMPOLINE_PAGE << 12 */
#define AT(label) (PAGE + (label) - ap_trampoline)

	.section .rodata
	.balign 16
	.globl ap_trampoline, ap_trampoline_end, ap_parameters
	.code16
ap_trampoline:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl ap_gdt_pointer - ap_trampoline
	movl $0x11, %eax /* ET PE */
	movl %eax, %cr0
	ljmpl $8, $AT(ap_protected)

	.code32
ap_protected:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl AT(ap_low_root), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl AT(ap_efer), %eax
	wrmsr
	movl $0x80050033, %eax /* PG AM WP NE ET MP PE */
	movl %eax, %cr0
	ljmpl $0x18, $AT(ap_long)

	.code64
ap_long:
	movq ap_root(%rip), %rsi
	movq ap_cpu(%rip), %rdi
	movq ap_stack(%rip), %rsp
	movq ap_entry(%rip), %rdx
	movq ap_continue(%rip), %rax
	jmp *%rax

	.balign 8
ap_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* 08 code, 32 bit */
	.quad 0x00cf93000000ffff /* 10 data */
	.quad 0x00af9b000000ffff /* 18 code, 64 bit */
ap_gdt_pointer:
	.short ap_gdt_pointer - ap_gdt - 1
	.long AT(ap_gdt)
	.balign 8
	/* struct ap_parameters (smp_boot.c) */
ap_parameters:
ap_root:
	.quad 0
ap_cpu:
	.quad 0
ap_stack:
	.quad 0
ap_entry:
	.quad 0
ap_continue:
	.quad ap_high
ap_low_root:
	.long 0
ap_efer:
	.long 0
ap_trampoline_end:

	.section .text.ap_high, "ax"
/* rdi: struct cpu *, rsi: root of the final tables, rdx: where to go. */
ap_high:
	/* From here on the low GDT is out of reach: no segment is loaded before ap_main brings the CPU's own. */
	movq %rsi, %cr3
	xorl %ebp, %ebp
	pushq $0
	pushq $0
	movq %rsp, %rbp
	movq %rdx, %rsi
	call ap_main
1:	cli
	hlt
	jmp 1b

	.section .note.GNU-stack, "", @progbits
