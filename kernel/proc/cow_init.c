/* Hangs copy-on-write into the address spaces of stage 06. */
#include "proc/cow.h"

#include "core/registry.h"

/* Another thread's fault on the same page may be first, and with the other process gone, the page would be free while it is copied. */
static int write_fault(struct area *a, vaddr_t va, pte_t pte)
{
	struct frame *held;
	int err = vm_hold_shared_page(a, va, pte, &held);

	if (!err)
		err = cow_write_fault(a, va, pte);
	if (held)
		frame_put(held);
	return err;
}

static int cow_init(void)
{
	vm_copy_hook = cow_copy_area;
	vm_write_protect_hook = write_fault;
	return 0;
}
SUBSYSTEM(cow, .needs = "vm", .init = cow_init, .stage = "07-processes");
