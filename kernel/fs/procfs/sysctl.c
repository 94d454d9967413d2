/*
 * The numbers of /proc/sys: one table. Those that nobody heeds here are kept all the same: programs set them at start, read
 * them back, and judge the system by them. Values are those of a freshly started Linux.
 */
#include "lib/string.h"
#include "procfs_priv.h"

static struct parameter {
	const char *path;
	u64 value, least, most; /* least > most: cannot be written */
} parameters[] = {
#define CONST 1, 0
	{ "kernel/ngroups_max", 65536, CONST },
	{ "kernel/cap_last_cap", 40, CONST },
	{ "kernel/tainted", 0, 0, UINT32_MAX },
	{ "kernel/overflowuid", 65534, 0, 65535 },
	{ "kernel/overflowgid", 65534, 0, 65535 },
	{ "kernel/randomize_va_space", 2, 0, 2 },
	{ "kernel/panic", 0, 0, INT32_MAX },
	{ "kernel/panic_on_oops", 1, 0, 1 },
	{ "kernel/panic_on_warn", 0, 0, 1 },
	{ "kernel/kptr_restrict", 0, 0, 2 },
	{ "kernel/sysrq", 438, 0, 511 },
	{ "kernel/core_uses_pid", 0, 0, 1 },
	{ "kernel/core_pipe_limit", 0, 0, INT32_MAX },
	{ "kernel/ctrl-alt-del", 0, 0, 1 },
	{ "kernel/modules_disabled", 1, 1, 1 },
	{ "kernel/kexec_load_disabled", 1, 1, 1 },
	{ "kernel/print-fatal-signals", 0, 0, 1 },
	{ "kernel/printk_delay", 0, 0, 10000 },
	{ "kernel/printk_ratelimit", 5, 0, INT32_MAX },
	{ "kernel/printk_ratelimit_burst", 10, 0, INT32_MAX },
	{ "kernel/sched_autogroup_enabled", 1, 0, 1 },
	{ "kernel/sched_child_runs_first", 0, 0, 1 },
	{ "kernel/sched_rr_timeslice_ms", 100, 0, INT32_MAX },
	{ "kernel/sched_rt_period_us", 1000000, 1, INT32_MAX },
	{ "kernel/sched_rt_runtime_us", 950000, 0, INT32_MAX },
	{ "kernel/perf_event_paranoid", 3, 0, 4 },
	{ "kernel/unprivileged_bpf_disabled", 2, 0, 2 },
	{ "kernel/unprivileged_userns_clone", 1, 0, 1 },
	{ "kernel/hung_task_timeout_secs", 120, 0, INT32_MAX },
	{ "kernel/watchdog", 0, 0, 1 },
	{ "kernel/nmi_watchdog", 0, 0, 1 },
	{ "kernel/shm_rmid_forced", 0, 0, 1 },
	{ "kernel/pty/max", 4096, 0, 1048576 },
	{ "kernel/pty/reserve", 1024, 0, 1048576 },
	{ "kernel/random/entropy_avail", 256, CONST },
	{ "kernel/random/poolsize", 256, CONST },
	{ "kernel/random/urandom_min_reseed_secs", 60, 0, INT32_MAX },
	{ "kernel/random/write_wakeup_threshold", 256, 0, INT32_MAX },
	{ "vm/swappiness", 60, 0, 200 },
	{ "vm/dirty_ratio", 20, 0, 100 },
	{ "vm/dirty_bytes", 0, 0, UINT64_MAX },
	{ "vm/dirty_background_ratio", 10, 0, 100 },
	{ "vm/dirty_background_bytes", 0, 0, UINT64_MAX },
	{ "vm/dirty_writeback_centisecs", 500, 0, INT32_MAX },
	{ "vm/dirty_expire_centisecs", 3000, 0, INT32_MAX },
	{ "vm/dirtytime_expire_seconds", 43200, 0, INT32_MAX },
	{ "vm/laptop_mode", 0, 0, INT32_MAX },
	{ "vm/legacy_va_layout", 0, 0, 1 },
	{ "vm/min_free_kbytes", 1024, 0, INT32_MAX },
	{ "vm/drop_caches", 0, 1, 4 },
	{ "vm/compact_memory", 0, 1, 1 },
	{ "vm/panic_on_oom", 0, 0, 2 },
	{ "vm/oom_dump_tasks", 1, 0, 1 },
	{ "vm/oom_kill_allocating_task", 0, 0, 1 },
	{ "vm/overcommit_kbytes", 0, 0, UINT64_MAX },
	{ "vm/page-cluster", 3, 0, 31 },
	{ "vm/stat_interval", 1, 1, INT32_MAX },
	{ "vm/vfs_cache_pressure", 100, 0, INT32_MAX },
	{ "vm/nr_hugepages", 0, 0, 0 },
	{ "vm/nr_overcommit_hugepages", 0, 0, 0 },
	{ "vm/admin_reserve_kbytes", 8192, 0, UINT64_MAX },
	{ "vm/user_reserve_kbytes", 14443, 0, UINT64_MAX },
	{ "vm/mmap_rnd_bits", 28, 28, 32 },
	{ "vm/zone_reclaim_mode", 0, 0, 7 },
	{ "vm/unprivileged_userfaultfd", 0, 0, 1 },
	{ "fs/nr_open", 1048576, 64, 2147483584 },
	{ "fs/pipe-max-size", 1048576, 4096, 1ul << 31 },
	{ "fs/pipe-user-pages-soft", 16384, 0, UINT32_MAX },
	{ "fs/pipe-user-pages-hard", 0, 0, UINT32_MAX },
	{ "fs/suid_dumpable", 0, 0, 2 },
	{ "fs/protected_hardlinks", 1, 0, 1 },
	{ "fs/protected_symlinks", 1, 0, 1 },
	{ "fs/protected_fifos", 0, 0, 2 },
	{ "fs/protected_regular", 0, 0, 2 },
	{ "fs/inotify/max_user_instances", 128, 0, INT32_MAX },
	{ "fs/inotify/max_user_watches", 65536, 0, INT32_MAX },
	{ "fs/inotify/max_queued_events", 16384, 0, INT32_MAX },
	{ "fs/epoll/max_user_watches", 200000, 0, UINT32_MAX },
	{ "fs/mount-max", 100000, 1, UINT32_MAX },
	{ "fs/aio-max-nr", 65536, 0, UINT32_MAX },
	{ "fs/aio-nr", 0, CONST },
	{ "fs/dir-notify-enable", 0, 0, 1 },
	{ "fs/lease-break-time", 45, 0, INT32_MAX },
	{ "fs/leases-enable", 1, 0, 1 },
	{ "fs/overflowuid", 65534, 0, 65535 },
	{ "fs/overflowgid", 65534, 0, 65535 },
	{ "net/core/somaxconn", 4096, 0, INT32_MAX },
	{ "crypto/fips_enabled", 0, CONST },
	{ "dev/tty/legacy_tiocsti", 1, 0, 1 },
	{ "dev/tty/ldisc_autoload", 0, 0, 1 },
};

