/*
 * Address spaces: a tree of areas over page tables; demand faults, copy-on-write.
 *
 * Locks: aspace->lock (sleeping, readers: faults; writers: map, unmap, protect, fork) guards the tree and the areas. page_lock (spin) guards page-table
 * entries. Frames mapped in a page table hold a reference each.
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
	void *private;
};
enum {
	AREA_SHARED = 1, AREA_STACK = 2 /* grows down */, AREA_HEAP = 4, AREA_VDSO = 8, AREA_LOCKED = 16, AREA_SPECIAL = 32 /* frames uncounted */,
	AREA_MAYWRITE = 64, AREA_MAYEXEC = 128, AREA_MAYREAD = 256, AREA_DONTFORK = 512, AREA_WIPEONFORK = 1024, AREA_DONTEXPAND = 2048, AREA_NORESERVE = 4096,
};

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
/* A copy for fork, pages shared copy-on-write: ERR_PTR(-ENOMEM). Student's page part: vm_copy_page_tables in proc/cow.c (lab 07). */
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
int vm_protect(struct aspace *as, vaddr_t addr, size_t len, u32 prot);
/* Drops the pages of [start, end) of file pages from every area that maps this cache's list (truncate): all, or private copies too. Cache lock not held. */
void vm_unmap_file_range(struct list *areas, struct spinlock *areas_lock, u64 first_pgoff, u64 end_pgoff, bool even_private);
/* Installs a cached frame read-only (or as the area's rights allow) if nothing is mapped there; for map_around. */
void vm_map_cached(struct area *a, vaddr_t va, struct frame *f);

/*
 * Student's (vm/fault.c, lab 06): resolves a fault at va. access: VM_READ/WRITE/EXEC. Takes as->lock for reading. Result: 0, or
 * -EFAULT with *code SEGV_MAPERR or SEGV_ACCERR, -EIO (SIGBUS), -ENOMEM.
 */
int vm_fault(struct aspace *as, vaddr_t va, u32 access, int *si_code);
enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4 };
/* What a write to a present, read-only page does: registered by lab 07 (copy-on-write). Page-table entry as read; as->lock held for reading. 0, or as vm_fault. */
extern int (*vm_write_protect_hook)(struct area *a, vaddr_t va, pte_t *pte);
/* Fault-in and pin of a user page for the kernel (futex key, ptrace-like reads): a counted frame or ERR_PTR. */
struct frame *vm_get_page(struct aspace *as, vaddr_t va, bool write);
/* Reads or writes another address space (/proc/PID/cmdline, environ, mem): bytes done. */
size_t vm_access(struct aspace *as, vaddr_t va, void *buf, size_t n, bool write);
/* Signal for a fault that a user program may not have: hooked by proc. */
extern void (*vm_signal_hook)(int signo, int si_code, vaddr_t addr, struct trapframe *f);
u64 aspace_rss(const struct aspace *as); /* pages */
bool vm_overcommit_ok(u64 pages);

#endif
