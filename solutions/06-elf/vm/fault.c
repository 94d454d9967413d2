/*
 * The demand fault: memory that a program asked for is given when it is touched.
 *
 *                      is there an area at va?  ---- no ---> SIGSEGV, MAPERR
 *                                | yes
 *                      does it allow the access? -- no ---> SIGSEGV, ACCERR
 *                                | yes
 *                           the entry of va
 *           not there /          |            \ there, but not for writing
 *                    /     there and enough    \
 *      file, or anonymous    (another thread    zero page: a fresh page
 *      memory?                was faster)       shared:    tell the file, allow the write
 *                                               private:   copy-on-write (lab 07)
 *
 * Anonymous memory that is read first gets the one page of zeroes, read-only; a private file page is the cache's own page, read-only, until
 * it is written.
 *
 * Two threads may fault on the same page at the same time: both hold as->lock for reading. So nothing is decided for good on what was read without
 * page_lock: vm_set_pte changes an entry only if it is still what it was, else -EAGAIN, and we look again.
 */
#include "vm/aspace.h"

#include "abi/signal.h"
#include "core/err.h"
#include "core/todo.h"
#include "lib/string.h"

#ifdef SOLUTION
static bool allows(const struct area *a, u32 access)
{
	if (access & VM_WRITE)
		return a->prot & PROT_WRITE;
	if (access & VM_EXEC)
		return a->prot & PROT_EXEC;
	return a->prot & (PROT_READ | PROT_WRITE | PROT_EXEC); /* on x86 what can be written or executed can be read */
}

static u64 page_number(const struct area *a, vaddr_t va)
{
	return a->pgoff + ((va - a->start) >> PAGE_SHIFT);
}

/* Puts a page of the area's own in place of `old`, which is nothing or the zero page. */
static int install_anonymous(struct area *a, vaddr_t va, pte_t old, struct frame *f)
{
	int err = vm_set_pte(a, va, old, frame_to_phys(f) | vm_leaf_bits(a) | PTE_WRITE | PTE_DIRTY);
	if (err)
		frame_put(f);
	return err;
}

static int fault_anonymous(struct area *a, vaddr_t va, u32 access, pte_t old)
{
	if (!(access & VM_WRITE))
		return vm_set_pte(a, va, old, frame_to_phys(zero_frame) | vm_leaf_bits(a) | PTE_SPECIAL);
	struct frame *f = vm_anon_frame(ALLOC_ZERO);
	return f ? install_anonymous(a, va, old, f) : -ENOMEM;
}

/* A private mapping is written before it was read: a copy at once. */
static int fault_private_copy(struct area *a, vaddr_t va, struct frame *page)
{
	struct frame *f = vm_anon_frame(0);
	if (!f)
		return -ENOMEM;
	memcpy(frame_to_virt(f), frame_to_virt(page), PAGE_SIZE);
	return install_anonymous(a, va, 0, f);
}

static int fault_object(struct area *a, vaddr_t va, u32 access)
{
	bool shared = a->flags & AREA_SHARED, write = access & VM_WRITE;
	struct frame *page;

	if (!write && vm_map_around(a, va))
		return 0;
	int err = a->ops->fault(a, page_number(a, va), write && shared, &page);
	if (err)
		return err == -ENOMEM || err == -EAGAIN ? err : -EIO;
	if (write && !shared) {
		err = fault_private_copy(a, va, page);
		frame_put(page);
		return err;
	}
	if (write && a->ops->make_writable)
		err = a->ops->make_writable(a, page) ? -EIO : 0;
	/* Where nobody wants to hear of the first write, writing is allowed from the start. */
	bool writable = write || (shared && a->prot & PROT_WRITE && !a->ops->make_writable);
	u64 special = a->flags & AREA_SPECIAL ? PTE_SPECIAL : 0;
	if (!err)
		err = vm_set_pte(a, va, 0, frame_to_phys(page) | vm_leaf_bits(a) | special | (writable ? PTE_WRITE : 0));
	if (err || special)
		frame_put(page);
	return err;
}

/* A shared page that is there is about to be written. The object may sleep over that, and another thread take the page away and free it meanwhile. */
static int tell_object(struct area *a, vaddr_t va, pte_t pte)
{
	struct frame *page;
	int err = vm_hold_shared_page(a, va, pte, &page);

	if (err)
		return err;
	if (a->ops->make_writable(a, phys_to_frame(pte & PTE_ADDR)))
		err = -EIO;
	if (page)
		frame_put(page);
	return err;
}

/* A write to a page that is there for reading. */
static int fault_write(struct area *a, vaddr_t va, pte_t pte)
{
	if (pte_is_zero_page(pte))
		return fault_anonymous(a, va, VM_WRITE, pte);
	if (!(a->flags & AREA_SHARED))
		return vm_write_protect_hook(a, va, pte);
	int err = a->ops->make_writable ? tell_object(a, va, pte) : 0;
	return err ? err : vm_set_pte(a, va, pte, pte | PTE_WRITE | PTE_DIRTY);
}

static int fault_in_area(struct area *a, vaddr_t va, u32 access)
{
	pte_t pte = vm_read_pte(a->aspace, va);

	if (!(pte & PTE_PRESENT))
		return a->ops ? fault_object(a, va, access) : fault_anonymous(a, va, access, 0);
	if (access & VM_WRITE && !(pte & PTE_WRITE))
		return fault_write(a, va, pte);
	return vm_set_pte(a, va, pte, pte | PTE_ACCESSED); /* enough already: only this CPU's TLB did not know */
}

int vm_fault(struct aspace *as, vaddr_t va, u32 access, int *si_code)
{
	int err;

	va = ALIGN_DOWN(va, PAGE_SIZE);
	struct area *a = vm_lock_area(as, va);
	if (!a) {
		*si_code = SEGV_MAPERR;
		err = -EFAULT;
	} else if (!allows(a, access)) {
		*si_code = SEGV_ACCERR;
		err = -EFAULT;
	} else {
		do
			err = fault_in_area(a, va, access);
		while (err == -EAGAIN);
	}
	rwlock_read_done(&as->lock);
	return err;
}
#else
/*
 * Useful: vm_lock_area, vm_leaf_bits, vm_read_pte, vm_set_pte, vm_anon_frame, zero_frame, vm_map_around, vm_hold_shared_page, vm_write_protect_hook (vm/aspace.h tells
 * what each promises), and the area's ops. Give as->lock back on every way out.
 */
int vm_fault(struct aspace *as, vaddr_t va, u32 access, int *si_code)
{
	TODO("06-elf");
}
#endif
