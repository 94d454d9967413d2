/*
 * Address spaces: their life, and which CPU has which loaded.
 *
 * Two counts. `users` are the processes that live in it: when the last leaves, all areas and pages go. `ref` keeps the struct and the page tables:
 * the users count as one, and each CPU that has the root loaded holds one.
 *
 * A switch to a kernel thread leaves the root loaded ("lazy"): a kernel thread touches the kernel half alone, which is the same in all. So most
 * switches between a process and the idle thread cost nothing. The price is that a CPU may sit on the tables of a dead process;
 * its reference keeps them from being freed under it, and goes when it loads the next.
 *
 * cpu_mask has a bit for each CPU that has it loaded, lazily or not: set before the root is loaded, cleared after another one is. Who changes entries
 * and then reads the mask reaches every CPU that may have the old ones.
 *
 * A lazy CPU is not interrupted for that. It is marked, and flushes before it runs a thread of the address space again:
 *
 *             a kernel thread comes              another CPU flushes
 *     IN_USE -----------------------> LAZY -------------------------> STALE
 *        ^                              |                               |
 *        +------ a thread comes back ---+-------- and flushes ----------+
 *
 * Both ways out of LAZY are atomic, so that one of the two sees the other. Only where tables go is it interrupted all the same: a processor may walk
 * them for addresses that nobody asked for.
 */
#include "vm_priv.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/smp.h"
#include "usermode/usermode.h"

static struct slab_cache aspace_slab;
enum { TLB_IN_USE, TLB_LAZY, TLB_STALE };
struct cpu_root {
	struct aspace *loaded; /* this CPU alone, interrupts off */
	u32 tlb;               /* atomic: what the TLB knows of it */
};
static PERCPU(struct cpu_root, root);
int (*vm_copy_hook)(struct area *to, struct area *from);

struct aspace *aspace_create(void)
{
	struct aspace *as = slab_alloc(&aspace_slab, ALLOC_ZERO);
	if (!as)
		return NULL;
	as->pt = pt_new_user();
	if (!as->pt) {
		slab_free(&aspace_slab, as);
		return NULL;
	}
	refcount_set(&as->users, 1);
	refcount_set(&as->ref, 1);
	rwlock_init(&as->lock, "aspace", RANK_ASPACE);
	spin_init(&as->page_lock, "page_table", RANK_PAGETABLE);
	as->mmap_top = USER_END - (256ul << 20);
	return as;
}

void aspace_get_user(struct aspace *as)
{
	refcount_get(&as->users);
}

void aspace_get(struct aspace *as)
{
	refcount_get(&as->ref);
}

void aspace_put(struct aspace *as)
{
	if (!refcount_put(&as->ref))
		return;
	pt_free_user(as->pt);
	slab_free(&aspace_slab, as);
}

/* Readers of other processes (/proc) may still hold the lock; they find no area afterwards. */
void aspace_put_user(struct aspace *as)
{
	struct list dead;
	struct area *a;

	if (!refcount_put(&as->users))
		return;
	list_init(&dead);
	rwlock_write(&as->lock);
	vm_zap_all(as);
	while ((a = area_first(as))) {
		area_erase(as, a);
		list_add_tail(&dead, &a->dead_link);
	}
	as->brk = as->brk_start;
	rwlock_write_done(&as->lock);
	areas_release(&dead);
	aspace_put(as);
}

/* Interrupts off. */
static void load(struct aspace *as)
{
	struct cpu_root *r = percpu_ptr(root);
	struct aspace *old = r->loaded;
	u64 bit = 1ul << cpu_id();

	if (as == old) {
		if (atomic_load_relaxed(&r->tlb) != TLB_IN_USE && atomic_xchg(&r->tlb, (u32)TLB_IN_USE) == TLB_STALE)
			tlb_flush_local(0, USER_END);
		return;
	}
	aspace_get(as);
	atomic_fetch_or(&as->cpu_mask, bit);
	atomic_xchg(&r->tlb, (u32)TLB_IN_USE);
	r->loaded = as;
	write_cr3(virt_to_phys(as->pt));
	if (old) {
		atomic_fetch_and(&old->cpu_mask, ~bit);
		aspace_put(old);
	}
}

void aspace_activate(struct aspace *as)
{
	u64 irq = irq_save();
	current->aspace = as;
	if (as)
		load(as);
	irq_restore(irq);
}

static void switch_aspace(struct thread *prev __unused, struct thread *next)
{
	struct cpu_root *r = percpu_ptr(root);

	if (next->aspace)
		load(next->aspace);
	else if (atomic_load_relaxed(&r->tlb) == TLB_IN_USE)
		atomic_store_release(&r->tlb, (u32)TLB_LAZY);
}
NOTIFIER(thread_switch, switch_aspace);

