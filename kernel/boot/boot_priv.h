/* Between the files of boot/. */
#ifndef BOOT_PRIV_H
#define BOOT_PRIV_H

#include "boot/boot.h"
#include "boot/bootinfo.h"

#define MB2_LOADER_MAGIC 0x36d76289
#define PVH_MAGIC 0x336ec578

/* PVH's struct hvm_start_info at `info` (mapped) into *bi: 0 or -EINVAL. */
int pvh_parse(const void *info, struct bootinfo *bi);
/* Sorts bi->ranges, cuts overlaps (what is not usable wins), joins neighbours. */
void bootinfo_normalise(struct bootinfo *bi);
void bootinfo_print(const struct bootinfo *bi);
/* Gives the image its rights and takes the identity mapping away. */
void early_pages_protect(void);
/* GS, GDT, TSS of CPU 0; then the IDT that dumps and halts. */
void cpu_boot_init(void);
void early_traps_init(void);

#endif
