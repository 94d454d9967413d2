/*
 * Single steps (Intel SDM vol. 3, 17.3.1.4): with the trap flag set the CPU raises #DB after each instruction. The tests of lab 01 run before there is
 * anything to handle it, so for this time the CPU is shown a table of our own, in which vector 1 leads here and all others where they did.
 */
#include "steps.h"

#include "boot/gdt.h"
#include "core/cpu.h"
#include "lib/string.h"

struct table_place {
	u16 limit;
	u64 base;
} __packed;

static u64 table[512] __aligned(16);
static void (*hook)(u32 n);
static u32 steps;

const u8 *ktest_step_next;

extern const char ktest_step_entry[];
void ktest_step_taken(const u8 *next);

void ktest_step_taken(const u8 *next)
{
	ktest_step_next = next;
	hook(steps++);
}

/* 5 words by the CPU and 9 more: the stack is aligned at the call. */
__asm__(".pushsection .text\n"
	"ktest_step_entry:\n"
	"	pushq %rax; pushq %rcx; pushq %rdx; pushq %rsi; pushq %rdi; pushq %r8; pushq %r9; pushq %r10; pushq %r11\n"
	"	cld\n"
	"	movq 72(%rsp), %rdi\n"
	"	call ktest_step_taken\n"
	"	popq %r11; popq %r10; popq %r9; popq %r8; popq %rdi; popq %rsi; popq %rdx; popq %rcx; popq %rax\n"
	"	iretq\n"
	"	.popsection");

u32 ktest_step(void (*fn)(void *arg), void *arg, void (*between)(u32 n))
{
	struct table_place before, ours = { sizeof(table) - 1, (u64)table };
	u64 entry = (u64)ktest_step_entry, flags = irq_save();

	__asm__ volatile("sidt %0" : "=m"(before));
	memcpy(table, (const void *)before.base, MIN((size_t)before.limit + 1, sizeof(table)));
	table[2] = (entry & 0xffff) | (u64)GDT_KERNEL_CODE << 16 | 0x8eul << 40 | (entry >> 16 & 0xffff) << 48;
	table[3] = entry >> 32;
	hook = between;
	steps = 0;
	__asm__ volatile("lidt %0" ::"m"(ours));
	__asm__ volatile("pushfq; orq %0, (%%rsp); popfq" ::"i"(RFLAGS_TF) : "memory", "cc");
	fn(arg);
	__asm__ volatile("pushfq; andq %0, (%%rsp); popfq" ::"i"(~RFLAGS_TF) : "memory", "cc");
	__asm__ volatile("lidt %0" ::"m"(before));
	irq_restore(flags);
	return steps;
}
