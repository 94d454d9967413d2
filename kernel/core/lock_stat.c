/*
 * How often a lock was found taken: /proc/lock_stat, a line a name, the worst first. Locks of one name are counted together. Counting costs something
 * only where there is waiting anyway, so it is always on.
 *
 * Each CPU counts for itself, with interrupts off, so no lock is wanted; a reader adds up what it finds.
 */
#include "core/lock_stat.h"

#include "core/cpu.h"
#include "core/node.h"
#include "core/percpu.h"
#include "lib/string.h"

#define NAMES 64

struct lock_count {
	const char *name; /* NULL: free, and so are all behind it */
	u64 contended;
};
static PERCPU(struct lock_count[NAMES], counts);

void lock_contended(const char *name)
{
	u64 flags = irq_save();
	struct lock_count *c = *percpu_ptr(counts);

	for (u32 i = 0; i < NAMES; i++, c++) {
		if (!c->name)
			c->name = name;
		if (c->name == name) {
			c->contended++;
			break;
		}
	}
	irq_restore(flags);
}

/* Adds the counts of one CPU to sum. */
static void gather(struct lock_count *sum, const struct lock_count *c)
{
	for (u32 i = 0; i < NAMES && READ_ONCE(c[i].name); i++) {
		u32 at = 0;
		while (at < NAMES && sum[at].name && strcmp(sum[at].name, c[i].name) != 0)
			at++;
		if (at == NAMES)
			continue;
		sum[at].name = c[i].name;
		sum[at].contended += READ_ONCE(c[i].contended);
	}
}

static int show_lock_stat(struct seq *s)
{
	struct lock_count sum[NAMES] = { 0 };

	for (u32 id = 0; id < cpu_count; id++)
		gather(sum, *percpu_ptr_of(counts, cpus[id]));
	for (;;) {
		struct lock_count *worst = NULL;
		for (u32 i = 0; i < NAMES && sum[i].name; i++)
			if (sum[i].contended && (!worst || sum[i].contended > worst->contended))
				worst = &sum[i];
		if (!worst)
			return 0;
		seq_printf(s, "%-24s %lu\n", worst->name, worst->contended);
		worst->contended = 0;
	}
}
NODE(lock_stat, .path = "lock_stat", .show = show_lock_stat);
