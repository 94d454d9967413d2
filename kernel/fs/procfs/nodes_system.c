/* /proc files about the machine and the system as a whole. What a lower stage knows best it shows itself, by NODE(). */
#include "abi/stat.h"
#include "abi/time.h"
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "lib/format.h"
#include "lib/string.h"
#include "linux/syslog.h"
#include "procfs_priv.h"
#include "sched/thread.h"
#include "time/time.h"

#define TICKS(ns) ((ns) / (NSEC_PER_SEC / USER_HZ))

static int show_version(struct seq *s)
{
	seq_printf(s, "Linux version %s (switchback@build) (%s) %s\n", kernel_release, __VERSION__, kernel_version);
	return 0;
}
NODE(version, .path = "version", .show = show_version);

static int show_cmdline_text(struct seq *s)
{
	seq_puts(s, boot_cmdline);
	seq_puts(s, "\n");
	return 0;
}
NODE(cmdline, .path = "cmdline", .show = show_cmdline_text);

static int show_modules(struct seq *s)
{
	(void)s; /* there are none, which `lsmod` wants to read */
	return 0;
}
NODE(modules, .path = "modules", .show = show_modules);

static u64 idle_ns(void)
{
	u64 sum = 0;
	for (u32 id = 0; id < cpu_count; id++) {
		struct sched_stats st;
		sched_cpu_stats(id, &st);
		sum += st.idle_ns;
	}
	return sum;
}

static int show_uptime(struct seq *s)
{
	u64 up = time_ns() / 10000000, idle = idle_ns() / 10000000;
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}
NODE(uptime, .path = "uptime", .show = show_uptime);

static u32 running_threads(void)
{
	u32 n = 0;
	for (u32 id = 0; id < cpu_count; id++) {
		struct sched_stats st;
		sched_cpu_stats(id, &st);
		n += st.runnable;
	}
	return n ? n : 1;
}

static int last_pid(void)
{
	int last = 0;
	spin_lock(&process_tree_lock);
	if (!list_empty(&process_list))
		last = list_last(&process_list, struct process, all_link)->pid;
	spin_unlock(&process_tree_lock);
	return last;
}

static int show_loadavg(struct seq *s)
{
	u64 avg[3];
	sched_load(avg);
	for (int i = 0; i < 3; i++) {
		u64 hundredths = (avg[i] * 100 + 32768) >> 16;
		seq_printf(s, "%lu.%02lu ", hundredths / 100, hundredths % 100);
	}
	seq_printf(s, "%u/%u %d\n", running_threads(), thread_total, last_pid());
	return 0;
}
NODE(loadavg, .path = "loadavg", .show = show_loadavg);

static void show_cpu_line(struct seq *s, const struct sched_stats *st)
{
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0 0 0 0\n", TICKS(st->user_ns), TICKS(st->nice_ns), TICKS(st->system_ns), TICKS(st->idle_ns), TICKS(st->irq_ns));
}

