/*
 * TLB shoot-down: a page-table entry was taken away or lost rights, and other CPUs may still have it in their TLB (Intel SDM vol. 3, 4.10.5).
 *
 * Each CPU has a letter box that holds one request. The sender puts its request (on its own stack) into the box of each CPU in the mask, sends the
 * interrupt, and waits until the count of those who have not answered is 0.
 *
 * Two CPUs that send to each other with interrupts off would wait for ever. So every wait in here also serves the box of the waiting CPU.
 * A sender must not hold a lock that another CPU may spin for with interrupts off: nobody would serve that one's box.
 */
#include "sched/smp.h"

#include "core/atomic.h"
#include "core/todo.h"
#include "irq/irq.h"

#ifdef SOLUTION
struct request {
	vaddr_t start, end;
	u32 waiting; /* atomic: CPUs that did not answer yet */
};
static PERCPU(struct request *, letter_box);

/* Answers the request in this CPU's box, if there is one. Emptying the box by exchange makes sure that only one of us does it. */
static void serve(void)
{
	struct request **box = percpu_ptr(letter_box);
	struct request *r;
	if (!READ_ONCE(*box))
		return;
	r = atomic_xchg(box, (struct request *)NULL);
	if (!r)
		return;
	tlb_flush_local(r->start, r->end);
	atomic_fetch_sub(&r->waiting, 1u); /* the last touch: r lies on the sender's stack */
}
#endif

void tlb_shootdown_ipi(void *arg)
{
#ifdef SOLUTION
	(void)arg;
	serve();
#else
	TODO("04-threads");
#endif
}

void tlb_shootdown(u64 mask, vaddr_t start, vaddr_t end)
{
#ifdef SOLUTION
	struct request r = { .start = start, .end = end };

	preempt_disable();
	mask &= smp_online_mask() & ~(1ul << cpu_id());
	r.waiting = __builtin_popcountl(mask);
	for (u64 left = mask; left; left &= left - 1) {
		u32 cpu = __builtin_ctzl(left);
		struct request **box = percpu_ptr_of(letter_box, cpus[cpu]);
		while (!atomic_cas(box, (struct request *)NULL, &r)) {
			serve();
			cpu_relax();
		}
		ipi_send(cpu, VECTOR_SHOOTDOWN);
	}
	while (atomic_load(&r.waiting)) {
		serve();
		cpu_relax();
	}
	preempt_enable();
#else
	TODO("04-threads");
#endif
}
