/*
 * Memory given ahead: who writes to fresh memory page after page finds the next pages there before touching them.
 *
 *     page     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  10
 *     fault    x  x  x  x        x           x                 x
 *     gives             '-> 4,5  '-> 7,8,9   '-> b..f
 *
 * A fault costs several times what the page's zeroes cost, most of it for the exception itself. A run of faults in neighbouring pages, upwards, says
 * that more will come; each then brings half as many pages as the run has, at most AHEAD_MOST. So a program that stops has at most half as much again as
 * it touched, and one that writes a little here and there has not a page more.
 *
 * Nothing depends on it: when memory is short, at the border of a table or of an area, or where something is mapped already, it stops.
 */
#include "vm_priv.h"

#include "sched/thread.h"

#define AHEAD_MOST 16u
#define RUN_LEAST  4u /* a run so long is no accident */

/* Gives fresh pages at va and behind, at most n, as long as there is nothing in their entries: how many. All in one table. as->lock held for reading. */
static unsigned give(struct area *a, vaddr_t va, unsigned n)
{
	struct aspace *as = a->aspace;
	struct frame *frames[AHEAD_MOST];
	pte_t *entry = pt_walk(as->pt, va, false);
	unsigned have = 0, used = 0;

	if (!entry)
		return 0;
	while (have < n && !READ_ONCE(entry[have]) && (frames[have] = vm_anon_frame(ALLOC_ZERO | ALLOC_NOWAIT)))
		have++;
	if (have)
		used = vm_fill_entries(a, entry, frames, have);
	for (unsigned i = used; i < have; i++)
		frame_put(frames[i]);
	return used;
}

void vm_fault_ahead(struct aspace *as, vaddr_t va)
{
	struct thread *t = current;
	vaddr_t next = ALIGN_DOWN(va, PAGE_SIZE) + PAGE_SIZE;

	t->fault_run = next - PAGE_SIZE == t->fault_next ? t->fault_run + 1 : 1;
	t->fault_next = next;
	if (t->fault_run < RUN_LEAST)
		return;

	rwlock_read(&as->lock);
	struct area *a = area_at(as, next);
	if (a && !a->ops && a->prot & PROT_WRITE) {
		vaddr_t end = MIN(a->end, vm_table_end(next, a->end));
		unsigned given = give(a, next, (unsigned)MIN((u64)MIN(t->fault_run / 2, AHEAD_MOST), (end - next) >> PAGE_SHIFT));
		t->fault_run += given;
		t->fault_next += given * PAGE_SIZE;
		t->min_faults += given; /* the faults that it spares: who asks wants to know about pages */
	}
	rwlock_read_done(&as->lock);
}
