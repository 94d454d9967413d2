/* The C side of trampoline.S: its parameters and low tables, and the first C on a further processor. */
#include "boot/smp_boot.h"
#include "boot_priv.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "lib/string.h"

struct ap_parameters {
	u64 root, cpu, stack, entry, resume;
	u32 low_root, efer;
};
extern const char ap_trampoline[], ap_trampoline_end[], ap_parameters[]; /* trampoline.S */
void ap_main(struct cpu *c, void (*entry)(struct cpu *c));

/* What a processor runs on until it has left the first MiB: identity of 2 MiB, and the kernel half. In the image, thus below 4 GiB, as CR3 in 32-bit mode wants. */
static u64 low_pml4[512] __aligned(4096), low_pdpt[512] __aligned(4096), low_pd[512] __aligned(4096);

void ap_trampoline_prepare(paddr_t root, struct cpu *c, u64 stack_top, void (*entry)(struct cpu *c))
{
	char *page = phys_to_virt(AP_TRAMPOLINE_PAGE << PAGE_SHIFT);
	const u64 *kernel_root = phys_to_virt(root);

	_Static_assert(AP_TRAMPOLINE_PAGE << PAGE_SHIFT == 0x8000, "trampoline.S");
	ASSERT(ap_trampoline_end - ap_trampoline <= (long)PAGE_SIZE);
	low_pd[0] = 0x83; /* present, writable, large */
	low_pdpt[0] = virt_to_phys(low_pd) | 3;
	memcpy(low_pml4 + 256, kernel_root + 256, 256 * sizeof(u64));
	low_pml4[0] = virt_to_phys(low_pdpt) | 3;
	memcpy(page, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	struct ap_parameters *p = (struct ap_parameters *)(page + (ap_parameters - ap_trampoline));
	p->root = root;
	p->cpu = (u64)c;
	p->stack = stack_top;
	p->entry = (u64)entry;
	p->low_root = (u32)virt_to_phys(low_pml4);
	p->efer = 0x100 | (cpu_has(CPU_NX) ? (u32)EFER_NXE : 0); /* LME */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ap_main(struct cpu *c, void (*entry)(struct cpu *c))
{
	cpu_activate(c);
	cpu_harden();
	entry(c);
	for (;;)
		__asm__ volatile("cli; hlt");
}
