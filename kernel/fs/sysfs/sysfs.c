/*
 * sysfs, as much as programs ask: CPUs (nproc, lscpu, sysconf), terminals and memory devices (mdev -s, ttyname), a few
 * empty directories that are looked for. It is the tree of NODE("sys:…") and what is put together here at the start.
 *
 *   devices/system/cpu/{online,possible,present,cpuN/…}
 *   devices/virtual/{tty,mem}/NAME/{dev,uevent,subsystem}    class/{tty,mem}/NAME and dev/char/M:N are links to it
 */
#include "abi/stat.h"
#include "block/block.h"
#include "core/percpu.h"
#include "core/registry.h"
#include "fs/procfs/nodetree.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define SYSFS_MAGIC 0x62656572

static struct tree_node *root_node;

static int show_text(struct seq *s)
{
	seq_printf(s, "%s\n", (const char *)s->arg);
	return 0;
}

static void text(struct tree_node *at, const char *path, const char *value)
{
	const char *copy = kstrdup(value, 0);
	struct tree_node *n = copy ? nodetree_file(at, path, 0444, show_text, (void *)copy) : NULL;
	if (n)
		n->size = 4096;
}

static void link(struct tree_node *at, const char *path, const char *target)
{
	struct tree_node *n = nodetree_link(at, path, target);
	if (n)
		n->size = 0;
}

/* CPUs first to last as a mask and as a list. */
static void cpu_mask(char *out, size_t size, u32 first, u32 last)
{
	ksnprintf(out, size, "%lx", (last - first >= 63 ? ~0ul : (1ul << (last - first + 1)) - 1) << first);
}

static void cpu_list(char *out, size_t size, u32 first, u32 last)
{
	ksnprintf(out, size, first == last ? "%u" : "%u-%u", first, last);
}

static void add_cpu_set(struct tree_node *cpus, u32 id, const char *name, u32 first, u32 last)
{
	char path[48], value[24];

	ksnprintf(path, sizeof(path), "cpu%u/topology/%s", id, name);
	cpu_mask(value, sizeof(value), first, last);
	text(cpus, path, value);
	/* thread_siblings_list beside thread_siblings, core_cpus_list beside core_cpus. */
	ksnprintf(path, sizeof(path), "cpu%u/topology/%s_list", id, name);
	cpu_list(value, sizeof(value), first, last);
	text(cpus, path, value);
}

/* All memory and all CPUs are one node. */
static void add_node(struct tree_node *root)
{
	char value[24];
	struct tree_node *node = nodetree_dir(root, "devices/system/node");

	if (!node)
		return;
	text(node, "online", "0");
	text(node, "possible", "0");
	text(node, "has_cpu", "0");
	text(node, "has_memory", "0");
	text(node, "has_normal_memory", "0");
	cpu_mask(value, sizeof(value), 0, cpu_count - 1);
	text(node, "node0/cpumap", value);
	cpu_list(value, sizeof(value), 0, cpu_count - 1);
	text(node, "node0/cpulist", value);
	text(node, "node0/distance", "10");
}

static void add_cpus(struct tree_node *root)
{
	char range[16], path[48], value[24];
	struct tree_node *cpu = nodetree_dir(root, "devices/system/cpu");
	if (!cpu)
		return;
	cpu_list(range, sizeof(range), 0, cpu_count - 1);
	text(cpu, "online", range);
	text(cpu, "possible", range);
	text(cpu, "present", range);
	text(cpu, "offline", "");
	ksnprintf(value, sizeof(value), "%u", MAX_CPUS - 1);
	text(cpu, "kernel_max", value);
	for (u32 id = 0; id < cpu_count; id++) {
		ksnprintf(path, sizeof(path), "cpu%u/topology/core_id", id);
		ksnprintf(value, sizeof(value), "%u", id);
		text(cpu, path, value);
		ksnprintf(path, sizeof(path), "cpu%u/topology/physical_package_id", id);
		text(cpu, path, "0");
		ksnprintf(path, sizeof(path), "cpu%u/topology/die_id", id);
		text(cpu, path, "0");
		/* A core of its own for each thread, and one package for all, by the old names and the new. */
		add_cpu_set(cpu, id, "thread_siblings", id, id);
		add_cpu_set(cpu, id, "core_cpus", id, id);
		add_cpu_set(cpu, id, "core_siblings", 0, cpu_count - 1);
		add_cpu_set(cpu, id, "die_cpus", 0, cpu_count - 1);
		add_cpu_set(cpu, id, "package_cpus", 0, cpu_count - 1);
		if (id) {
			ksnprintf(path, sizeof(path), "cpu%u/online", id);
			text(cpu, path, "1");
		}
	}
}

