/*
 * Looking for leaks: /proc/objects counts what the kernel holds, so exactly that two readings with nothing in between agree. A test harness reads it before and
 * after a program that has ended: what grew was not given back, and has a name.
 *
 *   frames          handed out, but for those of slabs, stacks, and the kernel's own tables (which only grow, to a size that the past decided)
 *   stacks          kernel stacks in use
 *   NAME            objects in use of the slab cache NAME
 *
 * What is kept only because it may be useful again (unused names, free stacks, empty slabs, magazines, the quarantine) is let go of before, or not counted.
 *
 * In a checking kernel writing `mark` to /proc/leaks draws a line, and reading it lists who allocated the objects since then that still live.
 */
#include "mm_priv.h"

#include "core/node.h"
#include "core/panic.h"
#include "heap_check.h"

/* Frames of page tables between KMAP_BASE and KMAP_END, of which all levels below the first stay for ever. */
static u64 kmap_tables(void)
{
	const pte_t *pdpt = phys_to_virt(kernel_pt[pt_index(KMAP_BASE, 4)] & PTE_ADDR);
	u64 n = 0;

	for (unsigned i = 0; i < 512; i++) {
		if (!(pdpt[i] & PTE_PRESENT))
			continue;
		const pte_t *pd = phys_to_virt(pdpt[i] & PTE_ADDR);
		n++;
		for (unsigned k = 0; k < 512; k++)
			n += (pd[k] & PTE_PRESENT) != 0;
	}
	return n;
}

/* Lets go of all that is only kept for later: until nothing more goes, since a name may hold the one above it. Not for ever, if others are at work. */
static void settle(void)
{
	u64 objects = slab_all_in_use(), before;
	size_t freed;
	int rounds = 0;

	do {
		before = objects;
		freed = 0;
		NOTIFIER_CALL(reclaim, 1ul << 20, &freed);
		NOTIFIER_CALL(memory_settle);
		objects = slab_all_in_use();
	} while ((freed || objects < before) && ++rounds < 100);
}

struct totals {
	struct seq *out;
	u64 slab_frames;
};

static void show_one(struct slab_cache *c, void *arg)
{
	struct totals *t = arg;

	t->slab_frames += c->slabs << c->order;
	for (const char *p = c->name; *p; p++)
		seq_printf(t->out, "%c", *p == ' ' ? '_' : *p);
	seq_printf(t->out, " %lu\n", slab_in_use(c));
}

static int show_objects(struct seq *s)
{
	struct totals t = { .out = s };

	settle();
	slab_for_each(show_one, &t);
	seq_printf(s, "frames %lu\n", frame_total() - frame_free_now() - t.slab_frames - atomic_load_relaxed(&mem_kstack_frames) - kmap_tables() - heap_check_shadow_frames());
	seq_printf(s, "stacks %lu\n", atomic_load_relaxed(&mem_kstack_frames) / (KSTACK_SIZE / PAGE_SIZE) - kstacks_free());
	return 0;
}
NODE(objects, .path = "objects", .mode = 0400, .show = show_objects);

#if KASAN
static u64 marked;

void leak_mark(void)
{
	settle();
	marked = slab_all_in_use();
	heap_check_mark();
}

static void print_leaks(const void *unused __unused) { heap_check_print_since(); }

void leak_check(void)
{
	settle();
	u64 now = slab_all_in_use();
	if (now > marked)
		panic_with(print_leaks, NULL, "leak: %lu objects more than before", now - marked);
}

static int show_leaks(struct seq *s)
{
	settle();
	heap_check_drain();
	heap_check_show_since(s);
	return 0;
}

static ssize_t store_leaks(const char *text __unused, size_t len)
{
	heap_check_mark();
	return (ssize_t)len;
}
NODE(leaks, .path = "leaks", .mode = 0600, .show = show_leaks, .store = store_leaks);
#endif
