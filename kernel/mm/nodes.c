/* Figures of memory: /proc/meminfo, /proc/buddyinfo, /proc/slabinfo in Linux's formats. */
#include "core/node.h"

#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

static void line(struct seq *s, const char *name, u64 frames)
{
	seq_printf(s, "%-16s%8lu kB\n", name, frames * (PAGE_SIZE / 1024));
}

static int show_meminfo(struct seq *s)
{
	struct mem_stats m;

	mem_stats(&m);
	u64 file = m.cache > m.shmem ? m.cache - m.shmem : 0;
	line(s, "MemTotal:", m.total);
	line(s, "MemFree:", m.free);
	line(s, "MemAvailable:", m.free + file);
	line(s, "Buffers:", 0);
	line(s, "Cached:", m.cache);
	line(s, "SwapCached:", 0);
	line(s, "Active:", m.anon);
	line(s, "Inactive:", file);
	line(s, "Active(anon):", m.anon);
	line(s, "Inactive(anon):", m.shmem);
	line(s, "Active(file):", 0);
	line(s, "Inactive(file):", file);
	line(s, "Unevictable:", 0);
	line(s, "Mlocked:", 0);
	line(s, "SwapTotal:", 0);
	line(s, "SwapFree:", 0);
	line(s, "Dirty:", atomic_load_relaxed(&mem_dirty_frames));
	line(s, "Writeback:", atomic_load_relaxed(&mem_writeback_frames));
	line(s, "AnonPages:", m.anon);
	line(s, "Mapped:", m.mapped);
	line(s, "Shmem:", m.shmem);
	line(s, "KReclaimable:", 0);
	line(s, "Slab:", m.slab);
	line(s, "SReclaimable:", 0);
	line(s, "SUnreclaim:", m.slab);
	line(s, "KernelStack:", m.kstacks);
	line(s, "PageTables:", m.tables);
	line(s, "CommitLimit:", m.total / 2);
	line(s, "Committed_AS:", m.anon + m.shmem);
	line(s, "VmallocTotal:", (KMAP_END - KMAP_BASE) >> PAGE_SHIFT);
	line(s, "VmallocUsed:", 0);
	seq_puts(s, "VmallocChunk:          0 kB\nPercpu:                0 kB\nAnonHugePages:         0 kB\nShmemHugePages:        0 kB\nShmemPmdMapped:        0 kB\n"
		    "FileHugePages:         0 kB\nFilePmdMapped:         0 kB\nHugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
		    "HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	return 0;
}
NODE(meminfo, .path = "meminfo", .show = show_meminfo);

static int show_buddyinfo(struct seq *s)
{
	seq_printf(s, "Node 0, zone   Normal ");
	for (unsigned k = 0; k < MAX_ORDER; k++)
		seq_printf(s, "%6lu ", buddy_free_blocks(k));
	seq_puts(s, "\n");
	return 0;
}
NODE(buddyinfo, .path = "buddyinfo", .show = show_buddyinfo);

static void show_cache(struct slab_cache *c, void *arg)
{
	seq_printf(arg, "%-17s %6lu %6lu %6u %4u %4u : tunables %4d %4d %4d : slabdata %6lu %6lu %6d\n", c->name, c->objects, c->slabs * c->per_slab, c->size,
		   c->per_slab, 1u << c->order, 0, 0, 0, c->slabs, c->slabs, 0);
}

static int show_slabinfo(struct seq *s)
{
	seq_puts(s, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> "
		    ": tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	slab_for_each(show_cache, s);
	return 0;
}
NODE(slabinfo, .path = "slabinfo", .mode = 0400, .show = show_slabinfo);
