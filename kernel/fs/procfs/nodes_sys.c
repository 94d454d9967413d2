/* /proc/sys: parameters that are more than a number (those are in sysctl.c). */
#include "abi/stat.h"
#include "core/printk.h"
#include "core/random.h"
#include "file/file.h"
#include "lib/string.h"
#include "procfs_priv.h"
#include "tty/tty.h"

#define CONSTANT(ident, where, text) \
	static int show_##ident(struct seq *s) { seq_puts(s, text "\n"); return 0; } \
	NODE(ident, .path = "sys/" where, .show = show_##ident)

CONSTANT(ostype, "kernel/ostype", "Linux");
CONSTANT(arch, "kernel/arch", "x86_64");
CONSTANT(printk_devkmsg, "kernel/printk_devkmsg", "on");
CONSTANT(dentry_state, "fs/dentry-state", "0\t0\t45\t0\t0\t0");
CONSTANT(inode_nr, "fs/inode-nr", "0\t0");

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

static int show_file_nr(struct seq *s)
{
	seq_printf(s, "%lu\t0\t%lu\n", limit_used(&open_files), READ_ONCE(open_files.max));
	return 0;
}
NODE(file_nr, .path = "sys/fs/file-nr", .show = show_file_nr);

static int show_pty_nr(struct seq *s)
{
	seq_printf(s, "%lu\n", atomic_load(&pty_count));
	return 0;
}
NODE(pty_nr, .path = "sys/kernel/pty/nr", .show = show_pty_nr);

/* A new process inherits how likely a victim it is. */
static void inherit(const struct fork_request *r, int *err __unused)
{
	if (r->child != r->parent)
		r->child->oom_score_adj = r->parent->oom_score_adj;
}
NOTIFIER(process_fork, inherit);
