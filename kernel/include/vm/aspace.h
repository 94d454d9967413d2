/*
 * Address spaces: a tree of areas over page tables; demand faults, copy-on-write.
 *
 * Locks: aspace->lock (sleeping, readers: faults; writers: map, unmap, protect, fork) guards the tree and the areas. page_lock (spin) guards page-table
 * entries, and is also held when start, end or pgoff of a linked area change: a page cache that walks its list of areas takes no aspace->lock.
 * Frames mapped in a page table hold a reference each (PTE_SPECIAL: none). Tables come and go under aspace->lock held for writing, or come under page_lock.
 *
 * A file's operations are called so: mmap with aspace->lock held for writing; open, close and release of the file outside of page_lock, close
 * after the pages are gone. A cache that takes a page away clears FRAME_CACHE first and unmaps then: an entry is installed only while that flag is set.
 */
#ifndef VM_ASPACE_H
#define VM_ASPACE_H

#include "abi/mman.h"
#include "file/file.h"
#include "irq/trapframe.h"
#include "lib/rbtree.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "sched/mutex.h"

struct area;
struct aspace;

struct vm_ops {
	const char *name;
	/* Provides the page at file page number `pgoff` of the area: a counted frame in *out; 0, -EFAULT/-EIO (SIGBUS), -ENOMEM. write: the page will be written through a shared mapping. May sleep. */
	int (*fault)(struct area *a, u64 pgoff, bool write, struct frame **out);
	/* A shared page is about to become writable: mark dirty, update times; 0 or -errno. */
	int (*make_writable)(struct area *a, struct frame *f);
	void (*open)(struct area *a);  /* an area was duplicated (fork, split) */
	void (*close)(struct area *a); /* an area goes */
	int (*msync)(struct area *a, vaddr_t start, vaddr_t end, int flags);
	/* Map around: installs pages of [start_pgoff, end_pgoff) that are in the cache already, through vm_map_cached. NULL: none. */
	void (*map_around)(struct area *a, vaddr_t start, vaddr_t end);
	/* mincore(2): is the page in memory? NULL: it is if it is mapped. */
	bool (*resident)(struct area *a, u64 pgoff);
	/* madvise(MADV_REMOVE): frees file pages [pgoff, pgoff + n). NULL: the file's fallocate does. */
	int (*remove)(struct area *a, u64 pgoff, u64 n);
};

struct area {
	vaddr_t start, end;     /* [start, end), page aligned */
	u32 prot;               /* PROT_* */
	u32 flags;              /* AREA_* */
	u64 pgoff;              /* file page number of start */
	struct file *file;      /* counted; NULL: anonymous */
	const struct vm_ops *ops; /* NULL: anonymous memory */
	struct aspace *aspace;
	struct rbnode node;     /* aspace->areas */
	struct list cache_link; /* page cache's list of areas that map it: the cache's lock */
	struct list dead_link;  /* while it is being taken down */
	void *private;
};
enum {
	AREA_SHARED = 1, AREA_STACK = 2 /* grows down */, AREA_HEAP = 4, AREA_VDSO = 8, AREA_LOCKED = 16, AREA_SPECIAL = 32 /* frames uncounted */,
	AREA_MAYWRITE = 64, AREA_MAYEXEC = 128, AREA_MAYREAD = 256, AREA_DONTFORK = 512, AREA_WIPEONFORK = 1024, AREA_DONTEXPAND = 2048, AREA_NORESERVE = 4096,
	AREA_HAS_ANON = 8192 /* a private file mapping that got pages of its own; set by faults */, AREA_DONTDUMP = 16384, AREA_ACCOUNT = 32768 /* counts as memory that may be asked for */,
};
/* Of a page-table entry without PRESENT: the page is there, but its area is PROT_NONE. Such an entry is not 0. */
#define PTE_NOACCESS PTE_GLOBAL

struct aspace {
	struct refcount users;  /* processes that live in it */
	struct refcount ref;    /* users count as one; others: lazy CPUs, /proc readers */
	pte_t *pt;
	struct rwlock lock;
	struct spinlock page_lock;
	struct rbtree areas;    /* lock */
	struct area *last_hit;  /* a hint, read under lock */
	u32 area_count;
	u64 cpu_mask;           /* atomic: CPUs that have it loaded */
	vaddr_t mmap_top;       /* mappings are placed below, downwards */
	vaddr_t gap_hint;       /* lock: no gap between here and mmap_top is larger than gap_hole; 0: not known */
	u64 gap_hole;           /* lock */
	u32 small_unmaps;       /* lock; paces the search for empty tables */
	bool lock_future;       /* mlockall(MCL_FUTURE): lock */
	vaddr_t brk_start, brk;
	vaddr_t stack_top, arg_start, arg_end, env_start, env_end, code_start, code_end, data_start, data_end;
	vaddr_t vdso;
	u64 total_pages, locked_pages, data_pages, stack_pages, exec_pages, shared_pages; /* areas, in pages: lock */
	u64 anon_rss, file_rss, shmem_rss, table_pages, peak_rss, peak_total; /* atomic */
	u64 auxv[48];           /* for /proc/PID/auxv */
	void *futex_key;
};

