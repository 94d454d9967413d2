/*
 * The numbers of /proc/sys: one table. Those that nobody heeds here (most) are kept all the same: programs set them at start, read
 * them back, and judge the system by them. Values are those of a freshly started Linux.
 */
#include "block/block.h"
#include "exec/exec.h"
#include "file/file.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "procfs_priv.h"
#include "socket/socket.h"
#include "tty/tty.h"

static struct parameter {
	const char *path;
	u64 *value;      /* the kernel's own, or one that is only kept */
	u64 least, most; /* least > most: cannot be written */
} parameters[] = {
#define CONST 1, 0
#define KEPT(v) (&(u64){ v })
	{ "kernel/ngroups_max", KEPT(65536), CONST },
	{ "kernel/cap_last_cap", KEPT(40), CONST },
	{ "kernel/tainted", KEPT(0), 0, UINT32_MAX },
	{ "kernel/pid_max", &tid_limit, 301, TID_MAX },
	{ "kernel/threads-max", &threads_max, 20, 1000000 },
	{ "kernel/overflowuid", KEPT(65534), 0, 65535 },
	{ "kernel/overflowgid", KEPT(65534), 0, 65535 },
	{ "kernel/randomize_va_space", &exec_randomize, 0, INT32_MAX },
	{ "kernel/panic", KEPT(0), 0, INT32_MAX },
	{ "kernel/panic_on_oops", KEPT(1), 0, 1 },
	{ "kernel/panic_on_warn", KEPT(0), 0, 1 },
	{ "kernel/kptr_restrict", KEPT(0), 0, 2 },
	{ "kernel/sysrq", KEPT(438), 0, 511 },
	{ "kernel/core_uses_pid", KEPT(0), 0, 1 },
	{ "kernel/core_pipe_limit", KEPT(0), 0, INT32_MAX },
	{ "kernel/ctrl-alt-del", KEPT(0), 0, 1 },
	{ "kernel/modules_disabled", KEPT(1), 1, 1 },
	{ "kernel/kexec_load_disabled", KEPT(1), 1, 1 },
	{ "kernel/print-fatal-signals", KEPT(0), 0, 1 },
	{ "kernel/printk_delay", KEPT(0), 0, 10000 },
	{ "kernel/printk_ratelimit", KEPT(5), 0, INT32_MAX },
	{ "kernel/printk_ratelimit_burst", KEPT(10), 0, INT32_MAX },
	{ "kernel/sched_autogroup_enabled", KEPT(1), 0, 1 },
	{ "kernel/sched_child_runs_first", KEPT(0), 0, 1 },
	{ "kernel/sched_rr_timeslice_ms", KEPT(100), 0, INT32_MAX },
	{ "kernel/sched_rt_period_us", KEPT(1000000), 1, INT32_MAX },
	{ "kernel/sched_rt_runtime_us", KEPT(950000), 0, INT32_MAX },
	{ "kernel/perf_event_paranoid", KEPT(3), 0, 4 },
	{ "kernel/unprivileged_bpf_disabled", KEPT(2), 0, 2 },
	{ "kernel/unprivileged_userns_clone", KEPT(1), 0, 1 },
	{ "kernel/hung_task_timeout_secs", KEPT(120), 0, INT32_MAX },
	{ "kernel/watchdog", KEPT(0), 0, 1 },
	{ "kernel/nmi_watchdog", KEPT(0), 0, 1 },
	{ "kernel/shm_rmid_forced", KEPT(0), 0, 0 }, /* segments always outlive who made them */
	{ "kernel/pty/max", &pty_limit, 0, 1048576 },
	{ "kernel/pty/reserve", KEPT(1024), 0, 1048576 },
	{ "kernel/random/entropy_avail", KEPT(256), CONST },
	{ "kernel/random/poolsize", KEPT(256), CONST },
	{ "kernel/random/urandom_min_reseed_secs", KEPT(60), 0, INT32_MAX },
	{ "kernel/random/write_wakeup_threshold", KEPT(256), 0, INT32_MAX },
	{ "vm/swappiness", KEPT(60), 0, 200 },
	{ "vm/dirty_ratio", &writeback_settings.limit_percent, 0, 100 },
	{ "vm/dirty_bytes", &writeback_settings.limit_bytes, 2 * PAGE_SIZE, UINT64_MAX },
	{ "vm/dirty_background_ratio", &writeback_settings.background_percent, 0, 100 },
	{ "vm/dirty_background_bytes", &writeback_settings.background_bytes, 1, UINT64_MAX },
	{ "vm/dirty_writeback_centisecs", &writeback_settings.period_cs, 0, INT32_MAX },
	{ "vm/dirty_expire_centisecs", &writeback_settings.old_cs, 0, INT32_MAX },
	{ "vm/dirtytime_expire_seconds", KEPT(43200), 0, INT32_MAX },
	{ "vm/laptop_mode", KEPT(0), 0, INT32_MAX },
	{ "vm/legacy_va_layout", KEPT(0), 0, 1 },
	{ "vm/min_free_kbytes", KEPT(1024), 0, INT32_MAX },
	{ "vm/compact_memory", KEPT(0), 1, 1 },
	{ "vm/panic_on_oom", KEPT(0), 0, 0 },
	{ "vm/oom_dump_tasks", KEPT(1), 0, 1 },
	{ "vm/oom_kill_allocating_task", &oom_kill_caller, 0, 1 },
	{ "vm/overcommit_kbytes", KEPT(0), 0, UINT64_MAX },
	{ "vm/page-cluster", KEPT(3), 0, 31 },
	{ "vm/stat_interval", KEPT(1), 1, INT32_MAX },
	{ "vm/vfs_cache_pressure", KEPT(100), 0, INT32_MAX },
	{ "vm/nr_hugepages", KEPT(0), 0, 0 },
	{ "vm/nr_overcommit_hugepages", KEPT(0), 0, 0 },
	{ "vm/admin_reserve_kbytes", KEPT(8192), 0, UINT64_MAX },
	{ "vm/user_reserve_kbytes", KEPT(14443), 0, UINT64_MAX },
	{ "vm/mmap_rnd_bits", KEPT(28), 28, 32 },
	{ "vm/zone_reclaim_mode", KEPT(0), 0, 7 },
	{ "vm/unprivileged_userfaultfd", KEPT(0), 0, 1 },
	{ "fs/file-max", &open_files.max, 64, UINT64_MAX },
	{ "fs/nr_open", &files_limit, 64, 2147483584 },
	{ "fs/suid_dumpable", KEPT(0), 0, 2 },
	{ "fs/protected_hardlinks", &protected_hardlinks, 0, 1 },
	{ "fs/protected_symlinks", &protected_symlinks, 0, 1 },
	{ "fs/protected_fifos", &protected_fifos, 0, 2 },
	{ "fs/protected_regular", &protected_regular, 0, 2 },
	{ "fs/mount-max", &mounts_max, 1, UINT32_MAX },
	{ "fs/aio-max-nr", KEPT(65536), 0, UINT32_MAX },
	{ "fs/aio-nr", KEPT(0), CONST },
	{ "fs/dir-notify-enable", KEPT(0), 0, 1 },
	{ "fs/lease-break-time", KEPT(45), 0, INT32_MAX },
	{ "fs/leases-enable", KEPT(1), 0, 1 },
	{ "fs/overflowuid", KEPT(65534), 0, 65535 },
	{ "fs/overflowgid", KEPT(65534), 0, 65535 },
	{ "net/core/somaxconn", &socket_backlog_max, 0, INT32_MAX },
	{ "crypto/fips_enabled", KEPT(0), CONST },
	{ "dev/tty/ldisc_autoload", KEPT(0), 0, 1 },
};

