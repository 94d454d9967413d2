/* Stage 06: memory that is given ahead (vm/ahead.c), as a thread meets it that writes page after page. */
#include "06_pages.h"

#include "core/ktest.h"

#include "sched/thread.h"
#include "usermode/uaccess.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define RUN   0x20000000ul /* written page after page */
#define EDGE  0x201fb000ul /* five pages before a table ends, and beyond */
#define APART 0x20800000ul /* every other page is written */

enum { PAGES = 64, WRITTEN = 24, TAKEN = 40, FEW = 9 };

/* The first byte of a page gets `value`: had the page to be brought by a fault of its own? */
static bool written_by_fault(struct aspace *as, vaddr_t va, u8 value)
{
	bool there = mapped(as, va, 1) == 1;

	KEXPECT_EQ(copy_to_user((void *)va, &value, 1), 0);
	return !there;
}

KTEST(06, a_run_of_writes_finds_its_pages_there)
{
	struct aspace *as = aspace_create();
	unsigned faults = 0;
	u64 counted, word;
	u8 byte;

	KREQUIRE(as != NULL);
	aspace_activate(as);
	/* What is given will be what somebody has used. */
	KEXPECT_EQ(vm_map(as, APART, PAGES * PAGE_SIZE, RW, ANON, NULL, 0), APART);
	word = 0x5eed;
	for (unsigned i = 0; i < PAGES; i++)
		KEXPECT_EQ(copy_to_user((void *)(APART + i * PAGE_SIZE + 8), &word, 8), 0);
	KEXPECT_EQ(vm_unmap(as, APART, PAGES * PAGE_SIZE), 0);
	KEXPECT_EQ(vm_map(as, RUN, PAGES * PAGE_SIZE, RW, ANON, NULL, 0), RUN);
	/* Two or three neighbours are no run. */
	for (unsigned i = 0; i < 3; i++)
		KEXPECT(written_by_fault(as, RUN + i * PAGE_SIZE, 1));
	KEXPECT_EQ(mapped(as, RUN, PAGES), 3);
	KEXPECT(!written_by_fault(as, RUN, 1));

	counted = current->min_faults;
	KEXPECT(written_by_fault(as, RUN + TAKEN * PAGE_SIZE, 77));
	for (unsigned i = 0; i < WRITTEN; i++)
		faults += written_by_fault(as, RUN + i * PAGE_SIZE, 1);
	KEXPECT(faults < WRITTEN / 2);
	/* A page is not there, and is asked for by the next write: the run goes on, past what was there already. */
	for (unsigned i = WRITTEN; i < PAGES; i++) {
		if (i != TAKEN)
			faults += written_by_fault(as, RUN + i * PAGE_SIZE, 1);
		KEXPECT(mapped(as, RUN, PAGES) <= (i + 1) * 3 / 2 + 1);
	}
	KEXPECT(faults < PAGES / 3);
	KEXPECT_EQ(current->min_faults - counted, PAGES - 3);
	KEXPECT_EQ(mapped(as, RUN, PAGES + 8), PAGES); /* and not past the end */
	for (unsigned i = 0; i < PAGES; i++) {
		KEXPECT_EQ(copy_from_user(&byte, (void *)(RUN + i * PAGE_SIZE), 1), 0);
		KEXPECT_EQ(byte, i == TAKEN ? 77 : 1);
		KEXPECT_EQ(copy_from_user(&word, (void *)(RUN + i * PAGE_SIZE + 8), 8), 0);
		KEXPECT_EQ(word, 0);
	}
	KEXPECT_EQ(as->anon_rss, PAGES);

	/* Every other page: not one more than was asked for. */
	KEXPECT_EQ(vm_map(as, APART, PAGES * PAGE_SIZE, RW, ANON, NULL, 0), APART);
	for (unsigned i = 0; i < PAGES; i += 2)
		KEXPECT(written_by_fault(as, APART + i * PAGE_SIZE, 1));
	KEXPECT_EQ(mapped(as, APART, PAGES), PAGES / 2);
	aspace_activate(NULL);
	aspace_put_user(as);
}

/* What is behind the area, or behind the table, is not touched. */
KTEST(06, nothing_is_given_ahead_across_a_border)
{
	struct aspace *as = aspace_create();

	KREQUIRE(as != NULL);
	aspace_activate(as);
	KEXPECT_EQ(vm_map(as, RUN, FEW * PAGE_SIZE, RW, ANON, NULL, 0), RUN);
	KEXPECT_EQ(vm_map(as, RUN + FEW * PAGE_SIZE, PAGES * PAGE_SIZE, PROT_READ, ANON, NULL, 0), RUN + FEW * PAGE_SIZE);
	for (unsigned i = 0; i < FEW; i++)
		written_by_fault(as, RUN + i * PAGE_SIZE, 1);
	KEXPECT_EQ(mapped(as, RUN, FEW), FEW);
	KEXPECT_EQ(mapped(as, RUN + FEW * PAGE_SIZE, PAGES), 0);

	KEXPECT_EQ(vm_map(as, EDGE, PAGES * PAGE_SIZE, RW, ANON, NULL, 0), EDGE);
	for (unsigned i = 0; i < 4; i++)
		written_by_fault(as, EDGE + i * PAGE_SIZE, 1);
	KEXPECT_EQ(mapped(as, EDGE, 5), 5);
	KEXPECT_EQ(mapped(as, EDGE + 5 * PAGE_SIZE, PAGES - 5), 0);
	KEXPECT_EQ(as->anon_rss, FEW + 5);
	for (unsigned i = 4; i < PAGES; i++)
		written_by_fault(as, EDGE + i * PAGE_SIZE, 1);
	KEXPECT_EQ(mapped(as, EDGE, PAGES + 8), PAGES);
	KEXPECT_EQ(as->anon_rss, FEW + PAGES);
	aspace_activate(NULL);
	aspace_put_user(as);
}
