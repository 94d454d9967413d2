/*
 * The page fault exception.
 *
 *   from ring 3 (by the saved CS)       vm_fault; if that cannot help, a signal
 *   from the kernel, in a user copy     vm_fault if it may sleep here; else, or if that cannot help, the copy's landing place (fix-up table)
 *   from the kernel, anywhere else      a bug: back to the dispatcher, which panics
 *
 * "In a user copy" means that the instruction is in the fix-up table: no other code touches user memory, so a wild pointer of the kernel
 * is never taken for a demand fault.
 */
#include "vm_priv.h"

#include "abi/signal.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "irq/irq.h"
#include "sched/events.h"

/* So often a fault is tried again while there is, or comes, memory for it. */
#define FAULT_TRIES 1000

void (*vm_signal_hook)(int signo, int si_code, vaddr_t addr, struct trapframe *f);

static bool may_sleep(const struct trapframe *f, const struct thread *t)
{
	return f->rflags & RFLAGS_IF && !preempt_count() && !t->pagefault_off;
}

static u32 access_of(u64 error)
{
	return error & PF_WRITE ? VM_WRITE : error & PF_FETCH ? VM_EXEC : VM_READ;
}

/* A fault of a user program that could not be resolved: true if dealt with. Interrupts on. */
static bool punish(struct trapframe *f, int err, int code, vaddr_t va)
{
	if (err == -ENOMEM && thread_killed())
		return true; /* it was chosen to make room */
	if (!vm_signal_hook)
		return false;
	if (err == -ENOMEM)
		vm_signal_hook(SIGKILL, 0, va, f);
	else if (err == -EIO)
		vm_signal_hook(SIGBUS, BUS_ADRERR, va, f);
	else
		vm_signal_hook(SIGSEGV, code, va, f);
	return true;
}

static bool page_fault(struct trapframe *f)
{
	vaddr_t va = read_cr2();
	struct thread *t = current;
	bool user = trapframe_from_user(f), done = true;
	int code = SEGV_MAPERR, err = -EFAULT;

	if (f->error & PF_RESERVED)
		panic_frame(f, "page table of 0x%lx is damaged", va);
	if (!user && (va >= USER_END || !t || !t->aspace || !may_sleep(f, t) || !trap_has_fixup(f)))
		return false;

	event(EVENT_FAULT, t->tid, f->error, va, f->rip);
	irq_enable();
	/*
	 * A page that is there, and an access that the CPU did not make as a user's, though ring 3 runs: no page that we bring will help. (A processor only does so
	 * for its own tables; an emulator's far return reads the stack so, which SMAP then refuses for ever.)
	 */
	if (user && f->error & PF_PRESENT && !(f->error & PF_USER))
		code = SEGV_ACCERR;
	else if (va < USER_END && t->aspace)
		err = vm_fault(t->aspace, va, access_of(f->error), &code);
	/* A fault, of the program or of a copy for it, does not fail for want of memory while another process can be made to give some. */
	for (int tries = 0; err == -ENOMEM && !thread_killed() && tries < FAULT_TRIES && frame_make_room(0); tries++)
		err = vm_fault(t->aspace, va, access_of(f->error), &code);
	if (!err) {
		t->min_faults++;
		if ((f->error & (PF_PRESENT | PF_WRITE)) == PF_WRITE)
			vm_fault_ahead(t->aspace, va);
	} else {
		done = user ? punish(f, err, code, va) : false;
	}
	irq_disable();
	event(EVENT_FAULT_END, t->tid, f->error, done, 0);
	return done;
}

void vm_trap_init(void)
{
	trap_register(TRAP_PAGE_FAULT, page_fault);
}
