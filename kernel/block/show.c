/* Disks and partitions as text: /proc/partitions and /proc/diskstats, in Linux's form. */
#include "block_priv.h"

#include "core/node.h"
#include "core/registry.h"
#include "time/time.h"

static void show_partition(struct block_device *dev, void *arg)
{
	struct seq *s = arg;

	if (!s->len)
		seq_puts(s, "major minor  #blocks  name\n\n");
	if (!dev->sectors)
		return;
	seq_printf(s, "%4u  %7u %10lu %s\n", abi_major(dev->dev), abi_minor(dev->dev), dev->sectors / 2, dev->name);
}

static int show_partitions(struct seq *s)
{
	if (registry_state("block") == SUBSYSTEM_OK)
		block_device_for_each(show_partition, s);
	return 0;
}
NODE(partitions, .path = "partitions", .show = show_partitions);

/* As on Linux, zeroes are writes. */
static u64 of_op(const u64 counts[BLOCK_OPS], u32 op)
{
	return counts[op] + (op == BLOCK_WRITE ? counts[BLOCK_ZERO] : 0);
}

static void show_disk(struct disk *d, void *s)
{
	seq_printf(s, "%4u %7u %s", abi_major(d->whole->dev), abi_minor(d->whole->dev), d->name);
	for (u32 op = BLOCK_READ; op <= BLOCK_WRITE; op++)
		seq_printf(s, " %lu %lu %lu %lu", of_op(d->ios, op), of_op(d->merges, op), of_op(d->sectors_done, op), of_op(d->ns, op) / NSEC_PER_MSEC);
	seq_printf(s, " %u %lu %lu", d->in_flight, (d->ns[BLOCK_READ] + d->ns[BLOCK_WRITE]) / NSEC_PER_MSEC, (d->ns[BLOCK_READ] + d->ns[BLOCK_WRITE]) / NSEC_PER_MSEC);
	seq_printf(s, " %lu %lu %lu %lu %lu %lu\n", d->ios[BLOCK_DISCARD], d->merges[BLOCK_DISCARD], d->sectors_done[BLOCK_DISCARD],
		d->ns[BLOCK_DISCARD] / NSEC_PER_MSEC, d->ios[BLOCK_FLUSH], d->ns[BLOCK_FLUSH] / NSEC_PER_MSEC);
}

static int show_diskstats(struct seq *s)
{
	if (registry_state("block") == SUBSYSTEM_OK)
		disk_for_each(show_disk, s);
	return 0;
}
NODE(diskstats, .path = "diskstats", .show = show_diskstats);
