/* What the files of mm share. */
#ifndef MM_PRIV_H
#define MM_PRIV_H

#include "mm/frame.h"
#include "mm/pagetable.h"

/* early.c: memory before there is an allocator. */
void early_init(void);                              /* reads the memory map, sets aside what is in use */
paddr_t early_alloc(u64 bytes, u64 align);          /* zeroed; panics when there is none: nothing can run then */
void early_give_all(void);                          /* the rest goes to the buddy */
paddr_t early_top(void);                            /* end of the highest memory */
/* The i-th range of memory (usable, sorted, whole frames), reserved parts included: false past the last. */
bool early_range(unsigned i, paddr_t *base, paddr_t *end);
/* The same for what the direct map covers: memory, ACPI's tables, the first MiB. */
bool early_mapped(unsigned i, paddr_t *base, paddr_t *end);
bool early_is_memory(paddr_t base, paddr_t end);    /* lies in the direct map throughout */

/* tables.c: the kernel's own page tables. */
void kernel_tables_init(void);

/* frame.c */
void frame_init(void);                              /* reserve and cache sizes, once the buddy is filled */

/* kstack.c */
u64 kstacks_free(void);                             /* kept for later */

/* heap.c */
void heap_init(void);
u64 heap_frames(void);

/* check.c */
int mm_self_check(void);

#endif