struct aspace *aspace_create(void);                 /* NULL if memory is short */
void aspace_get_user(struct aspace *as);
void aspace_put_user(struct aspace *as);            /* the last unmaps everything; may sleep */
void aspace_get(struct aspace *as);
void aspace_put(struct aspace *as);
/* Loads it on this CPU for current (exec); thread switches do it by themselves. */
void aspace_activate(struct aspace *as);
/* A copy for fork, pages shared copy-on-write: ERR_PTR(-ENOMEM). Student's page part: cow_copy_area in proc/cow.c (lab 07). */
struct aspace *aspace_fork(struct aspace *from);

/* The area that holds addr, or the first one after it; NULL. Lock held. */
struct area *area_find(struct aspace *as, vaddr_t addr);
/* The area that holds addr, else NULL. */
struct area *area_at(struct aspace *as, vaddr_t addr);
struct area *area_first(struct aspace *as);
struct area *area_next(struct area *a);

/*
 * mmap(2)'s work on any address space (exec builds the new one with it). file counted by the area. Takes the lock.
 * Address, or ERR as a negative errno: test with (s64) < 0 && > -4096.
 */
long vm_map(struct aspace *as, vaddr_t addr, size_t len, u32 prot, u32 mapflags, struct file *file, u64 pgoff);
/* An area with own operations and flags at a fixed place (vDSO, shared memory): 0 or -errno. */
int vm_map_special(struct aspace *as, vaddr_t addr, size_t len, u32 prot, u32 area_flags, const struct vm_ops *ops, void *private);
/* Where len bytes would fit; 0 if nowhere. Lock held. */
vaddr_t vm_find_gap(struct aspace *as, vaddr_t hint, size_t len);
long vm_unmap(struct aspace *as, vaddr_t addr, size_t len);
/*
 * Unmaps every area that begins at or after addr and that `wanted` says yes to, in one step: how many, or -EINTR, -ENOMEM. `wanted` is asked in the order
 * of addresses, with the lock held.
 */
long vm_unmap_areas(struct aspace *as, vaddr_t addr, bool (*wanted)(struct area *a, void *arg), void *arg);
int vm_protect(struct aspace *as, vaddr_t addr, size_t len, u32 prot);
/* Drops the pages of [start, end) of file pages from every area that maps this cache's list (truncate): all, or private copies too. Cache lock not held. */
void vm_unmap_file_range(struct list *areas, struct spinlock *areas_lock, u64 first_pgoff, u64 end_pgoff, bool even_private);
/* Installs a cached frame read-only (or as the area's rights allow) if nothing is mapped there; for map_around. */
void vm_map_cached(struct area *a, vaddr_t va, struct frame *f);

/* The same for many neighbours of one table: frames[i] (NULL: none) at va + i pages, all inside the area. */
void vm_map_cached_batch(struct area *a, vaddr_t va, struct frame *const *frames, unsigned n);
/* Takes the right to write away from shared mappings of file pages [first, end): the next write calls make_writable again (write-back). */
void vm_wrprotect_file_range(struct list *areas, struct spinlock *areas_lock, u64 first_pgoff, u64 end_pgoff);

/*
 * Student's (vm/fault.c, lab 06): resolves a fault at va. access: VM_READ/WRITE/EXEC. Takes as->lock for reading. Result: 0, or
 * -EFAULT with *code SEGV_MAPERR or SEGV_ACCERR, -EIO (SIGBUS), -ENOMEM.
 */
int vm_fault(struct aspace *as, vaddr_t va, u32 access, int *si_code);
enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4 };
/*
 * What a write to a present, read-only page of a private mapping does. Until lab 07 registers copy-on-write no page is shared, and a given function just allows the write.
 * pte: the entry as read; as->lock held for reading. 0, -EAGAIN when the entry changed meanwhile (look again), or as vm_fault.
 */
extern int (*vm_write_protect_hook)(struct area *a, vaddr_t va, pte_t pte);
/*
 * Keeps the page of entry `pte` alive while it is copied, though other threads may take it out of the entry meanwhile: *out, counted; NULL if the entry is its
 * only user. 0, or -EAGAIN when the entry is not `pte` any more.
 */
int vm_hold_shared_page(struct area *a, vaddr_t va, pte_t pte, struct frame **out);
/* Fork's page part, registered by lab 07: gives `to` (its aspace runs nowhere yet) the pages of `from`, shared copy-on-write. Both locks held for writing. 0 or -ENOMEM. */
extern int (*vm_copy_hook)(struct area *to, struct area *from);

