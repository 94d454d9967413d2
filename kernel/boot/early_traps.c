/* The IDT of the first two stages: any exception prints its registers and ends the run. Lab 03 puts the real one in its place. */
#include "boot_priv.h"
#include "boot/gdt.h"
#include "core/panic.h"
#include "core/trapframe.h"

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM vol. 3, figure 6-8");

extern const u64 early_stubs[32]; /* early_traps.S */
void __noreturn early_trap(struct trapframe *f);
static struct gate early_idt[32];

void early_traps_init(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed pointer = { sizeof(early_idt) - 1, (u64)early_idt };

	for (int v = 0; v < 32; v++) {
		u64 a = early_stubs[v];
		early_idt[v] = (struct gate){ .offset_low = a, .selector = GDT_KERNEL_CODE, .type = 0x8e, .offset_mid = a >> 16,
					      .offset_high = a >> 32, .ist = v == 8 ? IST_DOUBLE_FAULT : v == 2 ? IST_NMI : 0 };
	}
	__asm__ volatile("lidt %0" ::"m"(pointer));
}

void early_trap(struct trapframe *f)
{
	panic_frame(f, "exception %lu before lab 03, error code %lx", f->vector, f->error);
}