static int show_parameter(struct seq *s)
{
	const struct parameter *p = s->arg;
	seq_printf(s, "%lu\n", READ_ONCE(p->value));
	return 0;
}

ssize_t sysctl_store_number(const char *text, size_t len, u64 *value, u64 least, u64 most)
{
	const char *end;
	size_t blanks = 0;
	while (text[blanks] == ' ' || text[blanks] == '\t')
		blanks++;
	u64 v = parse_u64(text + blanks, &end, 10);
	if (end == text + blanks || (*end && *end != '\n' && *end != ' ' && *end != '\t') || v < least || v > most)
		return -EINVAL;
	WRITE_ONCE(*value, v);
	return (ssize_t)len;
}

static ssize_t store_parameter(void *arg, const char *text, size_t len)
{
	struct parameter *p = arg;
	return sysctl_store_number(text, len, &p->value, p->least, p->most);
}

void sysctl_build(struct tree_node *root)
{
	struct tree_node *sys = nodetree_dir(root, "sys");
	if (!sys)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		struct parameter *p = &parameters[i];
		bool constant = p->least > p->most;
		struct tree_node *n = nodetree_file(sys, p->path, constant ? 0444 : 0644, show_parameter, p);
		if (n && !constant)
			n->store_arg = store_parameter;
	}
}
