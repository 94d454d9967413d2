/* The table of what is in /proc/PID, and its short files. */
#include "abi/stat.h"
#include "core/ksyms.h"
#include "lib/string.h"
#include "linux/linux.h"
#include "procfs_priv.h"
#include "proc/signal.h"

static int show_comm(struct seq *s, struct process *p __unused, struct thread *t)
{
	seq_printf(s, "%s\n", t->name);
	return 0;
}

static ssize_t store_comm(struct process *p __unused, struct thread *t, const char *text, size_t len)
{
	if (t->process != current->process)
		return -EINVAL;
	size_t n = 0;
	while (n < len && n < sizeof(t->name) - 1) /* the newline of echo too, as Linux has it */
		n++;
	memcpy(t->name, text, n);
	t->name[n] = '\0';
	return (ssize_t)len;
}

static int show_limits(struct seq *s, struct process *p, struct thread *t __unused)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_COUNT] = {
		{ "Max cpu time", "seconds" }, { "Max file size", "bytes" }, { "Max data size", "bytes" }, { "Max stack size", "bytes" }, { "Max core file size", "bytes" },
		{ "Max resident set", "bytes" }, { "Max processes", "processes" }, { "Max open files", "files" }, { "Max locked memory", "bytes" },
		{ "Max address space", "bytes" }, { "Max file locks", "locks" }, { "Max pending signals", "signals" }, { "Max msgqueue size", "bytes" },
		{ "Max nice priority", "" }, { "Max realtime priority", "" }, { "Max realtime timeout", "us" },
	};
	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; i < RLIM_COUNT; i++) {
		struct rlimit l = p->rlimits[i];
		seq_printf(s, "%-25s ", names[i].name);
		if (l.cur == RLIM_INFINITY_)
			seq_printf(s, "%-20s ", "unlimited");
		else
			seq_printf(s, "%-20lu ", l.cur);
		if (l.max == RLIM_INFINITY_)
			seq_printf(s, "%-20s ", "unlimited");
		else
			seq_printf(s, "%-20lu ", l.max);
		seq_printf(s, *names[i].unit ? "%-10s\n" : "\n", names[i].unit);
	}
	return 0;
}

static int show_io(struct seq *s, struct process *p, struct thread *t __unused)
{
	seq_printf(s, "rchar: %lu\nwchar: %lu\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n", p->read_bytes, p->write_bytes);
	return 0;
}

/*
 * Badness for the out-of-memory killer, as Linux tells it: resident memory in thousandths of all memory, moved by oom_score_adj, of
 * -1000 to 2000, brought to 0 to 2000 with the usual process at 666. Who may not be killed has 0.
 */
static int show_oom_score(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct mem_stats m;
	struct aspace *as = process_aspace_get(p);
	long adj = READ_ONCE(p->oom_score_adj);
	mem_stats(&m);
	long points = as && m.total ? (long)(aspace_rss(as) * 1000 / m.total) + adj : 0;
	seq_printf(s, "%ld\n", !as || adj == -1000 ? 0 : (1000 + points) * 2 / 3);
	if (as)
		aspace_put(as);
	return 0;
}

static int show_zero(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_puts(s, "0\n");
	return 0;
}

static int show_oom_adj(struct seq *s, struct process *p, struct thread *t __unused)
{
	seq_printf(s, "%d\n", READ_ONCE(p->oom_score_adj));
	return 0;
}

