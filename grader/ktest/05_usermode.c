/* Stage 05: what guards the way between ring 3 and the kernel. */
#include "core/ktest.h"

#include "core/cpu.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"

static char kernel_data[64] = "kernel data that no user pointer reaches";

KTEST(05, user_ranges_end_where_user_space_ends)
{
	KEXPECT(user_range_ok((void *)0x10000, 4096));
	KEXPECT(user_range_ok((void *)(USER_END - 1), 1));
	KEXPECT(user_range_ok(NULL, 0)); /* nothing is there that could be refused; whether something is mapped is not asked here */
	KEXPECT(user_range_ok(NULL, USER_END));
	KEXPECT(!user_range_ok(NULL, USER_END + 1));
	KEXPECT(!user_range_ok((void *)(USER_END - 1), 2));
	KEXPECT(!user_range_ok((void *)0x10000, ~0ul));
	KEXPECT(!user_range_ok((void *)0x10000, ~0ul - 0x10000 + 1));
	KEXPECT(!user_range_ok((void *)0x0000800000000000, 1));
	KEXPECT(!user_range_ok((void *)0x8000000000000000, 1));
	KEXPECT(!user_range_ok((void *)DIRECT_BASE, 8));
	KEXPECT(!user_range_ok(kernel_data, 1));
	KEXPECT(!user_range_ok((void *)~0ul, 1));
}

KTEST(05, copies_refuse_kernel_addresses)
{
	char buffer[64], clean[64];

	memset(buffer, 'x', sizeof(buffer));
	memset(clean, 'x', sizeof(clean));
	KEXPECT_EQ(copy_from_user(buffer, kernel_data, 16), 16);
	KEXPECT(!memcmp(buffer + 16, clean, 48));
	KEXPECT(memcmp(buffer, kernel_data, 6) != 0);
	KEXPECT_EQ(copy_to_user(kernel_data, clean, 8), 8);
	KEXPECT_EQ(clear_user(kernel_data, 8), 8);
	KEXPECT(!memcmp(kernel_data, "kernel data", 11));
	KEXPECT_EQ(strncpy_from_user(buffer, kernel_data, sizeof(buffer)), -EFAULT);
}

KTEST(05, copies_survive_addresses_that_are_not_mapped)
{
	char buffer[32];
	u32 word;

	memset(buffer, 0, sizeof(buffer));
	KEXPECT_EQ(copy_from_user(buffer, (void *)0x7f0000000000, 32), 32);
	KEXPECT_EQ(copy_to_user((void *)0x7f0000000001, buffer, 31), 31);
	KEXPECT_EQ(copy_from_user(buffer, NULL, 1), 1);
	KEXPECT_EQ(strncpy_from_user(buffer, (void *)0x10, sizeof(buffer)), -EFAULT);
	KEXPECT_EQ(get_user_u32(&word, (void *)0x20), -EFAULT);
	KEXPECT_EQ(put_user_u32(1, (void *)0x20), -EFAULT);
	KEXPECT_EQ(copy_from_user(buffer, (void *)0x7f0000000000, 0), 0);
	KEXPECT_EQ(clear_user((void *)0x7f0000000000, 16), 16);
	KEXPECT_EQ(copy_to_user(NULL, buffer, 0), 0);
}

extern const char fast_entry[] __attribute__((weak));

KTEST(05, the_entry_is_armed_on_this_cpu)
{
	KEXPECT(rdmsr(MSR_EFER) & EFER_SCE);
	if (!fast_entry) /* from stage 12 on there is a shorter way in, which falls back to this one */
		KEXPECT_EQ(rdmsr(MSR_LSTAR), (u64)syscall_entry);
	KEXPECT_EQ(rdmsr(MSR_STAR) >> 32 & 0xffff, KERNEL_CS);
	/* SYSRET adds 16 to this field for CS and 8 for SS. */
	KEXPECT_EQ(((rdmsr(MSR_STAR) >> 48) + 16) | 3, USER_CS);
	KEXPECT_EQ(((rdmsr(MSR_STAR) >> 48) + 8) | 3, USER_DS);
	u64 cleared = RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_IOPL | RFLAGS_RF;
	KEXPECT_EQ(rdmsr(MSR_FMASK) & cleared, cleared);
}

KTEST(05, the_cpu_guards_what_it_can)
{
	if (cpu_has(CPU_SMEP))
		KEXPECT(read_cr4() & CR4_SMEP);
	if (cpu_has(CPU_SMAP))
		KEXPECT(read_cr4() & CR4_SMAP);
	if (cpu_has(CPU_UMIP))
		KEXPECT(read_cr4() & CR4_UMIP);
	KEXPECT(read_cr0() & CR0_WP);
	KEXPECT(rdmsr(MSR_EFER) & EFER_NXE);
}

KTEST(05, a_fresh_frame_is_ring_3)
{
	struct trapframe f;

	memset(&f, 0xa5, sizeof(f));
	user_frame_init(&f, 0x401000, 0x7fff0000);
	KEXPECT_EQ(f.cs, USER_CS);
	KEXPECT_EQ(f.ss, USER_DS);
	KEXPECT_EQ(f.rip, 0x401000);
	KEXPECT_EQ(f.rsp, 0x7fff0000);
	KEXPECT_EQ(f.rflags & (RFLAGS_IF | RFLAGS_IOPL | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC | RFLAGS_DF), RFLAGS_IF);
	KEXPECT_EQ(f.rax | f.rbx | f.rcx | f.rdx | f.rsi | f.rdi | f.rbp | f.r8 | f.r15, 0); /* nothing of the kernel's leaks */
}
