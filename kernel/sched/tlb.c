/* Flushing this CPU's TLB, and the kernel mappings' hook into the shoot-down (Intel SDM vol. 3, 4.10.4). */
#include "sched/smp.h"

#include "core/cpu.h"
#include "mm/layout.h"
#include "mm/pagetable.h"

#define FLUSH_PAGES_MAX 32

void tlb_flush_local(vaddr_t start, vaddr_t end)
{
	if (end != ~0ul && end - start <= FLUSH_PAGES_MAX * PAGE_SIZE) {
		for (vaddr_t va = ALIGN_DOWN(start, PAGE_SIZE); va < end; va += PAGE_SIZE)
			invlpg(va); /* global ones too */
		return;
	}
	u64 flags = irq_save();
	u64 cr4 = read_cr4();
	if (start >= DIRECT_BASE && (cr4 & CR4_PGE)) {
		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
	irq_restore(flags);
}

static void flush_kernel(vaddr_t start, vaddr_t end)
{
	tlb_shootdown(smp_online_mask(), start, end);
}
NOTIFIER(kernel_tlb_flush, flush_kernel);
