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


void tlb_shootdown_ipi(void *arg)
{
	TODO("04-threads");
}

void tlb_shootdown(u64 mask, vaddr_t start, vaddr_t end)
{
	TODO("04-threads");
}
