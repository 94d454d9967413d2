/* Hangs copy-on-write into the address spaces of stage 06. */
#include "proc/cow.h"

#include "core/registry.h"

static int cow_init(void)
{
	vm_copy_hook = cow_copy_area;
	vm_write_protect_hook = cow_write_fault;
	return 0;
}
SUBSYSTEM(cow, .needs = "vm", .init = cow_init, .stage = "07-processes");