/* Of these CPUs, those that have to be interrupted; the others are lazy, and flush when they come back. */
static u64 mark_stale(u64 mask)
{
	u64 busy = 0;

	for (u64 left = mask; left; left &= left - 1) {
		u32 cpu = (u32)__builtin_ctzl(left), *tlb = &percpu_ptr_of(root, cpus[cpu])->tlb;

		if (atomic_load_relaxed(tlb) != TLB_STALE && !atomic_cas(tlb, (u32)TLB_LAZY, (u32)TLB_STALE))
			busy |= 1ul << cpu;
	}
	return busy;
}

static void flush(struct aspace *as, vaddr_t start, vaddr_t end, bool even_lazy)
{
	u64 mask, self;

	preempt_disable();
	self = 1ul << cpu_id();
	/* The change before the look: a CPU that loads the root meanwhile either is in the mask or walks the changed entries. */
	smp_mb();
	mask = atomic_load(&as->cpu_mask);
	if (mask & self)
		tlb_flush_local(start, end);
	mask &= ~self;
	if (mask && !even_lazy)
		mask = mark_stale(mask);
	if (mask)
		tlb_shootdown(mask, start, end);
	preempt_enable();
}

void vm_flush(struct aspace *as, vaddr_t start, vaddr_t end)
{
	flush(as, start, end, false);
}

void vm_flush_tables(struct aspace *as)
{
	flush(as, 0, ~0ul, true);
}

/* On each CPU: one that runs a kernel thread lets go of what it has loaded. */
static void unload(void *unused __unused)
{
	struct cpu_root *r = percpu_ptr(root);
	struct aspace *old = r->loaded;

	if (!old || current->aspace)
		return;
	write_cr3(virt_to_phys(kernel_pt));
	r->loaded = NULL;
	atomic_fetch_and(&old->cpu_mask, ~(1ul << cpu_id()));
	aspace_put(old);
}

static void unload_everywhere(void) { smp_call(smp_online_mask(), unload, NULL); }
NOTIFIER(memory_settle, unload_everywhere);

/* A second struct with the same numbers and no areas. */
static void copy_layout(struct aspace *to, const struct aspace *from)
{
	to->mmap_top = from->mmap_top;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->stack_top = from->stack_top;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->vdso = from->vdso;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
}

/* Has the child to get this area's pages, or will faults find them again? */
static bool needs_copy(const struct area *a)
{
	if (a->flags & (AREA_SHARED | AREA_SPECIAL | AREA_WIPEONFORK))
		return false;
	return !a->ops || a->flags & AREA_HAS_ANON;
}

static int fork_area(struct aspace *to, struct area *from)
{
	struct area *a = area_copy(from, from->start, from->end);
	if (!a)
		return -ENOMEM;
	a->aspace = to;
	a->flags &= ~AREA_LOCKED;
	if (a->ops && a->ops->open)
		a->ops->open(a);
	area_insert(to, a);
	return needs_copy(from) ? vm_copy_hook(a, from) : 0;
}

/* The child's first step would be a fault on the page that it runs in: what the cache has around it is mapped before. */
static void map_code(struct aspace *child, const struct aspace *parent)
{
	if (!current->process || current->aspace != parent)
		return; /* a kernel thread copies somebody else's memory */
	vaddr_t pc = current_user_frame()->rip;

	rwlock_read(&child->lock);
	struct area *a = area_at(child, pc);
	if (a && a->prot & PROT_EXEC)
		vm_map_around(a, ALIGN_DOWN(pc, PAGE_SIZE));
	rwlock_read_done(&child->lock);
}

struct aspace *aspace_fork(struct aspace *from)
{
	int err = 0;

	if (!vm_copy_hook)
		return ERR_PTR(-ENOSYS);
	struct aspace *to = aspace_create();
	if (!to)
		return ERR_PTR(-ENOMEM);
	rwlock_write(&from->lock);
	copy_layout(to, from);
	if (!vm_overcommit_ok(from->data_pages))
		err = -ENOMEM;
	for (struct area *a = area_first(from); a && !err; a = area_next(a))
		if (!(a->flags & AREA_DONTFORK))
			err = fork_area(to, a);
	vm_flush(from, 0, ~0ul); /* its pages became read-only */
	rwlock_write_done(&from->lock);
	if (err) {
		aspace_put_user(to);
		return ERR_PTR(err);
	}
	map_code(to, from);
	return to;
}

/* Memory was asked for that a killed process still has: it needs the CPU to give it back. */
static void wait_for_memory(void)
{
	thread_sleep_ns(2 * NSEC_PER_MSEC);
}

static int vm_init(void)
{
	frame_wait_hook = wait_for_memory;
	area_cache_init();
	slab_cache_init(&aspace_slab, "aspace", sizeof(struct aspace), 64);
	vm_pages_init();
	vm_trap_init();
	return 0;
}
SUBSYSTEM(vm, .needs = "mm irq sched usermode file", .init = vm_init, .stage = "06-elf");
