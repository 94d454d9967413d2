/* /proc/PID/stat and status: the figures of a process, or of one thread, in Linux's two forms. */
#include "abi/stat.h"
#include "abi/time.h"
#include "file/file.h"
#include "procfs_priv.h"
#include "proc/signal.h"
#include "tty/tty.h"

#define TICKS(ns) ((ns) / (NSEC_PER_SEC / USER_HZ))
#define KB(pages) ((u64)(pages) * (PAGE_SIZE / 1024))

/* What has to be read under the tree lock, read at once. */
struct family {
	int ppid, pgid, sid, threads, exit_status;
	u64 pending, shared_pending, blocked, ignored, caught;
	u32 queued;
};

static void family_of(struct process *p, struct thread *t, struct family *f)
{
	*f = (struct family){ 0 };
	spin_lock(&process_tree_lock);
	f->ppid = p->parent ? p->parent->pid : 0;
	f->pgid = p->pgroup ? p->pgroup->id : 0;
	f->sid = p->session ? p->session->id : 0;
	f->threads = p->zombie ? 1 : (int)p->thread_count;
	f->exit_status = p->zombie ? p->exit_status : 0;
	if (t->signal) {
		f->pending = t->signal->pending.set;
		f->blocked = t->signal->blocked;
	}
	if (p->signal)
		f->shared_pending = p->signal->pending.set;
	for (int i = 0; p->sighand && i < NSIG; i++) {
		u64 h = p->sighand->action[i].handler;
		f->ignored |= (u64)(h == SIG_IGN) << i;
		f->caught |= (u64)(h > SIG_IGN) << i;
	}
	spin_unlock(&process_tree_lock);
}

/* A zombie's times are in the process. */
static void times_of(struct process *p, struct thread *t, bool whole, u64 *user, u64 *system)
{
	if (whole) {
		process_times(p, user, system);
	} else {
		*user = t->user_ns;
		*system = t->system_ns;
	}
}

static bool is_whole(struct process *p, struct thread *t) { return t == p->leader; }

int show_stat(struct seq *s, struct process *p, struct thread *t)
{
	struct family f;
	struct aspace *as = process_aspace_get(p);
	bool whole = is_whole(p, t), secret = process_may_trace(t, false) != 0;
	u64 user, system, min = p->dead_min_faults, maj = p->dead_maj_faults;
	int tpgid;
	u64 tty = process_tty(p, &tpgid);
	family_of(p, t, &f);
	times_of(p, t, whole, &user, &system);
	int urgency = thread_urgency(t), prio = urgency ? -1 - urgency : 20 + t->nice;
	seq_printf(s, "%d (%s) %c %d %d %d %u %d %u ", whole ? p->pid : t->tid, t->name, whole ? process_state_char(p) : thread_state_char(t), f.ppid, f.pgid, f.sid,
		   (u32)tty, tpgid, 0x400000u | (p->did_exec ? 0 : 0x40u));
	seq_printf(s, "%lu %lu %lu %lu %lu %lu %ld %ld ", min + t->min_faults, p->children_min_faults, maj + t->maj_faults, p->children_maj_faults, TICKS(user), TICKS(system),
		   (long)TICKS(p->children_user_ns), (long)TICKS(p->children_system_ns));
	seq_printf(s, "%d %d %d 0 %lu %lu %ld %lu ", prio, t->nice, f.threads, TICKS(whole ? p->start_ns : t->start_ns), as ? as->total_pages << PAGE_SHIFT : 0,
		   as ? (long)aspace_rss(as) : 0, p->rlimits[RLIM_RSS].cur);
	bool show = as && !secret;
	seq_printf(s, "%lu %lu %lu 0 0 ", show ? as->code_start : as ? 1ul : 0, show ? as->code_end : as ? 1ul : 0, show ? as->stack_top : 0);
	seq_printf(s, "%lu %lu %lu %lu %d 0 0 %d %u %u %u 0 0 0 ", f.pending & 0x7fffffff, f.blocked & 0x7fffffff, f.ignored & 0x7fffffff, f.caught & 0x7fffffff,
		   whole ? process_state_char(p) != 'R' : thread_state_char(t) != 'R', whole ? p->exit_signal : -1, t->cpu, t->rt_priority, t->policy);
	seq_printf(s, "%lu %lu %lu %lu %lu %lu %lu %d\n", show ? as->data_start : 0, show ? as->data_end : 0, show ? as->brk_start : 0, show ? as->arg_start : 0,
		   show ? as->arg_end : 0, show ? as->env_start : 0, show ? as->env_end : 0, secret ? 0 : f.exit_status);
	if (as)
		aspace_put(as);
	return 0;
}