/* Given, for the student's files (vm/pages.c, vm/area.c). */
/* Takes as->lock for reading and finds the area for a fault at va; a stack grows downwards when va lies just below it and its limit allows. NULL (the lock is held all the same): none. */
struct area *vm_lock_area(struct aspace *as, vaddr_t va);
/* A leaf entry's rights for a page of this area: PRESENT, USER, ACCESSED, and NX where it is not executable. Never WRITE. */
u64 vm_leaf_bits(const struct area *a);
/* The entry of va as it was a moment ago; 0 if there is none. as->lock held, so that no table goes away. */
pte_t vm_read_pte(struct aspace *as, vaddr_t va);
/*
 * Replaces the entry `old` of va by `new`, with all the bookkeeping: tables are made, resident pages counted, the TLBs flushed, the old page's reference dropped (unless
 * it is the same page). The caller's reference to the new page goes over to the table, on success only. 0; -EAGAIN: the entry is not `old` (any more), or
 * the page left its cache; -ENOMEM.
 */
int vm_set_pte(struct area *a, vaddr_t va, pte_t old, pte_t new);
extern struct frame *zero_frame;  /* one page of zeroes, mapped (PTE_SPECIAL, read-only) wherever anonymous memory is read before it is written */
static inline bool pte_is_zero_page(pte_t pte) { return pte & PTE_PRESENT && (pte & PTE_ADDR) == frame_to_phys(zero_frame); }
/* Maps what the cache has around va: true if va itself is mapped then. */
bool vm_map_around(struct area *a, vaddr_t va);
/* The first level-1 table that maps something at or after *va: its entry for *va, which is moved there. NULL: none below end. page_lock or as->lock (for writing) held. */
pte_t *vm_next_table(pte_t *root, vaddr_t *va, vaddr_t end);
/* Where that table ends, or `end` if that comes first. */
static inline vaddr_t vm_table_end(vaddr_t va, vaddr_t end) { vaddr_t next = ALIGN_DOWN(va, LARGE_PAGE_SIZE) + LARGE_PAGE_SIZE; return next < end ? next : end; }
/* The entry of va, its tables made; NULL: memory is short. May sleep; as->lock held. */
pte_t *vm_make_table(struct aspace *as, vaddr_t va);
/* When it returns, no CPU uses what [start, end) was before. Serves others that flush meanwhile, so a spinlock may be held, but none that is taken with interrupts off. */
void vm_flush(struct aspace *as, vaddr_t start, vaddr_t end);
/* The same for all of `as`, when page tables are about to be freed. */
void vm_flush_tables(struct aspace *as);
/* For fork: one more mapping of f, in an area of an address space that nobody uses yet: takes a reference and counts it. The entry is the caller's work. */
void vm_share_page(struct area *to, struct frame *f);
/* A user write fault's new page of anonymous memory (contents not set); NULL: memory is short. */
struct frame *vm_anon_frame(unsigned alloc_flags);

/* Fault-in and pin of a user page for the kernel (futex key, ptrace-like reads): a counted frame or ERR_PTR. */
struct frame *vm_get_page(struct aspace *as, vaddr_t va, bool write);
/* Reads or writes another address space (/proc/PID/cmdline, environ, mem): bytes done. */
size_t vm_access(struct aspace *as, vaddr_t va, void *buf, size_t n, bool write);
/* Signal for a fault that a user program may not have: hooked by proc. */
extern void (*vm_signal_hook)(int signo, int si_code, vaddr_t addr, struct trapframe *f);
/* Gives a new area memory of its own that its copies share (fork): what mmap of /dev/zero does. 0 or -ENOMEM. */
int shared_memory_attach(struct area *a);
u64 aspace_rss(const struct aspace *as); /* pages */
bool vm_overcommit_ok(u64 pages);
/* May current lock more than its limit (CAP_IPC_LOCK)? Set by proc; NULL: yes. */
extern bool (*vm_may_lock_hook)(void);
/* Faults [start, end) in, as far as there are areas and they allow it: 0, or the first error. */
int vm_populate(struct aspace *as, vaddr_t start, vaddr_t end, bool write);
/* msync(2) on an address space (sys_msync is the VFS's). */
long vm_sync(struct aspace *as, vaddr_t addr, size_t len, int flags);
/* For /proc/PID/maps: "[heap]", "[stack]", "[vdso]", "/dev/zero (deleted)", or "" for an area without file. Lock held. */
const char *area_label(const struct area *a);
/* For /proc/PID/smaps and pagemap: what is mapped of an area. Lock held. */
struct area_usage {
	u64 anon, file, shared, zero; /* pages */
};
void area_usage(struct area *a, struct area_usage *u);

#endif
