/*
 * Where a new mapping fits.
 *
 * Mappings are placed top-down below mmap_top, in the highest hole that is large enough. Walking all areas for each would cost more the more
 * there are, so two numbers are kept: no hole between gap_hint and mmap_top is larger than gap_hole. A search that needs more than that
 * starts at gap_hint. Unmapping raises the hint to the top of the hole it made.
 */
#include "vm_priv.h"

/* The area before `addr`: the last one that starts below it. */
static struct area *area_below(struct aspace *as, vaddr_t addr)
{
	struct area *best = NULL;
	for (struct rbnode *n = as->areas.root; n;) {
		struct area *a = container_of(n, struct area, node);
		if (a->start < addr) {
			best = a;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

static struct area *area_prev(struct area *a)
{
	struct rbnode *n = rb_prev(&a->node);
	return n ? container_of(n, struct area, node) : NULL;
}

/* The highest place in [USER_MIN, top) for len bytes; 0: none. Notes what it skips in *hole. */
static vaddr_t search_down(struct aspace *as, vaddr_t top, size_t len, u64 *hole)
{
	struct area *below = area_below(as, top);
	if (below && below->end > top)
		top = area_guard_start(below), below = area_prev(below);
	/* A stack just above keeps its guard. */
	struct area *above = area_find(as, top);
	if (above && area_guard_start(above) < top)
		top = area_guard_start(above);

	for (;;) {
		vaddr_t floor = below ? MAX(below->end, USER_MIN) : USER_MIN;
		if (top > floor && top - floor >= len)
			return top - len;
		if (top > floor)
			*hole = MAX(*hole, top - floor);
		if (!below)
			return 0;
		top = area_guard_start(below);
		below = area_prev(below);
	}
}

vaddr_t vm_find_gap_in(struct aspace *as, vaddr_t low, vaddr_t high, size_t len)
{
	for (struct area *a = area_find(as, low); ; a = area_next(a)) {
		vaddr_t stop = a ? MIN(MAX(area_guard_start(a), low), high) : high;
		if (stop - low >= len)
			return low;
		if (!a || a->end >= high)
			return 0;
		low = MAX(low, a->end);
	}
}

bool vm_range_free(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct area *next = area_find(as, start);
	return !next || area_guard_start(next) >= end;
}

vaddr_t vm_find_gap(struct aspace *as, vaddr_t hint, size_t len)
{
	len = ALIGN_UP(len, PAGE_SIZE);
	if (!len || len > as->mmap_top)
		return 0;
	if (hint) {
		hint = MAX(ALIGN_UP(hint, PAGE_SIZE), USER_MIN);
		if (range_ok(hint, len) && vm_range_free(as, hint, hint + len))
			return hint;
	}
	if (!as->gap_hint || as->gap_hint > as->mmap_top || len <= as->gap_hole) {
		as->gap_hint = as->mmap_top;
		as->gap_hole = 0;
	}
	vaddr_t at = search_down(as, as->gap_hint, len, &as->gap_hole);
	if (at) {
		as->gap_hint = at + len; /* not `at`: the caller may yet decide against it */
		return at;
	}
	/* Everything below is too full: above mmap_top is the last resort. */
	as->gap_hint = 0;
	return vm_find_gap_in(as, as->mmap_top, USER_END, len);
}

void vm_gap_freed(struct aspace *as, vaddr_t start)
{
	struct area *next = area_find(as, start);
	vaddr_t top = next ? next->start : as->mmap_top;

	if (as->gap_hint && top > as->gap_hint)
		as->gap_hint = MIN(top, as->mmap_top);
}
