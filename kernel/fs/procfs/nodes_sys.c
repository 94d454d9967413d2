/*
 * /proc/sys: the kernel's parameters. Most are numbers in a table; those that can be written have a limit.
 */
#include "abi/stat.h"
#include "core/printk.h"
#include "core/random.h"
#include "file/file.h"
#include "lib/string.h"
#include "procfs_priv.h"

/* --- numbers --------------------------------------------------------------------------------------------------- */

/* A parameter that this kernel keeps for those who ask, but need not heed. */
#define PARAM_U64(ident, where, initial, least, most) \
	static u64 param_##ident = (initial); \
	static int show_##ident(struct seq *s) { seq_printf(s, "%lu\n", READ_ONCE(param_##ident)); return 0; } \
	static ssize_t store_##ident(const char *text, size_t len) { return store_number(text, len, &param_##ident, (least), (most)); } \
	NODE(ident, .path = "sys/" where, .mode = 0644, .show = show_##ident, .store = store_##ident)
#define CONSTANT(ident, where, text) \
	static int show_##ident(struct seq *s) { seq_puts(s, text "\n"); return 0; } \
	NODE(ident, .path = "sys/" where, .show = show_##ident)

static ssize_t store_number(const char *text, size_t len, u64 *value, u64 least, u64 most)
{
	const char *end;
	while (*text == ' ')
		text++, len--;
	u64 v = parse_u64(text, &end, 10);
	if (end == text || (*end && *end != '\n' && *end != ' ') || v < least || v > most)
		return -EINVAL;
	WRITE_ONCE(*value, v);
	return (ssize_t)len;
}

CONSTANT(ostype, "kernel/ostype", "Linux");
CONSTANT(ngroups_max, "kernel/ngroups_max", "65536");
CONSTANT(cap_last_cap, "kernel/cap_last_cap", "40");
CONSTANT(tainted, "kernel/tainted", "0");
CONSTANT(fips_enabled, "crypto/fips_enabled", "0");
CONSTANT(printk_devkmsg, "kernel/printk_devkmsg", "on");
CONSTANT(legacy_tiocsti, "dev/tty/legacy_tiocsti", "1");
PARAM_U64(pid_max, "kernel/pid_max", 32768, 301, 4194304);
PARAM_U64(threads_max, "kernel/threads-max", 32768, 20, 1000000);
PARAM_U64(overflowuid, "kernel/overflowuid", 65534, 0, 65535);
PARAM_U64(overflowgid, "kernel/overflowgid", 65534, 0, 65535);
PARAM_U64(randomize, "kernel/randomize_va_space", 2, 0, 2);
PARAM_U64(panic_seconds, "kernel/panic", 0, 0, 1000000);
PARAM_U64(panic_on_oops, "kernel/panic_on_oops", 1, 0, 1);
PARAM_U64(kptr_restrict, "kernel/kptr_restrict", 1, 0, 2);
PARAM_U64(sysrq, "kernel/sysrq", 0, 0, 511);
PARAM_U64(core_uses_pid, "kernel/core_uses_pid", 0, 0, 1);
PARAM_U64(ctrl_alt_del, "kernel/ctrl-alt-del", 0, 0, 1);
PARAM_U64(sched_autogroup, "kernel/sched_autogroup_enabled", 0, 0, 1);
PARAM_U64(perf_paranoid, "kernel/perf_event_paranoid", 2, 0, 4);
PARAM_U64(shmmax, "kernel/shmmax", 18446744073692774399ul, 0, UINT64_MAX);
PARAM_U64(shmall, "kernel/shmall", 18446744073692774399ul, 0, UINT64_MAX);
PARAM_U64(shmmni, "kernel/shmmni", 4096, 0, 32768);
PARAM_U64(msgmax, "kernel/msgmax", 8192, 0, INT32_MAX);
PARAM_U64(msgmnb, "kernel/msgmnb", 16384, 0, INT32_MAX);
PARAM_U64(msgmni, "kernel/msgmni", 32000, 0, 32768);
PARAM_U64(pty_max, "kernel/pty/max", 4096, 0, 1048576);
PARAM_U64(pty_reserve, "kernel/pty/reserve", 1024, 0, 1048576);
PARAM_U64(swappiness, "vm/swappiness", 60, 0, 200);
PARAM_U64(dirty_ratio, "vm/dirty_ratio", 20, 0, 100);
PARAM_U64(dirty_background_ratio, "vm/dirty_background_ratio", 10, 0, 100);
PARAM_U64(dirty_writeback, "vm/dirty_writeback_centisecs", 500, 0, 1000000);
PARAM_U64(dirty_expire, "vm/dirty_expire_centisecs", 3000, 0, 1000000);
PARAM_U64(min_free_kbytes, "vm/min_free_kbytes", 1024, 0, 1 << 30);
PARAM_U64(drop_caches, "vm/drop_caches", 0, 1, 4);
PARAM_U64(panic_on_oom, "vm/panic_on_oom", 0, 0, 2);
PARAM_U64(vfs_cache_pressure, "vm/vfs_cache_pressure", 100, 0, 10000);
PARAM_U64(nr_hugepages, "vm/nr_hugepages", 0, 0, 0);
PARAM_U64(nr_open, "fs/nr_open", 1048576, 64, 2147483584);
PARAM_U64(pipe_max_size, "fs/pipe-max-size", 1048576, 4096, 1ul << 31);
PARAM_U64(pipe_soft, "fs/pipe-user-pages-soft", 16384, 0, UINT32_MAX);
PARAM_U64(pipe_hard, "fs/pipe-user-pages-hard", 0, 0, UINT32_MAX);
PARAM_U64(suid_dumpable, "fs/suid_dumpable", 0, 0, 2);
PARAM_U64(protected_hardlinks, "fs/protected_hardlinks", 1, 0, 1);
PARAM_U64(protected_symlinks, "fs/protected_symlinks", 1, 0, 1);
PARAM_U64(protected_fifos, "fs/protected_fifos", 1, 0, 2);
PARAM_U64(protected_regular, "fs/protected_regular", 1, 0, 2);
PARAM_U64(inotify_instances, "fs/inotify/max_user_instances", 128, 0, INT32_MAX);
PARAM_U64(inotify_watches, "fs/inotify/max_user_watches", 65536, 0, INT32_MAX);
PARAM_U64(inotify_events, "fs/inotify/max_queued_events", 16384, 0, INT32_MAX);
PARAM_U64(epoll_watches, "fs/epoll/max_user_watches", 200000, 0, UINT32_MAX);
PARAM_U64(mount_max, "fs/mount-max", 100000, 1, UINT32_MAX);
PARAM_U64(aio_max_nr, "fs/aio-max-nr", 65536, 0, UINT32_MAX);
PARAM_U64(somaxconn, "net/core/somaxconn", 4096, 0, INT32_MAX);

/* --- texts ------------------------------------------------------------------------------------------------------ */

static int show_release(struct seq *s)
{
	seq_printf(s, "%s\n", kernel_release);
	return 0;
}
NODE(osrelease, .path = "sys/kernel/osrelease", .show = show_release);

static int show_kernel_version(struct seq *s)
{
	seq_printf(s, "%s\n", kernel_version);
	return 0;
}
NODE(kernel_version, .path = "sys/kernel/version", .show = show_kernel_version);

static ssize_t store_name(char name[65], const char *text, size_t len)
{
	size_t n = 0;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	while (n < 64 && text[n] && text[n] != '\n')
		n++;
	memcpy(name, text, n);
	name[n] = '\0';
	return (ssize_t)len;
}

static int show_hostname(struct seq *s)
{
	seq_printf(s, "%s\n", hostname);
	return 0;
}
static ssize_t store_hostname(const char *text, size_t len) { return store_name(hostname, text, len); }
NODE(hostname, .path = "sys/kernel/hostname", .mode = 0644, .show = show_hostname, .store = store_hostname);

static int show_domainname(struct seq *s)
{
	seq_printf(s, "%s\n", domainname);
	return 0;
}
static ssize_t store_domainname(const char *text, size_t len) { return store_name(domainname, text, len); }
NODE(domainname, .path = "sys/kernel/domainname", .mode = 0644, .show = show_domainname, .store = store_domainname);

/* Kept as text: where cores would go (none are written), the helpers that are never called. */
#define TEXT_PARAM(ident, where, initial) \
	static char text_##ident[128] = initial; \
	static int show_##ident(struct seq *s) { seq_printf(s, "%s\n", text_##ident); return 0; } \
	static ssize_t store_##ident(const char *text, size_t len) { return store_text(text_##ident, sizeof(text_##ident), text, len); } \
	NODE(ident, .path = "sys/" where, .mode = 0644, .show = show_##ident, .store = store_##ident)

static ssize_t store_text(char *out, size_t size, const char *text, size_t len)
{
	size_t n = 0;
	while (n < size - 1 && text[n] && text[n] != '\n')
		n++;
	memcpy(out, text, n);
	out[n] = '\0';
	return (ssize_t)len;
}
TEXT_PARAM(core_pattern, "kernel/core_pattern", "core");
TEXT_PARAM(modprobe, "kernel/modprobe", "/sbin/modprobe");
TEXT_PARAM(hotplug, "kernel/hotplug", "");
TEXT_PARAM(sem, "kernel/sem", "32000\t1024000000\t500\t32000");
TEXT_PARAM(ping_range, "net/ipv4/ping_group_range", "1\t0");

static int show_printk(struct seq *s)
{
	seq_printf(s, "%d\t4\t1\t7\n", console_loglevel);
	return 0;
}

static ssize_t store_printk(const char *text, size_t len)
{
	const char *end;
	u64 v = parse_u64(text, &end, 10);
	if (end == text || v > 8)
		return -EINVAL;
	console_loglevel = (int)v;
	return (ssize_t)len;
}
NODE(printk, .path = "sys/kernel/printk", .mode = 0644, .show = show_printk, .store = store_printk);

static void show_id(struct seq *s, const u8 id[16])
{
	for (int i = 0; i < 16; i++)
		seq_printf(s, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	seq_puts(s, "\n");
}

/* A random identifier of the form that RFC 4122 calls version 4. */
static void make_id(u8 id[16])
{
	random_bytes(id, 16);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
}

static int show_uuid(struct seq *s)
{
	u8 id[16];
	make_id(id);
	show_id(s, id);
	return 0;
}
NODE(random_uuid, .path = "sys/kernel/random/uuid", .show = show_uuid);

static int show_boot_id(struct seq *s)
{
	static u8 id[16];
	static struct spinlock lock = SPINLOCK_INIT("boot id", RANK_NONE);
	spin_lock(&lock);
	if (!id[6])
		make_id(id);
	spin_unlock(&lock);
	show_id(s, id);
	return 0;
}
NODE(boot_id, .path = "sys/kernel/random/boot_id", .show = show_boot_id);
CONSTANT(entropy_avail, "kernel/random/entropy_avail", "256");
CONSTANT(poolsize, "kernel/random/poolsize", "256");

static int show_file_nr(struct seq *s)
{
	seq_printf(s, "%lu\t0\t%lu\n", READ_ONCE(file_count), READ_ONCE(file_max));
	return 0;
}
NODE(file_nr, .path = "sys/fs/file-nr", .show = show_file_nr);

static int show_file_max(struct seq *s)
{
	seq_printf(s, "%lu\n", READ_ONCE(file_max));
	return 0;
}
static ssize_t store_file_max(const char *text, size_t len) { return store_number(text, len, &file_max, 64, UINT64_MAX); }
NODE(file_max, .path = "sys/fs/file-max", .mode = 0644, .show = show_file_max, .store = store_file_max);

static int show_pty_nr(struct seq *s)
{
	seq_puts(s, "0\n");
	return 0;
}
NODE(pty_nr, .path = "sys/kernel/pty/nr", .show = show_pty_nr);

/* A new process inherits how likely a victim it is. */
static void inherit(const struct fork_request *r, int *err)
{
	if (r->child != r->parent)
		r->child->oom_score_adj = r->parent->oom_score_adj;
}
NOTIFIER(process_fork, inherit);
