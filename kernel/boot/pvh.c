/*
 * PVH: how qemu -kernel hands over (Xen's public/arch-x86/hvm/start_info.h). All addresses are physical.
 *
 *   start_info -> magic, version, flags, modules, command line, RSDP; from version 1 on the memory map
 */
#include "boot_priv.h"
#include "core/err.h"
#include "lib/string.h"

struct pvh_start_info {
	u32 magic, version, flags, module_count;
	u64 modules, cmdline, rsdp;
	u64 memmap; /* version 1 */
	u32 memmap_count, reserved;
};
struct pvh_module {
	u64 base, size, cmdline, reserved;
};
struct pvh_range {
	u64 base, length;
	u32 kind, reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "start_info.h");

int pvh_parse(const void *info, struct bootinfo *bi)
{
	const struct pvh_start_info *s = info;

	if (s->magic != PVH_MAGIC || s->version < 1)
		return -EINVAL;
	bi->loader = "PVH";
	bi->rsdp = s->rsdp;
	if (s->cmdline)
		strlcpy(bi->cmdline, phys_to_virt(s->cmdline), sizeof(bi->cmdline));
	const struct pvh_module *m = phys_to_virt(s->modules);
	for (u32 i = 0; i < s->module_count && bi->module_count < BOOT_MAX_MODULES; i++)
		bi->modules[bi->module_count++] = (struct boot_module){ .base = m[i].base, .length = m[i].size };
	const struct pvh_range *r = phys_to_virt(s->memmap);
	for (u32 i = 0; i < s->memmap_count && bi->range_count < BOOT_MAX_RANGES; i++)
		bi->ranges[bi->range_count++] = (struct mem_range){ .base = r[i].base, .length = r[i].length, .kind = r[i].kind };
	return bi->range_count ? 0 : -EINVAL;
}
