/*
 * The machine state that each CPU needs before C may rely on anything: GS base, GDT, TSS, stacks for the worst traps.
 *
 *   mem:  struct cpu | per-CPU data | GDT | TSS | 4 stacks of IST_STACK_SIZE, each with the CPU's pointer in its top word
 *
 * CPU 0 has its memory in the image, the others get theirs from who starts them.
 */
#include "boot/gdt.h"
#include "boot/smp_boot.h"
#include "boot_priv.h"
#include "core/cpu.h"
#include "lib/string.h"

struct cpu_machine {
	u64 gdt[GDT_ENTRIES];
	struct tss tss __aligned(16);
	struct {
		u64 words[IST_STACK_SIZE / 8 - 2];
		struct cpu *cpu; /* an interrupt frame starts right below */
		u64 spare;
	} ist[IST_COUNT] __aligned(16);
} __aligned(64);

static struct cpu_machine boot_machine;

static void machine_init(struct cpu_machine *m, struct cpu *c)
{
	u64 base = (u64)&m->tss;
	u64 limit = sizeof(struct tss) - 1;

	m->gdt[GDT_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	m->gdt[GDT_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	m->gdt[GDT_USER_DATA / 8] = 0x00cff3000000ffff;
	m->gdt[GDT_USER_CODE / 8] = 0x00affb000000ffff;
	m->gdt[GDT_TSS / 8] = limit | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
	m->gdt[GDT_TSS / 8 + 1] = base >> 32;
	m->tss.iomap = sizeof(struct tss);
	for (int i = 0; i < IST_COUNT; i++) {
		m->ist[i].cpu = c;
		m->tss.ist[i] = (u64)&m->ist[i].cpu;
	}
	c->tss = &m->tss;
	c->gdt = m->gdt;
}

size_t cpu_mem_size(void)
{
	return ALIGN_UP(ALIGN_UP(percpu_image_size(), 64) + sizeof(struct cpu_machine), PAGE_SIZE);
}

struct cpu *cpu_prepare(u32 id, u32 apic_id, void *mem)
{
	struct cpu *c = percpu_setup(id, mem);

	c->apic_id = apic_id;
	machine_init((struct cpu_machine *)((char *)mem + ALIGN_UP(percpu_image_size(), 64)), c);
	return c;
}

void cpu_activate(struct cpu *c)
{
	struct {
		u16 limit;
		u64 base;
	} __packed pointer = { GDT_ENTRIES * 8 - 1, (u64)c->gdt };

	/* A TSS that was loaded before is marked busy; loading it again needs it available. */
	((u64 *)c->gdt)[GDT_TSS / 8] &= ~(2ul << 40);
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmovl %2, %%eax\n\t"
			 "movl %%eax, %%ss\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "lldt %%ax\n\t"
			 "ltr %w3"
			 ::"m"(pointer), "i"(GDT_KERNEL_CODE), "i"(GDT_KERNEL_DATA), "r"(GDT_TSS)
			 : "rax", "memory");
	wrmsr(MSR_GS_BASE, (u64)c);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_FS_BASE, 0);
}

void cpu_boot_init(void)
{
	struct cpu *c = percpu_boot_setup();

	machine_init(&boot_machine, c);
	cpu_activate(c);
	c->online = true;
	cpu_count = 1;
}
