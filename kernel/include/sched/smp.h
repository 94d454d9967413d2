/* Other processors: bring-up, calls across, TLB shoot-down. */
#ifndef SCHED_SMP_H
#define SCHED_SMP_H

#include "core/notifier.h"
#include "core/percpu.h"

int smp_init(void); /* starts every CPU of the MADT (limit: maxcpus=); CPUs that do not answer are reported and left out */
/* Runs fn(arg) on each CPU in mask (bit per id), this one included if named; waits for all. Interrupts must be on; fn runs with them off. */
void smp_call(u64 mask, void (*fn)(void *arg), void *arg);
u64 smp_online_mask(void);
/* Runs on each further CPU as it comes up, interrupts off, before it takes threads: for what a subsystem sets per CPU (and sets on CPU 0 in its own init). */
NOTIFIER_DECLARE(cpu_start, struct cpu *c);

/*
 * Student's (sched/shootdown.c). Makes the CPUs in `mask` forget [start, end); waits until they did. This CPU, and those that are not
 * online, may be named in it: they are not asked.
 * While it waits it serves requests from others, so that two CPUs that shoot at each other do not stall. Callable with interrupts off, but not while a
 * lock is held that another CPU may spin for with interrupts off.
 * A range of more than 32 pages, or end == ~0, flushes everything that is not global; kernel addresses flush all with globals.
 */
void tlb_shootdown(u64 mask, vaddr_t start, vaddr_t end);
void tlb_shootdown_ipi(void *arg); /* the vector's handler */
/* Given: flushes this CPU. */
void tlb_flush_local(vaddr_t start, vaddr_t end);

#endif