static const char *state_name(char c)
{
	return c == 'R' ? "running" : c == 'S' ? "sleeping" : c == 'D' ? "disk sleep" : c == 'T' ? "stopped" : c == 't' ? "tracing stop" : c == 'Z' ? "zombie" : "dead";
}

/* A name with the characters that would break the line escaped. */
static void show_name(struct seq *s, const char *name)
{
	for (; *name; name++)
		if (*name == '\n' || *name == '\\')
			seq_puts(s, *name == '\n' ? "\\n" : "\\\\");
		else
			seq_write(s, name, 1);
}

static void show_memory(struct seq *s, struct aspace *as)
{
	seq_printf(s, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t       0 kB\n", KB(MAX(as->peak_total, as->total_pages)), KB(as->total_pages), KB(as->locked_pages));
	seq_printf(s, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n", KB(MAX(as->peak_rss, aspace_rss(as))), KB(aspace_rss(as)),
		   KB(as->anon_rss), KB(as->file_rss), KB(as->shmem_rss));
	u64 exe = (ALIGN_UP(as->code_end, PAGE_SIZE) - ALIGN_DOWN(as->code_start, PAGE_SIZE)) >> PAGE_SHIFT;
	seq_printf(s, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t       0 kB\n", KB(as->data_pages), KB(as->stack_pages), KB(exe),
		   KB(as->exec_pages > exe ? as->exec_pages - exe : 0), KB(as->table_pages));
	seq_puts(s, "HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t1\n");
}

int show_status(struct seq *s, struct process *p, struct thread *t)
{
	struct family f;
	struct cred *c = cred_get_of(t);
	struct aspace *as = process_aspace_get(p);
	struct files *files = files_get_of(t);
	struct fs_context *fs = thread_fs_get(t);
	bool whole = is_whole(p, t);
	char state = whole ? process_state_char(p) : thread_state_char(t);
	int id = whole ? p->pid : t->tid;
	family_of(p, t, &f);
	seq_puts(s, "Name:\t");
	show_name(s, t->name);
	if (fs)
		seq_printf(s, "\nUmask:\t%04o", fs->umask);
	seq_printf(s, "\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", state, state_name(state), p->pid, id, f.ppid);
	if (c) {
		seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
		seq_printf(s, "FDSize:\t%u\nGroups:\t", files ? MAX((files_count(files) + 63) / 64 * 64, 64u) : 0);
		for (u32 i = 0; i < c->ngroups; i++)
			seq_printf(s, "%s%u", i ? " " : "", c->groups[i]);
		seq_puts(s, " ");
	}
	seq_printf(s, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p->pid, id, f.pgid, f.sid);
	if (as)
		show_memory(s, as);
	seq_printf(s, "Threads:\t%d\nSigQ:\t%u/%lu\n", f.threads, f.queued, p->rlimits[RLIM_SIGPENDING].cur);
	seq_printf(s, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", f.pending, f.shared_pending, f.blocked, f.ignored, f.caught);
	if (c)
		seq_printf(s, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%d\n", c->cap_inheritable, c->cap_permitted, c->cap_effective,
			   c->cap_bounding, c->cap_ambient, c->no_new_privs);
	seq_puts(s, "Seccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tnot vulnerable\nSpeculationIndirectBranch:\talways enabled\n");
	u64 all = cpu_count >= 64 ? ~0ul : (1ul << cpu_count) - 1;
	u64 allowed = t->affinity & all ? t->affinity & all : all;
	seq_printf(s, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", allowed);
	bool any = false;
	for (u32 i = 0; i < cpu_count; i++) {
		u32 last = i;
		if (!(allowed >> i & 1))
			continue;
		while (last + 1 < cpu_count && (allowed >> (last + 1) & 1))
			last++;
		seq_printf(s, last > i ? "%s%u-%u" : "%s%u", any ? "," : "", i, last);
		any = true;
		i = last;
	}
	seq_puts(s, "\nMems_allowed:\t");
	for (int i = 0; i < 31; i++)
		seq_puts(s, "00000000,");
	seq_printf(s, "00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", t->voluntary_switches, t->involuntary_switches);
	if (fs)
		fs_context_put(fs);
	if (files)
		files_put(files);
	if (as)
		aspace_put(as);
	if (c)
		cred_put(c);
	return 0;
}
