/* Stage 05: what protects the kernel is on, on every CPU, and no page table that a CPU has loaded lets a page be written and executed. */
#include "core/cpu.h"
#include "core/atomic.h"
#include "core/ktest.h"
#include "core/percpu.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "sched/smp.h"

struct findings {
	u64 writable_and_executable, open_to_users, leaves; /* atomic */
	u64 cr0, cr4, efer;                                 /* atomic: what all CPUs have in common */
	u64 first_bad;
};

/* An entry counts as what all levels above it allow. */
static void walk(const pte_t *table, int level, u64 va, bool writable, bool executable, bool user, struct findings *f)
{
	for (unsigned i = 0; i < 512; i++) {
		pte_t e = table[i];
		u64 here = va | (u64)i << (12 + 9 * (level - 1));

		if (level == 4 && i >= 256)
			here |= 0xffff000000000000ul;
		if (!(e & PTE_PRESENT))
			continue;
		bool w = writable && e & PTE_WRITE, x = executable && !(e & PTE_NX), u = user && e & PTE_USER;
		if (level > 1 && !(level < 4 && e & PTE_LARGE)) {
			/* The checker's shadow of what is not there is one table many times over: what it forbids need not be walked. */
			if ((w && x) || u || level == 4)
				walk(phys_to_virt(e & PTE_ADDR), level - 1, here, w, x, u, f);
			continue;
		}
		f->leaves++;
		if (w && x && !f->writable_and_executable++)
			f->first_bad = here;
		if (u && here >= USER_END)
			f->open_to_users++;
	}
}

static void look(void *arg)
{
	struct findings *f = arg, own = { 0 };

	walk(phys_to_virt(read_cr3() & PTE_ADDR), 4, 0, true, true, true, &own);
	atomic_fetch_add(&f->writable_and_executable, own.writable_and_executable);
	atomic_fetch_add(&f->open_to_users, own.open_to_users);
	atomic_fetch_add(&f->leaves, own.leaves);
	atomic_fetch_and(&f->cr0, read_cr0());
	atomic_fetch_and(&f->cr4, read_cr4());
	atomic_fetch_and(&f->efer, rdmsr(MSR_EFER));
	if (own.first_bad)
		f->first_bad = own.first_bad;
}

KTEST(05, every_cpu_is_hardened)
{
	struct findings f = { .cr0 = ~0ul, .cr4 = ~0ul, .efer = ~0ul };

	smp_call(smp_online_mask(), look, &f);
	ktest_note("cpus", cpu_count);
	ktest_note("leaves", f.leaves);
	KEXPECT_EQ(f.writable_and_executable, 0);
	KEXPECT_EQ(f.first_bad, 0);
	KEXPECT_EQ(f.open_to_users, 0);
	KEXPECT(f.leaves > 0);
	KEXPECT(f.cr0 & CR0_WP); /* WP: what is read-only is so for the kernel too */
	KEXPECT(f.efer & EFER_NXE);
	KEXPECT(!cpu_has(CPU_SMEP) || f.cr4 & CR4_SMEP);
	KEXPECT(!cpu_has(CPU_SMAP) || f.cr4 & CR4_SMAP);
	KEXPECT(!cpu_has(CPU_UMIP) || f.cr4 & CR4_UMIP);
}
