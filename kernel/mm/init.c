/*
 * The memory of the machine, from the boot loader's map to a heap.
 *
 *   1. early.c    what is free: usable memory less the first MiB, the kernel image and the modules
 *   2. tables.c   the kernel's own page tables, and the frame table they back
 *   3. buddy.c    gets all free frames; frame.c's reserve and per-CPU caches follow from how many there are
 *   4. heap.c     slabs and kmalloc
 *
 * Read next: frame.c (frames), heap.c (objects), kmap.c (kernel mappings), kstack.c. The student's three files are the plain mechanisms
 * under them.
 */
#include "mm/frame.h"

#include "boot/bootinfo.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/screen.h"
#include "mm/slab.h"
#include "mm_priv.h"

static int mm_init(void)
{
	early_init();
	kernel_tables_init();
	buddy_init();
	early_give_all();
	frame_init();
	heap_init();
	if (bootinfo.fb.base && !bootinfo.fb.text)
		screen_move(kmap_device(bootinfo.fb.base, (size_t)bootinfo.fb.pitch * bootinfo.fb.height));
	printk("mm: %lu MiB of memory up to 0x%lx, %lu frames free", frame_total() >> 8, early_top(), frame_free_now());
	return 0;
}
SUBSYSTEM(mm, .needs = "", .init = mm_init, .stage = "02-memory");

static void run_check(void)
{
	struct mem_stats s;

	int failures = mm_self_check();
	mem_stats(&s);
	printk("mm: self-check %s", failures ? "FAILED" : "passed");
	printk("mm: total %lu KiB, free %lu KiB, heap %lu KiB, tables %lu KiB, stacks %lu KiB, largest free block %lu KiB",
	       s.total * 4, s.free * 4, s.slab * 4, s.tables * 4, s.kstacks * 4, PAGE_SIZE >> 10 << s.largest_order);
	for (unsigned k = 0; k < MAX_ORDER; k++)
		printk("mm:   free blocks of %4lu KiB: %lu", PAGE_SIZE >> 10 << k, buddy_free_blocks(k));
}
DESTINATION(2, run_check);
