/* Stage 04: what other CPUs' TLBs forget, and when. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "core/cpu.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "sched/smp.h"
#include "sched/thread.h"
#include "steps.h"

static u32 left; /* atomic: helpers that are not through */

static bool wait_until(u32 *word, u32 value)
{
	u64 end = time_ns() + 2 * NSEC_PER_SEC;
	while (atomic_load(word) != value && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return atomic_load(word) == value;
}

#define LOOKED_AT (KMAP_END - HUGE_PAGE_SIZE) /* so far up no mapping comes */
enum { PAGES = 4 };
static u32 round_wanted, round_seen; /* atomic */
static u64 words_seen[PAGES];

static void look(void *arg __unused)
{
	for (u32 r = 1; r <= 4; r++) {
		while (atomic_load(&round_wanted) < r)
			cpu_relax();
		for (unsigned i = 0; i < PAGES; i++)
			/* Not in C: a checking kernel knows nothing of what is mapped here. */
			__asm__ volatile("movq (%1), %0" : "=r"(words_seen[i]) : "r"(LOOKED_AT + i * PAGE_SIZE));
		atomic_store(&round_seen, r);
	}
	atomic_fetch_sub(&left, 1u);
}

static void show_round(u32 r)
{
	atomic_store(&round_wanted, r);
	u64 end = time_ns() + NSEC_PER_SEC;
	while (atomic_load(&round_seen) != r && time_ns() < end)
		cpu_relax();
	KEXPECT_EQ(round_seen, r);
}

static void remap(unsigned page, struct frame *f)
{
	pt_unmap(kernel_pt, LOOKED_AT + page * PAGE_SIZE);
	pt_map(kernel_pt, LOOKED_AT + page * PAGE_SIZE, frame_to_phys(f), PTE_WRITE | PTE_NX);
}

/* With one CPU there is nobody to be told: the call must come back all the same. */
KTEST(04, another_cpus_tlb_forgets)
{
	struct frame *old = frame_alloc(0, ALLOC_ZERO), *new = frame_alloc(0, ALLOC_ZERO);
	u32 me = cpu_id(), other = me ? 0 : 1;

	KREQUIRE(old && new);
	if (cpu_count < 2) {
		tlb_shootdown(~0ul, LOOKED_AT, LOOKED_AT + PAGE_SIZE);
		tlb_shootdown(0, 0, ~0ul);
		KEXPECT_EQ(preempt_count(), 0);
		return;
	}
	*(u64 *)frame_to_virt(old) = 1;
	*(u64 *)frame_to_virt(new) = 2;
	for (unsigned i = 0; i < PAGES; i++)
		remap(i, old);
	thread_set_affinity(current, 1ul << me);
	left = 1;
	round_wanted = round_seen = 0;
	struct thread *t = thread_create("ktest", look, NULL);
	KREQUIRE(t != NULL);
	thread_get(t);
	thread_set_affinity(t, 1ul << other);
	thread_start(t);
	show_round(1);
	KEXPECT_EQ(words_seen[0] + words_seen[3], 2);
	remap(1, new); /* one page */
	tlb_shootdown(1ul << other, LOOKED_AT + PAGE_SIZE, LOOKED_AT + 2 * PAGE_SIZE);
	show_round(2);
	KEXPECT_EQ(words_seen[1], 2);
	KEXPECT_EQ(words_seen[0], 1);
	remap(0, new); /* several, this CPU in the mask as well */
	remap(2, new);
	remap(3, new);
	tlb_shootdown(smp_online_mask(), LOOKED_AT, LOOKED_AT + PAGES * PAGE_SIZE);
	KEXPECT_EQ(preempt_count(), 0);
	show_round(3);
	for (unsigned i = 0; i < PAGES; i++)
		KEXPECT_EQ(words_seen[i], 2);
	remap(3, old); /* everything */
	tlb_shootdown(smp_online_mask(), DIRECT_BASE, ~0ul);
	show_round(4);
	KEXPECT_EQ(words_seen[3], 1);
	KEXPECT(wait_until(&left, 0));
	thread_put(t);
	for (unsigned i = 0; i < PAGES; i++)
		pt_unmap(kernel_pt, LOOKED_AT + i * PAGE_SIZE);
	tlb_flush_local(LOOKED_AT, LOOKED_AT + PAGES * PAGE_SIZE);
	tlb_shootdown(smp_online_mask(), LOOKED_AT, LOOKED_AT + PAGES * PAGE_SIZE);
	thread_set_affinity(current, smp_online_mask());
}

static u32 looks, request_out, request_done; /* atomic */
static u32 stale;

static void serve_stepped(void *arg __unused)
{
	tlb_shootdown_ipi(NULL);
}

static u64 look_again(void)
{
	u64 seen;

	__asm__ volatile("movq (%1), %0" : "=r"(seen) : "r"(LOOKED_AT));
	return seen;
}

/* Whenever the sender has gone on, the page is the new one. While it may be about to, it is given the time: its host has few processors. */
static void look_between(u32 n __unused)
{
	u64 end = time_ns() + 3 * NSEC_PER_MSEC;

	while (atomic_load(&request_out) && !atomic_load(&request_done) && look_again() == 1 && time_ns() < end)
		cpu_relax();
	if (atomic_load(&request_done))
		stale += look_again() != 2;
}

static void serve_slowly(void *arg __unused)
{
	u64 flags = irq_save(), end = time_ns() + NSEC_PER_SEC;

	look_again();
	atomic_store(&looks, 1u);
	while (!atomic_load(&request_out) && time_ns() < end)
		look_again();
	while (!atomic_load(&request_done) && time_ns() < end)
		ktest_step(serve_stepped, NULL, look_between);
	irq_restore(flags);
	atomic_fetch_sub(&left, 1u);
}

/* The sender may give the page away as soon as the call is back. */
KTEST(04, who_answers_has_forgotten)
{
	struct frame *old = frame_alloc(0, ALLOC_ZERO), *new = frame_alloc(0, ALLOC_ZERO);
	u64 cpus = current->affinity;
	u32 me = cpu_id(), other = me ? 0 : 1;

	KREQUIRE(old && new);
	*(u64 *)frame_to_virt(old) = 1;
	*(u64 *)frame_to_virt(new) = 2;
	for (unsigned i = 0; i < 2 && cpu_count > 1; i++) {
		remap(0, old);
		pte_t *entry = pt_walk(kernel_pt, LOOKED_AT, false);
		thread_set_affinity(current, 1ul << me);
		left = 1;
		looks = request_out = request_done = stale = 0;
		struct thread *t = thread_create("ktest", serve_slowly, NULL);
		KREQUIRE(t && entry);
		thread_get(t);
		thread_set_affinity(t, 1ul << other);
		thread_start(t);
		KEXPECT(wait_until(&looks, 1));
		WRITE_ONCE(*entry, frame_to_phys(new) | (*entry & ~PTE_ADDR)); /* in one step: the other one looks all the time */
		atomic_store(&request_out, 1u);
		tlb_shootdown(1ul << other, LOOKED_AT, LOOKED_AT + PAGE_SIZE);
		atomic_store(&request_done, 1u);
		KEXPECT(wait_until(&left, 0));
		KEXPECT_EQ(stale, 0);
		thread_put(t);
		pt_unmap(kernel_pt, LOOKED_AT);
		tlb_flush_local(LOOKED_AT, LOOKED_AT + PAGE_SIZE);
		tlb_shootdown(smp_online_mask(), LOOKED_AT, LOOKED_AT + PAGE_SIZE);
	}
	thread_set_affinity(current, cpus);
	frame_free(old, 0);
	frame_free(new, 0);
}
