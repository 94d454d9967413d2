/*
 * The kernel's own strace: a line in the log for each call of a traced thread.
 *
 *   [pid 12 sh] openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
 *   [pid 12 sh] wait4(-1,  <unfinished ...>
 *   [pid 13 ls] write(1, "a  b\n", 5) = 5
 *   [pid 12 sh] <... wait4 resumed>[{exited 0}], 0, NULL) = 13
 *
 * Arguments that the call reads are printed before it, those that it fills in after it. A line is printed as a whole when
 * the call has come back; a call that takes longer than UNFINISHED_NS gets a line of its own at that time, by a timer, and
 * one that never comes back (exit, a successful exec) at once.
 *
 * A thread's buffer (thread->trace) belongs to the thread; the timer only reads it, between timer_start and
 * timer_cancel_sync. WORK_TRACE in thread->work sends the thread's calls through the router.
 */
#include "core/cmdline.h"
#include "core/printk.h"
#include "exec/exec.h"
#include "lib/format.h"
#include "lib/string.h"
#include "linux_priv.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "time/time.h"

#define UNFINISHED_NS (20 * NSEC_PER_MSEC)
#define LINE 440

struct thread_trace {
	struct timer timer;
	char text[LINE];    /* name and arguments so far */
	struct seq s;       /* over text */
	u32 nr;             /* the call */
	unsigned next_arg;
	int pid;
	char comm[16];
	bool printed;       /* the first half is out */
};

/* trace=: of whom. Set once at boot. */
static bool trace_all;
static int trace_pid;
static char trace_name[16];

static void cut(struct thread_trace *tt)
{
	size_t n = MIN(tt->s.len, sizeof(tt->text) - 1);
	tt->text[n] = '\0';
}

static void print_unfinished(struct timer *t)
{
	struct thread_trace *tt = t->arg;
	tt->printed = true;
	printk("[pid %d %s] %s <unfinished ...>\n", tt->pid, tt->comm, tt->text);
}

static struct thread_trace *buffer(void)
{
	struct thread_trace *tt = current->trace;
	if (!tt) {
		tt = kzalloc(sizeof(*tt), 0);
		if (!tt)
			return NULL;
		timer_init(&tt->timer, print_unfinished, tt);
		current->trace = tt;
	}
	return tt;
}

/* A call whose caller is never told: it ends, or becomes another program. */
static bool may_not_return(u32 nr) { return nr == NR_exit || nr == NR_exit_group; }

void trace_enter(u32 nr, const u64 args[6])
{
	const struct syscall_info *info = &syscall_infos[nr];
	struct thread_trace *tt = buffer();
	if (!tt)
		return;
	tt->s = (struct seq){ .buf = tt->text, .size = sizeof(tt->text) };
	tt->nr = nr;
	tt->pid = current->tid;
	memcpy(tt->comm, current->name, sizeof(tt->comm));
	tt->printed = false;
	seq_printf(&tt->s, "%s(", info->name);
	for (tt->next_arg = 0; tt->next_arg < info->args && info->arg_types[tt->next_arg] != SYSCALL_ARG_BUF; tt->next_arg++) {
		linux_trace_arg(&tt->s, nr, tt->next_arg, args, NULL);
		if (tt->next_arg + 1 < info->args)
			seq_puts(&tt->s, ", ");
	}
	cut(tt);
	if (may_not_return(nr)) {
		printk("[pid %d %s] %s) = ?\n", tt->pid, tt->comm, tt->text);
		tt->printed = true;
	} else {
		timer_start(&tt->timer, time_ns() + UNFINISHED_NS);
	}
}

void trace_exit(u32 nr, const u64 args[6], long ret)
{
	const struct syscall_info *info = &syscall_infos[nr];
	struct thread_trace *tt = current->trace;
	if (!tt)
		return;
	timer_cancel_sync(&tt->timer);
	if (tt->printed) {
		tt->s.len = 0;
		seq_printf(&tt->s, "<... %s resumed>", info->name);
	}
	for (; tt->next_arg < info->args; tt->next_arg++) {
		linux_trace_arg(&tt->s, nr, tt->next_arg, args, &ret);
		if (tt->next_arg + 1 < info->args)
			seq_puts(&tt->s, ", ");
	}
	seq_puts(&tt->s, ")");
	cut(tt);

	char result[48];
	struct seq s = { .buf = result, .size = sizeof(result) };
	decode_result(&s, nr, ret);
	result[MIN(s.len, sizeof(result) - 1)] = '\0';
	printk("[pid %d %s] %s = %s\n", tt->pid, tt->comm, tt->text, result);
}

void trace_unknown(u32 nr, const u64 args[6])
{
	printk("[pid %d %s] syscall_%u(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx) = -1 ENOSYS\n", current->tid, current->name, nr, args[0], args[1], args[2], args[3], args[4],
	       args[5]);
}

static void thread_ends(struct thread *t)
{
	struct thread_trace *tt = t->trace;
	if (!tt)
		return;
	timer_cancel_sync(&tt->timer);
	if (tt->nr == NR_execve || tt->nr == NR_execveat)
		return; /* only its old program ends */
	t->trace = NULL;
	kfree(tt);
}
NOTIFIER(thread_exiting, thread_ends);

static void set_thread(struct thread *t, bool on)
{
	if (on)
		atomic_fetch_or(&t->work, (u32)WORK_TRACE);
	else
		atomic_fetch_and(&t->work, ~(u32)WORK_TRACE);
}

void trace_set(struct process *p, bool on)
{
	struct thread *t;
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, process_link)
		set_thread(t, on);
	spin_unlock(&process_tree_lock);
}

bool trace_get(struct process *p)
{
	bool on = false;
	struct thread *t;
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, process_link)
		on |= (atomic_load_relaxed(&t->work) & WORK_TRACE) != 0;
	spin_unlock(&process_tree_lock);
	return on;
}

static void fork_traced(const struct fork_request *r, int *err __unused)
{
	bool inherit = r->parent_thread && (atomic_load_relaxed(&r->parent_thread->work) & WORK_TRACE);
	if (inherit || trace_all || (trace_pid && r->child->pid == trace_pid))
		set_thread(r->thread, true);
}
NOTIFIER(process_fork, fork_traced);

static bool asked_for(const struct process *p, const char *name)
{
	return trace_all || (trace_pid && p->pid == trace_pid) || (trace_name[0] && strcmp(name, trace_name) == 0);
}

/* The first process comes from no fork and no execve. */
static void first_traced(struct process *p, int *err __unused)
{
	if (asked_for(p, p->leader->name))
		set_thread(p->leader, true);
}
NOTIFIER(process_first, first_traced);

static void exec_traced(struct process *p)
{
	if (asked_for(p, current->name))
		trace_set(p, true);
}
NOTIFIER(process_exec_done, exec_traced);

void trace_init(void)
{
	char text[32];
	const char *end;
	if (cmdline_get("trace", text, sizeof(text)) < 0)
		return;
	u64 pid = parse_u64(text, &end, 10);
	if (strcmp(text, "all") == 0)
		trace_all = true;
	else if (end != text && !*end)
		trace_pid = (int)pid;
	else
		strlcpy(trace_name, text, sizeof(trace_name));
}