/* Two that say the same in different units: the second is 0 from the moment on that the first is set. */
static u64 *const twins[][2] = {
	{ &writeback_settings.limit_percent, &writeback_settings.limit_bytes },
	{ &writeback_settings.limit_bytes, &writeback_settings.limit_percent },
	{ &writeback_settings.background_percent, &writeback_settings.background_bytes },
	{ &writeback_settings.background_bytes, &writeback_settings.background_percent },
};

static int show_parameter(struct seq *s)
{
	const struct parameter *p = s->arg;
	seq_printf(s, "%lu\n", READ_ONCE(*p->value));
	return 0;
}

static ssize_t store_parameter(void *arg, const char *text, size_t len)
{
	struct parameter *p = arg;
	const char *end;
	size_t blanks = 0;
	while (text[blanks] == ' ' || text[blanks] == '\t')
		blanks++;
	u64 v = parse_u64(text + blanks, &end, 10);
	if (end == text + blanks || (*end && *end != '\n' && *end != ' ' && *end != '\t') || v < p->least || v > p->most)
		return -EINVAL;
	WRITE_ONCE(*p->value, v);
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++)
		if (twins[i][0] == p->value)
			WRITE_ONCE(*twins[i][1], 0);
	return (ssize_t)len;
}

/* 1 are the pages, 2 the names and inodes: all goes for either. 4 alone is about a message. */
static struct parameter drop_caches = { "vm/drop_caches", KEPT(0), 1, 4 };

static ssize_t store_drop_caches(void *arg, const char *text, size_t len)
{
	ssize_t n = store_parameter(arg, text, len);

	if (n >= 0 && *drop_caches.value & 3)
		frame_reclaim_all();
	return n;
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
	struct tree_node *drop = nodetree_file(sys, drop_caches.path, 0200, show_parameter, &drop_caches);
	if (drop)
		drop->store_arg = store_drop_caches;
}
