/* Stage 06: address spaces under several CPUs at once; and what a mapping promises at its edges. */
#include "06_pages.h"

#include "core/ktest.h"

#include "core/err.h"
#include "lib/string.h"
#include "sched/smp.h"
#include "sched/thread.h"
#include "usermode/uaccess.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define COMMON 0x20000000ul /* where all threads map and unmap */
#define COMMON_PAGES 64
#define OWN 0x40000000ul    /* + i * OWN_SIZE: where thread i alone writes */
#define OWN_SIZE 0x400000ul
#define OWN_PAGES 48

enum { WORKERS = 4, STEPS = 3000 };

static struct aspace *shared;
static u32 running, wrong;

static void finish(void)
{
	aspace_activate(NULL);
	atomic_fetch_sub(&running, 1u);
}

/* Waits for the workers: false if they do not end. */
static bool all_ended(void)
{
	u64 end = time_ns() + 60 * NSEC_PER_SEC;
	while (atomic_load(&running))
		if (time_ns() > end)
			return false;
		else
			thread_sleep_ns(NSEC_PER_MSEC);
	return true;
}

static u64 next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static void churn(u64 r)
{
	vaddr_t at = COMMON + r % COMMON_PAGES * PAGE_SIZE;
	size_t len = (1 + (r >> 8) % 8) * PAGE_SIZE;

	if (at + len > COMMON + COMMON_PAGES * PAGE_SIZE)
		len = PAGE_SIZE;
	switch (r >> 16 & 3) {
	case 0:
		vm_unmap(shared, at, len);
		break;
	case 1:
		vm_protect(shared, at, len, r >> 20 & 1 ? PROT_READ : PROT_NONE);
		break;
	default:
		vm_map(shared, at, len, RW, ANON | MAP_FIXED, NULL, 0);
	}
}

static void worker(void *arg)
{
	u64 me = (u64)arg, state = 0x1234567 + me * 77777, word;
	vaddr_t own = OWN + me * OWN_SIZE;
	u64 last[OWN_PAGES] = { 0 };

	aspace_activate(shared);
	for (unsigned i = 0; i < STEPS; i++) {
		u64 r = next(&state);
		word = r;
		if (i % 8 == 0)
			churn(next(&state));
		/* May fail, may not crash, and never touches anybody else's page. */
		if (copy_to_user((void *)(COMMON + r % COMMON_PAGES * PAGE_SIZE + 8 * me), &word, 8))
			word = 0;
		unsigned page = r >> 32 & 31;
		if (copy_from_user(&word, (void *)(own + page * PAGE_SIZE), 8) || word != last[page])
			atomic_fetch_add(&wrong, 1u);
		last[page] = r | 1;
		if (copy_to_user((void *)(own + page * PAGE_SIZE), &last[page], 8))
			atomic_fetch_add(&wrong, 1u);
		if (i % 64 == 0) { /* a page of one's own goes and comes back empty */
			page = 32 + (r >> 40) % 16;
			if (vm_unmap(shared, own + page * PAGE_SIZE, PAGE_SIZE) ||
			    vm_map(shared, own + page * PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0) < 0 ||
			    copy_from_user(&word, (void *)(own + page * PAGE_SIZE), 8) || word)
				atomic_fetch_add(&wrong, 1u);
			word = r;
			if (copy_to_user((void *)(own + page * PAGE_SIZE), &word, 8))
				atomic_fetch_add(&wrong, 1u);
		}
	}
	finish();
}

