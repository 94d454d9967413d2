/*
 * FS and GS bases of user threads (TLS), and their data segment registers.
 *
 * While a user thread runs in the kernel, its FS base is live, and its GS base waits in the processor's other GS base (swapgs). With FSGSBASE the program
 * may change both at any time, so they are read back at each switch. Without it only arch_prctl changes them, and struct thread is right.
 *
 * The selectors in DS, ES, FS, GS mean nothing to 64-bit code, except that loading one sets a base. A thread that left some behind has them
 * zeroed when it leaves the CPU, so that none goes over to another process.
 */
#include "usermode_priv.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "usermode/uaccess.h"

static bool have_fsgsbase;

void bases_cpu_init(void)
{
	if (!cpu_has(CPU_FSGSBASE))
		return;
	write_cr4(read_cr4() | CR4_FSGSBASE);
	have_fsgsbase = true;
}

/* The user's GS base is behind swapgs: interrupts off, and nothing in between that uses gs. (NMI and its like find struct cpu by their stack.) */
static u64 read_user_gs(void)
{
	u64 base;
	if (!have_fsgsbase)
		return rdmsr(MSR_KERNEL_GS_BASE);
	__asm__ volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r"(base)::"memory");
	return base;
}

static void write_user_gs(u64 base)
{
	if (have_fsgsbase)
		__asm__ volatile("swapgs\n\twrgsbase %0\n\tswapgs" ::"r"(base) : "memory");
	else
		wrmsr(MSR_KERNEL_GS_BASE, base);
}

static u64 read_fs(void)
{
	u64 base;
	if (!have_fsgsbase)
		return rdmsr(MSR_FS_BASE);
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static void write_fs(u64 base)
{
	if (have_fsgsbase)
		__asm__ volatile("wrfsbase %0" ::"r"(base));
	else
		wrmsr(MSR_FS_BASE, base);
}

void bases_switch_out(struct thread *t)
{
	u32 ds, es, fs, gs;

	if (have_fsgsbase) {
		t->fs_base = read_fs();
		t->gs_base = read_user_gs();
	}
	__asm__ volatile("movl %%ds, %0\n\tmovl %%es, %1\n\tmovl %%fs, %2\n\tmovl %%gs, %3" : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	if (unlikely(ds | es | fs | gs)) {
		/* Loading GS changes the base that is live: that must be the user's. */
		__asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%fs\n\tswapgs\n\tmovl %0, %%gs\n\tswapgs" ::"r"(0) : "memory");
	}
}

void bases_switch_in(struct thread *t)
{
	write_fs(t->fs_base);
	write_user_gs(t->gs_base);
}

int user_set_fs_base(u64 base)
{
	if (base >= USER_END)
		return -EPERM;
	preempt_disable();
	current->fs_base = base;
	write_fs(base);
	preempt_enable();
	return 0;
}

int user_set_gs_base(u64 base)
{
	if (base >= USER_END)
		return -EPERM;
	u64 flags = irq_save();
	current->gs_base = base;
	write_user_gs(base);
	irq_restore(flags);
	return 0;
}

u64 user_get_fs_base(void)
{
	return have_fsgsbase ? read_fs() : current->fs_base;
}

u64 user_get_gs_base(void)
{
	u64 flags = irq_save();
	u64 base = have_fsgsbase ? read_user_gs() : current->gs_base;
	irq_restore(flags);
	return base;
}

void user_sync_bases(void)
{
	u64 flags = irq_save();
	current->fs_base = user_get_fs_base();
	current->gs_base = user_get_gs_base();
	irq_restore(flags);
}

void user_reset_bases(void)
{
	user_set_fs_base(0);
	user_set_gs_base(0);
}

/* --- arch_prctl(2) ------------------------------------------------------------------------------------------------- */

#include "syscalls_gen.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004 };

long sys_arch_prctl(int code, unsigned long addr)
{
	switch (code) {
	case ARCH_SET_FS:
		return user_set_fs_base(addr);
	case ARCH_SET_GS:
		return user_set_gs_base(addr);
	case ARCH_GET_FS:
		return put_user_u64(user_get_fs_base(), (u64 __user *)addr);
	case ARCH_GET_GS:
		return put_user_u64(user_get_gs_base(), (u64 __user *)addr);
	}
	return -EINVAL;
}