/* Anybody may make a process a likelier victim; only CAP_SYS_RESOURCE may protect one. */
static ssize_t store_oom_adj(struct process *p, struct thread *t __unused, const char *text, size_t len)
{
	bool negative = *text == '-';
	const char *end;
	u64 v = parse_u64(text + negative, &end, 10);
	if (end == text + negative || (*end && *end != '\n') || v > 1000)
		return -EINVAL;
	int adj = negative ? -(int)v : (int)v;
	if (adj < p->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	WRITE_ONCE(p->oom_score_adj, (s16)adj);
	return (ssize_t)len;
}

static int show_wchan(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_puts(s, "0");
	return 0;
}

static int show_cgroup(struct seq *s __unused, struct process *p __unused, struct thread *t __unused)
{
	return 0; /* none is mounted */
}

/* -1: no login was recorded. */
static int show_unset(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_printf(s, "%u", UINT32_MAX);
	return 0;
}

static int show_personality(struct seq *s, struct process *p, struct thread *t __unused)
{
	seq_printf(s, "%08x\n", p->personality);
	return 0;
}

static int show_syscall(struct seq *s, struct process *p __unused, struct thread *t)
{
	if (t != current && t->state == THREAD_RUNNABLE) {
		seq_puts(s, "running\n");
		return 0;
	}
	const struct trapframe *f = thread_user_frame(t);
	if (f->vector == VECTOR_SYSCALL || f->vector == VECTOR_INT80)
		seq_printf(s, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n", (long)f->error, f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9, f->rsp, f->rip);
	else
		seq_printf(s, "-1 0x%lx 0x%lx\n", f->rsp, f->rip);
	return 0;
}

static int show_schedstat(struct seq *s, struct process *p __unused, struct thread *t)
{
	seq_printf(s, "%lu 0 %lu\n", t->runtime_ns, t->voluntary_switches + t->involuntary_switches);
	return 0;
}

static int show_sched(struct seq *s, struct process *p, struct thread *t)
{
	seq_printf(s, "%s (%d, #threads: %u)\n-------------------------------------------------------------------\n", t->name, t->tid, p->thread_count);
	seq_printf(s, "se.exec_start                                : %20lu.%06lu\n", t->exec_start / 1000000, t->exec_start % 1000000);
	seq_printf(s, "se.vruntime                                  : %20lu.%06lu\n", t->vruntime / 1000000, t->vruntime % 1000000);
	seq_printf(s, "se.sum_exec_runtime                          : %20lu.%06lu\n", t->runtime_ns / 1000000, t->runtime_ns % 1000000);
	seq_printf(s, "nr_switches                                  : %20lu\n", t->voluntary_switches + t->involuntary_switches);
	seq_printf(s, "nr_voluntary_switches                        : %20lu\n", t->voluntary_switches);
	seq_printf(s, "nr_involuntary_switches                      : %20lu\n", t->involuntary_switches);
	seq_printf(s, "policy                                       : %20u\nprio                                         : %20d\n", t->policy, 120 + t->nice);
	return 0;
}

static int show_id_map(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_printf(s, "%10u %10u %10u\n", 0u, 0u, UINT32_MAX);
	return 0;
}

static int show_setgroups(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_puts(s, "allow\n");
	return 0;
}

static int show_trace(struct seq *s, struct process *p, struct thread *t __unused)
{
	seq_printf(s, "%d\n", trace_get(p));
	return 0;
}

static ssize_t store_trace(struct process *p, struct thread *t, const char *text, size_t len)
{
	int err = process_may_trace(t, false);
	if (err)
		return err;
	if (*text != '0' && *text != '1')
		return -EINVAL;
	trace_set(p, *text == '1');
	return (ssize_t)len;
}

static int show_timerslack(struct seq *s, struct process *p, struct thread *t __unused)
{
	if (p != current->process && !capable(CAP_SYS_NICE))
		return -EPERM;
	seq_printf(s, "%lu\n", READ_ONCE(p->signal->timer_slack));
	return 0;
}

static ssize_t store_timerslack(struct process *p, struct thread *t __unused, const char *text, size_t len)
{
	const char *end;
	u64 ns = parse_u64(text, &end, 10);
	if (end == text || (*end && *end != '\n'))
		return -EINVAL;
	if (p != current->process && !capable(CAP_SYS_NICE))
		return -EPERM;
	WRITE_ONCE(p->signal->timer_slack, ns ? ns : p->signal->default_timer_slack);
	return (ssize_t)len;
}

static int show_coredump_filter(struct seq *s, struct process *p __unused, struct thread *t __unused)
{
	seq_puts(s, "00000033\n");
	return 0;
}

static int show_children(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct process *child;
	spin_lock(&process_tree_lock);
	list_for_each(child, &p->children, sibling)
		seq_printf(s, "%d ", child->pid);
	spin_unlock(&process_tree_lock);
	return 0;
}

#define R S_IFREG
const struct pid_entry pid_entries[] = {
	{ "task", S_IFDIR | 0555, IN_PROCESS, .ops = &task_dir_inode_ops, .fops = &task_dir_ops },
	{ "fd", S_IFDIR | 0500, IN_BOTH, .secret = true, .ops = &fd_dir_inode_ops, .fops = &fd_dir_ops },
	{ "fdinfo", S_IFDIR | 0555, IN_BOTH, .secret = true, .ops = &fdinfo_dir_inode_ops, .fops = &fdinfo_dir_ops },
	{ "ns", S_IFDIR | 0511, IN_BOTH, .secret = true, .ops = &ns_dir_inode_ops, .fops = &ns_dir_ops },
	{ "net", S_IFDIR | 0555, IN_BOTH, .tree = &net_node },
	{ "environ", R | 0400, IN_BOTH, .secret = true, .show = show_environ },
	{ "auxv", R | 0400, IN_BOTH, .secret = true, .show = show_auxv },
	{ "status", R | 0444, IN_BOTH, .show = show_status },
	{ "personality", R | 0400, IN_BOTH, .secret = true, .show = show_personality },
	{ "limits", R | 0444, IN_BOTH, .show = show_limits },
	{ "sched", R | 0644, IN_BOTH, .show = show_sched },
	{ "comm", R | 0644, IN_BOTH, .show = show_comm, .store = store_comm },
	{ "syscall", R | 0400, IN_BOTH, .secret = true, .show = show_syscall },
	{ "cmdline", R | 0444, IN_BOTH, .show = show_cmdline },
	{ "stat", R | 0444, IN_BOTH, .show = show_stat },
	{ "statm", R | 0444, IN_BOTH, .show = show_statm },
	{ "maps", R | 0444, IN_BOTH, .secret = true, .show = show_maps },
	{ "children", R | 0444, IN_TASK, .show = show_children },
	{ "mem", R | 0600, IN_BOTH, .secret = true, .fops = &mem_file_ops },
	{ "cwd", S_IFLNK | 0777, IN_BOTH, .ops = &cwd_link_ops },
	{ "root", S_IFLNK | 0777, IN_BOTH, .ops = &root_link_ops },
	{ "exe", S_IFLNK | 0777, IN_BOTH, .ops = &exe_link_ops },
	{ "mounts", R | 0444, IN_BOTH, .show = show_mounts, .fops = &mounts_file_ops },
	{ "mountinfo", R | 0444, IN_BOTH, .show = show_mountinfo, .fops = &mounts_file_ops },
	{ "mountstats", R | 0400, IN_PROCESS, .show = show_mountstats, .fops = &mounts_file_ops },
	{ "smaps", R | 0444, IN_BOTH, .secret = true, .show = show_smaps },
	{ "smaps_rollup", R | 0444, IN_BOTH, .secret = true, .show = show_smaps_rollup },
	{ "wchan", R | 0444, IN_BOTH, .show = show_wchan },
	{ "schedstat", R | 0444, IN_BOTH, .show = show_schedstat },
	{ "cgroup", R | 0444, IN_BOTH, .show = show_cgroup },
	{ "oom_score", R | 0444, IN_BOTH, .show = show_oom_score },
	{ "oom_adj", R | 0644, IN_BOTH, .show = show_zero },
	{ "oom_score_adj", R | 0644, IN_BOTH, .show = show_oom_adj, .store = store_oom_adj },
	{ "loginuid", R | 0644, IN_BOTH, .show = show_unset },
	{ "sessionid", R | 0444, IN_BOTH, .show = show_unset },
	{ "coredump_filter", R | 0644, IN_PROCESS, .show = show_coredump_filter },
	{ "io", R | 0400, IN_BOTH, .secret = true, .show = show_io },
	{ "uid_map", R | 0644, IN_BOTH, .show = show_id_map },
	{ "gid_map", R | 0644, IN_BOTH, .show = show_id_map },
	{ "projid_map", R | 0644, IN_BOTH, .show = show_id_map },
	{ "setgroups", R | 0644, IN_BOTH, .show = show_setgroups },
	{ "timerslack_ns", R | 0666, IN_PROCESS, .show = show_timerslack, .store = store_timerslack },
	{ "trace", R | 0600, IN_BOTH, .show = show_trace, .store = store_trace },
#if DEBUG
	{ "fail-nth", R | 0600, IN_BOTH, .secret = true, .fops = &fail_nth_file_ops },
#endif
	{ .name = NULL },
};
