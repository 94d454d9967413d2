/*
 * The first instructions: from the boot loader, in 32-bit protected mode without paging, to kmain in long mode in the higher half.
 *
 *   Multiboot2 (GRUB, BIOS and UEFI):  eax = 0x36d76289, ebx = address of the tags
 *   PVH (qemu -kernel):                ebx = address of struct hvm_start_info
 *
 * Page tables here are the least that gets us up (boot/early_pages.c makes them right): the first 4 GiB in 2 MiB pages, three times over.
 *
 *   boot_pml4[0]    identity, until we run high
 *   boot_pml4[256]  DIRECT_BASE
 *   boot_pml4[511]  -> boot_pdpt_high[510]: KERNEL_BASE, the first GiB
 *
 * Sources: Multiboot2 specification 2.0, 3.1 and 3.3; Xen pvh.txt; Intel SDM vol. 3, 9.8.5.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(x) ((x) - KERNEL_BASE)

#define MB2_HEADER_MAGIC 0xe85250d6
#define MB2_LOADER_MAGIC 0x36d76289
#define PVH_MAGIC 0x336ec578

	.section .boot.header, "a"
	.balign 8
mb2_header:
	.long MB2_HEADER_MAGIC
	.long 0 /* i386, protected mode */
	.long mb2_header_end - mb2_header
	.long -(MB2_HEADER_MAGIC + (mb2_header_end - mb2_header))
	/* console flags: EGA text is understood, none is required */
	.short 4, 1
	.long 12, 2
	.balign 8
	/* entry address, physical */
	.short 3, 0
	.long 12
	.long PHYS(boot_entry)
	.balign 8
	/* modules on page boundaries */
	.short 6, 1
	.long 8
	.balign 8
	.short 0, 0
	.long 8
mb2_header_end:

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad PHYS(pvh_entry)

	.section .boot.text, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	movl %eax, %edi
	movl %ebx, %esi
	jmp 1f
	.globl pvh_entry
pvh_entry:
	cli
	cld
	movl $PVH_MAGIC, %edi
	movl %ebx, %esi
1:	movl $PHYS(boot_stack_top), %esp

	/* Is there long mode at all? */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	movl %edx, %ebp

	/* 2048 entries of 2 MiB: present, writable, large. */
	movl $PHYS(boot_pd), %ebx
	movl $0x83, %eax
	xorl %edx, %edx
	movl $2048, %ecx
2:	movl %eax, (%ebx)
	movl %edx, 4(%ebx)
	addl $8, %ebx
	addl $0x200000, %eax
	loop 2b

	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax /* LME */
	btl $20, %ebp
	jnc 3f
	orl $0x800, %eax /* NXE */
3:	wrmsr
	movl $0x80050033, %eax /* PG AM WP NE ET MP PE */
	movl %eax, %cr0
	lgdt PHYS(boot_gdt_pointer)
	ljmp $8, $PHYS(long_mode)

no_long_mode:
	movl $PHYS(no_long_mode_text), %esi
4:	movb (%esi), %al
	testb %al, %al
	jz 6f
	movb %al, %bl
5:	movw $0x3fd, %dx
	inb %dx, %al
	testb $0x20, %al
	jz 5b
	movb %bl, %al
	movw $0x3f8, %dx
	outb %al, %dx
	incl %esi
	jmp 4b
6:	hlt
	jmp 6b

	.code64
long_mode:
	movabsq $high_half, %rax
	jmp *%rax
high_half:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl %edi, %edi
	movl %esi, %esi
	pushq $0 /* the end of every back-trace */
	pushq $0
	movq %rsp, %rbp
	call kmain
7:	cli
	hlt
	jmp 7b

	.section .rodata
no_long_mode_text:
	.asciz "Switchback needs a 64-bit processor.\r\n"
	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 08 kernel code, 64 bit */
	.quad 0x00cf93000000ffff /* 10 kernel data */
boot_gdt_end:
boot_gdt_pointer:
	.short boot_gdt_end - boot_gdt - 1
	.quad PHYS(boot_gdt)

	.section .data
	.balign 4096
	.globl boot_pml4
boot_pml4:
	.quad PHYS(boot_pdpt) + 3
	.fill 255, 8, 0
	.quad PHYS(boot_pdpt) + 3
	.fill 254, 8, 0
	.quad PHYS(boot_pdpt_high) + 3
	.globl boot_pdpt
boot_pdpt:
	.quad PHYS(boot_pd) + 3
	.quad PHYS(boot_pd) + 0x1003
	.quad PHYS(boot_pd) + 0x2003
	.quad PHYS(boot_pd) + 0x3003
	.fill 508, 8, 0
	.globl boot_pdpt_high
boot_pdpt_high:
	.fill 510, 8, 0
	.quad PHYS(boot_pd) + 3
	.quad 0

	.section .bss.pages, "aw", @nobits
	.balign 4096
	.globl boot_pd
boot_pd:
	.skip 4 * 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip 32768
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
