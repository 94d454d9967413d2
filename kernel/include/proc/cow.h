/* Copy-on-write: what fork does with page tables, and the write that ends the sharing. */
#ifndef PROC_COW_H
#define PROC_COW_H

#include "vm/aspace.h"

/*
 * Student's (proc/cow.c, lab 07).
 * cow_copy_area gives the child's area `to` the pages of the parent's `from`, read-only in both. The parent's lock is held for writing, the child does not run yet;
 * the TLBs are flushed by the caller. 0 or -ENOMEM (the caller lets the half-made child go).
 */
int cow_copy_area(struct area *to, struct area *from);
/* A write to a page of a private mapping that is there for reading (entry `pte`): 0, -EAGAIN, -ENOMEM. as->lock is held for reading. */
int cow_write_fault(struct area *a, vaddr_t va, pte_t pte);

#endif
