/* x86-64 page tables, 4 levels (Intel SDM vol. 3, 4.5). */
#ifndef MM_PAGETABLE_H
#define MM_PAGETABLE_H

#include "core/compiler.h"
#include "core/debug.h"
#include "core/notifier.h"
#include "lib/list.h"
#include "mm/layout.h"

struct frame;
typedef u64 pte_t;
#define PTE_PRESENT (1ul << 0)
#define PTE_WRITE (1ul << 1)
#define PTE_USER (1ul << 2)
#define PTE_PWT (1ul << 3)
#define PTE_PCD (1ul << 4)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY (1ul << 6)
#define PTE_LARGE (1ul << 7) /* in levels 2 and 3 */
#define PTE_GLOBAL (1ul << 8)
#define PTE_COW (1ul << 9)     /* software: private page shared after fork, write makes a copy */
#define PTE_SPECIAL (1ul << 10) /* software: frame is not counted (vDSO, device memory) */
#define PTE_NX (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul

static inline unsigned pt_index(vaddr_t va, int level) { return va >> (12 + 9 * (level - 1)) & 511; } /* level 4 … 1 */

/* The first index from i on whose entry is not 0; `count` if there is none. Eight at a time: tables are mostly empty. */
static inline unsigned pt_skip_empty(const pte_t *table, unsigned i, unsigned count)
{
	while (i < count && !table[i]) {
		i++;
		while (i + 8 <= count && !(table[i] | table[i + 1] | table[i + 2] | table[i + 3] | table[i + 4] | table[i + 5] | table[i + 6] | table[i + 7]))
			i += 8;
	}
	return i;
}

/*
 * Student's (mm/pagetable.c). `root` is the top-level table (direct map address). Locking is the caller's.
 * Intermediate tables get PRESENT|WRITE(|USER for user addresses); leaves carry the rights.
 */
/* The leaf entry of va at level 1; with `create`, missing tables are made (NULL: out of memory). NULL if absent, or a large page covers it. */
pte_t *pt_walk(pte_t *root, vaddr_t va, bool create);
/* Maps one 4 KiB page: 0, -EEXIST if something is mapped there, -ENOMEM. */
int pt_map(pte_t *root, vaddr_t va, paddr_t pa, u64 prot);
/* Removes the mapping; the old entry, 0 if none. Does not flush. */
pte_t pt_unmap(pte_t *root, vaddr_t va);
/* Translates, large pages included: the entry and its level; 0 if not mapped. */
pte_t pt_lookup(pte_t *root, vaddr_t va, int *level);
/* Frees all tables (not the pages they map) that lie wholly inside user range [start, end). */
void pt_free_tables(pte_t *root, vaddr_t start, vaddr_t end);

/* Given (mm/tables.c): zeroed tables, counted. alloc does not sleep when preemption is off; NULL if memory is short. */
pte_t *pt_table_alloc(void);
/* Frees a table, or hands it to the innermost gather of this CPU (preemption off between the two calls), so that it outlives a TLB flush. */
void pt_table_free(pte_t *table);
void pt_gather_begin(struct list *gather);
void pt_gather_end(void);
void pt_gather_free(struct list *gather); /* after the flush */

/* Given (mm/tables.c, mm/kmap.c). */
extern pte_t *kernel_pt;                 /* the kernel's own root */
pte_t *pt_new_user(void);                /* a root with the kernel half copied; NULL if memory is short */
void pt_free_user(pte_t *root);
/* Kernel virtual areas, with an unmapped guard page at each end. May sleep. */
void *kmap_pages(struct frame **frames, size_t n, u64 prot);
void *kmap_alloc(size_t bytes, unsigned alloc_flags); /* vmalloc: backed page by page; NULL if memory is short */
size_t kmap_size(const void *addr);       /* bytes of an area, whole pages */
void kmap_free(void *addr);               /* unmaps, and frees the frames of kmap_alloc */
/* Maps device registers, uncached, or ordinary physical memory read-only/read-write. Works from mm's init on. */
void *kmap_device(paddr_t pa, size_t bytes);
void *kstack_alloc(void);                 /* KSTACK_SIZE bytes with a guard page below; cached per CPU. Lowest address, NULL if short */
void kstack_free(void *stack);
#define KSTACK_CANARY 0x57acc0de57acc0deul /* lowest word of a stack in a checking kernel */
#define KSTACK_SIZE (KASAN ? 32 * 1024ul : 16 * 1024ul) /* red zones take room */

/* Asked to make [start, end) of the kernel half be forgotten by all other CPUs' TLBs (sched's shoot-down hooks it). The caller flushes its own CPU. */
NOTIFIER_DECLARE(kernel_tlb_flush, vaddr_t start, vaddr_t end);
/* Memory is short: free what can be freed (page cache, dentries); *freed counts frames. May sleep. */
NOTIFIER_DECLARE(reclaim, size_t want, size_t *freed);
/* Memory that waits for somebody (a grace period) before it can be freed is freed now, if nobody is left (mm/leak.c wants exact counts). May sleep. */
NOTIFIER_DECLARE(memory_settle, void);
/* Reclaim brought nothing: kill a process. *killed: 1 another one (it may take a moment to go), 2 the caller's own: its allocation fails now. May sleep. */
NOTIFIER_DECLARE(out_of_memory, int *killed);

#endif
