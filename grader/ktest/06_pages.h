/* What an address space has, page by page, for the tests of stage 06. */
#ifndef KTEST_06_PAGES_H
#define KTEST_06_PAGES_H

#include "vm/aspace.h"

#define RW (PROT_READ | PROT_WRITE)

/* How many of these pages are there. */
static unsigned mapped(struct aspace *as, vaddr_t from, unsigned pages)
{
	unsigned n = 0;
	int level;

	for (unsigned i = 0; i < pages; i++)
		n += (pt_lookup(as->pt, from + i * PAGE_SIZE, &level) & PTE_PRESENT) != 0;
	return n;
}

#endif