static int show_system_stat(struct seq *s)
{
	struct sched_stats sum = { 0 }, st;
	u64 irqs = 0;
	for (u32 id = 0; id < cpu_count; id++) {
		sched_cpu_stats(id, &st);
		sum.user_ns += st.user_ns;
		sum.nice_ns += st.nice_ns;
		sum.system_ns += st.system_ns;
		sum.idle_ns += st.idle_ns;
		sum.irq_ns += st.irq_ns;
		sum.switches += st.switches;
		irqs += cpus[id]->irqs;
	}
	seq_puts(s, "cpu  ");
	show_cpu_line(s, &sum);
	for (u32 id = 0; id < cpu_count; id++) {
		sched_cpu_stats(id, &st);
		seq_printf(s, "cpu%u ", id);
		show_cpu_line(s, &st);
	}
	seq_printf(s, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked 0\n", irqs, sum.switches, time_boot_realtime_ns() / NSEC_PER_SEC,
		   sched_total_forks(), running_threads());
	seq_puts(s, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}
NODE(stat, .path = "stat", .show = show_system_stat);

/* Bits of CPUID, by leaf and register, and Linux's names for them. */
static const struct {
	u32 leaf, reg, bit;
	const char *name;
} cpu_flags[] = {
	{ 1, 3, 0, "fpu" }, { 1, 3, 1, "vme" }, { 1, 3, 2, "de" }, { 1, 3, 3, "pse" }, { 1, 3, 4, "tsc" }, { 1, 3, 5, "msr" }, { 1, 3, 6, "pae" }, { 1, 3, 7, "mce" },
	{ 1, 3, 8, "cx8" }, { 1, 3, 9, "apic" }, { 1, 3, 11, "sep" }, { 1, 3, 12, "mtrr" }, { 1, 3, 13, "pge" }, { 1, 3, 14, "mca" }, { 1, 3, 15, "cmov" },
	{ 1, 3, 16, "pat" }, { 1, 3, 17, "pse36" }, { 1, 3, 19, "clflush" }, { 1, 3, 23, "mmx" }, { 1, 3, 24, "fxsr" }, { 1, 3, 25, "sse" }, { 1, 3, 26, "sse2" },
	{ 1, 3, 28, "ht" }, { 0x80000001, 3, 11, "syscall" }, { 0x80000001, 3, 20, "nx" }, { 0x80000001, 3, 26, "pdpe1gb" }, { 0x80000001, 3, 27, "rdtscp" },
	{ 0x80000001, 3, 29, "lm" }, { 1, 2, 0, "pni" }, { 1, 2, 1, "pclmulqdq" }, { 1, 2, 9, "ssse3" }, { 1, 2, 12, "fma" }, { 1, 2, 13, "cx16" }, { 1, 2, 17, "pcid" },
	{ 1, 2, 19, "sse4_1" }, { 1, 2, 20, "sse4_2" }, { 1, 2, 21, "x2apic" }, { 1, 2, 22, "movbe" }, { 1, 2, 23, "popcnt" }, { 1, 2, 25, "aes" }, { 1, 2, 26, "xsave" },
	{ 1, 2, 28, "avx" }, { 1, 2, 29, "f16c" }, { 1, 2, 30, "rdrand" }, { 1, 2, 31, "hypervisor" }, { 0x80000001, 2, 0, "lahf_lm" }, { 0x80000001, 2, 5, "abm" },
	{ 7, 1, 0, "fsgsbase" }, { 7, 1, 3, "bmi1" }, { 7, 1, 5, "avx2" }, { 7, 1, 7, "smep" }, { 7, 1, 8, "bmi2" }, { 7, 1, 9, "erms" }, { 7, 1, 10, "invpcid" },
	{ 7, 1, 18, "rdseed" }, { 7, 1, 19, "adx" }, { 7, 1, 20, "smap" }, { 7, 2, 2, "umip" }, { 7, 2, 3, "pku" }, { 7, 2, 22, "rdpid" }, { 7, 3, 4, "fsrm" },
};

static void show_cpu_flags(struct seq *s)
{
	u32 r[4], highest, highest_extended;
	cpuid(0, 0, r);
	highest = r[0];
	cpuid(0x80000000, 0, r);
	highest_extended = r[0];
	seq_puts(s, "flags\t\t:");
	for (size_t i = 0; i < ARRAY_SIZE(cpu_flags); i++) {
		u32 leaf = cpu_flags[i].leaf;
		if (leaf > (leaf & 0x80000000 ? highest_extended : highest))
			continue;
		cpuid(leaf, 0, r);
		if (r[cpu_flags[i].reg] >> cpu_flags[i].bit & 1)
			seq_printf(s, " %s", cpu_flags[i].name);
	}
	seq_puts(s, "\n");
}

static int show_cpuinfo(struct seq *s)
{
	u32 r[4], ext[4];
	u64 khz = tsc_hz / 1000;
	cpuid(1, 0, r);
	cpuid(0x80000008, 0, ext);
	u32 family = r[0] >> 8 & 15, model = r[0] >> 4 & 15;
	if (family == 15 || family == 6)
		model += (r[0] >> 16 & 15) << 4;
	if (family == 15)
		family += r[0] >> 20 & 255;
	const char *brand = cpu_brand;
	while (*brand == ' ')
		brand++;
	for (u32 id = 0; id < cpu_count; id++) {
		seq_printf(s, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\nmicrocode\t: 0x1000065\n", id, cpu_vendor, family, model, brand, r[0] & 15);
		seq_printf(s, "cpu MHz\t\t: %lu.%03lu\ncache size\t: 512 KB\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n", khz / 1000, khz % 1000,
			   cpu_count, id, cpu_count, cpus[id]->apic_id, cpus[id]->apic_id);
		seq_puts(s, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\n");
		show_cpu_flags(s);
		seq_printf(s, "bugs\t\t:\nbogomips\t: %lu.%02lu\n%sclflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
			   khz / 500, khz / 5 % 100, cpu_vendor[0] == 'A' ? "TLB size\t: 1024 4K pages\n" : "", ext[0] & 255, ext[0] >> 8 & 255);
	}
	return 0;
}
NODE(cpuinfo, .path = "cpuinfo", .show = show_cpuinfo);

static int show_filesystems(struct seq *s)
{
	LINKER_SET_FOREACH(fs_types, it)
		seq_printf(s, "%s\t%s\n", (*it)->nodev ? "nodev" : "", (*it)->name);
	return 0;
}
NODE(filesystems, .path = "filesystems", .show = show_filesystems);

static int show_devices(struct seq *s)
{
	seq_puts(s, "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 pts\n252 rtc\n\nBlock devices:\n");
	return 0;
}
NODE(devices, .path = "devices", .show = show_devices);

static int show_swaps(struct seq *s)
{
	seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}
NODE(swaps, .path = "swaps", .show = show_swaps);

static int show_vmstat(struct seq *s)
{
	struct mem_stats m;
	struct thread *t;
	u64 minor = 0, major = 0;
	mem_stats(&m);
	spin_lock(&thread_list_lock);
	list_for_each(t, &thread_list, all_link) {
		minor += t->min_faults;
		major += t->maj_faults;
	}
	spin_unlock(&thread_list_lock);
	seq_printf(s, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_file_pages %lu\nnr_dirty 0\nnr_writeback 0\nnr_slab_unreclaimable %lu\nnr_page_table_pages %lu\n", m.free, m.anon, m.cache,
		   m.slab, m.tables);
	seq_printf(s, "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %lu\npgmajfault %lu\noom_kill 0\n", minor + major, major);
	return 0;
}
NODE(vmstat, .path = "vmstat", .show = show_vmstat);

static int show_zoneinfo(struct seq *s)
{
	struct mem_stats m;
	mem_stats(&m);
	seq_printf(s, "Node 0, zone   Normal\n  pages free     %lu\n        spanned  %lu\n        present  %lu\n        managed  %lu\n", m.free, m.total, m.total, m.total);
	return 0;
}
NODE(zoneinfo, .path = "zoneinfo", .show = show_zoneinfo);

static int show_consoles(struct seq *s)
{
	struct console *c = console_preferred();
	if (c)
		seq_printf(s, "%-21s-W- (EC p a)    %s\n", c->name, strcmp(c->name, "ttyS0") == 0 ? "4:64" : "4:1");
	return 0;
}
NODE(consoles, .path = "consoles", .show = show_consoles);

static int show_tty_drivers(struct seq *s)
{
	seq_puts(s, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n/dev/console         /dev/console    5       1 system:console\n"
		    "/dev/ptmx            /dev/ptmx       5       2 system\n/dev/vc/0            /dev/vc/0       4       0 system:vtmaster\n"
		    "serial               /dev/ttyS       4 64-95 serial\npty_slave            /dev/pts      136 0-1048575 pty:slave\n"
		    "pty_master           /dev/ptm      128 0-1048575 pty:master\nunknown              /dev/tty        4 1-63 console\n");
	return 0;
}
NODE(tty_drivers, .path = "tty/drivers", .show = show_tty_drivers);

static int show_empty(struct seq *s __unused) { return 0; }
NODE(softirqs, .path = "softirqs", .show = show_empty);
NODE(iomem, .path = "iomem", .mode = 0400, .show = show_empty);
NODE(ioports, .path = "ioports", .mode = 0400, .show = show_empty);

NODE(misc, .path = "misc", .show = show_empty);

static int show_cgroups(struct seq *s)
{
	seq_puts(s, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
	return 0;
}
NODE(cgroups, .path = "cgroups", .show = show_cgroups);

/* /proc/kmsg: the log as a stream; each record is read once. */
static ssize_t kmsg_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	return syslog_read(to, !(f->flags & O_NONBLOCK));
}

static u32 kmsg_poll(struct file *f __unused, struct poll_table *pt __unused)
{
	return syslog_has_more() ? POLLIN | POLLRDNORM : 0;
}
const struct file_ops kmsg_file_ops = { .name = "kmsg", .read = kmsg_read, .poll = kmsg_poll };
