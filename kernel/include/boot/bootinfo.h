/* What the boot loader told, in one form whether it came by Multiboot2 (GRUB) or PVH (qemu -kernel). */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include "core/compiler.h"

enum mem_kind { MEM_USABLE = 1, MEM_RESERVED, MEM_ACPI, MEM_NVS, MEM_BAD };
struct mem_range {
	paddr_t base;
	u64 length;
	u32 kind; /* enum mem_kind; E820's numbers */
};
struct boot_module {
	paddr_t base;
	u64 length;
};
struct framebuffer {
	paddr_t base; /* 0: none */
	u32 pitch, width, height;
	u8 bpp;
	u8 red_pos, green_pos, blue_pos;
	bool text; /* EGA text mode at base */
};
#define BOOT_MAX_RANGES 128
#define BOOT_MAX_MODULES 8
struct bootinfo {
	const char *loader; /* "PVH" or the loader's name */
	char cmdline[2048];
	struct mem_range ranges[BOOT_MAX_RANGES]; /* sorted, not overlapping */
	u32 range_count;
	struct boot_module modules[BOOT_MAX_MODULES]; /* initramfs parts, in order */
	u32 module_count;
	paddr_t rsdp; /* 0: search the BIOS area */
	u8 rsdp_copy[36] __aligned(8); /* Multiboot2 hands a copy over: it is kept here, and rsdp points at it */
	struct framebuffer fb;
};
extern struct bootinfo bootinfo;

/* Student's (boot/multiboot2.c): walks the tags at `info` (mapped) into *bi. 0, or -EINVAL if the structure is malformed. */
int multiboot2_parse(const void *info, struct bootinfo *bi);
/* Frees the memory of the modules once the initramfs is unpacked (mm hooks it). */

#endif