/* A device without hardware below it: /sys/devices/virtual/CLASS/NAME, and the links to it. */
static void add_device(struct tree_node *root, const char *class, const char *name, u32 major, u32 minor, u32 mode)
{
	char path[64], value[96];
	ksnprintf(path, sizeof(path), "devices/virtual/%s/%s", class, name);
	struct tree_node *d = nodetree_dir(root, path);
	if (!d)
		return;
	ksnprintf(value, sizeof(value), "%u:%u", major, minor);
	text(d, "dev", value);
	if (mode)
		ksnprintf(value, sizeof(value), "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVMODE=0%o", major, minor, name, mode);
	else
		ksnprintf(value, sizeof(value), "MAJOR=%u\nMINOR=%u\nDEVNAME=%s", major, minor, name);
	text(d, "uevent", value);
	ksnprintf(value, sizeof(value), "../../../../class/%s", class);
	link(d, "subsystem", value);
	ksnprintf(path, sizeof(path), "class/%s/%s", class, name);
	ksnprintf(value, sizeof(value), "../../devices/virtual/%s/%s", class, name);
	link(root, path, value);
	ksnprintf(path, sizeof(path), "dev/char/%u:%u", major, minor);
	link(root, path, value);
}

static void number(struct tree_node *at, const char *path, u64 value)
{
	char buf[24];

	ksnprintf(buf, sizeof(buf), "%lu", value);
	text(at, path, buf);
}

/* What a disk hangs on, once for all of its disks. */
static void add_controller(struct tree_node *root, const struct disk_controller *c)
{
	char path[64], value[96];
	struct tree_node *at;

	ksnprintf(path, sizeof(path), "devices/virtual/%s/%s", c->class, c->name);
	at = nodetree_dir(root, path);
	if (!at)
		return;
	/* Fixed fields of the device: Linux shows them with their blanks. */
	ksnprintf(value, sizeof(value), "%-40s", c->model);
	text(at, "model", value);
	ksnprintf(value, sizeof(value), "%-20s", c->serial);
	text(at, "serial", value);
	ksnprintf(value, sizeof(value), "%-8s", c->firmware);
	text(at, "firmware_rev", value);
	ksnprintf(value, sizeof(value), "../../../../class/%s", c->class);
	link(at, "subsystem", value);
	ksnprintf(value, sizeof(value), "../../%s", path);
	ksnprintf(path, sizeof(path), "class/%s/%s", c->class, c->name);
	link(root, path, value);
}

/* What may change of a device: of a partition, when the table is read again. */
static int show_sectors(struct seq *s)
{
	const struct block_device *dev = s->arg;

	seq_printf(s, "%lu\n", dev->sectors);
	return 0;
}

static int show_start(struct seq *s)
{
	const struct block_device *dev = s->arg;

	seq_printf(s, "%lu\n", dev->start);
	return 0;
}

static int show_read_only(struct seq *s)
{
	seq_printf(s, "%u\n", block_device_read_only(s->arg));
	return 0;
}

static void changing(struct tree_node *at, const char *path, int (*show)(struct seq *s), struct block_device *dev)
{
	struct tree_node *n = nodetree_file(at, path, 0444, show, dev);

	if (n)
		n->size = 4096;
}

/* A disk or a partition: its folder is `at`, `path` from the root. */
static void add_block(struct tree_node *root, const char *path, struct block_device *dev)
{
	struct tree_node *at = nodetree_dir(root, path);
	u32 major = abi_major(dev->dev), minor = abi_minor(dev->dev);
	char where[96], value[128];

	if (!at)
		return;
	ksnprintf(value, sizeof(value), "%u:%u", major, minor);
	text(at, "dev", value);
	ksnprintf(value, sizeof(value), "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s", major, minor, dev->name, dev->number ? "partition" : "disk");
	text(at, "uevent", value);
	changing(at, "size", show_sectors, dev);
	changing(at, "ro", show_read_only, dev);
	link(at, "subsystem", dev->number ? "../../../../../class/block" : "../../../../class/block");
	ksnprintf(where, sizeof(where), "class/block/%s", dev->name);
	ksnprintf(value, sizeof(value), "../../%s", path);
	link(root, where, value);
	ksnprintf(where, sizeof(where), "dev/block/%u:%u", major, minor);
	link(root, where, value);
	if (dev->number) {
		number(at, "partition", dev->number);
		changing(at, "start", show_start, dev);
		return;
	}
	number(at, "removable", 0);
	/* Partitions that have numbers of the disk's own major. */
	number(at, "range", dev->disk->major ? dev->disk->minors : 0);
	number(at, "ext_range", 256);
	number(at, "diskseq", dev->disk->sequence);
	if (dev->disk->namespace_id)
		number(at, "nsid", dev->disk->namespace_id);
	if (dev->disk->controller) {
		ksnprintf(value, sizeof(value), "../../%s/%s", dev->disk->controller->class, dev->disk->controller->name);
		link(at, "device", value);
	}
	number(at, "queue/logical_block_size", dev->disk->logical_size);
	number(at, "queue/physical_block_size", dev->disk->physical_size);
	number(at, "queue/hw_sector_size", dev->disk->logical_size);
	number(at, "queue/rotational", 0);
	number(at, "queue/write_zeroes_max_bytes", dev->disk->max_zero * SECTOR_SIZE);
	number(at, "queue/fua", dev->disk->can_fua);
	text(at, "queue/write_cache", dev->disk->can_flush ? "write back" : "write through");
	number(at, "queue/discard_max_bytes", dev->disk->max_discard * SECTOR_SIZE);
	number(at, "queue/discard_granularity", dev->disk->max_discard ? dev->disk->logical_size : 0);
	ksnprintf(where, sizeof(where), "block/%s", dev->name);
	ksnprintf(value, sizeof(value), "../%s", path);
	link(root, where, value);
}

