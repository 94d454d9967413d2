/*
 * Areas: the tree, and how areas are cut and joined.
 *
 * Invariants:
 *  1. Areas of an address space do not overlap, and are sorted by address in the tree.
 *  2. Neighbours that are equal in everything but their place are one area (area_merge after every change), as /proc/PID/maps shows.
 *  3. A linked area's start, end and pgoff change under page_lock as well as the lock: a page cache's walks (file_range.c) see them whole.
 *  4. At each moment every mapped page of a file lies inside an area that is on the cache's list. So a new part is opened before the old one
 *     shrinks, and a joined one grows before the other is closed.
 */
#include "vm_priv.h"

#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache area_slab;

void area_cache_init(void)
{
	slab_cache_init(&area_slab, "area", sizeof(struct area), 0);
}

struct area *area_alloc(void)
{
	struct area *a = slab_alloc(&area_slab, ALLOC_ZERO);
	if (a) {
		list_init(&a->cache_link);
		list_init(&a->dead_link);
	}
	return a;
}

void area_free(struct area *a)
{
	if (a->file)
		file_put(a->file);
	slab_free(&area_slab, a);
}

struct area *area_find(struct aspace *as, vaddr_t addr)
{
	struct area *hit = READ_ONCE(as->last_hit);
	if (hit && addr >= hit->start && addr < hit->end)
		return hit;

	struct area *best = NULL;
	for (struct rbnode *n = as->areas.root; n;) {
		struct area *a = container_of(n, struct area, node);
		if (addr < a->end) {
			best = a;
			if (addr >= a->start) {
				WRITE_ONCE(as->last_hit, a);
				break;
			}
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct area *area_at(struct aspace *as, vaddr_t addr)
{
	struct area *a = area_find(as, addr);
	return a && a->start <= addr ? a : NULL;
}

static struct area *from_node(struct rbnode *n)
{
	return n ? container_of(n, struct area, node) : NULL;
}

struct area *area_first(struct aspace *as)
{
	return from_node(rb_first(&as->areas));
}

struct area *area_next(struct area *a)
{
	return from_node(rb_next(&a->node));
}

vaddr_t area_guard_start(const struct area *a)
{
	if (!(a->flags & AREA_STACK))
		return a->start;
	return a->start > STACK_GUARD ? a->start - STACK_GUARD : 0;
}

void area_account(struct aspace *as, const struct area *a, s64 pages)
{
	as->total_pages += pages;
	as->peak_total = MAX(as->peak_total, as->total_pages);
	if (a->flags & AREA_LOCKED)
		as->locked_pages += pages;
	if (a->file)
		as->shared_pages += pages;
	if (a->flags & AREA_STACK)
		as->stack_pages += pages;
	else if (a->prot & PROT_WRITE && !(a->flags & AREA_SHARED))
		as->data_pages += pages;
	if (a->prot & PROT_EXEC && !(a->prot & PROT_WRITE))
		as->exec_pages += pages;
}

void area_insert(struct aspace *as, struct area *a)
{
	struct rbnode **link = &as->areas.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = a->start < container_of(parent, struct area, node)->start ? &parent->left : &parent->right;
	}
	rb_insert(&as->areas, &a->node, parent, link);
	as->area_count++;
	area_account(as, a, pages_of(a));
}

void area_erase(struct aspace *as, struct area *a)
{
	rb_erase(&as->areas, &a->node);
	as->area_count--;
	if (as->last_hit == a)
		as->last_hit = NULL;
	area_account(as, a, -(s64)pages_of(a));
}

void area_resize(struct area *a, vaddr_t start, vaddr_t end)
{
	struct aspace *as = a->aspace;

	area_account(as, a, -(s64)pages_of(a));
	spin_lock(&as->page_lock);
	a->pgoff += (s64)(start - a->start) >> PAGE_SHIFT;
	a->start = start;
	a->end = end;
	spin_unlock(&as->page_lock);
	area_account(as, a, pages_of(a));
}

struct area *area_copy(struct area *from, vaddr_t start, vaddr_t end)
{
	struct area *a = area_alloc();
	if (!a)
		return NULL;
	a->start = start;
	a->end = end;
	a->prot = from->prot;
	a->flags = from->flags;
	a->pgoff = from->pgoff + ((s64)(start - from->start) >> PAGE_SHIFT);
	a->file = from->file;
	a->ops = from->ops;
	a->aspace = from->aspace;
	a->private = from->private;
	if (a->file)
		file_get(a->file);
	return a;
}

struct area *area_split(struct area *a, vaddr_t addr)
{
	struct area *upper = area_copy(a, addr, a->end);
	if (!upper)
		return NULL;
	if (upper->ops && upper->ops->open)
		upper->ops->open(upper);
	area_resize(a, a->start, addr);
	area_insert(a->aspace, upper);
	return upper;
}

int area_cut(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct area *a = area_at(as, start), *b = area_at(as, end);
	u32 cuts = (a && a->start < start) + (b && b->start < end);

	if (cuts && as->area_count + cuts > MAX_AREAS)
		return -ENOMEM;
	if (a && a->start < start && !area_split(a, start))
		return -ENOMEM;
	b = area_at(as, end);
	if (b && b->start < end && !area_split(b, end))
		return -ENOMEM;
	return 0;
}

/* Flags that tell nothing about what the area is. */
#define NOT_IDENTITY AREA_HAS_ANON

static bool joinable(const struct area *low, const struct area *high)
{
	if (low->end != high->start || low->prot != high->prot || low->ops != high->ops || low->file != high->file || low->private != high->private)
		return false;
	if ((low->flags ^ high->flags) & ~NOT_IDENTITY)
		return false;
	if (low->flags & (AREA_VDSO | AREA_SPECIAL))
		return false;
	return !low->ops || low->pgoff + pages_of(low) == high->pgoff;
}

/* high becomes part of low. */
static void join(struct area *low, struct area *high, struct list *dead)
{
	vaddr_t end = high->end;

	area_erase(low->aspace, high);
	if (high->flags & AREA_HAS_ANON)
		atomic_fetch_or(&low->flags, (u32)AREA_HAS_ANON);
	area_resize(low, low->start, end);
	list_add_tail(dead, &high->dead_link);
}

struct area *area_merge(struct area *a, struct list *dead)
{
	struct area *next = area_next(a), *prev = from_node(rb_prev(&a->node));

	if (next && joinable(a, next))
		join(a, next, dead);
	if (prev && joinable(prev, a)) {
		join(prev, a, dead);
		return prev;
	}
	return a;
}

void areas_release(struct list *dead)
{
	struct area *a, *next;

	list_for_each_safe(a, next, dead, dead_link) {
		list_del(&a->dead_link);
		if (a->ops && a->ops->close)
			a->ops->close(a);
		area_free(a);
	}
}

const char *area_label(const struct area *a)
{
	const struct aspace *as = a->aspace;

	if (a->flags & AREA_VDSO)
		return a->ops && a->ops->name ? a->ops->name : "[vdso]";
	if (a->ops == &shared_memory_ops)
		return "/dev/zero (deleted)";
	if (a->file)
		return "";
	if (as->brk > as->brk_start && a->start <= as->brk && a->end >= as->brk_start)
		return "[heap]";
	if (as->stack_top && a->start < as->stack_top && a->end >= as->stack_top)
		return "[stack]";
	return "";
}
