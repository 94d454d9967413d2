/*
 * The order of the start. What every later part may rely on comes first: this CPU's data and traps, the boot loader's information, something to print with;
 * then the subsystems in the order of their needs; then wherever this kernel is going.
 */
#include "boot_priv.h"
#include "core/boot_clock.h"
#include "core/cmdline.h"
#include "core/kasan.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/screen.h"
#include "core/spinlock.h"
#include "core/uart.h"
#include "core/verdict.h"
#include "lib/string.h"

LINKER_SET_DECLARE(destinations, const struct destination);
void (*boot_destination_runner)(void (*fn)(void));

static int read_bootinfo(u32 magic, paddr_t info)
{
	if (magic == MB2_LOADER_MAGIC)
		return multiboot2_parse(phys_to_virt(info), &bootinfo);
	if (magic == PVH_MAGIC)
		return pvh_parse(phys_to_virt(info), &bootinfo);
	return -1;
}

static void consoles_init(void)
{
	const struct framebuffer *fb = &bootinfo.fb;

	console_loglevel = (int)cmdline_u64("loglevel", cmdline_has("quiet") ? 4 : 7);
	uart_console_init();
	struct screen_mode mode = { .base = fb->base, .pitch = fb->pitch, .width = fb->width, .height = fb->height, .bpp = fb->bpp, .text = fb->text,
				    .positions = { fb->red_pos, fb->green_pos, fb->blue_pos } };
	screen_init(&mode);
}

static void banner(void)
{
	printk("Switchback, x86-64\n");
	printk("loader: %s\n", bootinfo.loader ? bootinfo.loader : "?");
	printk("command line: %s\n", bootinfo.cmdline);
	printk("cpu: %s %s\n", cpu_vendor, cpu_brand);
	bootinfo_print(&bootinfo);
}

/* The farthest that is linked in. */
static const struct destination *choose_destination(void)
{
	const struct destination *best = NULL;

	LINKER_SET_FOREACH(destinations, it)
		if (!best || (*it)->stage > best->stage)
			best = *it;
	return best;
}

static void run_destination(void)
{
	const struct destination *d = choose_destination();

	printk("boot took %lu ms\n", boot_clock_ns() / 1000000);
	verdict("BOOTED %d\n", d ? d->stage : 0);
	if (d)
		d->run();
}

/* Where a boot of stage 01 ends: what the lab is about works if this line is there. */
static void boot_destination(void)
{
	static struct spinlock lock = SPINLOCK_INIT("self-check", RANK_NONE);

	spin_lock(&lock);
	ASSERT(!ticket_try_acquire(&lock.ticket));
	spin_unlock(&lock);
	printk("Stage 01: the machine is awake. Nothing more to do.\n");
}
DESTINATION(1, boot_destination);

static void __noinline __noreturn start(u32 magic, paddr_t info)
{
	cpu_boot_init();
	early_traps_init();
	cpu_features_init();
	cpu_harden();
	early_pages_protect();
	boot_clock_init();
	verdict("BOOT switchback\n");
	int err = read_bootinfo(magic, info);
	boot_cmdline = bootinfo.cmdline;
	consoles_init();
	if (err)
		panic("the boot loader's information is malformed (magic %x)", magic);
	bootinfo_normalise(&bootinfo);
	banner();
	registry_run();
	if (boot_destination_runner)
		boot_destination_runner(run_destination);
	run_destination();
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Its own frame must not have red zones: there is no shadow yet. */
void __no_sanitize kmain(u32 magic, paddr_t info)
{
	kasan_early_init();
	start(magic, info);
}
