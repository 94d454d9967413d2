/* Between the files of vm/. */
#ifndef VM_PRIV_H
#define VM_PRIV_H

#include "vm/aspace.h"

#define MAX_AREAS 65530        /* per address space, as Linux's vm.max_map_count */
#define STACK_GUARD (256 * PAGE_SIZE) /* kept free below a stack */

/* area.c: the tree. as->lock held for writing unless it says otherwise. */
void area_cache_init(void);
struct area *area_alloc(void);                        /* zeroed; NULL if memory is short */
void area_free(struct area *a);                       /* drops the file; may sleep */
void area_insert(struct aspace *as, struct area *a);
void area_erase(struct aspace *as, struct area *a);
/* Cuts a at addr, which lies inside: the upper part, or NULL if memory is short. */
struct area *area_split(struct area *a, vaddr_t addr);
/* A second area with the same file, flags and operations, not inserted and not opened; NULL if memory is short. */
struct area *area_copy(struct area *from, vaddr_t start, vaddr_t end);
/* Joins a with equal neighbours: what a became. Areas that vanish go to `dead`. */
struct area *area_merge(struct area *a, struct list *dead);
/* Makes area borders at start and end, where an area lies across: 0, -ENOMEM. */
int area_cut(struct aspace *as, vaddr_t start, vaddr_t end);
/* Moves the borders, under page_lock. */
void area_resize(struct area *a, vaddr_t start, vaddr_t end);
/* Counts pages of a kind in or out of total_pages and its kin. */
void area_account(struct aspace *as, const struct area *a, s64 pages);
/* Once the lock is dropped: closes and frees. */
void areas_release(struct list *dead);
/* Lowest address that a neighbour may reach up to: below a stack its guard. */
vaddr_t area_guard_start(const struct area *a);

/* pages.c, zap.c: page-table entries. as->lock held for writing, or nobody uses the address space any more. */
void vm_pages_init(void);
bool vm_page_removed(struct aspace *as, struct frame *f);                /* uncounts; was that its last mapping (frame_count_mapped)? page_lock held */
void vm_zap(struct aspace *as, vaddr_t start, vaddr_t end);              /* flushes, then frees; or lock held for reading */
void vm_zap_all(struct aspace *as);                                      /* nobody runs in it any more */
void vm_free_tables(struct aspace *as, vaddr_t start, vaddr_t end);      /* of a hole just made; flushes */
void vm_reprotect(struct area *a);                                       /* entries after area->prot changed */
int vm_move(struct aspace *as, vaddr_t src, vaddr_t dst, size_t len);    /* 0, -ENOMEM: some are moved, some not */

/* Anonymous frames into neighbouring entries of one table, up to the first that is taken: how many; their references go over. as->lock held for reading. */
unsigned vm_fill_entries(struct area *a, pte_t *entry, struct frame *const *frames, unsigned n);

/* ahead.c: the current thread's fault at va brought a fresh page that it writes to. Gives it the next ones if that was one of a run. */
void vm_fault_ahead(struct aspace *as, vaddr_t va);

/* map.c, limits.c */
int vm_unmap_locked(struct aspace *as, vaddr_t start, vaddr_t end, struct list *dead);
u64 vm_rlimit(unsigned which);
int vm_check_limits(struct aspace *as, u64 pages, u32 prot, u32 area_flags); /* RLIMIT_AS, RLIMIT_DATA, overcommit: 0 or -ENOMEM */
bool vm_lock_allowed(struct aspace *as, u64 more_pages);                 /* RLIMIT_MEMLOCK */
bool vm_may_lock(void);

/* protect.c: flags of all areas in a range; -ENOMEM in the end if it has holes, or what `check` answers. */
int vm_change_flags(struct aspace *as, vaddr_t start, vaddr_t end, u32 set, u32 clear, int (*check)(const struct area *a), struct list *dead);

/* The system calls behind their decoding (mremap.c, madvise.c, brk.c, lock.c). */
long vm_remap(struct aspace *as, vaddr_t addr, size_t old_len, size_t new_len, u32 flags, vaddr_t new_addr);
long vm_advise(struct aspace *as, vaddr_t addr, size_t len, int advice);
vaddr_t vm_brk(struct aspace *as, vaddr_t to);
long vm_lock(struct aspace *as, vaddr_t addr, size_t len, bool lock, bool fetch);
long vm_lock_all(struct aspace *as, int flags);
long vm_resident(struct aspace *as, vaddr_t addr, size_t len, u8 __user *vec);

/* gap.c */
vaddr_t vm_find_gap_in(struct aspace *as, vaddr_t low, vaddr_t high, size_t len); /* lowest; 0: none */
void vm_gap_freed(struct aspace *as, vaddr_t start);                     /* the hole around start grew */
bool vm_range_free(struct aspace *as, vaddr_t start, vaddr_t end);

/* shared.c: memory shared by fork, without a file. */
extern const struct vm_ops shared_memory_ops;

/* trap.c */
void vm_trap_init(void);

static inline bool range_ok(vaddr_t addr, size_t len) { return len <= USER_END && addr <= USER_END - len; }
static inline u64 pages_of(const struct area *a) { return (a->end - a->start) >> PAGE_SHIFT; }
/* The counter that a mapped frame belongs to. */
static inline u64 *rss_counter(struct aspace *as, const struct frame *f)
{
	return f->flags & FRAME_ANON ? &as->anon_rss : f->flags & FRAME_CACHE ? &as->file_rss : &as->shmem_rss;
}

#endif