KTEST(06, faults_and_unmapping_on_all_cpus)
{
	struct mem_stats before, after;

	mem_stats(&before);
	shared = aspace_create();
	KREQUIRE(shared != NULL);
	wrong = 0;
	running = WORKERS;
	for (u64 i = 0; i < WORKERS; i++)
		vm_map(shared, OWN + i * OWN_SIZE, OWN_PAGES * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
	for (u64 i = 0; i < WORKERS; i++)
		KREQUIRE(kthread_run("vm-worker", worker, (void *)i) != NULL);
	KREQUIRE(all_ended());
	KEXPECT_EQ(wrong, 0);
	KEXPECT_EQ(vm_unmap(shared, 0, USER_END), 0);
	KEXPECT_EQ(shared->total_pages, 0);
	KEXPECT_EQ(aspace_rss(shared), 0);
	aspace_put_user(shared);
	mem_stats(&after);
	KEXPECT_EQ(after.anon, before.anon);
}

/* One CPU reads a page all the time, another takes it away and gives a fresh one: after that the old contents may not be seen. */
static u32 phase;

static void reader(void *arg __unused)
{
	u64 word;

	aspace_activate(shared);
	for (u32 seen = 0; seen != ~0u; ) {
		u32 p = atomic_load(&phase);
		if (copy_from_user(&word, (void *)COMMON, 8))
			word = 0; /* between unmapping and mapping */
		if (p != seen && p != ~0u && atomic_load(&phase) == p && p % 2 && word)
			atomic_fetch_add(&wrong, 1u); /* odd phase: fresh and not yet written */
		seen = p;
	}
	finish();
}

KTEST(06, no_tlb_remembers_an_unmapped_page)
{
	u64 word = 0xdead;

	shared = aspace_create();
	KREQUIRE(shared != NULL);
	phase = 0;
	wrong = 0;
	running = 2;
	vm_map(shared, COMMON, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
	KREQUIRE(kthread_run("vm-reader", reader, NULL) != NULL);
	KREQUIRE(kthread_run("vm-reader", reader, NULL) != NULL);
	for (u32 i = 0; i < 300; i++) {
		atomic_store(&phase, 2 * i + 2);
		KEXPECT_EQ(vm_access(shared, COMMON, &word, 8, true), 8);
		if (i % 16 == 0)
			thread_sleep_ns(NSEC_PER_MSEC);
		KEXPECT_EQ(vm_unmap(shared, COMMON, PAGE_SIZE), 0);
		KEXPECT_EQ(vm_map(shared, COMMON, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0), COMMON);
		atomic_store(&phase, 2 * i + 3);
		if (i % 16 == 8)
			thread_sleep_ns(NSEC_PER_MSEC);
	}
	atomic_store(&phase, ~0u);
	KREQUIRE(all_ended());
	KEXPECT_EQ(wrong, 0);
	aspace_put_user(shared);
}

KTEST(06, zeroes_are_shared_until_written)
{
	struct aspace *as = aspace_create();
	int code, level;

	KREQUIRE(as != NULL);
	vm_map(as, COMMON, 8 * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
	u64 anon = as->anon_rss;
	KEXPECT_EQ(vm_fault(as, COMMON, VM_READ, &code), 0);
	KEXPECT_EQ(vm_fault(as, COMMON + PAGE_SIZE, VM_READ, &code), 0);
	KEXPECT_EQ(pt_lookup(as->pt, COMMON, &level) & PTE_ADDR, pt_lookup(as->pt, COMMON + PAGE_SIZE, &level) & PTE_ADDR);
	KEXPECT_EQ(pt_lookup(as->pt, COMMON, &level) & PTE_WRITE, 0);
	KEXPECT_EQ(as->anon_rss, anon);
	KEXPECT_EQ(vm_fault(as, COMMON, VM_WRITE, &code), 0);
	KEXPECT(pt_lookup(as->pt, COMMON, &level) & PTE_WRITE);
	KEXPECT(!pte_is_zero_page(pt_lookup(as->pt, COMMON, &level)));
	KEXPECT(pte_is_zero_page(pt_lookup(as->pt, COMMON + PAGE_SIZE, &level)));
	KEXPECT_EQ(as->anon_rss, anon + 1);
	aspace_put_user(as);
}

KTEST(06, a_written_page_is_zero_elsewhere)
{
	struct aspace *as = aspace_create();
	u64 dirt[64], word;

	KREQUIRE(as != NULL);
	memset(dirt, 0x5a, sizeof(dirt));
	for (unsigned round = 0; round < 3; round++) { /* the second round gets frames that the first one filled */
		vm_map(as, COMMON, 32 * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
		for (vaddr_t page = COMMON; page < COMMON + 32 * PAGE_SIZE; page += PAGE_SIZE) {
			KEXPECT_EQ(vm_access(as, page, &page, 8, true), 8);
			for (vaddr_t at = page + 512; at < page + PAGE_SIZE; at += 504) {
				if (at + 8 > page + PAGE_SIZE)
					break;
				KEXPECT_EQ(vm_access(as, at, &word, 8, false), 8);
				KEXPECT_EQ(word, 0);
			}
			for (vaddr_t at = page; at < page + PAGE_SIZE; at += sizeof(dirt))
				vm_access(as, at, dirt, sizeof(dirt), true);
		}
		KEXPECT_EQ(vm_unmap(as, COMMON, 32 * PAGE_SIZE), 0);
	}
	aspace_put_user(as);
}

KTEST(06, shared_memory_is_one_memory)
{
	struct aspace *as = aspace_create();
	u64 word = 0x5eed;

	KREQUIRE(as != NULL);
	long at = vm_map(as, 0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	KREQUIRE(at > 0);
	KEXPECT_EQ(vm_access(as, at + PAGE_SIZE, &word, 8, true), 8);
	/* Protection taken away and given back changes nothing of what is there. */
	KEXPECT_EQ(vm_protect(as, at, 4 * PAGE_SIZE, PROT_NONE), 0);
	KEXPECT_EQ(vm_access(as, at + PAGE_SIZE, &word, 8, false), 0);
	KEXPECT_EQ(vm_protect(as, at, 4 * PAGE_SIZE, PROT_READ), 0);
	word = 0;
	KEXPECT_EQ(vm_access(as, at + PAGE_SIZE, &word, 8, false), 8);
	KEXPECT_EQ(word, 0x5eed);
	KEXPECT_EQ(vm_access(as, at + PAGE_SIZE, &word, 8, true), 0);
	aspace_put_user(as);
}

KTEST(06, a_stack_grows_as_far_as_its_guard)
{
	struct aspace *as = aspace_create();
	int code = 0;

	KREQUIRE(as != NULL);
	vm_map(as, 0x70000000, 16 * PAGE_SIZE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, NULL, 0);
	KEXPECT_EQ(vm_fault(as, 0x70000000 - 64 * PAGE_SIZE, VM_WRITE, &code), 0);
	rwlock_read(&as->lock);
	KEXPECT(area_at(as, 0x70000000 - 64 * PAGE_SIZE) != NULL);
	KEXPECT(area_at(as, 0x70000000 - 65 * PAGE_SIZE) == NULL);
	rwlock_read_done(&as->lock);
	/* Something below: 256 pages must stay free between them. */
	vm_map(as, 0x70000000 - 1024 * PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_fault(as, 0x70000000 - 767 * PAGE_SIZE, VM_WRITE, &code), 0);
	KEXPECT_EQ(vm_fault(as, 0x70000000 - 800 * PAGE_SIZE, VM_WRITE, &code), -EFAULT);
	KEXPECT_EQ(code, 1); /* SEGV_MAPERR */
	aspace_put_user(as);
}

/* The optional challenge `zeroes-around`: reading memory that nobody wrote costs one fault for many pages; and nothing else is touched. */
KTEST(06, challenge_zeroes_around)
{
	enum { PAGES = 70, WRITTEN = 23 };
	struct aspace *as = aspace_create();
	vaddr_t start = COMMON + 3 * PAGE_SIZE; /* at no round place */
	unsigned faults = 0;
	u64 word = 0x5eed;
	int code, level;

	KREQUIRE(as != NULL);
	vm_map(as, start, PAGES * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0);
	vm_map(as, start - 3 * PAGE_SIZE, 3 * PAGE_SIZE, PROT_READ, ANON | MAP_FIXED, NULL, 0);
	vm_map(as, start + PAGES * PAGE_SIZE, 20 * PAGE_SIZE, PROT_READ | PROT_EXEC, ANON | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(as, start + WRITTEN * PAGE_SIZE, &word, 8, true), 8);
	KEXPECT_EQ(mapped(as, start, PAGES), 1); /* a write is for its page alone */
	pte_t written = pt_lookup(as->pt, start + WRITTEN * PAGE_SIZE, &level);
	u64 anon = as->anon_rss;

	KEXPECT_EQ(vm_fault(as, start + (WRITTEN + 1) * PAGE_SIZE, VM_READ, &code), 0);
	KEXPECT(mapped(as, start, PAGES) >= 9);
	for (unsigned i = 0; i < PAGES; i++)
		if (!mapped(as, start + i * PAGE_SIZE, 1)) {
			KEXPECT_EQ(vm_fault(as, start + i * PAGE_SIZE + 8, VM_READ, &code), 0);
			faults++;
		}
	KEXPECT(faults <= PAGES / 8);
	KEXPECT_EQ(mapped(as, start, PAGES), PAGES);
	KEXPECT_EQ(mapped(as, start - 3 * PAGE_SIZE, 3), 0); /* the neighbours have rights of their own */
	KEXPECT_EQ(mapped(as, start + PAGES * PAGE_SIZE, 20), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		pte_t e = pt_lookup(as->pt, start + i * PAGE_SIZE, &level);
		if (i == WRITTEN)
			KEXPECT_EQ(e & (PTE_ADDR | PTE_WRITE), written & (PTE_ADDR | PTE_WRITE));
		else
			KEXPECT(pte_is_zero_page(e) && !(e & PTE_WRITE) && e & PTE_NX);
	}
	KEXPECT_EQ(as->anon_rss, anon);
	/* A page that was given beforehand is as good as one that was asked for. */
	KEXPECT_EQ(vm_access(as, start + 40 * PAGE_SIZE, &word, 8, true), 8);
	KEXPECT_EQ(vm_access(as, start + 41 * PAGE_SIZE, &word, 8, false), 8);
	KEXPECT_EQ(word, 0);
	KEXPECT_EQ(as->anon_rss, anon + 1);
	aspace_put_user(as);
}