static void path_of_part(char path[64], const struct block_device *part)
{
	ksnprintf(path, 64, "devices/virtual/block/%s/%s", part->disk->name, part->name);
}

static void add_part(struct tree_node *root, struct block_device *part)
{
	char path[64];

	path_of_part(path, part);
	add_block(root, path, part);
}

/* A partition came or went after the start. What was told of it once is kept, and hidden as long as it is gone. */
static void part_changed(struct block_device *part)
{
	char path[64];
	bool gone = atomic_load(&part->gone);

	path_of_part(path, part);
	if (!nodetree_hide(root_node, path, gone)) {
		if (!gone)
			add_part(root_node, part);
		return;
	}
	ksnprintf(path, sizeof(path), "class/block/%s", part->name);
	nodetree_hide(root_node, path, gone);
	ksnprintf(path, sizeof(path), "dev/block/%u:%u", abi_major(part->dev), abi_minor(part->dev));
	nodetree_hide(root_node, path, gone);
}

static void add_disk(struct disk *d, void *root)
{
	struct block_device *part;
	char path[64];

	/* What is told here is told for good: a loop device without a file has nothing to tell. */
	if (!d->sectors)
		return;
	if (d->controller)
		add_controller(root, d->controller);
	ksnprintf(path, sizeof(path), "devices/virtual/block/%s", d->name);
	add_block(root, path, d->whole);
	list_for_each(part, &d->parts, part_link)
		add_part(root, part);
}

static const struct {
	const char *class, *name;
	u32 major, minor, mode;
} devices[] = {
	{ "mem", "null", 1, 3, 0666 }, { "mem", "zero", 1, 5, 0666 }, { "mem", "full", 1, 7, 0666 }, { "mem", "random", 1, 8, 0666 }, { "mem", "urandom", 1, 9, 0666 },
	{ "mem", "kmsg", 1, 11, 0644 }, { "tty", "tty", 5, 0, 0666 }, { "tty", "console", 5, 1, 0 }, { "tty", "ptmx", 5, 2, 0666 }, { "tty", "ttyS0", 4, 64, 0 },
	{ "tty", "tty0", 4, 0, 0 }, { "tty", "tty1", 4, 1, 0 },
};

static const char *const directories[] = {
	"block", "bus", "class/block", "class/net", "dev/block", "firmware", "fs/cgroup", "hypervisor", "kernel/mm", "kernel/debug", "kernel/security", "module",
	"power",
};

static struct superblock *sysfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *options);
FS_TYPE(sysfs, .name = "sysfs", .nodev = true, .magic = SYSFS_MAGIC, .mount = sysfs_mount);

static int sysfs_statfs(struct superblock *sb __unused, struct abi_statfs *st)
{
	st->type = SYSFS_MAGIC;
	st->bsize = st->frsize = 4096;
	st->namelen = NAME_MAX;
	return 0;
}

static const struct super_ops sysfs_super_ops = { .statfs = sysfs_statfs, .dentry_revalidate = nodetree_revalidate };

static struct superblock *sysfs_mount(const struct fs_type *t, const char *source __unused, u32 flags __unused, const char *options __unused)
{
	if (!root_node)
		return ERR_PTR(-ENODEV);
	struct superblock *sb = superblock_alloc(t);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->ops = &sysfs_super_ops;
	struct inode *i = nodetree_inode(sb, root_node);
	if (i)
		sb->root = dentry_make_root(i);
	if (!i || !sb->root) {
		superblock_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}

static int sysfs_init(void)
{
	struct tree_node *root = nodetree_create();
	if (!root)
		return -ENOMEM;
	root->by_mode_alone = true;
	nodetree_add_nodes(root, "sys:", NULL);
	add_cpus(root);
	add_node(root);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		add_device(root, devices[i].class, devices[i].name, devices[i].major, devices[i].minor, devices[i].mode);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		nodetree_dir(root, directories[i]);
	disk_for_each(add_disk, root);
	text(root, "kernel/ostype", "Linux");
	text(root, "kernel/uevent_seqnum", "0");
	text(root, "kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
	text(root, "power/state", "");
	root_node = root;
	block_device_changed = part_changed;
	return 0;
}
SUBSYSTEM(sysfs, .needs = "procfs virtio_blk nvme", .init = sysfs_init, .stage = "12-linux");
